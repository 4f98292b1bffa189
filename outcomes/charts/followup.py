"""Figures of what became of a cohort: plain dicts, colours as token names, each with its numbers as a table."""

from engine.change import MeanChange
from engine.status import CONFIRM_DAYS, LANDMARK_DAYS, LOWEST_IMPROVABLE, STEP, STEP_UP_FROM_ZERO
from engine.survival import Estimate, KaplanMeier
from engine.types import DAYS_PER_YEAR, Refused
from outcomes.analyses import LABELS, Analyses, Curve, Year
from outcomes.charts.numbers import whole

DRAWN = 400  # steps of a curve; more cannot be seen
FEW = 10  # people; a caption speaks of no year with fewer at risk
CAPTION_YEAR = 5
MARGIN = {"l": 52, "r": 20, "t": 24, "b": 56}
COLOURS = {"improved": "--improved", "stable": "--c-ref", "worsened": "--progressed"}
INKS = {"improved": "--surface", "stable": "--ink", "worsened": "--surface"}
WORSENING = (
    f"time from the baseline to the onset of a worsening of {STEP} ({STEP_UP_FROM_ZERO} from 0.0) that held for "
    f"{CONFIRM_DAYS} days or more (carems_6m); the last visit ends observation. Kaplan-Meier, 95 % interval"
)
IMPROVEMENT = (
    f"time from the baseline to the onset of an improvement of {STEP} that held for {CONFIRM_DAYS} days or more "
    f"(carems_6m), of those with a baseline of {LOWEST_IMPROVABLE} or more. Kaplan-Meier, 95 % interval"
)
LANDMARK = f"the visit nearest the anniversary of the first infusion, at most {LANDMARK_DAYS} days away"


def figures(found: Analyses) -> list[dict]:
    """Everything a page needs to show each figure, in order; a figure without anybody says so by its caption."""
    return [
        survival("worsening", "How many stay free of worsening?", found.worsening, free=True),
        survival("improvement", "How many improve?", found.improvement, free=False),
        changes(found.years),
        labels(found.years),
    ]


def survival(name: str, heading: str, curve: Curve, *, free: bool) -> dict:
    """Share free of the event, or with `free` False the share that had it, by years since the baseline."""
    what = f"free of confirmed {name}" if free else f"with a confirmed {name}"
    made = {
        "id": name,
        "heading": heading,
        "rule": WORSENING if free else IMPROVEMENT,
        "people": curve.people,
        "note": f"{curve.events:,} with the event{median(curve.estimate)}",
        "cannot_show": "people who stopped coming because they were worse; nobody here is compared with other drugs",
        "png": f"{name}-after-lemtrada",
    }
    if isinstance(curve.estimate, Refused):
        return made | {"figure": None, "caption": curve.estimate.reason}
    rows = [
        [year, found.at_risk, *(f"{value:.1f} %" for value in shares(found, free))]
        for year, found in curve.years
        if found
    ]
    return made | {
        "figure": curve_figure(curve, curve.estimate, what, free=free),
        "caption": curve_caption(curve, what, free=free),
        "table": {"head": ["Years since baseline", "At risk", what.capitalize(), "95 % from", "95 % to"], "rows": rows},
    }


def shares(found: Estimate, free: bool) -> tuple[float, float, float]:
    """Share and its limits in per cent."""
    if free:
        return 100 * found.survival, 100 * found.low, 100 * found.high
    return 100 * (1 - found.survival), 100 * (1 - found.high), 100 * (1 - found.low)


def median(estimate: KaplanMeier | Refused) -> str:
    if isinstance(estimate, Refused):
        return ""
    if estimate.median_days is None:
        return "; the median is not reached"
    limits = [estimate.median_low_days, estimate.median_high_days]
    low, high = ("not reached" if days is None else f"{days / DAYS_PER_YEAR:.1f}" for days in limits)
    return f"; median {estimate.median_days / DAYS_PER_YEAR:.1f} years ({low} to {high})"


def curve_caption(curve: Curve, what: str, *, free: bool) -> str:
    spoken = [(year, found) for year, found in curve.years if found and year and found.at_risk >= FEW]
    if not spoken:
        return f"Too few people were followed for a year to say how many are {what}."
    year, found = next(((y, f) for y, f in spoken if y == CAPTION_YEAR), spoken[-1])
    share, low, high = shares(found, free)
    said = f"are {what} at" if free else f"had a {what.removeprefix('with a ')} by"
    return f"{whole(share)} % ({whole(low)} to {whole(high)}) {said} {year} year{'' if year == 1 else 's'}."


def curve_figure(curve: Curve, estimate: KaplanMeier, what: str, *, free: bool) -> dict:
    every = max(1, len(estimate.event_days) // DRAWN)
    kept = [*range(0, len(estimate.event_days), every)]
    if kept and kept[-1] != len(estimate.event_days) - 1:
        kept.append(len(estimate.event_days) - 1)
    points = [Estimate(1.0, 1.0, 1.0, curve.people)] + [
        Estimate(float(estimate.survival[i]), float(estimate.low[i]), float(estimate.high[i]), 0) for i in kept
    ]
    x = [0.0] + [round(float(estimate.event_days[i]) / DAYS_PER_YEAR, 4) for i in kept]
    lines = [[round(value, 2) for value in line] for line in zip(*(shares(p, free) for p in points), strict=True)]
    end = round(estimate.last_day / DAYS_PER_YEAR, 4)
    x, lines = [*x, end], [[*line, line[-1]] for line in lines]
    colour = "--progressed" if free else "--improved"
    ticks = [(year, found.at_risk) for year, found in curve.years if found]
    base = {"type": "scatter", "mode": "lines", "x": x}
    low, high = lines[1], lines[2]
    return {
        "data": [
            base | {"y": low, "line": {"shape": "hv", "width": 0}, "hoverinfo": "skip"},
            base
            | {
                "y": high,
                "line": {"shape": "hv", "width": 0},
                "fill": "tonexty",
                "fillcolor": "--c-ref-band",
                "hoverinfo": "skip",
            },
            base
            | {
                "y": lines[0],
                "line": {"shape": "hv", "width": 2, "color": colour},
                "hovertemplate": f"%{{y:.1f}} % {what}<br>%{{x:.1f}} years<extra></extra>",
            },
        ],
        "layout": {
            "height": 320,
            "margin": MARGIN,
            "xaxis": year_axis(ticks, "years since baseline, people at risk below", end),
            "yaxis": {"range": [0, 100], "ticksuffix": " %", "dtick": 25},
            "annotations": [above(f"% {what}")],
        },
    }


def year_axis(ticks: list[tuple[int, int]], title: str, end: float) -> dict:
    return {
        "range": [-0.15, max(end, 1.0) + 0.15],
        "tickvals": [year for year, _ in ticks],
        "ticktext": [f"{year}<br>{people:,}" for year, people in ticks],
        "title": {"text": title, "font": {"size": 12}, "standoff": 6},
    }


def above(text: str) -> dict:
    return {
        "text": text,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
    }


def changes(years: list[Year]) -> dict:
    """Mean EDSS change from the baseline at each anniversary, of those seen near it."""
    told = [(year.year, year.change) for year in years if isinstance(year.change, MeanChange)]
    made = {
        "id": "change",
        "heading": "How does the EDSS change?",
        "rule": f"EDSS at {LANDMARK}, minus the baseline; mean with t interval; nothing is carried forward",
        "people": max((found.patients for _, found in told), default=0),
        "note": "other people every year",
        "cannot_show": "one person's course: those still seen late are not those seen early",
        "png": "edss-change-after-lemtrada",
    }
    if not told:
        return made | {"figure": None, "caption": "Nobody has a visit near an anniversary of the first infusion yet."}
    spoken = next((pair for pair in told if pair[0] == CAPTION_YEAR and pair[1].patients >= FEW), told[0])
    return made | {
        "figure": change_figure(told),
        "caption": f"{direction(spoken[1].mean)} at year {spoken[0]}, of {spoken[1].patients:,} people seen then.",
        "table": {
            "head": ["Year", "People", "Mean change", "95 % from", "95 % to"],
            "rows": [[year, c.patients, signed(c.mean), signed(c.low), signed(c.high)] for year, c in told],
        },
    }


def direction(mean: float) -> str:
    if abs(mean) < 0.005:
        return "No mean change"
    return f"On average {abs(mean):.2f} points {'lower' if mean < 0 else 'higher'} than the baseline"


def signed(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{'−' if value < 0 else '+' if value > 0 else ''}{abs(value):.2f}"


def change_figure(told: list[tuple[int, MeanChange]]) -> dict:
    years, means = [0, *(year for year, _ in told)], [0.0, *(round(found.mean, 3) for _, found in told)]
    up = [0.0, *(round((found.high or found.mean) - found.mean, 3) for _, found in told)]
    down = [0.0, *(round(found.mean - (found.low if found.low is not None else found.mean), 3) for _, found in told)]
    reach = max(0.5, *(abs(mean) + max(a, b) for mean, a, b in zip(means, up, down, strict=True)))
    ticks = [(year, found.patients) for year, found in told]
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": years,
                "y": means,
                "line": {"width": 1.5, "dash": "dot", "color": "--c-edss"},
                "marker": {"size": 8, "color": "--c-edss"},
                "error_y": {"type": "data", "array": up, "arrayminus": down, "color": "--c-edss", "width": 0},
                "hovertemplate": "year %{x}: %{y:+.2f} points<extra></extra>",
            }
        ],
        "layout": {
            "height": 320,
            "margin": MARGIN,
            "xaxis": year_axis(ticks, "years since the first infusion, people below", float(max(years))),
            "yaxis": {"range": [round(-1.15 * reach, 2), round(1.15 * reach, 2)], "tickformat": "+.1f"},
            "shapes": [
                {
                    "type": "line",
                    "xref": "paper",
                    "x0": 0,
                    "x1": 1,
                    "y0": 0,
                    "y1": 0,
                    "line": {"color": "--c-ref", "width": 1},
                }
            ],
            "annotations": [
                above("mean change in points, 95 % interval"),
                corner("worse", 1, "top"),
                corner("better", 0, "bottom"),
            ],
        },
    }


def corner(text: str, y: int, anchor: str) -> dict:
    return above(text) | {"x": 1, "y": y, "xanchor": "right", "yanchor": anchor}


def labels(years: list[Year]) -> dict:
    """Improved, stable and worsened at each anniversary, without confirmation."""
    made = {
        "id": "labels",
        "heading": "Better or worse than before, year by year?",
        "rule": f"{LANDMARK}, against the baseline: {STEP} lower is improved, {STEP} higher worsened, unconfirmed. "
        "Wilson interval in the table",
        "people": max((year.people for year in years), default=0),
        "note": "those seen near each anniversary",
        "cannot_show": "whether a change lasts: a visit near a relapse counts here",
        "png": "labels-after-lemtrada",
        "key": [("improved", "improved"), ("c-ref", "stable"), ("progressed", "worsened")],
    }
    if not years:
        return made | {"figure": None, "caption": "Nobody has a visit near an anniversary of the first infusion yet."}
    year = next((y for y in years if y.year == CAPTION_YEAR and y.people >= FEW), years[0])
    told = ", ".join(f"{whole(year.labels[label][1])} % {label}" for label in LABELS)
    cells = [
        [f"{whole(share)} % ({whole(low)} to {whole(high)})" for _, share, low, high in y.labels.values()]
        for y in years
    ]
    return made | {
        "figure": label_figure(years),
        "caption": f"Year {year.year}: {told}.",
        "table": {
            "head": ["Year", "People", *(label.capitalize() for label in LABELS)],
            "rows": [[y.year, y.people, *row] for y, row in zip(years, cells, strict=True)],
        },
    }


def label_figure(years: list[Year]) -> dict:
    ticks = [(year.year, year.people) for year in years]
    return {
        "data": [
            {
                "type": "bar",
                "name": label,
                "x": [year.year for year in years],
                "y": [round(year.labels[label][1], 2) for year in years],
                "customdata": [year.labels[label][0] for year in years],
                "text": [whole(year.labels[label][1]) if year.labels[label][1] >= 6 else "" for year in years],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "textangle": 0,
                "textfont": {"size": 12, "color": INKS[label]},
                "marker": {"color": COLOURS[label], "line": {"color": "--surface", "width": 1}},
                "hovertemplate": f"{label}: %{{customdata:,}} people, %{{y:.0f}} %<extra></extra>",
            }
            for label in LABELS
        ],
        "layout": {
            "height": 320,
            "barmode": "stack",
            "bargap": 0.25,
            "margin": MARGIN,
            "xaxis": year_axis(ticks, "years since the first infusion, people below", float(ticks[-1][0]) + 0.4)
            | {"range": [0.4, ticks[-1][0] + 0.6]},
            "yaxis": {"range": [0, 100], "ticksuffix": " %", "dtick": 25},
            "annotations": [above("% of people seen that year")],
        },
    }

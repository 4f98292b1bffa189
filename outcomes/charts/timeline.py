"""The timeline of one patient as a Plotly figure: EDSS, relapses and infusions, functional systems, one time axis.

Colours are token names, put in by the page's script, so that one figure serves light, dark and paper.
"""

from bisect import bisect_right
from datetime import date, timedelta
from typing import Any

from assessments.models import Assessment
from engine.edss import SYSTEMS
from outcomes.charts.notes import annotations, edss_range, levels, span, today_note, turning_points
from outcomes.timeline import SYSTEM_WORDS, Timeline, middle
from patients.dates import say_known_date

DAY_MS = 86_400_000
KEY = [
    ("edss", "EDSS"),
    ("baseline", "baseline"),
    ("improved", "improved since"),
    ("progressed", "progressed since"),
    ("event", "confirmed event, onset to confirmation"),
    ("pending", "pending"),
    ("not_used", "not used"),
    ("imprecise", "date not known to the day"),
    ("relapse", "relapse"),
    ("infusions", "infusion days"),
]
GRADES = ("Systems, raw grade", [(f"r{grade}", str(grade)) for grade in range(7)])
SHORT = ["Visual", "Brainst.", "Pyram.", "Cerebel.", "Sensory", "Bladder", "Cerebral"]


def figure(timeline: Timeline, *, systems: bool = True) -> dict:
    """The whole figure. `systems=False` leaves the strip of functional systems out, for the printed page."""
    traces = [*underlays(timeline), *visits(timeline), *events(timeline), *marks(timeline), *lanes(timeline)]
    if systems:
        traces += cells(timeline)
    start, end = span(timeline)
    bottom, lane = (0.385, 0.915) if systems else (0.0, 0.885)  # the printed chart is low: more of it for the lanes
    layout: dict[str, Any] = {
        "height": 610 if systems else 270,
        "margin": {"l": 104, "r": 104, "t": 6, "b": 30},
        "barmode": "overlay",
        "bargap": 0,
        "shapes": [*course_shapes(timeline, end), *relapse_shapes(timeline, bottom), *step_shapes(timeline, end)],
        "annotations": annotations(timeline, start),
        "xaxis": {
            "type": "date",
            "range": [start.isoformat(), end.isoformat()],
            "dtick": "M12" if (end - start).days < 365 * 16 else "M24",
            "tick0": f"{start.year}-01-01",
            "tickformat": "%Y",
            "ticks": "outside",
            "ticklen": 4,
            "anchor": "y2" if systems else "y",
            "showgrid": True,
        },
        "yaxis": edss_axis(timeline, [bottom, lane - 0.02]),
        "yaxis3": lane_axis(lane),
    }
    if systems:
        layout["yaxis2"] = {
            "domain": [0, 0.345],
            "range": [6.55, -0.55],
            "type": "category",
            "showgrid": False,
            "ticks": "",
            "tickfont": {"size": 11.5},
        }
    return {"data": traces, "layout": layout, "compact": compact(timeline, systems)}


def compact(timeline: Timeline, systems: bool) -> dict:
    """What changes under 560 px: no words beside the plot, fewer ticks."""
    layout: dict[str, Any] = {
        "height": 560 if systems else 270,
        "margin": {"l": 62, "r": 10, "t": 6, "b": 28},
        "xaxis": {"dtick": "M24", "tickformat": "%Y"},
        "annotations": [today_note(timeline, "right")],
        "yaxis": {"title": {"text": ""}},
        "yaxis3": {"ticktext": ["Relapse", "Lemtr."]},
    }
    if systems:
        layout["yaxis2"] = {"tickvals": list(range(7)), "ticktext": SHORT, "tickfont": {"size": 11}}
    return layout


def edss_axis(timeline: Timeline, domain: list[float]) -> dict:
    low, top = edss_range(timeline)
    ticks = list(range(0 if low < 0 else 1, int(top) + 1))
    return {
        "domain": domain,
        "range": [low, top],
        "tickvals": ticks,
        "ticktext": [f"{tick}.0" for tick in ticks],
        "title": {"text": "EDSS", "standoff": 6, "font": {"size": 12, "color": "--ink-2"}},
    }


def lane_axis(bottom: float) -> dict:
    return {
        "domain": [bottom, 1],
        "range": [-0.6, 1.6],
        "tickvals": [0, 1],
        "ticktext": ["Relapse", "Lemtrada"],
        "showgrid": False,
        "ticks": "",
        "tickfont": {"size": 11.5},
    }


def words(assessment: Assessment, row: dict | None) -> str:
    said = f"{assessment.say_day()}<br>EDSS {assessment.edss}"
    if assessment.rated_by:
        said += f", {assessment.rated_by}"
    return said + (f"<br>{row['words']}" if row and row["role"] == "not_used" else "")


def sorted_out(timeline: Timeline) -> tuple[list[Assessment], list[Assessment], list[Assessment]]:
    """Scored visits that the line passes, those it passes by, and those whose day is not known."""
    line, aside, vague = [], [], []
    for assessment in timeline.scored:
        row = timeline.roles.get(assessment.pk)
        if assessment.day_precision != "day":
            vague.append(assessment)
        elif row and row["role"] == "not_used":
            aside.append(assessment)
        else:
            line.append(assessment)
    return line, aside, vague


def scatter(days: list, values: list, **options) -> dict:
    return {"type": "scatter", "x": [day.isoformat() for day in days], "y": [float(v) for v in values], **options}


HOVER = "%{text}<extra></extra>"


def visits(timeline: Timeline) -> list[dict]:
    """The EDSS line with its dots, on to today as a dotted line; visits not used, with their reason; vague dates."""
    line, aside, vague = sorted_out(timeline)
    traces = [
        edss_line(line),
        *(stem(a, line) for a in aside),
        not_used(timeline, aside),
        *vague_dates(timeline, vague),
    ]
    if line and not timeline.patient.death:
        to_today = {"line": {"color": "--c-edss", "width": 1.5, "dash": "dot"}, "mode": "lines", "hoverinfo": "skip"}
        traces.insert(1, scatter([line[-1].day, timeline.today], [line[-1].edss] * 2, **to_today))
    return [trace for trace in traces if trace["x"]]


def edss_line(line: list[Assessment]) -> dict:
    return scatter(
        [a.day for a in line],
        [a.edss for a in line],
        mode="lines+markers",
        name="EDSS",
        text=[words(a, None) for a in line],
        line={"shape": "hv", "color": "--c-edss", "width": 2},
        marker={"size": 6, "color": "--c-edss"},
        hovertemplate=HOVER,
    )


def not_used(timeline: Timeline, aside: list[Assessment]) -> dict:
    return scatter(
        [a.day for a in aside],
        [a.edss for a in aside],
        mode="markers",
        name="not used",
        text=[words(a, timeline.roles.get(a.pk)) for a in aside],
        marker={"symbol": "circle-x-open", "size": 11, "color": "--c-excluded", "line": {"width": 1.5}},
        hovertemplate=HOVER,
    )


def vague_dates(timeline: Timeline, vague: list[Assessment]) -> list[dict]:
    """A hollow dot in the middle of the interval, over a thin line along it."""
    along = {"line": {"color": "--c-edss", "width": 1}, "mode": "lines", "hoverinfo": "skip"}
    dots = scatter(
        [middle(a.interval) for a in vague],
        [a.edss for a in vague],
        mode="markers",
        name="date not known to the day",
        text=[words(a, timeline.roles.get(a.pk)) for a in vague],
        marker={"symbol": "circle", "size": 9, "color": "--surface", "line": {"width": 1.8, "color": "--c-edss"}},
        hovertemplate=HOVER,
    )
    return [*(scatter([a.interval.first, a.interval.last], [a.edss] * 2, **along) for a in vague), dots]


def stem(assessment: Assessment, line: list[Assessment]) -> dict:
    """From a visit not used down or up to the line that passes it by."""
    at = bisect_right(line, assessment.day, key=lambda passed: passed.day)  # in order of days
    before = line[max(at - 1, 0)] if line else assessment
    return scatter([assessment.day] * 2, [before.edss, assessment.edss], mode="lines", hoverinfo="skip",
                   line={"color": "--c-excluded", "width": 1, "dash": "dot"})  # fmt: skip


def underlays(timeline: Timeline) -> list[dict]:
    """Broad bands under the runs: the one that decides, and the pending one up to the day it can be confirmed."""
    traces = []
    for verdict in timeline.verdicts[:1]:
        run = [row for row in verdict.rows if row["in_run"]]
        if verdict.since and run:
            days = [date.fromisoformat(row["first"]) for row in run]
            traces.append(
                scatter(days, [row["edss"] for row in run], mode="lines", hoverinfo="skip", opacity=0.2,
                        line={"shape": "hv", "color": f"--{verdict.status}", "width": 12})
            )  # fmt: skip
    for verdict in timeline.verdicts:
        held = [row for row in verdict.rows if row["pending"]]
        if verdict.pending and verdict.pending["confirmable_from"] and held:
            since, until = verdict.pending["since"], verdict.pending["confirmable_from"]
            traces.append(
                {"type": "scatter", "x": [since, until], "y": [held[0]["edss"]] * 2, "mode": "lines",
                 "line": {"color": "--pending", "width": 12}, "opacity": 0.25, "hoverinfo": "skip"}
            )  # fmt: skip
    return traces


def marks(timeline: Timeline) -> list[dict]:
    """The baseline, since when improved or progressed, and what is pending; of both verdicts, each place once."""
    traces = []
    main = timeline.main
    if main and main.baseline_day:
        traces.append(
            scatter([main.baseline_day], [main.baseline], mode="markers",
                    marker={"symbol": "square", "size": 11, "color": "--surface",
                            "line": {"width": 2.2, "color": "--c-edss"}},
                    hovertemplate=f"{main.baseline_day:%-d %b %Y}<br>Baseline {main.baseline:.1f}<extra></extra>")
        )  # fmt: skip
    seen = set()
    for verdict in timeline.verdicts:
        for day, kind, said in turning_points(verdict):
            row = next((r for r in verdict.rows if r["first"] == day.isoformat() and r["edss"] is not None), None)
            if row is None or (day, kind) in seen:
                continue
            seen.add((day, kind))
            traces.append(scatter([day], [row["edss"]], mode="markers", marker=MARKERS[kind], hovertemplate=said))
    return traces


def events(timeline: Timeline) -> list[dict]:
    """Each confirmed event as a bracket from onset to confirming visit, clear of the line: above it for a worsening."""
    traces = []
    for event in timeline.events:
        worse = event.type == "CDW"
        level = event.value + (0.3 if worse else -0.3)
        label = f" ({event.cdw_type})" if event.cdw_type else ""
        kind = "Confirmed worsening" if worse else "Confirmed improvement"
        said = f"{kind}{label}<br>onset {event.date:%-d %b %Y}, EDSS {event.value:.1f}"
        ends = [event.date, event.confirmed_on or event.date]
        colour = "--progressed" if worse else "--improved"
        traces.append(
            scatter(ends, [level] * 2, mode="lines+markers", name="confirmed event", text=[
                        said, f"{said}<br>confirmed {ends[1]:%-d %b %Y}"],
                    line={"color": colour, "width": 2},
                    marker={"symbol": "line-ns-open", "size": 9, "color": colour, "line": {"width": 2}},
                    hovertemplate=HOVER)
        )  # fmt: skip
    return traces


MARKERS = {
    "improved": {"symbol": "triangle-down", "size": 16, "color": "--improved",
                 "line": {"width": 1.5, "color": "--surface"}},
    "progressed": {"symbol": "triangle-up", "size": 15, "color": "--progressed",
                   "line": {"width": 1.5, "color": "--surface"}},
    "improvement": {"symbol": "triangle-down", "size": 15, "color": "--surface",
                    "line": {"width": 2, "color": "--pending"}},
    "worsening": {"symbol": "triangle-up", "size": 15, "color": "--surface",
                  "line": {"width": 2, "color": "--pending"}},
}  # fmt: skip


def lanes(timeline: Timeline) -> list[dict]:
    """Relapses and infusion days, each in its lane above the plot."""
    relapses, days = timeline.relapses, [i for course in timeline.courses for i in course.infusions]
    traces = [
        {"type": "scatter", "mode": "markers", "yaxis": "y3", "hovertemplate": "%{text}<extra></extra>",
         "x": [middle(r.interval).isoformat() for r in relapses], "y": [0] * len(relapses),
         "marker": {"symbol": ["diamond" if r.interval.exact else "diamond-open" for r in relapses], "size": 12,
                    "color": "--relapse"},
         "text": [f"{r.say_onset()}<br>Relapse" for r in relapses]},
        {"type": "scatter", "mode": "markers", "yaxis": "y3", "hovertemplate": "%{text}<extra></extra>",
         "x": [middle(i.interval).isoformat() for i in days], "y": [1] * len(days),
         "marker": {"symbol": "line-ns-open", "size": 15, "color": "--course", "line": {"width": 2}},
         "text": [f"{i.say_day()}<br>Infusion day, {i.dose_mg.normalize():f} mg" for i in days]},
    ]  # fmt: skip
    return [trace for trace in traces if trace["x"]]


def course_shapes(timeline: Timeline, end: date) -> list[dict]:
    """A band from the first infusion day on, and a line at each infusion day."""
    if not timeline.courses:
        return []
    start = middle(timeline.courses[0].first).isoformat()
    band = {"type": "rect", "xref": "x", "yref": "paper", "x0": start, "x1": end.isoformat(), "y0": 0, "y1": 1,
            "fillcolor": "--course-band", "line": {"width": 0}, "layer": "below"}  # fmt: skip
    days = [middle(i.interval).isoformat() for course in timeline.courses for i in course.infusions]
    return [band, *(vertical(day, "y domain", 0, 1, "--course", opacity=0.55) for day in days)]


def relapse_shapes(timeline: Timeline, bottom: float) -> list[dict]:
    stems = [
        vertical(middle(r.interval).isoformat(), "paper", bottom, 0.9, "--relapse", dash="dot", opacity=0.8)
        for r in timeline.relapses
    ]
    return [*stems, vertical(timeline.until.isoformat(), "paper", 0, 0.9, "--c-axis")]


def vertical(day: str, against: str, low: float, high: float, colour: str, *, dash="solid", opacity=1.0) -> dict:
    return {"type": "line", "xref": "x", "yref": against, "x0": day, "x1": day, "y0": low, "y1": high,
            "line": {"color": colour, "width": 1, "dash": dash}, "opacity": opacity, "layer": "below"}  # fmt: skip


def step_shapes(timeline: Timeline, end: date) -> list[dict]:
    main = timeline.main
    if main is None or main.baseline_day is None:
        return []
    return [
        {"type": "line", "xref": "x", "yref": "y", "x0": main.baseline_day.isoformat(), "x1": end.isoformat(),
         "y0": level, "y1": level, "line": {"color": colour, "width": 1, "dash": dash}, "layer": "below",
         "opacity": 0.55 if dash == "dash" else 1}
        for level, colour, dash, _ in levels(main)
    ]  # fmt: skip


def cells(timeline: Timeline) -> list[dict]:
    """The strip of functional systems: from each graded visit to the next, coloured and numbered by the raw grade."""
    graded = [a for a in timeline.assessments if any(grade is not None for grade, _ in a.grades.values())]
    starts = [middle(a.interval) for a in graded]
    ends = [*starts[1:], min(timeline.until, starts[-1] + timedelta(days=120))] if starts else []
    first, last = span(timeline)
    least = (last - first) / 40  # a narrower cell has no room for its number
    traces = []
    for system in SYSTEMS:
        shown = [
            (start, end, grade, a)
            for start, end, a in zip(starts, ends, graded, strict=True)
            if (grade := a.grades[system][0]) is not None
        ]
        traces.append(strip(SYSTEM_WORDS[system], shown, least))
    return traces


def strip(name: str, shown: list[tuple[date, date, int, Assessment]], least: timedelta) -> dict:
    if not shown:  # an empty bar keeps the lane, so that the axis shows all seven
        return {"type": "bar", "orientation": "h", "yaxis": "y2", "y": [name], "x": [None], "hoverinfo": "skip"}
    grades = [grade for _, _, grade, _ in shown]
    return {
        "type": "bar",
        "meta": "cells",
        "orientation": "h",
        "yaxis": "y2",
        "y": [name] * len(shown),
        "base": [start.isoformat() for start, *_ in shown],
        "x": [max((end - start).days, 1) * DAY_MS for start, end, *_ in shown],
        "width": 0.86,
        "marker": {"color": [f"--r{grade}" for grade in grades], "line": {"width": 1, "color": "--surface"}},
        "text": [str(grade) if end - start >= least else "" for start, end, grade, _ in shown],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"color": ["--surface" if grade >= 5 else "--ink" for grade in grades], "size": 11},
        "constraintext": "none",
        "hovertext": [f"{say_known_date(a.day, a.day_precision)}<br>{name} {grade}" for _, _, grade, a in shown],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def table(timeline: Timeline) -> dict:
    """The values of the figure, for readers and for tests."""
    head = ["Date", "EDSS", "Counts as", *SYSTEM_WORDS.values()]
    rows = []
    for a in timeline.assessments:
        grades = ["–" if grade is None else f"{grade}{mark}" for grade, mark in a.grades.values()]
        said = timeline.roles.get(a.pk, {}).get("said", "")
        rows.append([a.say_day(), "–" if a.edss is None else str(a.edss), said, *grades])
    return {"head": head, "rows": rows}


def caption(timeline: Timeline) -> str:
    """The answer in a sentence, also for who does not see the figure."""
    if not timeline.scored:
        return "No EDSS yet."
    first, last = timeline.scored[0], timeline.scored[-1]
    said = f"EDSS {first.edss} ({first.interval.words}), {last.edss} ({last.interval.words})."
    main = timeline.main
    if main and main.baseline_day:
        said += f" Baseline {main.baseline:.1f} on {main.baseline_day:%-d %b %Y}."
    return said

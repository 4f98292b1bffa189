"""Figures of the cohort overview: plain dicts, colours as token names."""

from collections.abc import Sequence

from outcomes.charts.numbers import whole
from outcomes.models import Status
from outcomes.overview import Group

# status: (colour of the bar, colour of the number in it); the same as in the bar of shares
COLOURS = {
    Status.IMPROVED: ("--improved", "--surface"),
    Status.STABLE: ("--c-ref", "--ink"),
    Status.PROGRESSED: ("--progressed", "--surface"),
    Status.INSUFFICIENT: ("--line-2", "--ink"),
}
SIGNS = {Status.IMPROVED: "↘", Status.STABLE: "–", Status.PROGRESSED: "↗", Status.INSUFFICIENT: "○"}
MARKS = ("improved", "c-ref", "progressed", "line-2")
KEY = [(mark, f"{sign} {status.label.lower()}") for mark, (status, sign) in zip(MARKS, SIGNS.items(), strict=True)]
TICKS = [0, 25, 50, 75, 100]
LEAST_WRITTEN = 8  # per cent: a narrower part carries no number


def stacked(groups: Sequence[Group]) -> dict:
    """Shares of each group as one bar, the number of people in each part; the first group on top."""
    labels = [f"{group.words}<br>{group.people:,} people" for group in groups]
    return {
        "data": [trace(status, groups, labels) for status in COLOURS],
        "layout": {
            "height": 44 + 52 * len(groups),
            "barmode": "stack",
            "bargap": 0.35,
            "margin": {"l": 130, "r": 28, "t": 8, "b": 28},
            "xaxis": {"range": [0, 100], "tickvals": TICKS, "ticktext": [f"{tick} %" for tick in TICKS]},
            "yaxis": {"autorange": "reversed", "showgrid": False, "ticks": ""},
        },
        "compact": {"margin": {"l": 104}},
    }


def trace(status: Status, groups: Sequence[Group], labels: list[str]) -> dict:
    fill, ink = COLOURS[status]
    people = [group.counts[status] for group in groups]
    shares = [round(100 * number / group.people, 2) for number, group in zip(people, groups, strict=True)]
    return {
        "type": "bar",
        "orientation": "h",
        "name": status.label,
        "y": labels,
        "x": shares,
        "customdata": people,
        "text": [
            f"{SIGNS[status]} {number:,}" if share >= LEAST_WRITTEN else ""
            for number, share in zip(people, shares, strict=True)
        ],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"size": 12, "color": ink},
        "marker": {"color": fill, "line": {"color": "--surface", "width": 1}},
        "hovertemplate": f"{status.label}: %{{customdata:,}} people, %{{x:.0f}} %<extra></extra>",
    }


def table(groups: Sequence[Group], what: str) -> dict:
    """The same numbers: people and shares of each group."""
    head = [what, "People", *(word for status in COLOURS for word in (status.label, "Share"))]
    rows = []
    for group in groups:
        row: list = [group.words, group.people]
        for status in COLOURS:
            row += [group.counts[status], f"{whole(100 * group.counts[status] / group.people)} %"]
        rows.append(row)
    return {"head": head, "rows": rows}


def caption(groups: Sequence[Group]) -> str:
    """The answer in words: the share improved of each group."""
    improved = [100 * group.counts[Status.IMPROVED] / group.people for group in groups]
    said = [f"{whole(share)} % of {g.people:,} ({g.words})" for share, g in zip(improved, groups, strict=True)]
    return f"Improved: {', '.join(said)}." if said else "Nobody to show."

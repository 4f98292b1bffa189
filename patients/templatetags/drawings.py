"""What templates draw: the geometry of the small drawings, and the cells of a chart's data table."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from django import template

from patients.templatetags.house import MINUS, NONE, day

register = template.Library()


@register.simple_tag
def shares(parts: Iterable[tuple[str, int]]) -> dict:
    """Geometry of a propbar, in per cent, and its sentence. Parts are (status, number)."""
    parts = [(status, int(number)) for status, number in parts]
    total = sum(number for _, number in parts)
    bars, at = [], 0.0
    for status, number in parts:
        width = 100 * number / total if total else 0
        bars.append({"status": status, "x": f"{at:.2f}", "width": f"{max(width - 0.2, 0):.2f}"})
        at += width
    return {"bars": bars, "words": f"Of {total:,}: " + ", ".join(f"{number:,} {status}" for status, number in parts)}


@register.simple_tag
def spark_shape(days_: Sequence, scores: Sequence, baseline=None, courses: Sequence = (), status: str = "") -> dict:
    """Geometry of a spark: EDSS 0 to 8 over 160 x 36, one scale in every row.

    The baseline is (day, score) or None; the area between it and the line is tinted from the baseline's day on.
    """
    moments = [_ordinal(value) for value in days_]
    ticks = [_ordinal(value) for value in courses or ()]
    if not moments:
        return {}
    base = (_ordinal(baseline[0]), float(baseline[1])) if baseline and baseline[1] is not None else None
    begin, end = min(moments + ticks), max(moments + ticks)
    span = max(end - begin, 1)

    def x(moment: int) -> float:
        return round(4 + 142 * (moment - begin) / span, 1)

    def y(score: float) -> float:
        return round(31 - 3.63 * min(score, 8.0), 1)

    points = [(x(moment), y(float(score))) for moment, score in zip(moments, scores, strict=True)]
    line = f"M{points[0][0]} {points[0][1]}" + "".join(f"H{px}V{py}" for px, py in points[1:])
    areas = []
    if base:
        for (px, py), (after, _), moment in zip(points, points[1:], moments, strict=False):
            height = round(py - y(base[1]), 1)
            if moment >= base[0] and height:
                top = min(py, y(base[1]))
                kind = "below" if height > 0 else "above"
                areas.append({"kind": kind, "x": px, "y": top, "w": round(after - px, 1), "h": abs(height)})
    first, last = (f"{float(score):.1f}" for score in (scores[0], scores[-1]))
    return {
        "line": line,
        "areas": areas,
        "base": f"M{x(max(base[0], begin))} {y(base[1])}H154" if base else "",
        "courses": [x(moment) for moment in ticks],
        "end": _mark(status, *points[-1]),
        "words": f"EDSS from {first} to {last}" + (f", baseline {base[1]:.1f}" if base else ""),
    }


def _mark(status: str, px: float, py: float) -> dict:
    """The last visit's mark: a triangle points where the score went, a square is stable, a hollow dot insufficient."""
    paths = {
        "improved": f"M{px - 4.5:.1f} {py - 3.5:.1f}h9l-4.5 8z",
        "progressed": f"M{px - 4.5:.1f} {py + 3.5:.1f}h9l-4.5 -8z",
        "stable": f"M{px - 3.5:.1f} {py - 3.5:.1f}h7v7h-7z",
    }
    return {"path": paths.get(status, ""), "x": px, "y": py}


def _ordinal(value) -> int:
    return (value if isinstance(value, date) else date.fromisoformat(str(value))).toordinal()


@register.simple_tag
def table_cells(table: dict) -> dict:
    """A chart's data table, `{"head": [...], "rows": [[...]]}`: each cell as (text, whether it is a number)."""
    rows = [[(_said(cell), _is_number(cell)) for cell in row] for row in table["rows"]]
    numeric = [
        any(row[at][1] for row in rows) and all(row[at][1] or row[at][0] in ("", NONE) for row in rows)
        for at in range(len(table["head"]))
    ]
    return {
        "head": list(zip(table["head"], numeric, strict=True)),
        "rows": [[(text, numeric[at]) for at, (text, _) in enumerate(row)] for row in rows],
    }


def _said(cell) -> str:
    if cell is None:
        return NONE
    if isinstance(cell, date):
        return day(cell)
    return str(cell).replace("-", MINUS, 1) if _is_number(cell) and str(cell).startswith("-") else str(cell)


def _is_number(cell) -> bool:
    if isinstance(cell, bool) or cell is None:
        return False
    if isinstance(cell, int | float | Decimal):
        return True
    try:
        Decimal(str(cell).replace(",", "").replace(MINUS, "-").rstrip(" %"))
    except InvalidOperation:
        return False
    return True

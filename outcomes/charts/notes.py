"""The words on the timeline: each stands where neither the line nor a mark is, or it is left out."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise, zip_longest
from typing import NamedTuple

from outcomes.timeline import Timeline, Verdict, middle

LETTER = 1 / 88  # the width of a letter, as a share of the narrowest plot that shows words
SHIFT = 0.012  # how far beside a day its words begin, as a share of the time axis
DOT = 0.15  # half the height of the largest dot, in EDSS
LINE = 0.06  # the height of a line of words, as a share of the EDSS axis


class Box(NamedTuple):
    """A part of the plot: from one day to another, from one EDSS to another."""

    first: date
    last: date
    low: float
    high: float

    def meets(self, other: "Box") -> bool:
        days = self.first <= other.last and other.first <= self.last
        return days and self.low <= other.high and other.low <= self.high


def span(timeline: Timeline) -> tuple[date, date]:
    days = [a.interval.first for a in timeline.assessments] + [r.interval.first for r in timeline.relapses]
    days += [course.first.first for course in timeline.courses]
    first = min(days, default=timeline.until - timedelta(days=365))
    room = max((timeline.until - first).days // 25, 20)
    return first - timedelta(days=room), timeline.until + timedelta(days=room * 2)


def edss_range(timeline: Timeline) -> tuple[float, float]:
    """From just under 1.0, or under 0 where a score is 0, to 6.5 or one above the highest score."""
    scores = [float(a.edss) for a in timeline.scored]
    low = -0.2 if scores and min(scores) < 1 else 0.9
    return low, min(max([6.5, *(score + 1 for score in scores)]), 10.3)


def turning_points(verdict: Verdict) -> list[tuple[date, str, str]]:
    """(day, kind of mark, words) of a verdict's since-date and of its pending change."""
    against = (
        f"<br>against {verdict.baseline:.1f}, {verdict.anchor}<extra></extra>" if verdict.baseline is not None else ""
    )
    points = []
    if verdict.since:
        points.append(
            (verdict.since, verdict.status, f"{verdict.since:%-d %b %Y}<br>{verdict.status.title()}{against}")
        )
    if verdict.pending:
        since = date.fromisoformat(verdict.pending["since"])
        points.append((since, verdict.pending["direction"], f"{since:%-d %b %Y}<br>{verdict.pending_words}{against}"))
    return points


def levels(verdict: Verdict | None) -> list[tuple[float, str, str, str]]:
    """(EDSS, colour, dash, words at the right edge) of the baseline and of the two steps."""
    if verdict is None or verdict.baseline is None:
        return []
    better, worse = verdict.steps
    found = [(verdict.baseline, "--c-edss", "dash", f"baseline {verdict.baseline:.1f}")]
    if better is not None:
        found.append((better, "--improved", "dot", f"improved<br>at {better:.1f} or less"))
    if worse is not None:
        found.append((worse, "--progressed", "dot", f"progressed<br>at {worse:.1f} or more"))
    return found


def note(text: str, colour: str, **place) -> dict:
    font = {"color": colour, "size": place.pop("size", 11.5), "weight": place.pop("weight", 400)}
    return {"showarrow": False, "text": text, "font": font, "align": "left", "yanchor": "middle", **place}


def annotations(timeline: Timeline, start: date) -> list[dict]:
    notes = [today_note(timeline)]
    for level, colour, dash, text in levels(timeline.main):
        weight = 600 if dash == "dash" else 400
        ink = "--ink" if dash == "dash" else colour
        notes.append(note(text, ink, weight=weight, xref="paper", yref="y", x=1.006, y=level, xanchor="left"))
    taken = list(drawn(timeline))
    notes += mark_notes(timeline, taken)
    notes += scale_notes(timeline, taken, start)
    room = (span(timeline)[1] - start) / 4  # what the longer words take of the narrowest plot that shows them
    for course, following in zip_longest(timeline.courses, timeline.courses[1:]):
        number = len(course.infusions)
        text = f"course {course.number}, {number} day{'s' if number != 1 else ''}"
        if course.number > 1 and following and middle(following.first) - middle(course.last) < room:
            text = str(course.number)
        place = {"x": (middle(course.last) + timedelta(days=12)).isoformat(), "y": 1, "xanchor": "left"}
        if course.number == 1:
            place = {"x": (middle(course.first) - timedelta(days=12)).isoformat(), "y": 1, "xanchor": "right"}
        notes.append(note(text, "--course", xref="x", yref="y3", **place))
    return notes


def drawn(timeline: Timeline) -> Iterator[Box]:
    """Where the course of EDSS is drawn: each visit, the steps between visits, and the line to today."""
    scored = timeline.scored
    for a, b in pairwise(scored):
        low, high = sorted((float(a.edss), float(b.edss)))
        yield Box(middle(a.interval), middle(b.interval), float(a.edss), float(a.edss))
        yield Box(middle(b.interval), middle(b.interval), low - DOT, high + DOT)
    if scored:
        last = scored[-1]
        yield Box(middle(last.interval), max(timeline.until, last.interval.last), float(last.edss), float(last.edss))


def placed(timeline: Timeline, text: str, day: date, edss: float, gaps: list[float], *, left: bool) -> Iterator[tuple]:
    """(box, y, gap) of the words at each gap, a share of the EDSS axis: above the level where positive, else below."""
    start, end = span(timeline)
    low, top = edss_range(timeline)
    width, height = (end - start) * LETTER * len(text), LINE * (top - low)
    aside = (end - start) * SHIFT
    first, last = (day - width, day - aside) if left else (day + aside, day + width)
    for gap in gaps:
        y = edss + gap * (top - low)
        yield Box(first, last, y, y + height) if gap > 0 else Box(first, last, y - height, y), y, gap


def free(places: Iterator[tuple], taken: list[Box]) -> tuple | None:
    return next((place for place in places if not any(place[0].meets(box) for box in taken)), None)


def mark_notes(timeline: Timeline, taken: list[Box]) -> list[dict]:
    """Beside each since-date and pending mark: its word, and the anchor where it is not the one of the chart.

    A step down leaves room above and to the right of its mark, a step up below and to the right; words near the right
    edge stand to the left, as the edge belongs to the steps.
    """
    notes, seen = [], set()
    start, end = span(timeline)
    for verdict in timeline.verdicts:
        aside = "" if verdict is timeline.main else f", {verdict.anchor}"
        for day, kind, _ in turning_points(verdict):
            row = next((r for r in verdict.rows if r["first"] == day.isoformat() and r["edss"] is not None), None)
            if row is None or day in seen:
                continue
            seen.add(day)
            known = kind in ("improved", "progressed")
            text = (kind.title() if known else verdict.pending_words) + aside
            left = (end - day) < (end - start) * 0.3
            near = 1 if (kind in ("improved", "improvement")) != left else -1
            gaps = [near * 0.035, near * -0.035, near * 0.12, near * -0.12, near * 0.2, near * -0.2]
            found = list(placed(timeline, text, day, row["edss"], gaps, left=left))
            box, y, gap = free(iter(found), taken) or found[0]
            taken.append(box)
            place = {"x": day.isoformat(), "y": y, "xanchor": "right" if left else "left", "xshift": -6 if left else 6}
            place["yanchor"] = "bottom" if gap > 0 else "top"
            notes.append(note(text, f"--{kind}" if known else "--pending", weight=600, xref="x", yref="y", **place))
    return notes


def scale_notes(timeline: Timeline, taken: list[Box], start: date) -> list[dict]:
    """What 4.0 and 6.0 mean, above or below their level; where the course is drawn there, nothing."""
    notes, day = [], start + timedelta(days=15)
    for level, text in ((4, "4.0 still walks 500 m alone"), (6, "6.0 needs an aid, or under 100 m")):
        found = free(placed(timeline, text, day, level, [0.001, -0.001, 0.04], left=False), taken)
        if found is None:
            continue
        box, y, gap = found
        place = {"x": day.isoformat(), "y": y, "xanchor": "left", "yanchor": "bottom" if gap > 0 else "top"}
        clear = not timeline.courses or middle(timeline.courses[0].first) > box.last - (box.last - box.first) / 4
        if clear:  # the stems of relapses stay behind the words
            place["bgcolor"] = "--surface"
        notes.append(note(text, "--ink-3", size=11, xref="x", yref="y", **place))
    return notes


def today_note(timeline: Timeline, side: str = "left") -> dict:
    """At the line where the observation ends: today, or the death."""
    text = "died" if timeline.patient.death else "today"
    place = {"x": timeline.until.isoformat(), "y": 0.895, "yanchor": "top"}
    place |= {"xanchor": side, "xshift": 2 if side == "left" else -2}
    return note(text, "--ink-2", size=11, xref="x", yref="paper", **place)

"""Properties of the status rule over drawn histories, and a second, plain implementation to compare with."""

import json
import re
from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby, product

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.status import classify, classify_many
from engine.types import History, Interval, Visit

GRID = [0.0, *(half / 2 for half in range(2, 21))]
ORIGIN = date(2016, 3, 1)
AS_OF = ORIGIN + timedelta(1500)


# A plain reading of the specification, with dates and points, one rule after the other


def near(day, relapses):
    return any(0 <= (day - onset).days < 30 for onset in relapses)


def maybe_near(day, relapses):
    return any(near(day, [onset]) for relapse in relapses for onset in each_day(relapse))


def each_day(when):
    if isinstance(when, date):
        return [when]
    return [when.first + timedelta(n) for n in range((when.last - when.first).days + 1)]


def plain_usable(visits, death, as_of):
    by_day = {day: edss for day, edss in visits if edss is not None and day <= as_of}
    return [(d, e) for d, e in sorted(by_day.items()) if e in GRID and (e < 10 or (death and death <= as_of))]


def plain_status(usable, relapses, anchor, start, died):
    """Status, reason, since, certainty, pending against the anchor (day, EDSS)."""
    baseline_day, baseline = anchor
    deciding = [(d, e) for d, e in usable if d > baseline_day and (e == 10 or not maybe_near(d, relapses))]
    ended = bool(deciding) and deciding[-1][1] == 10
    if not ended:
        if len(deciding) < 2:
            return "insufficient", ["no_followup", "one_visit"][len(deciding)], None, None, None
        if (deciding[-1][0] - start).days < 168:
            return "insufficient", "too_short", None, None, None

    def mark(edss):
        if edss == 10 or edss - baseline >= (1.5 if baseline == 0 else 1.0):
            return "W"
        return "I" if baseline >= 2 and baseline - edss >= 1 else "N"

    runs = [(kind, [d for d, _ in visits]) for kind, visits in groupby(deciding, key=lambda visit: mark(visit[1]))]
    pending = None
    for number, (kind, days) in enumerate(reversed(runs)):
        if kind == "N":
            return "stable", None, None, "provisional" if pending else "confirmed", pending
        if (days[-1] - days[0]).days >= 168 or (ended and number == 0):
            status = {"W": "progressed", "I": "improved"}[kind]
            return status, None, days[0], "provisional" if pending else "confirmed", pending
        if number == 0:
            pending = (
                {"W": "worsening", "I": "improvement"}[kind],
                days[0],
                None if died else days[0] + timedelta(168),
            )
    return "stable", None, None, "provisional" if pending else "confirmed", pending


def plain_anchor(usable, relapses, infusion):
    before = [v for v in usable if 0 <= (infusion - v[0]).days <= 180]
    after = [v for v in usable if 1 <= (v[0] - infusion).days <= 30]
    free_before = [v for v in before if not maybe_near(v[0], relapses)]
    free_after = [v for v in after if not maybe_near(v[0], relapses)]
    if free_before:
        return free_before[-1], None
    if free_after:
        return free_after[0], None
    return None, "baseline_near_relapse" if before + after else "no_baseline"


def plain_flags(usable, death, as_of):
    flags = ["deceased"] if death and death <= as_of else []
    if usable:
        last = usable[-1][0]
        months = last.year * 12 + last.month - 1 + 18
        year, month = months // 12, months % 12 + 1
        limit = date(year, month, min(last.day, monthrange(year, month)[1]))
        if limit < (death if death and death <= as_of else as_of):
            flags.append("not_seen_lately")
    return flags


def plain_mapping(result, anchor, flags):
    status, reason, since, certainty, pending = result
    return {
        "status": status,
        "reason": reason,
        "baseline": anchor and {"date": anchor[0].isoformat(), "edss": anchor[1]},
        "since": since and since.isoformat(),
        "certainty": certainty,
        "pending": pending
        and {
            "direction": pending[0],
            "since": pending[1].isoformat(),
            "confirmable_from": pending[2] and pending[2].isoformat(),
        },
        "flags": sorted(flags),
    }


def plain_overall(usable, relapses, death, as_of):
    flags = plain_flags(usable, death, as_of)
    free = [visit for visit in usable if not maybe_near(visit[0], relapses)]
    if not free:
        reason = "baseline_near_relapse" if usable else "no_baseline"
        return plain_mapping(("insufficient", reason, None, None, None), None, flags)
    return plain_mapping(plain_status(usable, relapses, free[0], free[0][0], "deceased" in flags), free[0], flags)


def plain_since(usable, relapses, courses, death, as_of):
    flags = plain_flags(usable, death, as_of)
    begun = [day for day in courses if day <= as_of]
    if not begun:
        return plain_mapping(("insufficient", "no_course", None, None, None), None, flags)
    anchor, reason = plain_anchor(usable, relapses, min(begun))
    if not anchor:
        return plain_mapping(("insufficient", reason, None, None, None), None, flags)
    if anchor[0] > min(begun):
        flags.append("baseline_after_start")
    start = max(anchor[0], min(begun))
    return plain_mapping(plain_status(usable, relapses, anchor, start, "deceased" in flags), anchor, flags)


def plain_landmarks(usable, relapses, courses, death, as_of):
    begun = [day for day in courses if day <= as_of]
    labels = {}
    if not begun:
        return labels
    infusion = min(begun)
    anchor, _ = plain_anchor(usable, relapses, infusion)
    for year in range(1, 60):
        leap_day = (infusion.month, infusion.day) == (2, 29)
        target = date(infusion.year + year, infusion.month, 28 if leap_day else infusion.day)
        if target > as_of or (death and target > death):
            break
        close = [(abs((d - target).days), d, e) for d, e in usable if abs((d - target).days) <= 90]
        change = min(close)[2] - anchor[1] if close and anchor else None
        labels[str(year)] = (
            None if change is None else "improved" if change <= -1 else "worsened" if change >= 1 else "stable"
        )
    return labels


def plain(visits, relapses, courses, death, as_of):
    """Imprecise courses by trying every combination of days."""
    usable = plain_usable(visits, death, as_of)
    firsts = {min(days) for days in product(*map(each_day, courses))} if courses else {None}
    tries = [[first] if first else [] for first in firsts]
    verdicts = [plain_since(usable, relapses, days, death, as_of) for days in tries]
    since = verdicts[0]
    if any(verdict != since for verdict in verdicts):
        reason = ("insufficient", "course_date_imprecise", None, None, None)
        since = plain_mapping(reason, None, plain_flags(usable, death, as_of))
    labels = [plain_landmarks(usable, relapses, days, death, as_of) for days in tries]
    years = sorted({int(year) for found in labels for year in found})
    agreed = {}
    for year in map(str, years):
        found = {label.get(year) for label in labels}
        agreed[year] = found.pop() if len(found) == 1 else None
    return {"since_lemtrada": since, "overall": plain_overall(usable, relapses, death, as_of), "landmarks": agreed}


# Drawn histories

days = st.integers(-400, 1500).map(lambda n: ORIGIN + timedelta(n))
scores = st.one_of(
    st.sampled_from(GRID[:8]), st.sampled_from([2.0, 3.0, 4.0]), st.sampled_from([*GRID, 0.5, 3.25, None])
)


@st.composite
def visit_rows(draw, most=12):
    """Visits that often stand where the rule changes its mind: 29, 30, 167, 168 days apart, at window ends."""
    day = ORIGIN + timedelta(draw(st.sampled_from([-400, -181, -180, -30, -1, 0, 1, 30, 31])))
    rows = []
    for _ in range(draw(st.integers(0, most))):
        rows.append((day, draw(scores)))
        day += timedelta(draw(st.sampled_from([0, 1, 28, 30, 31, 60, 84, 91, 167, 168, 169, 275])))
    return draw(st.permutations(rows))


@st.composite
def relapse_rows(draw, visits):
    anchors = [day for day, _ in visits] or [ORIGIN]
    near_visits = st.tuples(st.sampled_from(anchors), st.sampled_from([-1, 0, 1, 29, 30, 31]))
    return draw(st.lists(st.one_of(days, near_visits.map(lambda pair: pair[0] - timedelta(pair[1]))), max_size=3))


@st.composite
def histories(draw, deaths=True):
    visits = draw(visit_rows())
    relapses = draw(relapse_rows(visits))
    courses = draw(st.sampled_from([[], [0], [0], [0], [0, 365], [365, 0], [-1], [1]]))
    death = draw(st.one_of(st.none(), st.none(), days)) if deaths else None
    as_of = draw(st.one_of(st.just(AS_OF), days))
    return visits, relapses, [ORIGIN + timedelta(n) for n in courses], death, as_of


def mapping(history):
    return classify(*history).as_mapping()


@settings(max_examples=600, deadline=None)
@given(histories())
def test_the_plain_implementation_agrees_in_every_field(history):
    assert mapping(history) == plain(*history)


@settings(max_examples=150, deadline=None)
@given(histories(), st.data())
def test_imprecise_dates_are_as_trying_every_day(history, data):
    visits, relapses, courses, death, as_of = history

    def blur(day):
        span = data.draw(st.sampled_from(["day", "month", "week", "year"]))
        if span == "week":
            return Interval(day - timedelta(data.draw(st.integers(0, 6))), day)
        return Interval.of(day, span)

    vague = [blur(day) for day in relapses]
    courses = [blur(day) for day in courses[:1]] + [Interval(day - timedelta(2), day) for day in courses[1:]]

    assert mapping((visits, vague, courses, death, as_of)) == plain(visits, vague, courses, death, as_of)


@given(histories(), st.randoms())
def test_row_order_does_not_matter(history, random):
    visits, relapses, courses, death, as_of = history
    assume(len({day for day, _ in visits}) == len(visits))  # on one day the last row counts
    shuffled = [random.sample(rows, len(rows)) for rows in (visits, relapses, courses)]

    assert mapping((*shuffled, death, as_of)) == mapping(history)


@given(histories())
def test_repeating_relapses_and_courses_does_not_matter(history):
    visits, relapses, courses, death, as_of = history

    assert mapping((visits, relapses * 2, courses * 3, death, as_of)) == mapping(history)


@given(histories(), st.integers(-5000, 5000))
def test_shifting_all_dates_shifts_the_result(history, shift):
    def moved(day):
        return day and day + timedelta(shift)

    visits, relapses, courses, death, as_of = history
    shifted = classify(
        [(moved(day), edss) for day, edss in visits],
        [moved(day) for day in relapses],
        [moved(day) for day in courses],
        moved(death),
        moved(as_of),
    )

    plain_result = classify(*history)
    for name in ("since_lemtrada", "overall"):
        ours, theirs = getattr(plain_result, name), getattr(shifted, name)
        # calendar months differ in length, so the flag that counts months may move; nothing else may
        assert set(ours.flags) - {"not_seen_lately"} == set(theirs.flags) - {"not_seen_lately"}
        assert (ours.status, ours.reason, ours.certainty) == (theirs.status, theirs.reason, theirs.certainty)
        assert (moved(ours.since), ours.baseline and (moved(ours.baseline.day), ours.baseline.edss)) == (
            theirs.since,
            theirs.baseline and (theirs.baseline.day, theirs.baseline.edss),
        )
        assert re.sub(r"\d+ \w{3} \d{4}", "DATE", ours.sentence) == re.sub(r"\d+ \w{3} \d{4}", "DATE", theirs.sentence)


@given(histories(), st.integers(1, 400), st.sampled_from([*GRID, 0.5, None]))
def test_what_is_dated_after_the_as_of_date_changes_nothing(history, later, edss):
    visits, relapses, courses, death, as_of = history
    assume(death is None or death <= as_of)
    day = as_of + timedelta(later)
    more = classify([(day, edss), *visits], [day, *relapses], [*courses, day], death or day, as_of)

    less = classify(*history)

    assert more.as_mapping() == less.as_mapping()
    assert len(more.findings) == len(less.findings)
    for name in ("since_lemtrada", "overall"):
        ours, theirs = getattr(more, name), getattr(less, name)
        assert (ours.sentence, ours.summary, ours.what_would_change) == (
            theirs.sentence,
            theirs.summary,
            theirs.what_would_change,
        )
        assert [row.why for row in ours.evidence if row.row == 0] == ["after_as_of"]
        assert [replace(row, row=row.row - 1) for row in ours.evidence if row.row] == list(theirs.evidence)


@given(st.lists(histories(), max_size=5))
def test_many_are_as_one_by_one(drawn):
    many = classify_many([History(*history[:4]) for history in drawn], AS_OF)
    single = [classify(*history[:4], AS_OF) for history in drawn]

    assert many == single
    assert [c.evidence_mapping() for c in many] == [c.evidence_mapping() for c in single]


@given(histories())
def test_visits_and_pairs_and_intervals_are_the_same(history):
    visits, relapses, courses, death, as_of = history
    given_as_values = classify(
        [Visit(Interval.of(day), edss, number) for number, (day, edss) in enumerate(visits)],
        [Interval.of(day) for day in relapses],
        [Interval.of(day) for day in courses],
        death and Interval.of(death),
        as_of,
    )

    assert given_as_values.as_mapping() == mapping(history)
    for verdict in (given_as_values.since_lemtrada, given_as_values.overall):
        assert all(row.ref == row.row for row in verdict.evidence)
        anchors = [row.ref for row in verdict.evidence if row.role == "anchor"]
        assert anchors == ([verdict.baseline.ref] if verdict.baseline else [])


@given(histories())
def test_the_stored_day_shows_the_flag_as_a_recomputation_would(history):
    visits, relapses, courses, death, as_of = history
    visits = [(day, edss) for day, edss in visits if day <= as_of and edss != 10]
    unseen_from = classify(visits, relapses, courses, death, as_of).unseen_from

    edges = [unseen_from, unseen_from - timedelta(1)] if unseen_from else []
    for later in [as_of, *(as_of + timedelta(n) for n in (1, 200, 540, 560, 4000)), *(d for d in edges if d >= as_of)]:
        flags = classify(visits, relapses, courses, death, later).overall.flags
        assert ("not_seen_lately" in flags) == (unseen_from is not None and unseen_from <= later)


@settings(max_examples=300)
@given(histories())
def test_evidence_agrees_with_the_verdict(history):
    visits, relapses, _, death, as_of = history
    result = classify(*history)
    json.dumps(result.evidence_mapping())
    usable = dict(plain_usable(visits, death, as_of))
    for verdict in (result.since_lemtrada, result.overall):
        rows = verdict.evidence
        assert sorted(row.row for row in rows) == list(range(len(visits)))
        assert [row.day.first for row in rows] == sorted(row.day.first for row in rows)
        check_roles(verdict, usable, relapses)
        check_runs(verdict)


def check_roles(verdict, usable, relapses):
    for row in verdict.evidence:
        day = row.day.first
        if row.role == "not_used":
            assert row.why
            assert row.difference is None
            assert not row.in_run
            assert not row.pending
            if row.why == "near_relapse":
                assert near(day, relapses)
                assert row.days_after_relapse == min(
                    (day - onset).days for onset in relapses if 0 <= (day - onset).days < 30
                )
        else:
            assert row.why is None
            assert usable[day] == row.edss
        if verdict.baseline is None:
            assert row.role == "not_used"
            continue
        if row.role in ("better", "worse", "within"):
            base, difference = verdict.baseline.edss, row.edss - verdict.baseline.edss
            expected = "worse" if difference >= (1.5 if base == 0 else 1.0) or row.edss == 10 else "within"
            expected = "better" if base >= 2 and difference <= -1 else expected
            assert day > verdict.baseline.day
            assert row.role == expected
            assert row.difference == difference
        if row.role == "anchor":
            assert day == verdict.baseline.day
        if row.role == "before_anchor":
            assert day < verdict.baseline.day


def check_runs(verdict):
    deciding = [row for row in verdict.evidence if row.role in ("better", "worse", "within")]
    run, pending = [row for row in deciding if row.in_run], [row for row in deciding if row.pending]
    if verdict.status == "insufficient":
        assert not run
        assert not pending
        return
    word = {"improved": "better", "progressed": "worse", "stable": "within"}[verdict.status]
    assert {row.role for row in run} <= {word}
    assert run or verdict.status == "stable"
    assert (deciding[-1] in run) != (deciding[-1] in pending)  # the last run decides, or waits
    assert bool(pending) == (verdict.pending is not None) == (verdict.certainty == "provisional")
    for span in (run, pending):
        places = [deciding.index(row) for row in span]
        assert places == list(range(places[0], places[-1] + 1)) if places else True
    if verdict.since:
        assert run[0].day.first == verdict.since
    if pending:
        assert pending[0].day.first == verdict.pending.since
    check_parts(verdict, run, pending)
    check_sentence(verdict.sentence, run, pending)


def check_parts(verdict, run, pending):
    expected = {span[0].row: "onset" for span in (run, pending) if span and span[0].role != "within"}
    if verdict.since:
        later = [row.row for row in run if row.day.first >= verdict.since + timedelta(168)]
        expected |= dict.fromkeys(later[:1], "confirming")
    assert {row.row: row.part for row in verdict.evidence if row.part} == expected


def check_sentence(sentence, run, pending):
    if "death from MS" in sentence:
        assert f"Its run has {len(run)} visit" in sentence
        return
    counts = [int(number or 1) for number in re.findall(r"(?:The last )?(\d+)? ?deciding visits?\b", sentence)]
    assert counts == [len(rows) for rows in (run, pending) if rows]
    spans = [int(number.replace(",", "")) for number in re.findall(r"span ([\d,]+) day", sentence)]
    long = [rows for rows in (run, pending) if len(rows) > 1 and rows[0].role != "within"]
    assert spans == [(rows[-1].day.first - rows[0].day.first).days for rows in long]


# What would change it


def added(history, *rows):
    """The history with more visits, on the day of the last of them."""
    visits, relapses, courses, death, as_of = history
    return classify([*visits, *rows], relapses, courses, death, max([as_of, *(day for day, _ in rows)]))


def visible(history):
    """Only what is known on the as-of date; later rows would be met on the way to the next visit."""
    visits, relapses, courses, death, as_of = history
    return (
        [visit for visit in visits if visit[0] <= as_of],
        [day for day in relapses if day <= as_of],
        [day for day in courses if day <= as_of],
        death if death and death <= as_of else None,
        as_of,
    )


def steps_between(low, high):
    return [edss for edss in GRID if low <= edss <= high]


@settings(max_examples=400, deadline=None)
@given(histories(), st.data())
def test_what_would_change_it_does(history, data):
    history = visible(history)
    for name in ("since_lemtrada", "overall"):
        verdict = getattr(classify(*history), name)
        for change in verdict.changes:
            rows, becomes = described_visits(change, history[-1], data), change.becomes
            after = getattr(added(history, *rows), name)
            if change.kind == "baseline":
                assert after.reason not in ("no_baseline", "baseline_near_relapse") or maybe_near(
                    rows[0][0], history[1]
                )
            elif becomes is None:
                assert after.status != "insufficient"
            else:
                assert (after.status, after.certainty, after.pending) == (becomes, change.certainty, None)


def described_visits(change, as_of, data):
    """Visits as the change describes them, at its edges or beyond."""
    start = max(change.counts_from or as_of, as_of) + timedelta(data.draw(st.sampled_from([0, 1, 100])))
    if change.kind == "baseline" and change.on_or_before:
        window = (change.on_or_before - change.counts_from).days
        start = change.counts_from + timedelta(data.draw(st.integers(0, window)))
    if change.kind in ("confirm", "visits") and change.visits == 1:
        start = max(start, change.on_or_after)
    drawn = st.sampled_from(steps_between(change.edss_from, change.edss_to))
    rows = [(start, data.draw(drawn))]
    if change.visits == 2:
        last = max(start + timedelta(max(change.apart_days, 1)), change.on_or_after or start)
        rows.append((last + timedelta(data.draw(st.sampled_from([0, 50]))), data.draw(drawn)))
    return rows


@settings(max_examples=300, deadline=None)
@given(histories(deaths=False), st.data())
def test_no_other_single_visit_changes_the_status(history, data):
    history = visible(history)
    for name in ("since_lemtrada", "overall"):
        verdict = getattr(classify(*history), name)
        if verdict.status == "insufficient":
            continue
        starts = [change.counts_from for change in verdict.changes] or [history[-1]]
        edges = {change.on_or_after + timedelta(n) for change in verdict.changes for n in (-1, 0)}
        day = max(*starts, history[-1], data.draw(st.sampled_from(sorted(edges | {history[-1] + timedelta(30)}))))
        assume(day > max(d for d, _ in history[0]))
        for edss in GRID[:-1]:
            after = getattr(added(history, (day, edss)), name)
            told = [
                (change.becomes, change.certainty)
                for change in verdict.changes
                if change.visits == 1 and change.edss_from <= edss <= change.edss_to and change.on_or_after <= day
            ]
            if told:
                assert [(after.status, after.certainty)] == told
            else:
                assert after.status == verdict.status


@given(histories(), st.integers(1, 900), st.sampled_from(GRID[:-1]))
def test_where_no_visit_helps_none_does(history, later, edss):
    history = visible(history)
    verdict = classify(*history).since_lemtrada
    day = history[-1] + timedelta(later)
    if "No visit can change" in verdict.what_would_change:
        assert added(history, (day, edss)).since_lemtrada.reason == "no_course"
    if "No visit before" in verdict.what_would_change:
        window = verdict.changes[0]
        for outside in (window.counts_from - timedelta(later), window.on_or_before + timedelta(later)):
            assert added(history, (outside, edss)).since_lemtrada.reason == verdict.reason


@settings(max_examples=200, deadline=None)
@given(histories(deaths=False), st.data())
def test_what_is_said_of_an_imprecise_course_is_true(history, data):
    visits, relapses, _, _, as_of = visible(history)
    first = ORIGIN - timedelta(data.draw(st.integers(0, 40)))
    vague = visits, relapses, [Interval(first, first + timedelta(data.draw(st.integers(1, 60))))], None, as_of
    assume(first <= as_of)
    verdict = classify(*vague).since_lemtrada
    later = [(as_of + timedelta(n), data.draw(st.sampled_from(GRID[:-1]))) for n in (1, 20, 200, 500)]
    if "No later visit" in verdict.what_would_change:
        for count in range(1, 5):
            assert added(vague, *later[:count]).since_lemtrada.reason == "course_date_imprecise"
    for change in verdict.changes:
        rows = described_visits(change, as_of, data)
        after = added(vague, *rows).since_lemtrada
        if change.kind == "visits":
            assert after.status != "insufficient"
        elif change.becomes:
            assert (after.status, after.certainty) == (change.becomes, change.certainty)

"""Warnings W1 to W14: when each fires, when it just does not, and what it says."""

import json
from dataclasses import FrozenInstanceError, fields
from datetime import date
from decimal import Decimal

import pytest

from engine.edss import SYSTEMS, Grade, Policies, score
from engine.edss_checks import AssessmentFacts, Finding, warnings

MARCH, SEPTEMBER = date(2026, 3, 1), date(2026, 9, 8)
ZERO = (0,) * 7


def of(*grades, **changed):
    return dict(zip(SYSTEMS, grades, strict=True)) | changed


def facts(grades=ZERO, ambulation=0, edss=None, day=MARCH, **known):
    grades = grades if isinstance(grades, dict) else of(*grades)
    return AssessmentFacts(
        day=day, grades=grades, ambulation=ambulation, edss_counts=None if edss is None else Decimal(edss), **known
    )


def found(current, previous=None, scored=True, policies=Policies()):  # noqa: B008 - frozen
    result = score(current.grades, current.ambulation, policies, current.scheme) if scored else None
    return {finding.id: finding for finding in warnings(current, result, previous)}


def test_an_ordinary_assessment_like_the_last_one_warns_of_nothing():
    last = facts((1, 0, 2, 2, 1, 1, 0), 1, "2.5", rater="A", mode="in_person", vision_method="near")

    assert warnings(last, score(last.grades, 1), last) == ()
    assert warnings(facts({}, None), None, facts({}, None)) == ()


def test_findings_come_in_order_of_number():
    before = facts((0, 0, 4, 0, 0, 0, 0), 0, "6.0", rater="B")
    now = facts((0, 0, 1, 0, 0, 0, 1), 1, "2.0", rater="A", rater_assigned=Decimal("3.0"), days_since_relapse=3)

    ids = [finding.id for finding in warnings(now, score(now.grades, 1), before)]

    assert ids == ["W1", "W7", "W11", "W12", "W14"]


def test_facts_and_findings_cannot_be_changed():
    for value in (facts(), Finding("W1", (), "")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, fields(value)[0].name, None)


# W1


def test_w1_the_raters_value_differs():
    current = facts((0, 0, 3, 3, 2, 0, 0), 1, rater_assigned=Decimal("3.5"))

    assert found(current)["W1"] == Finding("W1", ("rater_assigned",), "Your value 3.5 differs from the calculated 4.0.")


@pytest.mark.parametrize("value", [None, Decimal("4.0"), Decimal(4)])
def test_w1_silent_when_there_is_none_or_the_same(value):
    assert "W1" not in found(facts((0, 0, 3, 3, 2, 0, 0), 1, rater_assigned=value))


def test_w1_silent_without_a_calculated_value():
    assert "W1" not in found(facts({}, None, rater_assigned=Decimal("4.0")), scored=False)


# W2


def change(before, now, edss_before, edss_now, codes=(0, 0), schemes=("neurostatus", "neurostatus")):
    last = facts(before, codes[0], edss_before, SEPTEMBER, scheme=schemes[0])
    return found(facts(now, codes[1], edss_now, scheme=schemes[1]), last, scored=False)


ONES = (1,) * 7


def test_w2_a_change_that_no_grade_explains():
    up, down = change(ONES, ONES, "3.0", "4.0"), change(ONES, ONES, "4.0", "3.0")

    assert up["W2"].fields == ("edss_counts",)
    assert up["W2"].sentence == "EDSS up by 1.0 since 8 Sep 2026, yet no system and no walking code went up."
    assert down["W2"].sentence == "EDSS down by 1.0 since 8 Sep 2026, yet no system and no walking code went down."


@pytest.mark.parametrize("place", range(7))
def test_w2_any_system_moving_that_way_explains_it(place):
    higher = tuple(grade + (where == place) for where, grade in enumerate(ONES))

    assert "W2" not in change(ONES, higher, "3.0", "4.0")
    assert "W2" not in change(higher, ONES, "4.0", "3.0")
    assert "W2" in change(higher, ONES, "3.0", "4.0")
    assert "W2" in change(ONES, higher, "4.0", "3.0")


def test_w2_walking_explains_it_too():
    assert "W2" not in change(ONES, ONES, "3.0", "4.0", codes=(1, 2))
    assert "W2" not in change(ONES, ONES, "4.0", "3.0", codes=(2, 1))
    assert "W2" in change(ONES, ONES, "3.0", "4.0", codes=(2, 1))


def test_w2_a_large_change_wants_a_reason_too():
    assert "W2" in change(ONES, ONES, "3.0", "5.0")
    assert "W2" in change(ONES, ONES, "5.0", "3.5")


def test_w2_silent_below_one_and_when_something_is_not_known():
    assert "W2" not in change(ONES, ONES, "3.0", "3.5")
    assert "W2" not in change(ONES, ONES, None, "4.0")
    assert "W2" not in change(ONES, of(*ONES, sensory=None), "3.0", "4.0")
    assert "W2" not in change(ONES, ONES, "3.0", "4.0", codes=(None, 0))
    assert "W2" not in change(ONES, ONES, "3.0", "4.0", codes=(0, None))
    assert "W2" not in change(ONES, ONES, "3.0", "4.0", schemes=("legacy", "neurostatus"))
    assert "W2" not in change(ONES, ONES, "3.0", "4.0", schemes=("neurostatus", "legacy"))


def test_w2_a_grade_not_due_to_ms_counts_as_none():
    assert "W2" in change(ONES, of(*ONES, visual=Grade(4, "P")), "3.0", "4.0")


# W3


def test_w3_same_edss_although_a_system_moved_two_grades():
    finding = change((1, 1, 1, 1, 1, 3, 1), (3, 1, 1, 1, 1, 1, 1), "4.0", "4.0", codes=(3, 3))["W3"]

    assert finding.fields == ("edss_counts", "visual", "bowel_bladder")
    assert finding.sentence == ("EDSS as on 8 Sep 2026, although systems moved: visual +2 and bowel and bladder −2.")


def test_w3_a_system_may_have_moved_more_than_two_grades():
    sentence = change(ONES, (4, 1, 1, 1, 1, 1, 1), "4.0", "4.0", codes=(3, 3))["W3"].sentence

    assert sentence == "EDSS as on 8 Sep 2026, although systems moved: visual +3."


def test_w3_silent_with_an_aid():
    assert "W3" not in change(ONES, (4, 1, 1, 1, 1, 1, 1), "6.0", "6.0", codes=(6, 6))


@pytest.mark.parametrize(
    ("now", "edss", "code"),
    [
        ((2, 1, 1, 1, 1, 1, 1), "4.0", 0),  # one grade only
        ((3, 1, 1, 1, 1, 1, 1), "4.5", 0),  # EDSS moved
        ((3, 1, 1, 1, 1, 1, 1), None, 0),
        ((3, 1, 1, 1, 1, 1, 1), "4.0", 4),  # walking decides
        ((3, 1, 1, 1, 1, 1, 1), "4.0", None),
    ],
)
def test_w3_silent(now, edss, code):
    assert "W3" not in change(ONES, now, "4.0", edss, codes=(0, code))


# W4


@pytest.mark.parametrize(
    ("metres", "code"),
    [(500, 0), (500, 1), (499, 2), (300, 2), (299, 3), (200, 3), (199, 4), (100, 4), (99, 5), (5, 5), (4, 10), (0, 12)],
)
def test_w4_silent_when_distance_and_code_agree(metres, code):
    assert "W4" not in found(facts(ONES, code, distance_m=metres, aid="none"))


@pytest.mark.parametrize(
    ("metres", "code", "fits"),
    [
        (500, 2, "0 or 1"), (499, 1, "2"), (499, 0, "2"), (300, 3, "2"), (299, 2, "3"), (200, 4, "3"), (199, 3, "4"),
        (99, 4, "5"), (100, 5, "4"), (200, 10, "3"), (4, 2, "5, 10 or 11"), (0, 5, "10, 11, 12, 13, 14 or 15"),
    ],
)  # fmt: skip
def test_w4_distance_and_code_disagree(metres, code, fits):
    finding = found(facts(ONES, code, distance_m=metres, aid="none", observed=True))["W4"]

    assert finding.fields == ("distance_m", "ambulation")
    assert finding.sentence == f"{metres} m without aid, as measured, fits code {fits}, not {code}."


def test_w4_says_when_the_distance_was_told():
    assert (
        "250 m without aid, as told,"
        in found(facts(ONES, 2, distance_m=250, aid="none", observed=False))["W4"].sentence
    )


@pytest.mark.parametrize(
    "known",
    [
        {"ambulation": 2, "distance_m": 100, "aid": "one_side"},
        {"ambulation": 2, "distance_m": 100},
        {"ambulation": 2, "aid": "none"},
        {"ambulation": 2, "distance_m": 100, "aid": "none", "scheme": "legacy"},
        {"ambulation": None, "distance_m": 100, "aid": "none"},
    ],
)
def test_w4_silent_without_an_unaided_distance_and_a_code(known):
    assert "W4" not in found(facts(ONES, **known), scored=False)


def test_words_from_a_file_serve_as_well_as_literals():
    scheme, aid, rater = json.loads('["neurostatus", "none", "Dr A"]')

    assert "W4" in found(facts(ONES, 2, distance_m=250, aid=aid, scheme=scheme))
    assert "W2" in change(ONES, ONES, "3.0", "4.0", schemes=("neurostatus", scheme))
    assert "W14" not in found(facts(rater="Dr A"), facts(rater=rater))


# W5 to W9


@pytest.mark.parametrize(
    ("code", "scheme", "fires"),
    [
        (4, "neurostatus", False), (5, "neurostatus", True), (13, "neurostatus", True), (14, "neurostatus", False),
        (4, "legacy", False), (5, "legacy", True), (10, "legacy", True), (11, "legacy", False),
        (None, "neurostatus", False),
    ],
)  # fmt: skip
def test_w5_an_aid_with_no_pyramidal_or_cerebellar_grade(code, scheme, fires):
    assert ("W5" in found(facts(ZERO, code, scheme=scheme), scored=False)) is fires


@pytest.mark.parametrize("system", ["pyramidal", "cerebellar"])
@pytest.mark.parametrize("value", [1, None])
def test_w5_silent_when_one_of_them_is_there_or_unknown(system, value):
    assert "W5" not in found(facts(of(*ZERO, **{system: value}), 6), scored=False)


def test_w5_asks_what_calls_for_the_aid():
    assert found(facts(ZERO, 6))["W5"] == Finding(
        "W5",
        ("ambulation", "pyramidal", "cerebellar"),
        "Walking code 6 with pyramidal and cerebellar both 0: what calls for the aid?",
    )


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("grade", [4, 5, 6])
@pytest.mark.parametrize("code", [0, 1, 2])
def test_w6_walks_too_well_for_the_grades(system, grade, code):
    fires = code < 2 and (
        (system in ("pyramidal", "cerebellar") and grade >= 5) or (system == "sensory" and grade == 6)
    )

    assert ("W6" in found(facts(of(*ZERO, **{system: grade}), code), scored=False)) is fires


def test_w6_names_the_systems():
    finding = found(facts((0, 0, 5, 0, 6, 0, 0), 1))["W6"]

    assert finding.fields == ("ambulation", "pyramidal", "sensory")
    assert finding.sentence == "Walking code 1 is unlikely with pyramidal 5 and sensory 6."


@pytest.mark.parametrize(
    ("pyramidal", "cerebellar", "code", "fires"),
    [(1, 1, 1, True), (0, 0, 1, True), (2, 1, 1, False), (1, 2, 1, False), (1, 1, 0, False), (1, 1, 2, False),
     (None, 1, 1, False), (1, None, 1, False), (3, 1, 1, False), (1, 4, 1, False)],
)  # fmt: skip
def test_w7_limited_walking_that_no_system_explains(pyramidal, cerebellar, code, fires):
    current = facts(of(*ZERO, pyramidal=pyramidal, cerebellar=cerebellar), code)
    finding = found(current, scored=False).get("W7")

    assert (finding is not None) is fires
    assert finding is None or finding.fields == ("ambulation", "pyramidal", "cerebellar")


@pytest.mark.parametrize(
    ("grades", "code", "drivers"),
    [
        ((0, 0, 4, 0, 0, 0, 0), 0, ("pyramidal",)),
        ((0, 0, 0, 4, 0, 0, 0), 0, ("cerebellar",)),
        ((0, 0, 3, 3, 2, 0, 0), 0, ("pyramidal", "cerebellar")),
        ((0, 0, 4, 0, 0, 0, 0), 1, None),
        ((0, 0, 3, 3, 0, 0, 0), 0, None),  # 3.5
        ((0, 4, 1, 1, 0, 0, 0), 0, None),  # 4.0 through the brainstem
    ],
)
def test_w8_unlimited_walking_with_a_high_step_of_pyramidal_or_cerebellar(grades, code, drivers):
    finding = found(facts(grades, code)).get("W8")

    assert (finding and finding.fields[1:]) == drivers
    assert finding is None or finding.sentence.startswith("Walking has no limit, yet the systems reach 4.0 through ")


def test_w8_silent_without_a_calculated_value_or_a_code():
    assert not {"W8"} & {finding.id for finding in warnings(facts({}, None), score(of(0, 0, 4, 0, 0, 0, 0), 0))}
    assert "W8" not in found(facts((0, 0, 4, 0, 0, 0, 0), 0), scored=False)


@pytest.mark.parametrize(
    ("grades", "code", "scheme", "fires"),
    [
        (ONES, 2, "neurostatus", True), (ONES, 1, "neurostatus", False), (ONES, 9, "neurostatus", True),
        ((1, 1, 2, 1, 1, 1, 1), 2, "neurostatus", False), (ZERO, 3, "neurostatus", True), (ONES, 1, "legacy", False),
        (of(*ONES, visual=Grade(5, "P")), 2, "neurostatus", True), ((2, 0, 0, 0, 0, 0, 0), 9, "neurostatus", False),
    ],
)  # fmt: skip
def test_w9_walking_alone_makes_a_high_edss(grades, code, scheme, fires):
    assert ("W9" in found(facts(grades, code, scheme=scheme))) is fires


def test_w9_says_so():
    finding = found(facts(ONES, 2))["W9"]

    assert finding.fields == ("ambulation", *SYSTEMS)
    assert finding.sentence == "EDSS 4.5 rests on walking alone: every system is at 0 or 1."
    assert "W9" not in found(facts(ONES, 2), scored=False)
    assert "W9" not in {finding.id for finding in warnings(facts({}, 2), score(of(*ONES), 2))}


# W10, W11


@pytest.mark.parametrize(
    ("grade", "findings", "fires"),
    [
        (0, {"tone": 1}, True), (0, {"tone": 0, "power": 2}, True), (2, {"tone": 0, "power": 0}, True),
        (0, {"tone": 0}, False), (1, {"tone": 0, "power": 1}, False), (2, {}, False), (0, {}, False),
        (None, {"tone": 1}, False), (Grade(2, "P"), {"tone": 1}, False), (Grade(0, "P"), {"tone": 1}, False),
        (Grade(2, "X"), {"tone": 0}, True),
    ],
)  # fmt: skip
def test_w10_findings_that_imply_another_grade(grade, findings, fires):
    current = facts(of(*ZERO, pyramidal=grade), subscores={"pyramidal": findings})

    assert ("W10" in found(current, scored=False)) is fires


def test_w10_names_each_system_and_leaves_out_what_was_not_examined():
    subscores = {"visual": {"acuity": 1}, "bowel_bladder": {"urgency": 0}, "cerebral": {"mood": 0}}
    finding = found(facts((0, 0, 3, 0, 0, 2, 0), subscores=subscores))["W10"]

    assert finding.fields == ("visual", "bowel_bladder")
    assert finding.sentence == (
        "Grade and findings disagree: visual 0 with a finding and bowel and bladder 2 without any finding."
    )
    assert "W10" not in found(facts((0, 0, 3, 0, 0, 2, 0)))


@pytest.mark.parametrize(
    ("days", "steroids", "fields"),
    [
        (29, None, ("days_since_relapse",)), (0, False, ("days_since_relapse",)), (30, False, None), (31, None, None),
        (-1, None, None), (None, None, None), (None, True, ("steroids_last_30_days",)),
        (30, True, ("steroids_last_30_days",)), (3, True, ("days_since_relapse", "steroids_last_30_days")),
    ],
)  # fmt: skip
def test_w11_near_a_relapse_or_steroids(days, steroids, fields):
    finding = found(facts(days_since_relapse=days, steroids_last_30_days=steroids)).get("W11")

    assert (finding and finding.fields) == fields


def test_w11_says_why():
    assert found(facts(days_since_relapse=3, steroids_last_30_days=True))["W11"].sentence == (
        "Not for use as baseline or confirmation: 3 days after the onset of a relapse and steroids in the last 30 days."
    )


# W12 to W14


def test_a_day_is_said_with_its_month():
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

    for number, word in enumerate(months, start=1):
        last = facts(ONES, 0, "2.0", date(2025, number, 9))
        assert found(facts(ONES, 0, "3.5"), last)["W12"].sentence == f"EDSS up by 1.5 since 9 {word} 2025."


@pytest.mark.parametrize(
    ("before", "now", "fires"),
    [("2.0", "3.5", True), ("3.5", "2.0", True), ("6.0", "4.0", True), ("6.5", "3.0", True), ("2.0", "3.0", False),
     ("5.5", "4.5", False), (None, "4.0", False), ("2.0", None, False)],
)  # fmt: skip
def test_w12_a_large_change(before, now, fires):
    assert ("W12" in change(ONES, ONES, before, now)) is fires


def test_w12_says_which_way():
    assert change(ONES, ONES, "2.0", "3.5")["W12"].sentence == "EDSS up by 1.5 since 8 Sep 2026."
    assert change(ONES, ONES, "6.0", "4.0")["W12"] == Finding(
        "W12", ("edss_counts",), "EDSS down by 2.0 since 8 Sep 2026."
    )


def test_the_edss_in_force_is_the_raters_then_the_calculated_one():
    before = facts(ZERO, 0, rater_assigned=Decimal("1.0"), day=SEPTEMBER)
    calculated = facts((0, 0, 3, 0, 0, 0, 0), 0)
    own = facts((0, 0, 3, 0, 0, 0, 0), 0, rater_assigned=Decimal("2.0"))
    stored = facts((0, 0, 3, 0, 0, 0, 0), 0, "2.0", rater_assigned=Decimal("5.0"))

    assert "W12" in found(calculated, before)
    assert "W12" not in found(own, before)
    assert "W12" not in found(stored, before)


@pytest.mark.parametrize(
    ("grades", "code", "policies", "fields", "sentence"),
    [
        ((0, 0, 4, 2, 1, 0, 0), 1, Policies(), ("pyramidal", "cerebellar"),
         "Sources differ on one at grade 4, none at 3, with one or more at 2: 4.5 as set here, 4.0 elsewhere."),
        ((0, 0, 4, 3, 3, 3, 0), 0, Policies(four_with_threes="4.5"), SYSTEMS[2:6],
         "Sources differ on one at grade 4, with three or more at 3: 4.5 as set here, 5.0 elsewhere."),
        ((0, 0, 0, 0, 0, 0, 1), 0, Policies(cerebral_grade1="ignore"), ("cerebral",),
         "Sources differ on cerebral grade 1: 0.0 as set here, 1.0 elsewhere."),
    ],
)  # fmt: skip
def test_w13_a_contested_cell(grades, code, policies, fields, sentence):
    assert found(facts(grades, code), policies=policies)["W13"] == Finding("W13", fields, sentence)


@pytest.mark.parametrize(
    ("grades", "code"),
    [((0, 0, 4, 2, 1, 0, 0), 3), ((0, 0, 4, 2, 1, 0, 0), 2), ((0, 0, 0, 0, 0, 0, 1), 1), ((0, 0, 4, 3, 1, 0, 0), 0)],
)
def test_w13_silent_where_all_sources_give_the_same(grades, code):
    assert "W13" not in found(facts(grades, code))


@pytest.mark.parametrize("field", ["rater", "mode", "vision_method"])
@pytest.mark.parametrize(
    ("before", "now", "fires"), [("a", "b", True), ("a", "a", False), (None, "b", False), ("a", None, False)]
)
def test_w14_circumstances_that_changed(field, before, now, fires):
    result = found(facts(**{field: now}), facts(**{field: before}))

    assert ("W14" in result) is fires
    assert not fires or result["W14"].fields == (field,)


@pytest.mark.parametrize(
    ("known", "edss", "sentence"),
    [
        ({"rater": "A"}, "4.0", "Another rater than on 8 Sep 2026. The change of 1.0 may be the rater's."),
        ({"rater": "A"}, "2.5", "Another rater than on 8 Sep 2026. The change of 0.5 may be the rater's."),
        ({"rater": "A"}, "3.0", "Another rater than on 8 Sep 2026."),
        ({"rater": "A"}, None, "Another rater than on 8 Sep 2026."),
        (
            {"mode": "video"},
            "4.0",
            "Another way of examining than on 8 Sep 2026. The change of 1.0 may be due to that.",
        ),
        (
            {"rater": "A", "vision_method": "far"},
            "4.0",
            "Another rater and another vision test than on 8 Sep 2026. The change of 1.0 may be due to that.",
        ),
    ],
)
def test_w14_says_what_changed_and_what_it_may_explain(known, edss, sentence):
    before = facts(ONES, 0, "3.0", SEPTEMBER, rater="B", mode="in_person", vision_method="near")

    assert found(facts(ONES, 0, edss, **known), before, scored=False)["W14"].sentence == sentence

"""Single steps of the search, each on a history made for it; the expected results follow from the rules by hand."""

from datetime import date, timedelta

import pytest

from engine import search
from engine.progression import Cohort, Definition, detect, detect_cohort
from engine.types import Interval

DAY = date(2020, 1, 1)
ON_THE_DAY = {"prec": [0, 0], "event": [0, 0], "conf": [0, 0]}  # only a relapse on a day itself counts


def at(days):
    return DAY + timedelta(days)


def run(*visits, relapses=(), **options):
    onsets = [tuple(map(at, one)) if isinstance(one, tuple) else at(one) for one in relapses]
    return detect([(at(days), *rest) for days, *rest in visits], onsets, Definition.from_mapping(options))


def events(found):
    return [(event.type, (event.date - DAY).days, event.baseline_value) for event in found.events]


def reasons(found):
    return [(change.reason, change.at and (change.at - DAY).days) for change in found.unconfirmed]


# Local extrema


def is_extremum(scores, x, how, first=0):
    up = [1.0 if score <= 5 else 0.5 for score in scores]
    table = search.Visits([0.0] * len(scores), scores, up, up, [], [], [])
    return search.extremum(table, x, first, len(scores), how)


@pytest.mark.parametrize(
    ("scores", "x", "any_size", "of_a_step"),
    [
        ((2.0, 4.0, 2.0), 1, True, True),
        ((4.0, 2.0, 4.0), 1, True, True),
        ((1.0, 2.0, 1.0), 1, True, True),  # just a step
        ((3.0, 2.0, 3.0), 1, True, True),
        ((2.0, 2.5, 2.0), 1, True, False),
        ((2.5, 2.0, 2.5), 1, True, False),
        ((2.0, 4.0, 3.5), 1, True, False),  # a step on one side only
        ((3.5, 4.0, 2.0), 1, True, False),
        ((4.0, 2.0, 2.5), 1, True, False),
        ((2.5, 2.0, 4.0), 1, True, False),
        ((2.0, 3.0, 4.0), 1, False, False),
        ((4.0, 3.0, 2.0), 1, False, False),
        ((2.0, 4.0, 4.5), 1, False, False),
        ((2.0, 4.0, 4.0), 1, False, False),
        ((2.0, 2.0, 4.0), 1, False, False),
        ((2.0, 4.0, 2.0), 0, False, False),  # the ends are none
        ((2.0, 4.0, 2.0), 2, False, False),
        ((2.0, 4.0, 2.0, 5.0), 2, False, False),  # it repeats the visit two before
        ((2.0, 4.0, 1.0, 5.0), 2, True, True),
        ((3.0, 1.0, 4.0, 2.0), 2, True, True),
        ((1.0, 3.0, 4.0, 1.0), 2, True, True),
    ],
)
def test_a_peak_or_a_dip_between_its_neighbours(scores, x, any_size, of_a_step):
    assert is_extremum(scores, x, search.ALL_EXTREMA) is any_size
    assert is_extremum(scores, x, search.STRICT_EXTREMA) is of_a_step


def test_the_visits_of_the_patient_before_are_no_neighbours():
    assert is_extremum((2.0, 2.0, 4.0, 2.0, 4.0), 3, search.ALL_EXTREMA, first=2)
    assert is_extremum((1.0, 2.0, 2.0, 4.0, 2.0, 4.0), 4, search.ALL_EXTREMA, first=3)
    assert not is_extremum((2.0, 4.0), 1, search.ALL_EXTREMA)
    assert is_extremum((2.0,) * 300 + (4.0, 2.0, 4.0), 301, search.ALL_EXTREMA, first=300)
    assert not is_extremum((2.0, 2.0, 4.0, 2.0, 4.0), 2, search.ALL_EXTREMA, first=2)


# How long a change has to last


@pytest.mark.parametrize(
    ("days", "lasts"),
    [
        (140, False),  # the first visit 140 days or more after the onset is that of day 250
        (150, False),
        (151, True),  # that of day 310
        (210, True),
        (211, False),  # that of day 400
        (400, False),  # none: the last one
        ("inf", False),
    ],
)
def test_without_the_visits_between_one_visit_tells_whether_it_lasted(days, lasts):
    visits = (0, 2.0), (100, 3.0), (190, 3.0), (250, 2.0), (310, 3.0), (400, 2.0)
    found = run(*visits, check_intermediate=False, require_sust_days=days)

    assert bool(found.events) is lasts
    assert lasts or reasons(found)[0] == ("not_sustained", 250)


def test_without_the_visits_between_the_last_visit_alone_tells_in_the_end():
    visits = (0, 2.0), (100, 3.0), (190, 3.0), (310, 2.0), (400, 3.0)

    assert events(run(*visits, check_intermediate=False, require_sust_days="inf")) == [("CDW", 100, 2.0)]


@pytest.mark.parametrize("before", [(), ((50, 2.0),), ((30, 2.0), (60, 2.0))])
def test_a_change_that_ended_before_it_was_confirmed_names_that_visit(before):
    """The first visit 50 days or more after the onset does not hold, the confirming one and all later ones do."""
    visits = (0, 2.0), *before, (100, 3.0), (160, 2.0), (190, 3.0), (300, 3.0)
    found = run(*visits, check_intermediate=False, require_sust_days=50)

    assert reasons(found)[0] == ("not_sustained", 160)
    assert found.unconfirmed[0].sentence.endswith("not sustained: it had ended by 9 Jun 2020.")


# Reasons


def test_the_onset_itself_is_no_visit_that_could_have_confirmed():
    found = run((0, 2.0), (100, 3.0), (130, 3.0), conf_days=7, conf_tol_days=[7, 0])

    assert reasons(found)[0] == ("no_visit_in_window", None)


@pytest.mark.parametrize(("relapse", "near"), [(200, True), (219, True), (220, False)])
def test_a_visit_may_be_too_near_a_relapse_that_follows_it(relapse, near):
    found = run((0, 2.0), (100, 3.0), (190, 3.0), relapses=[relapse], relapse_to_conf=[0, 30])

    assert (reasons(found)[:1] == [("near_relapse", 190)]) is near
    assert bool(found.events) is not near


def test_half_a_point_that_counts_is_not_said_to_be_below_a_step():
    assert reasons(run((0, 6.0), (100, 6.5))) == [("no_later_visit", None)]
    assert reasons(run((0, 6.5), (100, 6.0))) == [("no_later_visit", None)]


def test_a_change_after_a_counted_run_waits_for_its_own_confirmation():
    found = run((0, 4.5), (100, 3.0), (190, 3.0), (210, 4.0), (240, 2.5), event="multiple")

    assert events(found) == [("CDI", 100, 4.5)]
    assert found.unconfirmed[-1].date == at(240)
    assert found.unconfirmed[-1].confirmable_from is not None


def test_what_ended_a_change_lies_after_its_confirmation_where_the_visits_between_need_not_hold():
    visits = (0, 2.0), (100, 3.0), (130, 2.0), (190, 3.0), (300, 2.0), (600, 2.0)

    assert reasons(run(*visits, check_intermediate=False, require_sust_days=400))[0] == ("not_sustained", 300)


def test_a_day_of_distance_from_a_relapse_is_not_kept_within_it():
    options = {"relapse_end": True, "relapse_to_event": [1, 0], "relapse_to_conf": 0}
    found = run((0, 2.0), (100, 3.0), (190, 3.0), (280, 3.0), relapses=[(95, 120)], **options)

    assert events(found) == [("CDW", 190, 2.0)]


def test_a_distance_of_one_day_is_waited_for():
    (change,) = run((0, 2.0), (100, 3.0), relapses=[177], relapse_to_conf=[1, 0]).unconfirmed

    assert change.confirmable_from == at(178)


@pytest.mark.parametrize(
    ("options", "relapses", "first"),
    [
        ({}, [300], 177),  # a relapse that comes later keeps no visit before it from confirming
        ({}, [170], 200),
        ({}, [170, 195], 225),
        ({"relapse_to_conf": [0, 30]}, [190], 191),
        ({"relapse_to_conf": [10, 30]}, [190, 215], 225),
        ({"relapse_end": True}, [(170, 260)], 261),
        ({"relapse_end": True}, [(170, 172)], 177),
        ({"conf_tol_days": [7, 7]}, [190], 177),
        ({"conf_tol_days": [7, 7]}, [176], None),
        ({"relapse_to_conf": ["inf", 0]}, [176], None),
        ({"relapse_end": True, "relapse_to_conf": 0}, [(170, 260)], 177),
        ({"conf_days": 90.75, "conf_tol_days": [0, 100]}, [], 191),
        ({"conf_days": 90.75, "conf_tol_days": [0, 200]}, [191], 221),
        ({"relapse_to_conf": [0, 30]}, [190, 195], 196),
        ({"relapse_to_conf": [0, 30]}, [177], 178),
        ({"relapse_to_conf": [0, 30]}, [207], 177),
        ({"relapse_to_conf": [30.5, 0]}, [170, 201], 232),
    ],
)
def test_a_visit_from_the_day_on_confirms_and_one_the_day_before_does_not(options, relapses, first):
    visits = (0, 2.0), (100, 3.0)
    (change,) = run(*visits, relapses=relapses, **options).unconfirmed

    assert change.confirmable_from == (first and at(first))
    if first:
        assert run(*visits, (first, 3.0), relapses=relapses, **options).events
        assert not run(*visits, (first - 1, 3.0), relapses=relapses, **options).events


def test_no_day_before_the_last_visit_can_confirm():
    (change,) = run((0, 2.0), (100, 3.0), (190, 3.0, False)).unconfirmed[:1]

    assert (change.reason, change.confirmable_from) == ("may_not_confirm", at(191))


def test_the_lowest_score_brings_its_steps_along():
    visits = (0, 2.0), (100, 0.0), (200, 1.0), (400, 1.0), (600, 1.0)
    options = {"baseline": "roving", "event": "multiple", "rebaseline_value": "min_in_confirmation"}

    assert events(run(*visits, **options)) == [("CDI", 100, 2.0)]


def test_a_smaller_change_moves_the_baseline_to_the_lowest_score_too():
    visits = (0, 5.0), (100, 4.0), (200, 4.5), (400, 5.0), (600, 5.0)
    options = {"baseline": "roving", "sub_threshold_rebl": "event"}

    assert events(run(*visits, **options)) == []
    assert events(run(*visits, **options, rebaseline_value="min_in_confirmation")) == [("CDW", 400, 4.0)]


def test_an_earlier_change_that_is_found_after_a_new_baseline_is_listed_beside_the_later_one():
    visits = (0, 3.0), (105, 3.5), (110, 2.5), (160, 2.0), (240, 3.0)
    found = run(*visits, relapses=[100], event="multiple", relapse_rebl=True, relapse_to_bl=0, relapse_to_conf=0)

    assert [change.date for change in found.unconfirmed] == [at(160), at(110)]


def test_in_a_table_each_patient_has_the_changes_below_a_step_of_their_own():
    visits = [(0, 3.0), (100, 4.0), (200, 3.5), (320, 4.5), (500, 4.5)]
    options = {"event": "multiple", "baseline": "roving", "sub_threshold_rebl": "event", "proceed_from": "event"}
    days, scores = [at(days).toordinal() for days, _ in visits], [score for _, score in visits]
    cohort = Cohort.from_columns([1] * 5 + [2] * 5, days * 2, scores * 2)

    found = detect_cohort(cohort, Definition.from_mapping(options))

    assert [[change.date for change in found.unconfirmed_of(index)] for index in (0, 1)] == [
        [change.date for change in run(*visits, **options).unconfirmed]
    ] * 2


def test_a_visit_at_the_distance_asked_for_is_not_too_near():
    visits = (0, 2.0), (100, 3.0), (190, 3.0, False)

    assert reasons(run(*visits, relapses=[160]))[0] == ("may_not_confirm", 190)
    assert reasons(run(*visits, relapses=[200], relapse_to_conf=[30, 10]))[0] == ("may_not_confirm", 190)
    assert reasons(run(*visits, relapses=[200], relapse_to_conf=[30, 11]))[0] == ("near_relapse", 190)


def test_the_baseline_of_what_was_not_confirmed_is_told_as_it_is():
    (change,) = run((0, 2.5), (100, 4.0)).unconfirmed

    assert (change.baseline_value, change.value) == (2.5, 4.0)


def test_where_the_first_independent_worsening_is_looked_for_a_relapse_reaches_to_its_first_day_only():
    """The day after the relapse lies beyond it: the baseline is new from there, and nothing rises any more."""
    options = {"relapse_to_bl": 0, "relapse_to_conf": 0, "relapse_assoc": 0, "relapse_indep": ON_THE_DAY}
    visits = (0, 2.0), (11, 3.0), (100, 3.0), (200, 3.0)

    assert events(run(*visits, relapses=[10], event="firstPIRA", **options)) == [("CDW", 11, 2.0)]
    assert events(run(*visits, relapses=[10], event="firstPIRA", relapse_rebl=True, **options)) == []


def test_a_visit_on_the_last_day_of_the_widest_window_breaks_the_run():
    found = run((0, 2.0), (100, 3.0), (184, 2.0, False), conf_tol_days=[7, 0])

    assert reasons(found)[0] == ("run_broken", 184)


@pytest.mark.parametrize(
    ("relapse", "ends", "first"), [((160, 300), False, 190), ((160, 300), True, 301), (160, True, 190)]
)
def test_the_end_of_a_relapse_tells_when_a_visit_can_confirm_only_where_ends_are_used(relapse, ends, first):
    options = {"conf_tol_days": [7, "inf"], "relapse_end": ends}

    (change,) = run((0, 2.0), (100, 3.0), relapses=[relapse], **options).unconfirmed

    assert change.confirmable_from == at(first)


def test_within_the_days_on_which_a_relapse_may_have_begun_it_is_no_days_away():
    """No end is known of it, so that its onset counts although the definition uses ends."""
    visits = [(at(days), score) for days, score in ((0, 2.0), (100, 3.0), (190, 3.0))]
    onset = Interval(at(180), at(200))

    def found(days):
        options = {"relapse_end": True, "relapse_to_conf": [days, 0], "relapse_to_event": 0}
        return detect(visits, [onset], Definition.from_mapping(options)).events

    assert found(0) != ()
    assert found(1) == ()


def test_the_first_day_of_a_relapse_with_an_end_lies_within_it():
    visits = (0, 2.0), (100, 3.0), (190, 3.0)

    assert reasons(run(*visits, relapses=[(190, 200)], relapse_end=True))[0] == ("near_relapse", 190)
    assert reasons(run(*visits, relapses=[(180, 190)], relapse_end=True))[0] == ("near_relapse", 190)
    assert events(run(*visits, relapses=[(180, 189)], relapse_end=True)) == [("CDW", 100, 2.0)]


# Baselines that move


def test_a_lowest_score_may_be_that_of_the_onset():
    visits = (0, 3.0), (100, 1.5), (150, 2.0), (200, 2.0), (300, 2.5), (400, 2.5)
    found = run(*visits, event="multiple", baseline="roving", rebaseline_value="min_in_confirmation")

    assert events(found) == [("CDI", 100, 3.0), ("CDW", 300, 1.5)]


@pytest.mark.parametrize("onset", [150, 160])
def test_a_real_step_on_the_way_of_a_smaller_change_is_an_onset(onset):
    between = [(130, 3.5)] if onset == 160 else []
    visits = (0, 3.0), (100, 3.5), *between, (onset, 5.0), (200, 5.0), (300, 5.0)
    found = run(*visits, event="multiple", baseline="roving", sub_threshold_rebl="event")

    assert [event[:2] for event in events(found)] == [("CDW", onset)]


def test_from_0_a_point_and_a_half_on_the_way_is_a_real_step():
    visits = (0, 0.0), (100, 1.0), (150, 1.5), (200, 1.5), (300, 1.5)
    found = run(*visits, event="multiple", baseline="roving", sub_threshold_rebl="event")

    assert events(found) == [("CDW", 150, 0.0)]


def test_a_relapse_that_may_have_begun_after_all_visits_leaves_no_new_baseline():
    visits = [(at(days), score) for days, score in ((0, 2.0), (100, 2.0), (200, 3.0), (300, 3.0))]
    definition = Definition.from_mapping({"relapse_rebl": True, "relapse_to_bl": 0})

    assert detect(visits, [Interval(at(50), at(1000))], definition).events == ()
    cohort = Cohort.from_columns(  # the same far down a table, where an equal row number is another object
        ["a"] * 300 + ["b"] * 4,
        [*range(1, 301), *(day.toordinal() for day, _ in visits)],
        [2.0] * 300 + [score for _, score in visits],
        relapse_patient=["b"],
        relapse_day=[at(50).toordinal()],
        relapse_last=[at(1000).toordinal()],
    )
    assert detect_cohort(cohort, definition, compiled=False).of(1) == ()


def test_a_smaller_change_that_came_back_moves_nothing():
    visits = (0, 3.0), (100, 3.5), (130, 3.0), (200, 3.5), (300, 4.0), (400, 4.0)
    found = run(*visits, event="multiple", baseline="roving", sub_threshold_rebl="event")

    assert events(found) == [("CDW", 300, 3.0)]


@pytest.mark.parametrize(("relapse", "found"), [(10, [("CDW", 100, 2.0)]), (9, [])])
def test_a_change_more_than_90_days_after_a_relapse_meets_a_new_baseline(relapse, found):
    visits = (0, 2.0), (100, 3.0), (200, 3.0), (300, 3.0)

    assert events(run(*visits, relapses=[relapse], relapse_rebl=True)) == found


@pytest.mark.parametrize(("onset", "found"), [(60, [("CDW", 60, 2.0)]), (61, [])])
def test_a_change_after_the_end_of_a_relapse_meets_a_new_baseline(onset, found):
    visits = (0, 2.0), (onset, 3.0), (200, 3.0), (300, 3.0)

    assert events(run(*visits, relapses=[(10, 60)], relapse_rebl=True, relapse_end=True)) == found


def test_a_change_at_the_last_visit_after_a_relapse_is_told():
    found = run((0, 2.0), (100, 2.0), (300, 3.0), relapses=[60], relapse_rebl=True)

    assert reasons(found) == [("no_later_visit", None)]
    assert found.unconfirmed[0].baseline_date == at(100)


# Directions and classes


def test_with_a_direction_of_its_own_each_kind_is_still_among_all_events():
    visits = (0, 4.0), (100, 3.0), (200, 3.0), (300, 5.0), (400, 5.0)

    assert events(run(*visits, event="multiple", own_direction=True)) == [("CDI", 100, 4.0), ("CDW", 300, 4.0)]
    assert events(run(*visits, event="firstCDI", own_direction=True)) == [("CDI", 100, 4.0)]
    assert events(run(*visits, event="firstCDW", own_direction=True)) == [("CDW", 300, 4.0)]


@pytest.mark.parametrize(("relapse", "label"), [(50, "undefined"), (29, "PIRA")])
def test_independence_may_be_asked_for_from_the_visit_before_the_onset(relapse, label):
    """No relapse from the visit before the onset up to the onset: from day 30 to day 200."""
    free = {"prec": [0, None], "event": [None, 0], "conf": [0, 0], "prec_type": "last"}
    visits = (0, 2.0), (30, 2.0), (200, 3.0), (300, 3.0)
    found = run(*visits, relapses=[relapse], RAW_PIRA=True, relapse_indep=free)

    assert [event.cdw_type for event in found.events] == [label]


def test_a_visit_too_near_a_relapse_to_confirm_makes_no_worsening_independent():
    """The second window is met by day 270 alone, 20 days before a relapse."""
    options = {"RAW_PIRA": True, "conf_days": [84, 168], "relapse_to_conf": [0, 30], "relapse_indep": ON_THE_DAY}
    found = run((0, 2.0), (100, 3.0), (190, 3.0), (270, 3.0), relapses=[290], **options)

    assert [event.pira_confirmed for event in found.events] == [{"84": at(190), "168": None}]


def test_visits_within_a_worsening_that_cannot_be_classified_are_examined_as_well():
    visits = [(at(days), score) for days, score in ((0, 2.0), (100, 3.0), (150, 3.0), (190, 3.0))]

    found = detect(visits, None, Definition.from_mapping({"event": "firstRAW"}))

    assert [change.date for change in found.unconfirmed] == [at(150), at(190)]


FLAT = (0, 2.0), (100, 3.0), (200, 3.0), (300, 3.0), (400, 3.0), (500, 3.0), (600, 3.0)


def test_a_run_that_only_goes_on_near_a_relapse_is_no_relapse_associated_worsening():
    """One event, with the class of its onset; a further step within the run is an event of its own."""
    assert events(run(*FLAT, relapses=[390], event="firstRAW")) == []
    further = *FLAT[:4], (400, 4.0), (500, 4.0), (600, 4.0)
    assert events(run(*further, relapses=[390], event="firstRAW")) == [("CDW", 400, 2.0)]
    assert events(run(*further, relapses=[490], event="firstRAW")) == []


def test_what_goes_on_in_a_counted_run_waits_for_nothing():
    found = run((0, 2.0), (100, 3.0), (190, 3.0), (220, 3.0), event="multiple")

    assert events(found) == [("CDW", 100, 2.0)]
    assert [(change.date, change.confirmable_from) for change in found.unconfirmed] == [(at(220), None)]


def test_a_further_step_in_a_counted_run_waits_for_its_own_confirmation():
    waiting = run(*FLAT[:4], (400, 4.0), relapses=[390], event="firstRAW")

    assert events(waiting) == []
    assert waiting.unconfirmed[-1].date == at(400)
    assert waiting.unconfirmed[-1].confirmable_from is not None


def test_a_step_from_the_onset_of_a_counted_run_is_a_further_one():
    """4.0 is no step from 2.0 on only: it is one from 3.0 as well, where the run began."""
    found = run((0, 2.0), (100, 3.0), (190, 4.0), event="firstRAW", proceed_from="event")

    assert events(found) == []  # the run is no relapse-associated one
    assert found.unconfirmed[-1].date == at(190)
    assert found.unconfirmed[-1].confirmable_from is not None


def test_a_worsening_within_a_counted_improvement_waits_for_its_own_confirmation():
    options = {"event": "multiple", "proceed_from": "event", "check_intermediate": False}
    found = run((0, 4.0), (100, 3.0), (130, 5.0), (190, 3.0), **options)

    assert events(found) == [("CDI", 100, 4.0)]
    worse = next(change for change in found.unconfirmed if change.date == at(130))
    assert worse.confirmable_from is not None
    mirrored = run((0, 4.0), (100, 5.0), (130, 3.0), (190, 5.0), **options)
    assert events(mirrored) == [("CDW", 100, 4.0)]
    better = next(change for change in mirrored.unconfirmed if change.date == at(130))
    assert better.confirmable_from is not None


def test_a_change_within_a_counted_run_of_the_other_kind_is_an_event():
    options = {"event": "multiple", "proceed_from": "event", "check_intermediate": False}
    days, scores = (0, 100, 130, 190, 220), (4.0, 5.0, 3.0, 5.0, 3.0)

    assert events(run(*zip(days, scores, strict=True), **options)) == [("CDW", 100, 4.0), ("CDI", 130, 4.0)]
    mirrored = zip(days, (8.0 - score for score in scores), strict=True)
    assert events(run(*mirrored, **options)) == [("CDI", 100, 4.0), ("CDW", 130, 4.0)]


def test_an_improvement_that_is_not_looked_for_ends_no_counted_run():
    """The worsening of day 160 is what goes on of that of day 100, which is near a relapse."""
    visits = (0, 4.0), (100, 5.0), (130, 3.0), (160, 5.0), (190, 5.0), (220, 3.0), (250, 5.0)
    options = {"own_direction": True, "check_intermediate": False, "proceed_from": "event"}

    assert events(run(*visits, relapses=[60], event="firstPIRA", **options)) == []


@pytest.mark.parametrize("reach", [["inf", 0], [90, "inf"], ["inf", "inf"]])
def test_without_a_relapse_nothing_is_near_one(reach):
    visits = (0, 2.0), (100, 3.0), (200, 3.0)

    for relapses, label in (((), "PIRA"), ((100,), "RAW")):
        found = run(*visits, relapses=relapses, RAW_PIRA=True, relapse_assoc=reach)
        assert [event.cdw_type for event in found.events] == [label]
    later = run(*visits, relapses=[250], RAW_PIRA=True, relapse_assoc=["inf", 0])
    assert [event.cdw_type for event in later.events] != ["RAW"]


@pytest.mark.parametrize("assoc", [0, 1, 90])
def test_a_distance_of_nothing_stays_so_where_the_end_of_a_relapse_is_known(assoc):
    """The visit of day 110 lies within the relapse: the baseline is new before it, unless the relapse reaches there."""
    visits = (0, 2.0), (110, 3.0), (200, 3.0), (300, 4.0), (400, 4.0), (500, 4.0)
    options = {"relapse_rebl": True, "relapse_end": True, "relapse_assoc": assoc}
    found = run(*visits, relapses=[(80, 120)], event="firstCDW", relapse_to_conf=0, **options)

    assert events(found) == [("CDW", 300, 3.0) if assoc == 0 else ("CDW", 110, 2.0)]


def test_a_real_step_is_not_made_the_baseline_by_what_is_left_of_it():
    """4.0 is a step above 3.0 that 3.5 does not confirm; the baseline moves to 3.5, the last below a step, only."""
    visits = (0, 3.0), (100, 4.0), (200, 3.5), (320, 4.5), (500, 4.5)
    options = {"event": "multiple", "baseline": "roving", "sub_threshold_rebl": "event", "proceed_from": "event"}

    found = run(*visits, **options)

    assert events(found) == [("CDW", 320, 3.5)]
    assert reasons(found)[0] == ("run_broken", 200)
    del options["proceed_from"]
    assert events(run(*visits, **options)) == [("CDW", 320, 3.5)]


def test_what_lies_between_a_smaller_change_and_the_step_that_confirms_it_is_no_change_of_its_own():
    """The half point of day 100 is confirmed at 190, by a real step: the search goes on there, not at day 150."""
    options = {"baseline": "roving", "sub_threshold_rebl": "event", "conf_days": 84, "conf_tol_days": [7, 7]}
    found = run((0, 2.0), (100, 2.5), (150, 2.5), (190, 3.0), **options)

    assert events(found) == []
    assert reasons(found) == [("no_later_visit", None)]


# A baseline that keeps the score of the one before


@pytest.mark.parametrize(
    ("scores", "relapses", "options"),
    [
        ([4, 3, 3, 3, 3], [-400], {"baseline": "roving"}),
        ([6, 4.5, 4.5, 4, 2.5, 2.5, 2.5], [-400], {"baseline": "roving"}),
        ([4, 2, 2, 2, 2, 2], [250], {}),
    ],
)
def test_a_run_against_a_score_that_was_kept_is_one_event(scores, relapses, options):
    """The baseline moves, but its score does not: the run never came back across the step (D1)."""
    visits = [(100 * place, score) for place, score in enumerate(scores)]

    found = run(*visits, relapses=relapses, event="multiple", relapse_rebl=True, bl_geq=True, **options)

    assert events(found) == [("CDI", 100, scores[0])]


@pytest.mark.parametrize(("relapses", "worse"), [([], [("CDW", 300, 3)]), ([-400], [])])
def test_without_a_relapse_no_score_is_kept(relapses, worse):
    """Specification, section 4: relapse re-baseline is ignored when there are no relapses, and bl_geq is part of it."""
    visits = [(0, 4), (100, 3), (200, 3), (300, 4), (400, 4)]

    found = run(*visits, relapses=relapses, event="multiple", baseline="roving", relapse_rebl=True, bl_geq=True)

    assert events(found) == [("CDI", 100, 4), *worse]


def test_the_peer_keeps_a_score_without_a_relapse_too():
    visits = [(0, 4), (100, 3), (200, 3), (300, 3), (400, 3)]
    options = {"event": "multiple", "baseline": "roving", "relapse_rebl": True, "bl_geq": True, "compat": "pymsprog"}

    assert events(run(*visits, **options)) == [("CDI", 100, 4), ("CDI", 300, 4)]

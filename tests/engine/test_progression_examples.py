"""The worked examples of the specification, each as it is written there: docs/engine.md, "Events"."""

from datetime import date
from math import inf

from engine.progression import Definition, detect


def day(text):
    return date.fromisoformat(text)


def history(*pairs):
    return [(day(when), score) for when, score in pairs]


def events(visits, relapses=(), **options):
    return detect(visits, [day(onset) for onset in relapses], Definition(**options)).events


RISE = history(("2018-01-10", 2), ("2018-07-11", 3), ("2018-10-10", 3), ("2019-01-15", 3), ("2019-07-16", 2.5))
DIP = history(("2018-01-10", 2), ("2018-07-11", 3), ("2018-09-01", 2.5), ("2018-10-10", 3), ("2019-01-15", 3))
BETTER = history(
    ("2018-01-10", 4), ("2018-07-11", 3), ("2019-01-09", 3), ("2019-07-10", 4), ("2020-01-08", 4), ("2020-07-08", 4)
)  # fmt: skip
STAIRS = history(
    ("2018-01-10", 2), ("2018-07-11", 3), ("2018-10-10", 3), ("2019-01-15", 3), ("2019-07-16", 4), ("2019-10-15", 4),
    ("2020-01-14", 4),
)  # fmt: skip


def test_example_1_a_worsening_confirmed_and_sustained_for_a_time():
    (event,) = events(RISE)

    assert (event.type, event.date, event.confirmed) == ("CDW", day("2018-07-11"), {"84": day("2018-10-10")})
    assert (event.confirmed["84"] - event.date).days == 91
    assert (event.sustained_days, event.sustained_to_last) == (188, False)


def test_example_1_at_168_days_or_more():
    (event,) = events(RISE, conf_days=168, conf_tol_days=(0, inf))

    assert event.confirmed == {"168": day("2019-01-15")}


def test_example_2_a_dip_breaks_the_first_run():
    (event,) = events(DIP)

    assert (event.date, event.confirmed) == (day("2018-10-10"), {"84": day("2019-01-15")})


def test_example_2_without_the_visits_between():
    (event,) = events(DIP, check_intermediate=False)

    assert (event.date, event.confirmed) == (day("2018-07-11"), {"84": day("2018-10-10")})


def test_example_3_a_fixed_baseline_sees_only_a_return():
    assert events(BETTER) == ()


def test_example_3_a_roving_baseline_sees_both():
    better, worse = events(BETTER, baseline="roving", event="multiple")

    assert (better.type, better.date) == ("CDI", day("2018-07-11"))
    assert (worse.type, worse.date) == ("CDW", day("2019-07-10"))
    assert (worse.baseline_value, worse.baseline_date) == (3.0, day("2019-01-09"))


def test_example_3_a_baseline_that_follows_improvement_gives_the_worsening_only():
    (event,) = events(BETTER, baseline="roving_impr")

    assert (event.type, event.date, event.baseline_date) == ("CDW", day("2019-07-10"), day("2019-01-09"))


def test_example_4_first_with_a_relapse_then_without():
    raw, pira = events(STAIRS, ["2018-06-21"], event="multiple", baseline="roving", RAW_PIRA=True)

    assert (raw.cdw_type, raw.date) == ("RAW", day("2018-07-11"))
    assert (pira.cdw_type, pira.date) == ("PIRA", day("2019-07-16"))


def test_example_4_a_persisting_worsening_does_not_turn_into_pira():
    (peer,) = events(STAIRS, ["2018-06-21"], event="firstPIRA", compat="pymsprog")

    assert peer.date == day("2018-10-10")
    assert events(STAIRS, ["2018-06-21"], event="firstPIRA") == ()


def test_example_4_with_a_baseline_that_follows_worsening_both_agree():
    for compat in ("none", "pymsprog"):
        (event,) = events(STAIRS, ["2018-06-21"], event="firstPIRA", baseline="roving_wors", compat=compat)
        assert (event.cdw_type, event.date) == ("PIRA", day("2019-07-16"))


def test_example_5_a_baseline_near_a_relapse_moves_to_the_next_visit():
    visits = history(
        ("2018-01-10", 2), ("2018-02-20", 2.5), ("2018-08-20", 3.5), ("2018-11-20", 3.5), ("2019-02-20", 3.5)
    )

    (event,) = events(visits, ["2018-01-02"])

    assert (event.type, event.date, event.baseline_date) == ("CDW", day("2018-08-20"), day("2018-02-20"))
    assert event.value - event.baseline_value == 1.0


def test_example_6_a_relapse_before_the_first_visit_still_counts():
    visits = history(("2018-01-10", 2), ("2018-01-30", 3), ("2018-06-10", 3))

    (peer,) = events(visits, ["2017-11-11"], RAW_PIRA=True, compat="pymsprog")
    (ours,) = events(visits, ["2017-11-11"], RAW_PIRA=True)

    assert (peer.cdw_type, ours.cdw_type) == ("PIRA", "RAW")
    assert (ours.date - day("2017-11-11")).days == 80

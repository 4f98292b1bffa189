"""The figures of a cohort against the engine asked for each patient alone, and against counts by hand."""

from datetime import date, timedelta
from random import Random

import pytest
from django.core.cache import cache
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from engine.change import MeanChange
from engine.presets import PRESETS
from engine.progression import detect
from engine.shares import wilson
from engine.status import anniversary, classify
from engine.survival import kaplan_meier
from engine.types import Interval, Refused, Visit
from outcomes import analyses, demo, trajectory
from outcomes.analyses import Person, analyse
from outcomes.charts import followup
from outcomes.cohorts import BANDS, CohortFilter, select, select_among
from outcomes.models import DisabilityEvent, Trajectory
from outcomes.reading import Rows
from patients.models import Patient, User
from tests.factories import make_centre, make_patient, visit
from tests.figures import accept

pytestmark = pytest.mark.django_db
URL = reverse("outcomes:cohort")
TODAY = date(2026, 1, 1)


@pytest.fixture(scope="class")
def registry(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), transaction.atomic():
        yield demo.seed(patients=60, on=timezone.now().date() - timedelta(days=300))
        transaction.set_rollback(True)


@pytest.fixture
def neuro(registry, db):
    cache.clear()
    return User.objects.get(email="neurologist@demo.example")


def alone(rows):
    """Baseline, first worsening, first improvement and follow-up of one patient, by the single-patient functions."""
    result = classify(rows.visits, rows.relapses, rows.first_infusions, rows.death, date(2200, 1, 1))
    baseline = result.since_lemtrada.baseline
    if baseline is None:
        return None
    visits = [(v.day.first, v.edss) for v in rows.visits if v.day.exact and v.day.first >= baseline.day]
    worse, better = PRESETS["carems_6m"].definitions
    first = [detect(visits, rows.relapses, definition).events for definition in (worse, better)]
    days = [events[0].date if events else None for events in first]
    last = max(day for day, edss in visits if edss is not None)
    return baseline, days, (last - baseline.day).days


class TestRegistry:
    def test_each_stored_event_is_what_a_search_for_the_first_one_finds(self, neuro):
        rows = trajectory.read_rows(list(Patient.objects.values_list("pk", flat=True)))
        for each in rows:
            stored = Trajectory.objects.get(patient=each.patient_id)
            expected = alone(each)
            if expected is None:
                assert (stored.worsening_day, stored.improvement_day, stored.follow_up_days) == (None, None, None)
                continue
            _, days, follow_up = expected
            assert [stored.worsening_day, stored.improvement_day] == days
            assert stored.follow_up_days == follow_up
            for kind, day in zip(("CDW", "CDI"), days, strict=True):
                events = DisabilityEvent.objects.filter(patient=each.patient_id, kind=kind)
                assert (events[0].onset if events else None) == day

    def test_the_curves_equal_those_of_single_patients(self, neuro):
        found = analyses.of_selection(select(CohortFilter(), neuro), CohortFilter())
        times = {"worsening": [], "improvement": []}
        for each in trajectory.read_rows(list(Patient.objects.values_list("pk", flat=True))):
            expected = alone(each)
            stored = Trajectory.objects.get(patient=each.patient_id)
            if expected is None or not stored.complete_courses:
                continue
            baseline, days, follow_up = expected
            late = max((stored.first_infusion - baseline.day).days, 0)
            if follow_up - late < 168:
                continue
            for name, day in zip(times, days, strict=True):
                if name == "worsening" or baseline.edss >= 2.0:
                    times[name].append((follow_up if day is None else (day - baseline.day).days, day is not None))

        for name, pairs in times.items():
            curve = getattr(found, name)
            reference = kaplan_meier([t for t, _ in pairs], [seen for _, seen in pairs])
            assert (curve.people, curve.events) == (len(pairs), sum(seen for _, seen in pairs))
            assert curve.estimate.survival.tolist() == reference.survival.tolist()
            assert curve.estimate.event_days.tolist() == reference.event_days.tolist()

    @pytest.mark.parametrize("band", BANDS)
    def test_a_band_of_baselines_holds_those_within_it(self, client, neuro, band):
        client.force_login(neuro)
        context = client.get(URL, {"baseline": band}).context
        low, high = BANDS[band]
        inside = Trajectory.objects.filter(baseline_edss__gte=low, baseline_edss__lte=high)

        assert context["overview"].people == inside.count()
        assert context["outcome"].people <= inside.count()

    @pytest.mark.parametrize("drugs", ["0", "1", "2", "3"])
    def test_earlier_drugs_are_those_begun_before_the_first_infusion(self, client, neuro, drugs):
        client.force_login(neuro)
        context = client.get(URL, {"drugs": drugs}).context
        expected = 0
        for person in Patient.objects.all():
            infusion = Trajectory.objects.get(patient=person).first_infusion
            if infusion is None:
                continue
            begun = {
                (t.drug, t.drug_name)
                for t in person.treatments.filter(voided_at=None)
                if t.start and t.start < infusion
            }
            expected += len(begun) >= 3 if drugs == "3" else len(begun) == int(drugs)

        assert context["overview"].people == expected

    def test_every_figure_can_be_drawn_and_has_its_numbers_as_a_table(self, client, neuro):
        client.force_login(neuro)
        page = client.get(URL)

        for figure in page.context["followed"]:
            accept(figure["figure"])
            assert figure["table"]["rows"]
            assert figure["rule"] in page.content.decode().replace("&#x27;", "'")

    def test_the_page_speaks_of_change_after_lemtrada_never_of_its_effect(self, client, neuro):
        client.force_login(neuro)
        text = client.get(URL).content.decode().lower()

        assert "after lemtrada" in text
        assert "effect of" not in text


def test_a_change_of_any_record_makes_the_figures_anew(clinician, centre):
    patient = make_patient(centre, clinician)
    keys = []
    for number, day in enumerate(("2020-01-01", "2020-09-01")):
        visit(patient, clinician, day, 3 + number)
        trajectory.sweep_once()
        keys.append(analyses.cache_key(select(CohortFilter(), clinician), CohortFilter()))

    assert keys[0] != keys[1]


def test_results_made_anew_and_other_people_in_a_centre_make_the_figures_anew(clinician, centre):
    """A recompute raises no version: what it repaired would stay hidden for an hour."""
    one, other, away = (make_patient(centre, clinician) for _ in range(3))
    Patient.objects.filter(pk=away.pk).update(centre=(south := make_centre("Centre Sud")))
    trajectory.refresh([one.pk, other.pk, away.pk])
    there, everywhere = CohortFilter(centre=centre.pk), CohortFilter()

    def key(wanted=there):
        return analyses.cache_key(select_among(Patient.objects.all(), everywhere), wanted)

    keys = [key()]
    trajectory.compute([one.pk], fresh_too=True)
    keys.append(key())
    Patient.objects.filter(pk=away.pk).update(centre=centre)
    keys.append(key())
    Patient.objects.filter(pk=other.pk).update(centre=south)
    keys.append(key())

    assert len(set(keys)) == 4
    assert keys[-1] == key()


@pytest.mark.parametrize("seed", range(5))
def test_labels_of_anniversaries_are_those_that_hold_today(seed):
    """Stored are those of a day that is never reached: what was not sure by today must not be shown."""
    rng, shown = Random(seed), 0
    for _ in range(200):
        day = date(2016, 2, 29) + timedelta(rng.choice([0, 0, *range(-59, 300)]))
        first = Interval.of(day, rng.choice(["day", "day", "month", "year"]))
        today = rng.choice([anniversary(first.first, 4), anniversary(first.last, 4)]) + timedelta(rng.randint(-2, 2))
        visits = [(day - timedelta(rng.randint(0, 60)), 3.0)]
        while (later := visits[-1][0] + timedelta(rng.randint(20, 250))) <= today:
            visits.append((later, rng.choice([3.0, 3.0, 3.0, 4.0])))
        infusions = {1: [first] * 5}
        rows = Rows(1, [Visit(Interval.of(at), edss, ref) for ref, (at, edss) in enumerate(visits)], [], infusions)

        expected = classify(rows.visits, [], rows.first_infusions, None, today).landmarks
        one = trajectory.derive([rows])[0].trajectory
        counted = analyses.yearly([Person(*(getattr(one, name) for name in Person._fields))], today)

        sure = [(year, label) for year, label in expected.items() if label]
        assert one.landmarks(today) == sure
        assert [(year.year, year.people) for year in counted] == [(year, 1) for year, _ in sure]
        shown += len(sure)
    assert shown > 100


def person(**changes) -> Person:
    usual = {
        "baseline_edss": 3.0,
        "baseline_day": date(2020, 1, 1),
        "first_infusion": date(2020, 1, 1),
        "complete_courses": 1,
        "follow_up_days": 2000,
        "worsening_day": None,
        "improvement_day": None,
        "changes": [],
    }
    return Person(**usual | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"complete_courses": 0},
        {"baseline_day": None},
        {"follow_up_days": 167},
        {"first_infusion": date(2020, 1, 31), "follow_up_days": 197},
        {"first_infusion": None},
    ],
)
def test_who_is_not_counted(changes):
    assert analyse([person(**changes)], TODAY).people == 0


def test_the_168_days_run_from_the_later_of_baseline_and_infusion():
    assert analyse([person(follow_up_days=168)], TODAY).people == 1
    assert analyse([person(first_infusion=date(2020, 1, 31), follow_up_days=198)], TODAY).people == 1
    assert analyse([person(baseline_day=date(2020, 1, 20), follow_up_days=168)], TODAY).people == 1


def test_only_those_who_can_improve_by_a_step_are_at_risk_of_improving():
    found = analyse([person(baseline_edss=1.5), person(baseline_edss=2.0, improvement_day=date(2021, 1, 1))], TODAY)

    assert (found.improvement.people, found.improvement.events) == (1, 1)
    assert found.worsening.people == 2


def test_years_count_those_with_a_visit_near_the_anniversary_that_has_come():
    people = [
        person(changes=[(1, "improved", -1.0), (2, "stable", 0.0)]),
        person(changes=[(1, "worsened", 1.5)]),
        person(first_infusion=date(2025, 6, 1), baseline_day=date(2025, 6, 1), changes=[(1, "improved", -2.0)]),
    ]
    found = analyse(people, TODAY)

    assert [(year.year, year.people) for year in found.years] == [(1, 2), (2, 1)]
    low, high = wilson(1, 2)
    assert found.years[0].labels["improved"] == (1, 50.0, 100 * low, 100 * high)
    assert found.years[0].change.mean == 0.25
    assert isinstance(found.years[1].change, MeanChange)


def test_nobody_at_all_is_said_in_words():
    found = analyse([], TODAY)

    assert isinstance(found.worsening.estimate, Refused)
    assert all(figure["figure"] is None and figure["caption"] for figure in followup.figures(found))

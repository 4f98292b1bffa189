"""The invented registry: reproducible, complete in kind, consistent with the engine, and never beside real people."""

import time
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from assessments.models import Assessment, Relapse
from engine.edss import SYSTEMS, score
from engine.status import REASONS
from outcomes import demo, rules, trajectory
from outcomes.models import Trajectory
from patients.models import Centre, Consent, Freshness, Identity, Patient, User
from tests.factories import make_patient
from treatments.models import Course, Infusion, Treatment

pytestmark = pytest.mark.django_db


def today() -> date:
    return timezone.now().date()


def contents() -> list:
    """Everything that was written, without ids and moments of writing."""
    found = [sorted(Identity.objects.values_list("local_number", "search_text", "patient__code"))]
    for model, fields in (
        (Patient, ("centre__name", "sex", "birth", "birth_precision", "onset", "diagnosis", "death", "participation")),
        (Assessment, ("day", "day_precision", "edss", *SYSTEMS, "ambulation", "distance_m", "rater_reason",
                      "void_reason", "created_by__email")),
        (Relapse, ("onset", "onset_precision", "systems", "severity")),
        (Infusion, ("day", "day_precision", "course__state")),
        (Course, ("state", "planned_start")),
        (Treatment, ("drug", "start", "stop")),
        (Consent, ("decision", "day")),
        (Trajectory, ("since_status", "since_reason", "overall_status", "last_edss")),
    ):  # fmt: skip
        who = "code" if model is Patient else "patient__code"
        found.append(sorted(map(str, model.objects.values_list(who, *fields))))
    return found


@pytest.fixture(scope="class")
def registry(django_db_setup, django_db_blocker):
    """The demo, written once; every test changes its own savepoint of it."""
    with django_db_blocker.unblock(), transaction.atomic():
        begin = time.perf_counter()
        summary = demo.seed(on=today())
        print(
            f"seeded {summary.patients} patients, {summary.assessments} visits in {time.perf_counter() - begin:.1f} s"
        )
        yield summary
        transaction.set_rollback(True)


class TestRegistry:
    """The demo as it is written by default."""

    def test_it_breaks_no_rule_about_records(self, registry):
        assert rules.broken() == []

    def test_every_status_and_every_reason_is_there_and_every_trajectory_is_stored(self, registry):
        rows = Trajectory.objects.all()

        assert registry.patients == registry.trajectories == rows.count() == 120
        assert set(rows.values_list("since_status", flat=True)) == {"improved", "stable", "progressed", "insufficient"}
        assert set(rows.values_list("since_reason", flat=True)) == {*REASONS, ""}
        assert {"improvement", "worsening"} <= set(rows.values_list("since_pending", flat=True))
        assert not Freshness.objects.stale().exists()
        assert trajectory.check() == []

    def test_every_calculated_edss_is_the_engines(self, registry):
        for row in Assessment.objects.all():
            complete = row.ambulation is not None and all(value is not None for value, _ in row.grades.values())
            if complete:
                assert row.edss_calculated == score({s: v for s, (v, _) in row.grades.items()}, row.ambulation).edss
            else:
                assert row.edss_calculated is None
            if row.edss_rater is None:
                assert row.edss == row.edss_calculated

    def test_what_a_clinic_really_has_is_in_it(self, registry):
        visits = Assessment.objects.all()

        assert visits.filter(edss=None).exclude(incomplete_reason="").exists()
        assert visits.filter(edss_calculated__isnull=False, edss_rater__isnull=False).exists()
        assert visits.filter(visual=None, edss__isnull=False, day_precision="day").exists()
        assert visits.exclude(day_precision="day").exists()
        assert visits.exclude(voided_at=None).exists()
        assert visits.filter(edss=Decimal("10.0"), patient__death_cause="ms").exists()
        assert Patient.objects.filter(death_cause="other").exists()
        assert set(Consent.objects.values_list("decision", flat=True)) == {"given", "refused", "withdrawn"}
        assert {1, 2, 3} <= set(Trajectory.objects.values_list("courses", flat=True))
        assert Patient.objects.filter(trajectory__last_visit=None).exists()
        assert all(Centre.objects.values_list("synthetic", flat=True))

    def test_every_row_has_its_history_and_its_author(self, registry):
        for model in (Patient, Assessment, Relapse, Course, Infusion, Treatment, Consent):
            assert model.history.filter(history_type="+").count() == model.objects.count()
            assert not model.history.filter(history_user=None).exists()
        assert set(User.objects.values_list("email", flat=True)) == {email for _, email, _ in demo.ACCOUNTS}
        assert all(User.objects.get(email=email).check_password(password) for _, email, password in demo.ACCOUNTS)

    def test_the_showcase_is_found_by_its_local_number(self, registry):
        patient = Patient.objects.get(identity__local_number="DEMO-1")

        assert patient.code == registry.showcase
        assert (patient.trajectory.since_status, patient.trajectory.since_pending) == ("improved", "")
        assert patient.trajectory.overall_pending == "worsening"


def test_the_same_seed_and_day_give_the_same_registry(db):
    day = today() - timedelta(days=40)
    found = []
    for _ in range(2):
        with transaction.atomic():
            demo.seed(seed=5, patients=25, on=day)
            found.append(contents())
            transaction.set_rollback(True)

    assert found[0] == found[1]


def test_it_is_refused_in_production(settings):
    settings.PRODUCTION = True
    with pytest.raises(demo.DemoRefused, match="production"):
        demo.seed()


def test_it_is_refused_beside_people_who_are_not_invented(centre, clinician):
    make_patient(centre, clinician)
    with pytest.raises(demo.DemoRefused, match="not synthetic"):
        demo.seed()


def test_it_is_refused_a_second_time(db):
    demo.seed(patients=2)
    with pytest.raises(demo.DemoRefused, match="already"):
        demo.seed(patients=2)
    assert Patient.objects.count() == 2

"""What a save would change, shown before it is saved."""

import pytest
from django.urls import reverse

from assessments.models import Assessment
from outcomes import trajectory
from outcomes.models import Trajectory
from tests.assessments.entries import entry
from tests.factories import course, visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def treated(patient, clinician):
    course(patient, clinician, "2024-03-04", "2024-03-05")
    for day, edss in (("2024-02-01", 2), ("2024-09-02", 2), ("2025-03-03", 2)):
        visit(patient, clinician, day, edss)
    return patient


def ask(client, user, patient, **fields):
    client.force_login(user)
    return client.post(reverse("outcomes:outlook", args=[patient.code]), entry(user, **fields))


def test_it_says_what_the_status_would_become(client, clinician, treated):
    visit(treated, clinician, "2025-09-01", 4)

    page = ask(client, clinician, treated, day="2026-09-01").content.decode()

    assert "If you save 4.0" in page
    assert "since Lemtrada, confirmed; was stable, provisional." in page
    assert "Progressed" in page


def test_what_it_said_is_what_a_save_brings(client, clinician, treated):
    said = ask(client, clinician, treated, day="2026-09-01").content.decode()
    client.post(
        reverse("assessments:assessment_add", args=[treated.code]),
        entry(clinician, day="2026-09-01", **{f"reason_W{n}": "seen twice" for n in range(1, 15)}),
    )
    now = trajectory.current([treated])[treated.pk].trajectory

    assert Assessment.objects.filter(patient=treated).count() == 4
    assert now.result["since_lemtrada"]["summary"] in said


def test_it_stores_nothing(client, clinician, treated):
    ask(client, clinician, treated)

    assert Assessment.objects.count() == 3
    assert not Trajectory.objects.exists()


def test_without_an_edss_it_says_nothing(client, clinician, treated):
    assert "If you save" not in ask(client, clinician, treated, pyramidal=None).content.decode()
    assert "If you save" not in ask(client, clinician, treated, day="31.2.2026").content.decode()


def test_a_changed_assessment_replaces_itself(client, clinician, treated):
    stored = Assessment.objects.get(day="2025-03-03")
    page = ask(client, clinician, treated, day="2025-03-03", assessment=str(stored.pk)).content.decode()

    assert "since Lemtrada, provisional; was stable, confirmed." in page


def test_strangers_and_admins_learn_nothing(client, outsider, admin, treated):
    assert ask(client, outsider, treated).status_code == 404
    assert ask(client, admin, treated).status_code == 403

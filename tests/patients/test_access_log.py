"""The access log: what each admin sees of it, in which words, and what it never holds."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from patients import accounts, audit
from patients.models import AccessEvent, AccessKind, Membership, Role
from tests.factories import make_patient, make_user

pytestmark = pytest.mark.django_db
URL = reverse("patients:access_log")


@pytest.fixture
def there(other_centre):
    """A patient, a clinician and an admin of the other centre."""
    by = make_user("there", centre=other_centre)
    return make_patient(other_centre, by), by, make_user("chief", centre=other_centre, role=Role.ADMIN)


def at(moment: str, *given, **more):
    """An event of a moment in UTC."""
    when = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return AccessEvent.objects.create(at=when, **more)


def seen(client, user, **query):
    client.force_login(user)
    answer = client.get(URL, query)
    assert answer.status_code == 200
    return [line.event for line in answer.context["lines"] if line.event.kind != AccessKind.SIGN_IN]


def test_reading_a_patient_stands_in_the_log_with_both_times(client, clinician, admin, patient):
    event = at("2026-01-05 23:30", user=clinician, kind=AccessKind.READ, patient=patient, page="patient")
    client.force_login(admin)

    text = client.get(URL, {"kind": "read"}).content.decode()

    assert "6 Jan 2026, 00:30 CET" in text
    assert "5 Jan 2026, 23:30 UTC" in text
    for words in (clinician.name, patient.code, "Read", "Patient"):
        assert words in text
    assert [event] == seen(client, admin, kind="read")


def test_names_of_patients_and_clinical_values_are_not_in_it(client, admin, clinician, patient):
    client.force_login(clinician)
    client.get(reverse("outcomes:patient", args=[patient.code]))
    client.post(reverse("outcomes:patients"), {"q": patient.identity.family_name})
    client.force_login(admin)

    text = client.get(URL).content.decode()

    assert patient.code in text
    assert patient.identity.family_name not in text
    assert patient.identity.given_name not in text


def test_each_admin_sees_the_own_centre(client, admin, clinician, patient, there, registry_admin):
    other_patient, other_clinician, chief = there
    AccessEvent.objects.all()  # registering has noted the identities
    audit.note(clinician, AccessKind.READ, patient=patient, page="patient")
    audit.note(other_clinician, AccessKind.READ, patient=other_patient, page="patient")
    audit.note(clinician, AccessKind.SEARCH, page="patients", detail="3 found")
    audit.note(other_clinician, AccessKind.SEARCH, page="patients", detail="4 found")
    audit.note(None, AccessKind.SIGN_IN_FAILED)

    def told(user):
        return {(e.kind, e.patient_id, e.detail) for e in seen(client, user) if e.kind != AccessKind.IDENTITY}

    assert told(admin) == {("read", patient.pk, ""), ("search", None, "3 found")}
    assert told(chief) == {("read", other_patient.pk, ""), ("search", None, "4 found")}
    assert told(registry_admin) == told(admin) | told(chief) | {("sign_in_failed", None, "")}


def test_who_works_in_both_centres_shows_nobody_the_patients_of_the_other(client, admin, clinician, patient, there):
    other_patient, _, _ = there
    Membership.objects.create(user=clinician, centre=other_patient.centre, role=Role.CLINICIAN)
    audit.note(clinician, AccessKind.READ, patient=other_patient, page="patient")

    assert other_patient not in [event.patient for event in seen(client, admin)]


@pytest.mark.parametrize(
    ("wanted", "visible"), [("no filter", True), ("centre={here}", True), ("centre={there}", False)]
)
@pytest.mark.parametrize("who", ["registry_admin", "command line", "both"])
def test_an_export_by_others_is_seen_where_it_took_patients(
    request, client, admin, centre, other_centre, wanted, visible, who
):
    by = None if who == "command line" else make_user("taker", is_registry_admin=who == "registry_admin")
    if who == "both":
        for where in (centre, other_centre):
            Membership.objects.create(user=by, centre=where, role=Role.ADMIN)
    narrowed = wanted.format(here=centre.pk, there=other_centre.pk)
    audit.note(by, AccessKind.EXPORT, page="export_start", detail=f"ab csv, 3 people; {narrowed} courses=1; centre=7")
    audit.note(by, AccessKind.EXPORT, page="export_end", detail=f"ab whole: 3 rows; {narrowed}")

    assert len(seen(client, admin)) == (2 if visible else 0)


def test_an_export_stays_in_the_log_when_its_maker_is_a_registry_admin_no_longer(client, admin, registry_admin):
    taker = make_user("taker", is_registry_admin=True)
    audit.note(taker, AccessKind.EXPORT, page="export_start", detail="ab csv, 3 people; no filter; a test")
    accounts.set_registry_admin(taker, False, by=registry_admin)
    audit.note(taker, AccessKind.EXPORT, page="export_start", detail="cd csv, 3 people; no filter; a test")

    assert [event.detail[:2] for event in seen(client, admin)] == ["ab"]


@pytest.mark.parametrize(
    ("role", "ended", "visible"), [("clinician", False, 0), ("admin", True, 1), ("admin", False, 1)]
)
def test_an_export_took_from_centres_of_which_its_maker_was_an_admin(
    client, admin, centre, other_centre, role, ended, visible
):
    taker = make_user("taker", centre=other_centre, role=Role.ADMIN)
    here = Membership.objects.create(user=taker, centre=centre, role=role)
    audit.note(taker, AccessKind.EXPORT, page="export_start", detail="ab csv, 3 people; no filter; a test")
    if ended:
        Membership.objects.filter(pk=here.pk).update(ended_at=timezone.now())
        audit.note(taker, AccessKind.EXPORT, page="export_start", detail="cd csv, 3 people; no filter; a test")

    assert [event.detail[:2] for event in seen(client, admin)] == ["ab"] * visible


def test_an_export_says_filter_reason_and_rows(client, admin):
    audit.note(admin, AccessKind.EXPORT, page="export_start", detail="ab csv, 3 people; courses=1; a; b")
    client.force_login(admin)

    text = client.get(URL, {"kind": "export"}).content.decode()

    for words in ("Export ab csv, 3 people", "Filter: courses=1", "Reason: a; b", "Exported"):
        assert words in text


def test_filters(client, admin, clinician, neurologist, patient, centre):
    other = make_patient(centre, clinician)
    first = at("2026-01-05 23:30", user=clinician, kind="read", patient=patient, page="patient")  # the 6th in Berlin
    second = at("2026-01-06 12:00", user=neurologist, kind="print", patient=other, page="patient_print")
    days = {"first": "2026-01-06", "last": "2026-01-06"}

    assert seen(client, admin, **days) == [second, first]
    assert seen(client, admin, **days, person=clinician.pk) == [first]
    assert seen(client, admin, **days, kind="print") == [second]
    assert seen(client, admin, **days, patient=patient.code.lower()) == [first]
    assert seen(client, admin, first="2026-01-07", last="2026-01-08") == []
    assert seen(client, admin, last="2026-01-05") == []


@pytest.mark.parametrize("query", [
    {"first": "x"}, {"first": "2026-13-01"}, {"first": "2026-02-02", "last": "2026-02-01"}, {"kind": "x"},
    {"person": "x"}, {"person": "999999"}, {"patient": "x" * 21}, {"first": "2026"},
])  # fmt: skip
def test_a_filter_that_cannot_be_read_lists_nothing_and_says_so(client, admin, patient, query):
    assert seen(client, admin, **query) == []
    assert "stops the list" in client.get(URL, query).content.decode() or query.get("person")


def test_a_person_of_another_centre_is_no_choice(client, admin, there):
    client.force_login(admin)

    assert there[1].name not in client.get(URL).content.decode()


@pytest.mark.parametrize("who", ["clinician", "neurologist", "outsider"])
def test_it_is_for_admins(request, client, who):
    client.force_login(request.getfixturevalue(who))

    assert client.get(URL).status_code == 403


def test_it_is_paged_and_costs_the_same_queries_on_each_page(client, admin, clinician, patient):
    for number in range(120):
        audit.note(clinician, AccessKind.READ, patient=patient, page=f"page {number}")
    client.force_login(admin)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        page = client.get(URL, {"kind": "read", "page": "2"})

    assert len(page.context["lines"]) == 50
    assert page.context["lines"][0].event.page == "page 69"
    assert 'href="?kind=read&amp;page=3"' in page.content.decode()
    assert len(queries) < 16


def test_of_very_many_the_latest_are_listed_and_the_page_says_so(client, admin, clinician, patient, monkeypatch):
    monkeypatch.setattr("patients.views.access_log.LISTED", 3)
    for number in range(5):
        audit.note(clinician, AccessKind.READ, patient=patient, page=f"page {number}")

    assert [event.page for event in seen(client, admin, kind="read")] == ["page 4", "page 3", "page 2"]
    assert "The latest 3 are listed" in client.get(URL, {"kind": "read"}).content.decode()


def test_the_page_of_changes_leads_to_the_log_of_the_patient(client, admin, clinician, patient):
    where = f'href="{URL}?patient={patient.code}"'
    client.force_login(admin)
    assert where in client.get(reverse("outcomes:patient_history", args=[patient.code])).content.decode()

    client.force_login(clinician)
    assert where not in client.get(reverse("outcomes:patient_history", args=[patient.code])).content.decode()

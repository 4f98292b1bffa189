"""The patient list: who is on it, in which order, found by what, and never by an old status."""

import re
from datetime import date

import pytest
from django.urls import reverse

from outcomes import cohorts, roster, trajectory
from outcomes.cohorts import CohortFilter
from outcomes.models import Trajectory
from patients.models import AccessEvent, AccessKind, Freshness, Membership, Patient, Role
from tests.factories import course, make_patient, relapse, visit

pytestmark = pytest.mark.django_db
URL = reverse("outcomes:patients")
FIVE = [f"2020-03-0{day}" for day in range(2, 7)]


def person(centre, by, *scores, infusions=(FIVE,), **fields):
    """A patient with a baseline before March 2020 and half-yearly visits after it."""
    patient = make_patient(centre, by, **fields)
    for days in infusions:
        course(patient, by, *days)
    for number, edss in enumerate(scores):
        visit(patient, by, date(2020, 2, 1) if not number else date(2020 + number // 2, 3 + 6 * (number % 2), 10), edss)
    return patient


@pytest.fixture
def cast(centre, clinician):
    """One of each status."""
    return {
        "improved": person(centre, clinician, 4, 3, 3, 3, family_name="Améléi", local_number="L-1"),
        "stable": person(centre, clinician, 4, 4, 4, "4.5", family_name="Brønd", local_number="L-2"),
        "progressed": person(centre, clinician, 3, 4, 4, 5, family_name="Cruz", local_number="L-3"),
        "insufficient": person(centre, clinician, 3, infusions=(), family_name="Dörr", local_number="L-4"),
    }


def settle():
    trajectory.refresh(Patient.objects.values_list("pk", flat=True))


def codes(response):
    return [row.patient.code for row in response.context["rows"]]


def listed(client, user, path="", **sent):
    client.force_login(user)
    return client.post(URL, sent) if sent else client.get(URL + path)


@pytest.mark.parametrize("stored", [True, False])
def test_the_toggles_count_what_the_filter_lists(client, clinician, cast, stored):
    if stored:
        settle()
    page = listed(client, clinician)

    assert dict(page.context["counts"].statuses) == dict.fromkeys(cast, 1)
    assert page.context["counts"].everybody == 4
    for status, patient in cast.items():
        found = listed(client, clinician, f"?status={status}")
        assert codes(found) == [patient.code]
        assert found.context["page"].paginator.count == 1


def test_a_foreign_centre_is_in_no_list_no_count_and_no_search(client, clinician, outsider, other_centre, cast):
    foreign = person(other_centre, outsider, 4, 3, 3, 3, family_name="Améléi", local_number="X-9")
    settle()

    mine = listed(client, clinician)
    assert foreign.code not in mine.content.decode()
    assert mine.context["counts"].everybody == 4
    for text in (foreign.code, "X-9", "amelei"):
        assert foreign.code not in codes(listed(client, clinician, q=text))
    assert codes(listed(client, clinician, f"?centre={other_centre.pk}")) == codes(mine)
    assert codes(listed(client, outsider)) == [foreign.code]


def test_somebody_without_a_role_sees_nobody(client, cast, db):
    from tests.factories import make_user

    client.force_login(make_user("nobody"))
    assert client.get(URL).status_code == 403


@pytest.mark.parametrize("text", ["amelei", "AMÉLÉI", "erika amelei", "  Améléi  ", "l-1"])
def test_names_and_local_numbers_are_found_without_case_and_accents(client, clinician, cast, text):
    assert codes(listed(client, clinician, q=text)) == [cast["improved"].code]


def test_letters_that_are_no_accented_ones_are_found_too(client, clinician, cast):
    assert codes(listed(client, clinician, q="brond")) == [cast["stable"].code]


def test_a_code_typed_in_lower_case_is_found(client, admin, cast):
    code = cast["stable"].code

    assert codes(listed(client, admin, q=code.lower())) == [code]
    assert codes(listed(client, admin, q=code[3:].lower())) == [code]


def test_signs_of_the_search_language_are_only_letters(client, clinician, cast):
    for text in ("%", "_", "' OR 1=1", "\\"):
        assert codes(listed(client, clinician, q=text)) == []


def test_an_admin_sees_codes_and_cannot_search_names(client, admin, cast):
    page = listed(client, admin)

    assert "Améléi" not in page.content.decode()
    assert cast["improved"].code in page.content.decode()
    assert codes(listed(client, admin, q="amelei")) == []
    assert codes(listed(client, admin, q="L-1")) == []


def test_names_show_only_for_centres_where_the_user_treats(client, clinician, outsider, other_centre, cast):
    Membership.objects.create(user=clinician, centre=other_centre, role=Role.ADMIN)
    foreign = make_patient(other_centre, outsider, family_name="Fremd")
    page = listed(client, clinician).content.decode()

    assert "Améléi" in page
    assert foreign.code in page
    assert "Fremd" not in page
    assert codes(listed(client, clinician, q="fremd")) == []


def test_a_search_is_noted_with_the_number_of_hits_and_not_with_its_text(client, clinician, cast):
    listed(client, clinician, q="amelei")

    event = AccessEvent.objects.get(kind=AccessKind.SEARCH)
    assert (event.user, event.detail, event.page) == (clinician, "1 found", "patients")


def test_the_text_never_stands_in_an_address(client, clinician, cast):
    page = listed(client, clinician, q="amelei").content.decode()

    assert not re.findall(r'(?:href|action|hx-get|hx-post)="[^"]*amelei', page)
    assert codes(listed(client, clinician, "?q=amelei")) != [cast["improved"].code]
    empty = listed(client, clinician, q="", status="stable")
    assert (empty.status_code, empty["Location"]) == (302, f"{URL}?status=stable")


def test_a_search_keeps_the_filter(client, clinician, cast):
    assert codes(listed(client, clinician, q="erika", status="stable")) == [cast["stable"].code]


def test_a_stale_patient_is_neither_shown_nor_filtered_nor_counted_by_the_old_status(client, clinician, cast):
    settle()
    changed = cast["improved"]
    for day in ("2022-01-10", "2022-09-10"):
        visit(changed, clinician, day, 6)
    assert Trajectory.objects.get(patient=changed).since_status == "improved"

    assert codes(listed(client, clinician, "?status=improved")) == []
    assert set(codes(listed(client, clinician, "?status=progressed"))) == {changed.code, cast["progressed"].code}
    page = listed(client, clinician)
    assert dict(page.context["counts"].statuses) == {"improved": 0, "stable": 1, "progressed": 2, "insufficient": 1}
    row = next(row for row in page.context["rows"] if row.patient == changed)
    assert (row.status, float(row.one.last_edss)) == ("progressed", 6.0)


def test_a_page_hints_the_stale_patients_it_met(client, clinician, cast, hints_are_recorded):
    settle()
    relapse(cast["stable"], clinician, "2021-06-01")
    hints_are_recorded.clear()
    listed(client, clinician)

    assert hints_are_recorded == [[cast["stable"].pk]]


def test_another_engine_version_makes_nothing_wrong(client, clinician, cast):
    settle()
    Freshness.objects.update(computed_engine="0.0.1")
    Trajectory.objects.update(since_status="stable")

    assert dict(listed(client, clinician).context["counts"].statuses) == dict.fromkeys(cast, 1)
    settle()


@pytest.mark.parametrize("switched_off", [True, False])
def test_too_many_stale_ones_are_in_no_count_and_the_page_says_so(
    client, clinician, cast, monkeypatch, settings, switched_off
):
    settle()
    if switched_off:
        settings.COMPUTE_ON_READ = False
    else:
        monkeypatch.setattr(cohorts, "IN_MEMORY", 1)
    for name in ("improved", "progressed"):
        relapse(cast[name], clinician, "2021-06-01")

    page = listed(client, clinician)
    assert sorted(codes(page)) == sorted(patient.code for patient in cast.values())
    assert dict(page.context["counts"].statuses) == {"improved": 0, "stable": 1, "progressed": 0, "insufficient": 1}
    assert page.context["counts"].everybody == 4
    assert "2 people have changed and are being computed" in page.content.decode()
    assert codes(listed(client, clinician, "?status=improved")) == []
    shown = {row.patient.pk: row.one for row in page.context["rows"]}
    assert (shown[cast["improved"].pk] is None) == switched_off


def many(centre, by, number):
    return [person(centre, by, 4, 3 + number % 3, 3 + number % 3, family_name=f"P{number}") for number in range(number)]


@pytest.mark.parametrize("order", list(roster.ORDERS))
@pytest.mark.parametrize("stale", [0, 3, 9])
def test_pages_join_without_gap_or_repetition_in_every_order(
    client, clinician, centre, cast, monkeypatch, order, stale
):
    monkeypatch.setattr(roster, "PAGE", 4)
    people = [*cast.values(), *many(centre, clinician, 9)]
    settle()
    everybody = [
        code for page in (1, 2, 3, 4) for code in codes(listed(client, clinician, f"?order={order}&page={page}"))
    ]
    for patient in people[:stale]:
        relapse(patient, clinician, "2015-01-01")  # stale, and nothing else changes

    pages = [codes(listed(client, clinician, f"?order={order}&page={page}")) for page in (1, 2, 3, 4)]

    assert [len(page) for page in pages] == [4, 4, 4, 1]
    joined = [code for page in pages for code in page]
    assert sorted(joined) == sorted(patient.code for patient in people)
    assert joined == everybody


def test_paging_keeps_the_filter_and_a_search_is_paged_by_post(client, clinician, centre, cast, monkeypatch):
    monkeypatch.setattr(roster, "PAGE", 2)
    page = listed(client, clinician, "?order=edss").content.decode()
    assert "?order=edss&amp;page=2" in page

    found = listed(client, clinician, q="erika", page="2", order="code")
    assert codes(found) == sorted(patient.code for patient in cast.values())[2:]
    assert "rel=" not in found.content.decode().split('aria-label="Pages"')[1]


@pytest.mark.parametrize(
    "path", ["?status=nonsense", "?centre=x", "?courses=99", "?seen=1", "?page=-3", "?page=zz", "?order=pk"]
)
def test_values_that_are_no_choice_narrow_nothing(client, clinician, cast, path):
    assert len(codes(listed(client, clinician, path))) == 4


def test_filters_by_courses_last_visit_and_pending(client, clinician, centre, cast):
    twice = person(centre, clinician, 4, 4, 4, infusions=(FIVE, ["2021-04-05", "2021-04-06", "2021-04-07"]))
    never = make_patient(centre, clinician, family_name="Nie")
    pending = person(centre, clinician, 4, 4, 4, "5.5", family_name="Pend")
    settle()

    assert codes(listed(client, clinician, "?courses=2")) == [twice.code]
    assert {cast["insufficient"].code, never.code} == set(codes(listed(client, clinician, "?courses=0")))
    assert codes(listed(client, clinician, "?seen=never")) == [never.code]
    assert codes(listed(client, clinician, "?seen=year")) == []
    assert codes(listed(client, clinician, "?pending=on")) == [pending.code]
    page = listed(client, clinician, "?pending=on")
    assert dict(page.context["counts"].statuses)["stable"] == 1
    assert "now worse by 1.5, pending" in page.content.decode()


def test_both_readings_of_every_condition_agree(clinician, centre, cast):
    person(centre, clinician, 4, 4, 4, infusions=(FIVE, ["2021-04-05", "2021-04-06"], ["2022-04-05"], ["2023-04-05"]))
    person(centre, clinician, 4, 4, 4, "5.5", family_name="Pend")
    make_patient(centre, clinician, family_name="Nie")
    settle()
    asked = [CohortFilter(status=status) for status in cast]
    asked += [CohortFilter(courses=number) for number in "0123"]
    asked += [CohortFilter(seen=span) for span in cohorts.SEEN] + [CohortFilter(pending=True)]
    for today in (date(2021, 9, 10), date(2022, 9, 10), date(2023, 2, 1), date(2026, 1, 1)):
        for wanted in asked:
            for rule in cohorts.conditions(wanted, today):
                by_sql = set(Patient.objects.filter(rule.stored).values_list("pk", flat=True))
                assert by_sql == {t.patient_id for t in Trajectory.objects.all() if rule.holds(t)}, wanted


def test_the_one_cohort_query_keeps_who_fits_now(clinician, cast):
    settle()
    for day in ("2022-01-10", "2022-09-10"):
        visit(cast["improved"], clinician, day, 6)

    assert set(cohorts.patients(CohortFilter(status="progressed"), clinician)) == {cast["improved"], cast["progressed"]}
    assert set(cohorts.patients(CohortFilter(), clinician)) == set(cast.values())


def test_the_number_of_queries_does_not_grow_with_the_patients(
    client, clinician, centre, cast, django_assert_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    settle()
    client.force_login(clinician)
    client.get(URL)
    with CaptureQueriesContext(connection) as few:
        client.get(URL)
    many(centre, clinician, 12)
    settle()

    with django_assert_num_queries(len(few)):
        client.get(URL)
    print(f"{len(few)} queries")


def test_the_row_says_why_and_since_when(client, clinician, cast, centre):
    page = listed(client, clinician).content.decode()

    assert "since 10 Sep 2020, confirmed" in page
    assert "no course on record" in page
    assert "−1.0" in page
    assert "Apr 2020" not in page
    assert re.search(r"No visit for \d+ months", page)  # last seen in 2021


def test_an_empty_register_says_what_to_do(client, clinician, admin):
    assert "Add the first one by hand" in listed(client, clinician).content.decode()
    assert "No patients yet" in listed(client, admin).content.decode()


def test_no_match_offers_the_way_back(client, clinician, cast):
    assert "Nobody found" in listed(client, clinician, q="zzz").content.decode()
    assert "Clear the filter" in listed(client, clinician, "?seen=never").content.decode()

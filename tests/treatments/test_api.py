"""Lemtrada courses with their infusion days, and other drugs, by API."""

import pytest

from tests.calling import Caller, fields, key
from tests.factories import course, make_patient
from treatments.models import Course, Infusion, Treatment

pytestmark = pytest.mark.django_db
DAYS = [{"day": "2020-03-02"}, {"day": "2020-03-03", "dose_mg": 12}, {"day": "2020-03-04", "dose_mg": "7.5"}]
FIRST = {"state": "complete", "infusions": DAYS}


@pytest.fixture
def api(clinician):
    return Caller(clinician)


@pytest.fixture
def below(patient):
    return f"/patients/{patient.code}"


def test_a_course_comes_with_its_infusion_days_and_its_rank(api, below):
    later = api.post(f"{below}/courses/", FIRST).json()
    assert later["number"] == 1
    earlier = api.post(f"{below}/courses/", {"state": "complete", "infusions": [{"day": "2018-03-02"}]})

    assert earlier.status_code == 201, earlier.content
    assert earlier.json()["number"] == 1
    shown = api.get(f"/courses/{later['id']}/").json()
    assert shown["number"] == 2
    assert [(one["day"], one["dose_mg"]) for one in shown["infusions"]] == [
        ("2020-03-02", 12.0), ("2020-03-03", 12.0), ("2020-03-04", 7.5),
    ]  # fmt: skip
    assert {row["number"] for row in api.get("/courses/").json()["results"]} == {1, 2}


def test_a_repeated_create_says_the_first_rank_again(api, below):
    one = key()
    first = api.post(f"{below}/courses/", FIRST, idempotency_key=one)
    api.post(f"{below}/courses/", {"state": "complete", "infusions": [{"day": "2018-03-02"}]})

    again = api.post(f"{below}/courses/", FIRST, idempotency_key=one)

    assert (again.status_code, again.json()) == (201, first.json())
    assert Course.objects.count() == 2


WRONG = (
    [
        ({"state": "complete"}, {"infusions"}), ({"state": "planned", "infusions": DAYS}, {"state"}),
        ({"infusions": DAYS}, {"state"}), ({**FIRST, "number": 3}, {"number"}),
        ({**FIRST, "infusions": [{"day": "2020-03-02"}, {"dose_mg": 12}]}, {"infusions.1.day"}),
        ({**FIRST, "infusions": [{"day": "2020-03-02", "dose_mg": "12,0"}]}, {"infusions.0.dose_mg"}),
        ({**FIRST, "infusions": [{"day": "2020-03-02", "dose_mg": 100.5}]}, {"infusions.0.dose_mg"}),
        ({**FIRST, "infusions": [{"day": "2020-03-02", "dose_mg": 7.125}]}, {"infusions.0.dose_mg"}),
        ({**FIRST, "infusions": [{"day": "2020-03-02", "id": 1}]}, {"infusions.0.id"}),
        ({**FIRST, "infusions": [{"day": "2020-03-02"}, {"day": "2020-03-02"}]}, {"infusions"}),
        ({**FIRST, "infusions": [{"day": "2199-03-02"}]}, {"infusions"}),
        ({**FIRST, "infusions": [{"day": "2020-03-02"}] * 21}, {"infusions"}),
        ({**FIRST, "infusions": {"day": "2020-03-02"}}, {"infusions"}), ({**FIRST, "infusions": [1]}, {"infusions.0"}),
        ({**FIRST, "infusions": None}, {"infusions"}),
    ]
)  # fmt: skip


def test_what_is_wrong_is_named_to_the_row(api, below):
    for sent, named in WRONG:
        response = api.post(f"{below}/courses/", sent)

        assert response.status_code == 400, sent
        assert fields(response) == named, sent
    assert not Course.objects.exists()


def test_a_change_without_infusions_keeps_them_and_with_them_makes_them_those(api, below):
    made = api.post(f"{below}/courses/", FIRST).json()
    path = f"/courses/{made['id']}/"

    noted = api.patch(path, {"note": "calm", "reason": "x"}, if_match='"1"').json()
    assert [one["id"] for one in noted["infusions"]] == [one["id"] for one in made["infusions"]]
    fewer = api.patch(path, {"infusions": DAYS[:2], "reason": "one too many"}, if_match='"2"').json()
    assert [one["day"] for one in fewer["infusions"]] == ["2020-03-02", "2020-03-03"]
    stale = api.patch(path, {"infusions": [], "reason": "x"}, if_match='"2"')
    assert (stale.status_code, stale.json()["current"]) == (409, fewer)
    assert fields(api.patch(path, {"infusions": [], "reason": "x"}, if_match='"3"')) == {"infusions"}
    assert api.get(path).json() == fewer


def test_two_courses_do_not_overlap(api, below):
    api.post(f"{below}/courses/", FIRST)

    inside = {"state": "stopped_early", "infusions": [{"day": "2020-03-05"}, {"day": "2020-03-01"}]}
    assert fields(api.post(f"{below}/courses/", inside)) == {"infusions"}


def test_a_voided_course_takes_its_days_along(api, below):
    made = api.post(f"{below}/courses/", FIRST).json()

    voided = api.post(f"/courses/{made['id']}/void/", {"reason": "wrong chart"}, if_match='"1"')

    assert (voided.status_code, voided.json()["number"]) == (200, None)
    assert not Infusion.objects.live().exists()


def test_a_list_of_courses_asks_as_much_for_many_as_for_one(
    api, patient, centre, clinician, django_assert_num_queries, django_assert_max_num_queries
):
    people = [patient, *(make_patient(centre, clinician, local_number=str(n), family_name=f"P{n}") for n in range(4))]
    for person in people:
        course(person, clinician, "2018-03-02")
        course(person, clinician, "2020-03-02")
    with django_assert_max_num_queries(12) as one:
        api.get("/courses/?page_size=1")
    with django_assert_num_queries(len(one)):
        assert len(api.get("/courses/").json()["results"]) == 10


def test_a_drug_takes_the_same_way(api, below):
    made = api.post(f"{below}/treatments/", {"drug": "natalizumab", "start": "2015-01-01", "start_precision": "year"})
    assert made.status_code == 201, made.content
    path = f"/treatments/{made.json()['id']}/"
    stopped = {"stop": "2016-02-03", "stop_reason": "switch", "reason": "a letter came"}
    changed = api.patch(path, stopped, if_match='"1"')
    assert (changed.status_code, changed.json()["row_version"]) == (200, 2), changed.content
    assert api.patch(path, stopped, if_match='"1"').status_code == 409
    assert fields(api.patch(path, {"stop": "2010-01-01", "reason": "x"}, if_match='"2"')) == {"stop"}
    assert api.get("/treatments/?drug=natalizumab&start_from=2015-01-01").json()["count"] == 1
    assert api.post(f"{path}void/", {"reason": "x"}, if_match='"2"').status_code == 200
    assert not Treatment.objects.live().exists()


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"drug": "aspirin"}, "drug"), ({"drug": "other"}, "drug_name"),
        ({"drug": "hsct", "stop_reason": "trial"}, "stop"),
        ({"drug": "hsct", "start": "2999-01-01"}, "start"), ({"drug": "hsct", "start_precision": "year"},
        "start_precision"), ({"drug": "hsct", "start": "1950-01-01"}, "start"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_drug_is_named(api, below, sent, named):
    assert fields(api.post(f"{below}/treatments/", sent)) == {named}


@pytest.mark.parametrize("infusions", [[{}], [{"dose_mg": 12}], [{"day": "2020-03-02"}, {"dose_mg": 0}]])
def test_a_new_infusion_day_of_a_changed_course_has_a_day(api, patient, clinician, infusions):
    made = course(patient, clinician, "2020-03-02")

    refused = api.patch(f"/courses/{made.pk}/", {"infusions": infusions, "reason": "x"}, if_match='"1"')

    assert refused.status_code == 400, refused.content
    assert fields(refused) == {f"infusions.{len(infusions) - 1}.day"}

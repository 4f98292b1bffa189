"""Assessments and relapses by API: the same rules as the pages, each refusal with the name of its field."""

import pytest

from assessments.models import Assessment, Relapse
from engine.edss import SYSTEMS
from patients.models import Freshness, Submission
from tests.assessments.entries import GRADES
from tests.calling import Caller, fields, key
from tests.factories import make_patient, relapse, visit

pytestmark = pytest.mark.django_db
FOUR = {"day": "2020-03-02", **GRADES, "ambulation": 1, "distance_m": 700, "aid": "none", "observed": "seen"}
RATED = {"day": "2020-03-02", "edss_rater": 3.5, "rater_reason": "from the chart"}


@pytest.fixture
def api(clinician):
    return Caller(clinician)


@pytest.fixture
def below(patient):
    return f"/patients/{patient.code}"


def test_an_assessment_is_scored_by_the_engine_as_on_the_page(api, below, patient, clinician):
    response = api.post(f"{below}/assessments/", FOUR)

    assert response.status_code == 201, response.content
    body = response.json()
    assert (body["edss"], body["edss_calculated"], body["patient"]) == (4.0, 4.0, patient.code)
    assert body["rater"] == clinician.name
    assert response["ETag"] == '"1"'
    stored = Assessment.objects.get()
    assert (stored.pk, stored.edss, stored.created_by) == (body["id"], 4, clinician)
    assert stored.history.get().history_user == clinician
    assert api.get(f"/assessments/{body['id']}/").json() == body


def test_a_value_of_the_rater_stands_with_its_reason(api, below):
    assert api.post(f"{below}/assessments/", RATED).json()["edss"] == 3.5
    refused = api.post(f"{below}/assessments/", {"day": "2020-04-02", "edss_rater": "3.5"})
    assert refused.status_code == 400
    assert fields(refused) == {"rater_reason"}


def test_a_warning_needs_its_reason_under_its_own_name(api, below):
    api.post(f"{below}/assessments/", RATED)
    far = {**FOUR, "day": "2020-05-02", "pyramidal": 5, "ambulation": 5, "distance_m": 90}

    refused = api.post(f"{below}/assessments/", far)

    assert refused.status_code == 400
    named = fields(refused)
    assert named
    assert all(name.startswith("confirmed.W") for name in named), named
    reasons = {name.removeprefix("confirmed."): "seen twice" for name in named}
    saved = api.post(f"{below}/assessments/", {**far, "confirmed": reasons})
    assert saved.status_code == 201, saved.content
    assert {one["id"] for one in saved.json()["confirmed_warnings"]} == set(reasons)


@pytest.mark.parametrize("value", ["3", "3.0", 3, 3.5, "3.5", "10.0", 0, "0.0", "03.5"])
def test_a_step_may_be_a_number_or_a_string(api, below, value):
    response = api.post(f"{below}/assessments/", {**RATED, "edss_rater": value})

    refused_as_death = value == "10.0"
    assert response.status_code == (400 if refused_as_death else 201), response.content
    if not refused_as_death:
        assert response.json()["edss"] == float(value)


NO_STEPS = (["3,5", "1e1", "1_0", "٣", "3.50", " 3.5", "3.5 ", "+3", "-1", "0.5", 0.5, 3.2, -1, 11, 10.5, True, [], {},
     "", "NaN", 1e15, "three"])  # fmt: skip


def test_what_is_no_step_is_refused(api, below):
    for value in NO_STEPS:
        response = api.post(f"{below}/assessments/", {**RATED, "edss_rater": value})

        assert response.status_code == 400, value
        assert fields(response) == {"edss_rater"}, value


NO_DAYS = (["2019-W52-1", "2020-060", "20200302", "02/03/2020", "2020-3-2", "2020-02-30", "1899-12-31", "2200-01-01",
     "2020-03", "2020-03-02T00:00:00", " 2020-03-02", "２020-03-02", 20200302, None, "", [], "2999-01-01"])  # fmt: skip


def test_a_date_is_written_in_one_way(api, below):
    for day in NO_DAYS:
        response = api.post(f"{below}/assessments/", {**RATED, "day": day})

        assert response.status_code == 400, day
        assert fields(response) == {"day"}, day


def test_a_date_known_to_the_month_is_its_first_day(api, below):
    refused = api.post(f"{below}/assessments/", {**RATED, "day_precision": "month"})
    assert fields(refused) == {"day"}

    saved = api.post(f"{below}/assessments/", {**RATED, "day": "2020-03-01", "day_precision": "month"}).json()

    assert (saved["day"], saved["day_precision"]) == ("2020-03-01", "month")


@pytest.mark.parametrize("value", [-1, 7, 2.5, "2", True, [1]])
def test_a_grade_is_a_whole_number_of_its_scale(api, below, value):
    response = api.post(f"{below}/assessments/", FOUR | dict.fromkeys(SYSTEMS, value))

    assert response.status_code == 400
    assert fields(response) == set(SYSTEMS)


def test_names_that_the_api_does_not_know_or_sets_itself_are_refused_by_name(api, below, centre, clinician):
    other = make_patient(centre, clinician, local_number="9", family_name="Other")
    ours = {"id": 7, "patient": other.code, "edss": 1.0, "row_version": 9, "created_by": 1, "voided_at": None}

    response = api.post(f"{below}/assessments/", {**FOUR, **ours, "colour": "blue"})

    assert response.status_code == 400
    assert fields(response) == {*ours, "colour"}
    assert not Assessment.objects.exists()


def test_a_second_assessment_of_a_day_is_named(api, below):
    api.post(f"{below}/assessments/", RATED)

    assert fields(api.post(f"{below}/assessments/", RATED)) == {"day"}


def test_a_change_needs_version_and_reason_and_leaves_its_trace(api, below, clinician):
    made = api.post(f"{below}/assessments/", RATED).json()
    path = f"/assessments/{made['id']}/"

    assert api.patch(path, {"edss_rater": 4, "reason": "x"}).status_code == 428
    assert fields(api.patch(path, {"edss_rater": 4}, if_match='"1"')) == {"reason"}
    assert api.patch(path, {"reason": "x"}, if_match='"1"').status_code == 400
    for wrong in ("1", "*", 'W/"1"', '"x"', '"1", "2"'):
        assert fields(api.patch(path, {"edss_rater": 4, "reason": "x"}, if_match=wrong)) == {"If-Match"}
    assert fields(api.patch(path, {"fever": True, "reason": "x", "row_version": 2}, if_match='"1"')) == {"row_version"}

    changed = api.patch(path, {"edss_rater": 4, "reason": "typing error"}, if_match='"1"')

    assert changed.status_code == 200, changed.content
    assert (changed.json()["edss"], changed.json()["row_version"], changed["ETag"]) == (4.0, 2, '"2"')
    assert changed.json()["rater_reason"] == "from the chart"  # what is not sent stays
    last = Assessment.objects.get().history.first()
    assert (last.history_change_reason, last.history_user) == ("typing error", clinician)


def test_a_stale_change_is_answered_with_the_record_as_it_is(api, below):
    made = api.post(f"{below}/assessments/", RATED).json()
    path = f"/assessments/{made['id']}/"
    now = api.patch(path, {"edss_rater": 4, "reason": "x", "row_version": 1}).json()

    stale = api.patch(path, {"edss_rater": 5, "reason": "x", "row_version": 1})

    assert stale.status_code == 409
    assert fields(stale) == set()
    assert stale.json()["current"] == now
    assert api.get(path).json() == now
    assert api.patch(path, {"edss_rater": 5, "reason": "x", "row_version": 7}).status_code == 409


def test_a_record_entered_in_error_stays_and_is_out_of_the_lists(api, below, patient):
    made = api.post(f"{below}/assessments/", RATED).json()
    path = f"/assessments/{made['id']}/void/"
    assert api.post(path, {"reason": "wrong chart"}).status_code == 428
    assert fields(api.post(path, {"row_version": 1})) == {"reason"}
    assert fields(api.post(path, {"row_version": 1, "reason": "  "})) == {"reason"}

    voided = api.post(path, {"reason": "wrong chart"}, if_match='"1"')

    assert voided.status_code == 200, voided.content
    assert voided.json()["void_reason"] == "wrong chart"
    assert api.post(path, {"reason": "again"}, if_match='"2"').status_code == 409
    assert api.patch(f"/assessments/{made['id']}/", {"fever": True, "reason": "x"}, if_match='"2"').status_code == 409
    numbers = {kind: api.get(f"/assessments/?voided={kind}").json()["count"] for kind in ("no", "yes", "any")}
    assert numbers == {"no": 0, "yes": 1, "any": 1}
    assert api.get("/assessments/").json()["count"] == 0
    assert api.get(f"/assessments/{made['id']}/").json() == voided.json()


def test_a_repeated_create_is_answered_with_the_first_answer(api, below):
    one = key()
    first = api.post(f"{below}/assessments/", RATED, idempotency_key=one)
    api.patch(f"/assessments/{first.json()['id']}/", {"edss_rater": 4, "reason": "x"}, if_match='"1"')

    again = api.post(f"{below}/assessments/", dict(reversed(RATED.items())), idempotency_key=one.upper())

    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert Assessment.objects.count() == 1
    other = api.post(f"{below}/assessments/", {**RATED, "note": "x"}, idempotency_key=one)
    assert (other.status_code, fields(other)) == (422, {"Idempotency-Key"})
    elsewhere = api.post(f"{below}/relapses/", {"onset": "2020-03-02"}, idempotency_key=one)
    assert elsewhere.status_code == 422
    assert not Relapse.objects.exists()


def test_a_key_belongs_to_its_user(api, below, neurologist):
    one = key()
    api.post(f"{below}/relapses/", {"onset": "2020-03-02"}, idempotency_key=one)

    theirs = Caller(neurologist).post(f"{below}/relapses/", {"onset": "2020-04-02"}, idempotency_key=one)

    assert theirs.status_code == 201
    assert Relapse.objects.count() == 2


def test_a_refused_create_uses_no_key_up(api, below):
    one = key()
    assert api.post(f"{below}/assessments/", {"day": "2020-03-02"}, idempotency_key=one).status_code == 400

    assert api.post(f"{below}/assessments/", RATED, idempotency_key=one).status_code == 201


@pytest.mark.parametrize("wrong", ["x", "", "1" * 32, "a" * 5000])
def test_a_key_is_a_uuid(api, below, wrong):
    assert fields(api.post(f"{below}/relapses/", {"onset": "2020-03-02"}, idempotency_key=wrong)) == {"Idempotency-Key"}
    assert not Submission.objects.exists()


def test_lists_filter_and_sort_by_fixed_words(api, below, patient, clinician, centre):
    for day, edss in (("2020-01-05", 2), ("2020-06-05", 3), ("2021-01-05", 4)):
        visit(patient, clinician, day, edss)
    other = make_patient(centre, clinician, local_number="2", family_name="Other")
    visit(other, clinician, "2020-03-05", 6)

    def days(query):
        response = api.get(f"/assessments/{query}")
        assert response.status_code == 200, response.content
        return [row["day"] for row in response.json()["results"]]

    assert days("") == ["2020-01-05", "2020-03-05", "2020-06-05", "2021-01-05"]
    assert days(f"?patient={patient.code}&ordering=-day") == ["2021-01-05", "2020-06-05", "2020-01-05"]
    assert days("?day_from=2020-03-05&day_to=2020-06-05") == ["2020-03-05", "2020-06-05"]
    assert days("?edss_from=3&edss_to=4.0") == ["2020-06-05", "2021-01-05"]
    assert days(f"?centre={centre.pk}&page_size=1&page=2") == ["2020-03-05"]
    assert days("?patient=NOBODY") == []


NO_FILTERS = (
    [
        ("?colour=blue", "colour"), ("?patient__centre__name=x", "patient__centre__name"),
        ("?ordering=note", "ordering"),
        ("?ordering=-pk", "ordering"), ("?day_from=01/02/2020", "day_from"), ("?day_from=2019-W52-1", "day_from"),
        ("?day_from=2020", "day_from"), ("?edss_from=3,5", "edss_from"), ("?edss_to=1e1", "edss_to"),
        ("?page=0", "page"), ("?page=x", "page"), ("?page=٢", "page"), ("?page_size=501", "page_size"),
        ("?page_size=0", "page_size"), ("?centre=x", "centre"), ("?centre=99999999999999999999", "centre"),
        ("?day_from=2020-01-01&day_from=2020-01-02", "day_from"), ("?voided=maybe", "voided"),
        ("?patient=%00", "patient"),
        ("?format=api", "format"), ("?day_from=", "day_from"), ("?voided=", "voided"), ("?page=", "page"),
        ("?patient=" + "x" * 21, "patient"),
    ]
)  # fmt: skip


def test_a_filter_that_means_nothing_is_refused_by_name(api, below):
    for query, named in NO_FILTERS:
        response = api.get(f"/assessments/{query}")

        assert response.status_code == 400, query
        assert fields(response) == {named}, query


def test_a_page_says_how_many_there_are_and_where_the_next_is(api, patient, clinician):
    for month in range(1, 6):
        visit(patient, clinician, f"2020-{month:02}-05", 2)

    page = api.get("/assessments/?page_size=2&page=2&ordering=day").json()

    assert (page["count"], len(page["results"])) == (5, 2)
    assert page["next"].endswith("/api/v1/assessments/?ordering=day&page=3&page_size=2")
    assert page["previous"].endswith("/api/v1/assessments/?ordering=day&page_size=2")
    assert api.get("/assessments/?page=9").status_code == 404


@pytest.mark.parametrize("kind", ["assessments", "relapses"])
def test_a_list_asks_as_much_for_many_as_for_one(
    api, patient, clinician, centre, django_assert_num_queries, django_assert_max_num_queries, kind
):
    people = [patient, *(make_patient(centre, clinician, local_number=str(n), family_name=f"P{n}") for n in range(4))]
    for person in people:
        visit(person, clinician, "2020-01-05", 2)
        relapse(person, clinician, "2020-02-05")

    with django_assert_max_num_queries(12) as one:
        assert len(api.get(f"/{kind}/?page_size=1").json()["results"]) == 1
    with django_assert_num_queries(len(one)):
        assert len(api.get(f"/{kind}/").json()["results"]) == 5


def test_relapses_take_the_same_way(api, below, clinician):
    sent = {"onset": "2020-03-01", "onset_precision": "month", "systems": ["visual"], "severity": "mild"}
    made = api.post(f"{below}/relapses/", sent)
    assert made.status_code == 201, made.content
    path = f"/relapses/{made.json()['id']}/"
    assert fields(api.patch(path, {"onset": "2020-03-09", "reason": "x"}, if_match='"1"')) == {"onset"}
    exact = {"onset": "2020-03-09", "onset_precision": "day", "end": "2020-03-19", "reason": "a letter came"}
    changed = api.patch(path, exact, if_match='"1"')
    assert changed.status_code == 200, changed.content
    early = {"end": "2020-03-01", "reason": "x"}
    assert fields(api.patch(path, early, if_match='"2"')) == {"end"}
    assert fields(api.post(f"{below}/relapses/", {"onset": "2020-03-09"})) == {"onset"}
    assert fields(api.post(f"{below}/relapses/", {"onset": "2020-05-09", "end_precision": "year"})) == {"end_precision"}
    assert fields(api.post(f"{below}/relapses/", {"onset": "2020-05-09", "systems": ["leg"]})) == {"systems.0"}
    assert api.post(f"{path}void/", {"reason": "x"}, if_match='"2"').status_code == 200
    assert not Relapse.objects.live().exists()


def test_each_save_raises_the_version_that_the_trajectory_rests_on(api, below, patient):
    before = Freshness.objects.get(patient=patient, kind="trajectory").data_version

    made = api.post(f"{below}/assessments/", RATED).json()
    api.patch(f"/assessments/{made['id']}/", {"edss_rater": 4, "reason": "x"}, if_match='"1"')

    assert Freshness.objects.get(patient=patient, kind="trajectory").data_version == before + 2


def test_a_free_note_is_for_those_who_see_names(api, below, admin):
    texts = {"note": "Erika's mother says", "rater_reason": "Erika walked here"}
    made = api.post(f"{below}/assessments/", {**RATED, **texts}).json()
    voided = api.post(f"/assessments/{made['id']}/void/", {"reason": "Erika's sister"}, if_match='"1"').json()

    assert {**texts, "void_reason": "Erika's sister"}.items() <= voided.items()
    assert b"Erika" not in Caller(admin).get(f"/assessments/{made['id']}/").content
    shown = Caller(admin).get(f"/assessments/{made['id']}/").json()
    assert {shown[name] for name in ("note", "rater_reason", "void_reason")} == {None}
    assert b"Erika" not in Caller(admin).get("/assessments/?voided=any").content


def test_so_is_the_reason_of_a_confirmed_warning(api, below, admin):
    api.post(f"{below}/assessments/", RATED)
    far = {**FOUR, "day": "2020-05-02", "pyramidal": 5, "ambulation": 5, "distance_m": 90}
    named = fields(api.post(f"{below}/assessments/", far))
    reasons = {name.removeprefix("confirmed."): "Erika was seen twice" for name in named}
    made = api.post(f"{below}/assessments/", {**far, "confirmed": reasons}).json()

    assert {one["reason"] for one in made["confirmed_warnings"]} == {"Erika was seen twice"}
    shown = Caller(admin).get(f"/assessments/{made['id']}/").json()["confirmed_warnings"]
    assert {(one["id"], one["reason"]) for one in shown} == {(word, None) for word in reasons}


def test_a_reason_confirms_only_the_warning_that_it_was_given_for(api, below, patient, clinician):
    visit(patient, clinician, "2019-01-01", 2)
    up = {"day": "2020-01-01", "edss_rater": 4.0, "rater_reason": "chart", "confirmed": {"W12": "true, fell"}}
    made = api.post(f"{below}/assessments/", up).json()
    assert {one["id"] for one in made["confirmed_warnings"]} >= {"W12"}, made

    same = api.patch(f"/assessments/{made['id']}/", {"note": "seen", "reason": "more"}, if_match='"1"')
    assert same.status_code == 200, same.content
    typo = api.patch(f"/assessments/{made['id']}/", {"edss_rater": 9.0, "reason": "typo"}, if_match='"2"')

    assert fields(typo) == {"confirmed.W12"}


def test_an_assessment_always_has_a_rater(api, below):
    made = api.post(f"{below}/assessments/", {**RATED, "rater_name": "Dr Else"}).json()
    assert made["rater"] == "Dr Else"

    changed = api.patch(f"/assessments/{made['id']}/", {"rater_name": "", "reason": "wrong"}, if_match='"1"').json()

    assert changed["rater"] == "Dr Clinician"


def test_a_relapse_names_each_system_once(api, below):
    twice = api.post(f"{below}/relapses/", {"onset": "2020-03-02", "systems": ["visual", "visual"]})

    assert fields(twice) == {"systems"}

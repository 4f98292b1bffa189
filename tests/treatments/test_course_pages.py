"""Recording, changing and voiding Lemtrada courses, through the pages."""

import uuid
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from patients.models import AccessEvent, Membership, Role
from tests.factories import course, make_patient
from treatments.models import Course, Infusion
from treatments.services import given_courses

FIVE = ["2021-05-03", "2021-05-04", "2021-05-05", "2021-05-06", "2021-05-07"]


def typed(*rows, state="complete", **fields):
    """A course form with infusion rows: `day` or (`day`, `dose`)."""
    data = {"submission": str(uuid.uuid4()), "state": state, "rule_set": "EU"}
    data |= {"infusions-TOTAL_FORMS": str(len(rows)), "infusions-INITIAL_FORMS": "0"}
    for number, row in enumerate(rows):
        day, dose = row if isinstance(row, tuple) else (row, "12")
        data |= {f"infusions-{number}-day": day, f"infusions-{number}-dose_mg": dose}
    return data | fields


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.fixture
def as_clinician(client, clinician):
    client.force_login(clinician)
    return client


@pytest.fixture
def add(patient):
    return reverse("treatments:course_add", args=[patient.code])


def address(name, row):
    return reverse(f"treatments:{name}", args=[row.patient.code, row.pk])


def test_a_course_is_recorded_with_its_days(as_clinician, clinician, patient, add):
    response = as_clinician.post(add, typed(*FIVE, ("", "")))

    saved = Course.objects.get()
    assert response["Location"] == reverse("outcomes:patient", args=[patient.code])
    assert [row.day.isoformat() for row in saved.infusions.all()] == FIVE
    assert {row.dose_mg for row in saved.infusions.all()} == {Decimal(12)}
    assert saved.history.get().history_user == clinician
    assert Infusion.history.count() == 5
    assert said(response) == ["The course is saved."]


def test_a_double_click_records_once(as_clinician, add):
    form = typed(*FIVE)

    answers = [as_clinician.post(add, form) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [302, 302, 302]
    assert (Course.objects.count(), Infusion.objects.count()) == (1, 5)
    assert said(answers[2])[-1] == "The course is saved."  # its own course is not "less than 12 months ago"


def test_the_quick_fill_makes_days_in_a_row_and_saves_nothing(as_clinician, add):
    response = as_clinician.post(
        add, typed(first_day="2021-02-27", days="5", fill="1", note="slow drip", state="in_progress")
    )

    rows = [(row["day"].value(), row["dose_mg"].value()) for row in response.context["rows"]]
    assert rows[:5] == [(f"2021-{day}", "12") for day in ("02-27", "02-28", "03-01", "03-02", "03-03")]
    assert rows[5] == (None, None)
    assert response.context["form"]["note"].value() == "slow drip"
    assert response.context["form"]["state"].value() == "in_progress"
    assert not response.context["form"].errors
    assert Course.objects.count() == 0


@pytest.mark.parametrize(("first", "precision"), [("2019-03", "month"), ("2019", "year")])
def test_a_course_known_only_to_the_month_or_year_is_filled_and_saved_so(as_clinician, add, first, precision):
    filled = as_clinician.post(add, typed(first_day=first, days="5", fill="1"))
    rows = [row["day"].value() for row in filled.context["rows"]][:5]
    assert rows == [first] * 5

    as_clinician.post(add, typed(*rows))

    assert Infusion.objects.count() == 5
    assert {(row.day_precision, row.day.month if precision == "month" else 3) for row in Infusion.objects.all()} == {
        (precision, 3)
    }


@pytest.mark.parametrize(
    "wrong", [{"first_day": ""}, {"first_day": "soon"}, {"days": "0"}, {"days": "11"}, {"days": ""}]
)
def test_a_wrong_fill_says_so_and_keeps_the_rows(as_clinician, add, wrong):
    response = as_clinician.post(add, typed("2021-05-03", fill="1", **({"first_day": "2021", "days": "5"} | wrong)))

    assert list(response.context["fill"].errors) == list(wrong)
    assert response.context["rows"][0]["day"].value() == "2021-05-03"


def test_more_rows_keep_what_was_typed(as_clinician, add):
    response = as_clinician.post(add, typed(("2021-05-03", "7.5"), ("", ""), more="1"))

    rows = [(row["day"].value(), row["dose_mg"].value()) for row in response.context["rows"]]
    assert rows == [("2021-05-03", "7.5"), (None, None), (None, None), (None, None)]


def test_a_first_course_offers_five_rows_and_a_later_one_three(as_clinician, clinician, patient, add):
    assert len(as_clinician.get(add).context["rows"]) == 5

    course(patient, clinician, *FIVE)

    assert len(as_clinician.get(add).context["rows"]) == 3


@pytest.mark.parametrize(
    ("form", "where"),
    [
        (typed("2021-05-03", state=""), "state"),
        (typed("2021-05-03", state="planned"), "state"),
        (typed("2021-05-03", rule_set="XX"), "rule_set"),
        (typed("2021-05-03", planned_start="2021"), "planned_start"),
        (typed(), "infusions"),
        (typed(("2021-05-03", "0")), "infusions"),
        (typed("2190-05-03"), "infusions"),
        (typed("1984"), "infusions"),
        (typed("2021-05-03", "2021-05-03"), "infusions"),
        (typed("03.05.2021"), 0),
        (typed("2021-13-01"), 0),
        (typed(("2021-05-03", "")), 0),
        (typed(("", "12")), 0),
        (typed(("2021-05-03", "12,0")), 0),
        (typed(("2021-05-03", "1_2")), 0),
        (typed(("2021-05-03", "1e1")), 0),
        (typed(("2021-05-03", "١٢")), 0),
        (typed(("2021-05-03", "-1")), 0),
        (typed(("2021-05-03", "100.5")), 0),
        (typed(*["2021-05-03"] * 21), "rows"),
        (typed("2021-05-03") | {"infusions-TOTAL_FORMS": "x"}, "rows"),
        ({"state": "complete", "rule_set": "EU"}, "rows"),
    ],
)
def test_what_cannot_be_true_is_shown_at_its_place_and_nothing_is_saved(as_clinician, add, form, where):
    response = as_clinician.post(add, form)

    assert response.status_code == 200
    assert Course.objects.count() == 0
    if where == "rows":
        assert response.context["rows"].non_form_errors()
    elif where == 0:
        assert response.context["rows"][0].errors
    else:
        assert list(response.context["form"].errors) == [where]
        assert f'href="#id_{where}"' in response.content.decode()


def test_infusions_lie_within_the_life(as_clinician, clinician, centre):
    dead = make_patient(centre, clinician, death=date(2020, 6, 1), death_cause="other")

    response = as_clinician.post(reverse("treatments:course_add", args=[dead.code]), typed("2020-06-02"))

    assert "lies after the death" in response.content.decode()


def test_one_course_at_a_time_is_open(as_clinician, add):
    as_clinician.post(add, typed(state="planned", planned_start="2026-01-05"))

    response = as_clinician.post(add, typed(state="in_progress"))

    assert "state" in response.context["form"].errors
    assert Course.objects.count() == 1


def test_courses_do_not_overlap(as_clinician, clinician, patient, add):
    course(patient, clinician, *FIVE)

    for days in (["2021-05-05"], ["2021-05-01", "2021-05-09"], ["2021-05-07"]):
        response = as_clinician.post(add, typed(*days))
        assert "infusions" in response.context["form"].errors

    assert Course.objects.count() == 1


def test_a_dose_of_zero_is_a_day_on_which_nothing_was_given(as_clinician, patient, add):
    as_clinician.post(add, typed("2021-05-03", ("2021-05-04", "0"), state="stopped_early"))

    number = given_courses(list(Course.objects.all()), list(Infusion.objects.all()))
    assert [len(one.infusions) for one in number] == [1]


@pytest.mark.parametrize(
    ("rows", "remark"),
    [
        ([("2021-05-03", "6")], "6 mg, not 12 mg"),
        ([f"2021-05-{day:02}" for day in range(3, 9)], "6 infusion days, and a first course has 5"),
    ],
)
def test_what_is_unusual_is_said_and_saved(as_clinician, add, rows, remark):
    response = as_clinician.post(add, typed(*rows))

    assert response.status_code == 302
    assert any(remark in text for text in said(response))


@pytest.mark.parametrize(
    ("days", "remark"),
    [
        (["2022-05-02"], "Less than 12 months after the previous course began."),
        (["2022-05-03"], None),
        (["2022-05"], "Perhaps less than 12 months after the previous course began"),
        (["2022"], "Perhaps less than 12 months"),
        (["2022-06"], None),
        (["2020-05-04"], "Less than 12 months after this course, the next one began."),
        (["2020-05-03"], None),
        ([f"2023-05-{day:02}" for day in range(1, 5)], "4 infusion days, and course 2 has 3"),
    ],
)
def test_twelve_months_are_counted_from_day_to_day_and_said(as_clinician, clinician, patient, add, days, remark):
    course(patient, clinician, *FIVE)

    response = as_clinician.post(add, typed(*days))

    assert response.status_code == 302
    assert said(response)[0] == "The course is saved."
    assert (len(said(response)) == 1) if remark is None else (remark in said(response)[1])


def test_a_drug_that_still_runs_is_said(as_clinician, patient, add):
    as_clinician.post(
        reverse("treatments:treatment_add", args=[patient.code]),
        {"drug": "natalizumab", "start": "2019", "submission": str(uuid.uuid4())},
    )

    response = as_clinician.post(add, typed(*FIVE))

    assert "Natalizumab was running when this course began." in said(response)


def changed(row, *rows, **fields):
    return typed(*rows, state=row.state, row_version=row.row_version, reason="typing error", **fields)


def test_a_changed_course_keeps_equal_days_and_voids_the_rest(as_clinician, clinician, patient):
    row = course(patient, clinician, *FIVE)

    as_clinician.post(address("course_edit", row), changed(row, *FIVE[:3], (FIVE[3], "6")))

    live, voided = Infusion.objects.live(), Infusion.objects.exclude(voided_at=None)
    assert [one.day.isoformat() for one in live] == FIVE[:4]
    assert live.last().dose_mg == 6
    assert [one.day.isoformat() for one in voided] == FIVE[3:]
    assert {one.void_reason for one in voided} == {"typing error"}
    row.refresh_from_db()
    assert row.row_version == 2


def test_days_known_to_the_month_are_counted_when_a_course_changes(as_clinician, clinician, patient):
    row = course(patient, clinician, *["2019-03-01"] * 5, precision="month")

    as_clinician.post(address("course_edit", row), changed(row, *["2019-03"] * 4, note="four"))

    assert Infusion.objects.live().count() == 4
    assert Infusion.objects.count() == 5


def test_the_page_of_a_course_shows_it_as_it_is(as_clinician, clinician, patient):
    row = course(patient, clinician, "2021-05-01", precision="month")

    page = as_clinician.get(address("course_edit", row))

    assert page.context["rows"][0]["day"].value() == "2021-05"
    assert page.context["rows"][0]["dose_mg"].value() == "12"
    assert page.context["form"]["row_version"].value() == 1


def test_a_change_needs_a_reason(as_clinician, clinician, patient):
    row = course(patient, clinician, *FIVE)

    response = as_clinician.post(address("course_edit", row), changed(row, *FIVE, note="x") | {"reason": " "})

    assert list(response.context["form"].errors) == ["reason"]


def test_a_second_editor_sees_both_versions(as_clinician, clinician, patient):
    row = course(patient, clinician, *FIVE)
    mine = changed(row, *FIVE[:2], note="mine")
    as_clinician.post(address("course_edit", row), changed(row, *FIVE[:4], note="theirs"))

    response = as_clinician.post(address("course_edit", row), mine)

    assert response.status_code == 409
    rows = {one["label"]: one for one in response.context["conflict"]["rows"]}
    assert (rows["Note"]["theirs"], rows["Note"]["mine"]) == ("theirs", "mine")
    assert rows["Infusions"]["mine"] == "2021-05-03 12 mg, 2021-05-04 12 mg"
    again = as_clinician.post(address("course_edit", row), mine | {"row_version": 2})
    assert again.status_code == 302


def test_a_change_sent_twice_is_one_change(as_clinician, clinician, patient):
    row = course(patient, clinician, *FIVE)
    form = changed(row, *FIVE[:3])

    answers = [as_clinician.post(address("course_edit", row), form).status_code for _ in range(2)]

    assert answers == [302, 302]
    row.refresh_from_db()
    assert row.row_version == 2


def test_a_voided_course_stays_with_its_days_and_frees_their_place(as_clinician, clinician, patient, add):
    row = course(patient, clinician, *FIVE)
    form = {"submission": str(uuid.uuid4()), "row_version": 1, "reason": "entered for the wrong patient"}

    answers = [as_clinician.post(address("course_void", row), form).status_code for _ in range(2)]

    assert answers == [302, 302]
    row.refresh_from_db()
    assert (row.voided_at is not None, row.void_reason, row.row_version) == (True, "entered for the wrong patient", 2)
    assert (Infusion.objects.count(), Infusion.objects.live().count()) == (5, 0)
    assert row.history.first().history_user == clinician
    assert as_clinician.get(address("course_void", row)).status_code == 404
    assert as_clinician.get(address("course_edit", row)).status_code == 404
    assert as_clinician.post(add, typed(*FIVE)).status_code == 302


def test_a_change_of_a_course_that_was_voided_meanwhile_is_a_conflict(as_clinician, clinician, patient):
    row = course(patient, clinician, *FIVE)
    as_clinician.post(address("course_void", row), {"row_version": 1, "reason": "twice"})

    for page in ("course_edit", "course_void"):
        response = as_clinician.post(address(page, row), changed(row, *FIVE[:2]))
        assert response.status_code == 409


def test_a_void_needs_a_reason_and_the_version_shown(as_clinician, clinician, patient):
    row = course(patient, clinician, *FIVE)

    assert as_clinician.post(address("course_void", row), {"row_version": 1}).status_code == 200
    assert as_clinician.post(address("course_void", row), {"row_version": 7, "reason": "x"}).status_code == 409
    assert as_clinician.post(address("course_void", row), {"reason": "x"}).status_code == 409
    row.refresh_from_db()
    assert row.voided_at is None


@pytest.fixture
def every_page(patient, clinician):
    row = course(patient, clinician, *FIVE)
    return [
        reverse("treatments:course_add", args=[patient.code]),
        address("course_edit", row),
        address("course_void", row),
    ]


def test_another_centre_cannot_tell_the_course_exists(client, outsider, every_page):
    client.force_login(outsider)

    assert {client.get(page).status_code for page in every_page} == {404}
    assert {client.post(page, typed(*FIVE)).status_code for page in every_page} == {404}


def test_an_admin_sees_no_name_and_records_nothing(client, admin, registry_admin, outsider, centre, every_page):
    Membership.objects.create(user=outsider, centre=centre, role=Role.ADMIN)  # treats elsewhere, administers here
    for user in (admin, registry_admin, outsider):
        client.force_login(user)
        for page in every_page:
            for response in (client.get(page), client.post(page, typed(*FIVE))):
                assert response.status_code == 403
                assert "Muster" not in response.content.decode()


def test_a_course_belongs_to_the_patient_of_its_address(as_clinician, clinician, patient, centre):
    row = course(patient, clinician, *FIVE)
    other = make_patient(centre, clinician, family_name="Zhou", sex="male")

    for name in ("course_edit", "course_void"):
        assert as_clinician.get(reverse(f"treatments:{name}", args=[other.code, row.pk])).status_code == 404


def test_each_look_is_logged(as_clinician, patient, every_page):
    for page in every_page:
        as_clinician.get(page)

    pages = set(AccessEvent.objects.filter(kind="read", patient=patient).values_list("page", flat=True))
    assert pages == {"treatments:course_add", "treatments:course_edit", "treatments:course_void"}


def test_tomorrow_in_the_centre_is_the_future(as_clinician, patient, add):
    tomorrow = patient.centre.today() + timedelta(days=1)

    assert as_clinician.post(add, typed(tomorrow.isoformat())).status_code == 200
    assert as_clinician.post(add, typed(patient.centre.today().isoformat())).status_code == 302

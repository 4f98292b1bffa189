"""The assessment and the relapse form through the front door."""

import re
import uuid
from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assessments.models import Assessment, Relapse
from engine.edss import GRADE_MAX, SYSTEMS, score
from patients.models import AccessEvent, Submission, User
from tests.assessments.entries import GRADES, entry, scored, url
from tests.factories import make_patient, make_user, relapse, visit

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 2)


@pytest.fixture
def signed_in(client, clinician):
    client.force_login(clinician)
    return client


@pytest.fixture
def stored(patient, clinician):
    return scored(patient, clinician, DAY)


def change(stored, by, **fields):
    return entry(by, stored.day.isoformat(), row_version=str(stored.row_version), change="Typing error", **fields)


def figure(response) -> str:
    return re.search(r'class="figure-now[^"]*">([^<]*)<', response.content.decode())[1]


def errors_in(response) -> dict:
    return dict(response.context["form"].errors)


# Recording


def test_a_complete_form_saves_and_says_so(signed_in, patient, clinician):
    response = signed_in.post(url("assessment_add", patient), entry(clinician), follow=True)

    row = Assessment.objects.get()
    assert response.redirect_chain == [(f"/patients/{patient.code}/", 302)]
    assert re.search(r"Saved at \d\d:\d\d\. EDSS 4\.0\.", response.content.decode())
    assert (row.edss, row.ambulation, row.matched_row, row.rater) == (Decimal("4.0"), 1, 10, clinician)
    assert (row.day, row.day_precision, row.at) == (date(2026, 9, 1), "day", None)


def test_history_says_who_and_the_creation_has_one_row(signed_in, patient, clinician):
    signed_in.post(url("assessment_add", patient), entry(clinician))

    [row] = Assessment.history.all()
    assert (row.history_user, row.history_type) == (clinician, "+")


def test_the_time_is_kept_in_the_zone_of_the_centre(signed_in, patient, clinician):
    signed_in.post(url("assessment_add", patient), entry(clinician, time="14:20"))

    assert Assessment.objects.get().at.isoformat() == "2026-09-01T12:20:00+00:00"


def test_every_missing_part_is_named_at_its_field(signed_in, patient, clinician):
    missing = {"pyramidal": None, "cerebral": None, "distance_m": None, "aid": None, "day": "2126-01-01"}
    response = signed_in.post(url("assessment_add", patient), entry(clinician, **missing))

    text = response.content.decode()
    assert errors_in(response)["pyramidal"] == ["no grade. Enter one, or mark it not done."]
    assert set(errors_in(response)) == {"pyramidal", "cerebral", "distance_m"}
    assert "3 things stop the save" in text
    assert 'href="#id_pyramidal_0">Pyramidal: no grade. Enter one, or mark it not done.<' in text
    assert 'href="#id_distance_m"' in text
    assert 'name="visual" id="id_visual_1" value="1" data-key="1" checked' in text
    assert not Assessment.objects.exists()


def test_the_service_s_refusals_stand_at_their_fields_all_at_once(signed_in, patient, clinician):
    scored(patient, clinician, date(2026, 1, 5), pyramidal=0, cerebellar=1, sensory=0, bowel_bladder=0, cerebral=0)
    sent = entry(clinician, "2126-01-01", pyramidal="5", edss_rater="6.0")

    response = signed_in.post(url("assessment_add", patient), sent)

    assert {"day", "rater_reason", "reason_W12"} <= set(errors_in(response))
    assert errors_in(response)["day"][0].startswith("1 Jan 2126 is in the future. Today is ")
    assert 'href="#id_reason_W12"' in response.content.decode()


def test_a_warning_stops_the_save_until_it_has_a_reason(signed_in, patient, clinician, stored):
    sent = entry(clinician, pyramidal="6")

    refused = signed_in.post(url("assessment_add", patient), sent)
    reasons = dict.fromkeys(errors_in(refused), "seen twice")
    saved = signed_in.post(url("assessment_add", patient), sent | reasons)

    assert set(errors_in(refused)) == {"reason_W6"}
    assert saved.status_code == 302
    [kept] = Assessment.objects.latest("pk").confirmed_warnings
    assert (kept["id"], kept["reason"]) == ("W6", "seen twice")


def test_the_reason_for_ones_own_value_confirms_that_it_differs(signed_in, patient, clinician):
    sent = entry(clinician, edss_rater="3.5", rater_reason="bladder not due to MS")

    assert signed_in.post(url("assessment_add", patient), sent).status_code == 302

    row = Assessment.objects.get()
    assert (row.edss, row.edss_calculated, row.edss_rater) == (Decimal("3.5"), Decimal("4.0"), Decimal("3.5"))


def test_an_incomplete_assessment_needs_and_keeps_its_reason(signed_in, patient, clinician):
    sent = entry(clinician, visual=None, visual_mark="not_done")

    refused = signed_in.post(url("assessment_add", patient), sent)
    saved = signed_in.post(url("assessment_add", patient), sent | {"incomplete_reason": "no chart at hand"})

    assert set(errors_in(refused)) == {"incomplete_reason"}
    assert saved.status_code == 302
    assert Assessment.objects.get().edss is None


def test_an_edss_alone_can_be_taken_from_an_old_chart(signed_in, patient, clinician):
    nothing = dict.fromkeys((*SYSTEMS, "distance_m", "aid", "observed"))
    sent = entry(clinician, "2019-05", edss_rater="3.0", rater_reason="old chart", **nothing)

    assert signed_in.post(url("assessment_add", patient), sent).status_code == 302

    row = Assessment.objects.get()
    assert (row.edss, row.edss_calculated, row.day_precision) == (Decimal("3.0"), None, "month")


def test_a_mark_goes_with_its_grade_or_is_refused(signed_in, patient, clinician):
    wrong = signed_in.post(url("assessment_add", patient), entry(clinician, visual=None, visual_mark="X"))
    right = signed_in.post(url("assessment_add", patient), entry(clinician, visual_mark="X", sensory_mark="P"))

    assert errors_in(wrong)["visual"] == ["X needs a grade."]
    assert right.status_code == 302
    assert Assessment.objects.get().grades["sensory"] == (2, "P")


def test_a_second_assessment_of_a_day_is_refused_at_the_day(signed_in, patient, clinician, stored):
    response = signed_in.post(url("assessment_add", patient), entry(clinician, DAY.isoformat()))

    assert errors_in(response) == {"day": ["This patient already has an assessment on this day. Change that one."]}


# Once


def test_a_form_sent_twice_saves_once_and_answers_the_same(signed_in, patient, clinician):
    sent = entry(clinician)

    first = signed_in.post(url("assessment_add", patient), sent)
    second = signed_in.post(url("assessment_add", patient), sent)

    assert (first.status_code, second.status_code, first.url) == (302, 302, second.url)
    assert Assessment.objects.count() == Submission.objects.count() == 1


def test_the_same_key_with_another_body_is_told_and_not_saved(signed_in, patient, clinician):
    sent = entry(clinician)
    signed_in.post(url("assessment_add", patient), sent)

    response = signed_in.post(url("assessment_add", patient), sent | {"day": "2026-09-02"})

    assert response.status_code == 200
    assert "This form was already saved with other content." in response.content.decode()
    assert Assessment.objects.count() == 1


# The live result


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    grades=st.tuples(*(st.integers(0, GRADE_MAX[system]) for system in SYSTEMS)),
    walked=st.sampled_from([("700", "none", 1), ("400", "none", 2), ("150", "none", 4), ("60", "one_side", 6)]),
)
def test_the_live_figure_is_the_engine_s(signed_in, patient, clinician, grades, walked):
    metres, aid, code = walked
    sent = entry(clinician, distance_m=metres, aid=aid, **{s: str(g) for s, g in zip(SYSTEMS, grades, strict=True)})

    response = signed_in.post(url("assessment_score", patient), sent)

    expected = score(dict(zip(SYSTEMS, grades, strict=True)), code)
    assert figure(response) == f"{expected.edss:.1f}"
    assert f"Row {expected.row}." in response.content.decode()
    assert expected.row_text in response.content.decode()


def test_the_live_result_saves_nothing_and_keeps_a_typed_reason(signed_in, patient, clinician, stored):
    sent = entry(clinician, pyramidal="6", reason_W6="seen <twice>", reason_W12="kept for later")

    response = signed_in.post(url("assessment_score", patient), sent)

    text = response.content.decode()
    assert 'value="seen &lt;twice&gt;"' in text
    assert '<input type="hidden" name="reason_W12" value="kept for later">' in text
    assert Assessment.objects.count() == 1
    assert "<html" not in text


def test_the_live_result_names_what_is_open(signed_in, patient, clinician):
    response = signed_in.post(url("assessment_score", patient), entry(clinician, sensory=None, distance_m="x"))

    assert figure(response) == "–"
    assert "Still open: Sensory, Walking." in response.content.decode()


def test_a_contested_cell_shows_the_other_value(signed_in, patient, clinician):
    grades = dict(zip(SYSTEMS, "0042100", strict=True))

    response = signed_in.post(url("assessment_score", patient), entry(clinician, **grades))

    assert figure(response) == "4.5"
    assert "4.5 as set here, 4.0 elsewhere" in response.content.decode()


def test_another_day_brings_its_own_last_time(signed_in, patient, clinician, stored):
    shown = {"shown_previous": str(stored.pk)}

    same = signed_in.post(url("assessment_score", patient), entry(clinician, **shown))
    before = signed_in.post(url("assessment_score", patient), entry(clinician, "2025-01-01", **shown))

    assert 'id="grade-rows"' not in same.content.decode()
    assert 'id="grade-rows" hx-swap-oob="outerHTML"' in before.content.decode()
    assert "was 1" not in before.content.decode()


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ({"aid": "wheelchair", "distance_m": "", "wheelchair_help": "yes"}, 11),
        ({"aid": "bed", "distance_m": "", "in_bed": "helpless"}, 14),
        ({"aid": "one_side", "distance_m": "3", "ambulation": "10"}, 10),
        ({"aid": "one_side", "distance_m": "3"}, None),
        ({"aid": "one_side", "distance_m": "60", "ambulation": "10"}, 6),  # a choice the findings rule out
        ({"distance_unlimited": "on", "distance_m": ""}, 0),
    ],
)
def test_the_walking_code_follows_the_findings_or_is_chosen(signed_in, patient, clinician, findings, code):
    response = signed_in.post(url("assessment_score", patient), entry(clinician, **findings))

    assert response.context["form"].walking.code == code


# Changing


def test_the_form_of_a_stored_assessment_begins_with_its_values(signed_in, patient, stored):
    response = signed_in.get(url("assessment_edit", patient, stored.pk))

    text = response.content.decode()
    assert figure(response) == "4.0"
    for system, grade in GRADES.items():
        assert f'id="id_{system}_{grade}" value="{grade}" data-key="{grade}" checked' in text
    assert 'value="700"' in text
    assert 'name="row_version" value="1"' in text


def test_a_change_needs_a_reason_and_history_keeps_it(signed_in, patient, clinician, stored):
    address, sent = url("assessment_edit", patient, stored.pk), change(stored, clinician, sensory="3")

    refused = signed_in.post(address, sent | {"change": ""})
    vague = signed_in.post(address, sent | {"change": "Another reason"})
    saved = signed_in.post(address, sent | {"reason": "read 3, typed 2"})

    assert (set(errors_in(refused)), set(errors_in(vague))) == ({"change"}, {"reason"})
    assert saved.status_code == 302
    latest = stored.history.first()
    assert (latest.history_user, latest.history_change_reason) == (clinician, "Typing error: read 3, typed 2")
    assert (latest.sensory, latest.row_version, stored.history.count()) == (3, 2, 2)


def test_who_comes_second_sees_both_versions_and_loses_nothing(signed_in, patient, clinician, stored):
    address = url("assessment_edit", patient, stored.pk)
    signed_in.post(address, change(stored, clinician, sensory="1"))

    response = signed_in.post(address, change(stored, clinician, sensory="3", note="mine"))

    text = response.content.decode()
    assert response.status_code == 409
    assert "Somebody saved this assessment while you wrote" in text
    assert [row.name for row in response.context["differing"]] == ["note", "sensory"]
    assert '<input type="hidden" name="note" value="mine">' in text
    assert 'name="row_version" value="2"' in text
    stored.refresh_from_db()
    assert (stored.sensory, stored.note) == (1, "")


def test_the_choice_between_versions_is_kept_field_by_field(signed_in, patient, clinician, stored):
    address = url("assessment_edit", patient, stored.pk)
    signed_in.post(address, change(stored, clinician, sensory="1"))
    mine = change(stored, clinician, sensory="3", note="mine") | {"row_version": "2"}

    saved = signed_in.post(address, mine | {"keep_sensory": "theirs", "keep_note": "mine"})

    stored.refresh_from_db()
    assert saved.status_code == 302
    assert (stored.sensory, stored.note, stored.row_version) == (1, "mine", 3)


def test_a_legacy_assessment_keeps_its_scheme_and_code(signed_in, patient, clinician):
    old = scored(
        patient, clinician, date(2015, 6, 1), ambulation=6, ambulation_scheme="legacy", distance_m=None, aid=""
    )
    address = url("assessment_edit", patient, old.pk)

    shown = signed_in.get(address).content.decode()
    sent = change(old, clinician, distance_m=None, aid=None, ambulation="6", note="checked")
    saved = signed_in.post(address, sent)

    assert '<option value="6" selected>6: aid on both sides, or one side for a very short distance' in shown
    assert "10.0" not in re.search(r'<select[^>]*name="ambulation".*?</select>', shown, re.S)[0]
    old.refresh_from_db()
    assert saved.status_code == 302
    assert (old.ambulation_scheme, old.ambulation, old.edss, old.note) == ("legacy", 6, Decimal("6.5"), "checked")


# Entered in error


def test_a_void_keeps_the_row_and_its_reason(signed_in, patient, stored, clinician):
    address = url("assessment_void", patient, stored.pk)

    refused = signed_in.post(address, {"reason": " ", "row_version": "1"})
    done = signed_in.post(address, {"reason": "another patient's", "row_version": "1"})

    stored.refresh_from_db()
    assert set(errors_in(refused)) == {"reason"}
    assert done.status_code == 302
    assert (stored.void_reason, stored.history.first().history_user) == ("another patient's", clinician)
    assert signed_in.get(url("assessment_edit", patient, stored.pk)).status_code == 404


def test_a_void_of_an_older_version_is_refused(signed_in, patient, clinician, stored):
    signed_in.post(url("assessment_edit", patient, stored.pk), change(stored, clinician, sensory="1"))

    response = signed_in.post(url("assessment_void", patient, stored.pk), {"reason": "wrong", "row_version": "1"})

    stored.refresh_from_db()
    assert (response.status_code, stored.voided_at) == (409, None)


def test_a_change_of_a_voided_assessment_says_that_it_was_voided(signed_in, patient, clinician, stored):
    signed_in.post(url("assessment_void", patient, stored.pk), {"reason": "wrong chart", "row_version": "1"})

    response = signed_in.post(url("assessment_edit", patient, stored.pk), change(stored, clinician, sensory="1"))

    assert response.status_code == 409
    assert "marked this assessment as entered in error" in response.content.decode()
    assert "wrong chart" in response.content.decode()


# Relapses


def relapse_entry(**fields):
    sent = {"submission": str(uuid.uuid4()), "onset": "2026-02", "systems": ["visual", "sensory"]}
    return sent | {"severity": "mild", "recovery": "unknown", "steroid": "iv", "confirmed": "on"} | fields


def test_a_relapse_is_saved_once(signed_in, patient, clinician):
    sent = relapse_entry()

    answers = [signed_in.post(url("relapse_add", patient), sent) for _ in range(2)]

    row = Relapse.objects.get()
    assert [answer.status_code for answer in answers] == [302, 302]
    assert (row.onset, row.onset_precision, row.systems) == (date(2026, 2, 1), "month", ["visual", "sensory"])
    assert (row.steroid, row.confirmed, row.history.get().history_user) == ("iv", True, clinician)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"onset": "2126-01-01"}, "onset"),
        ({"onset": "1975"}, "onset"),
        ({"onset": "01/02/2026"}, "onset"),
        ({"onset": ""}, "onset"),
        ({"end": "2026-01-03"}, "end"),
        ({"end": "2126-01-03"}, "end"),
        ({"systems": ["soul"]}, "systems"),
        ({"severity": "terrible"}, "severity"),
        ({"note": "x" * 4001}, "note"),
    ],
)
def test_a_wrong_relapse_is_refused_at_its_field(signed_in, patient, wrong, field):
    response = signed_in.post(url("relapse_add", patient), relapse_entry(**wrong))

    assert set(errors_in(response)) == {field}
    assert not Relapse.objects.exists()


def test_a_relapse_is_changed_with_a_reason_and_compared_on_conflict(signed_in, patient, clinician):
    row = relapse(patient, clinician, "2026-02-03")
    address = url("relapse_edit", patient, row.pk)
    sent = relapse_entry(onset="2026-02-04", row_version="1", change="Wrong date")

    saved = signed_in.post(address, sent)
    late = signed_in.post(address, relapse_entry(onset="2026-02-05", row_version="1", change="Wrong date"))
    chosen = relapse_entry(onset="2026-02-05", hospital="on", row_version="2", change="Wrong date", keep_onset="theirs")
    third = signed_in.post(address, chosen)

    row.refresh_from_db()
    assert (saved.status_code, late.status_code, third.status_code) == (302, 409, 302)
    assert [one.name for one in late.context["differing"]] == ["onset"]
    assert (row.onset, row.hospital, row.row_version) == (date(2026, 2, 4), True, 3)
    assert row.history.first().history_change_reason == "Wrong date"


def test_a_relapse_entered_in_error_stays_with_its_reason(signed_in, patient, clinician):
    row = relapse(patient, clinician, "2026-02-03")

    response = signed_in.post(url("relapse_void", patient, row.pk), {"reason": "a fever", "row_version": "1"})

    row.refresh_from_db()
    assert (response.status_code, row.void_reason) == (302, "a fever")


# Who may


def addresses(patient, clinician):
    seen, bout = scored(patient, clinician, DAY), relapse(patient, clinician, "2024-02-03")
    return [
        url("assessment_add", patient),
        url("assessment_score", patient),
        *(url(name, patient, seen.pk) for name in ("assessment_edit", "assessment_void")),
        url("relapse_add", patient),
        *(url(name, patient, bout.pk) for name in ("relapse_edit", "relapse_void")),
    ]


def answers(client, paths):
    gets = {client.get(path).status_code for path in paths if not path.endswith("/score/")}
    return gets | {client.post(path, {"reason": "x", "row_version": "1"}).status_code for path in paths}


def test_who_may_open_and_send_the_forms(
    client, patient, clinician, outsider, admin, registry_admin, centre, other_centre
):
    paths = addresses(patient, clinician)
    elsewhere = make_user("both", centre=centre, role="admin")
    elsewhere.memberships.create(centre=other_centre, role="clinician")

    assert answers(client, paths) == {302}
    assert client.get(paths[0]).url.startswith("/account/login/")
    for user, expected in ((outsider, {404}), (admin, {403}), (registry_admin, {403}), (elsewhere, {403})):
        client.force_login(user)
        assert answers(client, paths) == expected
    assert not Assessment.objects.exclude(voided_at=None).exists()


def test_an_assessment_is_found_only_under_its_own_patient(signed_in, patient, centre, clinician, stored):
    other = make_patient(centre, clinician, family_name="Zwei")

    for name in ("assessment_edit", "assessment_void"):
        assert signed_in.get(url(name, other, stored.pk)).status_code == 404
        assert signed_in.get(url(name, other, 10**30)).status_code == 404
    assert signed_in.post(url("assessment_score", other), {"assessment": str(stored.pk)}).status_code == 404
    assert signed_in.post(url("assessment_score", other), {"assessment": "9" * 40}).status_code == 200


def test_opening_a_form_is_logged_without_a_name_and_shows_it_only_on_the_page(signed_in, patient, clinician, stored):
    response = signed_in.get(url("assessment_edit", patient, stored.pk))

    event = AccessEvent.objects.get(page="assessment_edit")
    assert (event.user, event.patient) == (clinician, patient)
    assert "Muster" not in event.page + event.detail
    page = response.content.decode()
    assert "Erika Muster, female, born 2 Mar 1985" in page  # so that nobody records for the wrong person
    assert "Muster" not in page[page.index("<title>") : page.index("</title>")]  # which a browser keeps
    assert response["Cache-Control"] == "no-store"


def test_the_number_of_queries_does_not_grow_with_the_visits(
    signed_in, patient, clinician, django_assert_max_num_queries
):
    for year in range(2000, 2020):
        scored(patient, clinician, date(year, 3, 2))
        relapse(patient, clinician, f"{year}-09-01")

    with django_assert_max_num_queries(12):
        signed_in.get(url("assessment_add", patient))
    with django_assert_max_num_queries(10):
        signed_in.post(url("assessment_score", patient), entry(clinician))


# Anything at all

JUNK = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["-1", "7", "16", "²", "٣", "1e0", "0x2", "9" * 400, "[]", "null", "\x00", "NaN", "2026-02-30", " "]
    ),
    st.integers().map(str),
    st.lists(st.text(max_size=5), max_size=3),
)
NAMES = (*entry(User(pk=1)), "time", "rater_name", "edss_rater", "rater_reason")
MORE = (
    "ambulation",
    "in_bed",
    "wheelchair_help",
    "visual_mark",
    "note",
    "reason_W1",
    "incomplete_reason",
    "assessment",
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    junk=st.dictionaries(
        st.sampled_from([*NAMES, *MORE, "row_version", "shown_previous", "keep_day"]), JUNK, min_size=3
    ),
    bad=st.sampled_from(["", "8", "-1", "٣", "1.5", "2X", "9" * 30]),
)
def test_no_input_breaks_the_form_or_is_saved(signed_in, patient, clinician, junk, bad):
    sent = entry(clinician) | junk | {"pyramidal": bad, "pyramidal_mark": [], "incomplete_reason": ""}

    saved = signed_in.post(url("assessment_add", patient), sent)
    live = signed_in.post(url("assessment_score", patient), sent)

    assert (saved.status_code, live.status_code in (200, 404)) == (200, True)
    assert "pyramidal" in errors_in(saved)
    assert not Assessment.objects.exists()


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.dictionaries(st.sampled_from([*relapse_entry(), "end", "note", "hospital"]), JUNK, min_size=1))
def test_no_input_breaks_the_relapse_form(signed_in, patient, junk):
    response = signed_in.post(url("relapse_add", patient), relapse_entry() | junk | {"severity": "٣"})

    assert response.status_code == 200
    assert not Relapse.objects.exists()


def test_a_page_that_comes_back_refused_shows_the_record_and_is_noted(client, clinician, patient):
    one = visit(patient, clinician, "2019-01-01", 2)
    client.force_login(clinician)

    client.post(reverse("assessments:assessment_edit", args=[patient.code, one.pk]), {})

    assert AccessEvent.objects.filter(patient=patient, page="assessment_edit").count() == 1


def test_a_save_is_no_reading(client, clinician, patient):
    client.force_login(clinician)

    saved = client.post(url("assessment_add", patient), entry(clinician))

    assert saved.status_code == 302
    assert not AccessEvent.objects.filter(patient=patient, page="assessment_add").exists()

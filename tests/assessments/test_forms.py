"""What the fields of the forms read and refuse, without a database where none is needed."""

from datetime import date, time

import pytest
from django.core.exceptions import ValidationError

from assessments.forms.assessment import AssessmentForm
from assessments.forms.fields import ClockField, GradeField, MarkField, MetresField
from assessments.models import Assessment
from assessments.wording import WORDS, counts_as, drivers_words
from engine.edss import GRADE_MAX, SYSTEMS
from tests.assessments.entries import GRADES, entry, scored, url
from tests.factories import make_user

JUNK = ["-1", "7", "1.0", "1e0", "0x1", "²", "٣", "1 2", "True", "[]", "9" * 500, "1\x00"]


@pytest.mark.parametrize("text", JUNK)
def test_a_grade_is_one_of_its_keys(text):
    with pytest.raises(ValidationError):
        GradeField(most=6).clean(text)


def test_a_grade_may_be_missing_but_is_never_zero_then():
    assert [GradeField(most=5).clean(text) for text in ("", None, "0", "5")] == [None, None, 0, 5]
    with pytest.raises(ValidationError):
        GradeField(most=5).clean("6")


def test_a_mark_is_one_of_three_or_none():
    assert [MarkField().clean(sent) for sent in ([], None, ["X"], ["P", "P"])] == ["", "", "X", "P"]
    for wrong in (["X", "P"], ["Z"], "X"):
        with pytest.raises(ValidationError):
            MarkField().clean(wrong)


@pytest.mark.parametrize("text", ["24:00", "14:60", "14.20", "1420", "14:2", "٣:20", "-1:00"])
def test_a_time_is_refused_unless_it_is_on_the_clock(text):
    with pytest.raises(ValidationError):
        ClockField().clean(text)


def test_a_time_is_read_with_one_or_two_digits_of_the_hour():
    assert [ClockField().clean(text) for text in ("", "9:05", "23:59")] == [None, time(9, 5), time(23, 59)]


@pytest.mark.parametrize("text", ["-5", "700 m", "7e2", "٧٠٠", "50001", "999999", "1.5", "1,000"])
def test_a_distance_is_whole_metres(text):
    with pytest.raises(ValidationError):
        MetresField().clean(text)


def test_a_distance_of_nothing_is_not_zero():
    assert [MetresField().clean(text) for text in ("", "0", "0700", "50000")] == [None, 0, 700, 50_000]


def test_every_grade_of_every_system_has_words_of_its_own():
    assert tuple(WORDS) == SYSTEMS
    for system, words in WORDS.items():
        assert len(set(words.grades)) == len(words.grades) == GRADE_MAX[system] + 1
    assert (counts_as("bowel_bladder", 4), counts_as("visual", 2), counts_as("pyramidal", 6)) == (3, None, None)


def test_drivers_are_said_highest_first_with_the_raw_grade():
    said = drivers_words(["sensory", "bowel_bladder"], GRADES, {"sensory": 2, "bowel_bladder": 3})

    assert said == "Bladder 3 (raw 4), sensory 2"


def fill(patient, user, **fields):
    from django.http import QueryDict

    data = QueryDict(mutable=True)
    for name, value in entry(user, **fields).items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return AssessmentForm(data, instance=Assessment(patient=patient, day=date(2026, 9, 1)), user=user)


@pytest.mark.django_db
def test_the_raters_are_those_who_treat_here_and_the_user_is_chosen(patient, clinician, neurologist, admin, outsider):
    gone = make_user("gone", centre=patient.centre, is_active=False)

    form = AssessmentForm(instance=Assessment(patient=patient, day=date(2026, 9, 1)), user=clinician)

    offered = [value for value, _ in form.fields["rater"].choices]
    assert offered == [str(clinician.pk), str(neurologist.pk), "other"]
    assert form.initial["rater"] == str(clinician.pk)
    assert not fill(patient, clinician, rater=str(gone.pk)).is_valid()
    assert not fill(patient, clinician, rater=str(outsider.pk)).is_valid()


@pytest.mark.django_db
def test_somebody_else_needs_a_name(patient, clinician):
    nameless = fill(patient, clinician, rater="other")
    named = fill(patient, clinician, rater="other", rater_name="Dr Guest")

    assert set(nameless.errors) == {"rater_name"}
    assert named.is_valid()
    assert (named.assessment().rater, named.assessment().rated_by) == (None, "Dr Guest")


@pytest.mark.django_db
def test_a_time_needs_a_day(patient, clinician):
    assert set(fill(patient, clinician, day="2026-03", time="14:20").errors) == {"time"}


@pytest.mark.django_db
def test_an_invalid_part_is_left_out_and_the_rest_is_read(patient, clinician):
    form = fill(patient, clinician, day="soon", visual="9", distance_m="far", sensory_mark=["X"])

    one = form.assessment() if not form.is_valid() else None

    assert (one.day, one.visual, one.distance_m, one.ambulation) == (patient.centre.today(), None, None, None)
    assert (one.pyramidal, one.sensory_mark) == (3, "X")


@pytest.mark.django_db
def test_ten_is_offered_only_for_a_recorded_death_from_ms(patient, clinician):
    def steps():
        form = AssessmentForm(instance=Assessment(patient=patient, day=date(2026, 9, 1)), user=clinician)
        return [value for value, _ in form.fields["edss_rater"].choices]

    assert "10.0" not in steps()
    patient.death, patient.death_cause = date(2026, 9, 1), "ms"
    assert "10.0" in steps()


@pytest.mark.django_db
def test_a_stored_record_goes_through_the_form_unchanged(patient, clinician):
    row = scored(patient, clinician, date(2026, 3, 2), visual_mark="X", note="as seen", fever=True)
    before = {field.name: getattr(row, field.name) for field in Assessment._meta.concrete_fields}

    form = AssessmentForm(instance=row, user=clinician)
    sent = fill_from(form)
    bound = AssessmentForm(sent, instance=row, user=clinician)

    assert bound.is_valid(), bound.errors
    after = bound.assessment()
    assert {name: getattr(after, name) for name in before} == before


def fill_from(form):
    """What a browser would send of a form as it is shown."""
    from django.http import QueryDict

    from assessments.views.compare import as_sent

    data = QueryDict(mutable=True)
    for name in form.fields:
        if value := as_sent(form[name].value()):
            data.setlist(name, value)
    data["change"] = "Typing error"
    return data


def test_an_hour_that_the_clocks_skip_is_refused(client, clinician, patient):
    client.force_login(clinician)
    answer = client.post(url("assessment_add", patient), entry(clinician, day="2024-03-31", time="02:30"))

    assert "02:30 did not exist on 31 Mar 2024" in answer.content.decode()
    assert not Assessment.objects.exists()

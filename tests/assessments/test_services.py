"""What the services of assessments refuse, and each constraint by every way into the database."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from assessments import services
from assessments.models import Assessment, Relapse
from engine.edss import GRADE_MAX, SYSTEMS
from patients.writing import Conflict, violated
from tests.assessments.entries import GRADES, entry, scored, url
from tests.factories import relapse, visit

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 2)

# constraint: the fields that break it and it alone, and the field of the form that names it (None: the form cannot)
BAD_ASSESSMENTS = {
    "one_live_assessment_a_day": ({"day": DAY}, "day"),
    "assessment_edss_on_scale": ({"edss": "0.5", "edss_rater": None, "edss_calculated": None}, None),
    "assessment_edss_calculated_on_scale": ({"edss_calculated": "4.2"}, None),
    "assessment_edss_rater_on_scale": ({"edss_rater": "0.5", "edss": "0.5"}, "edss_rater"),
    **{f"assessment_{name}_grade": ({name: GRADE_MAX[name] + 1}, name) for name in SYSTEMS},
    **{f"assessment_{name}_mark": ({f"{name}_mark": "Z"}, f"{name}_mark") for name in SYSTEMS},
    "assessment_ambulation_code": ({"ambulation": 17}, "ambulation"),
    "assessment_edss_that_counts": ({"edss": "3.0"}, None),
    "assessment_distance_m": ({"distance_m": 50_001}, "distance_m"),
    "assessment_mode_known": ({"mode": "dream"}, "mode"),
    "assessment_visit_type_known": ({"visit_type": "tea"}, "visit_type"),
    "assessment_aid_known": ({"aid": "broom"}, "aid"),
    "assessment_observed_known": ({"observed": "felt"}, "observed"),
    "assessment_day_in_range": ({"day": date(1899, 12, 31)}, "day"),
    "assessment_day_precision": ({"day": date(2026, 3, 3), "day_precision": "month"}, None),
    "assessments_assessment_void_reason": ({"voided_at": "2026-03-02T10:00Z"}, None),
}
BAD_RELAPSES = {
    "one_live_relapse_an_onset": {"onset": DAY},
    "relapse_severity_known": {"severity": "dire"},
    "relapse_recovery_known": {"recovery": "so-so"},
    "relapse_steroid_known": {"steroid": "tea"},
    "relapse_onset_in_range": {"onset": date(1899, 12, 31)},
    "relapse_onset_precision": {"onset": date(2026, 3, 3), "onset_precision": "year"},
    "relapse_end_after_onset": {"end": date(2026, 2, 1)},
    "relapse_end_in_range": {"end": date(2200, 1, 1)},
    "relapse_end_precision": {"end": date(2026, 6, 3), "end_precision": "month"},
    "assessments_relapse_void_reason": {"void_reason": "no moment"},
}
ALSO_BROKEN = {"assessment_edss_rater_on_scale": "assessment_edss_on_scale"}  # a rater's value is the one that counts
# a value only the service sets: what a caller gives is overwritten, or the row never gets there
SET_BY_THE_SERVICE = {
    "assessment_edss_on_scale",
    "assessment_edss_calculated_on_scale",
    "assessment_edss_that_counts",
    "assessments_assessment_void_reason",
    "assessments_relapse_void_reason",
}


def assessment(patient, by, **fields) -> Assessment:
    values = {"day": date(2026, 4, 1), **GRADES, "ambulation": 1, "distance_m": 700, "aid": "none", "rater": by}
    values |= {"edss": Decimal("4.0"), "edss_calculated": Decimal("4.0")}
    return Assessment(patient=patient, **{**values, **fields})


def bout(patient, by, **fields) -> Relapse:
    return Relapse(patient=patient, **{"onset": date(2026, 4, 1), **fields})


def record(row, by):
    if isinstance(row, Relapse):
        return services.record_relapses([row], by=by)
    return services.record_assessments([row], by=by, confirm_because="test", action="assessment.add")


CASES = [
    *(pytest.param(Assessment, assessment, name, bad, id=name) for name, (bad, _) in BAD_ASSESSMENTS.items()),
    *(pytest.param(Relapse, bout, name, bad, id=name) for name, bad in BAD_RELAPSES.items()),
]


@pytest.fixture
def others(patient, clinician):
    """One live row of each kind on DAY, and one that the bad values are put into."""
    scored(patient, clinician, DAY)
    relapse(patient, clinician, DAY.isoformat())
    return {
        Assessment: scored(patient, clinician, date(2026, 4, 1)),
        Relapse: relapse(patient, clinician, "2026-04-01"),
    }


def refused_by(constraint, model, work):
    """The engine refuses, and names this constraint or one that the same value also breaks."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        work()
    assert violated(refusal.value, model) in (constraint, ALSO_BROKEN.get(constraint))


def test_every_constraint_has_a_bad_value_here():
    for model, tried in ((Assessment, BAD_ASSESSMENTS), (Relapse, BAD_RELAPSES)):
        assert {constraint.name for constraint in model._meta.constraints} == set(tried)


@pytest.mark.parametrize(("model", "make", "constraint", "bad"), CASES)
def test_a_bad_value_is_refused_in_bulk_by_update_and_by_sql(model, make, constraint, bad, patient, clinician, others):
    row = others[model]
    row.refresh_from_db()
    other_day = {} if {"day", "onset"} & set(bad) else {"day" if model is Assessment else "onset": date(2026, 5, 1)}
    columns = ", ".join(f'"{model._meta.get_field(name).column}" = %s' for name in bad)
    values = [
        model._meta.get_field(name).get_db_prep_save(model._meta.get_field(name).to_python(value), connection)
        for name, value in bad.items()
    ]

    refused_by(constraint, model, lambda: model.objects.bulk_create([make(patient, clinician, **bad, **other_day)]))
    refused_by(constraint, model, lambda: model.objects.filter(pk=row.pk).update(**bad))
    with connection.cursor() as cursor:
        sql = f'UPDATE "{model._meta.db_table}" SET {columns} WHERE id = %s'
        refused_by(constraint, model, lambda: cursor.execute(sql, [*values, row.pk]))
    before = model.objects.get(pk=row.pk)
    assert all(getattr(before, name) == getattr(row, name) for name in bad)


@pytest.mark.parametrize(("model", "make", "constraint", "bad"), CASES)
def test_the_service_refuses_a_bad_value_with_a_sentence(model, make, constraint, bad, patient, clinician, others):
    other_day = {} if {"day", "onset"} & set(bad) else {"day" if model is Assessment else "onset": date(2026, 5, 1)}
    row, number = make(patient, clinician, **bad, **other_day), model.objects.count()
    extra = {"rater_reason": "test"} if "edss_rater" in bad else {}
    for name, value in extra.items():
        setattr(row, name, value)

    if constraint in SET_BY_THE_SERVICE and "void" not in constraint:
        record(row, clinician)
        assert row.edss == row.edss_calculated == Decimal("4.0")
        return
    with pytest.raises(ValidationError) as refusal:
        record(row, clinician)

    assert all(messages for messages in refusal.value.message_dict.values())
    assert model.objects.count() == number


FORM_CASES = [(bad, field) for bad, field in BAD_ASSESSMENTS.values() if field]


@pytest.mark.parametrize(("bad", "field"), FORM_CASES, ids=[next(iter(bad)) for bad, _ in FORM_CASES])
def test_the_form_refuses_a_bad_value_at_its_field(bad, field, client, patient, clinician, others):
    client.force_login(clinician)
    number = Assessment.objects.count()

    response = client.post(
        url("assessment_add", patient), entry(clinician, reason_W11="yes") | {field: str(bad[field])}
    )

    assert field in response.context["form"].errors
    assert Assessment.objects.count() == number


# Rules about more than one row or about the calendar


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"day": date(1985, 3, 1)}, "day"),
        ({"day": date(2125, 1, 1)}, "day"),
        ({"edss_rater": Decimal("3.5")}, "rater_reason"),
        ({"visual": None}, "incomplete_reason"),
        ({"visual": None, "visual_mark": "X"}, "visual"),
        ({"visual": 2, "visual_mark": "not_done"}, "visual"),
        ({"edss_rater": Decimal("10.0"), "rater_reason": "died"}, "edss_rater"),
        ({"ambulation": 16}, "ambulation"),
        ({"at": timezone.now() - timedelta(days=400)}, "at"),
    ],
)
def test_a_rule_names_its_field(patient, clinician, fields, named):
    row = assessment(patient, clinician, **fields)

    with pytest.raises(ValidationError) as refusal:
        services.record_assessment(row, by=clinician)

    assert named in refusal.value.message_dict
    assert not Assessment.objects.exists()


def test_a_moment_ahead_of_the_clock_is_refused(patient, clinician):
    soon = timezone.now() + timedelta(minutes=30)
    row = assessment(patient, clinician, day=patient.centre.day_of(soon), at=soon)

    with pytest.raises(ValidationError) as refusal:
        services.record_assessment(row, by=clinician)

    assert "future" in str(refusal.value.message_dict)


def test_nothing_is_recorded_after_a_death(patient, clinician):
    patient.death, patient.death_cause = date(2026, 3, 1), "other"
    patient.save()

    for row, save in (
        (assessment(patient, clinician), lambda one: services.record_assessment(one, by=clinician)),
        (bout(patient, clinician), lambda one: services.record_relapses([one], by=clinician)),
    ):
        with pytest.raises(ValidationError, match="after the death"):
            save(row)


def test_no_relapse_ends_after_a_death(patient, clinician):
    patient.death, patient.death_cause = date(2026, 3, 1), "other"
    patient.save()
    ended = bout(patient, clinician)
    ended.onset, ended.end = date(2026, 2, 1), date(2026, 3, 2)

    with pytest.raises(ValidationError) as refusal:
        services.record_relapses([ended], by=clinician)

    assert set(refusal.value.message_dict) == {"end"}


def test_death_from_ms_can_be_scored(patient, clinician):
    patient.death, patient.death_cause = date(2026, 4, 1), "ms"
    patient.save()
    row = assessment(patient, clinician, ambulation=16, distance_m=None, aid="")

    services.record_assessments([row], by=clinician, confirm_because="death", action="assessment.add")

    assert row.edss == Decimal("10.0")


def test_all_warnings_left_open_are_named_and_confirmed_ones_are_kept(patient, clinician):
    visit(patient, clinician, "2025-01-01", Decimal("1.0"))
    row = assessment(patient, clinician, pyramidal=6)

    with pytest.raises(ValidationError) as refusal:
        services.record_assessment(row, by=clinician, confirmed={"W6": "seen"})
    services.record_assessment(row, by=clinician, confirmed={"W6": "seen", "W12": "a year between"})

    assert set(refusal.value.message_dict) == {"confirm_W12"}
    assert [one["id"] for one in row.confirmed_warnings] == ["W6", "W12"]


def test_only_those_who_treat_there_may_write(patient, clinician, admin, outsider):
    row = scored(patient, clinician, DAY)

    for user in (admin, outsider):
        with pytest.raises(PermissionDenied):
            services.record_assessment(assessment(patient, user), by=user)
        with pytest.raises(PermissionDenied):
            services.void_assessment(row, by=user, reason="no", row_version=1)
        with pytest.raises(PermissionDenied):
            services.record_relapses([bout(patient, user)], by=user)


def test_an_older_version_neither_overwrites_nor_voids(patient, clinician):
    row = scored(patient, clinician, DAY)
    mine, theirs = Assessment.objects.get(pk=row.pk), Assessment.objects.get(pk=row.pk)
    theirs.note = "first"
    services.amend_assessment(theirs, by=clinician, confirmed={}, reason="typing", row_version=1)
    mine.note = "second"

    with pytest.raises(Conflict) as conflict:
        services.amend_assessment(mine, by=clinician, confirmed={}, reason="typing", row_version=1)
    with pytest.raises(Conflict):
        services.void_assessment(mine, by=clinician, reason="wrong", row_version=1)

    assert conflict.value.current.note == "first"


def test_many_relapses_are_saved_or_none(patient, clinician):
    good, bad = bout(patient, clinician), bout(patient, clinician, onset=date(1970, 1, 1))

    with pytest.raises(ValidationError):
        services.record_relapses([good, bad], by=clinician)

    assert not Relapse.objects.exists()


@pytest.mark.parametrize("systems", [5, "visual", {"visual": 1}, [["visual"]], ["soul"]])
def test_systems_of_a_relapse_are_a_list_of_names(patient, clinician, systems):
    with pytest.raises(ValidationError) as refusal:
        services.record_relapses([bout(patient, clinician, systems=systems)], by=clinician)

    assert set(refusal.value.message_dict) == {"systems"}

"""Small makers of records for tests. They go through the services, as a user would."""

from datetime import date

from assessments.models import Assessment, Relapse
from assessments.services import record_assessments, record_relapses
from patients.models import Centre, Membership, Patient, Role, User
from patients.services import register
from treatments.models import Course, Infusion
from treatments.services import record_course

PASSWORD = "correct-horse-battery"


def make_centre(name="Centre Nord", **fields) -> Centre:
    return Centre.objects.create(name=name, **fields)


def make_user(name, *, centre=None, role=None, **fields) -> User:
    user = User.objects.create_user(f"{name.lower()}@example.org", PASSWORD, name=f"Dr {name.title()}", **fields)
    if centre:
        Membership.objects.create(user=user, centre=centre, role=role or Role.CLINICIAN)
    return user


def make_patient(centre, by, *, family_name="Muster", given_name="Erika", local_number="", **fields) -> Patient:
    fields = {"sex": "female", "birth": date(1985, 3, 2), **fields}
    identity = {"family_name": family_name, "given_name": given_name, "local_number": local_number}
    return register(Patient(centre=centre, **fields), by=by, identity=identity)


def visit(patient, by, day, edss, **fields) -> Assessment:
    """An assessment whose EDSS the rater gave; `day` as ISO text or date."""
    row = Assessment(
        patient=patient,
        day=date.fromisoformat(day) if isinstance(day, str) else day,
        edss_rater=edss,
        rater_reason="from the chart" if edss is not None else "",
        incomplete_reason="" if edss is not None else "not examined",
        rater=by,
        **fields,
    )
    return record_assessments([row], by=by, confirm_because="test", action="assessment.add")[0]


def relapse(patient, by, onset, **fields) -> Relapse:
    return record_relapses([Relapse(patient=patient, onset=date.fromisoformat(onset), **fields)], by=by)[0]


def course(patient, by, *days, state="complete", precision="day", **fields) -> Course:
    rows = [Infusion(day=date.fromisoformat(day), day_precision=precision) for day in days]
    return record_course(Course(patient=patient, state=state, **fields), rows, by=by)

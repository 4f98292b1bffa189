"""An invented registry: two centres, three accounts and the people of `engine.simulate`, written through the services.

The same seed, number and day give the same registry. Its centres are marked synthetic, which every page says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from assessments.models import Assessment, Relapse
from assessments.services import record_assessments, record_relapses, void_assessment
from engine.edss import SYSTEMS
from engine.simulate import cohort
from engine.simulated_records import SimCourse, SimPatient, SimTreatment, SimVisit
from engine.simulated_showcase import showcase
from outcomes import trajectory
from patients.models import CODE_LETTERS, Centre, Consent, Membership, Patient, Phenotype, Role, User
from patients.services import record_consent, register
from treatments.models import Course, Infusion, Treatment
from treatments.services import record_courses, record_treatments

SEED, PATIENTS = 417, 120
PASSWORD = "invented-registry-417"  # noqa: S105 - printed for everybody; refused in production
NORD, SUD = "Centre Nord", "Centre Sud"
TIME_ZONES = {NORD: "Europe/Berlin", SUD: "America/Sao_Paulo"}
ACCOUNTS = [
    ("Clinician", "clinician@demo.example", PASSWORD),
    ("Neurologist", "neurologist@demo.example", PASSWORD),
    ("Admin", "admin@demo.example", PASSWORD),
]
PEOPLE = {  # address: (name, role, centres)
    "clinician@demo.example": ("Dr Carla Invented", Role.CLINICIAN, (NORD,)),
    "neurologist@demo.example": ("Dr Nils Imagined", Role.NEUROLOGIST, (NORD, SUD)),
    "admin@demo.example": ("Alex Fictional", Role.ADMIN, (NORD, SUD)),
}
SHOWCASE = "DEMO-1"  # no other local number contains it
RECORDED_BY = {NORD: "clinician@demo.example", SUD: "neurologist@demo.example"}
FAMILY_NAMES = ("Example", "Specimen", "Muster", "Fictive", "Prøve", "Esempio", "Próba", "Ejemplo", "Modèle", "Märchen",
                "Vzor", "Mönster", "Amostra", "Fabel", "Sampleson", "Testwell", "Inventado", "Placeholder")  # fmt: skip
GIVEN_NAMES = {
    True: ("Ada", "Berta", "Chloé", "Dana", "Élise", "Frida", "Gül", "Hana", "Inés", "Jana", "Käthe", "Lucía", "Mira"),
    False: ("Anton", "Björn", "Cem", "David", "Emil", "François", "Goran", "Hugo", "Ivo", "José", "Karel", "Luís"),
}
CONFIRMED = "Seen and confirmed; invented data"


class DemoRefused(Exception):
    """The demo must not be written here; the sentence says why."""


@dataclass(frozen=True)
class Summary:
    """What was written. `showcase`: the code of the person with local number DEMO-1."""

    centres: int
    patients: int
    assessments: int
    relapses: int
    courses: int
    trajectories: int
    showcase: str
    accounts: tuple[tuple[str, str, str], ...]


def seed(seed: int = SEED, patients: int = PATIENTS, on: date | None = None) -> Summary:
    """Write the demo registry as of a day (today). Raises DemoRefused where real people are or may come."""
    refuse()
    on = on or timezone.now().date()
    people = [showcase(on, seed), *cohort(seed, patients - 1, on)]
    with transaction.atomic():
        centres = make_centres()
        users = make_users(centres)
        rng = np.random.default_rng(seed)
        placed: dict[str, list[tuple[Patient, SimPatient]]] = {name: [] for name in centres}
        for number, person in enumerate(people, start=1):
            name = NORD if number == 1 or rng.random() < 0.6 else SUD
            by = users[RECORDED_BY[name]]
            placed[name].append((register_person(person, number, centres[name], by, rng), person))
        for name, pairs in placed.items():
            write(pairs, users[RECORDED_BY[name]], rng)
    registered = [patient for pairs in placed.values() for patient, _ in pairs]
    done = trajectory.refresh([patient.pk for patient in registered])
    return Summary(
        centres=len(centres),
        patients=len(registered),
        assessments=Assessment.objects.count(),
        relapses=Relapse.objects.count(),
        courses=Course.objects.count(),
        trajectories=done,
        showcase=placed[NORD][0][0].code,
        accounts=tuple(ACCOUNTS),
    )


def refuse() -> None:
    """Raise DemoRefused in production, beside patients that are not invented, and a second time."""
    if settings.PRODUCTION:
        raise DemoRefused("This is a production system. The demo registry is not written here.")
    if Patient.objects.exclude(centre__synthetic=True).exists():
        raise DemoRefused("This registry holds patients that are not synthetic. The demo registry needs an empty one.")
    if Centre.objects.filter(name__in=TIME_ZONES).exists() or User.objects.filter(email__in=PEOPLE).exists():
        raise DemoRefused("The demo registry is already here, or its names are taken. It is written once.")


def make_centres() -> dict[str, Centre]:
    return {name: Centre.objects.create(name=name, time_zone=zone, synthetic=True) for name, zone in TIME_ZONES.items()}


def make_users(centres: dict[str, Centre]) -> dict[str, User]:
    users = {}
    for _, email, password in ACCOUNTS:
        name, role, places = PEOPLE[email]
        users[email] = User.objects.create_user(email, password, name=name, is_demo=True)
        for place in places:
            Membership.objects.create(user=users[email], centre=centres[place], role=role)
    return users


def register_person(person: SimPatient, number: int, centre: Centre, by: User, rng: np.random.Generator) -> Patient:
    """One patient with an invented name, consent and phenotype. The showcase is found by its local number."""
    given = GIVEN_NAMES[person.female]
    patient = Patient(
        code="MS-" + "".join(CODE_LETTERS[at] for at in rng.integers(0, len(CODE_LETTERS), size=6)),
        centre=centre,
        sex="female" if person.female else "male",
        birth=first_day(person.birth, person.birth_precision),
        birth_precision=person.birth_precision,
        onset=first_day(person.onset, person.onset_precision),
        onset_precision=person.onset_precision,
        diagnosis=person.diagnosis,
        death=person.death,
        death_precision=person.death_precision,
        death_cause=person.death_cause,
    )
    identity = {
        "family_name": FAMILY_NAMES[(number * 7) % len(FAMILY_NAMES)],
        "given_name": given[(number * 5) % len(given)],
        "local_number": SHOWCASE if number == 1 else f"{centre.name[-4:].strip().upper()}-{number:03}",
    }
    consents = [Consent(decision=decision, day=day) for decision, day in person.consent]
    phenotype = Phenotype(kind=person.phenotype, since=first_day(person.diagnosis, "month"), since_precision="month")
    withdrawn = bool(consents) and consents[-1].decision == "withdrawn"
    if withdrawn:
        patient.participation, patient.participation_since = "withdrawn", consents[-1].day
    register(patient, by=by, identity=identity, consent=consents[0] if consents else None, phenotype=phenotype)
    for later in consents[1:]:
        later.patient = patient
        record_consent(later, by=by)
    return patient


def first_day(day: date, precision: str) -> date:
    """The stored form of a date that is not known to the day."""
    return day.replace(month=1, day=1) if precision == "year" else day.replace(day=1) if precision == "month" else day


def write(pairs: Sequence[tuple[Patient, SimPatient]], by: User, rng: np.random.Generator) -> None:
    """Everything clinical of one centre, in bulk."""

    def each(make: Callable, what: str) -> list:
        return [make(patient, row) for patient, person in pairs for row in getattr(person, what)]

    record_relapses(each(relapse, "relapses"), by=by, reason="Demo")
    record_courses(each(course, "courses"), by=by)
    record_treatments(each(treatment, "treatments"), by=by, reason="Demo")
    visits = [(visit, assessment(patient, visit, by)) for patient, person in pairs for visit in person.visits]
    rows = [row for _, row in visits]
    record_assessments(rows, by=by, confirm_because=CONFIRMED, action="assessment.add", reason="Demo")
    for visit, row in visits:
        if visit.wrong:
            void_assessment(row, by=by, reason=visit.wrong, row_version=row.row_version)


def relapse(patient: Patient, row) -> Relapse:
    return Relapse(
        patient=patient,
        onset=row.onset,
        onset_precision=row.precision,
        systems=list(row.systems),
        severity=row.severity,
        recovery=row.recovery,
        steroid=row.steroid,
        hospital=row.hospital,
        confirmed=row.precision == "day",
    )


def course(patient: Patient, row: SimCourse) -> tuple[Course, list[Infusion]]:
    infusions = [Infusion(day=day, day_precision=row.precision) for day in row.days]
    return Course(patient=patient, state=row.state, planned_start=row.planned), infusions


def treatment(patient: Patient, row: SimTreatment) -> Treatment:
    return Treatment(
        patient=patient,
        drug=row.drug,
        start=row.start,
        start_precision=row.start_precision,
        stop=row.stop,
        stop_reason=row.stop_reason,
    )


def assessment(patient: Patient, visit: SimVisit, by: User) -> Assessment:
    """A visit as the form would give it: grades and walking, or the rater's value with its reason."""
    old = visit.examination is None
    row = Assessment(
        patient=patient,
        day=visit.day,
        day_precision=visit.precision,
        visit_type=visit.visit_type,
        mode="unknown" if old else visit.mode,
        rater=None if old else by,
        rater_name="Dr Earlier Invented" if old else "",
        steroids_30_days=visit.steroids,
        rater_reason=visit.own_value,
    )
    if visit.own_value:
        row.edss_rater = Decimal(str(visit.edss))
    if visit.examination is not None:
        found = visit.examination
        for system, grade in zip(SYSTEMS, found.grades, strict=True):
            setattr(row, system, grade)
        if visit.left_out:
            setattr(row, visit.left_out, None)
            setattr(row, f"{visit.left_out}_mark", "not_done")
            row.incomplete_reason = f"{visit.left_out.replace('_', ' and ').capitalize()} was not examined"
        row.ambulation, row.distance_m, row.distance_unlimited = found.ambulation, found.distance_m, found.unlimited
        row.aid, row.observed = found.aid, "told" if visit.told else "seen"
    return row

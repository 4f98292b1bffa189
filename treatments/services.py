"""Writing drugs, Lemtrada courses and infusion days."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from engine.types import Interval, earliest, latest
from patients import writing
from patients.dates import interval
from patients.models import Patient
from patients.services import check_lifetime
from treatments.models import Course, CourseState, Infusion, Treatment

COURSE_SENTENCES = {
    "one_open_course": (
        "state",
        "This patient already has a planned or running course. Complete or stop that one first.",
    ),
    "infusion_dose_mg": ("infusions", "A dose lies between 0 and 100 mg."),
    "one_live_infusion_a_day": ("infusions", "There is already an infusion of this patient on one of these days."),
}


@dataclass(frozen=True)
class GivenCourse:
    """A course with at least one infusion given, with its rank by first infusion day."""

    number: int
    course: Course
    infusions: tuple[Infusion, ...]

    @property
    def first(self) -> Interval:
        return earliest([infusion.interval for infusion in self.infusions])

    @property
    def last(self) -> Interval:
        return latest([infusion.interval for infusion in self.infusions])

    @property
    def total_mg(self):
        return sum(infusion.dose_mg for infusion in self.infusions)


def given_courses(courses: Sequence[Course], infusions: Sequence[Infusion]) -> list[GivenCourse]:
    """Rank the courses of one patient. `infusions`: its live rows; those without a dose do not make a course given."""
    by_course: dict[int, list[Infusion]] = {}
    for infusion in sorted(infusions, key=lambda row: (row.day, row.interval.last)):
        if infusion.dose_mg > 0:
            by_course.setdefault(infusion.course_id, []).append(infusion)
    given = [course for course in courses if course.voided_at is None and course.pk in by_course]
    given.sort(key=lambda course: by_course[course.pk][0].day)
    return [GivenCourse(n, course, tuple(by_course[course.pk])) for n, course in enumerate(given, start=1)]


def check_course(course: Course) -> None:
    course.full_clean(exclude=["patient"], validate_unique=False, validate_constraints=False)


def check_infusion(infusion: Infusion) -> None:
    """Dates that can be. Raises ValidationError on `infusions`."""
    infusion.full_clean(exclude=["patient", "course"], validate_unique=False, validate_constraints=False)
    patient = infusion.patient
    today = patient.centre.today()
    problem = ""
    if infusion.day > today:
        problem = f"{infusion.say_day()} is in the future. Today is {today:%-d %b %Y}."
    for fact, word in (("birth", "before the birth"), ("death", "after the death")):
        known = patient.known(fact)
        if not known:
            continue
        wrong = infusion.interval.last < known.first if fact == "birth" else infusion.interval.first > known.last
        if wrong:
            problem = f"{infusion.say_day()} lies {word}, {patient.say(fact)}."
    if problem:
        raise ValidationError({"infusions": problem})


def check_changed_patient(patient: Patient) -> None:
    """Nothing is given before the birth or after the death."""
    check_lifetime(patient, Infusion.objects.live().filter(patient=patient), "day", "infusion")
    drugs = Treatment.objects.live().filter(patient=patient)
    check_lifetime(patient, drugs, "start", "start of a drug")
    check_lifetime(patient, drugs, "stop", "stop of a drug")


def check_no_overlap(course: Course, infusions: Sequence[Infusion]) -> None:
    """Courses follow one another: no day of another course between the first and the last day of this one."""
    given = [infusion for infusion in infusions if infusion.dose_mg > 0]
    if not given:
        return
    first, last = min(i.interval.first for i in given), max(i.interval.last for i in given)
    others = Infusion.objects.live().filter(patient_id=course.patient_id, course__voided_at=None, dose_mg__gt=0)
    spans: dict[int, list[Interval]] = {}
    for other in others.exclude(course_id=course.pk):
        spans.setdefault(other.course_id, []).append(other.interval)
    for days in spans.values():
        if min(d.last for d in days) <= last and first <= max(d.first for d in days):
            raise ValidationError({"infusions": "These days overlap another course of this patient."})


def check_state(course: Course, infusions: Sequence[Infusion]) -> None:
    given = [infusion for infusion in infusions if infusion.dose_mg > 0]
    if course.state == CourseState.PLANNED and given:
        raise ValidationError({"state": "Infusions were given, so the course is not only planned."})
    if course.state == CourseState.COMPLETE and not given:
        raise ValidationError({"infusions": "A complete course has infusion days. Enter them."})


def record_course(course: Course, infusions: Sequence[Infusion], *, by, reason: str = "") -> Course:
    """Save a new course with its infusion days, all or none. Raises ValidationError on `state` or `infusions`."""

    def check(one: Course) -> None:
        check_course(one)
        check_state(one, infusions)

    with transaction.atomic():
        writing.save_new([course], by=by, action="course.add", check=check, sentences=COURSE_SENTENCES, reason=reason)
        check_no_overlap(course, infusions)
        save_infusions(course, infusions, by=by, reason=reason)
    return course


def save_infusions(course: Course, infusions: Sequence[Infusion], *, by, reason: str = "") -> None:
    for infusion in infusions:
        infusion.course, infusion.patient_id = course, course.patient_id
    writing.save_new(
        infusions, by=by, action="course.add", check=check_infusion, sentences=COURSE_SENTENCES, reason=reason
    )


def amend_course(course: Course, infusions: Sequence[Infusion], *, by, reason: str, row_version: int) -> Course:
    """Save a changed course; its infusion days become exactly these. Days no longer among them are voided."""

    def check(one: Course) -> None:
        check_course(one)
        check_state(one, infusions)

    with transaction.atomic():
        writing.amend(
            course,
            by=by,
            action="course.change",
            check=check,
            sentences=COURSE_SENTENCES,
            reason=reason,
            row_version=row_version,
        )
        check_no_overlap(course, infusions)
        missing = Counter(same_day(infusion) for infusion in infusions)  # days known to the month may repeat
        for old in Infusion.objects.live().filter(course=course):
            if missing[same_day(old)]:
                missing[same_day(old)] -= 1
            else:
                writing.void(old, by=by, action="course.change", reason=reason, row_version=old.row_version)
        new = []
        for infusion in infusions:
            if missing[same_day(infusion)]:
                missing[same_day(infusion)] -= 1
                new.append(infusion)
        save_infusions(course, new, by=by, reason=reason)
    return course


def same_day(infusion: Infusion) -> tuple:
    return infusion.day, infusion.day_precision, infusion.dose_mg


def void_course(course: Course, *, by, reason: str, row_version: int) -> Course:
    """Mark a course and its infusion days as entered in error."""
    with transaction.atomic():
        course = writing.void(course, by=by, action="course.change", reason=reason, row_version=row_version)
        for infusion in Infusion.objects.live().filter(course=course):
            writing.void(infusion, by=by, action="course.change", reason=reason, row_version=infusion.row_version)
    return course


def record_courses(courses: Sequence[tuple[Course, Sequence[Infusion]]], *, by) -> None:
    """Save the courses of many patients with their infusion days in bulk. For the demo."""
    with transaction.atomic():
        rows = [course for course, _ in courses]
        writing.save_new(rows, by=by, action="course.add", check=check_course, sentences=COURSE_SENTENCES)
        infusions = []
        for course, days in courses:
            check_state(course, days)
            for infusion in days:
                infusion.course, infusion.patient_id = course, course.patient_id
                infusions.append(infusion)
        writing.save_new(infusions, by=by, action="course.add", check=check_infusion, sentences=COURSE_SENTENCES)


def check_treatment(treatment: Treatment) -> None:
    treatment.full_clean(exclude=["patient"], validate_unique=False, validate_constraints=False)
    patient = treatment.patient
    today, birth, death = patient.centre.today(), patient.known("birth"), patient.known("death")
    for field, said in (("start", treatment.say_start()), ("stop", treatment.say_stop())):
        known = interval(getattr(treatment, field), getattr(treatment, f"{field}_precision"))
        if known is None:
            continue
        if known.first > today:
            raise ValidationError({field: f"{said} is in the future. Today is {today:%-d %b %Y}."})
        if birth and known.last < birth.first:
            raise ValidationError({field: f"{said} lies before the birth, {patient.say('birth')}."})
        if death and known.first > death.last:
            raise ValidationError({field: f"{said} lies after the death, {patient.say('death')}."})


def record_treatments(treatments: Sequence[Treatment], *, by, reason: str = "") -> Sequence[Treatment]:
    """Save drugs other than Lemtrada, all or none."""
    return writing.save_new(
        treatments, by=by, action="treatment.add", check=check_treatment, sentences={}, reason=reason
    )


def amend_treatment(treatment: Treatment, *, by, reason: str, row_version: int) -> Treatment:
    """Save a changed drug. Raises Conflict if somebody saved it since `row_version`, ValidationError."""
    return writing.amend(
        treatment,
        by=by,
        action="treatment.change",
        check=check_treatment,
        sentences={},
        reason=reason,
        row_version=row_version,
    )


def void_treatment(treatment: Treatment, *, by, reason: str, row_version: int) -> Treatment:
    return writing.void(treatment, by=by, action="treatment.change", reason=reason, row_version=row_version)

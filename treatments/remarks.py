"""What is unusual about a course or a drug and still allowed: shown, never blocking.

Doses, days and the time between courses are those of `engine.lemtrada`.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from engine.lemtrada import DAYS_OF_FIRST_COURSE, DAYS_OF_LATER_COURSE, FULL_DOSE_MG, MONTHS_BETWEEN_COURSES
from engine.status import add_months
from engine.types import Interval
from patients.dates import interval
from treatments.models import Course, Infusion, Treatment
from treatments.services import given_courses


def course_remarks(course: Course, infusions: Sequence[Infusion]) -> list[str]:
    """About a course with these days, whether stored or only filled in."""
    given = sorted((one for one in infusions if one.dose_mg > 0), key=lambda one: one.day)
    found = [
        f"Infusion on {one.say_day()}: {one.dose_mg.normalize():f} mg, not {FULL_DOSE_MG} mg."
        for one in infusions
        if one.dose_mg != FULL_DOSE_MG
    ]
    if not given:
        return found
    stored = Infusion.objects.live().filter(patient_id=course.patient_id).exclude(course_id=course.pk)
    others = given_courses(list(Course.objects.live().filter(patient_id=course.patient_id)), list(stored))
    earlier = [other for other in others if other.first.first <= given[0].day]
    days = DAYS_OF_LATER_COURSE if earlier else DAYS_OF_FIRST_COURSE
    if len(given) > days:
        which = f"course {len(earlier) + 1}" if earlier else "a first course"
        found.append(f"{len(given)} infusion days, and {which} has {days}.")
    if earlier:
        found += too_soon(earlier[-1].first, given[0].interval, "the previous course began")
    if len(others) > len(earlier):
        found += too_soon(given[0].interval, others[len(earlier)].first, "this course, the next one began")
    running = running_drugs(Treatment.objects.live().filter(patient_id=course.patient_id), given[0].interval)
    return found + [f"{drug.label} was running when this course began." for drug in running]


def too_soon(first: Interval, second: Interval, what: str) -> list[str]:
    """Nearer than two courses may be, for sure or, with imprecise dates, perhaps."""
    months = f"{MONTHS_BETWEEN_COURSES} months"
    if second.last < add_months(first.first, MONTHS_BETWEEN_COURSES):
        return [f"Less than {months} after {what}."]
    if second.first < add_months(first.last, MONTHS_BETWEEN_COURSES):
        return [f"Perhaps less than {months} after {what}; the dates are too imprecise to tell."]
    return []


def span(treatment: Treatment) -> tuple[date, date] | None:
    """From when to when a drug was given for sure; without a stop it still is. None without a start."""
    start = interval(treatment.start, treatment.start_precision)
    stop = interval(treatment.stop, treatment.stop_precision)
    return (start.last, stop.first if stop else date.max) if start else None


def running_drugs(treatments: Iterable[Treatment], day: Interval) -> list[Treatment]:
    """Drugs that had begun before this day and not stopped by then, for sure."""
    found = []
    for treatment in treatments:
        known = span(treatment)
        if known and known[0] < day.first and day.last < known[1]:
            found.append(treatment)
    return found


def treatment_remarks(treatment: Treatment) -> list[str]:
    """Drugs that were certainly given at the same time as this one."""
    mine = span(treatment)
    if mine is None:
        return []
    found = []
    for other in Treatment.objects.live().filter(patient_id=treatment.patient_id).exclude(pk=treatment.pk):
        theirs = span(other)
        if theirs and max(mine[0], theirs[0]) < min(mine[1], theirs[1]):
            until = f" to {other.say_stop()}" if other.stop else ", without a stop"
            found.append(f"Overlaps {other.label}, from {other.say_start()}{until}.")
    return found

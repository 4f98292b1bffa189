"""The columns of the cohort export: one row a patient, without name, local number, day of birth or free text."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from engine import VERSION
from engine.history import HISTORY, PRESET
from engine.status import (
    ANCHOR_AFTER_DAYS,
    ANCHOR_BEFORE_DAYS,
    CONFIRM_DAYS,
    NEAR_RELAPSE_DAYS,
    REASONS,
    RULE_NAME,
)
from outcomes.exchange.cohort_rows import GivenCourse, Person
from outcomes.exchange.columns import Column
from outcomes.models import Status
from patients.dates import Precision
from patients.models import DeathCause, PhenotypeKind, Sex
from treatments.models import CourseState, Drug

EVENT_HASH: Final = HISTORY.content_hash
COURSES_IN_COLUMNS: Final = 5  # the label's two courses and what more of them is usual; more go into `later_courses`
STATUSES: Mapping[str, str] = {str(value): str(words) for value, words in Status.choices}
KNOWN: dict[str, str] = {str(value): f"known {words}" for value, words in Precision.choices}
PRIOR_DRUGS = {value: words for value, words in Drug.choices if value != Drug.ALEMTUZUMAB_BEFORE}
NOT_NEAR = f"not less than {NEAR_RELAPSE_DAYS} days after a relapse"
BETWEEN = {"range": "known less well, and not later than another infusion of the course that is known better"}
CHANGES = {"worsening": "worse than baseline", "improvement": "better than baseline"}
LABELS: Mapping[str, str] = {
    "RAW": "relapse-associated worsening",
    "PIRA": "progression independent of relapse activity, by the relapses on record: see the column relapses",
    "undefined": "neither RAW nor PIRA by the definition",
}
CERTAINTIES = {"confirmed": "no change is pending", "provisional": "a later change is pending"}
MADE = {
    "stored": "computed from these very records before the snapshot",
    "computed": "computed from the snapshot's records while the file was written",
    "missing": "could not be computed: every column of the status is empty",
}


def of_patient(name: str) -> Any:
    return lambda person: getattr(person.patient, name)


def year(name: str) -> Any:
    return lambda person: None if (day := getattr(person.patient, name)) is None else day.year


def derived(name: str) -> Any:
    """A column of the trajectory; an empty text is not known."""

    def write(person: Person) -> Any:
        value = getattr(person.one, name, None)
        return None if value == "" else value

    return write


def verdict(anchor: str, name: str) -> Any:
    return lambda person: person.verdict(anchor).get(name)


def since(anchor: str) -> Any:
    return lambda person: None if (day := person.verdict(anchor).get("since")) is None else date.fromisoformat(day)


def overall_baseline(name: str) -> Any:
    """A field of the visit that the overall status is measured against."""

    def write(person: Person) -> Any:
        visit = person.verdict("overall").get("baseline")
        if visit is None:
            return None
        return date.fromisoformat(visit[name]) if name == "date" else visit[name]

    return write


def of_course(number: int, read: Callable[[GivenCourse], Any]) -> Any:
    def write(person: Person) -> Any:
        return read(person.courses[number - 1]) if len(person.courses) >= number else None

    return write


def later_courses(person: Person) -> list[str] | None:
    return [said_course(course) for course in person.courses[COURSES_IN_COLUMNS:]] or None


def said_course(course: GivenCourse) -> str:
    known = {"year": 4, "range": 4, "month": 7}.get(course.first.precision, 10)
    return f"{course.first.first.isoformat()[:known]} {course.state}"


def counted(person: Person) -> bool | None:
    one = person.one
    return None if one is None else bool(one.complete_courses) and one.since_status != Status.INSUFFICIENT


def events(kind: str, label: str | None = None) -> Any:
    def write(person: Person) -> int | None:
        if person.one is None or person.one.baseline_day is None:
            return None
        return sum(event.kind == kind and label in (None, event.label) for event in person.events)

    return write


def first_label(person: Person) -> str | None:
    return next((event.label for event in person.events if event.kind == "CDW"), None) or None


def course_columns(number: int) -> tuple[Column[Person], ...]:
    """Courses are numbered by first infusion."""
    key, which = f"course_{number}", f"Course {number}: "
    states = dict(CourseState.choices)
    return (
        Column(f"{key}_day", f"{which}first infusion; the first day it may be", "date",
               of_course(number, lambda course: course.first.first)),
        Column(f"{key}_precision", f"{which}how far that day is known", "code",
               of_course(number, lambda course: course.first.precision), values=KNOWN | BETWEEN),
        Column(f"{key}_infusions", f"{which}infusion days", "integer",
               of_course(number, lambda course: course.infusions), "days"),
        Column(f"{key}_state", f"{which}state", "code", of_course(number, lambda course: course.state), values=states),
    )  # fmt: skip


WHO: tuple[Column[Person], ...] = (
    Column("patient", "Registry code; a pseudonym that says nothing of the person", "text", of_patient("code")),
    Column("centre", "Name of the centre", "text", lambda person: person.patient.centre.name),
    Column("synthetic", "The patient is invented", "boolean", lambda person: person.patient.centre.synthetic),
    Column("sex", "Sex", "code", of_patient("sex"), values=dict(Sex.choices)),
    Column("birth_year", "Year of birth", "integer", year("birth"), "year"),
    Column("onset_year", "Year of the first symptom", "integer", year("onset"), "year"),
    Column("diagnosis_year", "Year of the diagnosis", "integer", year("diagnosis"), "year"),
    Column("death_year", "Year of death", "integer", year("death"), "year"),
    Column("death_cause", "Cause of death", "code", lambda person: person.patient.death_cause or None,
           values=dict(DeathCause.choices)),
    Column("phenotype", "Course of MS with the latest date; one without a date counts as the oldest", "code",
           lambda person: person.phenotype or None, values=dict(PhenotypeKind.choices)),
)  # fmt: skip
TREATED: tuple[Column[Person], ...] = (
    Column("courses", "Lemtrada courses given", "integer", lambda person: len(person.courses), "courses"),
    Column("complete_courses", "Of these, complete: 5 infusion days in the first course, 3 in a later one", "integer",
           derived("complete_courses"), "courses"),
    *(column for number in range(1, COURSES_IN_COLUMNS + 1) for column in course_columns(number)),
    Column("later_courses", f"First infusion, as far as it is known, and state of each course after the "
           f"{COURSES_IN_COLUMNS}th", "list", later_courses),
    Column("prior_drugs", "Different drugs other than alemtuzumab surely begun before the first infusion", "integer",
           derived("prior_drugs"), "drugs"),
    Column("prior_drug_list", "These drugs; each drug without a code of its own is called other, once", "list",
           lambda person: person.prior_drugs, values=PRIOR_DRUGS),
    Column("prior_drugs_unsure", "Further drugs other than alemtuzumab that may have been begun before the first "
           "infusion, as the dates are not known well enough", "integer", lambda person: person.drugs_unsure, "drugs"),
    Column("relapses", "Relapses on record", "integer", lambda person: len(person.relapses), "relapses"),
    Column("relapses_before", "Of these, with onset up to and on the day of the first infusion", "integer",
           lambda person: person.relapses_by_side[0], "relapses"),
    Column("relapses_after", "Of these, with onset after the day of the first infusion", "integer",
           lambda person: person.relapses_by_side[1], "relapses"),
    Column("relapses_unsure", "Of these, before or after, as the dates are not known well enough", "integer",
           lambda person: person.relapses_by_side[2], "relapses"),
)  # fmt: skip
STOOD: tuple[Column[Person], ...] = (
    Column("baseline_edss", f"EDSS at the baseline before Lemtrada: the last visit in the {ANCHOR_BEFORE_DAYS} days up "
           f"to the first infusion that is known to the day and {NOT_NEAR}", "decimal", derived("baseline_edss"),
           "EDSS points"),
    Column("baseline_day", "Day of that visit", "date", derived("baseline_day")),
    Column("baseline_after_start", f"The baseline is the first such visit up to {ANCHOR_AFTER_DAYS} days after the "
           "first infusion, as there is none before", "boolean", lambda person: person.flagged("baseline_after_start")),
    Column("last_edss", "EDSS at the last visit with an EDSS", "decimal", derived("last_edss"), "EDSS points"),
    Column("last_visit", "Day of that visit; the first day it may be", "date", derived("last_visit")),
    Column("last_visit_precision", "How far that day is known", "code",
           lambda person: person.last_visit and person.last_visit.precision, values=KNOWN),
    Column("status", "Status since Lemtrada, against the baseline", "code", derived("since_status"), values=STATUSES),
    Column("status_reason", "Why it is insufficient", "code", derived("since_reason"), values=REASONS),
    Column("status_since", "Day since which this status holds", "date", since("since_lemtrada")),
    Column("status_certainty", "Whether a later change is pending", "code", verdict("since_lemtrada", "certainty"),
           values=CERTAINTIES),
    Column("status_pending", "A change not yet confirmed", "code", derived("since_pending"), values=CHANGES),
    Column("counted", "Counted among those with a status on the cohort page: a complete course, and a status that is "
           "not insufficient", "boolean", counted),
    Column("overall_baseline_edss", f"EDSS at the first visit of all that is known to the day and {NOT_NEAR}",
           "decimal", overall_baseline("edss"), "EDSS points"),
    Column("overall_baseline_day", "Day of that visit", "date", overall_baseline("date")),
    Column("overall_status", "Status against that visit", "code", derived("overall_status"), values=STATUSES),
    Column("overall_reason", "Why that is insufficient", "code", derived("overall_reason"), values=REASONS),
    Column("overall_since", "Day since which that status holds", "date", since("overall")),
    Column("overall_pending", "A change of that one not yet confirmed", "code", derived("overall_pending"),
           values=CHANGES),
)  # fmt: skip
CHANGED: tuple[Column[Person], ...] = (
    Column("worsening_day", "Onset of the first worsening since the baseline that was confirmed over 6 months", "date",
           derived("worsening_day")),
    Column("worsening_label", "What kind of worsening that was", "code", first_label, values=LABELS),
    Column("worsenings", "Confirmed worsenings since the baseline", "integer", events("CDW"), "events"),
    Column("worsenings_raw", "Of these, RAW", "integer", events("CDW", "RAW"), "events"),
    Column("worsenings_pira", "Of these, PIRA", "integer", events("CDW", "PIRA"), "events"),
    Column("improvement_day", "Onset of the first improvement since the baseline that was confirmed over 6 months",
           "date", derived("improvement_day")),
    Column("improvements", "Confirmed improvements since the baseline", "integer", events("CDI"), "events"),
)  # fmt: skip
SEEN: tuple[Column[Person], ...] = (
    Column("follow_up_days", "From the baseline to the last visit with an EDSS that is known to the day, near a "
           "relapse or not", "integer", derived("follow_up_days"), "days"),
    Column("assessments", "EDSS assessments on record", "integer", lambda person: person.visits[0], "assessments"),
    Column("assessments_scored", "Of these, with an EDSS", "integer", lambda person: person.visits[1], "assessments"),
    Column("assessments_imprecise", "Of these with an EDSS, not known to the day", "integer",
           lambda person: person.visits[2], "assessments"),
    Column("relapses_imprecise", "Relapses with an onset not known to the day", "integer",
           lambda person: sum(not onset.exact for onset in person.relapses), "relapses"),
    Column("first_infusion_imprecise", "The first infusion is not known to the day", "boolean",
           lambda person: not person.courses[0].first.exact if person.courses else None),
)  # fmt: skip
MADE_BY: tuple[Column[Person], ...] = (
    Column("result", "Where the status comes from", "code", lambda person: person.made, values=MADE),
    Column("status_rule", f"Rule of the status; a change counts when it holds for {CONFIRM_DAYS} days", "text",
           lambda person: RULE_NAME),
    Column("event_definition", "Definition of the confirmed events", "text", lambda person: PRESET.name),
    Column("event_definition_hash", "Hash of that definition with all its options", "text",
           lambda person: EVENT_HASH),
    Column("engine_version", "Version of the engine that computed the status", "text", lambda person: VERSION),
    Column("data_version", "Number of changes, up to the snapshot, of the records the status is computed from",
           "integer", lambda person: person.data_version, "changes"),
    Column("snapshot_at", "The state of the registry that the file shows", "moment", lambda person: person.at),
)  # fmt: skip
COHORT: Final = (*WHO, *TREATED, *STOOD, *CHANGED, *SEEN, *MADE_BY)

"""The words of the patient page and its printed form."""

from django import template

from engine.lemtrada import SAFETY_MONTHS
from engine.types import completed_months, day_words
from outcomes.timeline import SYSTEM_WORDS, Timeline
from patients.templatetags.house import signed
from treatments.services import GivenCourse

register = template.Library()


@register.filter
def facts(line: Timeline) -> list[tuple[str, str]]:
    """(term, words) for the line of facts under the name; empty ones are left out by the component."""
    return [
        ("Course of MS", course_of_ms(line)),
        ("Lemtrada", lemtrada(line)),
        ("Drugs before", ", ".join(drugs_before(line))),
        ("Relapses", relapses(line)),
        (
            "Consent",
            f"{line.consents[-1].get_decision_display()}, {day_words(line.consents[-1].day)}"
            if line.consents
            else "not recorded",
        ),
        ("Centre", line.patient.centre.name),
    ]


def course_of_ms(line: Timeline) -> str:
    parts = [line.phenotypes[-1].get_kind_display()] if line.phenotypes else []
    if line.patient.onset:
        parts.append(f"first symptom {line.patient.known('onset').words}")
    return ", ".join(parts)


def lemtrada(line: Timeline) -> str:
    if not line.courses:
        return "no course given"
    number, last = len(line.courses), line.courses[-1].last
    total = sum(course.total_mg for course in line.courses)
    return f"{number} course{'s' if number != 1 else ''}, {total:.0f} mg, last {last.words}"


def drugs_before(line: Timeline) -> list[str]:
    """Each other drug begun before the first infusion, or at a time not known, once."""
    first = line.courses[0].first.first if line.courses else None
    labels = [t.label for t in line.treatments if first is None or t.start is None or t.start < first]
    return list(dict.fromkeys(labels))


def relapses(line: Timeline) -> str:
    if not line.courses:
        return f"{len(line.relapses)} recorded"
    before, after = line.relapses_around()
    return f"{before} in the 2 years before, {after} in {since_first(line)} since"


@register.filter
def since_first(line: Timeline) -> str:
    """How long from the first infusion to today, or to the death: in months below two years."""
    first = line.courses[0].first.first
    months = completed_months(first, line.until)
    if months < 24:
        return f"{months} month{'s' if months != 1 else ''}" if months > 0 else "under 1 month"
    return f"{(line.until - first).days / 365.25:.1f} years"


@register.filter
def month_of_safety(line: Timeline) -> str:
    last = line.courses[-1].last
    if not last.exact:
        return f"last infusion {last.words}"
    months = completed_months(last.first, line.today)
    return f"safety month {months} of {SAFETY_MONTHS}" if months < SAFETY_MONTHS else "monitoring period over"


@register.filter
def died(line: Timeline) -> str:
    return line.patient.say("death")


@register.filter
def status_of(line: Timeline, name: str) -> str:
    return next((verdict.status for verdict in line.verdicts if verdict.name == name), "")


@register.filter
def course_days(course: GivenCourse) -> str:
    days = len(course.infusions)
    when = course.first.words if course.first == course.last else f"{course.first.words} to {course.last.words}"
    return f"{when}, {days} day{'s' if days != 1 else ''}, {course.total_mg:.0f} mg"


@register.filter
def walk(assessment) -> str:
    """The walking finding in a few words, else the code with its scheme."""
    if assessment.distance_unlimited:
        return "unlimited"
    if assessment.distance_m is not None:
        aid = f", {assessment.get_aid_display().lower()}" if assessment.aid not in ("", "none") else ""
        return f"{assessment.distance_m} m{aid}"
    if assessment.aid in ("wheelchair", "bed"):
        return assessment.get_aid_display().lower()
    if assessment.ambulation is None:
        return "–"
    return f"code {assessment.ambulation}" + (" (legacy)" if assessment.ambulation_scheme == "legacy" else "")


@register.filter
def tags(assessment) -> list[str]:
    """Short remarks on one assessment."""
    found = []
    if assessment.edss is None:
        found.append("incomplete")
    if assessment.edss_rater is not None and assessment.edss_rater != assessment.edss_calculated:
        found.append(
            "rater's value" if assessment.edss_calculated is None else f"calculated {assessment.edss_calculated}"
        )
    if any(item["id"] == "W11" for item in assessment.confirmed_warnings):
        found.append("near relapse")
    if assessment.mode in ("video", "phone"):
        found.append(assessment.get_mode_display().lower())
    return found


@register.simple_tag
def system_heads() -> list[tuple[str, str]]:
    """(abbreviation, name) of the seven systems, for the head of a table."""
    return list(zip(("Vis", "Bst", "Pyr", "Cbl", "Sen", "BB", "Cer"), SYSTEM_WORDS.values(), strict=True))


@register.filter
def last_rows(line: Timeline, number: int = 8) -> list[dict]:
    """The last scored visits, latest first, each with its difference from the baseline in words."""
    rows = []
    for assessment in reversed(line.scored[-number:]):
        row = line.roles.get(assessment.pk, {})
        if row.get("role") == "anchor":
            words = "baseline"
        elif row.get("difference") is not None:
            words = signed(row["difference"])
        else:
            words = {"near_relapse": "near a relapse", "date_imprecise": "day not known"}.get(row.get("why", ""), "–")
        rows.append({"assessment": assessment, "words": words})
    return rows


@register.filter
def grade_columns(line: Timeline) -> dict:
    """The seven raw grades at the first graded visit, at the baseline and at the last one."""
    graded = [a for a in line.assessments if any(grade is not None for grade, _ in a.grades.values())]
    anchor = next((a for a in graded if line.roles.get(a.pk, {}).get("role") == "anchor"), None)
    chosen = [(f"{graded[0].day.year}", graded[0])] if len(graded) > 1 else []
    chosen += [("Baseline", anchor)] if anchor else []
    chosen += [(graded[-1].say_day(), graded[-1])] if graded else []
    rows = []
    for system, name in SYSTEM_WORDS.items():
        cells = [a.grades[system] for _, a in chosen]
        rows.append((name, ["–" if grade is None else f"{grade}{mark}" for grade, mark in cells]))
    return {"head": [head for head, _ in chosen], "rows": rows}

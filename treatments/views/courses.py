"""Pages that record a Lemtrada course with its infusion days."""

from collections.abc import Iterable
from functools import partial

from django.http import Http404
from django.shortcuts import get_object_or_404, render

from engine.lemtrada import DAYS_OF_FIRST_COURSE, DAYS_OF_LATER_COURSE, FULL_DOSE_MG
from patients.models import Patient
from patients.views.patients import conflict_of, patient_of, sent
from treatments import services
from treatments.forms import AmendCourseForm, CourseForm, FillForm, InfusionRow, infusion_rows
from treatments.models import Course, Infusion
from treatments.remarks import course_remarks
from treatments.views.saving import saved, void_page, whom


def live_days(course: Course) -> list[Infusion]:
    return list(Infusion.objects.live().filter(course=course))


def remarks_of(patient: Patient, pk: int) -> list[str]:
    course = patient.courses.get(pk=pk)
    return course_remarks(course, live_days(course))


def course_add(request, code):
    patient = patient_of(request, code, "course.add")
    course = Course(patient=patient)
    if "fill" in request.POST or "more" in request.POST:
        return filled(request, patient, course, CourseForm, "course_add")
    data = sent(request)
    later = services.given_courses(patient.courses.live(), patient.infusions.live())
    days = DAYS_OF_LATER_COURSE if later else DAYS_OF_FIRST_COURSE
    form, rows = CourseForm(data), infusion_rows(data, extra=days)

    def work() -> str:
        return str(services.record_course(form.write_to(course), rows.infusions(), by=request.user).pk)

    if form.is_valid() and rows.is_valid():
        answer = saved(request, patient, form, work, "The course is saved.", partial(remarks_of, patient))
        if answer:
            return answer
    fill = FillForm(initial={"days": days, **request.POST.dict()})
    return course_page(request, patient, course, form, rows, fill, "course_add")


def course_of(request, code, pk) -> Course:
    """A course of this patient, also one entered in error: a repeated post must find it."""
    patient = patient_of(request, code, "course.change")
    course = get_object_or_404(Course.objects.visible_to(request.user), pk=pk, patient=patient)
    course.patient = patient
    return course


def course_edit(request, code, pk):
    course = course_of(request, code, pk)
    if course.voided_at and request.method != "POST":
        raise Http404
    if "fill" in request.POST or "more" in request.POST:
        return filled(request, course.patient, course, AmendCourseForm, "course_edit")
    data, stored = sent(request), live_days(course)
    form = AmendCourseForm(data, initial=AmendCourseForm.values_of(course))
    rows = infusion_rows(data, initial=[InfusionRow.values_of(one) for one in stored])

    def work() -> str:
        reason, version = form.cleaned_data["reason"], form.cleaned_data["row_version"]
        services.amend_course(
            form.write_to(course), rows.infusions(), by=request.user, reason=reason, row_version=version
        )
        return str(course.pk)

    if form.is_valid() and rows.is_valid():
        answer = saved(request, course.patient, form, work, "The change is saved.", partial(remarks_of, course.patient))
        if answer:
            return answer
    fill = FillForm(initial=request.POST.dict())
    remarks = course_remarks(course, stored)
    return course_page(request, course.patient, course, form, rows, fill, "course_edit", remarks=remarks)


def filled(request, patient: Patient, course: Course, form_class, page: str):
    """The quick fill, or more rows: the same page with what was typed. Nothing is saved."""
    form, typed = form_class(initial=request.POST.dict()), infusion_rows(request.POST)
    fill = FillForm(request.POST) if "fill" in request.POST else FillForm(initial=request.POST.dict())
    rows_typed = [{name: row[name].value() or "" for name in ("day", "dose_mg")} for row in typed.forms]
    kept = [row for row in rows_typed if any(row.values())]
    if fill.is_bound and fill.is_valid():
        kept = fill.rows()
    rows = infusion_rows(initial=kept, extra=3 if "more" in request.POST else 1)
    check = infusion_rows(as_sent(kept))
    remarks = course_remarks(course, check.infusions()) if check.is_valid() else ()
    return course_page(request, patient, course, form, rows, fill, page, remarks=remarks)


def as_sent(rows: list[dict[str, str]]) -> dict[str, str]:
    """Rows as a browser would send them."""
    sent_rows = {f"infusions-{n}-{name}": value for n, row in enumerate(rows) for name, value in row.items()}
    return {"infusions-TOTAL_FORMS": str(len(rows)), "infusions-INITIAL_FORMS": "0", **sent_rows}


def course_page(request, patient: Patient, course: Course, form, rows, fill, page: str, *, remarks: Iterable[str] = ()):
    context = {
        **whom(request, patient, page),
        "course": course,
        "form": form,
        "rows": rows,
        "fill": fill,
        "remarks": remarks,
        "full_dose": FULL_DOSE_MG,
        "conflict": None,
    }
    if form.conflict:
        context["conflict"] = conflict = conflict_of(form, AmendCourseForm.values_of(form.conflict))
        conflict["rows"].append(days_compared(live_days(form.conflict), rows.infusions()))
    return render(request, f"treatments/{page}.html", context, status=409 if form.conflict else 200)


def days_compared(stored: list[Infusion], typed: list[Infusion]) -> dict:
    """The infusion days as one row of the conflict page."""

    def words(days: list[Infusion]) -> str:
        return ", ".join(f"{one['day']} {one['dose_mg']} mg" for one in map(InfusionRow.values_of, days))

    theirs, mine = words(stored), words(typed)
    return {"label": "Infusions", "theirs": theirs, "mine": mine, "differs": theirs != mine}


def course_void(request, code, pk):
    course = course_of(request, code, pk)
    days = ", ".join(one.say_day() for one in live_days(course)) or "no infusion"
    what = f"Lemtrada course, {course.get_state_display().lower()}: {days}"
    return void_page(request, course, services.void_course, what, "course_void")

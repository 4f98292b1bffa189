"""The patient page: what a neurologist reads in eight minutes."""

from datetime import date

import pytest
from django.urls import reverse

from assessments.models import Relapse
from assessments.services import amend_relapse
from outcomes import timeline, trajectory
from outcomes.charts import timeline as charts
from patients.models import AccessEvent
from tests.factories import course, relapse, visit
from tests.figures import accept

pytestmark = pytest.mark.django_db


@pytest.fixture
def treated(patient, clinician):
    """Worked example 7 of the status rule with its pending worsening, a visit near a relapse and one vague date."""
    course(patient, clinician, "2016-03-01", "2016-03-02", "2016-03-03", "2016-03-04", "2016-03-05")
    course(patient, clinician, "2017-04-03", "2017-04-04", "2017-04-05")
    relapse(patient, clinician, "2017-12-20")
    for day, edss in (
        ("2016-03-01", 3.5), ("2016-09-05", 3), ("2017-03-10", 2.5), ("2017-09-12", 2.5),
        ("2018-01-05", 4), ("2018-03-13", 2), ("2018-09-11", 4.5),
    ):  # fmt: skip
        visit(patient, clinician, day, edss)
    visit(patient, clinician, "2012-05-01", 2, day_precision="month")
    return patient


def get(client, user, patient, name="patient", query=""):
    client.force_login(user)
    return client.get(reverse(f"outcomes:{name}", args=[patient.code]) + query)


def test_both_verdicts_stand_first_with_their_reason(client, neurologist, treated):
    page = get(client, neurologist, treated).content.decode()

    assert "Since Lemtrada, against 3.5 on 1 Mar 2016" in page
    assert "Improved" in page
    assert "Confirmable from 26 Feb 2019" in page
    assert "Why improved?" in page
    assert "not used, 16 days after a relapse" in page


def test_the_page_says_rule_engine_and_purpose(client, neurologist, treated):
    page = get(client, neurologist, treated).content.decode()

    assert "carems_6m" in page
    assert "Change after Lemtrada, not its effect" in page


def test_the_figure_is_one_that_plotly_accepts(treated):
    line = timeline.read(treated)
    for figure in (charts.figure(line), charts.figure(line, systems=False)):
        accept(figure)


def test_the_line_passes_the_used_visits_and_shows_the_others(treated):
    line = timeline.read(treated)
    traces = {trace.get("name"): trace for trace in charts.figure(line)["data"]}

    assert "2018-01-05" not in traces["EDSS"]["x"]
    assert traces["not used"]["x"] == ["2018-01-05"]
    assert traces["date not known to the day"]["x"] == [date(2012, 5, 16).isoformat()]
    assert traces["EDSS"]["y"] == [3.5, 3.0, 2.5, 2.5, 2.0, 4.5]


def test_the_reason_and_the_table_say_what_each_visit_counts_as(client, neurologist, treated):
    page = get(client, neurologist, treated).content.decode()
    found = charts.table(timeline.read(treated))

    column = found["head"].index("Counts as")
    assert [row[column] for row in found["rows"]] == [
        "not used, date known only to the month", "baseline, on the first day of course 1", "less than a step",
        "better, onset", "better, confirms it", "not used, 16 days after a relapse", "better", "worse, onset, pending",
    ]  # fmt: skip
    for said in ("better, onset", "better, confirms it", "not used, 16 days after a relapse", "worse, onset, pending"):
        assert page.count(f"{said}<") == 2


def test_a_stale_status_is_never_shown(client, neurologist, clinician, treated):
    trajectory.refresh([treated.pk])
    visit(treated, clinician, "2018-12-11", 4.5)
    visit(treated, clinician, "2019-03-19", 5)

    page = get(client, neurologist, treated).content.decode()

    assert "Why progressed?" in page
    assert "computed for this page" in page


def test_without_computing_on_read_the_page_waits_for_the_worker(client, neurologist, treated, settings):
    settings.COMPUTE_ON_READ = False
    assert "is being worked in" in get(client, neurologist, treated).content.decode()

    trajectory.refresh([treated.pk])

    assert "Why improved?" in get(client, neurologist, treated).content.decode()


def test_names_are_for_those_who_treat(client, neurologist, admin, treated):
    assert "Erika Muster" in get(client, neurologist, treated).content.decode()
    assert "Muster" not in get(client, admin, treated).content.decode()


def test_so_is_what_people_wrote(client, neurologist, admin, treated):
    shown = Relapse.objects.get(patient=treated)
    shown.note = "Erika's mother called"
    amend_relapse(shown, by=neurologist, reason="told by Erika", row_version=shown.row_version)

    for name in ("patient", "patient_history"):
        for_those_who_treat = get(client, neurologist, treated, name).content.decode()
        assert "told by Erika" in for_those_who_treat
        assert "Erika&#x27;s mother called" in for_those_who_treat
        for_admins = get(client, admin, treated, name).content.decode()
        assert "Erika" not in for_admins
        assert "note: empty to a text" in for_admins


def test_another_centre_cannot_tell_the_patient_exists(client, outsider, treated):
    for name in ("patient", "patient_print", "patient_history"):
        assert get(client, outsider, treated, name).status_code == 404


def test_every_reading_is_noted(client, neurologist, treated):
    get(client, neurologist, treated)
    get(client, neurologist, treated, "patient_print")

    kinds = AccessEvent.objects.filter(user=neurologist, patient=treated).values_list("kind", flat=True)
    assert sorted(kinds) == ["print", "read"]


def test_the_history_says_who_and_why(client, neurologist, treated):
    page = get(client, neurologist, treated, "patient_history").content.decode()

    assert "EDSS assessment of 11 Sep 2018" in page
    assert "Dr Clinician" in page


def test_a_patient_without_records_has_a_page_that_helps(client, clinician, patient):
    page = get(client, clinician, patient).content.decode()

    assert "No EDSS yet" in page


def test_the_number_of_queries_does_not_grow(client, neurologist, clinician, treated, django_assert_max_num_queries):
    client.force_login(neurologist)
    for day in range(1, 9):
        visit(treated, clinician, f"2019-0{day}-20", 3)
    with django_assert_max_num_queries(40):
        client.get(reverse("outcomes:patient", args=[treated.code]))


def test_the_time_since_lemtrada_ends_with_the_death(client, neurologist, treated):
    treated.death, treated.death_precision, treated.death_cause = date(2018, 2, 14), "day", "other"
    treated.save()

    page = get(client, neurologist, treated).content.decode()

    assert "Course 1 to death" in page
    assert "23 months" in page
    assert "1 in 23 months since" in page
    assert "safety month" not in page
    layout = charts.figure(timeline.read(treated))["layout"]
    assert "died" in [note["text"] for note in layout["annotations"]]
    assert layout["xaxis"]["range"][1] < "2019"


def test_how_long_a_person_was_not_seen_is_counted(client, neurologist, treated):
    line = timeline.read(treated)
    months = (line.today.year - 2018) * 12 + line.today.month - 9 - (line.today.day < 11)

    assert f"{months} months" in get(client, neurologist, treated).content.decode()


def test_words_without_a_clear_place_on_the_chart_are_left_out(patient, clinician):
    for day, edss in (("2016-03-01", 4.5), ("2016-09-05", 4), ("2017-03-10", 4.5), ("2026-03-10", 2)):
        visit(patient, clinician, day, edss)

    words = {note["text"]: note for note in charts.figure(timeline.read(patient))["layout"]["annotations"]}

    assert "4.0 still walks 500 m alone" not in words  # the course is drawn above, below and at this level
    assert words["6.0 needs an aid, or under 100 m"]["yanchor"] == "bottom"


def test_words_on_the_chart_do_not_cover_a_visit_at_their_level(patient, clinician):
    for day, edss in (("2016-03-01", 2), ("2017-03-10", 2), ("2017-09-10", 4), ("2018-03-10", 2), ("2026-03-10", 2)):
        visit(patient, clinician, day, edss)

    words = {note["text"]: note for note in charts.figure(timeline.read(patient))["layout"]["annotations"]}

    assert words["4.0 still walks 500 m alone"]["y"] > 4.15


def test_a_cell_too_narrow_for_its_number_carries_none(treated):
    figure = charts.figure(timeline.read(treated))
    start, end = (date.fromisoformat(day) for day in figure["layout"]["xaxis"]["range"])
    for trace in figure["data"]:
        if trace.get("meta") == "cells":
            for width, text in zip(trace["x"], trace["text"], strict=True):
                assert bool(text) == (width / charts.DAY_MS >= (end - start).days / 40)


def test_confirmed_events_are_told_with_both_dates_and_drawn(client, neurologist, treated):
    page = get(client, neurologist, treated).content.decode()
    line = timeline.read(treated)

    assert [(event.type, event.date, event.confirmed_on) for event in line.events] == [
        ("CDI", date(2017, 3, 10), date(2017, 9, 12))
    ]
    assert "Improvement: 2.5 on 10 Mar 2017, from 3.5 on 1 Mar 2016; confirmed on 12 Sep 2017 (182 days)" in page
    drawn = [trace for trace in charts.figure(line)["data"] if trace.get("name") == "confirmed event"]
    assert [trace["x"] for trace in drawn] == [["2017-03-10", "2017-09-12"]]


def test_a_change_that_was_not_confirmed_is_told_with_its_reason(client, neurologist, treated):
    page = get(client, neurologist, treated).content.decode()

    assert "Worsening to 4.5 on 11 Sep 2018, from 3.5: not confirmed, because there is no later visit." in page
    assert "A visit from 26 Feb 2019 on could confirm it." in page


def test_stored_and_computed_pages_tell_the_same_events(client, neurologist, treated):
    computed = get(client, neurologist, treated).context["line"]
    trajectory.sweep_once()
    stored = get(client, neurologist, treated).context["line"]

    assert (computed.current.stored, stored.current.stored) == (False, True)
    assert stored.events == computed.events
    assert [e.onset for e in treated.disability_events.all()] == [e.date for e in stored.events]
    assert stored.unconfirmed == computed.unconfirmed


def test_a_changed_record_replaces_its_events(clinician, treated):
    trajectory.sweep_once()
    assert treated.disability_events.count() == 1

    visit(treated, clinician, "2019-03-01", 4.5)
    trajectory.sweep_once()

    assert [event.kind for event in treated.disability_events.all()] == ["CDI", "CDW"]
    assert trajectory.check() == []


def test_a_false_event_is_found_by_the_check(treated):
    trajectory.sweep_once()
    treated.disability_events.update(onset=date(2017, 3, 11))

    assert trajectory.check() == [
        f"patient {treated.pk}: the list of disability events is stored otherwise than it is recomputed"
    ]
    treated.disability_events.update(onset=date(2017, 3, 10))


def test_the_status_from_each_course_to_the_next(client, neurologist, treated):
    page = get(client, neurologist, treated).content.decode()

    assert "From each course to the next" in page
    assert "Course 1, 1 Mar 2016:" in page
    assert "Course 2, 3 Apr 2017:" in page

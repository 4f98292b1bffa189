"""The cohort overview against counts made another way, and the quarantine page."""

from collections import Counter
from datetime import timedelta

import plotly.graph_objects as go
import pytest
from django.core.cache import cache
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from engine.shares import wilson
from engine.status import REASONS
from outcomes import analyses, demo, trajectory
from outcomes.charts import cohort as charts
from outcomes.overview import Group
from outcomes.trajectory import Trajectory
from patients.models import Centre, Freshness, Patient, User
from tests.factories import course, make_patient, visit

pytestmark = pytest.mark.django_db
URL = reverse("outcomes:cohort")


@pytest.fixture(scope="class")
def registry(django_db_setup, django_db_blocker):
    """The demo, written once; every test changes its own savepoint of it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield demo.seed(patients=60, on=timezone.now().date() - timedelta(days=300))
        transaction.set_rollback(True)


@pytest.fixture
def neuro(registry, db):
    """The demo's neurologist, who is in both centres."""
    return User.objects.get(email="neurologist@demo.example")


def seen(client, user, path=""):
    client.force_login(user)
    return client.get(URL + path).context


def independent(centre=None, courses=None):
    """Statuses and reasons by asking the engine for each patient, one by one."""
    people = Patient.objects.filter(centre__name=centre) if centre else Patient.objects.all()
    found = [each.trajectory for each in trajectory.current(people).values()]
    return [t for t in found if courses is None or (t.courses == courses if courses < 3 else t.courses >= 3)]


def test_a_change_that_is_pending_overall_alone_is_not_pending_since_lemtrada(client, neurologist, patient, clinician):
    for day, edss in (("2012-01-10", 3), ("2016-02-20", "3.5"), ("2016-09-05", "3.5"), ("2017-09-12", 4)):
        visit(patient, clinician, day, edss)
    course(patient, clinician, *(f"2016-03-0{day}" for day in range(1, 6)))
    (one,) = independent()

    assert (one.since_pending, one.overall_pending) == ("", "worsening")
    assert seen(client, neurologist)["overview"].pending == 0


def person(one):
    return analyses.Person(*(getattr(one, name) for name in analyses.Person._fields))


def paint(value):
    if isinstance(value, str):
        return "#123456" if value.startswith("--") else value
    if isinstance(value, list):
        return [paint(item) for item in value]
    return {key: paint(item) for key, item in value.items()} if isinstance(value, dict) else value


class TestRegistry:
    """The page over the demo registry."""

    def test_the_figures_equal_an_independent_count(self, client, neuro):
        overview = seen(client, neuro)["overview"]
        people = independent()
        statuses = Counter(t.since_status for t in people)
        reasons = Counter(t.since_reason for t in people if t.since_reason)

        assert {share.status: share.people for share in overview.shares} == {
            status: statuses[status] for status in ("improved", "stable", "progressed")
        }
        assert overview.people == 60
        assert overview.counted == 60 - statuses["insufficient"]
        assert {words: number for words, number, _ in overview.reasons} == {
            REASONS[name]: number for name, number in reasons.items()
        }
        for share in overview.shares:
            low, high = wilson(share.people, overview.counted)
            assert share.percent == pytest.approx(100 * share.people / overview.counted)
            assert (share.low, share.high) == pytest.approx((100 * low, 100 * high))

    def test_the_flow_loses_everybody_once(self, client, neuro):
        context = seen(client, neuro)
        left = [step.left for step in context["overview"].flow]
        reasons = Counter(t.since_reason for t in independent())

        assert left[0] == 60
        assert left[1] == 60 - reasons["no_course"]
        assert left[-1] == context["overview"].counted
        assert left == sorted(left, reverse=True)

    @pytest.mark.parametrize("centre", [demo.NORD, demo.SUD])
    def test_a_centre_alone(self, client, neuro, centre):
        context = seen(client, neuro, f"?centre={Centre.objects.get(name=centre).pk}")

        assert Counter(dict(context["overview"].parts)) == Counter(
            t.since_status for t in independent(centre) if t.since_status != "insufficient"
        )
        assert context["overview"].flow[0].left == 60
        assert context["overview"].flow[1].words == "In the filter"
        here = [t for t in independent(centre) if analyses.counted(person(t))]
        assert context["outcome"].people == len(here) < context["overview"].people
        assert context["outcome"].worsened == sum(t.worsening_day is not None for t in here)
        assert context["outcome"].worsening.people == len(here)
        assert sum(context["outcome"].years[0].labels[label][0] for label in analyses.LABELS) == sum(
            any(year == 1 and label for year, label, _ in t.changes) for t in here
        )

    @pytest.mark.parametrize("stored", [True, False])
    def test_a_centre_alone_however_its_people_were_computed(self, client, neuro, stored):
        if not stored:
            Freshness.objects.update(computed_version=0)
        both = [
            seen(client, neuro, f"?centre={Centre.objects.get(name=centre).pk}")["outcome"].people
            for centre in (demo.NORD, demo.SUD)
        ]

        assert sum(both) == seen(client, neuro)["outcome"].people
        assert min(both) > 0

    @pytest.mark.parametrize("courses", [1, 2, 3])
    def test_a_number_of_courses_alone_and_its_bar(self, client, neuro, courses):
        expected = Counter(t.since_status for t in independent(courses=courses))

        assert Counter(dict(seen(client, neuro, f"?courses={courses}")["overview"].parts)) == Counter(
            {status: number for status, number in expected.items() if status != "insufficient"}
        )
        bars = next(figure for figure in seen(client, neuro)["figures"] if figure["id"] == "by-courses")
        group = next(group for group in bars["groups"] if group.words.startswith(str(courses)))
        assert Counter(group.counts) == expected

    def test_bars_and_table_hold_the_same_numbers(self, client, neuro):
        for figure in seen(client, neuro)["figures"]:
            for at, group in enumerate(figure["groups"]):
                row = figure["table"]["rows"][at]
                assert row[1] == group.people
                assert row[2::2] == [trace["customdata"][at] for trace in figure["figure"]["data"]]
                assert sum(trace["x"][at] for trace in figure["figure"]["data"]) == pytest.approx(100, abs=0.05)

    def test_each_figure_is_one_that_plotly_knows(self, client, neuro):
        for figure in seen(client, neuro)["figures"]:
            plain = str(figure["figure"]).replace("--", "")  # tokens become colours in the browser
            assert "<b>" not in plain
            painted = paint(figure["figure"])
            go.Figure({"data": painted["data"], "layout": painted["layout"]})
            go.Figure({"layout": painted["compact"]})

    def test_a_user_of_one_centre_counts_that_one(self, client, neuro):
        context = seen(client, User.objects.get(email="clinician@demo.example"))

        assert context["everybody"] == Patient.objects.filter(centre__name=demo.NORD).count()
        assert [group.words for group in context["figures"][0]["groups"]] == [demo.NORD]
        foreign = Centre.objects.get(name=demo.SUD).pk
        assert seen(client, User.objects.get(email="clinician@demo.example"), f"?centre={foreign}")["everybody"] < 60

    def test_a_stale_patient_counts_by_the_status_of_now(self, client, neuro):
        target = Patient.objects.filter(trajectory__since_status="improved", centre__name=demo.SUD, death=None).first()
        before = seen(client, neuro)["overview"]
        for days in (250, 2):
            visit(target, neuro, timezone.now().date() - timedelta(days=days), 9)
        after = seen(client, neuro)["overview"]
        now = trajectory.current([target])[target.pk].trajectory

        assert Trajectory.objects.get(patient=target).since_status == "improved"
        assert now.since_status == "progressed"
        assert after.of("improved") == before.of("improved") - 1
        assert after.of("progressed") == before.of("progressed") + 1

    def test_the_page_says_what_it_cannot_show_and_whom_it_counts(self, client, neuro):
        client.force_login(neuro)
        page = client.get(URL).content.decode()

        assert "Change after Lemtrada" in page
        assert "that Lemtrada caused it" in page
        assert "an export holds only people who gave consent" in page
        assert "ffect of Lemtrada" not in page


def test_a_misspelt_key_would_be_found():
    figure = paint(charts.stacked([Group("A", dict.fromkeys(["improved", "stable", "progressed", "insufficient"], 1))]))
    figure["layout"]["bargapp"] = 1
    with pytest.raises(ValueError, match="bargapp"):
        go.Figure({"data": figure["data"], "layout": figure["layout"]})


def test_nobody_to_count_is_said(client, clinician):
    client.force_login(clinician)
    assert "Nobody to count yet" in client.get(URL).content.decode()


def test_a_filter_that_keeps_nobody_says_so_and_claims_no_status(client, clinician, centre):
    make_patient(centre, clinician)
    trajectory.sweep_once()
    client.force_login(clinician)

    page = client.get(URL, {"baseline": "walking"}).content.decode()

    assert "Nobody here has a status yet." in page
    assert "Everybody here has a status." not in page


def test_the_number_of_queries_does_not_grow(client, clinician, centre, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    make_patient(centre, clinician)
    trajectory.sweep_once()
    client.force_login(clinician)
    client.get(URL)
    cache.clear()  # else the first page would be spared what the second one reads anew
    with CaptureQueriesContext(connection) as few:
        client.get(URL)
    for number in range(8):
        visit(make_patient(centre, clinician, family_name=f"P{number}"), clinician, "2020-01-01", number)
    trajectory.sweep_once()

    with django_assert_num_queries(len(few)):
        client.get(URL)


# Quarantine

QUARANTINE = reverse("outcomes:quarantine")


@pytest.fixture
def failed(patient):
    Freshness.objects.filter(patient=patient).update(attempts=5, not_before=timezone.now() + timedelta(minutes=40))
    return patient


def test_an_admin_sees_who_could_not_be_computed_and_tries_again(
    client, admin, failed, hints_are_recorded, django_capture_on_commit_callbacks
):
    client.force_login(admin)
    assert failed.code in client.get(QUARANTINE).content.decode()
    hints_are_recorded.clear()

    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(QUARANTINE, follow=True)

    row = Freshness.objects.get(patient=failed)
    assert (row.attempts, row.not_before) == (0, None)
    assert hints_are_recorded == [[failed.pk]]
    assert "1 patient is being computed again" in response.content.decode()
    assert failed.code not in response.content.decode()


def test_clinicians_may_not_and_another_centres_admin_sees_and_changes_nothing(client, clinician, other_centre, failed):
    from patients.models import Role
    from tests.factories import make_user

    client.force_login(clinician)
    assert client.get(QUARANTINE).status_code == client.post(QUARANTINE).status_code == 403

    stranger = make_user("stranger", centre=other_centre, role=Role.ADMIN)
    client.force_login(stranger)
    assert failed.code not in client.get(QUARANTINE).content.decode()
    client.post(QUARANTINE)
    assert Freshness.objects.get(patient=failed).attempts == 5


def test_a_clinician_elsewhere_is_admin_only_where_they_administer(client, admin, other_centre, outsider):
    from patients.models import Membership, Role

    Membership.objects.create(user=admin, centre=other_centre, role=Role.CLINICIAN)
    foreign = make_patient(other_centre, outsider)
    Freshness.objects.filter(patient=foreign).update(attempts=5)
    client.force_login(admin)

    assert foreign.code not in client.get(QUARANTINE).content.decode()

"""The page of the export: who may, after which confirmation, for which reason; and what the access log keeps of it."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.signals import request_finished
from django.db import close_old_connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from outcomes import cohorts, trajectory
from outcomes.cohorts import CohortFilter
from outcomes.exchange import cohort_rows, exporting
from outcomes.exchange.cohort_columns import COHORT
from patients.models import AccessEvent, Freshness, Membership, Role
from patients.querysets import QUARANTINE_AFTER
from tests.factories import make_user
from tests.outcomes.exports import confirm, confirmed_long_ago, consenting, rows_of, treated

pytestmark = pytest.mark.django_db
URL = reverse("outcomes:export")
FILE = {"reason": "ethics vote 2026-114", "form": "csv"}


@pytest.fixture(autouse=True)
def nobody_tried_before():
    cache.clear()  # so many confirmations a minute are allowed, and they are counted there


@pytest.fixture
def page(client, admin):
    confirm(client, admin)
    return client


@pytest.fixture
def people(centre, clinician):
    return [consenting(centre, clinician), treated(centre, clinician)]


def content(answer) -> bytes:
    return b"".join(answer.streaming_content)  # the client closes the answer at its end


def close(answer) -> None:
    """As the server does, but for the database connection, which is the test's."""
    request_finished.disconnect(close_old_connections)
    answer.close()
    request_finished.connect(close_old_connections)


def events():
    return list(AccessEvent.objects.filter(kind="export").order_by("pk"))


def test_a_file_with_a_name_of_ours_and_two_events(page, people, admin):
    answer = page.post(URL, FILE)
    rows = rows_of(content(answer))

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    assert "cohort-" in answer["Content-Disposition"]
    assert "attachment" in answer["Content-Disposition"]
    assert [row["patient"] for row in rows] == [person.code for person in people]
    start, end = events()
    assert (start.user, start.page, end.user, end.page) == (admin, "export_start", admin, "export_end")
    assert start.detail.endswith("csv, 2 people; no filter; ethics vote 2026-114")
    assert "whole: 2 rows, state of 20" in end.detail
    assert start.detail[:8] == end.detail[:8]


def test_json(page, people):
    answer = page.post(URL, FILE | {"form": "json"})

    assert answer["Content-Type"] == "application/json"
    assert content(answer).endswith(b'"rows": 2}\n')


def test_the_filter_of_the_cohort_page_carries_over(page, people):
    cohort = page.get(reverse("outcomes:cohort"), {"courses": "1", "baseline": ""}).content.decode()
    assert f'href="{URL}?courses=1"' in cohort

    shown = page.get(f"{URL}?courses=1").content.decode()
    rows = rows_of(content(page.post(f"{URL}?courses=1", FILE)))

    assert "<b>1 patient</b> of 1 in the filter" in shown
    assert f'action="{URL}?courses=1"' in shown
    assert [row["patient"] for row in rows] == [people[1].code]
    assert "; courses=1; " in events()[0].detail


@pytest.mark.parametrize("number", [1, 2])
def test_those_who_cannot_be_computed_are_counted_where_a_filter_asks_for_a_result(page, people, number):
    for person in people[:number]:
        trajectory.refresh([person.pk])
    Freshness.objects.filter(patient__in=people[:number]).update(computed_version=-1, attempts=QUARANTINE_AFTER)

    shown = page.get(f"{URL}?status=improved").content.decode()

    who = "1 person cannot be computed and is" if number == 1 else "2 people cannot be computed and are"
    assert f"{who} left out because the filter asks for a result." in shown
    assert "cannot be computed" not in page.get(URL).content.decode()


@pytest.mark.parametrize("number", [1, 2])
def test_those_who_have_changed_are_counted_where_they_are_too_many_to_compute(page, people, number, monkeypatch):
    monkeypatch.setattr(cohorts, "IN_MEMORY", 0)
    for person in people:
        trajectory.refresh([person.pk])
    Freshness.objects.filter(patient__in=people[:number]).update(computed_version=-1)

    shown = page.get(f"{URL}?status=improved").content.decode()

    assert ("1 person has changed and is" if number == 1 else "2 people have changed and are") in shown


@pytest.mark.parametrize("wanted", ["centre=999", "courses=9", "status=well", "baseline=x", "centre=x"])
def test_a_filter_that_cannot_be_read_exports_nobody(page, people, wanted):
    assert "This filter cannot be read" in page.get(f"{URL}?{wanted}").content.decode()

    answer = page.post(f"{URL}?{wanted}", FILE)

    assert not answer.streaming
    assert events() == []


def test_the_centre_of_another_admin_is_no_choice(page, people, admin, other_centre):
    """A clinician there, an admin here: the cohort page shows both, the file only this one."""
    Membership.objects.create(user=admin, centre=other_centre, role=Role.CLINICIAN)

    answer = page.post(f"{URL}?centre={other_centre.pk}", FILE)

    assert not answer.streaming
    assert other_centre.name not in page.get(URL).content.decode()


def test_get_and_head_stream_nothing(page, people):
    for answer in (page.get(URL, FILE), page.head(URL)):
        assert answer.status_code == 200
        assert not answer.streaming
    assert events() == []


@pytest.mark.parametrize("reason", ["", "   ", "\t", "x" * 71])
def test_no_reason_no_file(page, people, reason):
    answer = page.post(URL, FILE | {"reason": reason})

    assert not answer.streaming
    assert "stops the export" in answer.content.decode()
    assert "What is the file for?: " not in answer.content.decode()  # a question needs no colon
    assert events() == []


@pytest.mark.parametrize("form", ["", "xlsx", "../csv"])
def test_another_format_is_refused(page, people, form):
    assert not page.post(URL, FILE | {"form": form}).streaming
    assert events() == []


@pytest.mark.parametrize("who", ["clinician", "neurologist", "outsider", "nobody"])
def test_others_are_refused(request, people, who):
    user = make_user("nobody") if who == "nobody" else request.getfixturevalue(who)
    client = Client()
    confirm(client, user)

    for answer in (client.get(URL), client.post(URL, FILE), client.get(reverse("outcomes:export_dictionary"))):
        assert answer.status_code == 403
    assert "Export" not in client.get(reverse("outcomes:cohort")).content.decode().split("<footer")[0].split("scope")[0]
    assert events() == []


def test_a_stranger_is_sent_to_sign_in(people):
    assert Client().get(URL).status_code == 302
    assert Client().post(URL, FILE)["Location"].startswith("/account/login/")
    assert events() == []


def test_an_admin_of_another_centre_finds_nobody_of_this_one(client, people, other_centre):
    other = make_user("other", centre=other_centre, role=Role.ADMIN)
    confirm(client, other)

    assert rows_of(content(client.post(URL, FILE))) == []


# Confirming


def test_signing_in_is_not_enough(client, admin, people):
    client.post("/account/login/", {"login": admin.email, "password": "correct-horse-battery"})

    assert "Confirm it is you" in client.get(URL).content.decode()
    answer = client.post(URL, FILE)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/reauthenticate/?next=")
    assert events() == []


@pytest.mark.parametrize(("seconds", "streams"), [(299, True), (301, False), (3600, False)])
def test_a_confirmation_holds_for_five_minutes(page, people, seconds, streams):
    confirmed_long_ago(page, seconds)

    answer = page.post(URL, FILE)

    assert answer.streaming == streams
    if streams:
        content(answer)


def test_after_confirming_the_page_comes_back_with_filter_and_reason(client, admin, people):
    client.force_login(admin)
    asked = client.post(f"{URL}?courses=1", FILE)

    back = client.post(asked["Location"], {"password": "correct-horse-battery", "next": f"{URL}?courses=1"})
    shown = client.get(back["Location"]).content.decode()

    assert back["Location"] == f"{URL}?courses=1"
    assert 'value="ethics vote 2026-114"' in shown
    assert 'value="ethics' not in client.get(URL).content.decode()  # once
    assert "ethics" not in str(Session.objects.first().get_decoded())


# Limits and ends


def test_so_many_an_hour(page, people, admin, settings):
    settings.EXPORTS_AN_HOUR = 2
    for _ in range(2):
        content(page.post(URL, FILE))

    refused = page.post(URL, FILE)

    assert not refused.streaming
    assert "2 exports in the last hour" in refused.content.decode()
    assert len(events()) == 4


def test_an_hour_later_it_goes_on(page, people, admin, settings, monkeypatch):
    settings.EXPORTS_AN_HOUR = 1
    content(page.post(URL, FILE))
    now = timezone.now()
    monkeypatch.setattr(exporting.timezone, "now", lambda: now + timedelta(minutes=61))
    confirmed_long_ago(page, -3660)

    assert page.post(URL, FILE).streaming


def test_too_many_rows(page, people, settings):
    settings.EXPORT_MAX_ROWS = 1

    refused = page.post(URL, FILE)

    assert not refused.streaming
    assert "2 rows are more than the 1 of one file" in refused.content.decode()
    assert events() == []


def test_a_reader_who_leaves_is_noted_with_what_was_sent(people, admin, monkeypatch):
    monkeypatch.setattr(cohort_rows, "BLOCK", 1)
    stream = exporting.start(exporting.Order(CohortFilter(), "csv", "a test", by=admin))
    next(stream), next(stream)

    stream.close()

    assert "broken (the reader left): 1 rows" in events()[-1].detail
    assert len(events()) == 2


def test_a_reader_who_never_reads_is_noted_too(page, people):
    close(page.post(URL, FILE))

    assert "broken (the reader left): 0 rows" in events()[-1].detail


def test_an_error_on_the_way_breaks_the_file_and_is_noted(page, people, monkeypatch):
    monkeypatch.setattr(cohort_rows, "BLOCK", 1)
    seen = []

    def failing(*given, read=cohort_rows.read):
        seen.append(1)
        if len(seen) > 1:
            raise RuntimeError("no more")
        return read(*given)

    monkeypatch.setattr(cohort_rows, "read", failing)

    with pytest.raises(RuntimeError):
        content(page.post(URL, FILE))

    assert "broken (RuntimeError): 1 rows" in events()[-1].detail
    assert len(events()) == 2


@pytest.mark.parametrize("how", ["closed", "role ended"])
def test_an_account_that_ends_on_the_way_ends_the_file(page, people, admin, monkeypatch, how):
    monkeypatch.setattr(cohort_rows, "BLOCK", 1)
    answer = page.post(URL, FILE)
    parts = iter(answer.streaming_content)
    next(parts), next(parts)
    if how == "closed":
        type(admin).objects.filter(pk=admin.pk).update(is_active=False)
    else:
        Membership.objects.filter(user=admin).update(ended_at=timezone.now())

    with pytest.raises(Exception, match="not allowed"):
        next(parts)

    assert "broken (PermissionDenied): 1 rows" in events()[-1].detail


def test_the_dictionary_beside_it(page):
    answer = page.get(reverse("outcomes:export_dictionary"))

    assert answer["Content-Disposition"] == 'attachment; filename="cohort-dictionary.csv"'
    assert {row["name"] for row in rows_of(answer.content)} == {column.name for column in COHORT}

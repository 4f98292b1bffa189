"""Failed tries to sign in are counted, for every account and every network address, whatever else is away."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from patients import links, throttle
from patients.models import AccessEvent, Attempts
from tests.factories import PASSWORD, make_user

LOGIN = reverse("account_login")


def try_in(email, password="wrong", address="192.0.2.1", client=None):
    return (client or Client()).post(LOGIN, {"login": email, "password": password}, REMOTE_ADDR=address)


def wait(seconds: int) -> None:
    """Let so much time pass."""
    for row in Attempts.objects.all():
        row.moments = [moment - seconds for moment in row.moments]
        row.save()


def said(response) -> str:
    return re.sub(r'value="[^"]*"|"X-CSRFToken": "\w+"', "", response.content.decode())


@pytest.mark.django_db
def test_the_sixth_failed_try_of_an_account_is_refused_even_with_the_right_password(clinician):
    codes = [try_in(clinician.email, address=f"192.0.2.{n}").status_code for n in range(5)]
    refused = try_in(clinician.email, PASSWORD, address="192.0.2.99")

    assert codes == [200] * 5
    assert refused.status_code == 429
    assert "Too many failed tries. Try again in 5 minutes." in refused.content.decode()
    assert 290 <= int(refused["Retry-After"]) <= 300

    wait(299)
    assert try_in(clinician.email, PASSWORD, address="192.0.2.99").status_code == 429
    wait(2)
    assert try_in(clinician.email, PASSWORD, address="192.0.2.99").status_code == 302


@pytest.mark.django_db
def test_a_refused_try_does_not_make_the_wait_longer(clinician):
    for n in range(8):
        try_in(clinician.email, address=f"192.0.2.{n}")
    wait(301)

    assert try_in(clinician.email, PASSWORD).status_code == 302


@pytest.mark.django_db
def test_an_address_that_tries_many_accounts_is_refused_and_others_are_not(clinician):
    codes = [try_in(f"nobody{n}@example.org").status_code for n in range(11)]

    assert codes == [200] * 10 + [429]
    assert try_in(clinician.email, PASSWORD).status_code == 429
    assert try_in(clinician.email, PASSWORD, address="192.0.2.2").status_code == 302


@pytest.mark.django_db
def test_one_network_of_ipv6_counts_as_one_address():
    codes = [try_in(f"nobody{n}@example.org", address=f"2001:db8::{n + 1}").status_code for n in range(11)]

    assert codes[-1] == 429


@pytest.mark.django_db
def test_success_counts_for_nothing(clinician):
    for _ in range(12):
        assert try_in(clinician.email, PASSWORD).status_code == 302


@pytest.mark.django_db
def test_who_sets_a_new_password_by_a_link_need_not_wait(clinician, admin):
    for n in range(5):
        try_in(clinician.email, address=f"192.0.2.{n}")
    token, new = links.make_link(clinician, by=admin, purpose="reset"), "violet-harbour-9-lanterns"

    Client().post(reverse("patients:account_link", args=[token]), {"password": new, "again": new})

    assert try_in(clinician.email, new, address="192.0.2.99").status_code == 302


@pytest.mark.django_db
def test_letters_and_spaces_of_the_address_make_no_new_account(clinician):
    for spelling in ("Clinician@Example.org", " clinician@example.org", "CLINICIAN@EXAMPLE.ORG ", clinician.email):
        try_in(spelling)
    try_in(clinician.email)

    assert try_in(clinician.email.upper(), PASSWORD).status_code == 429


@pytest.mark.django_db
def test_an_account_that_does_not_exist_looks_the_same(clinician, centre):
    never_set = make_user("invited", centre=centre)
    never_set.set_unusable_password()
    never_set.save()
    gone = make_user("gone", centre=centre, is_active=False)
    emails = [clinician.email, "nobody@example.org", never_set.email, gone.email]

    pages = {said(try_in(email, address=f"198.51.100.{n}")).replace(email, "") for n, email in enumerate(emails)}
    assert len(pages) == 1
    for n in range(5):
        for email in emails:
            try_in(email, address=f"203.0.113.{n}")
    late = [try_in(email, address="198.51.100.77") for email in emails]
    assert {response.status_code for response in late} == {429}
    assert len({said(response).replace(email, "") for response, email in zip(late, emails, strict=True)}) == 1


@pytest.mark.django_db
def test_the_hash_of_a_password_is_made_whether_or_not_the_account_exists(clinician, monkeypatch):
    """The same time for both: as many hashes."""
    from django.contrib.auth.hashers import MD5PasswordHasher

    made, encode = [], MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda self, *a: made.append(1) or encode(self, *a))
    numbers = []
    for email in (clinician.email, "nobody@example.org"):
        made.clear()
        try_in(email)
        numbers.append(len(made))

    assert numbers[0] == numbers[1] > 0


@pytest.mark.django_db
def test_the_cache_and_the_broker_have_no_part_in_it(clinician, settings):
    away = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {"default": {"BACKEND": away, "LOCATION": "redis://127.0.0.1:1"}}
    codes = [try_in(clinician.email, address=f"192.0.2.{n}").status_code for n in range(6)]

    assert codes == [200] * 5 + [429]


@pytest.mark.django_db
def test_the_table_tells_no_address_and_is_emptied(clinician):
    try_in(clinician.email)

    rows = list(Attempts.objects.values())
    assert len(rows) == 2
    assert "example" not in repr(rows)
    assert "192.0.2" not in repr(rows)
    throttle.purge()
    assert Attempts.objects.count() == 2
    Attempts.objects.update(until="2020-01-01T00:00Z")
    throttle.purge()
    assert not Attempts.objects.exists()


@pytest.mark.django_db
def test_a_failed_try_of_a_known_account_is_an_event_of_it(clinician):
    try_in(clinician.email)
    try_in("nobody@example.org")

    assert list(AccessEvent.objects.filter(kind="sign_in_failed").order_by("pk").values_list("user", flat=True)) == [
        clinician.pk,
        None,
    ]


@pytest.mark.django_db
def test_the_old_password_cannot_be_guessed_in_a_session_left_open(clinician):
    client = Client()
    client.force_login(clinician)
    sent = {"password1": "violet-harbour-9-lanterns", "password2": "violet-harbour-9-lanterns"}

    for page in ("account_change_password", "account_reauthenticate"):
        Attempts.objects.all().delete()
        codes = [
            client.post(reverse(page), {**sent, "oldpassword": f"guess{n}", "password": f"guess{n}"}).status_code
            for n in range(6)
        ]
        assert codes == [200] * 5 + [429], page


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="needs parallel writers")
def test_of_forty_parallel_tries_from_several_processes_five_are_looked_at(clinician):
    def one(number: int) -> int:
        try:
            return try_in(clinician.email, address=f"192.0.2.{number}").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        codes = list(pool.map(one, range(40)))

    assert (codes.count(200), codes.count(429)) == (5, 35)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 minute"), (60, "1 minute"), (61, "2 minutes"), (300, "5 minutes"), (3600, "60 minutes"), (3700, "2 hours")],
)
def test_the_wait_is_said_in_words_and_never_too_short(seconds, words):
    assert throttle.in_words(seconds) == words

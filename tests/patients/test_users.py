"""Inviting, changing, linking, deactivating and reactivating users, through the pages."""

import logging
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from patients import accounts, links, tokens
from patients.models import AccessEvent, AccountLink, Membership, Role, Submission, User
from patients.redaction import HideLinks
from tests.factories import PASSWORD, make_user

INVITE = reverse("patients:user_invite")
NEW_PASSWORD = "violet-harbour-9-lanterns"


def invitation(centre, *roles, email="New.Person@Example.org", **fields):
    return {"submission": str(uuid.uuid4()), "name": "Dr New", "email": email, f"roles_{centre.pk}": roles, **fields}


def token_in(response) -> str:
    found = re.search(r"/account/link/([\w-]+)/", response.content.decode())
    assert found, "no link on the page"
    return found[1]


def link(token):
    return reverse("patients:account_link", args=[token])


def post_user(client, by, person, **fields):
    """Post the page of a user as it was shown to `by`, with these fields changed."""
    centres = accounts.administered(by)
    fresh = User.objects.get(pk=person.pk)
    kept = {f"roles_{centre.pk}": sorted(fresh.roles.get(centre.pk, ())) for centre in centres}
    number = accounts.state_number(fresh, centres)
    data = {"submission": str(uuid.uuid4()), "name": fresh.name, "row_version": number, **kept, **fields}
    return client.post(reverse("patients:user", args=[person.pk]), data)


@pytest.fixture
def as_admin(client, admin):
    client.force_login(admin)
    return client


@pytest.fixture
def invited(as_admin, centre):
    """A user who has just been invited as clinician, and the token of the invitation."""
    response = as_admin.post(INVITE, invitation(centre, "clinician"))
    return User.objects.get(email="new.person@example.org"), token_in(response)


def test_an_invited_user_sets_a_password_and_signs_in(invited, centre):
    user, token = invited
    visitor = Client()

    assert visitor.get(link(token)).status_code == 200
    assert visitor.get(link(token)).status_code == 200  # looking uses nothing up
    response = visitor.post(link(token), {"password": NEW_PASSWORD, "again": NEW_PASSWORD})
    assert response["Location"] == reverse("account_login")

    visitor.post(reverse("account_login"), {"login": "new.person@example.org", "password": NEW_PASSWORD})
    assert visitor.get(reverse("patients:account")).status_code == 200
    assert User.objects.get(pk=user.pk).roles == {centre.pk: {"clinician"}}


def test_the_link_is_shown_once_and_only_its_hash_is_kept(as_admin, centre):
    sent = invitation(centre, "clinician")
    first = as_admin.post(INVITE, sent)
    token = token_in(first)

    again = as_admin.post(INVITE, sent)

    assert again.status_code == 302
    assert again["Location"] == reverse("patients:user", args=[User.objects.get(email="new.person@example.org").pk])
    stored = AccountLink.objects.get()
    assert stored.token_hash == links.digest(token)
    assert stored.expires_at - stored.made_at < timedelta(hours=72, seconds=5)
    kept = repr([list(model.objects.values()) for model in (AccountLink, Submission, AccessEvent, User)])
    assert token not in kept
    assert len(token) >= 43


def test_every_account_change_leaves_an_event_and_a_history_row(invited, admin, centre):
    user, token = invited

    details = list(AccessEvent.objects.filter(kind="account", user=admin).values_list("detail", flat=True))
    assert any(detail == f"user {user.pk}: invited" for detail in details)
    assert "example.org" not in repr(details)
    assert [row.history_user for row in user.history.all()] == [admin]
    assert [row.history_user for row in user.memberships.get().history.all()] == [admin]

    Client().post(link(token), {"password": NEW_PASSWORD, "again": NEW_PASSWORD})
    assert AccessEvent.objects.filter(kind="account", user=user).count() == 1
    assert user.history.first().history_user == user


@pytest.mark.parametrize(
    "sent",
    [
        {"password": "short", "again": "short"},
        {"password": "password1234", "again": "password1234"},
        {"password": "new.person@example.org", "again": "new.person@example.org"},
        {"password": NEW_PASSWORD, "again": NEW_PASSWORD + "x"},
        {"password": "", "again": ""},
        {"password": NEW_PASSWORD},
        {"password": "x" * 5000, "again": "x" * 5000},
        {},
    ],
)
def test_a_weak_or_mistyped_password_leaves_the_link_open(invited, sent):
    user, token = invited

    response = Client().post(link(token), sent)

    assert response.status_code == 200
    assert response.context["form"].errors
    assert links.find_link(token).user == user
    assert not User.objects.get(pk=user.pk).has_usable_password()


def closed(token) -> bool:
    answers = [Client().get(link(token)), Client().post(link(token), {"password": NEW_PASSWORD, "again": NEW_PASSWORD})]
    return all(answer.status_code == 410 and b"does not work" in answer.content for answer in answers)


def test_a_used_link_is_closed(invited):
    _, token = invited
    Client().post(link(token), {"password": NEW_PASSWORD, "again": NEW_PASSWORD})

    assert closed(token)


def test_an_expired_link_is_closed(invited):
    _, token = invited
    AccountLink.objects.update(expires_at=timezone.now())

    assert closed(token)


def test_a_link_is_open_to_the_last_second_of_its_hours(invited):
    _, token = invited
    AccountLink.objects.update(expires_at=timezone.now() + timedelta(seconds=30))

    assert Client().get(link(token)).status_code == 200


def test_a_newer_link_closes_the_older(as_admin, invited):
    user, token = invited

    newer = token_in(as_admin.post(reverse("patients:user_link", args=[user.pk])))

    assert closed(token)
    assert Client().get(link(newer)).status_code == 200


def test_a_link_that_never_was_looks_like_a_used_one(invited):
    _, token = invited
    Client().post(link(token), {"password": NEW_PASSWORD, "again": NEW_PASSWORD})

    used, invented = Client().get(link(token)), Client().get(link("A" * 43))

    def without_csrf(page):
        return re.sub(r'"X-CSRFToken": "\w+"', "", page.content.decode())

    assert (used.status_code, without_csrf(used)) == (invented.status_code, without_csrf(invented))


def test_who_is_overtaken_between_finding_a_link_and_writing_sets_no_password(invited, monkeypatch):
    _, token = invited
    find = links.find_link

    def overtaken(wanted, rows=None):
        found = find(wanted, rows)
        monkeypatch.setattr(links, "find_link", find)
        links.use_link(wanted, NEW_PASSWORD)
        return found

    monkeypatch.setattr(links, "find_link", overtaken)

    with pytest.raises(links.LinkClosed):
        links.use_link(token, "another-good-password-77")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="needs parallel writers")
def test_of_twenty_who_use_a_link_at_the_same_moment_one_succeeds(clinician, admin):
    token = links.make_link(clinician, by=admin, purpose="reset")
    gate = threading.Barrier(20)

    def use(number: int) -> int | None:
        gate.wait()
        try:
            links.use_link(token, f"{NEW_PASSWORD}-{number}")
            return number
        except links.LinkClosed:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        won = [number for number in pool.map(use, range(20)) if number is not None]

    assert len(won) == 1
    assert User.objects.get(pk=clinician.pk).check_password(f"{NEW_PASSWORD}-{won[0]}")


def test_using_a_link_ends_the_sessions_and_tokens_of_its_user(as_admin, clinician):
    elsewhere = Client()
    _, laboratory = tokens.make_token(clinician, name="Laboratory", days=30)
    elsewhere.post(reverse("account_login"), {"login": clinician.email, "password": PASSWORD})
    assert elsewhere.get(reverse("patients:account")).status_code == 200
    token = token_in(as_admin.post(reverse("patients:user_link", args=[clinician.pk])))
    assert elsewhere.get(reverse("patients:account")).status_code == 200  # a link alone changes nothing

    Client().post(link(token), {"password": NEW_PASSWORD, "again": NEW_PASSWORD})

    assert elsewhere.get(reverse("patients:account")).status_code == 302
    assert tokens.find_token(laboratory) is None


def test_the_link_page_is_kept_nowhere(invited):
    _, token = invited

    response = Client().get(link(token))

    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "same-origin"


def test_the_logs_never_hold_a_token():
    record = logging.LogRecord("django.security.csrf", 30, "", 0, "Forbidden (%s): %s", ("why", link("a-b_C9")), None)

    assert HideLinks().filter(record)
    assert record.getMessage() == "Forbidden (why): /account/link/hidden/"


def test_deactivation_ends_a_live_session_at_once_and_voids_links(as_admin, clinician):
    elsewhere = Client()
    elsewhere.post(reverse("account_login"), {"login": clinician.email, "password": PASSWORD})
    token = token_in(as_admin.post(reverse("patients:user_link", args=[clinician.pk])))
    assert elsewhere.get(reverse("patients:account")).status_code == 200

    response = as_admin.post(reverse("patients:user_deactivate", args=[clinician.pk]))

    assert response.status_code == 302
    assert elsewhere.get(reverse("patients:account")).status_code == 302
    assert closed(token)
    elsewhere.post(reverse("account_login"), {"login": clinician.email, "password": PASSWORD})
    assert elsewhere.get(reverse("patients:account")).status_code == 302


def test_a_reactivated_user_has_the_old_roles_and_no_old_session(as_admin, clinician, centre):
    elsewhere = Client()
    elsewhere.post(reverse("account_login"), {"login": clinician.email, "password": PASSWORD})
    as_admin.post(reverse("patients:user_deactivate", args=[clinician.pk]))

    as_admin.post(reverse("patients:user_reactivate", args=[clinician.pk]))

    assert elsewhere.get(reverse("patients:account")).status_code == 302
    elsewhere.post(reverse("account_login"), {"login": clinician.email, "password": PASSWORD})
    assert elsewhere.get(reverse("patients:account")).status_code == 200
    assert User.objects.get(pk=clinician.pk).roles == {centre.pk: {"clinician"}}


def test_a_deactivated_user_gets_no_link(as_admin, clinician):
    as_admin.post(reverse("patients:user_deactivate", args=[clinician.pk]))

    response = as_admin.post(reverse("patients:user_link", args=[clinician.pk]))

    assert response.status_code == 302
    assert AccountLink.objects.count() == 0


def test_nobody_deactivates_their_own_account(as_admin, admin):
    response = as_admin.post(reverse("patients:user_deactivate", args=[admin.pk]), {"confirm": "on"})

    assert "own account" in response.content.decode()
    assert User.objects.get(pk=admin.pk).is_active


def test_the_last_admin_of_a_centre_goes_only_after_a_warning(client, registry_admin, admin, centre):
    client.force_login(registry_admin)
    url = reverse("patients:user_deactivate", args=[admin.pk])

    warned = client.post(url)
    assert "last admin of Centre Nord" in warned.content.decode()
    assert User.objects.get(pk=admin.pk).is_active

    client.post(url, {"confirm": "on"})
    assert not User.objects.get(pk=admin.pk).is_active


def test_two_registry_admins_cannot_remove_one_another(client, registry_admin):
    other = make_user("second", is_registry_admin=True)
    client.force_login(registry_admin)
    client.post(reverse("patients:user_deactivate", args=[other.pk]))
    assert not User.objects.get(pk=other.pk).is_active

    with pytest.raises(accounts.ValidationError, match="last registry admin"):  # was on the way at the same moment
        accounts.deactivate(registry_admin, by=other)


def test_the_last_registry_admin_keeps_the_right(client, registry_admin):
    client.force_login(registry_admin)

    response = post_user(client, registry_admin, registry_admin, is_registry_admin="")

    assert "is_registry_admin" in response.context["form"].errors
    assert User.objects.get(pk=registry_admin.pk).is_registry_admin


def test_roles_are_given_and_ended_and_never_deleted(as_admin, admin, clinician, centre):
    elsewhere = Client()
    elsewhere.post(reverse("account_login"), {"login": clinician.email, "password": PASSWORD})
    response = post_user(as_admin, admin, clinician, name="Dr Renamed", **{f"roles_{centre.pk}": ["neurologist"]})

    assert response.status_code == 302
    changed = User.objects.get(pk=clinician.pk)
    assert (changed.name, changed.roles) == ("Dr Renamed", {centre.pk: {"neurologist"}})
    ended = Membership.objects.get(user=clinician, role="clinician")
    assert ended.ended_at is not None
    assert ended.history.first().history_user == admin
    assert elsewhere.get(reverse("patients:account")).status_code == 302  # a change of roles signs out


def test_a_role_can_be_given_again(as_admin, admin, clinician, centre):
    post_user(as_admin, admin, clinician, **{f"roles_{centre.pk}": []})
    post_user(as_admin, admin, clinician, **{f"roles_{centre.pk}": ["clinician"]})

    assert Membership.objects.filter(user=clinician, role="clinician").count() == 2
    assert User.objects.get(pk=clinician.pk).roles == {centre.pk: {"clinician"}}


def test_a_second_admin_who_was_overtaken_sees_both_versions(as_admin, admin, clinician, centre):
    stale = accounts.state_number(clinician, accounts.administered(admin))
    post_user(as_admin, admin, clinician, name="Dr First")

    response = post_user(as_admin, admin, clinician, name="Dr Second", row_version=stale)

    assert response.status_code == 409
    assert "Dr First" in response.content.decode()
    assert "Dr Second" in response.content.decode()
    assert User.objects.get(pk=clinician.pk).name == "Dr First"


def test_saving_a_user_twice_is_saving_once(as_admin, admin, clinician, centre):
    key = str(uuid.uuid4())
    number = accounts.state_number(clinician, accounts.administered(admin))
    for _ in range(2):
        response = post_user(as_admin, admin, clinician, name="Dr Twice", submission=key, row_version=number)
        assert response.status_code == 302

    assert User.objects.get(pk=clinician.pk).history.filter(name="Dr Twice").count() == 1


def test_a_role_in_a_centre_one_does_not_administer_cannot_be_given(as_admin, admin, clinician, other_centre, centre):
    as_admin.post(INVITE, invitation(centre, "clinician", **{f"roles_{other_centre.pk}": ["admin"]}))
    post_user(as_admin, admin, clinician, **{f"roles_{other_centre.pk}": ["clinician"]})

    assert not Membership.objects.filter(centre=other_centre).exists()
    with pytest.raises(accounts.PermissionDenied):
        accounts.set_roles(clinician, {other_centre.pk: {"clinician"}}, by=admin)


def test_a_clinician_who_is_admin_elsewhere_gives_no_roles_here(client, clinician, centre, other_centre):
    Membership.objects.create(user=clinician, centre=other_centre, role=Role.ADMIN)
    client.force_login(clinician)

    client.post(INVITE, invitation(centre, "clinician"))

    assert not User.objects.filter(email="new.person@example.org").exists()


def test_an_admin_does_not_change_their_own_roles(as_admin, admin, centre):
    post_user(as_admin, admin, admin, **{f"roles_{centre.pk}": ["admin", "clinician"]})

    assert User.objects.get(pk=admin.pk).roles == {centre.pk: {"admin"}}


def test_an_admin_makes_no_registry_admin_and_changes_none(as_admin, admin, registry_admin, clinician, centre):
    Membership.objects.create(user=registry_admin, centre=centre, role=Role.CLINICIAN)

    as_admin.post(INVITE, invitation(centre, "clinician", is_registry_admin="on"))
    post_user(as_admin, admin, clinician, is_registry_admin="on")
    assert User.objects.filter(is_registry_admin=True).count() == 1

    answers = [
        post_user(as_admin, admin, registry_admin, name="Mallory").status_code,
        as_admin.post(reverse("patients:user_link", args=[registry_admin.pk])).status_code,
        as_admin.post(reverse("patients:user_deactivate", args=[registry_admin.pk])).status_code,
        as_admin.post(reverse("patients:user_reactivate", args=[registry_admin.pk])).status_code,
    ]
    assert answers == [403, 403, 403, 403]


def test_an_account_shared_with_another_centre_is_not_taken_over_by_a_link(as_admin, admin, clinician, other_centre):
    Membership.objects.create(user=clinician, centre=other_centre, role=Role.CLINICIAN)

    answers = [
        as_admin.post(reverse(f"patients:user_{name}", args=[clinician.pk])).status_code
        for name in ("link", "deactivate", "reactivate")
    ]
    renamed = post_user(as_admin, admin, clinician, name="Mallory")

    assert answers == [403, 403, 403]
    assert renamed.status_code == 302
    assert User.objects.get(pk=clinician.pk).name == "Dr Clinician"  # the field is not theirs


def test_a_known_address_gets_roles_but_no_link_and_keeps_name_and_password(as_admin, outsider, centre):
    response = as_admin.post(INVITE, invitation(centre, "neurologist", email="OUTSIDER@example.org"))

    assert response.status_code == 302
    known = User.objects.get(pk=outsider.pk)
    assert known.roles[centre.pk] == {"neurologist"}
    assert (known.name, known.check_password(PASSWORD)) == ("Dr Outsider", True)
    assert AccountLink.objects.count() == 0


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"email": "admin@example.org"}, "email"),
        ({"email": "registry@example.org"}, "email"),
        ({"email": "gone@example.org"}, "email"),
        ({"submission": "x"}, "submission"),
    ],
)
def test_a_wrong_invitation_is_an_error_of_its_field(as_admin, registry_admin, centre, typed, field):
    make_user("gone", is_active=False)

    response = as_admin.post(INVITE, {**invitation(centre, "clinician"), **typed})

    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]


def test_an_invitation_without_a_role_is_refused(as_admin, centre):
    response = as_admin.post(INVITE, invitation(centre))

    assert "Choose at least one role" in response.content.decode()


def test_an_admin_sees_the_users_of_their_centres_only(as_admin, admin, clinician, outsider, registry_admin):
    page = as_admin.get(reverse("patients:users"))

    assert [person.pk for person in page.context["page"]] == [admin.pk, clinician.pk]
    assert as_admin.get(reverse("patients:user", args=[outsider.pk])).status_code == 404
    for name in ("user", "user_link", "user_deactivate", "user_reactivate"):
        assert as_admin.post(reverse(f"patients:{name}", args=[outsider.pk])).status_code == 404


def test_a_registry_admin_sees_everybody(client, registry_admin, clinician, outsider):
    client.force_login(registry_admin)

    people = [person.pk for person in client.get(reverse("patients:users")).context["page"]]

    assert set(people) == {registry_admin.pk, clinician.pk, outsider.pk}


def test_somebody_whose_last_role_ended_can_be_found_again(as_admin, admin, clinician, centre):
    post_user(as_admin, admin, clinician, **{f"roles_{centre.pk}": []})

    assert clinician in accounts.manageable(admin)
    Membership.objects.filter(user=clinician).update(centre=centre)


def test_the_list_costs_the_same_for_many_users(as_admin, centre, django_assert_max_num_queries):
    for number in range(30):
        make_user(f"user{number}", centre=centre, role=Role.CLINICIAN)

    with django_assert_max_num_queries(14):
        as_admin.get(reverse("patients:users"))


@pytest.mark.parametrize("name", ["users", "user_invite", "centres"])
def test_a_clinician_administers_nothing(client, clinician, name):
    client.force_login(clinician)

    assert client.get(reverse(f"patients:{name}")).status_code == 403


def test_a_change_needs_a_post(as_admin, clinician):
    for name in ("link", "deactivate", "reactivate"):
        assert as_admin.get(reverse(f"patients:user_{name}", args=[clinician.pk])).status_code == 403


def test_the_account_page_says_who_one_is(client, clinician, registry_admin, centre):
    client.force_login(clinician)
    page = client.get(reverse("patients:account")).content.decode()
    assert "Centre Nord" in page
    assert "Clinician" in page
    for name in ("account_change_password", "mfa_index", "usersessions_list"):
        assert reverse(name) in page

    client.force_login(registry_admin)
    assert "Registry admin" in client.get(reverse("patients:account")).content.decode()


def test_a_demo_account_gets_no_session_in_production(client, settings, centre):
    make_user("shown", centre=centre, is_demo=True)
    settings.PRODUCTION = True

    answer = client.post(reverse("account_login"), {"login": "shown@example.org", "password": PASSWORD})

    assert answer["Location"] == reverse("account_inactive")
    assert "_auth_user_id" not in client.session

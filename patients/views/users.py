"""Pages of users: list, invite, roles, link, deactivate, reactivate."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from patients import accounts, second_factor, writing
from patients.forms.accounts import DeactivateForm, InviteForm, UserForm
from patients.forms.fields import differences, rebase
from patients.links import HOURS
from patients.models import Membership, User
from patients.views.patients import sent


def users(request):
    here = Membership.objects.filter(ended_at=None, centre__in=accounts.administered(request.user))
    rows = accounts.manageable(request.user).prefetch_related(
        Prefetch("memberships", here.select_related("centre").order_by("centre__name", "role"), to_attr="here")
    )
    page = Paginator(rows, 50).get_page(request.GET.get("page"))
    return render(request, "patients/users.html", {"page": page})


def user_of(request, pk: int) -> User:
    return get_object_or_404(accounts.manageable(request.user), pk=pk)


def user_invite(request):
    form = InviteForm(sent(request), by=request.user)
    token = None

    def work() -> str:
        nonlocal token
        invited, token = form.save()
        return str(invited.pk)

    if form.is_valid():
        with form.collecting_errors():
            pk = int(writing.once(request.user, form.cleaned_data["submission"], form.digest(), work))
            if token:
                return link_page(request, user_of(request, pk), token)
            messages.info(request, "This address has an account. A link is shown only once, when it is made.")
            return redirect("patients:user", pk)
    return render(request, "patients/user_invite.html", {"form": form})


def link_page(request, user: User, token: str) -> HttpResponse:
    """The one answer that carries the link. It is stored nowhere, so it cannot be shown again."""
    address = request.build_absolute_uri(reverse("patients:account_link", args=[token]))
    return render(request, "patients/user_link.html", {"person": user, "address": address, "hours": HOURS})


def user(request, pk):
    person = user_of(request, pk)
    form = UserForm(sent(request), by=request.user, user=person)
    if form.is_valid():
        with form.collecting_errors():
            key, digest = form.cleaned_data["submission"], form.digest()
            writing.once(request.user, key, digest, lambda: str(form.save().pk))
            messages.success(request, f"{form.cleaned_data['name']} is saved.")
            return redirect("patients:user", pk)
    return user_page(request, person, form=form)


def user_page(request, person: User, *, form=None, deactivate=None):
    form = form or UserForm(by=request.user, user=person)
    rows = []
    if form.conflict:
        theirs = UserForm.values_of(request.user, form.conflict)
        rebase(form, theirs["row_version"])
        rows = differences(form, theirs)
    context = {
        "person": person,
        "form": form,
        "deactivate": deactivate or DeactivateForm(),
        "conflict": {"rows": rows} if form.conflict else None,
        "controls": accounts.controls(request.user, person),
        "may_change": request.user.is_registry_admin or not person.is_registry_admin,
        "is_self": person.pk == request.user.pk,
        "second_factor": second_factor.present(person),
    }
    return render(request, "patients/user.html", context, status=409 if form.conflict else 200)


def user_link(request, pk):
    person = user_of(request, pk)
    try:
        return link_page(request, person, accounts.reset_link(person, by=request.user))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("patients:user", pk)


def user_deactivate(request, pk):
    person = user_of(request, pk)
    form = DeactivateForm(request.POST)
    if form.is_valid():
        with form.collecting_errors():
            accounts.deactivate(person, by=request.user, confirmed=form.cleaned_data["confirm"])
            messages.success(request, f"{person.name} is deactivated and signed out everywhere.")
            return redirect("patients:user", pk)
    return user_page(request, person, deactivate=form)


def user_reactivate(request, pk):
    person = accounts.reactivate(user_of(request, pk), by=request.user)
    messages.success(request, f"{person.name} can sign in again.")
    return redirect("patients:user", pk)


def user_second_factor(request, pk):
    person = accounts.reset_second_factor(user_of(request, pk), by=request.user)
    messages.success(request, f"{person.name} has no second factor now and is signed out everywhere.")
    return redirect("patients:user", pk)

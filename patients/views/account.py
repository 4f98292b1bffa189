"""The user's own account, and the public page on which a one-time link sets a password."""

from django.contrib import messages
from django.http import JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from patients import links, sessions
from patients.forms.accounts import PasswordForm
from patients.models import Membership
from patients.views.patients import sent


def account(request):
    rows = Membership.objects.filter(user=request.user, ended_at=None).select_related("centre")
    return render(request, "patients/account.html", {"rows": rows.order_by("centre__name", "role")})


@never_cache
@sensitive_post_parameters()
def account_link(request, token):
    """Looking shows the form and uses nothing up; a good password uses the link up."""
    try:
        link = links.find_link(token)
        form = PasswordForm(sent(request))
        if form.is_valid():
            with form.collecting_errors():
                links.use_link(token, form.cleaned_data["password"])
                messages.success(request, "Your password is set. Sign in with it.")
                return redirect("account_login")
    except links.LinkClosed:
        return render(request, "patients/account_link_closed.html", {"hours": links.HOURS}, status=410)
    return render(request, "patients/account_link.html", {"form": form, "person": link.user})


@never_cache
def session(request):
    """For the page's own clock: how long this sign-in lasts, and whose it is. A POST says that the user is there."""
    if not request.user.is_authenticated:
        return JsonResponse({"left": 0, "user": None})
    left = sessions.seconds_left(request.session)
    return JsonResponse({"left": left, "user": request.user.pk, "token": get_token(request)})

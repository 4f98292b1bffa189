"""The user's own access tokens: made, shown once, revoked. Asks for the password again when that was long ago."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from patients import tokens as services
from patients import writing
from patients.forms.tokens import TokenForm
from patients.models import ApiToken
from patients.views.patients import sent


@never_cache
@sensitive_variables("text")
@reauthentication_required
def tokens(request):
    """The list and the form. The one answer that carries a token's text is that to the form which made it."""
    form, text = TokenForm(sent(request)), ""

    def work() -> str:
        nonlocal text
        token, text = form.save(request.user)
        return str(token.pk)

    if form.is_valid():
        with form.collecting_errors():
            pk = int(writing.once(request.user, form.cleaned_data["submission"], form.digest(), work))
            if text:
                token = ApiToken.objects.get(pk=pk, user=request.user)
                return render(request, "patients/token_made.html", {"token": token, "text": text})
            messages.info(request, "This token is made. It is shown only once.")
            return redirect("patients:tokens")
    rows = ApiToken.objects.filter(user=request.user)
    return render(request, "patients/tokens.html", {"form": form, "rows": rows})


@reauthentication_required
def token_revoke(request, pk):
    token = get_object_or_404(ApiToken, pk=pk, user=request.user)
    services.revoke(token, by=request.user)
    messages.success(request, f"{token.name} is revoked.")
    return redirect("patients:tokens")

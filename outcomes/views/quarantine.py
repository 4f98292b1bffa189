"""For admins: patients whose trajectory could not be computed."""

from django.contrib import messages
from django.shortcuts import redirect, render

from outcomes import quarantine as put_aside
from patients.accounts import administered


def quarantine(request):
    """GET lists them; POST ends their waits, all of this admin's centres at once."""
    centres = list(administered(request.user).values_list("pk", flat=True))
    if request.method == "POST":
        number = put_aside.try_again(centres)
        people = "1 patient is" if number == 1 else f"{number:,} patients are"
        messages.success(request, f"{people} being computed again. Who fails five times more comes back here.")
        return redirect("outcomes:quarantine")
    rows = put_aside.quarantined(centres)
    context = {"rows": rows[:200], "number": rows.count(), "tries": put_aside.QUARANTINE_AFTER}
    return render(request, "outcomes/quarantine.html", context)

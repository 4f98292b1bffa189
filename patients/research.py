"""Who may be in a file for research: what the patient decided last, and whether they still take part."""

from django.db.models import OuterRef, Subquery

from patients.models import Consent, Decision, Participation
from patients.querysets import PatientQuerySet


def latest_decision() -> Subquery:
    """Of each patient: the decision of the latest day, of one day the one recorded last. NULL where there is none."""
    rows = Consent.objects.filter(patient=OuterRef("pk")).order_by("-day", "-recorded_at", "-pk")
    return Subquery(rows.values("decision")[:1])


def participating(people: PatientQuerySet) -> PatientQuerySet:
    """Those who take part and whose latest decision about research use is yes."""
    taking_part = people.filter(participation=Participation.ENROLLED)
    return taking_part.alias(latest_decision=latest_decision()).filter(latest_decision=Decision.GIVEN)

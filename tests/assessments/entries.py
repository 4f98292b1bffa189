"""What a browser sends with the assessment form, and small helpers around it."""

import uuid

from django.urls import reverse

from assessments.models import Assessment
from assessments.services import record_assessments
from engine.edss import SYSTEMS

GRADES = dict(zip(SYSTEMS, (1, 1, 3, 2, 2, 4, 2), strict=True))


def entry(user, day="2026-09-01", **fields) -> dict:
    """A complete form: EDSS 4.0 by grades, 700 m without aid."""
    sent = {
        "submission": str(uuid.uuid4()),
        "day": day,
        "visit_type": "scheduled",
        "mode": "in_person",
        "rater": str(user.pk),
        "distance_m": "700",
        "aid": "none",
        "observed": "seen",
        **{system: str(grade) for system, grade in GRADES.items()},
    }
    return {name: value for name, value in (sent | fields).items() if value is not None}


def url(name, patient, *more):
    return reverse(f"assessments:{name}", args=[patient.code, *more])


def scored(patient, by, day, **fields) -> Assessment:
    """A stored assessment with grades."""
    values = {**GRADES, "ambulation": 1, "distance_m": 700, "aid": "none", "observed": "seen", "rater": by}
    row = Assessment(patient=patient, day=day, **{**values, **fields})
    return record_assessments([row], by=by, confirm_because="test", action="assessment.add")[0]

"""Trajectories for other systems: read only, and always as of the rows now stored."""

from collections.abc import Sequence
from typing import Any, cast

import django_filters
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from engine import VERSION
from engine.history import EventHistory, histories
from engine.status import RULE_NAME
from outcomes import roster, trajectory
from outcomes.cohorts import CohortFilter, Selection, select
from outcomes.models import DisabilityEvent, Status, Trajectory
from outcomes.trajectory import Current
from patients import hints
from patients.api.fields import DayField
from patients.api.listing import CodeFilter, NumberFilter, Pages, StrictFilters, visible_patients
from patients.api.records import ApiView
from patients.models import Patient, User

PURPOSE = "For research and registry use; not for treatment decisions. Change after Lemtrada, not its effect."
EVENT_KINDS = DisabilityEvent.Kind.choices


class EvidenceSerializer(serializers.Serializer):
    """One visit and what it counted for."""

    assessment = serializers.IntegerField(source="ref", help_text="Id of the assessment.")
    first = serializers.DateField(help_text="First possible day.")
    last = serializers.DateField(help_text="Last possible day.")
    edss = serializers.FloatField(allow_null=True)
    role = serializers.CharField()
    words = serializers.CharField()
    difference = serializers.FloatField(allow_null=True, help_text="From the baseline.")
    in_run = serializers.BooleanField(help_text="It is one of the visits that decide the status.")
    pending = serializers.BooleanField(help_text="It is part of a change that is not yet confirmed.")
    part = serializers.CharField(
        allow_null=True, help_text="In a change: onset, or confirming, the first visit that confirms it; else null."
    )


class BaselineSerializer(serializers.Serializer):
    date = serializers.DateField()
    edss = serializers.FloatField()


class PendingSerializer(serializers.Serializer):
    direction = serializers.CharField()
    since = serializers.DateField()
    confirmable_from = serializers.DateField(allow_null=True)


class VerdictSerializer(serializers.Serializer):
    """A status, why it is so, and on which visits that rests."""

    status = serializers.ChoiceField(choices=Status.choices)
    reason = serializers.CharField(allow_null=True, help_text="Why a status is insufficient; else null.")
    sentence = serializers.CharField(help_text="The reason in words.")
    summary = serializers.CharField()
    what_would_change = serializers.CharField()
    certainty = serializers.CharField(allow_null=True)
    since = serializers.DateField(allow_null=True)
    baseline = BaselineSerializer(allow_null=True)
    pending = PendingSerializer(allow_null=True)
    flags = serializers.ListField(child=serializers.CharField())
    evidence = EvidenceSerializer(many=True)


class EventSerializer(serializers.Serializer):
    """A confirmed event since the baseline before Lemtrada."""

    number = serializers.IntegerField()
    preset = serializers.CharField(help_text="The published definition.")
    kind = serializers.ChoiceField(choices=EVENT_KINDS)
    label = serializers.CharField(help_text="Of a worsening: RAW, PIRA or undefined.")  # type: ignore[assignment]
    onset = DayField()
    edss = serializers.FloatField()
    baseline_day = DayField()
    baseline_edss = serializers.FloatField()
    confirmed_on = DayField(allow_null=True)
    sustained_days = serializers.IntegerField()
    sustained_to_last = serializers.BooleanField()
    assessments = serializers.DictField(
        source="evidence", child=serializers.IntegerField(allow_null=True), help_text="Ids of those that made it."
    )


class TrajectorySerializer(serializers.Serializer):
    """A patient's course of disability as of the rows now stored.

    `state`: stored; computed (in memory for this answer, because the stored one was out of date); or waiting (it cannot
    be computed now: both verdicts are null, and no older one is shown instead).
    """

    patient = serializers.CharField(help_text="Registry code.")
    state = serializers.ChoiceField(choices=["stored", "computed", "waiting"])
    rule = serializers.CharField()
    engine_version = serializers.CharField()
    data_version = serializers.IntegerField(allow_null=True, help_text="Rises with each change of an input.")
    computed_at = serializers.DateTimeField(allow_null=True)
    since_lemtrada = VerdictSerializer(allow_null=True)
    overall = VerdictSerializer(allow_null=True)
    landmarks = serializers.DictField(child=serializers.CharField(allow_null=True))
    unseen_from = DayField(allow_null=True, help_text="From this day on the patient counts as not seen lately.")
    events = EventSerializer(many=True)
    purpose = serializers.CharField()


class TrajectoryFilters(django_filters.FilterSet):
    """Only the names: the list is narrowed by the cohort query of the house, which also knows the stale ones."""

    patient = CodeFilter(label="Registry code.")
    centre = NumberFilter(label="Id of the centre.")
    status = django_filters.ChoiceFilter(choices=Status.choices, label="Since Lemtrada.")

    def filter_queryset(self, queryset):
        return queryset


class TrajectoryPages(Pages):
    """A page also says how many people wait to be computed; with a filter by status they are not in the list."""

    waiting = 0

    def get_paginated_response(self, data) -> Response:
        response = super().get_paginated_response(data)
        response.data = {"count": response.data["count"], "waiting": self.waiting, **response.data}
        return response

    def get_paginated_response_schema(self, schema) -> dict[str, Any]:
        found = super().get_paginated_response_schema(schema)
        found["properties"]["waiting"] = {"type": "integer", "example": 0}
        found["required"] = [*found["required"], "waiting"]
        return found


class People(Sequence):
    """The patients of a list in order, of which only those of the page are read."""

    def __init__(self, selection: Selection, wanted: CohortFilter, order: roster.Order):
        self.selection, self.wanted, self.order = selection, wanted, order

    def __len__(self) -> int:
        if not self.wanted.derived:
            return self.selection.people.count()
        stored, computed = self.selection.matching(self.wanted)
        return stored.count() + len(computed)

    def __getitem__(self, part):
        size = part.stop - part.start
        ids = roster.page_ids(self.selection, self.wanted, self.order, part.start, size)
        people = Patient.objects.in_bulk(ids)
        return [people[pk] for pk in ids]


class TrajectoryView(ApiView):
    """Trajectories, addressed by the registry code of their patient."""

    serializer_class = TrajectorySerializer
    filterset_class = TrajectoryFilters
    pagination_class = TrajectoryPages
    orderings = dict.fromkeys(("code", *(word for word in roster.ORDERS if word != "code")), ())

    def get_queryset(self):
        return visible_patients(self.request.user)

    def retrieve(self, request: Request, code: str) -> Response:
        patient = get_object_or_404(self.get_queryset(), code=code)
        self.note(patient=patient)
        return Response(self.get_serializer(told([patient], {})[0]).data)

    def list(self, request: Request) -> Response:
        everybody = self.filter_queryset(self.get_queryset())
        filters = StrictFilters().get_filterset(request, everybody, self)
        filters.is_valid()  # it is: what is not was refused above
        sent = filters.form.cleaned_data
        wanted = CohortFilter(centre=sent["centre"], status=sent["status"] or "")
        selection = select(wanted, cast(User, request.user), code=sent["patient"])
        order = roster.ORDERS[request.query_params.get("ordering", "code")]
        cast(TrajectoryPages, self.paginator).waiting = selection.waiting
        page = self.paginate_queryset(People(selection, wanted, order)) or []
        shown = self.get_serializer(told(page, selection.computed), many=True).data
        self.note_list(request, len(shown))
        return self.get_paginated_response(shown)


def told(patients: Sequence[Patient], computed: dict[int, Trajectory]) -> list[dict[str, Any]]:
    """What the serializer says of each patient, in this order. Who is stale is hinted to the worker."""
    others = [patient for patient in patients if patient.pk not in computed]
    found = trajectory.current(others) | {pk: Current(one, stored=False) for pk, one in computed.items()}
    hints.send(patient.pk for patient in patients if patient.pk not in found or not found[patient.pk].stored)
    known = [found[patient.pk] for patient in patients if patient.pk in found]
    events = histories([one.trajectory.classification for one in known], compiled=False)
    mappings = {one.trajectory.patient_id: as_mapping(one, history) for one, history in zip(known, events, strict=True)}
    return [{**mappings.get(patient.pk, WAITING), **FRAME, "patient": patient.code} for patient in patients]


FRAME = {"rule": RULE_NAME, "engine_version": VERSION, "purpose": PURPOSE}
WAITING: dict[str, Any] = {
    "state": "waiting",
    **dict.fromkeys(("data_version", "computed_at", "since_lemtrada", "overall", "unseen_from")),
    "landmarks": {},
    "events": [],
}


def as_mapping(current: Current, history: EventHistory) -> dict[str, Any]:
    one, result = current.trajectory, current.trajectory.result
    refs = [ref for _, _, ref in one.codes["visits"]]
    return {
        "state": "stored" if current.stored else "computed",
        "data_version": one.data_version,
        "computed_at": one.computed_at,
        "since_lemtrada": result["since_lemtrada"],
        "overall": result["overall"],
        "landmarks": {str(year): label for year, label in one.landmarks(timezone.localdate())},
        "unseen_from": one.unseen_from,
        "events": [trajectory.event_values(one.patient_id, refs, event) for event in history.events],
    }

"""What the description of the API says of every operation: all its refusals, and the headers of writing."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiParameter
from rest_framework import serializers

from patients.api.fields import VoidSerializer
from patients.api.problems import CONTENT_TYPE, SAID

KEY = OpenApiParameter(
    "Idempotency-Key", {"type": "string", "format": "uuid"}, OpenApiParameter.HEADER,
    description="A new UUID for each new record: sent again, the first answer comes again and nothing is saved.",
)  # fmt: skip
VERSION = OpenApiParameter(
    "If-Match", {"type": "string", "pattern": '^"[1-9][0-9]{0,8}"$'}, OpenApiParameter.HEADER,
    description="The ETag that was read; or row_version in the body.",
)  # fmt: skip


class ErrorSerializer(serializers.Serializer):
    field = serializers.CharField(help_text="As it is called in the request; empty where it is about all of it.")
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer):
    """A refusal (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = ErrorSerializer(many=True)  # type: ignore[assignment]  # a field, like the others


class ConflictSerializer(ProblemSerializer):
    """A refusal of a change to an older version; `current` is the record as it is now."""

    current = serializers.DictField()


class HouseSchema(AutoSchema):
    view: Any

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def get_operation_id(self) -> str:
        """By address and method; the framework's own guess gives two the same name."""
        parts = [part.strip("{}") for part in self.path.removeprefix("/api/v1/").strip("/").split("/")]
        return "_".join([*parts, self.method.lower()])

    def get_request_serializer(self):
        view = self.view
        if self.method == "PATCH":
            return view.change_serializer_class
        return VoidSerializer if view.action == "void" else super().get_request_serializer()

    def get_override_parameters(self) -> list[Any]:
        changing = self.method == "PATCH" or self.view.action == "void"
        return ([KEY] if self.method == "POST" else []) + ([VERSION] if changing else [])

    def _map_serializer(self, serializer, direction, bypass_extensions=False):
        """What is sent holds no other names; what is answered may grow."""
        found = super()._map_serializer(serializer, direction, bypass_extensions)
        return found | {"additionalProperties": False} if direction == "request" and "properties" in found else found

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        found = super()._get_response_bodies(direction)
        for status in self.refusals():
            serializer = ConflictSerializer if status == 409 else ProblemSerializer
            schema = self.resolve_serializer(serializer, direction).ref
            found[str(status)] = {"content": {CONTENT_TYPE: {"schema": schema}}, "description": DESCRIBED[status]}
        return found

    def refusals(self) -> list[int]:
        always = [400, 401, 403, 404, 405, 406]
        action = self.view.action
        changing = self.method == "PATCH" or action == "void"
        more = {"POST": [413, 415, 422], "PATCH": [413, 415]}.get(self.method, [])
        return always + ([409, 428] if changing else []) + more


DESCRIBED = SAID | {
    400: "Refused; `errors` names the fields.",
    409: "Somebody saved the record since that version; `current` is what is stored.",
    422: "This Idempotency-Key was used with other content.",
}

"""Who changed what: every way to write leaves a whole history row, and no model is without history unawares."""

import pytest
from django.apps import apps
from django.db import models

from assessments.models import Assessment
from outcomes.demo import seed
from patients import freshness
from tests.house.test_access import ADDRESSES, TABLE
from tests.house.world import MAPPING, ROLES, body_of, send, world
from tests.outcomes.import_files import imported

__all__ = ["world"]  # a fixture
pytestmark = pytest.mark.django_db

OURS = ("patients", "assessments", "treatments", "outcomes")
# models without a history of changes, and why
WITHOUT = {
    "AccessEvent": "is a log itself, append-only",
    "AccountLink": "used once; each step is an access event",
    "ApiToken": "made and revoked; each is an access event",
    "Attempts": "failed tries, forgotten after a day",
    "DisabilityEvent": "derived",
    "Erasure": "written once, replayed after a restore",
    "Freshness": "counts, written by triggers",
    "Identity": "must be erasable; each change is an access event",
    "ImportBatch": "written once",
    "Pulse": "when a process last worked",
    "Submission": "written once",
    "Trajectory": "derived",
}


def our_models() -> list[type[models.Model]]:
    return [model for app in OURS for model in apps.get_app_config(app).get_models()]


def with_history() -> list[type[models.Model]]:
    return [model for model in our_models() if hasattr(model._meta, "simple_history_manager_attribute")]


def test_every_model_keeps_history_or_says_why_not():
    named = {model.__name__ for model in our_models() if not model.__name__.startswith("Historical")}

    assert named - {model.__name__ for model in with_history()} == set(WITHOUT)


def test_every_history_and_the_access_log_only_grow():
    tables = {model.history.model._meta.db_table for model in with_history()} | {"patients_accessevent"}

    assert tables <= set(freshness.APPEND_ONLY)


def incomplete() -> list[str]:
    """Rows whose latest history row is missing, or differs from them, or names nobody."""
    wrong = []
    for model in with_history():
        tracked = [f.attname for f in model.history.model._meta.concrete_fields if hasattr(model, f.attname)]
        for row in model._base_manager.all():
            last = row.history.order_by("-history_date", "-history_id").first()
            if last is None:
                wrong.append(f"{model.__name__} {row.pk}: none")
                continue
            differing = [name for name in tracked if getattr(last, name) != getattr(row, name)]
            if differing:
                wrong.append(f"{model.__name__} {row.pk}: {differing}")
    return wrong


def test_every_form_leaves_a_whole_history_row_with_its_author(world):
    """Each address once, by the first who may; what it writes is in the history of its model, and says by whom."""
    before = {model: model.history.count() for model in with_history()}
    for name, arguments in sorted(
        ADDRESSES, key=lambda address: ("erase" in address[0], "void" in address[0], "edit" not in address[0])
    ):
        who = next((who for who in (*ROLES, "registry_admin") if "POST" in TABLE[name][who]), None)
        if not who or not name.startswith(("patients:", "assessments:", "treatments:", "outcomes:")):
            continue
        for row in world.records.values():
            row.refresh_from_db()
        user = world.users[who]
        send(world.client(user), name, "POST", world.path(name, arguments, user), body_of(name, world, user))

    assert incomplete() == []
    for model in with_history():
        new = model.history.order_by("-pk")[: model.history.count() - before[model]]
        assert all(row.history_user_id for row in new), model
        assert new, f"no form wrote a {model.__name__}"


def test_an_import_leaves_a_whole_history_row(admin, centre):
    _, made = imported("patient,date,edss\na,2020-01-01,2.0\nb,2020-01-02,3.5\n", MAPPING, admin)

    assert (bool(made), Assessment.objects.count()) == (True, 2)

    assert incomplete() == []


def test_the_demo_leaves_whole_history_rows():
    seed(patients=8)

    assert incomplete() == []

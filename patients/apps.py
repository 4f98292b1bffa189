from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from patients import freshness


def drop_triggers(using, **_):
    freshness.drop(using)


def create_triggers(using, **_):
    freshness.create(using)


class PatientsConfig(AppConfig):
    name = "patients"

    def ready(self):
        pre_migrate.connect(drop_triggers, sender=self)
        post_migrate.connect(create_triggers, sender=self)
        from patients import signin

        signin.connect()

"""The Celery application: a real worker in every situation, on Redis or on a folder of files."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edss_tracker.settings")

TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "edss_tracker.redis_queue:Transport")
app = Celery("edss_tracker")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

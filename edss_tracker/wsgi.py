import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edss_tracker.settings")
django.setup(set_prefix=False)

from edss_tracker.plain import PlainHandler  # noqa: E402 - needs the settings

application = PlainHandler()

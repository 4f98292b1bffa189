"""A registry of 100,000 assessments with their history is backed up and restored, and says how long that took."""

import os
import subprocess
import sys
import time

import pytest

from tests.processes.installation import ROOT

VISITS = int(os.environ.get("EDSS_RESTORE_ASSESSMENTS", "100000"))
SECONDS = 900
FILL = f"""
import sys
sys.path.insert(0, {str(ROOT / "tools")!r})
from django.db import connection
from invented_registry import VISITS, fill
from assessments.models import Assessment
from outcomes import recompute
fill(-(-{VISITS} // VISITS))
columns = ", ".join(f.column for f in Assessment._meta.concrete_fields)
with connection.cursor() as cursor:
    cursor.execute(
        f"INSERT INTO assessments_historicalassessment ({{columns}}, history_date, history_type) "
        f"SELECT {{columns}}, created_at, '+' FROM assessments_assessment"
    )
done = recompute.recompute(every=False)
print(Assessment.objects.count(), done.computed)
"""
HEALTH = """
import time
from django.test import Client
client, took = Client(), []
for _ in range(20):
    began = time.monotonic(); client.get("/health/"); took.append(time.monotonic() - began)
print(f"{sorted(took)[10] * 1000:.1f} ms")
"""


@pytest.mark.drill
def test_a_large_registry_comes_back_the_same(installation):
    def timed(what, *command) -> str:
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=ROOT, env=installation.environ | {"EDSS_HINTS": "off"}, capture_output=True, text=True,
            timeout=SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        print(f"{what}: {time.monotonic() - began:.1f} s, load {os.getloadavg()[0]:.1f}\n{done.stdout.strip()}")
        return done.stdout

    edss = (sys.executable, "-m", "edss_tracker.cli")
    start = "import django, os; os.environ['DJANGO_SETTINGS_MODULE'] = 'edss_tracker.settings'; django.setup()\n"
    file = installation.folder / "large.edss"
    timed("fill", sys.executable, "-c", start + FILL)
    timed("health", sys.executable, "-c", start + HEALTH)
    timed("backup", *edss, "backup", str(file))
    print(f"file: {file.stat().st_size:,} bytes")
    said = timed("restore", *edss, "restore", str(file), "--replace")
    assert "every stored trajectory equals its recomputation" in said
    assert "0 differences; 0 trajectories wait" in timed("check", *edss, "recompute", "--check")

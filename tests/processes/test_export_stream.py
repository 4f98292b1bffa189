"""The stream of a cohort export against a real database: one snapshot while others save, and flat memory."""

import json
import os

import pytest

ROWS = int(os.environ.get("EDSS_EXPORTED_ROWS", "20000"))

WHILE_OTHERS_SAVE = """
import csv, io, json, threading, time
from datetime import date
from django.db import connection
from assessments.models import Assessment
from assessments.services import record_assessments
from outcomes import demo, trajectory
from outcomes.cohorts import CohortFilter
from outcomes.exchange import cohort_rows, exporting
from patients.models import Centre, Consent, Decision, Freshness, Patient, User
from patients.research import participating
from patients.services import record_consent, register

demo.seed(patients=24, on=date(2026, 1, 1))
trajectory.sweep_once()
cohort_rows.BLOCK = 3
people = list(participating(Patient.objects.all()).order_by("pk"))
by = User.objects.get(email="neurologist@demo.example")
order = exporting.Order(CohortFilter(), "csv", "a test", by=None)
said = {"eligible": len(people)}
errors = []

def save():
    try:
        began = time.monotonic()
        last, other = people[-1], people[-2]
        record_consent(Consent(patient=last, decision=Decision.WITHDRAWN, day=date(2026, 2, 1)), by=by)
        for day in (date(2026, 2, 2), date(2026, 11, 1)):
            visit = Assessment(patient=other, day=day, edss_rater=9, rater_reason="a test", rater=by)
            record_assessments([visit], by=by, confirm_because="a test", action="assessment.add")
        trajectory.refresh([other.pk])
        new = register(Patient(centre=Centre.objects.first(), sex="male"), by=by, identity={"local_number": "new"})
        record_consent(Consent(patient=new, decision=Decision.GIVEN, day=date(2026, 2, 1)), by=by)
        said.update(seconds=time.monotonic() - began, new=new.code)
    except BaseException as problem:
        errors.append(repr(problem))
    finally:
        connection.close()

stream = exporting.start(order)
parts = [next(stream), next(stream)]
saver = threading.Thread(target=save)
saver.start()
saver.join(60)
said["saved while the file streams"] = not saver.is_alive()
parts += stream
again = b"".join(exporting.start(order))

def rows(content):
    return {row["patient"]: row for row in csv.DictReader(io.StringIO(content.decode(), newline=""))}

before, after = rows(b"".join(parts)), rows(again)
other, last = people[-2].code, people[-1].code
moments = {row["snapshot_at"] for row in before.values()}
said |= {
    "errors": errors,
    "before": [len(before), last in before, said["new"] in before, before[other]["last_visit"] < "2026-02-01"],
    "results": sorted({row["result"] for row in before.values()}),
    "after": [len(after), last in after, said["new"] in after, after[other]["last_visit"], after[other]["last_edss"]],
    "moments": len(moments),
}
print(json.dumps(said))
"""

MANY_ROWS = """
import json, os, sys, time
from pathlib import Path
from tools import invented_registry
from outcomes.cohorts import CohortFilter
from outcomes.exchange import exporting

rows = int(sys.argv[1])
began = time.monotonic()
invented_registry.fill(rows, visits=3)
invented_registry.fill_consents(rows)
invented_registry.fill_results(rows)
filled = time.monotonic() - began

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

began = time.monotonic()
stream = exporting.start(exporting.Order(CohortFilter(), "csv", "a test", by=None))
counted, begin, sent, at = time.monotonic() - began, time.process_time(), 0, []
began = time.monotonic()
for part in stream:
    sent += len(part)
    at.append(resident())
seconds = time.monotonic() - began
stream.close()
print(json.dumps({"rows": stream.rows, "filled in": filled, "counted in": counted, "seconds": seconds,
                  "processor": time.process_time() - begin, "bytes": sent, "after 5 blocks": at[5], "most": max(at)}))
"""


def run(installation, code: str, *arguments, patience=120) -> dict:
    answer = installation.python(f"import sys\nsys.argv[1:] = {list(map(str, arguments))!r}\n{code}", patience=patience)
    return json.loads(answer.splitlines()[-1])


def test_a_file_shows_one_moment_while_others_save(installation):
    said = run(installation, WHILE_OTHERS_SAVE)

    assert said["errors"] == []
    assert said["saved while the file streams"]
    assert said["seconds"] < 10
    assert said["before"] == [said["eligible"], True, False, True]
    assert said["moments"] == 1
    assert said["results"] == ["stored"]
    assert said["after"] == [said["eligible"], False, True, "2026-11-01", "9.0"]


@pytest.mark.drill
@pytest.mark.parametrize("rows", [ROWS])
def test_memory_stays_flat_however_many_rows(installation, rows):
    """Resident memory of the process that streams. EDSS_EXPORTED_ROWS=1000000 in `make drill`."""
    seen = run(installation, MANY_ROWS, rows, patience=120 + rows // 200)
    more = (seen["most"] - seen["after 5 blocks"]) / 2**20
    print(
        f"{seen['rows']:,} rows, {seen['bytes'] / 2**20:.0f} MiB in {seen['seconds']:.1f} s "
        f"({seen['rows'] / seen['seconds']:,.0f} rows/s; processor {seen['processor']:.1f} s), "
        f"counted in {seen['counted in']:.1f} s, filled in {seen['filled in']:.0f} s; resident "
        f"{seen['most'] / 2**20:.0f} MiB, {more:+.1f} MiB after 5 blocks; load {os.getloadavg()[0]:.1f}"
    )

    assert seen["rows"] == rows - rows // 10
    assert more < 48  # SQLite fills a page cache of 32 MiB

"""No input produces a 500, a half-written import, or a server that is out of memory or busy for long.

Every case goes through the pages: upload, preview, apply. EDSS_MUTATED_FILES says how many; 10,000 in `make drill`.
"""

import os
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import reverse

from assessments.models import Assessment, Relapse
from outcomes.models import ImportBatch
from patients.models import Identity, Patient
from tests.outcomes.mutations import case_of
from treatments.models import Course, Infusion, Treatment

CASES = int(os.environ.get("EDSS_MUTATED_FILES", "200"))
FROM = int(os.environ.get("EDSS_MUTATED_FROM", "0"))
SECONDS, MEMORY = 10, 256 * 1024  # kB
MODELS = (Patient, Identity, Assessment, Relapse, Course, Infusion, Treatment, ImportBatch)
HISTORIES = (Patient, Assessment, Relapse)
URL = reverse("outcomes:imports")

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.drill if CASES > 1000 else pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of the process by /proc"),
]


class RolledBack(Exception):
    pass


def counts() -> dict[str, int]:
    rows = {model.__name__: model.objects.count() for model in MODELS}
    return rows | {f"history of {model.__name__}": model.history.count() for model in HISTORIES}


def walk(client, case) -> tuple[str, dict[str, int]]:
    """Upload, look, apply, as far as it goes: where it ended, and the rows by then. The client raises for a 500."""
    file, mapping = SimpleUploadedFile(case.name or "x", case.content), SimpleUploadedFile("m.toml", case.mapping)
    file._name = case.name  # as it was sent: the class above cuts paths
    answer = client.post(URL, {"file": file, "mapping": mapping})
    assert answer.status_code in (200, 302, 400), answer.status_code
    if answer.status_code != 302:
        return "refused", counts()
    preview = client.get(answer["Location"])
    assert preview.status_code in (200, 302)
    applied = client.post(answer["Location"])
    assert applied.status_code in (200, 302)
    done = ImportBatch.objects.filter(pk=answer["Location"].rstrip("/").rpartition("/")[2]).first()
    return ("applied" if done else "listed"), counts()


def peak() -> int:
    """The most memory of this process since the last reset, in kB."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def reset_peak() -> int:
    """Forget what making a case took; from which the memory of its import is counted, in kB."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def check(before, ended, after) -> None:
    """Either nothing was written, or just what the report of the import says, each with its history."""
    more = {name: after[name] - before[name] for name in before if after[name] != before[name]}
    if ended != "applied":
        assert more == {}
        return
    told = ImportBatch.objects.latest("at").counts
    assert more.pop("ImportBatch") == 1
    assert more.pop("Assessment", 0) == more.pop("history of Assessment", 0) == told["new"]
    assert (
        more.pop("Patient", 0) == more.pop("history of Patient", 0) == more.pop("Identity", 0) == told["patients_new"]
    )
    assert more.pop("Relapse", 0) == more.pop("history of Relapse", 0) == told["relapses_new"]
    assert more == {}


def test_mutated_files_never_crash_never_write_half_and_never_take_long(client, admin, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    client.force_login(admin)
    before, ends, slowest = counts(), Counter(), (0.0, 0)
    client.get(URL)
    most = (0, 0)
    for number in range(FROM, FROM + CASES):
        case = case_of(number)
        used = reset_peak()
        began = time.process_time()  # not by the clock: a busy machine is not the file's fault
        try:
            with transaction.atomic():
                ended, after = walk(client, case)
                seconds = time.process_time() - began
                check(before, ended, after)
                raise RolledBack
        except RolledBack:
            pass
        except BaseException as problem:
            problem.add_note(
                f"{dict(ends)}; case {number}: {case.done}, name {case.name[:40]!r}, {case.content[:200]!r}"
            )
            raise
        memory = peak() - used
        ends[ended] += 1
        slowest, most = max(slowest, (seconds, number)), max(most, (memory, number))
        assert seconds < SECONDS, (number, case.done)
        assert memory < MEMORY, (number, case.done)
    print(
        f"{dict(ends)}; slowest {slowest[0]:.2f} s (case {slowest[1]}), "
        f"most memory {most[0] // 1024} MiB (case {most[1]})"
    )

    assert ends["applied"] > CASES / 100
    assert ends["refused"] > CASES / 10
    assert ends["listed"] > CASES / 100

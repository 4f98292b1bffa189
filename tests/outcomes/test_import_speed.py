"""20,000 assessments in one import, by real processes, while others go on saving."""

import csv
import sys
from datetime import date, timedelta

import pytest

from tests.outcomes.import_files import EXAMPLE, SAMPLE, SYSTEM_COLUMNS, example
from tests.processes.installation import Installation

pytestmark = pytest.mark.processes
PEOPLE = """
from patients.models import Centre, Membership, User
centre = Centre.objects.create(name="Centre Nord")
for role in ("admin", "clinician"):
    user = User.objects.create_user(f"{role}@example.org", "correct-horse-battery", name=role.title())
    Membership.objects.create(user=user, centre=centre, role=role)
"""
SAVE_UNTIL_STOPPED = """
import sys, time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from assessments.models import Assessment
from assessments.services import record_assessments
from patients.models import Centre, Patient, User
from patients.services import register
by, stop = User.objects.get(email="clinician@example.org"), Path(sys.argv[1])
patient = register(Patient(centre=Centre.objects.get(), sex="female"), by=by, identity={"local_number": "another"})
saved, longest = 0, 0.0
print("saving", flush=True)
while not stop.exists():
    began = time.monotonic()
    row = Assessment(patient=patient, day=date(2000, 1, 1) + timedelta(days=saved), edss_rater=Decimal("2.0"),
                     rater_reason="given", visit_type="scheduled")
    record_assessments([row], by=by, confirm_because="test", action="assessment.add")
    saved, longest = saved + 1, max(longest, time.monotonic() - began)
    time.sleep(0.2)
assert Assessment.objects.filter(patient=patient).count() == saved
print(f"saved {saved} longest {longest:.1f}", flush=True)
"""


@pytest.fixture
def here(tmp_path):
    """An installation without any server, with an admin and a clinician of one centre."""
    made = Installation(tmp_path)
    assert made.edss("migrate").returncode == 0
    made.python(PEOPLE)
    yield made
    made.close()


def large_file(path, patients=1000, visits=20):
    """Complete rows under the column names of the sample."""
    head = ["ID", "dateEDSS", "EDSS", *SYSTEM_COLUMNS.values(), "FSamb", "daysPostRelapse"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for patient in range(patients):
            for visit in range(visits):
                day = date(2000, 1, 1) + timedelta(days=90 * visit)
                grades = [(patient + visit * step) % 4 for step in range(1, 8)]
                writer.writerow([f"p{patient}", day, f"{2 + visit % 6 / 2}", *grades, 0, -(90 * visit + 40)])


@pytest.mark.drill
def test_twenty_thousand_assessments_while_another_process_saves(here):
    large_file(here.folder / "large.csv")
    stop = here.folder / "stop"
    script = f"import django\ndjango.setup()\n{SAVE_UNTIL_STOPPED}"
    here.start(sys.executable, "-c", script, str(stop), DJANGO_SETTINGS_MODULE="edss_tracker.settings")
    here.wait_for("saving")

    timed = f"""
import time
from pathlib import Path
from outcomes.exchange import importing
from outcomes.exchange.mapping import read_mapping
from outcomes.exchange.reading import read_table
from patients.models import User
by = User.objects.get(email="admin@example.org")
began, worked = time.monotonic(), time.process_time()
mapping = read_mapping(Path({str(EXAMPLE)!r}).read_bytes())
table = read_table(Path({str(here.folder / "large.csv")!r}).read_bytes(), name="large.csv")
report, batch = importing.run(table, mapping, by=by)
assert batch and len(report.assessments) == 20_000, report.counts()
print(time.monotonic() - began, time.process_time() - worked)
"""
    seconds, processor = map(float, here.python(timed).split())
    stop.touch()
    here.wait_for("longest")

    said = here.said()
    assert "Traceback" not in said, said
    print(f"{seconds:.1f} s for 20,000 assessments, {processor:.1f} of work; {said.splitlines()[-1]}")
    assert processor < 20  # the same as the clock on a machine that does nothing else
    counts = "print(*(m.objects.count() for m in (Patient, Assessment)), Assessment.history.count())"
    people, rows, history = map(
        int,
        here.python(
            f"from assessments.models import Assessment\nfrom patients.models import Patient\n{counts}"
        ).split(),
    )
    assert people == 1001
    assert rows == history > 20_000


def test_opposing_imports_of_one_file_store_it_once(here):
    (here.folder / "mapping.toml").write_bytes(example())
    arguments = ("import", "assessments", str(SAMPLE), "--mapping", str(here.folder / "mapping.toml"))
    arguments += ("--by", "admin@example.org", "--apply")

    racing = [here.start_edss(*arguments) for _ in range(4)]

    assert [process.wait(60) for process in racing] == [0, 0, 0, 0]
    assert here.said().count("Imported as") == 1
    assert here.said().count("Nothing was changed.") == 3
    count = here.python("from assessments.models import Assessment\nprint(Assessment.objects.count())")
    assert count == "798"

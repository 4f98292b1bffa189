"""One run: people save, faults happen, quiet comes, and everything acknowledged is compared with everything stored."""

import json
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.faults.faults import Fault
from tests.faults.registry import Registry
from tests.faults.writers import Told, Writer

QUIET_SECONDS = 90  # what the registry has to heal by itself
STORED = """
import json
from assessments.checks import calculate
from assessments.models import Assessment
from patients.models import Submission
history = {}
for pk in Assessment.history.values_list("id", flat=True):
    history[pk] = history.get(pk, 0) + 1
rows = []
for one in Assessment.objects.select_related("patient"):
    shown, edss = one.edss, calculate(one) and one.edss
    grades = [one.pyramidal, one.cerebellar, float(shown), float(edss)]
    rows.append([one.patient.code, one.day.isoformat(), *grades, one.row_version, bool(one.voided_at), history[one.pk]])
print(json.dumps({"rows": rows, "keys": [str(key) for key in Submission.objects.values_list("key", flat=True)]}))
"""


@dataclass
class Figures:
    """What a run found; `wrong` is empty when every promise was kept."""

    shape: str
    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    told: Told = field(default_factory=Told)
    seconds: float = 0.0
    quiet: float = 0.0  # until nothing was stale
    worker: float = 0.0  # until one more save was computed, by the worker alone
    restarts: int = 0
    load: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def table(self) -> str:
        told, resolved = self.told, self.told.resolved
        lines = [
            f"{self.shape}: {sum(self.faults.values())} faults, {told.acknowledged} saves acknowledged "
            f"in {self.seconds:.0f} s (seed {self.seed}, load {self.load:.1f})",
            *(f"  {count:>4} x {name}" for name, count in sorted(self.faults.items())),
            f"  saves refused {len(told.refused)}; unknown, sent again and then acknowledged {resolved}",
            f"  longest save {told.longest:.2f} s; longest that had to be sent again {told.longest_open:.2f} s",
            f"  nothing stale {self.quiet:.1f} s after the last fault; then the worker alone: {self.worker:.1f} s",
            f"  lost, twice or wrong: {len(self.wrong)}",
        ]
        return "\n".join([*lines, *(f"    {line}" for line in self.wrong[:20])])


def run(place: Registry, shape: str, faults: dict[str, Fault], *, count: int, saves: int, seed: int) -> Figures:
    """`count` faults spread over at least `saves` acknowledged saves of four writers."""
    figures = Figures(shape, seed)
    writers = [Writer(place, number, 4, figures.told, seed) for number in range(4)]
    began = time.monotonic()
    for writer in writers:
        writer.start()
    make_faults(place, figures, faults, count, saves)
    for writer in writers:
        writer.stopping.set()
    while any(writer.is_alive() for writer in writers):
        place.tick()
        time.sleep(0.1)
    figures.seconds, figures.load = time.monotonic() - began, os.getloadavg()[0]
    heal(place, figures)
    writers[0].save_something()
    compare(place, figures)
    the_worker_alone(place, figures, writers[0])
    return figures


def make_faults(place: Registry, figures: Figures, faults: dict[str, Fault], count: int, saves: int) -> None:
    """Every kind as often as the others, in an order that the seed draws; evenly over the saves."""
    drawn, told = random.Random(figures.seed), figures.told
    deck = [name for _ in range(-(-count // len(faults))) for name in drawn.sample(sorted(faults), len(faults))]
    for number, name in enumerate(deck[:count]):
        until = time.monotonic() + 60
        while told.acknowledged < (number + 1) * saves / (count + 1) and time.monotonic() < until:
            place.tick()
            time.sleep(0.05)
        faults[name](place, told, drawn)
        figures.faults[name] += 1
    while told.acknowledged < saves:
        place.tick()
        time.sleep(0.05)
    while place.due:  # what is frozen goes on before there is quiet
        place.tick()
        time.sleep(0.05)


def heal(place: Registry, figures: Figures) -> None:
    """Wait until nothing is stale, and check every stored trajectory by a new computation."""
    began = time.monotonic()
    while (left := place.stale()) != 0 and time.monotonic() - began < QUIET_SECONDS:
        time.sleep(0.5)
    figures.quiet = time.monotonic() - began
    if left != 0:
        figures.wrong.append(
            f"{left} trajectories (None: no page is answered) are still stale after {QUIET_SECONDS} s of quiet"
        )


def compare(place: Registry, figures: Figures) -> None:
    """Acknowledged and stored, both ways; then every stored trajectory."""
    told, wrong = figures.told, figures.wrong
    stored = json.loads(place.here.python(STORED))
    rows = {(code, day): rest for code, day, *rest in stored["rows"]}
    if len(rows) != len(stored["rows"]):
        wrong.append(f"{len(stored['rows']) - len(rows)} assessments are there twice")
    for (code, day), kept in told.kept.items():
        found = rows.pop((code, day), None)
        if found is None:
            wrong.append(f"{code} {day} was acknowledged and is lost")
            continue
        pyramidal, cerebellar, edss, calculated, version, voided, traces = found
        seen = (pyramidal, cerebellar, version, voided, traces)
        if seen != (kept.grade, kept.grade, kept.row_version, kept.voided, kept.row_version) or edss != calculated:
            wrong.append(f"{code} {day} is {found}, acknowledged was {kept}")
    wrong += [f"{code} {day} was never acknowledged and is stored" for code, day in rows]
    wrong += [f"the key {key} was acknowledged and is lost" for key in told.keys - set(stored["keys"])]
    wrong += [f"the key {key} is stored and was never acknowledged" for key in set(stored["keys"]) - told.keys]
    wrong += told.unread
    wrong += told.refused
    checked = place.here.edss("recompute", "--check", **place.keeper.environ)
    if checked.returncode:
        wrong.append(f"recompute --check: {checked.stdout}{checked.stderr}")


def the_worker_alone(place: Registry, figures: Figures, writer: Writer) -> None:
    """A worker that lives but takes nothing any more would be hidden by the sweep; so that is ended first."""
    place.end_sweep()
    writer.create()
    began = time.monotonic()
    while (left := place.stale()) != 0 and time.monotonic() - began < QUIET_SECONDS:
        time.sleep(0.5)
    figures.worker = time.monotonic() - began
    if left != 0:
        figures.wrong.append("the worker takes no hints any more")

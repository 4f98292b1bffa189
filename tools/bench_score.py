"""Speed and memory of `edss-tracker score` on a seeded table.

python tools/bench_score.py [ROWS]: combinations that repeat, as in a clinic; none twice; and everything a row may hold.
"""

import csv
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.edss import EDSS_STEPS, GRADE_MAX, POLICY_CHOICES
from engine.edss_grades import GRADE_TEXTS
from engine.walking import SCHEMES
from outcomes.exchange.grades import NEEDED, OPTIONAL

SEED = 20260908
TOPS = (*GRADE_MAX.values(), 16)
KINDS = ("repeating", "all distinct", "everything")
# What a row of "everything" draws from: marks, empty cells, grades out of range, each policy, scheme and rater's EDSS.
ANY = (
    *[[*GRADE_TEXTS, *GRADE_TEXTS, ""]] * len(GRADE_MAX),
    [*map(str, range(18)), ""],
    *[["", *choices] for choices in POLICY_CHOICES.values()],
    ["", *SCHEMES],
    ["", *map(str, EDSS_STEPS)],
)


def write_table(path: Path, rows: int, kind: str) -> None:
    """A number, eight cells of grades and a text. Repeating: 5,000 combinations, the first ones far more often.

    Everything: each cell by itself at random from `ANY`, with the optional columns.
    """
    draw = random.Random(SEED)  # noqa: S311 - no secret
    numbers = draw.sample(range(every := combinations()), min(rows, every))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        everything = kind == "everything"
        writer.writerow(["patient", *NEEDED, *(OPTIONAL if everything else ()), "note"])
        for row in range(rows):
            if everything:
                writer.writerow([f"P{row // 10:06}", *map(draw.choice, ANY), "seen"])
                continue
            place = row if kind == "all distinct" else int(5000 * draw.random() ** 2)
            writer.writerow([f"P{row // 10:06}", *cells(numbers[place % len(numbers)]), "seen"])


def combinations() -> int:
    count = 1
    for top in TOPS:
        count *= top + 1
    return count


def cells(number: int) -> list[int]:
    """The combination of that number, counted through."""
    found = []
    for top in TOPS:
        number, value = divmod(number, top + 1)
        found.append(value)
    return found


def measure(path: Path) -> tuple[float, float, float]:
    """Of the whole command, start included: seconds, seconds of processor, and MiB (the largest command so far)."""
    target = path.with_suffix(".out.csv")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    command = [sys.executable, "-m", "edss_tracker.cli", "score", str(path), "--output", str(target)]
    command.append("--keep-going")
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, cwd=Path(__file__).resolve().parents[1])  # noqa: S603
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, processor, after.ru_maxrss / 1024


def bench(rows: int = 1_000_000) -> list[tuple[str, int, float, float, float, float]]:
    """(kind, rows, rows per second, seconds and processor seconds per million, MiB) of each kind of table."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            path = Path(folder) / "table.csv"
            write_table(path, rows, kind)
            seconds, processor, memory = measure(path)
            results.append((kind, rows, rows / seconds, seconds / rows * 1e6, processor / rows * 1e6, memory))
    return results


if __name__ == "__main__":
    print(f"{'table':<14}{'rows':>12}{'rows/s':>12}{'s/million':>12}{'processor':>12}{'MiB':>8}")
    for kind, count, speed, million, processor, memory in bench(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000):
        print(f"{kind:<14}{count:>12,}{speed:>12,.0f}{million:>12.1f}{processor:>12.1f}{memory:>8.0f}")

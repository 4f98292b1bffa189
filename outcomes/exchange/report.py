"""What a check found: the fate of every row, the counts, and what an import would write."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from assessments.models import Assessment, Relapse
from outcomes.exchange.mapping import Mapping
from patients.models import Centre, Patient

WARNINGS = {
    "W1": "The EDSS of the file differs from the calculated one",
    "W2": "EDSS moved by 1.0 or more, no grade and no walking code did",
    "W3": "EDSS unchanged, though a grade moved by 2 or more",
    "W4": "The distance contradicts the walking code",
    "W5": "An aid is needed, with pyramidal and cerebellar at 0",
    "W6": "Walking hardly limited, with a severe grade",
    "W7": "Walking limited, with pyramidal and cerebellar under 2",
    "W8": "Walking unlimited, while the systems reach 4.0 or more",
    "W9": "The EDSS rests on walking alone",
    "W10": "Grade and findings disagree",
    "W11": "Near a relapse: not for use as baseline or confirmation",
    "W12": "EDSS moved by 1.5 or more since the visit before",
    "W13": "A grade pattern on which sources differ",
    "W14": "Another rater or way of examining than at the visit before",
}
RULES = {
    "rows_without_edss": "Set aside: no EDSS",
    "complete_grades_without_edss": "Set aside: no EDSS, all grades known",
}


@dataclass(frozen=True, order=True)
class Listed:
    """A row that stops the file: its line, the column as the file names it ("" for the row), and why."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"Line {self.line}{', ' + self.column if self.column else ''}: {self.reason}"


@dataclass
class Report:
    """Every row of a file is in exactly one of: assessments, already, set_aside, the lines of listed."""

    file_name: str
    sha256: str
    rows: int
    mapping: Mapping
    centre: Centre
    listed: list[Listed] = field(default_factory=list)
    set_aside: dict[str, list[int]] = field(default_factory=dict)  # rule to lines
    already: list[int] = field(default_factory=list)  # lines whose assessment is stored as the file has it
    assessments: list[Assessment] = field(default_factory=list)
    patients: dict[str, Patient] = field(default_factory=dict)  # local number to a new patient
    patients_known: int = 0
    relapses: list[Relapse] = field(default_factory=list)
    relapses_already: int = 0
    relapses_close: int = 0
    left_out: dict[str, int] = field(default_factory=dict)  # converted grades, by system: how many cells
    fit: dict[str, tuple[int, int]] = field(default_factory=dict)  # scheme to (rows that fit, rows compared)
    versions: dict[str, tuple] = field(default_factory=dict)  # of the stored patients, as they were before the check

    @property
    def listed_lines(self) -> list[int]:
        return sorted({one.line for one in self.listed})

    @property
    def clean(self) -> bool:
        return not self.listed

    @property
    def nothing_new(self) -> bool:
        return not (self.assessments or self.relapses or self.patients)

    @property
    def unlike(self) -> str:
        """A sentence when the walking codes fit the other scheme better than the declared one."""
        declared = self.mapping.ambulation_scheme
        other = "legacy" if declared == "neurostatus" else "neurostatus"
        if declared not in self.fit or self.fit[other][0] <= self.fit[declared][0]:
            return ""
        return f"The walking codes are declared as {declared}, and agree with the EDSS {say_fit(self.fit)}."

    def counts(self) -> dict[str, Any]:
        """Numbers only: what the page of the import and the kept record of it show."""
        warned = Counter(id for row in self.assessments for id in {w["id"] for w in row.confirmed_warnings})
        return {
            "rows": self.rows,
            "new": len(self.assessments),
            "edss_from_file": sum(row.edss_rater is not None for row in self.assessments),
            "edss_calculated": sum(row.edss_rater is None and row.edss is not None for row in self.assessments),
            "incomplete": sum(row.edss is None for row in self.assessments),
            "already": len(self.already),
            "set_aside": {rule: len(lines) for rule, lines in self.set_aside.items()},
            "listed": len(self.listed_lines),
            "patients_new": len(self.patients),
            "patients_known": self.patients_known,
            "relapses_new": len(self.relapses),
            "relapses_already": self.relapses_already,
            "relapses_close": self.relapses_close,
            "left_out": self.left_out,
            "warnings": {id: warned[id] for id in WARNINGS if warned[id]},
        }


def say_fit(fit: dict[str, tuple[int, int]]) -> str:
    return " and ".join(f"in {agree} of {of} rows by the {scheme} scheme" for scheme, (agree, of) in fit.items())


def count_lines(counts: dict[str, Any]) -> list[tuple[str, int]]:
    """The counts in words, for a page or a terminal: what became of the rows first."""
    lines = [
        ("Rows in the file", counts["rows"]),
        ("New assessments", counts["new"]),
        ("of these with the EDSS of the file", counts["edss_from_file"]),
        ("of these with an EDSS calculated from the grades", counts["edss_calculated"]),
        ("of these without an EDSS", counts["incomplete"]),
        ("Stored before, with the same values", counts["already"]),
        *((RULES.get(rule, rule), number) for rule, number in counts["set_aside"].items()),
        ("Listed: these stop the file", counts["listed"]),
        ("New patients", counts["patients_new"]),
        ("Patients registered before", counts["patients_known"]),
        ("New relapses", counts["relapses_new"]),
        ("Relapses stored before", counts["relapses_already"]),
        ("Relapses of one patient less than 30 days apart", counts["relapses_close"]),
    ]
    lines += [(f"Converted {s.replace('_', ' and ')} grades, not kept", n) for s, n in counts["left_out"].items()]
    return lines


def warning_lines(counts: dict[str, Any]) -> list[tuple[str, str, int]]:
    """(id, words, rows) of the warnings that the file's one reason confirms."""
    return [(id, WARNINGS.get(id, ""), number) for id, number in counts["warnings"].items()]

"""What an invented person is made of: the records of `engine.simulate`, frozen."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from engine.simulated_grades import Examination
from engine.types import Precision

Story = Literal[
    "improves",
    "stays",
    "worsens",
    "pending_worse",
    "pending_better",
    "lost",
    "dies_of_ms",
    "dies_otherwise",
    "new",
    "no_course",
    "date_imprecise",
    "date_to_month",
    "no_baseline",
    "near_relapse",
    "no_followup",
    "one_visit",
    "too_short",
]


@dataclass(frozen=True)
class SimVisit:
    """One visit. `edss`: the score that counts; None when a system was left out. `examination` None: an old chart."""

    day: date
    edss: float | None
    examination: Examination | None
    precision: Precision = "day"
    visit_type: str = "scheduled"
    mode: str = "in_person"
    told: bool = False  # the walking was told, not seen
    steroids: bool = False
    own_value: str = ""  # why the rater's value stands beside the calculated one
    left_out: str = ""  # the system not done
    wrong: str = ""  # why the row was entered in error


@dataclass(frozen=True)
class SimRelapse:
    onset: date
    precision: Precision = "day"
    systems: tuple[str, ...] = ()
    severity: str = "moderate"
    recovery: str = "partial"
    steroid: str = "iv"
    hospital: bool = False


@dataclass(frozen=True)
class SimCourse:
    """Infusion days of one course; a planned one has none."""

    days: tuple[date, ...]
    precision: Precision = "day"
    state: str = "complete"
    planned: date | None = None


@dataclass(frozen=True)
class SimTreatment:
    drug: str
    start: date
    stop: date | None
    start_precision: Precision = "day"
    stop_reason: str = ""


@dataclass(frozen=True)
class SimPatient:
    """One invented person and everything recorded of them."""

    story: Story
    female: bool
    birth: date
    onset: date
    diagnosis: date
    birth_precision: Precision = "day"
    onset_precision: Precision = "day"
    death: date | None = None
    death_cause: str = ""
    death_precision: Precision = "day"
    phenotype: str = "RRMS"
    consent: tuple[tuple[str, date], ...] = ()
    visits: tuple[SimVisit, ...] = ()
    relapses: tuple[SimRelapse, ...] = ()
    courses: tuple[SimCourse, ...] = ()
    treatments: tuple[SimTreatment, ...] = ()

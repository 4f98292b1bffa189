"""The server's live answer: the calculated EDSS, why, and what a rater should confirm. Made from the engine alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.core.exceptions import ValidationError

from assessments.checks import Neighbours, calculate, days_since, findings, neighbours
from assessments.forms.assessment import AssessmentForm
from assessments.models import Assessment
from assessments.wording import WORDS, drivers_words
from engine.edss import SYSTEMS, Score
from engine.walking import SCHEMES

TICKED = {"W11", "W13", "W14"}  # circumstances, not doubts: one tick confirms them, with these words
TICK_WORDS = "Confirmed"
ROUND = [Decimal(step) for step in range(0, 11, 2)]


@dataclass(frozen=True)
class Warned:
    """One thing to confirm, with the reason typed so far."""

    id: str
    sentence: str
    ticked: bool
    reason: str
    error: str


@dataclass(frozen=True)
class Line:
    words: str
    note: str
    edss: Decimal


class Panel:
    """Everything the result shows of one form."""

    def __init__(self, form: AssessmentForm):
        self.form = form
        self.assessment = form.assessment()
        self.near: Neighbours = neighbours(self.assessment)
        self.score: Score | None = None
        try:
            self.score = calculate(self.assessment)
        except ValidationError:
            self.assessment.edss = self.assessment.edss_rater
        self.found = findings(self.assessment, self.score, self.near)

    @property
    def previous(self) -> Assessment | None:
        return self.near.previous

    @property
    def edss(self) -> Decimal | None:
        """The figure in large: the calculated one, else the rater's."""
        return self.assessment.edss_calculated if self.score else self.assessment.edss_rater

    @property
    def change(self) -> Decimal | None:
        """From last time to what would be saved."""
        before = self.previous.edss if self.previous else None
        return None if before is None or self.assessment.edss is None else self.assessment.edss - before

    @property
    def days_since_relapse(self) -> int | None:
        return days_since(self.assessment.day, self.near.relapses)

    @property
    def lines(self) -> Sequence[Line]:
        """Systems, walking, result: the engine's words, with the findings below them."""
        if not self.score:
            return ()
        raw = {system: grade for system, (grade, _) in self.assessment.grades.items()}
        drivers = drivers_words(self.score.drivers, raw, self.score.converted)
        notes = (f"{drivers}{'. ' if drivers else ''}Row {self.score.row}.", self._walked(), "")
        return [Line(words, note, edss) for (words, edss), note in zip(self.score.explain(), notes, strict=True)]

    def _walked(self) -> str:
        one = self.assessment
        if one.ambulation is None:
            return ""
        return f"{SCHEMES[one.ambulation_scheme].levels[one.ambulation].label}."

    @property
    def open_fields(self) -> list[str]:
        """What is still missing for a calculated EDSS, in the form's words."""
        missing = [WORDS[system].label for system in SYSTEMS if getattr(self.assessment, system) is None]
        return missing + ([] if self.assessment.ambulation is not None else ["Walking"])

    @property
    def warned(self) -> list[Warned]:
        values, errors = self.form.values, self.form.errors
        return [
            Warned(
                id=one.id,
                sentence=one.sentence,
                ticked=one.id in TICKED,
                reason=values.get(f"reason_{one.id}", ""),
                error=" ".join(map(str, errors.get(f"reason_{one.id}", ()))),
            )
            for one in self.found
        ]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Reasons typed for warnings that do not stand now: carried along, should they come back."""
        standing = {f"reason_{one.id}" for one in self.found}
        reasons = ((name, self.form.values.get(name, "")) for name in self.form.fields if name.startswith("reason_W"))
        return [(name, reason) for name, reason in reasons if reason and name not in standing]

    @property
    def to_confirm(self) -> int:
        """How many warnings have no reason yet."""
        confirmed = self.form.confirmed() if self.form.is_bound else {}
        return sum(not confirmed.get(one.id) for one in self.found)

    @property
    def scale(self) -> dict:
        """Geometry of the scale from 0 to 10, with last time and now; None where there is no figure."""
        before = self.previous.edss if self.previous else None
        now = self.edss
        ticks = [(place(Decimal(half) / 2), half % 2 == 0) for half in range(21) if half != 1]
        return {
            "ticks": ticks,
            "labels": [(place(step), step, step == now) for step in ROUND],
            "before": None if before is None else place(before),
            "now": None if now is None else place(now),
            "move": move(before, now),
            "then": self.previous.interval.words if self.previous else "",
            "far": before is not None and (now is None or abs(now - before) >= 2),  # room for both words
            "words": scale_words(before, now),
        }


def place(edss: Decimal) -> str:
    """Where a step stands on the drawing, 8 to 352 across."""
    return f"{8 + float(edss) * 34.4:.1f}"


def move(before: Decimal | None, now: Decimal | None) -> str:
    """The line between both marks, from edge to edge; nothing where they touch."""
    if before is None or now is None or before == now:
        return ""
    sign = 1 if now > before else -1
    return f"M{float(place(before)) + 5 * sign:.1f} 20H{float(place(now)) - 7 * sign:.1f}"


def scale_words(before: Decimal | None, now: Decimal | None) -> str:
    said = [f"{edss:.1f} {when}" for edss, when in ((before, "last time"), (now, "now")) if edss is not None]
    return f"{', '.join(said) or 'No figure yet'}, on a scale of 0 to 10"

"""What a save would change: the status as it is, and as it would be with one visit more. Stores nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assessments.models import Assessment
from engine.types import Visit
from outcomes.reading import read_rows
from outcomes.timeline import ANCHORS, Verdict, verdict
from outcomes.trajectory import Current, derive


@dataclass(frozen=True)
class Outlook:
    """One of the two verdicts, before and after."""

    before: Verdict
    after: Verdict

    @property
    def words(self) -> str:
        """Where it would stand beside where it stands."""
        anchor = self.after.anchor
        same = (self.before.status, self.before.certainty) == (self.after.status, self.after.certainty)
        if same:
            return f"{anchor}, as now."
        was = f"{self.before.status}, {self.before.certainty}" if self.before.certainty else self.before.status
        now = f", {self.after.certainty}" if self.after.certainty else ""
        return f"{anchor}{now}; was {was}."


def outlook(assessment: Assessment) -> list[Outlook]:
    """Both verdicts without and with this unsaved assessment, which replaces the stored row of the same id."""
    rows = read_rows([assessment.patient_id])[0]
    edss = None if assessment.edss is None else float(assessment.edss)
    added = Visit(assessment.interval, edss, assessment.pk)
    others = [visit for visit in rows.visits if assessment.pk is None or visit.ref != assessment.pk]
    visits = sorted([*others, added], key=lambda visit: visit.day)
    now, then = (Current(made.trajectory, stored=False) for made in derive([rows, replace(rows, visits=visits)]))
    return [Outlook(verdict(name, words, now), verdict(name, words, then)) for name, words in ANCHORS]


def said(outlooks: Sequence[Outlook]) -> list[Outlook]:
    """Those worth a line: what cannot have a status for want of a course is left out."""
    return [one for one in outlooks if one.after.reason != "no_course"]

"""A table under a mapping, compared with the registry: what would be written, and every row that stands in the way.

Nothing is written here. All the work that can be done before the database is locked is done here.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from django.core.exceptions import ValidationError

from assessments.checks import Neighbours, calculate
from assessments.models import Assessment, Relapse
from assessments.services import check_assessment, check_relapse
from outcomes.exchange.mapping import Mapping
from outcomes.exchange.reading import FileError, Table, shown
from outcomes.exchange.report import Listed, Report
from outcomes.exchange.rows import Parsed, as_assessment, check_columns, check_scheme, read_rows
from outcomes.exchange.stored import CLOSE_DAYS, Onsets, Stored, difference, read_stored
from outcomes.exchange.tables import CellError
from patients import access
from patients.models import Centre, Patient
from patients.services import check_patient


def import_centres(user) -> list[Centre]:
    """The centres in which this user may import."""
    return [centre for centre in Centre.objects.visible_to(user) if access.may(user, "import", centre.pk)]


def centre_of(mapping: Mapping, user) -> Centre:
    """The centre that the mapping names. Raises FileError for one that does not exist or is not the user's."""
    for centre in import_centres(user):
        if centre.name == mapping.centre:
            return centre
    raise FileError(f"There is no centre {shown(mapping.centre)} in which this account may import.")


def check(table: Table, mapping: Mapping, *, by) -> Report:
    """The fate of every row. Raises FileError when the whole file is refused, PermissionDenied."""
    centre = centre_of(mapping, by)
    access.require(by, "import", [centre.pk])
    check_columns(table, mapping)
    fit = check_scheme(table, mapping)
    parsed, listed = read_rows(table, mapping)
    stored = read_stored(centre, sorted({row.number for row in parsed}))
    report = Report(table.name, table.sha256, len(table.rows), mapping, centre, listed, fit=fit)
    report.versions = stored.versions
    Checker(report, stored).run(parsed)
    report.listed.sort()
    return report


class Checker:
    """Fills a report, patient by patient."""

    def __init__(self, report: Report, stored: Stored) -> None:
        self.report, self.stored, self.mapping = report, stored, report.mapping

    def run(self, parsed: Iterable[Parsed]) -> None:
        by_patient: dict[str, list[Parsed]] = defaultdict(list)
        for row in parsed:
            if self.is_used(row):
                by_patient[row.number].append(row)
        for number, rows in by_patient.items():
            self.check_patient(number, sorted(rows, key=lambda row: (row.day, row.line)))
        self.report.left_out = {
            system: sum(system in row.values for rows in by_patient.values() for row in rows)
            for system in self.mapping.converted
        }
        listed = set(self.report.listed_lines)  # a row is counted once
        self.report.assessments = [one for one in self.report.assessments if one.import_row not in listed]
        self.report.already = [line for line in self.report.already if line not in listed]

    def stop(self, line: int, key: str, reason: str) -> None:
        self.report.listed.append(Listed(line, self.mapping.columns.get(key, ""), reason))

    def stop_all(self, line: int, error: ValidationError) -> None:
        """The refusals of a service, with the names of the file's columns."""
        names = {"edss_rater": "edss", "day": "date", "onset": "days_since_relapse", "rater_name": "rater"}
        found = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        for name, messages in found.items():
            for message in messages:
                self.stop(line, names.get(name, name.removesuffix("_mark")), message)

    def is_used(self, row: Parsed) -> bool:
        """Whether the row has an EDSS, or what the mapping says of rows without one."""
        if "edss" in row.values:
            return True
        rule, value = "rows_without_edss", self.mapping.rows_without_edss
        if value == "incomplete" and row.complete and not self.mapping.converted:
            rule, value = "complete_grades_without_edss", self.mapping.complete_grades_without_edss
            if not value:
                reason = f'No EDSS, but all grades are known: declare {rule} as "calculate" or "set_aside".'
                self.stop(row.line, "edss", reason)
        if value == "set_aside":
            self.report.set_aside.setdefault(rule, []).append(row.line)
        return value in ("incomplete", "calculate")

    def check_patient(self, number: str, rows: list[Parsed]) -> None:
        patient = self.patient_of(number, rows)
        if patient is None:
            return
        relapses = self.relapses_of(patient, rows)
        onsets = Onsets(relapse.interval for relapse in (*self.stored.onsets.get(patient.pk, ()), *relapses))
        visits = self.new_visits(patient, rows)
        previous = None
        for visit in sorted((*self.stored.visits.get(patient.pk, ()), *visits), key=lambda one: one.day):
            if visit.pk is None:
                self.check_visit(visit, Neighbours(previous, onsets.near(visit.day)))
            if visit.edss is not None:
                previous = visit

    def check_visit(self, visit: Assessment, near: Neighbours) -> None:
        line = visit.import_row
        assert line is not None  # every row of a file has its line
        try:
            if self.is_stored(visit, line):
                return
            check_assessment(visit, near, {}, all_because=self.mapping.confirm_because)
        except ValidationError as error:
            self.stop_all(line, error)
        else:
            self.report.assessments.append(visit)

    def is_stored(self, visit: Assessment, line: int) -> bool:
        """Whether the registry has this assessment already, or another one in its place, which is listed."""
        same_date = self.stored.on(visit.patient, visit.day, visit.day_precision)
        if not same_date:
            return False
        calculate(visit)
        differences = [difference(old, visit, self.mapping) for old in same_date]
        if "" in differences:
            self.report.already.append(line)
        elif visit.day_precision == "day":
            self.stop(line, "date", f"This patient has another assessment on this day: {differences[0]}.")
        else:
            return False
        return True

    # patients

    def patient_of(self, number: str, rows: list[Parsed]) -> Patient | None:
        """The registered patient, or a new one as the file describes it; None when its rows are listed instead."""
        said = self.said_of(rows)
        known = self.stored.patients.get(number)
        if known is not None:
            self.report.patients_known += 1
            for key, (line, value) in said.items():
                before = known.sex if key == "sex" else (known.birth, known.birth_precision)
                if value != before:
                    self.stop(line, key, "The registry says otherwise of this patient. Change it there or here.")
            return known
        if self.mapping.new_patients == "refuse":
            for row in rows:
                self.stop(row.line, "patient", f"{shown(number)} is not registered in {self.report.centre}.")
            return None
        _, sex = said.get("sex", (0, "unknown"))
        line, (birth, precision) = said.get("birth", (rows[0].line, (None, "day")))
        new = Patient(centre=self.report.centre, sex=sex, birth=birth, birth_precision=precision)
        try:
            if birth:
                check_patient(new)
        except ValidationError as error:
            self.stop_all(line, error)
        self.report.patients[number] = new
        return new

    def said_of(self, rows: list[Parsed]) -> dict[str, tuple[int, Any]]:
        """Sex and birth with the first line that gives them; a line that contradicts it is listed."""
        said: dict[str, tuple[int, Any]] = {}
        for row in sorted(rows, key=lambda row: row.line):
            for key in ("sex", "birth"):
                if key in row.values:
                    line, value = said.setdefault(key, (row.line, row.values[key]))
                    if value != row.values[key]:
                        self.stop(row.line, key, f"Line {line} says otherwise of this patient.")
        return said

    # relapses

    def relapses_of(self, patient: Patient, rows: list[Parsed]) -> list[Relapse]:
        """New relapses of one patient: one for each onset that the rows point to and the registry has not."""
        if self.mapping.relapses_from_days != "make":
            return []
        stored = {one.onset for one in self.stored.onsets.get(patient.pk, ()) if one.onset_precision == "day"}
        found: dict[Any, int] = {}
        for row in rows:
            if "days_since_relapse" in row.values:
                try:
                    found.setdefault(row.onset, row.line)
                except CellError as error:
                    self.stop(row.line, "days_since_relapse", str(error))
        new = []
        for onset, line in sorted(found.items()):
            relapse = Relapse(patient=patient, onset=onset)
            if onset in stored:
                self.report.relapses_already += 1
                continue
            try:
                check_relapse(relapse)
            except ValidationError as error:
                self.stop_all(line, error)
            new.append(relapse)
        days = sorted({*stored, *found})
        self.report.relapses_close += sum((b - a).days < CLOSE_DAYS for a, b in pairwise(days))
        self.report.relapses += new
        return new

    # assessments

    def new_visits(self, patient: Patient, rows: list[Parsed]) -> list[Assessment]:
        """The unsaved assessments of a patient; of two on one day the later line is listed."""
        made: list[Assessment] = []
        first: dict[Any, int] = {}
        for row in rows:
            key = (row.day,) if row.precision == "day" else (row.day, row.precision, repr(sorted(row.values.items())))
            if key in first:
                self.stop(row.line, "date", f"Line {first[key]} has the same patient and date.")
                continue
            first[key] = row.line
            made.append(as_assessment(row, patient, self.mapping))
        return made

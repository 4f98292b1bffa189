"""Rows are scored by outlines and remembered cells; a slow way, cell by cell through the engine, must say the same."""

import random
import re

import pytest

from engine.edss import (
    EDSS_STEPS,
    GRADE_MAX,
    POLICY_CHOICES,
    SYSTEMS,
    GradeError,
    Policies,
    PolicyError,
    ScoringError,
    parse_grade,
    score,
)
from engine.edss_checks import AssessmentFacts, warnings
from outcomes.exchange.grades import NEEDED, OPTIONAL, RATER, SCHEME, STEPS
from outcomes.exchange.row_scorer import RowScorer
from outcomes.exchange.scoring import _SOME_DAY, Plan, reading_for

SEED = 20261125
COLUMNS = (*NEEDED, *OPTIONAL)
JUNK = ["7", "x", "2.0", "9X", "not done", "-1", " 1", "=1", "é", "17", "16", "99", "100", "1" * 50, "NA", "1p", "6P"]
STEP_TEXTS = ["", *map(str, EDSS_STEPS), "3", "10"]


def plainly(row, policies=Policies(), scheme="neurostatus"):  # noqa: B008 - frozen
    """(calculated_edss, matched_row, contested, warnings), the columns at fault, and whether cells are missing."""
    values, faults = {}, {}
    for column, cell in row.items():
        if cell:
            try:
                values[column] = read(column, cell)
            except (GradeError, LookupError, ValueError):
                faults[column] = cell
    own = {name: values[name] for name in POLICY_CHOICES if name in values}
    try:
        policies = Policies.from_mapping(policies.as_mapping() | own)
    except PolicyError as error:
        faults[error.field] = row[error.field]
    grades = {system: values.get(system) for system in SYSTEMS}
    code, scheme = values.get("ambulation"), values.get(SCHEME, scheme)
    result = None
    try:
        result = score(grades, code, policies, scheme)
    except ScoringError as error:
        faults |= {problem.field: problem.message for problem in error.problems if row[problem.field]}
    if faults:
        return None, set(faults), False
    facts = AssessmentFacts(
        day=_SOME_DAY, grades=grades, ambulation=code, scheme=scheme, rater_assigned=values.get(RATER)
    )
    said = [f"{finding.id}: {finding.sentence}" for finding in warnings(facts, result)]
    if result is None:
        missing = ", ".join(column for column in NEEDED if not row[column])
        return ("", "", "", " | ".join([f"not scored, missing: {missing}", *said])), set(), True
    return (str(result.edss), str(result.row), " ".join(result.contested), " | ".join(said)), set(), False


def read(column, cell):
    if column in SYSTEMS:
        return parse_grade(cell)
    if column == "ambulation":
        if cell not in map(str, range(100)):
            raise ValueError(cell)
        return int(cell)
    return STEPS[cell] if column == RATER else cell


def drawn(draw, kind):
    grades = [f"{draw.randint(0, top)}{draw.choice(['', '', 'X', 'P'])}" for top in GRADE_MAX.values()]
    policies = [draw.choice(["", *choices]) for choices in POLICY_CHOICES.values()]
    scheme = draw.choice(["", "neurostatus", "legacy"])
    cells = [*grades, str(draw.randint(0, 13)), *policies, scheme, draw.choice(STEP_TEXTS)]
    if kind == "incomplete":
        cells[:8] = [draw.choice([cell, cell, ""]) for cell in cells[:8]]
    if kind == "faulty":
        cells = [draw.choice([cell] * 5 + ["", draw.choice(JUNK)]) for cell in cells]
    return tuple(cells)


@pytest.mark.parametrize(("kind", "situations"), [
    ("complete", {"", "W", "W contested"}),
    ("incomplete", {"", "W", "missing", "missing W"}),
    ("faulty", {"", "W", "missing", "missing W", "fault"}),
])  # fmt: skip
def test_a_row_gets_what_the_engine_says_of_its_cells(kind, situations):
    draw = random.Random(SEED)
    score_row = RowScorer(COLUMNS, Policies(), "neurostatus")
    seen = set()
    for cells in (drawn(draw, kind) for _ in range(1500)):
        scored = score_row(cells)
        added, faults, missing = plainly(dict(zip(COLUMNS, cells, strict=True)))

        assert ({column for column, _ in scored.faults}, scored.missing) == (faults, missing), cells
        if faults:
            said = " | ".join(f"error: {column}: {why}" for column, why in scored.faults)
            assert scored.cells == ("", "", "", said)
        else:
            assert scored.cells == added, cells
        words = [
            "fault" if faults else "",
            "missing" if missing else "",
            "W" if re.search(r"W\d", scored.cells[3]) else "",
        ]
        seen.add(" ".join([word for word in (*words, "contested" if scored.cells[2] else "") if word]))
    assert seen >= situations


def test_empty_cells_take_the_policies_and_scheme_of_the_command():
    draw = random.Random(SEED)
    policies = Policies("ignore", "4.0", "4.5", "2.0")
    columns = (*NEEDED, "four_with_twos", RATER)
    score_row = RowScorer(columns, policies, "legacy")
    for _ in range(1000):
        row = dict(zip(COLUMNS, drawn(draw, "complete"), strict=True))
        cells = {column: row[column] for column in columns}

        assert score_row(tuple(cells.values())).cells == plainly(cells, policies, "legacy")[0]


@pytest.mark.parametrize(("changed", "said"), [
    ({"sensory": "9"}, 'sensory: "9" is not a grade: 0 to 6, with X or P after it if marked, or empty.'),
    ({"brainstem": "6P"}, "brainstem: 6 is not between 0 and 5."),
    ({"ambulation": "1\u200b"}, 'ambulation: "1·" is no walking code: a whole number, or empty.'),
    ({"ambulation": "17"}, "ambulation: 17 is not between 0 and 16."),
    ({"ambulation": "14", SCHEME: "legacy"}, "ambulation: 14 is not between 0 and 13."),
    ({"ambulation": "99", SCHEME: "old"}, "ambulation_scheme: 'old' is not one of neurostatus, legacy."),
    ({RATER: "0.5"}, 'rater_assigned: "0.5" is not a step of the EDSS: 0, then 1.0 to 10.0 by 0.5, or empty.'),
    ({"four_with_twos": "5"}, 'four_with_twos: "5" is not one of 4.5, 4.0.'),
    ({"visual": "7", "ambulation": "17", RATER: "x", SCHEME: "", "cerebral": "6", "cerebral_grade1": "?"}, None),
])  # fmt: skip
def test_what_is_said_of_a_cell_that_cannot_be(changed, said):
    row = dict.fromkeys(NEEDED, "0") | dict.fromkeys(OPTIONAL, "") | changed

    scored = RowScorer(COLUMNS, Policies(), "neurostatus")(tuple(row.values()))

    if said:
        assert scored.cells[3] == f"error: {said}"
    else:  # first what cannot be read, then what cannot be
        order = ["visual", RATER, "cerebral_grade1", "cerebral", "ambulation"]
        assert [column for column, _ in scored.faults] == order


def test_rows_that_never_repeat_are_still_few_outlines():
    draw = random.Random(SEED)
    plan = Plan(Policies(), reading_for("neurostatus"))
    rows = {tuple(str(draw.randint(0, top)) for top in (*GRADE_MAX.values(), 16)) for _ in range(12_000)}

    for row in rows:
        plan.complete(row)

    assert len(rows) > 11_900
    assert len(plan.known) <= 5_678

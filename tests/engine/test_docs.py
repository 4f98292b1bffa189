"""The documents against the code: every example of docs/engine.md is run, every table of numbers compared."""

import re
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from engine import lemtrada, relapses, status
from engine.change import edss_area
from engine.edss import (
    CONVERSIONS,
    GRADE_MAX,
    POLICY_CHOICES,
    ROWS,
    SYSTEMS,
    Grade,
    GradeError,
    Policies,
    ScoringError,
    counted_grade,
    parse_grade,
    score,
    score_many,
)
from engine.edss_checks import AssessmentFacts, warnings
from engine.logrank import logrank
from engine.rates import annualised_rate, rate_ratio
from engine.shares import wilson
from engine.status import REASONS, classify
from engine.survival import kaplan_meier
from engine.types import Interval
from engine.walking import SCHEMES, ambulation_code, best_ambulation

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "engine.md").read_text()
ADR = sorted((ROOT / "docs" / "adr").glob("*.md"))
PARTS = ("edss_tracker", "outcomes", "treatments", "assessments", "patients", "engine")
CODE = {
    path: path.read_text() for part in PARTS for path in (ROOT / part).rglob("*.py") if "migrations" not in path.parts
}


def blocks(name):
    """The boxes of one kind, each as its lines."""
    return [box.strip().splitlines() for box in re.findall(rf"^```{name}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)]


def lines(name):
    return [line for box in blocks(name) for line in box]


def section(title):
    """The text below a heading, up to the next one of any level."""
    [body] = re.findall(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    return body


def table(title):
    """The cells of the first table of a section, without its head, as plain text."""
    rows = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in rows[2:]]


# Scoring


def assessment(text):
    """ "0,0,3P,0,-,0,0 / 0, key value" to grades, code and the options."""
    grades, _, rest = text.partition(" / ")
    code, *options = rest.split(", ")
    read = {
        system: Grade(None, "not_done") if cell == "-" else parse_grade(cell)
        for system, cell in zip(SYSTEMS, grades.split(","), strict=True)
    }
    return read, int(code), dict(option.partition(" ")[::2] for option in options)


def calculated(grades, code, options):
    policies = {name: value for name, value in options.items() if name in POLICY_CHOICES}
    return score(grades, code, Policies.from_mapping(policies), options.get("scheme", "neurostatus"))


@pytest.mark.parametrize("line", lines("score"))
def test_an_example_of_scoring(line):
    given, expected = line.rsplit(" = ", 1)

    try:
        found = calculated(*assessment(given))
        said = f"{found.edss}, row {found.row}"
    except ScoringError as error:
        said = "none: " + ", ".join(problem.field for problem in error.problems)

    assert said == expected


def test_the_ranges_of_the_grades():
    assert table("Inputs") == [[system, f"0 to {top}"] for system, top in GRADE_MAX.items()]


def test_the_conversions():
    assert [row[:-1] for row in table("Conversion")] == [
        [system, *map(str, converted)] for system, converted in CONVERSIONS.items()
    ]


def test_the_table_of_steps_with_its_combinations():
    everything = np.array(list(product(*(range(top + 1) for top in GRADE_MAX.values()))), dtype=np.int16)
    rows = score_many(everything, np.zeros(len(everything), dtype=np.int16))[1]
    combinations = dict(zip(*(counted.tolist() for counted in np.unique(rows, return_counts=True)), strict=True))

    assert [row[:-1] for row in table("The table")] == [
        [
            str(row.number),
            row.text,
            f"{row.edss}{f', policy {row.policy}' if row.policy else ''}",
            f"{combinations[row.number]:,}",
        ]
        for row in ROWS
    ]


@pytest.mark.parametrize(
    ("scheme", "title"),
    [("neurostatus", "Scheme `neurostatus`, codes 0 to 16"), ("legacy", "Scheme `legacy`, codes 0 to 13")],
)
def test_the_walking_codes(scheme, title):
    assert table(title) == [
        [
            str(level.code),
            level.label,
            f"{'' if level.fixed else 'at least '}{level.edss}{f', policy {level.policy}' if level.policy else ''}",
        ]
        for level in SCHEMES[scheme].levels
    ]


def test_the_policies():
    assert [row[:3] for row in table("Where sources differ")] == [
        [name, *choices] for name, choices in POLICY_CHOICES.items()
    ]


def walk(text):
    """One way of walking, like "one_side 40", "wheelchair help", "bed helpless" or "unrestricted", in the engine."""
    word, _, more = text.partition(" ")
    if word in ("unrestricted", "ms_death"):
        return ambulation_code(None, None, **{word: True})
    if word == "wheelchair":
        return ambulation_code(None, word, wheelchair_help=True if more else None)
    if word == "bed":
        return ambulation_code(None, word, in_bed=more or None)
    return ambulation_code(int(more), word)


@pytest.mark.parametrize("line", lines("walking"))
def test_an_example_of_walking(line):
    given, expected = line.split(" = ")

    found = best_ambulation(map(walk, given.split(", ")))

    assert " or ".join(map(str, found.candidates)) == expected
    assert (found.code is None) == (" or " in expected)


@pytest.mark.parametrize("line", lines("grades"))
def test_an_example_of_a_mark(line):
    given, expected = line.split(" = ")

    try:
        grade = parse_grade(given)
        said = f"{' '.join(filter(None, (str(grade.value), grade.mark)))}, counts {counted_grade(grade)}"
    except GradeError:
        said = "refused"

    assert said == expected


# Warnings


def facts(text, day):
    grades, code, options = assessment(text)
    known = {}
    if "distance" in options:
        known = {"distance_m": int(options["distance"]), "aid": "none"}
    if "findings" in options:
        system, finding = options["findings"].split()
        known["subscores"] = {system: {"one": int(finding)}}
    found = AssessmentFacts(
        day=day,
        grades=grades,
        ambulation=code,
        edss_counts=Decimal(options["edss"]) if "edss" in options else None,
        rater_assigned=Decimal(options["rater"]) if "rater" in options else None,
        days_since_relapse=int(options["relapse"]) if "relapse" in options else None,
        steroids_last_30_days="steroids" in options or None,
        mode=options.get("mode"),
        **known,
    )
    return found, calculated(grades, code, options)


@pytest.mark.parametrize("line", lines("warnings"))
def test_an_example_of_a_warning(line):
    expected, text = line.split(": ")
    now, _, before = text.partition(" after ")
    current, result = facts(now, date(2026, 9, 8))
    previous = facts(before, date(2026, 3, 3))[0] if before else None

    fired = " ".join(finding.id for finding in warnings(current, result, previous))

    assert (fired or "none") == expected


def test_every_warning_is_described_and_has_an_example():
    described = [row[0] for row in table("Warnings")]

    assert described == [f"W{number}" for number in range(1, 15)]
    assert set(described) <= {word for line in lines("warnings") for word in line.split(": ")[0].split()}


# Status


def known(text):
    """2019-03-05, 2019-03 or 2019."""
    precision = ("year", "month", "day")[text.count("-")]
    return Interval.of(date.fromisoformat((text + "-01-01")[:10]), precision)


def said(verdict):
    parts = [verdict.status + (f" since {verdict.since}" if verdict.since else "")]
    if verdict.pending:
        until = verdict.pending.confirmable_from
        pending = f"pending {verdict.pending.direction} since {verdict.pending.since}"
        parts += [verdict.certainty, pending + (f" confirmable from {until}" if until else "")]
    else:
        parts.append(verdict.reason or verdict.certainty)
    if verdict.baseline:
        parts.append(f"baseline {verdict.baseline.edss:.1f} on {verdict.baseline.day}")
    flags = [flag for flag in verdict.flags if flag != "not_seen_lately"]
    if flags:
        parts.append(f"flags {' '.join(flags)}")
    return ", ".join(parts)


@pytest.mark.parametrize("box", blocks("status"), ids=lambda box: box[-1])
def test_an_example_of_a_status(box):
    given, expected = {}, {}
    for line in box:
        if ": " in line:
            expected |= [line.split(": ", 1)]
        else:
            word, rest = re.fullmatch(r"(as of|\w+) (.*)", line).groups()
            given.setdefault(word, []).append(rest)
    visits = [(known(day), float(edss)) for day, edss in map(str.split, given["visit"])]
    [as_of] = given["as of"]
    death = next(map(known, given.get("death", ())), None)

    found = classify(
        visits,
        map(known, given.get("relapse", ())),
        map(known, given.get("course", ())),
        death,
        date.fromisoformat(as_of),
    )

    actual = {
        "since Lemtrada": said(found.since_lemtrada),
        "overall": said(found.overall),
        "years": ", ".join(f"{year} {label or '-'}" for year, label in found.landmarks.items()),
        "not seen lately from": str(found.unseen_from),
    }
    assert expected
    assert {key: actual[key] for key in expected} == expected


def test_the_numbers_of_the_status_rule():
    numbers = {name: value for name, value, _ in table("Status")}

    assert numbers == {name: str(getattr(status, name)) for name in numbers}
    public = {name for name, value in vars(status).items() if name.isupper() and type(value) in (int, float)}
    assert set(numbers) == {name for name in public if not name.startswith("_")}
    assert f"`{status.RULE_NAME}`" in section("Status")


def test_the_numbers_of_lemtrada_as_given():
    numbers = {name: value for name, value, *_ in table("Lemtrada as given")}

    assert numbers == {name: str(value) for name, value in vars(lemtrada).items() if name.isupper()}


def test_the_reasons_in_their_order():
    assert [row[0] for row in table("Insufficient, and why")] == list(REASONS)


def test_the_flags():
    flags = {row[0] for row in table("Flags")}
    visits = [(date(2016, 3, 10) + timedelta(days=200 * n), 3.0) for n in range(3)]

    seen = set(classify(visits, [], [date(2016, 3, 1)], date(2020, 1, 1), date(2021, 1, 1)).since_lemtrada.flags)

    assert seen == flags


# Cohorts


@pytest.mark.parametrize("line", lines("wilson"))
def test_an_example_of_an_interval(line):
    count, total, low, high = re.fullmatch(r"(\d+) of (\d+) = (\S+) to (\S+)", line).groups()

    assert [f"{end:.4f}" for end in wilson(int(count), int(total))] == [low, high]


def times(text):
    """ "6 6+" to days and events; + is censored."""
    words = text.split()
    return [int(word.rstrip("+")) for word in words], [not word.endswith("+") for word in words]


@pytest.mark.parametrize("box", blocks("survival"))
def test_an_example_of_a_survival_curve(box):
    given, *expected = box
    found = kaplan_meier(*times(given))

    def said(line):
        if line.startswith("at "):
            here = found.at(int(re.findall(r"\d+", line)[0]))
            if here is None:
                return "not known"
            return f"{here.survival:.4f}, {here.low:.4f} to {here.high:.4f}, at risk {here.at_risk}"
        if line.startswith("median"):
            medians = (found.median_days, found.median_low_days, found.median_high_days)
            return "{}, {} to {}".format(*("not reached" if day is None else f"{day:.0f}" for day in medians))
        test = logrank([times(given), times(line.removeprefix("log-rank against ").split(":")[0])])
        return f"{test.statistic:.3f}, p {test.p_value:.5f}"

    assert [said(line) for line in expected] == [re.split("^median |: ", line)[-1] for line in expected]


@pytest.mark.parametrize("line", lines("rates"))
def test_an_example_of_a_rate(line):
    given, expected = line.split(" = ")
    periods = [(int(count), float(years)) for count, years in re.findall(r"(\d+) in (\S+) years", given)]

    found = annualised_rate(*periods[0]) if len(periods) == 1 else rate_ratio(*periods)

    assert "{:.4f}, {:.4f} to {:.4f}".format(*found) == expected


@pytest.mark.parametrize("line", lines("area"))
def test_an_example_of_an_area(line):
    given, expected = line.split(" = ")
    days, edss = zip(*(visit.split() for visit in given.split(", ")), strict=True)

    found = edss_area([date.fromisoformat(day).toordinal() for day in days], [float(value) for value in edss])

    assert f"{found.area[0]:.3f}, mean {found.mean[0]:.3f}, change {found.mean_change[0]:.3f}" == expected


def test_the_numbers_of_the_relapse_rule():
    numbers = {name: value for name, value, *_ in table("Relapse rates")}

    assert numbers == {name: str(value) for name, value in vars(relapses).items() if name.isupper()}


# The documents themselves


def test_every_section_that_code_names_exists():
    headings = set(re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE))
    named = {title for text in CODE.values() for title in re.findall(r'docs/engine\.md,\s+"([^"]+)"', text)}

    assert named
    assert named <= headings


def test_every_box_is_read():
    kinds = Counter(re.findall(r"^```(\w+)$", TEXT, re.MULTILINE))

    assert set(kinds) == {
        "score", "walking", "grades", "warnings", "status", "events", "presets", "wilson", "survival", "rates", "area",
    }  # fmt: skip


@pytest.mark.parametrize(
    "path", [ROOT / "docs" / "engine.md", ROOT / "docs" / "glossary.md", *ADR], ids=lambda path: path.name
)
def test_links_and_named_files_exist(path):
    text = path.read_text()
    links = {path.parent / link.split("#")[0] for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link}
    files = {ROOT / name for name in re.findall(r"`((?:\w+/)+[\w.-]+\.\w+)`", text)}

    assert [str(one) for one in links | files if not one.exists()] == []


def anchor(heading):
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_links_inside_the_page_lead_somewhere():
    headings = {anchor(heading) for heading in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)}

    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= headings


def test_every_name_of_the_glossary_is_in_the_code():
    words = set(re.findall(r"`([^`]+)`", (ROOT / "docs" / "glossary.md").read_text()))
    everything = "\n".join(CODE.values())
    missing = [word for word in words if "/" not in word and not re.search(rf"\b{re.escape(word)}\b", everything)]

    assert missing == []


def test_decisions_are_numbered_and_have_their_four_parts():
    assert [path.name[:4] for path in ADR] == [f"{number:04}" for number in range(1, len(ADR) + 1)]
    for path in ADR:
        text = path.read_text()
        assert text.startswith(f"# {path.name[:4]} "), path.name
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
            "Context",
            "Choice",
            "Consequences",
            "Roads not taken",
        ], path.name


def test_the_example_of_events_since_lemtrada():
    from engine.history import histories

    visits = [
        (date(2016, 3, 1), 3.5), (date(2016, 9, 5), 3.0), (date(2017, 3, 10), 2.5), (date(2017, 9, 12), 2.5),
        (date(2018, 3, 13), 2.0), (date(2018, 9, 11), 4.5),
    ]  # fmt: skip
    [history] = histories([classify(visits, [], [date(2016, 3, 1)], None, date(2019, 1, 1))])
    [event], [change] = history.events, history.unconfirmed
    said = " ".join(section("Events since Lemtrada").split())

    assert f"one improvement, onset {event.date}, confirmed on {event.confirmed['182']}" in said
    assert f"({(event.confirmed['182'] - event.date).days} days)" in said
    assert change.reason == "no_later_visit"
    assert (
        f"the worsening of {change.date} has no later visit and is confirmable from {change.confirmable_from}" in said
    )

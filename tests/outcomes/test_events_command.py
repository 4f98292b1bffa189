"""`edss-tracker events`: the events of any table of visits, for a data manager at a terminal."""

import csv
import errno
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest

import engine
from edss_tracker.cli import main
from engine.preset_events import preset_events
from engine.presets import PRESETS
from engine.progression import Definition, detect
from engine.types import Interval
from outcomes.exchange import writing

GOLDEN = Path(__file__).parents[1] / "golden" / "disability-events-vectors.json"
CASES = [case for case in json.loads(GOLDEN.read_text())["cases"] if case["visits"]]

VISITS = """\
patient,date,edss
A,2015-01-01,5.0
A,2016-03-01,3.5
A,2016-09-05,3.0
A,2017-03-10,2.5
A,2017-09-12,2.5
A,2018-03-13,2.0
A,2018-09-11,4.5
A,2018-12-11,4.5
A,2019-03-19,5.0
B,2018-01-10,2.0
B,2018-07-11,3.0
B,2018-10-10,3.0
"""
INFUSIONS = "patient,date\nA,2016-03-01\nA,2017-04-01\n"
RELAPSES = "patient,date\nA,2018-08-25\n"


@pytest.fixture
def given(tmp_path, monkeypatch, capsys):
    """Writes files, runs the command beside them, and gives its exit code, output and lines of complaint."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **files):
        for name, content in ({"visits": VISITS} | files).items():
            path = tmp_path / (name if "." in name else f"{name}.csv")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        code = main(["events", "visits.csv", *arguments])
        out, err = capsys.readouterr()
        return code, out, err.splitlines()

    return run


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def refused(result):
    """The complaints of a run that wrote nothing."""
    code, out, err = result
    assert (code, out) == (2, "")
    assert not any("Traceback" in line for line in err)
    return [line.removeprefix("edss-tracker events: ") for line in err]


# The result


def by_options():
    groups = {}
    for case in CASES:
        groups.setdefault(json.dumps(case["options"], sort_keys=True), []).append(case)
    return groups.items()


def as_files(cases):
    visits = ["patient,date,edss,may_confirm"]
    relapses = ["patient,date"]
    for case in cases:
        for day, edss, *may in case["visits"]:
            flag = "" if not may else str(int(may[0]))
            visits.append(f"{case['id']},{day},{'' if edss is None else edss},{flag}")
        relapses += [f"{case['id']},{day}" for day in case["relapses"]]
    return {"visits": "\n".join(visits) + "\n", "relapses": "\n".join(relapses) + "\n"}


def directly(case, definition):
    visits = [(date.fromisoformat(day[:10]), *rest) for day, *rest in case["visits"]]
    return detect(visits, map(date.fromisoformat, case["relapses"]), definition)


def test_every_case_of_the_engine_comes_out_of_a_file_as_the_engine_has_it(given):
    compared = 0
    for options, cases in by_options():
        definition = Definition.from_mapping(json.loads(options))

        code, out, _ = given(
            "--relapses", "relapses.csv", "--definition", "own.json", "--format", "json",
            **as_files(cases), **{"own.json": options},
        )  # fmt: skip

        assert code == 0
        found = {one["patient"]: one for one in json.loads(out)["patients"]}
        for case in cases:
            expected, one = directly(case, definition).as_mapping(), found[case["id"]]
            numbers = [event.pop("number") for event in one["events"]]
            assert numbers == list(range(1, len(numbers) + 1))
            for field in ("events", "unconfirmed", "total_followup_days"):
                assert one[field] == expected[field], (case["id"], field)
            assert one["content_hashes"] == [expected["content_hash"]], case["id"]
            compared += 1

    assert compared == len(CASES) >= 390


def test_the_columns_are_the_fields_of_the_engine(given):
    cases = CASES[:200]
    options = {"event": "multiple", "baseline": "roving", "RAW_PIRA": True, "conf_days": [84, 168]}
    _, out, _ = given(
        "--relapses", "relapses.csv", "--definition", "own.json", "--output", "out.csv",
        **as_files(cases), **{"own.json": json.dumps(options)},
    )  # fmt: skip
    expected = []
    for case in cases:
        result = directly(case, Definition.from_mapping(options))
        total = "" if result.total_followup_days is None else str(result.total_followup_days)
        for event in result.events:
            row = {"patient": case["id"], "number": str(event.number), "total_followup_days": total}
            for field, value in event.as_mapping().items():
                if field in ("confirmed", "pira_confirmed"):
                    row |= {f"{field}_{days}": day or "" for days, day in value.items()}
                else:
                    row[field] = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
            row |= {f"pira_confirmed_{days}": row.get(f"pira_confirmed_{days}", "") for days in (84, 168)}
            expected.append(row)
        if not result.events:
            expected.append({"patient": case["id"], "number": "", "total_followup_days": total})

    assert out == ""
    found = rows(Path("out.csv").read_text())
    assert [row if row["number"] else {key: row[key] for key in expected[0] if key in
            ("patient", "number", "total_followup_days")} for row in found] == expected  # fmt: skip
    assert list(found[0]) == [
        "patient", "number", "type", "cdw_type", "date", "value", "baseline_date", "baseline_value", "last_delta_date",
        "last_delta_value", "days_from_start", "days_from_baseline", "sustained_days", "sustained_to_last",
        "confirmed_84", "confirmed_168", "pira_confirmed_84", "pira_confirmed_168", "total_followup_days",
    ]  # fmt: skip


def test_the_documentation_names_every_column(given):
    """docs/events.md; the days of confirmation depend on the definition."""
    page = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
    described = set(re.findall(r"`([a-z_0-9]+)`", "".join(re.findall(r"^\| (`.*?) \|", page, re.M))))
    found = set()
    for preset in PRESETS:
        _, out, _ = given("--relapses", "relapses.csv", "--preset", preset, *(
            ("--infusions", "infusions.csv") if PRESETS[preset].anchor != "none" else ()
        ), relapses=RELAPSES, infusions=INFUSIONS)  # fmt: skip
        found |= {re.sub(r"[\d.]+$", "84", name) for name in rows(out)[0]}

    assert found | {"date", "edss"} == described - {"may_confirm", "end"} | {"edss"}


def test_people_without_an_event_are_left_out_when_the_definition_says_so(given):
    arguments = ("--no-relapses", "--definition", "own.json")

    _, with_them, _ = given(*arguments, **{"own.json": '{"steps": "opera", "conf_days": 3000}'})
    _, without, _ = given(*arguments, **{"own.json": '{"conf_days": 3000, "include_stable": false}'})

    assert [(row["patient"], row["type"], row["total_followup_days"]) for row in rows(with_them)] == [
        ("A", "", "1538"),
        ("B", "", "273"),
    ]
    assert rows(without) == []


# Lemtrada


def test_with_first_infusions_the_default_is_the_rule_of_the_application(given):
    code, out, err = given(
        "--no-relapses", "--infusions", "infusions.csv", "--unconfirmed", "waiting.csv", infusions=INFUSIONS
    )

    assert (code, err) == (0, [])
    short = [
        tuple(row[key] for key in ("patient", "number", "type", "date", "baseline_date", "reason")) for row in rows(out)
    ]
    assert short == [
        ("A", "1", "CDI", "2017-03-10", "2016-03-01", ""),
        ("A", "2", "CDW", "2018-09-11", "2016-03-01", ""),
        ("B", "", "", "", "", "no_course"),
    ]
    assert Path("waiting.csv").read_text().count("\n") == 1


def test_the_anchor_heeds_relapses_and_dates_known_to_the_month(given):
    files = {"visits": VISITS + "B,2018-03-01,2.0\n", "infusions": "patient,date\nB,2018-07-20\n"}
    usual = given("--no-relapses", "--infusions", "infusions.csv", **files)
    moved = given("--relapses", "relapses.csv", "--infusions", "infusions.csv", **files,
                  relapses="patient,date\nB,2018-06\n")  # fmt: skip
    imprecise = given("--no-relapses", "--infusions", "infusions.csv", infusions="patient,date\nA,2016\nB,2018-02\n")

    assert [rows(result[1])[1]["total_followup_days"] for result in (usual, moved)] == ["91", "223"]
    assert [row["reason"] for row in rows(imprecise[1])] == ["course_date_imprecise", ""]


def test_changes_that_wait_are_written_with_the_day_that_could_confirm_them(given):
    given("--no-relapses", "--infusions", "infusions.csv", "--unconfirmed", "waiting.csv", "--output", "out.csv",
          infusions=INFUSIONS, visits=VISITS.replace("A,2019-03-19,5.0\n", ""))  # fmt: skip

    [first, second] = rows(Path("waiting.csv").read_text())
    assert first == {
        "patient": "A", "direction": "worsening", "date": "2018-09-11", "value": "4.5", "baseline_date": "2016-03-01",
        "baseline_value": "3.5", "reason": "no_visit_in_window", "at": "", "confirmable_from": "2019-02-26",
    }  # fmt: skip
    assert second["confirmable_from"] == "2019-05-28"


def test_of_two_results_none_is_left_when_one_cannot_be_written(given, monkeypatch):
    def full(spool):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writing, "copy_to_output", full)
    result = given("--no-relapses", "--preset", "msbase", "--unconfirmed", "waiting.csv")

    assert refused(result) == ["output: No space left on device."]
    assert [path.name for path in Path().iterdir()] == ["visits.csv"]


# Relapses


def test_without_a_relapse_table_a_worsening_is_not_classified(given):
    options = {"own.json": '{"RAW_PIRA": true, "event": "multiple"}'}

    def types(*arguments):
        _, out, _ = given(*arguments, "--definition", "own.json", relapses=RELAPSES, **options)
        return {row["cdw_type"] for row in rows(out) if row["type"] == "CDW"}

    assert types() == {"not classifiable"}
    assert types("--no-relapses") == {"PIRA"}
    assert "No relapses were given" in given("--definition", "own.json", **options)[2][0]
    assert given("--definition", "own.json", "--no-relapses", **options)[2] == []
    assert "as in pymsprog nobody" in given("--preset", "msprog_default")[2][0]


def test_many_patients_have_what_each_of_them_has_alone(given):
    """The whole-cohort way against the one-patient way, over drawn histories with dates known to the month."""
    draw = Random(7)
    histories = {f"P{number}": drawn(draw) for number in range(300)}
    as_text = {0: str, 1: lambda day: str(day)[:7]}
    files = {name: ["patient,date"] for name in ("relapses", "infusions")} | {"visits": ["patient,date,edss"]}
    for patient, (visits, relapses, infusions) in histories.items():
        files["visits"] += [f"{patient},{day},{edss}" for day, edss in visits]
        files["relapses"] += [f"{patient},{as_text[month](day)}" for day, month in relapses]
        files["infusions"] += [f"{patient},{as_text[month](day)}" for day, month in infusions]

    _, out, _ = given("--relapses", "relapses.csv", "--infusions", "infusions.csv", "--format", "json",
                      **{name: "\n".join(lines) + "\n" for name, lines in files.items()})  # fmt: skip

    reasons = Counter()
    for one in json.loads(out)["patients"]:
        visits, *days = histories[one["patient"]]
        relapses, infusions = ([Interval.of(day, "month" if month else "day") for day, month in kind] for kind in days)
        expected = preset_events(visits, relapses, infusions, PRESETS["carems_6m"]).as_mapping()
        for event in one["events"]:
            del event["number"]
        assert [one[key] for key in ("reason", "events", "unconfirmed")] == [
            expected[key] for key in ("reason", "events", "unconfirmed")
        ]
        assert not one["content_hashes"] or expected["reason"] or one["content_hashes"] == expected["content_hashes"]
        reasons[one["reason"] or ("events" if one["events"] else "none")] += 1
    assert set(reasons) == {
        "events", "none", "no_course", "no_baseline", "baseline_near_relapse", "course_date_imprecise",
    }  # fmt: skip


def drawn(draw):
    """Visits, and relapses and first infusions as (day, whether known to the month only)."""
    day, visits = date(2015, 1, 1), []
    for _ in range(draw.randrange(1, 12)):
        day += timedelta(draw.randrange(20, 200))
        visits.append((day, draw.choice([1.5, 2.0, 2.0, 3.0, 3.0, 4.0])))

    def some(most, months):
        days = (date(2015, 1, 1) + timedelta(draw.randrange(1000)) for _ in range(draw.randrange(most)))
        return [(day, draw.random() < months) for day in days]

    return visits, some(6, 0.5), some(3, 0.3)


# JSON and words


def test_json_says_the_rule_once_and_everything_else_for_each_patient(given):
    code, out, _ = given("--preset", "msbase", "--format", "json", "--relapses", "relapses.csv", relapses=RELAPSES,
                         visits=VISITS + "B,2018-10-10,3.5\nB,,2\n")  # fmt: skip

    found = json.loads(out)
    assert (code, found["engine_version"], found["preset"]) == (0, engine.VERSION, "msbase")
    assert found["relapses"] == "of a table"
    [rule] = found["definitions"]
    definition = PRESETS["msbase"].definition
    assert Definition.from_mapping(rule["definition"]) == definition
    assert (rule["sentence"], rule["content_hash"]) == (definition.sentence, definition.content_hash)
    b = found["patients"][1]
    assert b["findings"] == [
        "visits.csv: Line 13 is not used: another row of the same day comes later and is used.",
        "visits.csv: Line 15 has no date.",
    ]
    assert (b["events"][0]["type"], b["events"][0]["confirmed"]) == ("CDW", {"90.75": "2018-10-10"})


def test_the_evidence_of_one_patient_in_words(given):
    code, out, _ = given("--relapses", "relapses.csv", "--infusions", "infusions.csv", "--explain", "A",
                         infusions=INFUSIONS, relapses="patient,date\nA,2018-08-25\nA,2019-02-25\n",
                         visits=VISITS + "A,2019-03-20,3.3\n")  # fmt: skip

    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "Patient A"
    assert lines[1] == f"Rule: {PRESETS['carems_6m'].sentences[0]}"
    assert lines[4:18] == [
        "Visits and relapses:",
        "  2015-01-01  EDSS 5.0   line 2      before the baseline: not used",
        "  2016-03-01  first infusion of a course",
        "  2016-03-01  EDSS 3.5   line 3      baseline",
        "  2016-09-05  EDSS 3.0   line 4      nothing that counts",
        "  2017-03-10  EDSS 2.5   line 5      onset of the improvement",
        "  2017-04-01  first infusion of a course",
        "  2017-09-12  EDSS 2.5   line 6      confirms the improvement (182 days)",
        "  2018-03-13  EDSS 2.0   line 7      held the improvement",
        "  2018-08-25  relapse",
        "  2018-09-11  EDSS 4.5   line 8      worsening, not confirmed; ended the improvement",
        "  2018-12-11  EDSS 4.5   line 9      worsening, not confirmed",
        "  2019-02-25  relapse",
        "  2019-03-19  EDSS 5.0   line 10     too near a relapse to confirm the worsening of 11 Sep 2018; "
        "worsening, not confirmed",
    ]
    assert lines[19:21] == [
        "Events: 1",
        "  1. Improvement: 2.5 on 10 Mar 2017, from 3.5 on 1 Mar 2016; confirmed on 12 Sep 2017 (182 days), held for "
        "368 days.",
    ]
    assert lines[21] == "Not confirmed: 3"
    assert lines[22].startswith(
        "  Worsening to 4.5 on 11 Sep 2018, from 3.5: not confirmed, because the visit that could"
    )
    assert lines[-1] == "  visits.csv: Line 14 is not a step of the scale (0.0, 1.0, 1.5 to 10.0)."


def test_the_evidence_names_a_broken_run_and_a_visit_that_is_no_baseline(given):
    visits = (
        "patient,date,edss\nC,2018-01-10,2.0\nC,2018-02-20,2.5\nC,2018-08-20,3.5\nC,2018-09-20,2.5\nC,2018-12-20,2.5\n"
    )
    _, out, _ = given("--relapses", "relapses.csv", "--preset", "msprog_default", "--explain", "C", visits=visits,
                      relapses="patient,date\nC,2018-01-02\n")  # fmt: skip

    said = [line.split("  ")[-1].strip() for line in out.splitlines() if "EDSS" in line]
    assert said == [
        "too near a relapse to be the baseline",
        "baseline",
        "worsening, not confirmed",
        "broke the run of the worsening of 20 Aug 2018",
        "nothing that counts",
    ]


def test_the_evidence_tells_what_a_search_for_one_kind_went_past(given):
    """Specification, worked example 4: the relapse makes it RAW, and it moves the baseline."""
    visits = "patient,date,edss\n" + "".join(
        f"1,{day},{edss}\n"
        for day, edss in (("2018-01-10", 2), ("2018-07-11", 4), ("2018-10-10", 4), ("2019-01-15", 4))
    )
    _, out, _ = given("--relapses", "relapses.csv", "--preset", "pira_2023", "--explain", "1", visits=visits,
                      relapses="patient,date\n1,2018-06-21\n")  # fmt: skip

    lines = out.splitlines()
    assert [line.split("  ")[-1].strip() for line in lines if "EDSS" in line and line.startswith("  2")] == [
        "baseline",
        "onset of the worsening",
        "confirms the worsening (84 days)",
        "confirms the worsening (168 days)",
    ]
    assert lines[-4] == "Events: none"
    assert lines[-3] == "Confirmed before, but not what is looked for: 1"
    assert lines[-2].startswith("  Worsening, relapse-associated: 4.0 on 11 Jul 2018, from 2.0 on 10 Jan 2018")
    assert lines[-1] == "Not confirmed: none"


NOT_PAST = {
    "the second of a kind, where two kinds are looked for": (
        "carems_6m", "2016-03-01 2,2016-09-05 3,2017-03-10 3,2017-09-12 2,2018-03-13 3,2018-10-11 3,2019-10-11 3", None,
    ),
    "what lies where the baseline moved by a relapse": (
        "pira_2025", "2015-05-01 3,2015-12-07 5,2016-12-16 5,2017-05-15 5", "2015-11-25",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_PAST)
def test_the_evidence_tells_of_nothing_that_the_search_did_not_go_past(given, name):
    preset, visits, relapse = NOT_PAST[name]
    table = "patient,date,edss\n" + "".join(f"A,{visit.replace(' ', ',')}\n" for visit in visits.split(","))
    relapses = ("--relapses", "relapses.csv") if relapse else ("--no-relapses",)
    infusions = ("--infusions", "infusions.csv") if PRESETS[preset].anchor != "none" else ()
    _, out, _ = given(*relapses, *infusions, "--preset", preset, "--explain", "A", visits=table,
                      relapses=f"patient,date\nA,{relapse}\n", infusions=INFUSIONS)  # fmt: skip

    assert "Confirmed before" not in out


def test_the_evidence_tells_a_visit_on_the_other_side(given):
    """D8 of docs/peers.md: with own_direction an improvement on the way holds no worsening."""
    visits = "patient,date,edss\n" + "".join(
        f"1,{day},{edss}\n"
        for day, edss in (("2015-01-05", 4), ("2015-04-15", 5), ("2015-06-04", 3), ("2015-08-01", 5))
    )
    rule = '{"check_intermediate": false, "own_direction": true}'
    _, out, _ = given(
        "--no-relapses", "--definition", "own.json", "--explain", "1", visits=visits, **{"own.json": rule}
    )

    assert "2015-06-04  EDSS 3.0   line 4      did not hold the worsening; it was not asked" in out


def test_the_evidence_where_there_is_no_anchor(given):
    _, out, _ = given("--no-relapses", "--infusions", "infusions.csv", "--explain", "B", infusions=INFUSIONS)

    assert out.splitlines()[-1] == "No result: No Lemtrada course is on record as begun."


# Rows that are not used


def test_a_row_that_cannot_be_used_is_named_and_stops_nothing(given):
    code, out, err = given(
        "--relapses", "relapses.csv", "--preset", "pira_2023",
        visits=VISITS + "B,2018-11-10,3.2\n,2018-11-11,3.0\nB,,3.0\nB,2018-12,3.0\nB,2018-12-30,\nD,2018-01-01,\n",
        relapses=RELAPSES + "E,2018-01-01\nA,\n",
    )  # fmt: skip

    assert code == 0
    assert [row["patient"] for row in rows(out)] == ["A", "B", "D"]
    assert err[:5] == [
        "visits.csv: Line 14 is not a step of the scale (0.0, 1.0, 1.5 to 10.0).",
        "visits.csv: Line 15 has no patient.",
        "visits.csv: Line 16 has no date.",
        "visits.csv: Line 17 is not used: its date is not known to the day (Dec 2018).",
        "visits.csv: Patient D has no usable visit.",
    ]
    assert err[5:] == [
        "relapses.csv: Line 3 is not used: the patient has no row among the visits.",
        "relapses.csv: Line 4 has no date.",
    ]


# How the file is written


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_separator_byte_order_mark_and_line_ends_change_nothing(given, mark, encoding):
    expected = given("--no-relapses", "--preset", "pira_2023")

    other = VISITS.replace(",", mark).replace("\n", "\r\n").encode(encoding)

    assert given("--no-relapses", "--preset", "pira_2023", visits=other) == expected


def test_other_names_of_columns_another_order_of_dates_and_decimal_commas(given):
    expected = given("--relapses", "relapses.csv", "--preset", "pira_2023", relapses=RELAPSES)
    lines = [line.split(",") for line in VISITS.splitlines()[1:]]
    turned = [f"x;{edss.replace('.', ',')};{'.'.join(day.split('-')[::-1])};{name}" for name, day, edss in lines]

    other = given(
        "--relapses", "relapses.csv", "--preset", "pira_2023", "--patient-column", "ID", "--date-column", "visit day",
        "--edss-column", "score", "--relapse-patient-column", "who", "--relapse-date-column", "onset",
        "--date-order", "dmy", visits="\n".join(["note;Score;visit day;id", *turned]),
        relapses="onset,who\n25/08/2018,A\n",
    )  # fmt: skip

    assert other == expected


def test_a_visit_that_may_not_confirm_does_not(given):
    visits = VISITS.replace("edss\n", "edss,scheduled\n").replace("0\n", "0,yes\n").replace("5\n", "5,yes\n")
    arguments = ("--no-relapses", "--preset", "msprog_default")

    named = given(
        *arguments,
        "--may-confirm-column",
        "scheduled",
        visits=visits.replace("2018-10-10,3.0,yes", "2018-10-10,3.0,no"),
    )

    assert [row["type"] for row in rows(named[1])] == ["", ""]
    assert [row["type"] for row in rows(given(*arguments, visits=visits)[1])] == ["", "CDW"]
    assert 'There is no column "scheduled"' in refused(given(*arguments, "--may-confirm-column", "scheduled"))[0]


def test_the_end_of_a_relapse_counts_where_the_definition_says_so(given):
    """Specification, section 4: RAW if the onset lies between a relapse's onset and end."""
    visits = "patient,date,edss\n1,2018-01-10,2\n1,2018-07-11,3\n1,2018-10-20,3\n1,2019-01-15,3\n"
    ended = "patient,date,end\n1,2018-03-01,2018-07-20\n"

    def label(relapses, *arguments, ends="true"):
        rule = f'{{"RAW_PIRA": true, "relapse_end": {ends}}}'
        code, out, _ = given("--relapses", "relapses.csv", "--definition", "own.json", *arguments,
                             visits=visits, relapses=relapses, **{"own.json": rule})  # fmt: skip
        assert code == 0
        return rows(out)[0]["cdw_type"]

    assert label(ended) == "RAW"
    assert label(ended, ends="false") == "PIRA"
    assert label(ended.replace("2018-07-20", "2018-07")) == "RAW"  # the last day of it counts
    assert label(ended.replace("2018-07-20", "2018-07-10")) == "PIRA"
    assert label(ended.replace(",end", ",over"), "--relapse-end-column", "over") == "RAW"
    assert label(ended.replace("2018-07-20", "full recovery"), ends="false") == "PIRA"  # another column of theirs


@pytest.mark.parametrize(("order", "text", "day"), [
    ("dmy", "25.08.2018 00:00", "2018-08-25"), ("dmy", "2018-08-25", "2018-08-25"),
    ("mdy", "8/25/2018 1:05:09 PM", "2018-08-25"), ("iso", "2018-08-25T10:00:00", "2018-08-25"),
])  # fmt: skip
def test_a_date_is_read_with_a_time_of_the_day_and_iso_in_any_order(given, order, text, day):
    visits = f"patient,date,edss\nA,{text},2\n"
    code, out, _ = given("--no-relapses", "--preset", "msbase", "--date-order", order, "--explain", "A", visits=visits)

    assert code == 0
    assert f"  {day}  EDSS 2.0" in out


@pytest.mark.parametrize(
    "text", ["01.06.2018 - 01.12.2018", "01.06.2018 ???", "01.12.2018 not 2018", "1.2.18", "32.1.2018"]
)
def test_text_behind_a_date_is_no_time_of_the_day(given, text):
    [said] = refused(given("--no-relapses", "--preset", "msbase", "--date-order", "dmy",
                           visits=f"patient,date,edss\nA,{text},2\n"))  # fmt: skip

    assert "is not a date such as 31.12.2019" in said


@pytest.mark.parametrize(("order", "month", "year"), [("dmy", "08.2018", "2018"), ("mdy", "8/2018", "2018")])
def test_a_relapse_known_to_the_month_or_year_is_one_in_any_order(given, order, month, year):
    for text, words in ((month, "1 Aug 2018 and 31 Aug 2018"), (year, "1 Jan 2018 and 31 Dec 2018")):
        _, out, _ = given("--relapses", "relapses.csv", "--preset", "msbase", "--explain", "A", "--date-order", order,
                          relapses=f"patient,date\nA,{text}\n")  # fmt: skip
        assert f"relapse, between {words}" in out


def test_what_may_be_a_slip_is_said_and_used(given):
    visits = VISITS + "NA,2018-01-10,2.0\nC,2018-01-10,10\nC,2018-07-11,3.0\n"
    code, _, said = given("--no-relapses", "--preset", "msbase", visits=visits)

    assert code == 0
    assert (
        'edss-tracker events: Patient "NA" is taken for a person: leave the cell empty where nobody is known.' in said
    )
    assert "visits.csv: Line 15 is used: EDSS 10, and visits follow it." in said
    _, out, _ = given("--no-relapses", "--preset", "msbase", "--explain", "C", visits=visits)
    assert out.splitlines()[-2:] == [
        "To be checked:",
        "  visits.csv: Line 15 is used: EDSS 10, and visits follow it.",
    ]


def test_a_name_that_a_spreadsheet_would_run_is_made_harmless(given):
    _, out, _ = given("--no-relapses", "--preset", "msprog_default", visits="patient,date,edss\n=1+1,2018-01-10,2\n")

    assert [row["patient"] for row in rows(out)] == ["'=1+1"]


# Refusals


@pytest.mark.parametrize(
    ("visits", "sentence"),
    [
        ("", "visits.csv: Line 1: The file is empty, or its first line is. The first line must name the columns."),
        ("patient,day,edss\nA,2018-01-10,2\n", 'visits.csv: Line 1: There is no column "date".'),
        ("patient,date,EDSS,edss\n", 'visits.csv: Line 1: Columns 3 and 4 have the same name, "edss".'),
        ("patient,date,edss\nA,2018-02-30,2\n", 'visits.csv: Line 2, date: "2018-02-30" is not a date such as'),
        ("patient,date,edss\nA,10.01.2018,2\n", 'visits.csv: Line 2, date: "10.01.2018" is not a date such'),
        ("patient,date,edss\nA,43110,2\n", 'visits.csv: Line 2, date: "43110" is not a date such as 20'),
        ("patient,date,edss\nA,2018/01/10,2\n", 'visits.csv: Line 2, date: "2018/01/10" is not a date such'),
        ("patient;date;edss\nA;2018-01-10;NA\n", 'visits.csv: Line 2, edss: "NA" is not a number. Leave'),
        ('patient,date,edss\nA,2018-01-10,"2,5"\n', 'visits.csv: Line 2, edss: "2,5" is not a number. Write 2.5.'),
        ("patient,date,edss\nA,0218-01-10,2\n", 'visits.csv: Line 2, date: "0218-01-10" is not between 1900 and 2199.'),
        ("patient,date,edss\nA,2018-01-10,two\n", 'visits.csv: Line 2, edss: "two" is not a number.'),
        (f"patient,date,edss\nA,2018-01-10,{'9' * 400}\n", 'visits.csv: Line 2, edss: "999'),
        ("patient,date,edss\nA,2018-01-10,nan\n", 'visits.csv: Line 2, edss: "nan" is not a number. Leave'),
        ("patient,date,edss,may_confirm\nA,2018-01-10,2,maybe\n", 'visits.csv: Line 2, may_confirm: "maybe" is'),
        ("patient,date,edss\nA,2018-01-10\n", "visits.csv: Line 2: The row has 2 cells, the header 3."),
        ('patient,date,edss\nA,2018-01-10,2\n"B,2018-01-10,2\n', "visits.csv: Line 3: A quote"),
        ("patient,date,edss\n\nA,2018-01-10,2\n", "visits.csv: Line 2: The line is empty, and rows follow it."),
        (b"patient,date,edss\nA,2018-01-10,2\n\xff\xfe,2018-01-10,2\n", "visits.csv: Line 3: This is not UTF-8."),
        (b"patient,date,edss\nA\x00,2018-01-10,2\n", "visits.csv: Line 2: There is a NUL byte."),
        ("A", "visits.csv: Line 1: There is one column only"),
        (b"patient,date,edss\rA,2018-01-10,2\r", "visits.csv: Line 1: The lines end as on an old Mac (CR alone)."),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_read_is_refused_with_the_line(given, visits, sentence):
    [said] = refused(given("--no-relapses", "--preset", "msbase", "--output", "out.csv", visits=visits))

    assert said.startswith(sentence)
    assert not Path("out.csv").exists()


@pytest.mark.parametrize(("cells", "advice"), [
    ("A,10.01.2018,2", "2019-12-31. Say --date-order dmy, or mdy for month before day."),
    ("A,43110,2", "It looks like a day counted by Excel: format the column as a date, and save the file again."),
    ("A,2018/1/9,2", "2019-12-31. Write 2018-01-09."),
    ("A,12.2018,2", "2019-12-31. Say --date-order dmy, or mdy for month before day."),
    ("A,n/a,2", "2019-12-31. Leave the cell empty where there is none."),
    ("A,2018-01-10,NA", "number. Leave the cell empty where nothing was scored."),
    ('A,2018-01-10,"2,5"', "number. Write 2.5."),
])  # fmt: skip
def test_what_is_wrong_is_said_with_what_to_do(given, cells, advice):
    [said] = refused(given("--no-relapses", "--preset", "msbase", visits=f"patient,date,edss\n{cells}\n"))

    assert said.endswith(advice)


def test_all_faults_of_all_files_are_listed_up_to_a_limit(given):
    wrong = "".join(f"A,2018-13-{day:02},x\n" for day in range(1, 13))

    said = refused(given("--relapses", "relapses.csv", "--preset", "msbase", visits="patient,date,edss\n" + wrong,
                         relapses="patient,date\nA,soon\n"))  # fmt: skip

    assert len(said) == 21
    assert said[12] == 'visits.csv: Line 2, edss: "x" is not a number.'
    assert said[-1] == "... and 5 more."


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say which rule counts: --definition FILE, or --preset with one of carems_6m, carems_3m, msbase,"),
        (["--preset", "carems_3m"], "carems_3m counts from the visit before Lemtrada: give the first infusion days"),
        (["--preset", "msbase", "--infusions", "visits.csv"], "--infusions goes with carems_6m or carems_3m"),
        (["--definition", "own.json", "--infusions", "visits.csv"], "--infusions goes with carems_6m or carems_3m"),
        (["--preset", "msbase", "--relapses", "none.csv"], "none.csv: No such file or directory."),
        (["--preset", "msbase", "--relapses", "."], ".: Is a directory."),
        (["--preset", "msbase", "--explain", "Z"], 'There is no patient "Z" in the table of visits.'),
        (["--preset", "msbase", "--output", "visits.csv"], "visits.csv is read: write somewhere else."),
        (["--preset", "msbase", "--output", "link.csv"], "link.csv is read: write somewhere else."),
        (["--definition", "good.json", "--output", "good.json"], "good.json is read: write somewhere else."),
        (["--preset", "pira_2023"], "pira_2023 looks for worsening by its relation to relapses, and none were given"),
        (["--preset", "msbase", "--relapses", "strangers.csv"],
         'strangers.csv: None of its patients is in the table of visits: "01" here, "A" there.'),
        (["--definition", "ends.json", "--relapses", "relapses.csv"],
         "relapses.csv: The definition counts a relapse until its end"),
        (["--definition", "ends.json", "--relapses", "ended.csv"], "ended.csv: Line 2, end: The relapse ends before"),
        (["--preset", "msbase", "--relapses", "relapses.csv", "--relapse-end-column", "last"], "relapses.csv: Line 1: "
         'There is no column "last".'),
        (["--preset", "msbase", "--output", "no/out.csv"], "no/out.csv: there is no folder no."),
        (["--preset", "msbase", "--output", "a", "--unconfirmed", "a"], "--output and --unconfirmed name the same"),
        (["--definition", "none.json"], "none.json: No such file or directory."),
        (["--definition", "own.json"], "own.json: conf_day: there is no such option; do you mean conf_days?"),
        (["--definition", "broken.json"], "broken.json: Line 2: this is no JSON"),
        (["--definition", "list.json"], "list.json: a definition is one JSON object of options."),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_said_in_one_sentence(given, arguments, sentence):
    files = {"own.json": '{"conf_day": 3}', "broken.json": '{\n"event" 1}', "list.json": "[]", "good.json": "{}"}
    files |= {"ends.json": '{"RAW_PIRA": true, "relapse_end": true}', "relapses.csv": RELAPSES}
    files |= {
        "strangers.csv": "patient,date\n01,2018-08-25\n",
        "ended.csv": "patient,date,end\nA,2018-08-25,2018-08-01\n",
    }
    Path("visits.csv").write_text(VISITS)
    Path("link.csv").hardlink_to("visits.csv")

    said = refused(given(*arguments, **files))

    assert said[-1].startswith(sentence), said
    assert not said[-1].endswith("?.")
    assert Path("visits.csv").read_text() == VISITS


def test_a_wrong_definition_is_refused_whatever_is_wrong(given):
    for wrong in ('{"conf_days": 1' + "0" * 400 + "}", "[" * 100_000, '{"a\\nb": 1}',
                  '{"conf_days": "long"}', '{"conf_days": [[1]]}', '{"steps": 3}', '{"event": []}', '{"event": {}}',
                  '{"relapse_indep": {"prec": 1, "event": 2, "conf": 3}}', '{"conf_tol_days": {"x": 1}}'):  # fmt: skip
        [said] = refused(given("--definition", "own.json", "--no-relapses", **{"own.json": wrong}))
        assert said.startswith("own.json: ")


@pytest.mark.parametrize("days", ["91.310625", "1000000", "84.12345678"])
def test_a_number_of_days_stands_in_the_header_as_it_is(given, days):
    arguments = ("--no-relapses", "--definition", "own.json", "--output", "out.csv")
    code, _, _ = given(*arguments, **{"own.json": f'{{"conf_days": [84, {days}], "event": "multiple"}}'})

    assert code == 0
    assert f"confirmed_{days}" in rows(Path("out.csv").read_text())[0]


# The terminal


def test_help_is_for_a_data_manager_and_lists_the_presets(capsys):
    with pytest.raises(SystemExit) as left:
        main(["events", "--help"])

    out = capsys.readouterr().out
    assert left.value.code == 0
    assert "examples:" in out
    assert max(map(len, out.splitlines())) <= 120
    words = " ".join(out.split())
    for name, preset in PRESETS.items():
        assert f"{name}: {preset.title}" in words
        for sentence in preset.sentences:
            assert sentence in words


def command(*arguments):
    return [sys.executable, "-m", "edss_tracker.cli", "events", *arguments]


def test_json_says_what_was_known_of_relapses(given):
    def known(*arguments):
        return json.loads(given("--format", "json", *arguments)[1])["relapses"]

    assert known("--preset", "msbase") == "never asked for"
    assert known("--preset", "msbase", "--no-relapses") == "nobody had one"
    assert known("--preset", "msprog_default") == "nobody had one"  # as in pymsprog


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_end_nothing(tmp_path, closed):
    (tmp_path / "visits.csv").write_text(VISITS)
    words = [*command("visits.csv", "--preset", "msbase", "--no-relapses", "--output", "out.csv")]

    done = subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", *words], cwd=tmp_path, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out.csv").read_text().startswith('"patient",')


def test_no_database_is_needed_and_a_reader_that_leaves_early_is_no_error(tmp_path):
    big = "patient,date,edss\n" + "".join(f"P{n},2018-01-10,2.0\n" for n in range(20_000))
    (tmp_path / "visits.csv").write_text(big)
    process = subprocess.Popen(
        command(str(tmp_path / "visits.csv"), "--no-relapses", "--preset", "msbase"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"DATABASE_URL": "nonsense://"},
    )  # fmt: skip
    process.stdout.read(10)
    process.stdout.close()

    assert process.stderr.read() == b""
    assert process.wait(60) == 141


def test_a_bar_is_drawn_on_a_terminal_only(tmp_path):
    lines = (f"P{n // 15},{2000 + n % 15}-01-10,2.0\n" for n in range(300_000))
    (tmp_path / "visits.csv").write_text("patient,date,edss\n" + "".join(lines))
    files = (str(tmp_path / name) for name in ("visits.csv", "out.csv"))
    arguments = command(next(files), "--no-relapses", "--preset", "msprog_default", "--output", next(files))
    master, slave = pty.openpty()
    subprocess.run(arguments, stderr=slave, check=True)
    os.close(slave)
    drawn = os.read(master, 100_000)
    os.close(master)

    assert b"[####" in drawn
    assert drawn.endswith(b"\r")
    assert subprocess.run(arguments, capture_output=True, check=True).stderr == b""

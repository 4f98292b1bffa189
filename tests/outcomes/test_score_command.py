"""`edss-tracker score`: a table of grades in, the same table with the EDSS out. No database is touched."""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edss_tracker import cli
from outcomes.exchange.grades import NEEDED
from outcomes.exchange.row_scorer import ADDED

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "golden" / "edss-scoring-vectors.csv"
HEADER = ",".join(NEEDED)
ZERO = "0,0,0,0,0,0,0,0"
BRANCH_ROWS = {"two_plus_4": 2, "one_4_with_2": 5, "one_4_alone": 6, "six_seven_3": 7, "five_3": 8, "one_3_alone": 14,
               "two_3_with_2": 10, "five_2": 16, "two_2": 18, "one_2": 19, "many_1": 20, "one_1": 21}  # fmt: skip


@pytest.fixture
def table(tmp_path):
    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def scored(path, *options):
    """The rows of the output, by column."""
    target = path.with_name("scored.csv")
    assert cli.main(["score", str(path), "--output", str(target), *options]) == 0
    text = target.read_bytes().decode("utf-8-sig")
    return list(
        csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if text.startswith('"') and '";"' in text else ",")
    )


def refused(path, capfd, *options):
    """What is said on standard error when nothing is written."""
    assert cli.main(["score", str(path), *options]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err.replace("edss-tracker score: ", "").splitlines()


def test_every_published_vector_comes_out_as_expected(tmp_path, table):
    rows = scored(table(VECTORS.read_bytes()))

    assert len(rows) == 1046
    assert [row["calculated_edss"] for row in rows] == [row["expected_edss"] for row in rows]
    expected = {
        (place, number)
        for place, row in enumerate(rows)
        for branch, number in BRANCH_ROWS.items()
        if row["branch"] in (f"amb0_{branch}", f"floor4.5_over_{branch}", f"amb1_{branch}", f"amb2_{branch}")
    }
    assert len(expected) > 300
    assert {(place, int(rows[place]["matched_row"])) for place, _ in expected} == expected
    assert {row["contested"] for row in rows} == {""}  # the vectors leave out the cells on which sources differ


def test_contested_cells_follow_the_policy_of_the_row_or_of_the_command(table):
    text = f"{HEADER},four_with_twos\n0,0,4,2,1,0,0,1,\n0,0,4,2,1,0,0,1,4.0\n0,0,0,0,0,0,1,0,\n"

    first, second, third = scored(table(text), "--cerebral-grade1", "ignore")

    assert (first["calculated_edss"], first["matched_row"], first["contested"]) == ("4.5", "5", "four_with_twos")
    assert (second["calculated_edss"], second["contested"]) == ("4.0", "four_with_twos")
    assert (third["calculated_edss"], third["contested"]) == ("0.0", "cerebral_grade1")
    assert "W13: Sources differ" in first["warnings"]


def test_walking_codes_are_read_by_the_scheme_of_the_row_or_of_the_command(table):
    text = f"{HEADER},ambulation_scheme\n0,0,2,0,0,0,0,12,\n0,0,2,0,0,0,0,12,neurostatus\n"

    rows = scored(table(text), "--scheme", "legacy")

    assert [row["calculated_edss"] for row in rows] == ["9.5", "8.0"]


def test_the_raters_value_is_compared_and_marks_are_read(table):
    rows = scored(table(f"{HEADER},rater_assigned\n0,0,3P,2X,0,0,0,0,3.5\n"))

    assert rows[0]["calculated_edss"] == "2.0"
    assert rows[0]["warnings"] == "W1: Your value 3.5 differs from the calculated 2.0."


def test_an_empty_cell_is_not_known_and_never_zero(table):
    rows = scored(table(f"{HEADER}\n,0,0,0,0,0,1,0\n0,0,0,0,0,0,0,\n"))

    assert [row["calculated_edss"] for row in rows] == ["", ""]
    assert [row["warnings"] for row in rows] == ["not scored, missing: visual", "not scored, missing: ambulation"]


BAD = f"{HEADER}\n{ZERO}\n0,6,0,0,0,0,0,0\n0,0,2.0,0,0,0,0,17\n"


def test_cells_that_cannot_be_are_named_and_nothing_is_written(table, tmp_path, capfd):
    target = tmp_path / "out.csv"
    target.write_text("before")

    said = refused(table(BAD), capfd, "--output", str(target))

    assert said[0] == "Line 3, brainstem: 6 is not between 0 and 5."
    assert said[1].startswith('Line 4, pyramidal: "2.0" is not a grade')
    assert said[2] == "Line 4, ambulation: 17 is not between 0 and 16."
    assert said[3].startswith("Nothing was written.")
    assert (target.read_text(), sorted(os.listdir(tmp_path))) == ("before", ["out.csv", "table.csv"])


def test_to_standard_output_nothing_is_written_either(table, capfd):
    refused(table(BAD), capfd)


def test_the_first_twenty_are_named_and_the_rest_counted(table, capfd):
    said = refused(table(f"{HEADER}\n" + "9,0,0,0,0,0,0,x\n" * 30), capfd)

    assert len(said) == 22
    assert said[20] == "... and 40 more such cells, in 30 rows in all."


def test_keep_going_keeps_the_row_with_the_error(table):
    rows = scored(table(BAD), "--keep-going")

    assert [row["calculated_edss"] for row in rows] == ["0.0", "", ""]
    assert rows[1]["warnings"] == "error: brainstem: 6 is not between 0 and 5."
    assert rows[2]["pyramidal"] == "2.0"


def test_a_policy_or_scheme_that_does_not_exist_is_named(table, capfd):
    text = f"{HEADER},cerebral_grade1,ambulation_scheme\n{ZERO},maybe,\n{ZERO},,old\n"

    first, second, *_ = refused(table(text), capfd)

    assert first == 'Line 2, cerebral_grade1: "maybe" is not one of count, ignore.'
    assert second.startswith("Line 3, ambulation_scheme: 'old' is not one of")


ROWS = f"{HEADER}\n{ZERO}\n".encode()


@pytest.mark.parametrize(("content", "words"), [
    (b"", "Line 1: The file is empty"),
    (b"visual,brainstem\n0,0\n", "The columns are missing: pyramidal,"),
    (ROWS.replace(b"visual", b"Visual"), 'missing: visual. There is "Visual": write it in small letters'),
    (ROWS.replace(b"\n", b", Ambulation_Scheme\n", 1), 'There is " Ambulation_Scheme", almost the name'),
    (ROWS.replace(b"\n", b",rater_assigned \n", 1), 'There is "rater_assigned ", almost the name of'),
    (ROWS.replace(b"ambulation", b"ambulation,ambulation"), "Several columns have the name ambulation"),
    (ROWS.replace(b"ambulation", b"ambulation,warnings"), "There is a column warnings already"),
    (ROWS + b"0,0,0\n", "Line 3: The row has 3 cells, the header 8."),
    (ROWS + b"\n" + ZERO.encode(), "Line 3: The line is empty, and rows follow it."),
    (ROWS + b'"0,0,0\n' + b"0,0\n" * 9, "Line 3: A quote"),
    (ROWS + b'"0"1,0,0\n', "Line 3: Text follows a closing quote"),
    (ROWS + b"0,0\x00,0\n", "Line 3: There is a NUL byte"),
    (ROWS + "é".encode("latin-1"), "Line 3: This is not UTF-8"),
    (ROWS.decode().encode("utf-16"), "Line 1: "),
    (ROWS + b"0" * 1_000_001, "Line 3: The line has more than"),
])  # fmt: skip
def test_a_file_that_cannot_be_read_is_one_line_with_its_number(table, capfd, content, words):
    for options in ([], ["--keep-going"]):
        [said] = refused(table(content), capfd, *options)
        assert words in said


def test_what_cannot_be_opened_or_written_is_one_line(table, tmp_path, capfd):
    path = table(ROWS)
    os.link(path, tmp_path / "same.csv")

    assert "No such file" in refused(tmp_path / "none.csv", capfd)[0]
    assert "Is a directory" in refused(tmp_path, capfd)[0]
    assert "is the input" in refused(path, capfd, "--output", str(path))[0]
    assert "is the input" in refused(path, capfd, "--output", str(tmp_path / "same.csv"))[0]
    assert "no ordinary file" in refused(path, capfd, "--output", "/dev/null")[0]
    assert "There is no folder" in refused(path, capfd, "--output", str(tmp_path / "no" / "x.csv"))[0]
    assert path.read_bytes() == ROWS


def test_other_columns_a_byte_order_mark_and_semicolons_come_through(table, tmp_path):
    path = table(f'\ufeff;{HEADER.replace(",", ";")};note\r\n1;{ZERO.replace(",", ";")};"a; ""b""\nc é "\r\n')

    [row] = scored(path)

    assert (row[""], row["note"], row["calculated_edss"]) == ("1", 'a; "b"\nc é ', "0.0")
    assert (tmp_path / "scored.csv").read_bytes().startswith(b'\xef\xbb\xbf"";"visual";')


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-cmd", "@x", " =1", "\u200b=1", "＝1", "﹢1", "\tx", "\rx", "-1+2"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(table, text):
    quoted = f'"{text}"'

    [row] = scored(table(f"{HEADER},{quoted}\n{ZERO},{quoted}\n"))

    assert row["'" + text] == "'" + text


@pytest.mark.parametrize("text", ["", "-1.5", "+3", "-1,5", "1e-5", "a=1", " x", "2019-03-05", "é", "'=1", "(-)"])
def test_every_other_cell_is_as_it_was(table, text):
    [row] = scored(table(f'{HEADER},other\n{ZERO},"{text}"\n'))

    assert row["other"] == text


def test_it_needs_no_database_reads_a_pipe_and_bears_a_reader_that_leaves(tmp_path):
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
    command = [sys.executable, "-m", "edss_tracker.cli", "score", "-"]
    whole = subprocess.run(command, input=ROWS, capture_output=True, cwd=ROOT, env=environment, check=True)

    header, row = whole.stdout.decode().splitlines()
    assert header.endswith(",".join(f'"{name}"' for name in ADDED))
    assert row.endswith('"0.0","22","",""')
    assert whole.stderr.count(b"\n") == 1  # the summary: no bar where nobody looks

    (tmp_path / "long.csv").write_bytes(ROWS + f"{ZERO}\n".encode() * 50_000)
    command = f"{sys.executable} -m edss_tracker.cli score {tmp_path / 'long.csv'} | head -n 1"
    early = subprocess.run(command, shell=True, capture_output=True, cwd=ROOT, env=environment, check=True)
    assert early.stderr == b""


def test_a_terminal_gets_a_bar(tmp_path):
    reading, terminal = os.openpty()
    (tmp_path / "long.csv").write_bytes(ROWS + f"{ZERO}\n".encode() * 400_000)
    command = [sys.executable, "-m", "edss_tracker.cli", "score", str(tmp_path / "long.csv")]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=terminal, cwd=ROOT, check=True)

    said = os.read(reading, 100_000).decode()
    os.close(terminal)
    os.close(reading)

    assert "%" in said.split("rows")[0]
    assert "400,001 of 400,001 rows scored" in said.splitlines()[-1]


def test_memory_does_not_grow_with_the_file(tmp_path):
    code = "import sys,resource; from edss_tracker import cli; cli.main(sys.argv[1:]); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"  # noqa: E501
    sizes = []
    for rows in (10_000, 200_000):
        (tmp_path / "long.csv").write_bytes(ROWS + f"{ZERO}\n".encode() * rows)
        command = [sys.executable, "-c", code, "score", str(tmp_path / "long.csv"), "--output", str(tmp_path / "out")]
        sizes.append(int(subprocess.run(command, capture_output=True, cwd=ROOT, check=True, text=True).stdout))

    assert sizes[1] < sizes[0] * 1.1


def test_the_help_shows_an_example_and_names_every_column(capsys):
    with pytest.raises(SystemExit):
        cli.main(["score", "--help"])

    said = capsys.readouterr().out
    assert "edss-tracker score grades.csv --output scored.csv" in said
    assert all(name in said for name in (*NEEDED, *ADDED))

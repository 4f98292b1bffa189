"""`edss-tracker import assessments`: what a data manager sees at a terminal."""

import argparse

import pytest

from assessments.models import Assessment
from outcomes.exchange import command
from outcomes.models import Trajectory
from patients.models import Role
from tests.factories import make_user
from tests.outcomes.import_files import EXAMPLE, SAMPLE, toml

pytestmark = pytest.mark.django_db


def run(*arguments) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(["assessments", *map(str, arguments)]))


@pytest.fixture
def files(tmp_path):
    (tmp_path / "file.csv").write_text("patient,date,edss\na,2020-01-01,2.0\n")
    (tmp_path / "mapping.toml").write_bytes(toml())
    return tmp_path


def test_without_apply_nothing_is_written(admin, capsys):
    assert run(SAMPLE, "--mapping", EXAMPLE, "--by", admin.email) == 0

    said = capsys.readouterr().out
    assert "     798  Rows in the file" in said
    assert "     539  of these with the EDSS of the file" in said
    assert "in 231 of 232 rows by the legacy scheme" in said
    assert "Nothing was written; add --apply to write it." in said
    assert Assessment.objects.count() == 0


def test_apply_writes_and_computes_and_a_second_time_changes_nothing(admin, capsys):
    assert run(SAMPLE, "--mapping", EXAMPLE, "--by", admin.email.upper(), "--apply") == 0
    assert "40 trajectories computed." in capsys.readouterr().out
    assert (Assessment.objects.count(), Trajectory.objects.count()) == (798, 40)

    assert run(SAMPLE, "--mapping", EXAMPLE, "--by", admin.email, "--apply") == 0
    assert "Everything in this file is stored already. Nothing was changed." in capsys.readouterr().out


def test_listed_rows_are_printed_the_first_fifty_or_all(admin, files, capsys):
    (files / "file.csv").write_text("patient,date,edss\n" + 'a,2020-01-01,"2,0"\n' * 60)
    where = (files / "file.csv", "--mapping", files / "mapping.toml", "--by", admin.email, "--apply")

    assert run(*where) == 2
    said = capsys.readouterr().out
    assert 'Line 2, edss: "2,0" has a decimal comma. Write a point: 2.0.' in said
    assert "... and 10 more" in said
    assert "Nothing was written: every listed row must be corrected" in said

    assert run(*where, "--all-lines") == 2
    assert "Line 61, edss" in capsys.readouterr().out


@pytest.mark.parametrize(("file", "mapping", "by", "words"), [
    ("none.csv", "mapping.toml", "admin@example.org", "No such file"),
    ("file.csv", "none.toml", "admin@example.org", "No such file"),
    ("file.csv", "", "admin@example.org", "Is a directory"),
    ("file.csv", "file.csv", "admin@example.org", "not TOML"),
    ("mapping.toml", "mapping.toml", "admin@example.org", "mapping.toml: Line 1"),
    ("file.csv", "mapping.toml", "nobody@example.org", "no active account nobody@example.org"),
    ("file.csv", "mapping.toml", "clinician@example.org", "in which this account may import"),
    ("file.csv", "mapping.toml", "elsewhere@example.org", "in which this account may import"),
])  # fmt: skip
def test_a_refusal_is_one_sentence(admin, clinician, other_centre, files, capsys, file, mapping, by, words):
    make_user("elsewhere", centre=other_centre, role=Role.ADMIN)

    assert run(files / file, "--mapping", files / mapping, "--by", by, "--apply") == 2

    assert words in capsys.readouterr().err
    assert Assessment.objects.count() == 0

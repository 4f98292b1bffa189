"""`edss-tracker export`: the same file for the operator, with the same lines in the access log."""

import json
import stat

import pytest

from edss_tracker.cli import main
from outcomes.exchange import dictionary
from patients.models import AccessEvent
from tests.outcomes.exports import consenting, rows_of, treated

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(centre, clinician):
    return [consenting(centre, clinician), treated(centre, clinician)]


def test_a_file_by_its_suffix_and_two_events_of_nobody(people, tmp_path, capsys):
    assert main(["export", str(tmp_path / "a.csv"), "--reason", "yearly report"]) == 0
    assert main(["export", str(tmp_path / "a.json"), "--reason", "yearly report", "--courses", "1"]) == 0

    assert [row["patient"] for row in rows_of((tmp_path / "a.csv").read_bytes())] == [one.code for one in people]
    assert json.loads((tmp_path / "a.json").read_text())["rows"] == 1
    events = AccessEvent.objects.filter(kind="export").order_by("pk")
    assert [(event.user, event.page) for event in events] == [(None, "export_start"), (None, "export_end")] * 2
    assert events[2].detail.endswith("json, 1 people; courses=1; yearly report")
    assert "2 patients written to" in capsys.readouterr().out
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}  # others read no patient data


def test_one_centre(people, other_centre, tmp_path):
    target = tmp_path / "a.csv"

    assert main(["export", str(target), "--reason", "x", "--centre", other_centre.name]) == 0
    assert rows_of(target.read_bytes()) == []


@pytest.mark.parametrize(("more", "words"), [
    ([], "Say what the file is for."),
    (["--reason", " "], "Say what the file is for."),
    (["--reason", "x", "--centre", "Nowhere"], "There is no centre Nowhere."),
])  # fmt: skip
def test_what_is_refused_leaves_no_file_and_no_event(people, tmp_path, capsys, more, words):
    assert main(["export", str(tmp_path / "a.csv"), *more]) == 2

    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert not AccessEvent.objects.filter(kind="export").exists()


def test_a_folder_that_is_not_there(people, tmp_path, capsys):
    assert main(["export", str(tmp_path / "no" / "a.csv"), "--reason", "x"]) == 2
    assert "There is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["csv", "md"])
def test_the_dictionary(tmp_path, suffix):
    target = tmp_path / f"a.{suffix}"

    assert main(["export", str(target), "--dictionary"]) == 0
    assert target.read_text() == (dictionary.csv_text() if suffix == "csv" else dictionary.markdown())

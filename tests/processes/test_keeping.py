"""Backups of a working installation, and restores that prove themselves, on both databases and by the real command."""

import fcntl
import json
import os
import random
import signal
import sys
import time
import zipfile
from contextlib import suppress

import psycopg
import pytest

KILLS = int(os.environ.get("EDSS_RESTORE_KILLS", "5"))
FROM = "from tests.processes import keeping; "


def tell(here, story: str) -> str:
    """One story of `keeping`, in a process of its own."""
    return here.python(f"{FROM}keeping.{story}", EDSS_HINTS="off")


def test_a_restore_brings_back_what_was_but_nobody_who_was_erased(installation):
    tell(installation, f"restored({str(installation.folder)!r})")


@pytest.mark.drill
@pytest.mark.parametrize("story", ["tampered", "of_another_version"])
def test_a_backup_that_is_not_as_it_should_be(servers, tmp_path, story):
    with servers(tmp_path) as here:
        tell(here, f"{story}({str(here.folder)!r})")
        here.close()


@pytest.mark.drill
@pytest.mark.parametrize("story", ["tampered", "of_another_version", "empty_and_spoiled", "opened_elsewhere"])
def test_what_can_be_wrong_with_a_file(embedded, tmp_path, story):
    with embedded(tmp_path) as here:
        tell(here, f"{story}({str(here.folder)!r})")
        here.close()


def test_what_cannot_be_done_is_said_in_a_sentence(bare):
    tell(bare, f"refusals({str(bare.folder)!r})")


@pytest.fixture
def filled(installation):
    """An installation with eight patients, and a backup of it."""
    installation.file = installation.folder / "a.edss"
    tell(installation, f"fill_and_back_up({str(installation.file)!r})")
    return installation


def test_a_backup_while_people_save_is_of_one_moment(filled):
    """Its rows are those it declares, and every count in it is of the same moment."""
    saving = filled.start(
        *(sys.executable, "-c", f"import django; django.setup(); {FROM}keeping.save_for_ever()"),
        DJANGO_SETTINGS_MODULE="edss_tracker.settings",
        EDSS_HINTS="off",
    )
    time.sleep(3)
    later = filled.folder / "b.edss"
    assert filled.edss("backup", str(later)).returncode == 0
    assert saving.poll() is None, filled.said()  # they were saving all the time
    saving.kill()
    saving.wait()

    done = filled.edss("restore", str(later), "--replace")

    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(later) as file:
        tables = json.loads(file.read("manifest.json"))["tables"]
    assert tables["assessments_assessment"]["rows"] == tables["assessments_historicalassessment"]["rows"] > 24


@pytest.mark.drill
def test_nothing_is_restored_while_a_process_works_and_none_starts_meanwhile(filled):
    loop = filled.start_edss("sweep", "--loop")
    time.sleep(2)
    refused = filled.edss("restore", str(filled.file), "--replace")
    assert refused.returncode == 2
    assert "stop its web server, worker and sweep first" in refused.stderr
    loop.send_signal(signal.SIGTERM)
    assert loop.wait(20) == 0

    lock = os.open(filled.folder / "data" / "running", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        for command in ("web", "worker", "run --no-demo", "migrate"):
            refused = filled.edss(*command.split())
            assert refused.returncode == 2
            assert "A restore is running" in refused.stderr
    finally:
        os.close(lock)


@pytest.mark.drill
def test_a_restore_that_is_killed_leaves_the_old_the_new_or_a_clear_refusal(filled):
    """Whenever it dies: what starts afterwards is whole, or nothing starts and the sentence says what to do."""
    began = time.monotonic()
    assert filled.edss("restore", str(filled.file), "--replace").returncode == 0
    whole = time.monotonic() - began
    found = []
    for _ in range(KILLS):
        tell(filled, "add_visit() if keeping.visits() == 24 else None")
        restore = filled.start_edss("restore", str(filled.file), "--replace")
        time.sleep(random.uniform(0.4 * whole, whole))
        restore.kill()
        restore.wait()
        refusal = refusal_of(filled, "sweep", "--loop")
        if refusal:
            found.append("refused")
            assert "restore --undo" in refusal
            assert filled.edss("restore", "--undo").returncode == 0
            assert tell(filled, "done('recompute', '--check'); print(keeping.visits())") == "25"
        else:
            number = tell(filled, "done('recompute', '--check'); print(keeping.visits())")
            found.append({"25": "old", "24": "new"}[number])
    print("killed restores left:", *found)
    done = filled.edss("restore", str(filled.file), "--replace")
    assert done.returncode == 0, done.stderr


def refusal_of(here, *command) -> str:
    """The sentence with which a process refuses to start; empty when it goes on working."""
    process = here.start_edss(*command)
    with suppress(Exception):
        process.wait(4)
    if process.poll() is not None:
        return here.said().strip().splitlines()[-1]
    process.terminate()
    process.wait(20)
    return ""


@pytest.mark.drill
def test_a_session_in_the_database_is_noticed(servers, tmp_path):
    with servers(tmp_path) as here:
        target = here.folder / "a.edss"
        assert here.edss("backup", str(target)).returncode == 0
        with psycopg.connect(here.environ["DATABASE_URL"]):
            refused = here.edss("restore", str(target))
        assert refused.returncode == 2
        assert "1 other session uses" in refused.stderr
        here.close()


@pytest.mark.drill
def test_an_old_client_of_the_server_is_named(servers, tmp_path):
    with servers(tmp_path) as here:
        tools = here.folder / "bin"
        tools.mkdir()
        (tools / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
        (tools / "pg_dump").chmod(0o755)
        said = here.python(
            "import os\nfrom edss_tracker.keeping import postgresql as p\np.FOLDERS = ()\n"
            f"for path in ('{tools}', '/nowhere'):\n"
            "    os.environ['PATH'] = path\n"
            "    try: p.program('pg_dump')\n"
            "    except Exception as refusal: print(refusal)"
        )
        assert "only version 9 is installed" in said
        assert "install postgresql-client-" in said
        assert "it is not installed" in said
        here.close()

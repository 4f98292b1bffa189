"""What happens to a small registry that is backed up and restored, told by the real commands in a process of its own.

Run as `Installation.python` with Django loaded: each function is one process, which is what starting costs.
"""

import io
import json
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from edss_tracker import cli


def edss(*arguments) -> tuple[int, str]:
    """Exit code and everything that a command says."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = cli.main([str(argument) for argument in arguments])
    return code, said.getvalue()


def done(*arguments) -> str:
    code, said = edss(*arguments)
    assert code == 0, said
    return said


def refused(arguments, *words, code=2) -> None:
    found, said = edss(*arguments)
    assert found == code, (found, said)
    for word in words:
        assert word in said, said


def fill() -> None:
    """Eight patients, each with a course and three visits, whose trajectories are stored."""
    from outcomes import recompute
    from tests.factories import course, make_centre, make_patient, make_user, visit

    centre = make_centre()
    clinician = make_user("clinician", centre=centre)
    for number in range(8):
        patient = make_patient(centre, clinician, family_name=f"Zaphodia{number}", local_number=f"L-{number}")
        course(patient, clinician, "2019-03-04", "2019-03-05")
        for day, edss in (("2019-02-01", "2.0"), ("2020-02-03", "3.5"), ("2020-09-07", "3.5")):
            visit(patient, clinician, day, edss, note=f"Zaphodia{number} walks")
    recompute.recompute(every=False, processes=1)


def fill_and_back_up(target: str) -> None:
    from patients.models import User
    from patients.tokens import make_token

    fill()
    make_token(User.objects.get(), name="Laboratory", days=30)
    assert "8 patients, 24 assessments, 1 account" in done("backup", target)


def add_visit() -> None:
    from patients.models import Patient, User
    from tests.factories import visit

    visit(Patient.objects.order_by("pk")[3], User.objects.get(), "2023-03-03", "5.0")


def check() -> None:
    """Not by the command, which takes part in the installation until its process ends."""
    from outcomes import recompute

    assert recompute.check(processes=1) == []


def visits() -> int:
    from assessments.models import Assessment

    return Assessment.objects.count()


def codes() -> list[str]:
    from patients.models import Patient

    return list(Patient.objects.order_by("pk").values_list("code", flat=True))


def names() -> set[str]:
    from patients.models import Identity

    return set(Identity.objects.values_list("family_name", flat=True))


def texts() -> set[str]:
    from assessments.models import Assessment

    return {*Assessment.objects.values_list("note", flat=True), *Assessment.history.values_list("note", flat=True)}


def erase(code: str) -> None:
    from patients.models import Patient
    from patients.services import erase_identity

    erase_identity(Patient.objects.get(code=code), by=None, reason="letter of 3 May")


def restored(folder: str) -> None:
    """A registry that went on after its backup comes back as it was, but for whom it must not bring back."""
    from django.contrib.sessions.models import Session
    from django.test import Client

    from patients.models import ApiToken, Erasure, User

    target, kept = Path(folder, "a.edss"), Path(folder, "list")
    fill_and_back_up(str(target))
    assert target.stat().st_mode & 0o777 == 0o600
    Client().force_login(User.objects.get())
    add_visit()
    third = codes()[2]
    assert on_disk(folder, b"Zaphodia3 walks") or not on_disk(folder, b"SQLite")
    erase(third)
    assert not on_disk(folder, b"Zaphodia2")

    refused(["restore", target], "not empty (8 patients, 25 assessments, 1 account)", "--replace")
    said = done("restore", target, "--replace")

    for words in ("Erased again: 1 identity.", "equals its recomputation", "It took: read", "is kept as"):
        assert words in said, said
    assert visits() == 24
    assert "Zaphodia2" not in names()
    assert len(names()) == 7
    assert "Zaphodia2 walks" not in texts()
    assert not on_disk(folder, b"Zaphodia2")
    assert "Zaphodia3 walks" in texts()
    assert Session.objects.count() == 0
    assert not ApiToken.objects.filter(revoked_at=None).exists()
    check()
    assert [path.stat().st_mode & 0o077 for path in Path(folder, "data").glob("*before-restore*")] == [0]

    # all is lost but a copy of the list of erasures
    list_here = Path(folder, "data", "erasures.jsonl")
    list_here.rename(kept)
    lose(folder)
    assert "Erased again: 1 identity." in done("restore", target, "--erasures", kept)
    assert "Zaphodia2" not in names()
    assert third in list_here.read_text()
    assert Erasure.objects.get().reason == "letter of 3 May"


def on_disk(folder: str, words: bytes) -> bool:
    """Whether these stand in a file of a SQLite database, also where no row is any more."""
    return any(words in path.read_bytes() for path in Path(folder, "data").glob("registry.sqlite3*"))


def lose(folder: str) -> None:
    """The database is gone."""
    from django.db import connection

    if connection.vendor == "sqlite":
        connection.close()
        Path(folder, "data", "registry.sqlite3").unlink()
        return
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def tampered(folder: str) -> None:
    """Rows that are not those the manifest counted: exit code 1, and nothing has changed."""
    target = Path(folder, "a.edss")
    fill_and_back_up(str(target))
    with zipfile.ZipFile(target) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    manifest = json.loads(parts["manifest.json"])
    manifest["tables"]["assessments_assessment"]["hash"] = "0" * 32
    parts["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(target, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    add_visit()

    refused(["restore", target, "--replace"], "assessments_assessment", "The registry is as it was before.", code=1)

    assert visits() == 25
    check()


def of_another_version(folder: str) -> None:
    """An older backup is brought up to date, a newer one is refused."""
    from django.core.management import call_command
    from django.db.migrations.recorder import MigrationRecorder

    old, new = Path(folder, "old.edss"), Path(folder, "new.edss")
    fill()
    call_command("migrate", "patients", "0001", verbosity=0)
    done("backup", old)

    assert "brought up to date" in done("restore", old, "--replace")

    check()
    MigrationRecorder.Migration.objects.create(app="patients", name="9999_from_the_future")
    done("backup", new)
    refused(["restore", new, "--replace"], "newer version")


def refusals(folder: str) -> None:
    """What cannot be backed up or restored is said in a sentence, and no file is left of it."""
    target = Path(folder, "a.edss")
    from django.core.management import call_command

    refused(["backup", target], "nothing to back up")
    call_command("migrate", verbosity=0)  # as `check`
    done("backup", target)
    before = target.read_bytes()
    refused(["backup", target], "--force")
    assert target.read_bytes() == before
    refused(["backup", Path(folder, "none", "a.edss")], "does not exist")
    refused(["backup", folder], "is a folder")
    refused(["restore", Path(folder, "none")], "cannot be read")
    refused(["restore"], "Name the file")
    refused(["restore", "--undo"], "nothing to undo")
    assert not [path for path in Path(folder).iterdir() if path.name.startswith(".edss")]


def empty_and_spoiled(folder: str) -> None:
    """Into an empty registry nothing is asked. A spoiled list of erasures, or a file that is no database, is not passed
    over."""
    target, place = Path(folder, "a.edss"), Path(folder, "data", "registry.sqlite3")
    fill_and_back_up(str(target))
    lose(folder)
    done("restore", target)
    assert not [*Path(folder, "data").glob("*before-restore*")]
    Path(folder, "data", "erasures.jsonl").write_text("spoiled\n")
    refused(["restore", target, "--replace"], "Line 1", "Nothing was changed")
    Path(folder, "data", "erasures.jsonl").unlink()

    place.write_bytes(b"this is no database " * 1000)
    refused(["restore", target], "cannot be read", "--replace")
    done("restore", target, "--replace")
    assert visits() == 24
    (kept,) = Path(folder, "data").glob("registry.before-restore-*")
    assert kept.read_bytes().startswith(b"this is no database")


def opened_elsewhere(folder: str) -> None:
    """Another program with the file open is noticed."""
    import sqlite3

    target = Path(folder, "a.edss")
    fill_and_back_up(str(target))
    other = sqlite3.connect(Path(folder, "data", "registry.sqlite3"))
    other.execute("SELECT count(*) FROM patients_patient").fetchone()
    refused(["restore", target, "--replace"], "close it")
    other.close()
    done("restore", target, "--replace")


def save_for_ever() -> None:
    """One save after the other, each with its history."""
    from datetime import date, timedelta

    from patients.models import Patient, User
    from tests.factories import visit

    patient, by = Patient.objects.order_by("pk").first(), User.objects.get()
    for number in range(10_000):
        visit(patient, by, date(1990, 1, 1) + timedelta(number), "2.0")

"""A backup's file is whole or not there, and what is read of one is trusted in nothing."""

import io
import json
import os
import zipfile
from dataclasses import asdict, replace

import pytest

from edss_tracker.checks import Refusal
from edss_tracker.keeping import archive, rows
from edss_tracker.keeping.archive import Manifest
from edss_tracker.keeping.rows import Table

BODY = os.urandom(300_000) + b"\0" * 700_000


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def made(tmp_path, place):
    """A whole backup: its path and its manifest."""
    payload = place / "payload"
    payload.write_bytes(BODY)
    manifest = Manifest(
        format=1, product="EDSS Tracker", engine="0", vendor="sqlite", server="3", schema="main", made_at="2026-01-01",
        migrations=["patients.0001_initial"], tables={"t": Table(2, "ab")}, size=len(BODY),
        sha256=archive.checksum(payload),
    )  # fmt: skip
    path = tmp_path / "a.edss"
    archive.write(str(path), payload, manifest, place)
    return path, manifest


def read(path, place):
    with archive.opened(str(path), place) as found:
        return found.unpack(place).read_bytes()


def parts(path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def write(path, contents: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents.items():
            file.writestr(name, content)


def test_what_was_written_is_read(made, place):
    path, manifest = made

    with archive.opened(str(path), place) as found:
        assert found.manifest == manifest
    assert read(path, place) == BODY
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size < len(BODY)


def test_every_damaged_byte_is_noticed(made, place):
    """A flipped byte anywhere, or a file cut off anywhere, is refused, or it was in nothing that matters."""
    path, _ = made
    whole = path.read_bytes()
    for at in range(0, len(whole), len(whole) // 150):
        for spoiled in (whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :], whole[:at]):
            path.write_bytes(spoiled)
            for left in place.glob("database*"):
                left.unlink()
            said, found = "nothing was changed.", BODY
            try:
                found = read(path, place)
            except Refusal as refusal:
                said = str(refusal)
            assert found == BODY
            assert said.endswith("nothing was changed.")


@pytest.mark.parametrize(
    "change",
    [{"size": 1}, {"size": -1}, {"size": "1"}, {"vendor": "oracle"}, {"format": "1"}, {"tables": []}, {"tables": 3},
     {"migrations": [1]}, {"migrations": "x"}, {"sha256": 3}, {"more": 1}, {"tables": {"t": {"rows": "many"}}}],
)  # fmt: skip
def test_a_manifest_that_is_none_is_refused(made, place, change):
    path, _ = made
    contents = parts(path)
    contents["manifest.json"] = json.dumps(json.loads(contents["manifest.json"]) | change).encode()
    write(path, contents)

    with pytest.raises(Refusal, match="no backup of EDSS Tracker, or it is damaged"):
        read(path, place)


@pytest.mark.parametrize(
    "contents",
    [{}, {"manifest.json": b"{}"}, {"manifest.json": b"[" * 100_000, "database.sqlite3": b""},
     {"manifest.json": b" " * 5_000_000, "database.sqlite3": b""}, {"../../etc/passwd": b"", "manifest.json": b"{}"}],
)  # fmt: skip
def test_another_zip_is_refused(tmp_path, place, contents):
    write(tmp_path / "other.zip", contents)
    with pytest.raises(Refusal, match="no backup"):
        read(tmp_path / "other.zip", place)


def test_an_extra_part_is_refused(made, place):
    path, _ = made
    write(path, parts(path) | {"../more": b"x"})
    with pytest.raises(Refusal, match="no backup"):
        read(path, place)


def test_what_does_not_fit_on_the_disk_is_not_unpacked(made, place, monkeypatch):
    """A bomb would have to declare its size, and what it declares is compared with what is free."""
    path, manifest = made
    contents = parts(path)
    contents["database.sqlite3"] = b"\0" * 1_000_000
    contents["manifest.json"] = json.dumps(asdict(replace(manifest, size=1_000_000))).encode()
    write(path, contents)
    usage = archive.shutil._ntuple_diskusage(10**9, 10**9, 900_000)
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _: usage)

    with pytest.raises(Refusal, match="1,000,000 bytes, but 900,000 are free"):
        read(path, place)
    assert not (place / "database.sqlite3").exists()


def test_a_stream_longer_than_declared_is_stopped(made, place):
    """The zip's own directory may lie too."""
    path, manifest = made
    raw = path.read_bytes()
    contents = parts(path)
    contents["manifest.json"] = json.dumps(asdict(replace(manifest, size=10))).encode()
    write(path, contents)
    raw = path.read_bytes()
    true, lie = len(BODY).to_bytes(4, "little"), (10).to_bytes(4, "little")
    path.write_bytes(raw.replace(true, lie))
    with pytest.raises(Refusal, match="damaged"):
        read(path, place)


def test_a_newer_format_is_named(made, place):
    path, manifest = made
    contents = parts(path)
    contents["manifest.json"] = json.dumps(asdict(replace(manifest, format=2))).encode()
    write(path, contents)
    with pytest.raises(Refusal, match="newer version"):
        read(path, place)


@pytest.mark.parametrize("what", ["missing", "folder", "text", "pipe"])
def test_what_is_no_file_is_named(tmp_path, place, what):
    path = tmp_path / "thing"
    if what == "folder":
        path.mkdir()
    elif what == "text":
        path.write_text("this is not a backup " * 10)
    elif what == "pipe":
        path = tmp_path / "no" / "such"
    with pytest.raises(Refusal, match=str(path)):
        read(path, place)


def test_a_disk_that_fills_leaves_nothing(tmp_path, place, monkeypatch):
    payload = place / "payload"
    payload.write_bytes(BODY)
    manifest = Manifest(
        1, "EDSS Tracker", "0", "sqlite", "3", "main", "now", [], {}, len(BODY), archive.checksum(payload)
    )
    with pytest.raises(Refusal, match="nothing is left"):
        archive.write("/dev/full/no", payload, manifest, place)
    (place / "whole").unlink()

    monkeypatch.setattr(archive.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(Refusal, match="No space left"):
        archive.write(str(tmp_path / "b.edss"), payload, manifest, place)
    assert not (tmp_path / "b.edss").exists()


def test_a_backup_goes_through_a_pipe(made, place, monkeypatch, capsysbinary):
    _, manifest = made
    other = place / "again"
    other.mkdir()
    archive.write("-", place / "payload", manifest, other)
    sent = capsysbinary.readouterr().out
    assert sent[:2] == b"PK"

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(sent)))
    assert read("-", other) == BODY


def test_the_hash_of_a_table_knows_no_order_and_every_value(tmp_path):
    import sqlite3

    def hashed(*values):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.sqlite3"
        with sqlite3.connect(path) as file:
            file.execute("CREATE TABLE t (a, b)")
            file.executemany("INSERT INTO t VALUES (?, ?)", values)
        file.close()
        return rows.of_sqlite(path)

    one = hashed((1, "a"), (2, None))
    assert hashed((2, None), (1, "a")) == one
    for other in ([(1, "a")], [(1, "a"), (2, "")], [(1, "a"), (2, None), (2, None)], [(1, "b"), (2, None)],
                  [("1", "a"), (2, None)], [(1.5, "a"), (2, None)], [(None, 2), ("a", 1)]):  # fmt: skip
        assert rows.differing(hashed(*other), one) == ["t"]

"""Dumping a PostgreSQL registry in one snapshot, and putting a dump in the place of what is there.

The old tables are renamed into a schema beside, in the same transaction that loads the new ones: it commits as a whole
or not at all. While that schema is there the restore is not finished, and nothing starts.
"""

import glob
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.db import connection, transaction

from edss_tracker.checks import Refusal

BEFORE = "edss_before_restore"
BLOCK = 1 << 20
FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
PASSED_ON = ("sslmode", "sslrootcert", "sslcert", "sslkey", "passfile", "connect_timeout", "options")
SHOWN = 300  # characters of a program's complaint


def program(name: str) -> str:
    """The path of a client program that is not older than the server, or a refusal."""
    wanted = server_version() // 10_000
    candidates = [shutil.which(name), *(path for folder in FOLDERS for path in glob.glob(f"{folder}/{name}"))]
    found = {path: major(path) for path in candidates if path}
    # of those that will do, the version nearest to the server's: newer ones write what an older server cannot read
    fitting = sorted((version, path) for path, version in found.items() if version >= wanted)
    if fitting:
        return fitting[0][1]
    have = f"only version {max(found.values())} is installed" if found else "it is not installed"
    raise Refusal(f"{name} of PostgreSQL {wanted} is needed, and {have}: install postgresql-client-{wanted} here.")


def server_version() -> int:
    """Of the server, like 160004."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        return int(cursor.fetchone()[0])


def major(path: str) -> int:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    except OSError:
        return 0
    number = re.search(r"(\d+)[.\d]*", said)
    return int(number[1]) if number else 0


def environment() -> dict[str, str]:
    """The connection as client programs read it from their environment; a password in an argument is seen by all."""
    params = connection.get_connection_params()
    named = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    named |= {name: f"PG{name.replace('_', '').upper()}" for name in PASSED_ON}
    named |= {"connect_timeout": "PGCONNECT_TIMEOUT"}
    return os.environ | {variable: str(params[name]) for name, variable in named.items() if params.get(name)}


def schema() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0] or "")


@contextmanager
def snapshot() -> Iterator[str]:
    """A transaction that sees one moment, and the name by which another program sees the same."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        yield str(cursor.fetchone()[0])


def dump(target: Path, moment: str) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    options = ["--format=custom", "--compress=6", "--no-owner", "--no-privileges", f"--schema={schema()}"]
    command = [program("pg_dump"), *options, f"--snapshot={moment}", f"--file={target}", "--lock-wait-timeout=60000"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise Refusal(f"pg_dump failed ({complaint(done.stderr)}): there is no backup.")


def complaint(text: str) -> str:
    """What a client program said, in one line."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return (lines[0] if lines else "without a word")[:SHOWN].rstrip(".")


def is_unfinished() -> bool:
    """Whether a restore was interrupted, so that the registry of before waits beside what may be a part."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = %s)", [BEFORE])
        return bool(cursor.fetchone()[0])


def others() -> int:
    """Other sessions in this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


def load(path: Path, place: Path, name: str) -> None:
    """Move what is there into the schema beside and load the dump, in one transaction. `name`: the schema."""
    wanted = contents(path, place)
    reader_command = [
        program("pg_restore"),
        "--no-owner",
        "--no-privileges",
        f"--use-list={wanted}",
        "--file=-",
        str(path),
    ]
    writer_command = [program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
    environ, quoted = environment(), connection.ops.quote_name(name)
    connection.close()
    said = place / "psql"
    with said.open("w+") as errors, (place / "pg_restore").open("w+") as reader_errors:
        reader = subprocess.Popen(reader_command, env=environ, stdout=subprocess.PIPE, stderr=reader_errors)  # noqa: S603
        writer = subprocess.Popen(writer_command, env=environ, stdin=subprocess.PIPE, stderr=errors)  # noqa: S603
        begin = f"BEGIN; ALTER SCHEMA {quoted} RENAME TO {BEFORE}; CREATE SCHEMA {quoted};\n"
        whole = pump(reader, writer, begin, "COMMIT;\n")
    if not whole or writer.returncode:
        why = complaint(said.read_text() or (place / "pg_restore").read_text())
        raise Refusal(f"The dump could not be loaded ({why}): nothing was changed.")


def contents(path: Path, place: Path) -> Path:
    """The list of what is in the dump, without the schema itself, which is made here."""
    command = [program("pg_restore"), "--list", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise Refusal(f"The dump cannot be read ({complaint(done.stderr)}): nothing was changed.")
    lines = [line for line in done.stdout.splitlines() if not re.match(r"\d+; \d+ \d+ (SCHEMA|COMMENT|ACL) - ", line)]
    listed = place / "contents"
    listed.write_text("\n".join(lines) + "\n")
    return listed


def pump(reader: subprocess.Popen[bytes], writer: subprocess.Popen[bytes], begin: str, end: str) -> bool:
    """Hand one program's output to the other, between a begin and an end; the end only after the whole of it."""
    out, into = reader.stdout, writer.stdin
    if out is None or into is None:
        raise RuntimeError("both programs were started with pipes")
    try:
        into.write(begin.encode())
        shutil.copyfileobj(out, into, BLOCK)
        whole = reader.wait() == 0
        if whole:
            into.write(end.encode())
    except BrokenPipeError:
        whole = False
    finally:
        close(into)
        out.close()
        reader.wait()
        writer.wait()  # without the end it rolls back
    return whole


def close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return


def undo(name: str) -> None:
    """Bring back what was there before."""
    quoted = connection.ops.quote_name(name)
    run(f"DROP SCHEMA IF EXISTS {quoted} CASCADE", f"ALTER SCHEMA {BEFORE} RENAME TO {quoted}")


def finish() -> None:
    """What was there before is no longer needed: the restore is done."""
    run(f"DROP SCHEMA {BEFORE} CASCADE")


def run(*statements: str) -> None:
    """In one transaction, on a connection that nothing before has spoiled."""
    connection.close()
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)

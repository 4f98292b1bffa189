"""The `edss-tracker` command. Each sub-command loads what it needs when it runs, so that `--help` needs no database."""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edss_tracker import checks, folder_queue, health_words, processes, production, running
from edss_tracker.checks import Refusal
from edss_tracker.keeping import commands as keeping
from edss_tracker.progress import progress

SWEEP_EVERY = 15  # seconds
LOCAL = "127.0.0.1"
NAMED = 50  # differences or patients that a command names, before it only counts


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    open_streams()
    try:
        options = parser(arguments).parse_args(arguments)
        with refusing():
            return COMMANDS[options.command].run(options)
    except Refusal as refusal:
        print(*(f"edss-tracker: {line}" for line in str(refusal).splitlines()), sep="\n", file=sys.stderr)
        return refusal.code
    except KeyboardInterrupt:
        return 130


def open_streams() -> None:
    """Whoever starts us may have closed them: then nothing comes in, and nobody reads what we say."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


@contextmanager
def refusing() -> Iterator[None]:
    """What the database refuses becomes a sentence. Django is loaded only when a command needs it."""
    try:
        yield
    except Exception as problem:
        from django.db import Error

        if isinstance(problem, Error):
            raise checks.database_failed(problem) from None
        raise


def parser(arguments: list[str]) -> argparse.ArgumentParser:
    """All sub-commands by name; only the one that is called adds its options."""
    top = argparse.ArgumentParser(prog="edss-tracker", description="A registry of EDSS assessments.")
    below = top.add_subparsers(dest="command", metavar="command", required=True)
    for name, command in COMMANDS.items():
        one = below.add_parser(name, help=command.help, description=command.help)
        if command.arguments and arguments[:1] == [name]:
            command.arguments(one)
    return top


# The installation ----------------------------------------------------------------------------------------------------


def address_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("--host", default=LOCAL, help=f"address to listen on (default {LOCAL}: this machine only)")
    one.add_argument("--port", default=os.environ.get("PORT", "8000"), help="port (default: PORT, or 8000)")


def run_arguments(one: argparse.ArgumentParser) -> None:
    address_arguments(one)
    one.add_argument("--no-demo", action="store_true", help="do not make a demo registry in an empty database")


def run(options: argparse.Namespace) -> int:
    """Check, prepare the database, then keep web server, worker and sweep running until told to stop."""
    port = checks.port_number(options.port)
    checks.free_port(options.host, port)
    prepare(demo=not options.no_demo)
    host = LOCAL if options.host in ("0.0.0.0", "::") else options.host  # noqa: S104
    parent = processes.Parent(
        [
            processes.Child("web server", web_command(options.host, port, graceful_seconds=5), vital=True),
            processes.Child("worker", worker_command()),
            processes.Child("sweep", processes.sweep_command()),
        ],
        say=say,
    )
    accounts = demo_accounts()
    code = parent.run(
        is_ready=lambda: processes.health(host, port, header=host_header())[0] > 0,
        when_ready=lambda: announce(f"http://{host}:{port}/", accounts),
    )
    say("Stopped.")
    return code


def prepare(*, demo: bool) -> None:
    """Settings, folder and tables in order; a demo registry where there is nobody yet."""
    ready_database(demo=demo)
    if demo and nobody_is_here():
        say("Making a demo registry of invented patients (first start only) ...")
        make_demo()
    from django.db import connections

    connections.close_all()  # each child opens its own


def ready_database(*, demo: bool) -> None:
    """Settings, data folder and tables as they must be, or a refusal."""
    checks.start_django()
    from django.conf import settings

    if demo and settings.PRODUCTION:
        raise Refusal("EDSS_ENV=production never holds invented patients: start with `edss-tracker run --no-demo`.")
    checks.data_folder()
    running.hold(settings.DATA_DIR)
    checks.database()
    checks.up_to_date_database()
    checks.prepared_database()


def open_database() -> None:
    """For a command that works in the database, whatever state it is in: it answers, and nobody restores it."""
    checks.start_django()
    from django.conf import settings

    checks.data_folder()
    running.hold(settings.DATA_DIR)
    checks.database()
    checks.finished_restore()


def web_command(host: str, port: int, *, graceful_seconds: int) -> list[str]:
    """One web process on SQLite, which has one writer anyway; as many as there are processors elsewhere, up to four."""
    from django.db import connection

    count = 1 if connection.vendor == "sqlite" else max(2, min(4, os.cpu_count() or 1))
    return processes.web_command(host, port, processes=count, graceful_seconds=graceful_seconds)


def worker_command() -> list[str]:
    """One process at home; in production several, so that one bad patient cannot block the rest."""
    from django.conf import settings

    return processes.worker_command(children=max(2, os.cpu_count() or 1) if settings.PRODUCTION else 0)


def host_header() -> str:
    """A host name that the settings allow, for the health page. Read without them: a container asks every 15 s."""
    hosts = production.split(os.environ.get("ALLOWED_HOSTS", "")) if os.environ.get("EDSS_ENV") == "production" else []
    return hosts[0].lstrip(".") if hosts else LOCAL


def announce(address: str, accounts: list[tuple[str, str, str]]) -> None:
    say("", f"EDSS Tracker is ready: {address}", "")
    if accounts:
        wide, wider = (max(len(account[column]) for account in accounts) for column in (0, 1))
        say("Demo accounts (every patient is invented):")
        say(*(f"  {role:<{wide}}  {email:<{wider}}  {password}" for role, email, password in accounts), "")
    say("Ctrl-C stops it.")


def web(options: argparse.Namespace) -> int:
    port = checks.port_number(options.port)
    checks.free_port(options.host, port)
    take_part()
    return processes.become(web_command(options.host, port, graceful_seconds=30))


def worker(options: argparse.Namespace) -> int:
    take_part()
    return processes.become(worker_command())


def take_part(*, wait: bool = False) -> None:
    """Be one of the processes of the installation, on a database that is ready for them; or refuse.

    `wait`: a database that is away is looked at later.
    """
    checks.start_django()
    from django.conf import settings

    checks.data_folder()
    running.hold(settings.DATA_DIR)
    if not wait:
        checks.database()
        checks.prepared_database()


def health_arguments(one: argparse.ArgumentParser) -> None:
    address_arguments(one)
    one.add_argument("--strict", action="store_true", help="exit code 1 also where people can work but something fails")
    one.add_argument("--json", action="store_true", help="print what the web server answers as it is")


def health(options: argparse.Namespace) -> int:
    """Ask the web server; 0 where people can work, with --strict where everything works."""
    port = checks.port_number(options.port)
    status, text = processes.health(options.host, port, header=host_header())
    try:
        found = json.loads(text)
    except ValueError:
        found = {}
    if "status" not in found:
        say(
            f"Nothing answers on {options.host}:{port}." if not status else f"The answer was {status}, without a state."
        )
        return 1
    say(*([text] if options.json else health_words.in_words(found)))
    good = ("ok",) if options.strict else ("ok", "degraded")
    return 0 if found["status"] in good else 1


def migrate(options: argparse.Namespace) -> int:
    """Tables and triggers; in production the static files too."""
    from django.core.management import call_command

    checks.start_django()
    checks.data_folder()
    from django.conf import settings

    running.hold(settings.DATA_DIR)
    checks.database()
    checks.known_migrations()
    checks.finished_restore()
    call_command("migrate", verbosity=1, interactive=False)
    if settings.PRODUCTION:
        call_command("collectstatic", verbosity=1, interactive=False)
    return 0


# Derived data --------------------------------------------------------------------------------------------------------


def sweep_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("--loop", action="store_true", help=f"go on, every {SWEEP_EVERY} s, until told to stop")


def sweep(options: argparse.Namespace) -> int:
    if options.loop:
        take_part(wait=True)
        return sweep_for_ever()
    open_database()
    say(f"{sweep_all()} trajectories computed.")
    return 0


def sweep_for_ever() -> int:
    """Compute what stays stale, whatever happens to the broker or the worker; a database that is away is waited for."""
    from django.db import Error, close_old_connections, connection

    from edss_tracker.health import Question

    question, stopping = Question(), list[int]()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: stopping.append(number))
    prepared = False
    while not stopping:
        close_old_connections()
        try:
            if not prepared:
                connection.ensure_connection()
                checks.prepared_database()
                prepared = True
            sweep_all(stopping, between=question.ask)
        except Error as problem:
            print(f"sweep: the database does not answer ({type(problem).__name__}); trying again", file=sys.stderr)
        until = time.monotonic() + SWEEP_EVERY
        while not stopping and time.monotonic() < until:
            time.sleep(0.5)
    return 0


def sweep_all(stopping: list[int] | tuple[()] = (), between: Callable[[], None] = lambda: None) -> int:
    """Rounds of the sweep until one finds nothing to do; what failed is leased, so this ends. What is old goes."""
    from django.conf import settings

    from edss_tracker.keeping import archive
    from outcomes import trajectory
    from outcomes.exchange import uploads
    from patients import erasing, sessions, throttle, writing

    throttle.purge()
    sessions.purge()
    uploads.purge()
    writing.purge()
    archive.forget_old(settings.DATA_DIR)
    folder_queue.purge(settings.QUEUE_DIR)
    erasing.keep_list_soon()
    done = 0
    between()
    while not stopping and (found := trajectory.sweep_once()):
        done += found
        between()
    return done


def recompute_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--all", action="store_true", help="also what is up to date or failed before (--check: as without)"
    )
    one.add_argument("--check", action="store_true", help="change nothing; compare the stored with a new computation")


def recompute(options: argparse.Namespace) -> int:
    """Compute what is out of date, or everybody; 1 when a patient failed."""
    open_database()
    if options.check:
        return check()
    from outcomes import recompute

    begin = time.monotonic()
    with progress("recompute") as step:
        try:
            done = recompute.recompute(every=options.all, progress=step)
        except recompute.Interrupted:
            raise Refusal("A process was killed. What is computed is stored; run the command again.") from None
    failed = f" Failed: {named([f'patient {pk}' for pk in done.failed])}." if done.failed else ""
    seconds = time.monotonic() - begin
    say(f"{done.computed} trajectories computed in {seconds:.1f} s, no lock longer than {done.longest:.2f} s.{failed}")
    return 1 if done.failed else 0


def check() -> int:
    """Print what differs from a recomputation, every missing trigger and broken rule; 1 when there is one."""
    from django.db import connection

    from outcomes import recompute, rules
    from patients import freshness
    from patients.models import Freshness

    missing = freshness.expected(connection.introspection.table_names()) - freshness.existing(connection)
    with progress("check") as step:
        wrong = [*(f"trigger {name} is missing" for name in sorted(missing)), *recompute.check(progress=step)]
    wrong += rules.broken()
    say(*wrong[:NAMED], *([f"... and {len(wrong) - NAMED} more."] if len(wrong) > NAMED else []))
    waiting, failing = Freshness.objects.stale().count(), Freshness.objects.quarantined().count()
    say(f"{len(wrong)} differences; {waiting} trajectories wait to be computed, {failing} of them failed repeatedly.")
    return 1 if wrong else 0


def named(things: list[str]) -> str:
    """The first few of a list, and how many more there are."""
    more = f" and {len(things) - NAMED} more" if len(things) > NAMED else ""
    return ", ".join(things[:NAMED]) + more


# Records -------------------------------------------------------------------------------------------------------------


def nobody_is_here() -> bool:
    """No user and no patient: an empty installation, not one that a clinic is setting up."""
    from patients.models import Patient, User

    return not User.objects.exists() and not Patient.objects.exists()


def make_demo() -> None:
    from outcomes import demo

    try:
        demo.seed()
    except demo.DemoRefused as refused:
        raise Refusal(str(refused)) from None


def demo_accounts() -> list[tuple[str, str, str]]:
    """Role, address and password of the demo's people, where this database has them."""
    from outcomes import demo
    from patients.models import User

    there = set(User.objects.filter(email__in=[email for _, email, _ in demo.ACCOUNTS]).values_list("email", flat=True))
    return [account for account in demo.ACCOUNTS if account[1] in there]


def seed(options: argparse.Namespace) -> int:
    ready_database(demo=True)
    make_demo()
    say("The demo registry is made; every patient is invented.")
    return 0


def admin_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("email", help="the address that is the login")
    one.add_argument("--name", default="", help="name of a new admin")
    one.add_argument("--reset-second-factor", action="store_true", help="also take a lost second factor away")


def admin(options: argparse.Namespace) -> int:
    """Print a one-time link for a registry admin: a new one, or one who lost the password."""
    ready_database(demo=False)
    from django.core.exceptions import ValidationError
    from django.urls import reverse

    from patients import accounts
    from patients.links import HOURS, make_link
    from patients.models import User

    user = User.objects.filter(email__iexact=options.email).first()
    if user and not (user.is_registry_admin and user.is_active):
        raise Refusal(f"{options.email} has an account that is no active registry admin: use another address.")
    try:
        made = user or User.objects.create_user(options.email, name=options.name, is_registry_admin=True)
    except ValidationError as problem:
        words = " ".join(problem.messages).rstrip(".")
        raise Refusal(f"The account was not made ({words}): give an address and, with --name, a name.") from None
    if options.reset_second_factor:
        accounts.reset_second_factor(made, by=None)
    path = reverse("patients:account_link", args=[make_link(made, by=made, purpose="reset" if user else "invite")])
    say(f"Within {HOURS} hours, once, this page of the installation sets the password: {path}")
    return 0


def import_arguments(one: argparse.ArgumentParser) -> None:
    checks.start_django()
    from outcomes.exchange import command

    command.add_arguments(one)


def import_records(options: argparse.Namespace) -> int:
    from outcomes.exchange import command

    open_database()
    return command.run(options)


def export_arguments(one: argparse.ArgumentParser) -> None:
    checks.start_django()
    from outcomes.exchange import export_command

    export_command.add_arguments(one)


def export_records(options: argparse.Namespace) -> int:
    from outcomes.exchange import export_command

    if not options.dictionary:
        checks.database()
    return export_command.run(options)


def events_arguments(one: argparse.ArgumentParser) -> None:
    from outcomes.exchange import events_command

    events_command.add_arguments(one)


def events(options: argparse.Namespace) -> int:
    from outcomes.exchange import events_command

    return events_command.run(options)


def score_arguments(one: argparse.ArgumentParser) -> None:
    from outcomes.exchange import score_command

    score_command.add_arguments(one)


def score(options: argparse.Namespace) -> int:
    from outcomes.exchange import score_command

    return score_command.run(options)


def say(*lines: str) -> None:
    """Print at once, also into a file or a pipe."""
    for line in lines:
        print(line, flush=True)


@dataclass(frozen=True)
class Command:
    """A sub-command: one line of help, what runs, and what adds its options."""

    help: str
    run: Callable[[argparse.Namespace], int]
    arguments: Callable[[argparse.ArgumentParser], None] | None = None


COMMANDS = {
    "run": Command("start everything on this machine: web server, worker and sweep", run, run_arguments),
    "web": Command("the web server alone", web, address_arguments),
    "worker": Command("the worker alone", worker),
    "sweep": Command("compute the trajectories that are out of date", sweep, sweep_arguments),
    "migrate": Command("bring the database up to date", migrate),
    "health": Command("ask a running web server how it is", health, health_arguments),
    "seed": Command("make the demo registry of invented patients in an empty database", seed),
    "admin": Command("a one-time link for a registry admin, the first one too", admin, admin_arguments),
    "backup": Command("the whole registry in one file, while people work", keeping.backup, keeping.backup_arguments),
    "restore": Command(
        "a backup in the place of what is there, with proof", keeping.restore, keeping.restore_arguments
    ),
    "erase": Command("erase who a patient is, not the record", keeping.erase, keeping.erase_arguments),
    "import": Command("read records from files", import_records, import_arguments),
    "export": Command("write the cohort to a file, for research", export_records, export_arguments),
    "events": Command("find confirmed worsening and improvement in a table of visits", events, events_arguments),
    "score": Command("add the calculated EDSS to a table of grades (CSV)", score, score_arguments),
    "recompute": Command("compute trajectories again, or check the stored ones", recompute, recompute_arguments),
}

if __name__ == "__main__":
    sys.exit(main())

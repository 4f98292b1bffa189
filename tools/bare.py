"""The deployment without containers: what the Dockerfile and docker-compose.yml do, done on this machine.

    .venv/bin/python tools/bare.py [FOLDER]

Takes the commands from the two files, as they are written there: a new environment by the image's pip commands in a
copy of the tracked files, then Redis, migrate, two web servers, two workers and the sweep in production settings. Waits
for the image's health check, makes the first admin and signs in through the proxy's headers with a second factor, backs
up, restores into a second database, stops everything and says how long each step took. Servers are throw-away ones;
ports are free ones.
"""

# ruff: noqa: S603

import base64
import hmac
import http.client
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import recipe
from servers import LOCAL, Server, free_port, own_postgresql, running, server_folder

ROOT = recipe.ROOT
HOST = "registry.clinic.test"
REPLICAS = {"web": 2, "worker": 2, "sweep": 1}
PATIENCE = 120
PASSWORD = "only-for-this-run-" + secrets.token_hex(8)
SECOND_FACTOR = "/account/2fa/totp/activate/"
SECRET = re.compile(r"<code>([A-Z2-7 ]+)</code>")
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Wrong(Exception):
    """The deployment does not do what it must; the text says what."""


@contextmanager
def step(name: str) -> Iterator[None]:
    began = time.monotonic()
    print(f"== {name}", flush=True)
    yield
    print(f"   done in {time.monotonic() - began:.1f} s", flush=True)


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0] if arguments else tempfile.mkdtemp(prefix="edss-bare-")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with ExitStack() as stack:
            deploy(folder, stack)
    except Wrong as problem:
        print(f"bare: {problem}", file=sys.stderr)
        return 1
    finally:
        if not arguments:
            shutil.rmtree(folder, ignore_errors=True)
    print("Everything in the Dockerfile and docker-compose.yml ran as it is written.")
    return 0


def deploy(folder: Path, stack: ExitStack) -> None:
    with step("install, by the commands of the Dockerfile"):
        app, environ = install(folder)
    with step("PostgreSQL, and Redis by its command of docker-compose.yml"):
        variables = {name: secrets.token_hex(32) for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY")}
        variables |= {"ALLOWED_HOSTS": HOST, "CSRF_TRUSTED_ORIGINS": f"https://{HOST}"}
        services = recipe.filled(recipe.compose()["services"], variables)
        postgresql = stack.enter_context(own_postgresql())
        redis = stack.enter_context(own_redis(services["redis"]["command"]))
    environ |= at(services["web"]["environment"], postgresql.port, redis.port) | {"EDSS_DATA_DIR": str(folder / "data")}
    with step("migrate"):
        run(services["migrate"]["command"], app, environ)
    with step("web, worker and sweep, and the image's health check"):
        processes = Processes(app, environ, folder / "log")
        stack.callback(processes.kill)
        ports = [free_port() for _ in range(REPLICAS["web"])]
        for name, number in REPLICAS.items():
            for at_number in range(number):
                more = {"PORT": str(ports[at_number])} if name == "web" else {}
                processes.start(name, services[name]["command"], more)
        for port in ports:
            wait_for_health(app, environ | {"PORT": str(port)}, processes)
    with step("the first admin, through what a proxy sends"):
        said = run(["edss-tracker", "admin", "admin@clinic.test", "--name", "First Admin"], app, environ)
        sign_in(ports, re.search(r"/account/link/\S+", said))
    with step("backup while it works, and restore into a second database"):
        backup = folder / "backup.edss"
        print("   " + run(["edss-tracker", "backup", str(backup)], app, environ).splitlines()[0])
        restore(app, environ, backup, postgresql)
    with step("stop"):
        processes.stop()


def install(folder: Path) -> tuple[Path, dict[str, str]]:
    """An environment and a copy of the product in it; the variables of the image with that environment's path."""
    app, venv = folder / "app", folder / "venv"
    ignored = tuple(line.rstrip("/") for line in (ROOT / ".dockerignore").read_text().split())
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    for name in filter(None, tracked.stdout.split("\0")):
        if name.split("/")[0] not in ignored and (ROOT / name).exists():
            (app / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, app / name)
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    kept = ("HOME", "LANG", "TMPDIR", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT")
    environ = {name: os.environ[name] for name in kept if name in os.environ} | recipe.environment()
    environ["PATH"] = f"{venv / 'bin'}:{os.environ['PATH']}"
    for command in recipe.installs():
        run(command, app, environ)
    return app, environ


def at(environ: dict[str, str], postgresql: int, redis: int) -> dict[str, str]:
    """The service's variables, with the places at which the two servers are here."""
    places = {"@postgres:5432": f"@{LOCAL}:{postgresql}", "@redis:6379": f"@{LOCAL}:{redis}"}
    for there, here in places.items():
        if not any(there in value for value in environ.values()):
            raise Wrong(f"docker-compose.yml names no server as {there[1:]}")
        environ = {name: value.replace(there, here) for name, value in environ.items()}
    return environ


def run(command: list[str], app: Path, environ: dict[str, str]) -> str:
    program = shutil.which(command[0], path=environ["PATH"])
    done = subprocess.run(
        [program or command[0], *command[1:]], cwd=app, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Wrong(f"{' '.join(command)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


@contextmanager
def own_redis(command: list[str]) -> Iterator[Server]:
    with server_folder("edss-redis-") as (folder, account):
        port = free_port()
        more = ["--port", str(port), "--bind", LOCAL, "--dir", str(folder)]
        with running(Server("Redis", [*command, *more], folder, port, account)) as server:
            yield server


class Processes:
    """What runs, as a container engine would keep it."""

    def __init__(self, app: Path, environ: dict[str, str], log: Path) -> None:
        self.app, self.environ, self.log = app, environ, log
        self.running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, command: list[str], more: dict[str, str]) -> None:
        program = shutil.which(command[0], path=self.environ["PATH"]) or command[0]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [program, *command[1:]], cwd=self.app, env=self.environ | more, stdout=log, stderr=log
            )
        self.running.append((name, process))

    def check(self) -> None:
        for name, process in self.running:
            if process.poll() is not None:
                raise Wrong(f"{name} ended with {process.returncode}: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """SIGTERM, as a container engine stops them; each must end by itself."""
        self.check()
        for _, process in self.running:
            process.terminate()
        for name, process in self.running:
            try:
                code = process.wait(40)
            except subprocess.TimeoutExpired:
                raise Wrong(f"{name} did not stop within 40 s") from None
            if code not in (0, -15):
                raise Wrong(f"{name} ended with {code}: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        for _, process in self.running:
            with suppress(ProcessLookupError):
                process.kill()


def wait_for_health(app: Path, environ: dict[str, str], processes: Processes) -> None:
    """The image's own health check, and that nothing is degraded: the worker has answered."""
    until = time.monotonic() + PATIENCE
    while True:
        processes.check()
        try:
            run(recipe.health_check(), app, environ)
            print("   " + "; ".join(run([*recipe.health_check(), "--strict"], app, environ).splitlines()))
            return
        except Wrong as problem:
            if time.monotonic() > until:
                raise
            last = problem
            time.sleep(1)
        del last


def sign_in(ports: list[int], link: re.Match[str] | None) -> None:
    """Set the password by the one-time link, sign in, and open a page on each web server with the same session."""
    if link is None:
        raise Wrong("edss-tracker admin printed no link")
    browser = Browser(ports[0])
    browser.post(link[0], password=PASSWORD, again=PASSWORD)
    browser.post("/account/login/", login="admin@clinic.test", password=PASSWORD)
    turn_on_second_factor(browser)
    for port in ports:
        browser.port = port
        status, text = browser.ask("GET", "/users/")
        if status != 200 or "First Admin" not in text:
            raise Wrong(f"the admin's page answered {status} on port {port}")
    print(f"   signed in with a second factor; the same session works on {len(ports)} web servers")


def turn_on_second_factor(browser: "Browser") -> None:
    """In production an admin comes no further without: read the secret, answer with the code of this half minute."""
    status, text = browser.ask("GET", SECOND_FACTOR)
    secret = SECRET.search(text)
    if status != 200 or secret is None:
        raise Wrong(f"the page of the second factor answered {status} and shows no secret")
    key = base64.b32decode(secret[1].replace(" ", ""))
    digest = hmac.digest(key, int(time.time() // 30).to_bytes(8, "big"), "sha1")  # RFC 6238
    number = int.from_bytes(digest[digest[-1] & 15 :][:4], "big") & 0x7FFFFFFF
    browser.submit(SECOND_FACTOR, text, code=f"{number % 10**6:06}")


class Browser:
    """Asks as a proxy hands on what a browser sends: plain, with the headers that say it was https."""

    def __init__(self, port: int) -> None:
        self.port, self.cookies = port, dict[str, str]()

    def ask(self, method: str, path: str, **fields: str) -> tuple[int, str]:
        headers = {
            "Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7", "Referer": f"https://{HOST}{path}",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Content-Type": "application/x-www-form-urlencoded",
        }  # fmt: skip
        connection = http.client.HTTPConnection(LOCAL, self.port, timeout=30)
        connection.request(method, path, urllib.parse.urlencode(fields) or None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
                if self.cookies[key].strip('"') and "secure" not in value.lower():
                    raise Wrong(f"the cookie {key} is not marked Secure")
        connection.close()
        return answer.status, text

    def post(self, path: str, **fields: str) -> None:
        status, text = self.ask("GET", path)
        if status != 200:
            raise Wrong(f"{path.rsplit('/', 2)[0]} answered {status}")
        self.submit(path, text, **fields)

    def submit(self, path: str, text: str, **fields: str) -> None:
        """The form of a page that was read before: to read it again would change its secret."""
        token = TOKEN.search(text)
        if token is None:
            raise Wrong(f"{path.rsplit('/', 2)[0]} shows no form")
        status, _ = self.ask("POST", path, csrfmiddlewaretoken=token[1], **fields)
        if status != 302:
            raise Wrong(f"a form of {path.rsplit('/', 2)[0]} was answered by {status}")


def restore(app: Path, environ: dict[str, str], backup: Path, server: Server) -> None:
    """Into a new database with a data folder of its own, as on another machine."""
    folder = app.parent / "second"
    createdb = ["createdb", "-h", LOCAL, "-p", str(server.port), "-U", "edss", "second"]
    run(createdb, app, environ)
    second = environ | {
        "DATABASE_URL": environ["DATABASE_URL"].rsplit("/", 1)[0] + "/second",
        "EDSS_DATA_DIR": str(folder),
    }
    for line in run(["edss-tracker", "restore", str(backup)], app, second).splitlines():
        print("   " + line)
    run(["edss-tracker", "recompute", "--check"], app, second)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The product as a clinic starts it, and a real browser in front of it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from django.conf import settings

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip
SHOTS = Path(os.environ.get("EDSS_SCREENSHOTS", "")) if os.environ.get("EDSS_SCREENSHOTS") else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def chromium() -> str:
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    return next((found for name in names if name and (found := shutil.which(name))), "")


@pytest.fixture(scope="session")
def own_database():
    """DATABASE_URL of a database made for this run; empty where the suite runs on SQLite, and a file is made."""
    url = settings.DATABASE_URL
    if not url.startswith("postgres"):
        yield ""
        return
    name = f"flow_{uuid.uuid4().hex[:10]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield url.rsplit("/", 1)[0] + f"/{name}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def served(own_database, tmp_path_factory):
    """Address of a whole running product: web server, worker, sweep, demo registry."""
    port = free_port()
    folder = tmp_path_factory.mktemp("data")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("EDSS_", "DATABASE_URL"))}
    env |= {"EDSS_DATA_DIR": str(folder), "PORT": str(port), "DATABASE_URL": own_database}
    with (folder / "log").open("w") as log:
        command = [sys.executable, "-m", "edss_tracker.cli", "run"]
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    wait_for(address, process, folder / "log")
    yield address
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    said = (folder / "log").read_text().partition("Ctrl-C stops it.")[2]  # after the demo's accounts
    assert not re.search(r"\bMS-[0-9A-Z]{8}\b|clinician@demo", said), said[-3000:]  # whom it was about stays out of it


def wait_for(address: str, process, log: Path, seconds: int = 120) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{address}/account/login/", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"no answer in {seconds} s:\n{log.read_text()}")


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # its loop runs in this thread, where tests use the database too
    path = chromium()
    if not path:
        if os.environ.get("CI"):
            pytest.fail("no Chromium on this machine")
        pytest.skip("no Chromium on this machine: install it, or name it in CHROMIUM")
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=path, args=FLAGS)
        yield found
        found.close()


@contextmanager
def watched(browser, address: str):
    """A page that fails the test when it asks another host, meets the content policy, or a script fails."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=address)
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else wrong.append(r.url))
    tab.on("console", lambda m: wrong.append(m.text) if m.type == "error" and "status of 4" not in m.text else None)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    yield tab
    context.close()
    assert wrong == []


@pytest.fixture
def page(browser, served):
    with watched(browser, served) as tab:
        yield tab


@pytest.fixture(scope="session")
def django_db_modify_db_settings():
    """A test database of its own: these tests run beside the suite, on the same PostgreSQL."""
    from django.db import connection

    if connection.vendor == "postgresql":
        connection.settings_dict["TEST"]["NAME"] = f"test_flows_{uuid.uuid4().hex[:10]}"


@pytest.fixture
def clinic(live_server, browser):
    """The product inside this test, whose settings and rows the test can change; open() is a browser of its own."""
    with ExitStack() as tabs:
        yield SimpleNamespace(
            address=live_server.url, open=lambda: tabs.enter_context(watched(browser, live_server.url))
        )


def sign_in(page, email: str) -> None:
    from outcomes.demo import PASSWORD

    page.goto("/account/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/patients/")


def shoot(page, name: str, *, whole: bool = True) -> None:
    """Keep screenshots of both widths where EDSS_SCREENSHOTS names a folder."""
    if SHOTS is None:
        return
    SHOTS.mkdir(parents=True, exist_ok=True)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(600)
        page.screenshot(path=SHOTS / f"{name}-{width}.png", full_page=whole)
    page.set_viewport_size({"width": 1280, "height": 900})

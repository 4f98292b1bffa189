"""The queue of files: several writers, a real worker, and whatever else lies in the folder. Nothing is lost."""

import json
import os
import subprocess
import sys
import time

import pytest

from edss_tracker import folder_queue
from tests.processes.installation import ROOT, eventually

# What a writer sends and the worker notes down: a worker of the project's own settings with one more task
NOTES = """
import os
from edss_tracker.celery import app

@app.task(name="note")
def note(word):
    with open(os.environ["NOTES"], "a") as file:
        file.write(word + chr(10))
"""
WRITE = """
from celery import current_app
for number in range({count}):
    queue = "bulk" if number % 3 == 0 else "saves"
    current_app.send_task("note", args=["{writer}-%d" % number], queue=queue, retry=False, ignore_result=True)
"""
WORKER = (
    "-m",
    "celery",
    "--quiet",
    "-A",
    "notes",
    "worker",
    "-Q",
    "saves,bulk",
    "--pool",
    "solo",
    "--loglevel",
    "ERROR",
)
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class Queue:
    """A folder queue of one installation, with writers and workers of its own."""

    def __init__(self, here) -> None:
        (here.folder / "notes.py").write_text(NOTES)
        self.here, self.notes = here, here.folder / "notes"
        self.place = here.folder / "data" / "queue"
        self.messages, self.aside = folder_queue.make_folders(self.place)
        path = os.pathsep.join([str(here.folder), str(ROOT)])
        self.environ = {"PYTHONPATH": path, "NOTES": str(self.notes), "DJANGO_SETTINGS_MODULE": "edss_tracker.settings"}

    def start_worker(self) -> subprocess.Popen:
        return self.here.start(sys.executable, *WORKER, *QUIET, "-n", f"w{time.time_ns()}", **self.environ)

    def start_writer(self, writer: str, count: int) -> subprocess.Popen:
        code = f"import django\ndjango.setup()\n{WRITE.format(writer=writer, count=count)}"
        return self.here.start(sys.executable, "-c", code, **self.environ)

    def write(self, writer: str, count: int) -> None:
        assert self.start_writer(writer, count).wait(60) == 0, self.here.said()

    def noted(self) -> list[str]:
        return self.notes.read_text().split() if self.notes.exists() else []


@pytest.fixture
def queue(bare):
    return Queue(bare)


def garbage(good: dict) -> dict[str, bytes]:
    """Files that are named like messages and are none that can be run."""
    properties, headers = good["properties"], good["headers"]
    wrong = {
        "list": [good],
        "number": 7,
        "nothing": {},
        "no-properties": good | {"properties": None},
        "no-tag": good | {"properties": {k: v for k, v in properties.items() if k != "delivery_tag"}},
        "no-way-back": good | {"properties": properties | {"delivery_info": 3}},
        "no-headers": good | {"headers": None},
        "no-task": good | {"headers": {}},
        "odd-task": good | {"headers": headers | {"task": ["note"]}},
        "odd-body": good | {"body": "%%%"},
        "number-as-body": good | {"body": "Nw=="},  # base64 of 7
        "foreign-type": good | {"content-type": "application/x-python-serialize"},
        "foreign-encoding": good | {"content-encoding": "no-such-code"},
        "odd-expiry": good | {"headers": headers | {"expires": "soon"}},
        "odd-eta": good | {"headers": headers | {"eta": "soon"}},
        "odd-limit": good | {"headers": headers | {"timelimit": "x"}},
        "number-as-limit": good | {"headers": headers | {"timelimit": 3}},
        "unknown-task": good | {"headers": headers | {"task": "nobody.knows"}},
        "odd-arguments": good | {"body": "W1tdLCB7fSwgW11d"},  # [[], {}, []]
    }
    whole = json.dumps(good).encode()
    files = {name: json.dumps(content).encode() for name, content in wrong.items()}
    return files | {
        "empty": b"",
        "half": whole[: len(whole) // 2],
        "bytes": bytes(range(256)),
        "huge": b" " * 2_000_000,
    }


def test_nothing_is_lost_between_several_writers_and_two_workers(queue):
    workers = [queue.start_worker(), queue.start_worker()]
    writers = [queue.start_writer(name, 1000) for name in "abc"]

    eventually(lambda: len(queue.noted()) >= 3000, lambda: f"{len(queue.noted())} arrived\n{queue.here.said()}")

    assert [writer.wait(20) for writer in writers] == [0, 0, 0]
    assert sorted(queue.noted()) == sorted(f"{name}-{number}" for name in "abc" for number in range(1000))
    assert [worker.poll() for worker in workers] == [None, None]
    assert list(queue.messages.iterdir()) == []
    assert list(queue.aside.iterdir()) == []


def test_a_worker_lives_through_files_that_are_no_messages(queue):
    queue.write("first", 1)
    good = json.loads(next(queue.messages.iterdir()).read_text())
    files = garbage(good)
    for name, content in files.items():
        (queue.messages / f"{name}.saves.msg").write_bytes(content)
    (queue.messages / "folder.saves.msg").mkdir()
    (queue.messages / "dangling.saves.msg").symlink_to("nowhere")
    os.mkfifo(queue.messages / "pipe.saves.msg")
    (queue.messages / "README.txt").write_text("somebody's own")

    worker = queue.start_worker()
    eventually(lambda: len(list(queue.messages.iterdir())) == 1, lambda: f"{os.listdir(queue.messages)}")
    queue.write("last", 1)
    eventually(lambda: "last-0" in queue.noted(), queue.here.said)

    assert worker.poll() is None
    assert "first-0" in queue.noted()
    assert [path.name for path in queue.messages.iterdir()] == ["README.txt"]
    assert {"empty.saves.msg", "half.saves.msg", "pipe.saves.msg"} <= set(os.listdir(queue.aside))


def test_a_message_that_is_being_written_is_not_seen(queue):
    """What a killed writer leaves behind is no message, however often the folder is read."""
    worker = queue.start_worker()
    (queue.aside / "half.saves.msg").write_text('{"body": "')
    queue.write("whole", 5)

    eventually(lambda: len(queue.noted()) == 5, queue.here.said)

    assert worker.poll() is None
    assert "set aside" not in queue.here.said()


def test_a_folder_that_was_removed_comes_back(queue):
    worker = queue.start_worker()
    queue.write("before", 1)
    eventually(lambda: queue.noted() == ["before-0"], queue.here.said)

    queue.messages.rmdir()
    queue.aside.rmdir()
    queue.write("after", 1)

    eventually(lambda: queue.noted() == ["before-0", "after-0"], queue.here.said)
    assert worker.poll() is None


def test_a_folder_that_cannot_be_used_is_waited_for(queue):
    worker = queue.start_worker()
    queue.write("before", 1)
    eventually(lambda: queue.noted() == ["before-0"], queue.here.said)

    queue.messages.rmdir()
    queue.messages.write_text("not a folder")
    time.sleep(1)
    assert worker.poll() is None, queue.here.said()
    queue.messages.unlink()
    queue.write("after", 1)

    eventually(lambda: queue.noted() == ["before-0", "after-0"], queue.here.said)
    assert worker.poll() is None


def test_a_stopped_worker_gives_back_what_it_has_not_begun(queue):
    queue.write("kept", 50)
    worker = queue.start_worker()
    eventually(queue.noted, queue.here.said)
    worker.terminate()
    assert worker.wait(20) == 0

    queue.start_worker()

    eventually(lambda: len(set(queue.noted())) == 50, lambda: f"{len(queue.noted())} of 50\n{queue.here.said()}")


def test_the_sweep_clears_what_nobody_fetched_for_a_day(queue):
    queue.write("old", 3)
    queue.write("new", 2)
    day_before = time.time() - folder_queue.KEPT_SECONDS - 60
    for path in sorted(queue.messages.iterdir())[:3]:
        os.utime(path, (day_before, day_before))
    left = queue.aside / "broken.saves.msg"
    left.write_text("")
    os.utime(left, (day_before, day_before))
    assert queue.here.edss("migrate").returncode == 0

    assert queue.here.edss("sweep").returncode == 0

    assert len(list(queue.messages.iterdir())) == 2
    assert list(queue.aside.iterdir()) == []

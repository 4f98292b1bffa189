"""Make the environment in .venv and install what a requirements file locks. Called by make, with any Python from 3.11.

    python3 tools/environment.py REQUIREMENTS STAMP

By uv where that is on the path, else by venv and pip. Only ready-made packages are taken, so nothing is compiled.
What goes wrong ends in one sentence that says what to do; the installer's own words are in .venv/install.log.
"""

# ruff: noqa: S603

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "install.log"
# Somebody's own pip settings that would send the packages elsewhere; an index or a certificate of theirs is kept
FOREIGN = (
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_REQUIRE_HASHES",
    "PIP_NO_BINARY",
    "PYTHONHOME",
    "PYTHONPATH",
)
ENVIRON = {key: value for key, value in os.environ.items() if key not in FOREIGN} | {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "UV_LINK_MODE": os.environ.get("UV_LINK_MODE", "copy"),
    "UV_NO_PROGRESS": "1",
}
CAUSES = (  # (what the installer says, what to do)
    (
        r"THESE PACKAGES DO NOT MATCH THE HASHES|[Hh]ash mismatch",
        "A downloaded package is not the one that was locked: empty the cache (pip cache purge) and try again, "
        "or ask who runs your package mirror.",
    ),
    (
        r"No space left on device",
        "The disk is full: make room (about 400 MB) and try again.",
    ),
    (
        r"Connection|Temporary failure|timed out|Name or service|SSLError|CERTIFICATE|Could not connect|dns error",
        "The packages could not be downloaded: check the network (or your proxy and mirror settings) and try again.",
    ),
    (
        r"No matching distribution|no version of|has no usable wheels|has no wheels",
        "There is no ready-made package for this Python and system: use Python 3.11 to 3.14 on Linux or macOS.",
    ),
)


def main(requirements: Path, stamp: Path) -> None:
    began = time.monotonic()
    uv = shutil.which("uv")
    make_venv(uv)
    count = len(re.findall(r"^[\w.-]+(\[.*?\])?==", requirements.read_text(), re.MULTILINE))
    print(f"Installing {count} packages in .venv ...", flush=True)
    LOG.write_text("")
    install(uv, ["--require-hashes", "--only-binary", ":all:", "-r", str(requirements)], count)
    install(uv, ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    stamp.touch()
    print(f"Installed in {time.monotonic() - began:.0f} s.", flush=True)


def make_venv(uv: str | None) -> None:
    """A working environment of Python 3.11 or later; one that works is kept."""
    test = "import sys; sys.exit(sys.version_info < (3, 11))"
    if PYTHON.exists() and succeeds([str(PYTHON), "-c", test + "; import pip" * (uv is None)]):
        return
    if uv:
        made = succeeds([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)])
    else:
        if not succeeds([sys.executable, "-c", "import venv, ensurepip"]):
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            stop(f"This Python lacks its venv module: install it (Debian, Ubuntu: apt install python{version}-venv).")
        made = succeeds([sys.executable, "-m", "venv", "--clear", str(VENV)])
    if not made:
        stop(
            f"The folder {VENV} could not be made: check that its parent can be written, and remove it if it is there."
        )


def install(uv: str | None, arguments: list[str], count: int = 0) -> None:
    """Run the installer with its words in the log. Byte code is made when a module is first used, not for all now."""
    if uv:
        command = [uv, "pip", "install", "--python", str(PYTHON), *arguments]
    else:
        command = [str(PYTHON), "-m", "pip", "install", "--no-compile", *arguments]
    installer = subprocess.Popen(
        command, env=ENVIRON, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    words = follow(installer, count)
    if installer.wait():
        for pattern, advice in CAUSES:
            if re.search(pattern, words):
                stop(f"{advice} Details: {LOG}")
        stop(f"The installation failed: {last_error(words)} Details: {LOG}")


def follow(installer: subprocess.Popen[str], count: int) -> str:
    """Everything the installer says, which goes to the log; on a terminal, how many packages it has come to."""
    lines, seen = [], 0
    with LOG.open("a") as log:
        for line in installer.stdout or ():
            lines.append(line)
            log.write(line)
            seen += line.startswith("Collecting ")
            if count and seen and sys.stdout.isatty():
                print(f"\r  {min(seen, count)} of {count}", end="", flush=True)
    if seen and sys.stdout.isatty():
        print()
    return "".join(lines)


def last_error(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["no message."])[-1]


def succeeds(command: list[str]) -> bool:
    return subprocess.run(command, env=ENVIRON, capture_output=True, check=False).returncode == 0


def stop(sentence: str) -> None:
    sys.exit(f"make: {sentence}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

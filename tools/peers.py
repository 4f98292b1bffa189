"""Make .venv-peers, an environment of its own for the peer that the engine is compared with: `make peers`.

The peer needs an older numpy than we do, and so Python 3.11 or 3.12. Run by the interpreter of .venv, which has uv.
"""

# ruff: noqa: S603

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv-peers"
PYTHON = VENV / "bin" / "python"
UV = [sys.executable, "-m", "uv", "--quiet", "--no-progress"]
PYTHONS = ">=3.11,<3.13"


def main() -> None:
    make = [*UV, "venv", "--clear", "--no-python-downloads", "--python", PYTHONS, str(VENV)]
    run(make, "no Python 3.11 or 3.12 was found, which the peer needs: install one")
    locked = ["--require-hashes", "--only-binary", ":all:", "--link-mode", "copy", "-r", "requirements-peers.txt"]
    run([*UV, "pip", "install", "--python", str(PYTHON), *locked], "the peer could not be installed")
    (VENV / "installed").touch()


def run(command: list[str], failed: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"make: {failed}. {done.stderr.strip()}")


if __name__ == "__main__":
    main()

"""A bar on a terminal for what takes a while; nothing in a file or a pipe."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WIDTH = 30
EVERY = 0.2  # seconds


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Call what this gives with (done, of): it draws on standard error, and wipes itself away at the end."""
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    begin, drawn = time.monotonic(), [0.0]

    def draw(done: int, of: int) -> None:
        now = time.monotonic()
        if now - drawn[0] < EVERY and done < of:
            return
        drawn[0] = now
        full, left = WIDTH * done // of, (now - begin) / done * (of - done)
        print(
            f"\r{what} [{'#' * full:<{WIDTH}}] {done}/{of}, {left:.0f} s left \033[K",
            end="",
            file=sys.stderr,
            flush=True,
        )

    try:
        yield draw
    finally:
        print("\r\033[K", end="", file=sys.stderr, flush=True)

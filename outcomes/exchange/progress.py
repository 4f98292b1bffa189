"""A bar on the terminal of whoever waits for a long file; silent everywhere else."""

import sys
import time
from typing import Final

_EVERY: Final = 0.2  # seconds
_WIDE: Final = 30


class Progress:
    """Counts bytes of `total`, or rows when the total is not known (0). Draws on standard error if it is a terminal."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.rows = total, 0, 0
        self.shown = sys.stderr.isatty()
        self.drawn = 0
        self.next = time.monotonic() + _EVERY

    def advance(self, amount: int) -> None:
        """One line of the file. Cheap: the clock is read at every 4,096th."""
        self.done += amount
        self.rows += 1
        if self.shown and not self.rows & 4095 and time.monotonic() >= self.next:
            self.next = time.monotonic() + _EVERY
            self.draw()

    def draw(self) -> None:
        words = f"{self.rows:,} rows"
        if self.total:
            share = min(self.done / self.total, 1.0)
            words = f"[{'#' * int(share * _WIDE):<{_WIDE}}] {share:4.0%}  {words}"
        sys.stderr.write("\r" + words.ljust(self.drawn))
        sys.stderr.flush()
        self.drawn = len(words)

    def clear(self) -> None:
        """Take the bar away, before anything else is said."""
        if self.drawn:
            sys.stderr.write("\r" + " " * self.drawn + "\r")
            sys.stderr.flush()
            self.drawn = 0

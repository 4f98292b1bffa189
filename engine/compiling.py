"""The search, compiled where the optional extra is installed. It is the same source that runs interpreted.

Loaded and compiled at the first use, because that costs seconds: a page or a worker that looks at single patients
never pays for it. Compiled code lets other threads run, so a cohort is searched by as many as there are cores.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from engine import search

SearchMany = Callable[..., None]
WORTH_IT = 300  # patients; fewer are done before a compiler has started
WORTH_SHARING = 10_000  # visits


def available() -> bool:
    """Whether the optional extra is installed."""
    from importlib.util import find_spec

    return find_spec("numba") is not None


@cache
def compiled() -> SearchMany | None:
    """`search.search_many` as machine code, or None without the extra."""
    if not available():
        return None
    import numba
    from numba.extending import register_jitable

    # The search allocates nothing, so that no references have to be counted: that would cost two thirds of the time
    options: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
    for part in search.PARTS:
        register_jitable(**options)(part)
    options["nogil"] = True
    try:
        made: SearchMany = numba.njit(cache=True, **options)(search.search_many)
    except RuntimeError:  # no folder that could keep the machine code
        made = numba.njit(**options)(search.search_many)
    return made


def run(function: SearchMany, tables: tuple[Any, ...], patients: int, visits: int) -> None:
    """Search all patients, in equal shares by the cores of this machine."""
    shares = min(os.cpu_count() or 1, 8) if visits >= WORTH_SHARING else 1
    bounds = [patients * k // shares for k in range(shares + 1)]
    failures: list[BaseException] = []

    def work(begin: int, end: int) -> None:
        try:
            function(*tables, begin, end)
        except BaseException as problem:
            failures.append(problem)

    others = [threading.Thread(target=work, args=bounds[k : k + 2]) for k in range(1, shares)]
    for thread in others:
        thread.start()
    work(bounds[0], bounds[1])
    for thread in others:
        thread.join()
    if failures:
        raise failures[0]

"""The search, compiled where the optional extra is installed. It is the same source that runs interpreted.

Loaded and compiled at the first use, because that costs seconds: a page or a worker that looks at single patients
never pays for it. Compiled code lets other threads run, so a cohort is searched by as many as there are cores.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
        # inlined, since a call hands over the hundreds of values in its tables: that took two thirds of the time, too
        register_jitable(forceinline=True, **options)(part)
    options["nogil"] = True
    try:
        made: SearchMany = numba.njit(cache=True, **options)(search.search_many)
    except RuntimeError:  # no folder that could keep the machine code
        made = numba.njit(**options)(search.search_many)
    return made


def run(function: SearchMany, tables: tuple[Any, ...], patients: int, visits: int) -> list[int]:
    """Search all patients, in equal shares by the cores of this machine; the bounds of the shares."""
    shares = _cores() if visits >= WORTH_SHARING else 1
    bounds = [patients * k // shares for k in range(shares + 1)]
    others = [_threads().submit(function, *tables, *bounds[k : k + 2]) for k in range(1, shares)]
    function(*tables, *bounds[:2])
    for other in others:
        other.result()
    return bounds


def _cores() -> int:
    return min(os.cpu_count() or 1, 8)


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads that stay: to start one takes as long as the search of hundreds of patients."""
    return ThreadPoolExecutor(_cores(), "search")


if hasattr(os, "register_at_fork"):  # a process that was forked has none of its parent's threads
    os.register_at_fork(after_in_child=_threads.cache_clear)

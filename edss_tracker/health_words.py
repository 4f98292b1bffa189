"""What the health page says, in words for a person. Loads nothing: a container asks every few seconds."""

from typing import Any


def in_words(found: dict[str, Any]) -> list[str]:
    """The state as lines for a person."""
    head = {
        "ok": "Everything works.",
        "degraded": "People can work, but something needs an administrator.",
        "down": "Nobody can work: the database does not answer.",
    }
    lines = [head.get(found.get("status", ""), "The state is not known.")]
    lines += [f"Database: {found.get('database')}", f"Broker: {found.get('broker')}"]
    for name, verb in (("worker", "answered"), ("sweep", "came by")):
        seconds = found.get(f"{name}_seconds")
        ago = "" if seconds is None else f", {verb} {seconds} s ago"
        lines += [f"{name.capitalize()}: {found[name]}{ago}"] if name in found else []
    if "stale" in found:
        lines.append(f"Trajectories: {found['stale']} wait to be computed, {found['quarantined']} failed repeatedly")
    return [*lines, f"Engine: {found.get('engine')}"]

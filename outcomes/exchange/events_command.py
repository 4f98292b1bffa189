"""`edss-tracker events VISITS.csv`: confirmed events of any table of visits, for a data manager at a terminal."""

import argparse
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO

from engine.presets import Preset
from engine.progression import scale_of
from outcomes.exchange import event_results
from outcomes.exchange.cells import NOTHING
from outcomes.exchange.event_input import Loaded, Sources, load
from outcomes.exchange.event_words import explain
from outcomes.exchange.events_options import add_arguments, chosen, named
from outcomes.exchange.progress import Progress
from outcomes.exchange.reading import shown
from outcomes.exchange.visit_tables import FAULTS_SHOWN, Faults
from outcomes.exchange.writing import OutputError, csv_writer, whole_file

__all__ = ["add_arguments", "run"]

NOTES_SHOWN = 200
NOT_COLLECTED = (
    "No relapses were given (--relapses, or --no-relapses when nobody had one): no visit counts as near a relapse, and "
    "no worsening is told to be RAW or PIRA."
)
ASKED_FOR = (
    "{name} looks for worsening by its relation to relapses, and none were given: without --relapses (or --no-relapses "
    "when nobody had one) nobody could have such an event."
)
AS_THE_PEERS = "No relapses were given (--relapses, or --no-relapses): as in pymsprog nobody is taken to have had one."


def run(options: argparse.Namespace) -> int:
    """0: written. 2: nothing was written, and why is said in one line each."""
    gc.disable()  # millions of rows, and none refers to itself: looking for such costs a third of the time
    try:
        find(options)
    except OutputError as error:
        for line in str(error).splitlines():
            complain(line)
        return 2
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        complain(f"{error.filename or 'output'}: {error.strerror}.")
        return 2
    finally:
        gc.enable()
    return 0


def find(options: argparse.Namespace) -> None:
    preset = chosen(options)
    sources = named(options)
    check_relapses(sources, preset)
    loaded = read(sources, preset)
    index = place_of(loaded, options.explain)
    with waiting("Searching ..."):
        results = event_results.search(loaded, preset)
    tell(options, loaded, preset)
    with ExitStack() as both, whole_file(options.output) as file:
        if options.unconfirmed:
            writer = csv_writer(both.enter_context(whole_file(options.unconfirmed)))
            writer.writerow(event_results.UNCONFIRMED)
            writer.writerows(event_results.unconfirmed_rows(results))
        if index is not None:
            file.writelines(f"{line}\n" for line in explain(results, index))
        else:
            write(options.format, results, file)


def check_relapses(sources: Sources, preset: Preset) -> None:
    """A search that can find nothing would answer that nobody has an event."""
    wanted = any(one.event in ("firstPIRA", "firstRAW") for one in preset.definitions)
    if wanted and not preset.definition.peer and not (sources.relapses or sources.no_relapses):
        raise OutputError(ASKED_FOR.format(name=preset.name))


def read(sources: Sources, preset: Preset) -> Loaded:
    faults = Faults()
    definition = preset.definition
    loaded = load(sources, faults, scale_of(definition), peer=definition.peer, ends=definition.relapse_end)
    if loaded is None:
        more = faults.count - FAULTS_SHOWN
        raise OutputError("\n".join([*faults.sentences, *([f"... and {more:,} more."] if more > 0 else [])]))
    return loaded


def place_of(loaded: Loaded, patient: str | None) -> int | None:
    if patient is None:
        return None
    if patient not in loaded.names:
        raise OutputError(f"There is no patient {shown(patient)} in the table of visits.")
    return loaded.names.index(patient)


def write(form: str, results: event_results.Results, file: TextIO) -> None:
    progress = Progress(len(results))
    try:
        if form == "json":
            file.writelines(event_results.json_parts(results, progress.advance))
        else:
            writer = csv_writer(file)
            writer.writerow(event_results.header(results.preset))
            writer.writerows(event_results.event_rows(results, progress.advance))
    finally:
        progress.clear()


@contextmanager
def waiting(words: str) -> Iterator[None]:
    """Words on a terminal while something takes its time."""
    if sys.stderr.isatty():
        print(f"\r{words}", end="\r", file=sys.stderr, flush=True)
    yield
    if sys.stderr.isatty():
        print(" " * len(words), end="\r", file=sys.stderr, flush=True)


def tell(options: argparse.Namespace, loaded: Loaded, preset: Preset) -> None:
    """What was not used, a line each."""
    if not (options.relapses or options.no_relapses):
        complain(AS_THE_PEERS if preset.definition.peer else NOT_COLLECTED)
    for name in loaded.names:
        if name.casefold() in NOTHING:
            complain(f"Patient {shown(name)} is taken for a person: leave the cell empty where nobody is known.")
    for note in loaded.notes[:NOTES_SHOWN]:
        print(note, file=sys.stderr)
    if len(loaded.notes) > NOTES_SHOWN:
        print(f"... and {len(loaded.notes) - NOTES_SHOWN:,} more notes on rows.", file=sys.stderr)


def complain(sentence: str) -> None:
    print(f"edss-tracker events: {sentence}", file=sys.stderr)

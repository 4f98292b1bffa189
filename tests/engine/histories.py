"""A patient as pairs of days after 1 January 2020 and a score, and the search of one."""

from datetime import date, timedelta

from engine.progression import Definition, detect

DAY = date(2020, 1, 1)
PLAIN = Definition()
CLASSED = Definition(RAW_PIRA=True)
RISE = ((0, 2.0), (100, 3.0), (190, 3.0), (280, 3.0))


def at(days):
    return DAY + timedelta(days)


def rows(*visits):
    return [(at(days), *rest) for days, *rest in visits]


def run(visits, relapses=(), **options):
    onsets = None if relapses is None else [at(days) for days in relapses]
    return detect(rows(*visits), onsets, Definition.from_mapping(options))

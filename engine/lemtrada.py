"""Doses and days of Lemtrada as both labels state them; nothing is refused by them.

Source: docs/engine.md, "Lemtrada as given".
"""

from collections.abc import Sequence
from decimal import Decimal

FULL_DOSE_MG = Decimal("12")  # on each infusion day
DAYS_OF_FIRST_COURSE = 5
DAYS_OF_LATER_COURSE = 3
MONTHS_BETWEEN_COURSES = 12  # from first day to first day
SAFETY_MONTHS = 48  # safety tests go on so long after the last infusion


def complete_courses(infusion_days: Sequence[int]) -> int:
    """How many courses are complete, from their numbers of infusion days in order of first infusion.

    Source: docs/engine.md, "Cohort outcomes": 5 infusion days in course 1, 3 in a later one.
    """
    needed = [DAYS_OF_FIRST_COURSE] + [DAYS_OF_LATER_COURSE] * (len(infusion_days) - 1)
    return sum(days >= enough for days, enough in zip(infusion_days, needed, strict=False))

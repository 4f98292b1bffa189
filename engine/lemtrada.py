"""Doses and days of Lemtrada as both labels state them; nothing is refused by them.

Source: docs/engine.md, "Lemtrada as given".
"""

from decimal import Decimal

FULL_DOSE_MG = Decimal("12")  # on each infusion day
DAYS_OF_FIRST_COURSE = 5
DAYS_OF_LATER_COURSE = 3
MONTHS_BETWEEN_COURSES = 12  # from first day to first day
SAFETY_MONTHS = 48  # safety tests go on so long after the last infusion

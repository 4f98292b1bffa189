"""One invented person whose history shows what the registry is for; told by hand, not drawn."""

from datetime import date, timedelta
from typing import Final

import numpy as np

from engine.simulated_grades import examination
from engine.simulated_records import SimCourse, SimPatient, SimRelapse, SimTreatment, SimVisit

STARTED_DAYS_AGO: Final = 1350
# Days from the first infusion, and the EDSS. Baseline 4.0; improved and held; one visit 12 days after a relapse; at
# last 3.0, still better than before Lemtrada and a step above the very first visit: pending, overall.
VISITS: Final = (
    (-1460, 2.0),
    (-1270, 2.5),
    (-1080, 2.5),
    (-900, 3.0),
    (-800, 4.0),
    (-620, 3.0),
    (-430, 3.5),
    (-240, 3.5),
    (-21, 4.0),
    (95, 3.5),
    (210, 3.0),
    (385, 3.0),
    (560, 2.5),
    (745, 2.0),
    (930, 2.5),
    (1022, 3.5),
    (1110, 2.5),
    (1305, 3.0),
)
AFTER_RELAPSE: Final = (-800, 1022)


def showcase(today: date, seed: int) -> SimPatient:
    """Improved since Lemtrada and confirmed; overall a worsening that is still pending; two relapses seen early."""
    start = today - timedelta(days=STARTED_DAYS_AGO)
    rng = np.random.default_rng(seed)

    def day(offset: int) -> date:
        return start + timedelta(days=offset)

    visits, grades = [], None
    for offset, edss in VISITS:
        relapse = offset in AFTER_RELAPSE
        found = examination(int(edss * 2), grades, rng)
        grades = grades if relapse else found.grades
        kind = "relapse" if relapse else "scheduled"
        visits.append(SimVisit(day(offset), edss, found, visit_type=kind, steroids=offset == 1022))
    return SimPatient(
        story="improves",
        female=True,
        birth=day(-1600) - timedelta(days=34 * 365),
        onset=day(-1530).replace(day=1),
        onset_precision="month",
        diagnosis=day(-1475),
        consent=(("given", day(-30)),),
        visits=tuple(visits),
        relapses=(
            SimRelapse(day(-1530).replace(day=1), "month", ("visual",), "moderate", "complete", "iv"),
            SimRelapse(day(-812), "day", ("pyramidal", "sensory"), "severe", "partial", "iv", hospital=True),
            SimRelapse(day(-190), "day", ("cerebellar",), "moderate", "partial", "iv"),
            SimRelapse(day(1010), "day", ("brainstem",), "mild", "complete", "oral"),
        ),
        courses=(
            SimCourse(tuple(day(offset) for offset in range(5))),
            SimCourse(tuple(day(offset) for offset in range(372, 375))),
        ),
        treatments=(
            SimTreatment("interferon_beta", day(-1400).replace(day=1), day(-805), "month", "activity"),
            SimTreatment("dimethyl_fumarate", day(-760), day(-90), "day", "activity"),
        ),
    )

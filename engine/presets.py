"""Definitions by name, each as published: docs/engine.md, "Presets"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Literal

from engine.definitions import Definition, RelapseFree
from engine.steps import STEPS


@dataclass(frozen=True, slots=True)
class Preset:
    """One or two definitions that are used together. `anchor`: events count from the since-Lemtrada anchor on."""

    name: str
    title: str
    definitions: tuple[Definition, ...]
    citation: str
    anchor: Literal["none", "since_lemtrada"] = "none"

    @property
    def definition(self) -> Definition:
        """The only definition, or the first one."""
        return self.definitions[0]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Each definition in one sentence; with an anchor the baseline is the visit before the first course."""
        said = (definition.sentence for definition in self.definitions)
        if self.anchor == "none":
            return tuple(said)
        return tuple(
            words.replace("the first usable visit", "the baseline visit before the first course") for words in said
        )


def _carems(days: int, before: int) -> tuple[Definition, Definition]:
    worse = Definition(conf_days=(days,), conf_tol_days=((before, inf),), steps=STEPS["carems"])
    return worse, worse.changed(event="firstCDI")


_CAREMS = "Havrdova 2017, 10.1212/WNL.0000000000004313; Hunter 2021, 10.1007/s40120-021-00262-3"
_MONTOBBIO = "Montobbio 2024, 10.1177/13524585241243157"

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                "carems_6m",
                "CARE-MS, confirmed over 6 months, from the baseline before Lemtrada",
                _carems(182, 14),
                _CAREMS,
                "since_lemtrada",
            ),
            Preset(
                "carems_3m",
                "CARE-MS, confirmed over 3 months, from the baseline before Lemtrada",
                _carems(91, 7),
                _CAREMS,
                "since_lemtrada",
            ),
            Preset(
                "msbase",
                "MSBase: worsening sustained to the end, against a baseline that follows it",
                (
                    Definition(
                        steps=STEPS["msoutcomes"],
                        baseline="roving_wors",
                        conf_days=(90.75,),
                        conf_tol_days=((0, inf),),
                        require_sust_days=inf,
                        relapse_to_bl=(31, 0),
                        relapse_to_conf=(31, 0),
                        rebaseline_value="min_in_confirmation",
                    ),
                ),
                "MSoutcomes 0.2.1; Kalincik 2015, 10.1093/brain/awv258; Lorscheider 2016, 10.1093/brain/aww173",
            ),
            Preset(
                "pira_2023",
                "PIRA, 90 days before to 30 days after onset and confirmation without a relapse",
                (Definition(event="firstPIRA", baseline="roving", conf_days=(84, 168)),),
                f"Mueller 2023, 10.1001/jamaneurol.2023.3331; {_MONTOBBIO}",
            ),
            Preset(
                "pira_2025",
                "PIRA confirmed at 12 months, no relapse since the visit before",
                (
                    Definition(
                        event="firstPIRA",
                        baseline="roving",
                        relapse_rebl=True,
                        conf_days=(365,),
                        relapse_indep=RelapseFree((0, None), (None, 0), (30, 0), "last"),
                    ),
                ),
                "Mueller 2025, 10.1001/jamaneurol.2025.0495",
            ),
            Preset(
                "pira_portaccio",
                "PIRA confirmed at 24 weeks, 90 days before to 30 days after onset without a relapse",
                (
                    Definition(
                        event="firstPIRA",
                        baseline="roving",
                        conf_days=(168,),
                        relapse_indep=RelapseFree((0, 0), (90, 30), (0, 0)),
                    ),
                ),
                "Portaccio 2025, Toward a unified definition of PIRA",
            ),
            Preset(
                "msprog_default",
                "First confirmed worsening as msprog and pymsprog have it by default",
                (Definition(compat="pymsprog"),),
                f"{_MONTOBBIO}; pymsprog 1.0.7",
            ),
        )
    }
)

"""How a made patient was scanned: contrast phase, dose, kernel, table, breathing, implants."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args

import numpy as np

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.phantom.body_plan import BodyPlan

Phase = Literal["native", "arterial", "portal-venous", "delayed"]
Kernel = Literal["soft", "sharp"]
Implant = Literal["teeth", "hip-left", "hip-right"]
PHASES: tuple[Phase, ...] = get_args(Phase)
IMPLANTS: tuple[Implant, ...] = get_args(Implant)

_IMPLANT_SHARE = {"teeth": 0.3, "hip-left": 0.06, "hip-right": 0.06}
_SHARP_SHARE = 0.15
_BREATHING_MM = (0.0, 6.0)


@dataclass(frozen=True)
class Scan:
    """One examination. `noise_hu` is the standard deviation in the liver of a slim adult at 3 mm."""

    phase: Phase = "portal-venous"
    noise_hu: float = 11.0
    kernel: Kernel = "soft"
    breathing_mm: float = 0.0
    implants: tuple[Implant, ...] = ()

    def description(self) -> dict[str, object]:
        """The scan in words and numbers."""
        return {**asdict(self), "implants": list(self.implants)}


def draw_scan(plan: BodyPlan, rng: np.random.Generator, *, phase: Phase | None = None, abnormal: bool = False) -> Scan:
    """A scan of a normal patient; metal in teeth and hips only where what is `abnormal` was asked for.

    Raises:
        AnatomyGuidedError: The phase is none of `PHASES`.
    """
    if phase is not None and phase not in PHASES:
        raise AnatomyGuidedError(f"The contrast phase must be one of {', '.join(PHASES)}, but is {phase!r}.")
    drawn: Phase = PHASES[int(rng.choice(len(PHASES), p=(0.35, 0.1, 0.45, 0.1)))]
    metal = [name for name, draw in zip(IMPLANTS, rng.random(len(IMPLANTS)), strict=True)
             if draw < _IMPLANT_SHARE[name] * (1.6 if plan.age_years > 60 else 1.0)]  # fmt: skip
    return Scan(
        phase=phase or drawn,
        noise_hu=round(float(np.exp(rng.normal(np.log(11.0), 0.3))), 2),
        kernel="sharp" if rng.random() < _SHARP_SHARE else "soft",
        breathing_mm=round(float(rng.uniform(*_BREATHING_MM)), 2),
        implants=tuple(metal) if abnormal else (),
    )

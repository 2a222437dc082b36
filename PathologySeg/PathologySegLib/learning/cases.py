"""What is learned from: a PET/CT on one grid, its lesions and its anatomy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid

Field = npt.NDArray[np.float32]
Ids = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Case:
    """HU, SUV, which voxels are lesions, and DAP ids by where they come from ("true", "predicted", ...).

    Arrays are [i, j, k] along R, A and S, in cubes of `spacing_mm`. Without a `patient` it is of one of its own.
    """

    name: str
    spacing_mm: float
    ct: Field
    pet: Field
    lesions: npt.NDArray[np.bool_]
    anatomies: Mapping[str, Ids]
    patient: str = ""

    @property
    def whose(self) -> str:
        """What cases of one patient have in common."""
        return self.patient or self.name

    @property
    def healthy(self) -> bool:
        """Whether there is no lesion."""
        return not bool(self.lesions.any())

    @property
    def grid(self) -> Grid:
        """The grid that the case's masks are scored on."""
        return Grid(self.ct.shape, np.diag([self.spacing_mm] * 3 + [1.0]))

    def anatomy(self, name: str) -> Ids:
        """The DAP ids of this kind.

        Raises:
            AnatomyGuidedError: The case has none.
        """
        if name not in self.anatomies:
            raise AnatomyGuidedError(
                f"{self.name} has no {name} anatomy; it has {', '.join(self.anatomies) or 'none'}."
            )
        return self.anatomies[name]


class Cases(Protocol):
    """Where cases come from; the same number gives the same case."""

    def __len__(self) -> int: ...

    def case(self, number: int) -> Case: ...


def write_case(case: Case, path: Path) -> None:
    """Nothing; the file holds the case, whole or not at all."""
    part = path.with_name(f"{path.stem}.{os.getpid()}.part.npz")  # processes of one training may make it at once
    anatomies: dict[str, Any] = {f"anatomy_{name}": ids for name, ids in case.anatomies.items()}
    np.savez_compressed(
        part, ct=case.ct.astype(np.float16), pet=case.pet.astype(np.float16), lesions=case.lesions,
        spacing_mm=np.float64(case.spacing_mm), **anatomies,
    )  # fmt: skip
    part.replace(path)


def read_case(path: Path) -> Case:
    """The case of a file that `write_case` wrote."""
    with np.load(path) as stored:
        anatomies = {key.removeprefix("anatomy_"): stored[key] for key in stored.files if key.startswith("anatomy_")}
        ct, pet = (stored[key].astype(np.float32) for key in ("ct", "pet"))
        return Case(path.stem, float(stored["spacing_mm"]), ct, pet, stored["lesions"], anatomies)

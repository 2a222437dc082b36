"""What a session is made of: states (results), entries (commands that were run), replies."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.labels import label_by_name

from LIMISLib.box import Box
from LIMISLib.commands import Command, Interpretation
from LIMISLib.language.structures import everyday_name
from LIMISLib.planes import AXIAL, Plane
from LIMISLib.prompt import Click, Prompt, Window
from LIMISLib.prompt_segmenter import Mask
from LIMISLib.random_walk import Chances

THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Setup:
    """All that a mask is computed from: where, by which prompt, from which probability on, and what was dropped.

    `dropped` are pixels of components that were taken out.
    """

    structure: str
    slice_number: int
    box: Box
    plane: Plane = AXIAL
    clicks: tuple[Click, ...] = ()
    window: Window | None = None
    threshold: float = THRESHOLD
    dropped: Mask | None = None

    @property
    def prompt(self) -> Prompt:
        return Prompt(self.box, self.clicks, self.window)


@dataclass(frozen=True, eq=False)
class State:
    """One result, and the state and command that it came from.

    `volume` is the mask in all slices, on the image's grid, once it was propagated.
    """

    number: int
    parent: int | None
    command: Command
    setup: Setup
    chances: Chances = field(repr=False)
    mask: Mask = field(repr=False)
    volume: npt.NDArray[np.uint8] | None = field(default=None, repr=False)

    @property
    def structure(self) -> str:
        return self.setup.structure

    @property
    def slice_number(self) -> int:
        return self.setup.slice_number

    @property
    def box(self) -> Box:
        return self.setup.box

    @property
    def is_empty(self) -> bool:
        """Whether no pixel, or in 3D no voxel, is the structure's."""
        return not (self.mask if self.volume is None else self.volume).any()

    @property
    def digest(self) -> str:
        """sha256 of the mask and of where it is; equal for equal masks on every machine."""
        shape = self.mask.shape if self.volume is None else self.volume.shape
        bits = np.packbits(self.mask if self.volume is None else self.volume > 0).tobytes()
        plane = "" if self.setup.plane is AXIAL else f"{self.setup.plane.name} "
        place = f"{self.structure} {self.slice_number} {plane}{' '.join(str(n) for n in shape)} "
        return hashlib.sha256(place.encode() + bits).hexdigest()

    def described(self) -> str:
        """The structure, the slice and the size, in a sentence."""
        name = everyday_name(label_by_name(self.structure))
        where = f"{name[0].upper()}{name[1:]} on slice {self.slice_number}"
        if self.volume is None:
            return f"{where}: {np.count_nonzero(self.mask)} pixels."
        return f"{name[0].upper()}{name[1:]} in 3D: {np.count_nonzero(self.volume)} voxels."


@dataclass(frozen=True)
class Entry:
    """A command that was run: what was said, what it meant, and the state that the session was in after it.

    Before the first mask the state is -1 and the digest empty.
    """

    sentence: str
    command: Command
    state: int
    digest: str


@dataclass(frozen=True)
class Reply:
    """What a person gets to read or hear, what their sentence was taken for, and whether it was done."""

    text: str
    interpretation: Interpretation
    done: bool
    state: State | None

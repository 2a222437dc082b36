"""What the commands' actions work with: the image, the tree of states, what is shown, and what is being asked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, Volume, require_same_grid

from LIMISLib.box_finder import AtlasBoxFinder, BoxFinder, PlaneFinder
from LIMISLib.commands import Command
from LIMISLib.dialogue import Dialogue
from LIMISLib.guide import Guide
from LIMISLib.planes import AXIAL, Plane, SliceView
from LIMISLib.prompt_segmenter import Mask, PromptSegmenter
from LIMISLib.random_walk import Chances
from LIMISLib.state_tree import StateTree
from LIMISLib.states import Setup, State


class Workbench:
    """One image with its finder and segmenter, and all that came of the commands so far.

    `slice_number` is the slice that is shown, `said` the last answer.

    Raises:
        GridMismatch: Image and anatomy are not on one grid.
    """

    def __init__(
        self,
        image: Volume,
        anatomy: Labelmap | None,
        *,
        finder: BoxFinder | None,
        segmenter: PromptSegmenter,
        plane: Plane,
    ) -> None:
        if anatomy is not None:
            require_same_grid(image.grid, anatomy.grid, names=("the image", "the anatomy"))
        self.image, self.segmenter = image, segmenter
        self.tree, self.dialogue = StateTree(), Dialogue()
        self.slice_number: int | None = None
        self.said = ""
        self._anatomy, self._given_finder = anatomy, finder
        self.use_plane(plane)

    def use_plane(self, plane: Plane) -> None:
        """Nothing; the next structure is looked for in slices of the plane.

        Raises:
            AnatomyGuidedError: The finder knows no such slices.
        """
        given = self._given_finder
        if isinstance(given, PlaneFinder):
            given = given.in_plane(plane)
        elif given is not None and plane is not AXIAL:
            raise AnatomyGuidedError(
                f"{given.name} finds structures in axial slices only; give an anatomy (a label map) for the "
                f"{plane.name} plane."
            )
        self.view = SliceView(self.image.grid, plane)
        self.finder = given
        if self.finder is None and self._anatomy is not None:
            self.finder = AtlasBoxFinder(self._anatomy, plane=plane)

    def view_of(self, state: State) -> SliceView:
        """The slices that the state's mask lies in; those of the next structure are `view`."""
        return SliceView(self.image.grid, state.setup.plane)

    def chances(self, setup: Setup) -> Chances:
        """The segmenter's probabilities.

        Raises:
            AnatomyGuidedError: The box lies outside the image, whatever the segmenter would do.
        """
        view = SliceView(self.image.grid, setup.plane)
        setup.box.pixels(view.shape)
        pixels_hu = view.slice_of(self.image.values, setup.slice_number)
        return self.segmenter.chances(pixels_hu, setup.prompt, pixel_mm=view.pixel_mm)

    def masked(self, setup: Setup, chances: Chances) -> Mask:
        """The mask at the setup's threshold, without what was dropped."""
        mask = np.asarray((chances >= setup.threshold) & (chances > 0))
        return mask if setup.dropped is None else mask & ~setup.dropped

    def add(
        self,
        command: Command,
        setup: Setup,
        *,
        chances: Chances | None = None,
        volume: npt.NDArray[np.uint8] | None = None,
    ) -> str:
        """A description of the new state, which is the current one; it says where a mask in 3D became one slice again.

        Raises:
            AnatomyGuidedError: Its mask cannot be computed; then nothing has changed.
        """
        chances = self.chances(setup) if chances is None else chances
        mask = self.masked(setup, chances)
        for array in (chances, mask, volume):
            if array is not None:
                array.flags.writeable = False
        before = self.tree.current
        parent = before.number if before else None
        state = State(self.tree.next_number, parent, command, setup, chances, mask, volume)
        self.tree.add(state)
        self.show_current(before)
        text = f"Step {state.number}. {state.described()}"
        if before is not None and before.volume is not None and volume is None and _place(state) == _place(before):
            text += (
                f' This is one slice again, step {before.number} stays in 3D; say "propagate" to carry the new mask.'
            )
        return text

    def go_to(self, state: State) -> None:
        """Nothing; the state is the current one and its slice is shown."""
        before = self.tree.current
        self.tree.go_to(state)
        self.show_current(before)

    def show_current(self, before: State | None) -> None:
        """Nothing; the current slice is shown, and the guide is gone if what it asks about lies elsewhere."""
        state = self.tree.required()
        if before is not None and _place(state) != _place(before):
            self.dialogue.guide = Guide()
        self.slice_number = state.slice_number


def _place(state: State) -> tuple[str, int, Plane]:
    return state.structure, state.slice_number, state.setup.plane

"""What commands do to what is shown: the slice, the plane."""

from __future__ import annotations

from AnatomyGuidedLib.errors import AnatomyGuidedError

from LIMISLib.commands import Command
from LIMISLib.planes import PLANES
from LIMISLib.workbench import Workbench


def go_to_slice(bench: Workbench, command: Command) -> str:
    """Another slice is shown, by its number or by steps from the one that is shown."""
    number = command.count("slice")
    if number is None:
        if bench.slice_number is None:
            raise AnatomyGuidedError('No slice is shown yet; say a number, for example "slice 40".')
        step = int(command.number("count", 1))
        number = bench.slice_number + (step if command.word("move") == "next" else -step)
    view = bench.view
    if not 1 <= number <= view.count:
        raise AnatomyGuidedError(f"The image has {view.plane.name} slices 1 to {view.count}, not {number}.")
    bench.slice_number = number
    return f"Slice {number} of {view.count}."


def set_plane(bench: Workbench, command: Command) -> str:
    """The plane of the next structure."""
    bench.use_plane(PLANES[command.word("plane")])
    bench.slice_number = None
    return f"Structures are now segmented in {bench.view.plane.name} slices, 1 to {bench.view.count}."

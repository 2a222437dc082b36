"""Whether an anatomy that a model predicted can be believed where it names the places of lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.labels import label_by_id

_NAMES = ("structure", "nearest_structure")
_MANY = 0.2  # by dap-demo, of made whole bodies 4 to 6 %, an abdomen 12 %, a liver 16 %, thighs 21 and 43 % fail


def doubt(anatomy: Labelmap, rows: Sequence[Mapping[str, object]]) -> str:
    """A sentence on what fails the atlas's plausibility checks (volume, side, order, ...); nothing where all is well.

    A model sees the organs that it learned wherever it is shown, a brain in an image of a thigh, too. Where many of the
    structures fail, none is believed; else those are named that the table of lesions names.

    >>> import numpy as np
    >>> from AnatomyGuidedLib.grid import Grid
    >>> doubt(Labelmap(np.ones((4, 4, 4), np.uint8), Grid((4, 4, 4), np.eye(4))), [])
    ''

    Args:
        anatomy: DAP ids, on any grid.
        rows: Lesions, with `structure` and `nearest_structure`.
    """
    told = {str(row[name]) for row in rows for name in _NAMES} - {""}
    if not told or not anatomy.values.any():
        return ""
    shown, failed = _assessed(anatomy)
    if failed and len(failed) >= _MANY * shown:
        return (
            f"The predicted anatomy is not to be believed: {len(failed)} of the {shown} structures that it shows are "
            "implausible (by volume, side, place or order), as where an image shows what the model never saw. So are "
            "the names of structures in the table; give the anatomy, if you have one."
        )
    doubtful = sorted(told & failed)
    if not doubtful:
        return ""
    names = f"{', '.join(doubtful[:-1])} and {doubtful[-1]}" if len(doubtful) > 1 else doubtful[0]
    return (
        f"The predicted anatomy is implausible (by volume, side, place or order) where it shows {names}: look at the "
        "images before you believe these names in the table."
    )


def _assessed(anatomy: Labelmap) -> tuple[int, set[str]]:
    """How many structures are there, and the names of those among them that fail."""
    from DAPAtlasLib.plausibility.assess import assess
    from DAPAtlasLib.plausibility.case import Case
    from DAPAtlasLib.rules.pieces import in_pieces

    there = [one for one in assess(Case(in_pieces(anatomy))) if one.volume_ml > 0]
    return len(there), {label_by_id(one.label).name for one in there if one.verdict == "fail"}

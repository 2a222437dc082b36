"""Lesions that hold most of a large structure: rather an organ's own uptake than a tumour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.labels import id_of

_LARGE_ML = 100.0  # a metastasis may fill a vertebra; of made patients, no true lesion filled more than 27 % of one
_MOST = 0.4


def whole_organs(
    lesions: Labelmap, rows: Sequence[Mapping[str, object]], anatomy: Labelmap, *, advice: str = ""
) -> tuple[str, ...]:
    """A sentence on lesions of 100 ml or more that hold two fifths or more of the structure that they lie in, or none.

    Where a voxel's noise makes a hot spot of a healthy organ, 41 % of it lies below the organ's mean, and the spot
    grows over the whole organ.

    >>> from AnatomyGuidedLib.grid import Grid
    >>> where = Grid((4, 1, 1), np.diag([100.0, 100.0, 100.0, 1.0]))
    >>> liver = Labelmap(np.full((4, 1, 1), id_of("Liver"), np.uint8), where)
    >>> spot = Labelmap(np.array([1, 1, 1, 0], np.uint8).reshape(4, 1, 1), where)
    >>> whole_organs(spot, [{"lesion": 1, "volume_ml": 3000.0, "structure": "Liver"}], liver)[0][:31]
    'Lesion 1 holds 75 % of Liver: h'

    Args:
        lesions: Numbered as the rows.
        rows: With `lesion`, `volume_ml` and `structure`.
        anatomy: DAP ids on the lesions' grid.
        advice: What else to do, after "before you count it".
    """
    held = _held(lesions, rows, anatomy)
    found = [f"Lesion {number} holds {100 * share:.0f} % of {name}" for number, share, name in held]
    if not found:
        return ()
    return (
        f"{'; '.join(found)}: healthy uptake of a whole organ or a warm muscle looks so, a tumour seldom. Look at the "
        f"images before you count it{advice}.",
    )


def _held(
    lesions: Labelmap, rows: Sequence[Mapping[str, object]], anatomy: Labelmap
) -> Iterator[tuple[object, float, str]]:
    for row in rows:
        name = str(row["structure"])
        if not name or float(str(row["volume_ml"])) < _LARGE_ML:
            continue
        structure = anatomy.values == id_of(name)
        held = int(np.count_nonzero(structure & (lesions.values == row["lesion"])))
        share = held / int(np.count_nonzero(structure))
        if share >= _MOST and held * anatomy.grid.voxel_volume_ml >= _LARGE_ML:
            yield row["lesion"], share, name

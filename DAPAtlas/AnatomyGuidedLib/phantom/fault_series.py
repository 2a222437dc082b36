"""Miscounting: vertebrae and ribs that carry a neighbour's name (thesis, 3.1.3 and Algorithm 7)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from AnatomyGuidedLib.labels import structures
from AnatomyGuidedLib.phantom.fault_canvas import FaultCanvas, NotPossible, middle_ras, points_ras
from AnatomyGuidedLib.phantom.fault_growth import grown_in, paint

VERTEBRAE = tuple(label.name for label in structures() if label.group == "Vertebras")  # from C1 downwards

_FRAGMENTS = (1, 3)
_FRAGMENT_SHARE = (0.08, 0.4)
_NEAR_SHARE = 0.25  # of a vertebra's voxels, those nearest to its neighbour: there a fragment begins
_BOTH_SIDES_SHARE = 0.3


def ribs(side: str) -> tuple[str, ...]:
    """The names of a side's ribs, from the first rib (Costa 12) downwards.

    >>> ribs("left")[0], ribs("left")[-1]
    ('Costa 12 Left', 'Costa 1 Left')
    """
    found = [label for label in structures() if label.side == side and label.anatomical_rib]
    return tuple(label.name for label in sorted(found, key=lambda label: label.anatomical_rib or 0))


def vertebrae_shifted(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """All vertebrae from a level upwards or downwards are named one level too high or too low.

    The last name of the series is given twice where its neighbour's vertebra takes it too.
    """
    canvas.require(VERTEBRAE, "two vertebrae", least=2)
    return _shifted(canvas, [VERTEBRAE], rng)


def ribs_shifted(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """All ribs from one upwards or downwards carry the next rib's name, on one side or on both."""
    sides = [side for side in ("left", "right") if len(canvas.present(ribs(side))) >= 2]
    if not sides:
        raise NotPossible("the fault needs two ribs of one side in the field of view, but the map holds fewer.")
    rng.shuffle(sides)
    return _shifted(canvas, [ribs(side) for side in (sides if rng.random() < _BOTH_SIDES_SHARE else sides[:1])], rng)


def vertebra_fragment(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """A piece of one to three vertebrae, 8 to 40 % of each and near the neighbour, carries the neighbour's name."""
    pairs = neighbours(canvas, VERTEBRAE)
    if not pairs:
        raise NotPossible("the fault needs two neighbouring vertebrae in the field of view, but the map holds none.")
    pieces: dict[str, dict[str, object]] = {}
    for number in rng.permutation(len(pairs))[: int(rng.integers(_FRAGMENTS[0], _FRAGMENTS[1] + 1))].tolist():
        old, new = _either_way(pairs[number], rng)
        if old not in pieces:
            pieces[old] = {"vertebra": old, "named": new, "voxels": _fragment(canvas, old, new, rng)}
    return {"fragments": list(pieces.values())}


def ribs_merged(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """Two neighbouring ribs share the name of one of them; the others keep theirs."""
    pairs = [pair for side in ("left", "right") for pair in neighbours(canvas, ribs(side))]
    if not pairs:
        raise NotPossible("the fault needs two neighbouring ribs in the field of view, but the map holds none.")
    old, new = _either_way(pairs[int(rng.integers(len(pairs)))], rng)
    canvas.rename({old: new})
    return {"ribs": [old, new], "named": new}


def _shifted(canvas: FaultCanvas, series: Sequence[tuple[str, ...]], rng: np.random.Generator) -> dict[str, object]:
    """Every series renamed from the same level on in the same direction, as far as the map holds it."""
    levels = [level for level in range(len(series[0])) if any(canvas.has(names[level]) for names in series)]
    place = int(rng.integers(1, len(levels)))
    upwards = bool(rng.integers(2))
    part = levels[: place + 1] if upwards else levels[place - 1 :]
    step = int(rng.choice([-1, 1]))
    renamed = {
        names[level]: names[min(max(level + step, 0), len(names) - 1)]
        for names in series
        for level in part
        if canvas.has(names[level])
    }
    changed = {old: new for old, new in renamed.items() if old != new}
    canvas.rename(changed)
    return {
        "from": [names[part[-1] if upwards else part[0]] for names in series],
        "towards": "head" if upwards else "feet",
        "named": "one too high" if step < 0 else "one too low",
        "renamed": changed,
    }


def _fragment(canvas: FaultCanvas, old: str, new: str, rng: np.random.Generator) -> int:
    places = canvas.voxels_ijk(old)
    away = np.round(points_ras(canvas, old) - middle_ras(points_ras(canvas, new)), 2)
    near = np.argsort((away * away).sum(axis=1), kind="stable")[: max(1, round(_NEAR_SHARE * len(places)))]
    seed = places[near[int(rng.integers(len(near)))]]
    voxels = max(1, round(float(rng.uniform(*_FRAGMENT_SHARE)) * len(places)))
    patch = grown_in(canvas, old, seed, voxels=voxels, rng=rng)
    paint(canvas, patch, new)
    return patch.voxels


def neighbours(canvas: FaultCanvas, series: tuple[str, ...]) -> list[tuple[str, str]]:
    return [pair for pair in pairwise(series) if canvas.has(pair[0]) and canvas.has(pair[1])]


def _either_way(pair: tuple[str, str], rng: np.random.Generator) -> tuple[str, str]:
    return pair if rng.integers(2) else (pair[1], pair[0])

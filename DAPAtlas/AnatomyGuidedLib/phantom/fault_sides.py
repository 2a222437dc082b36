"""Left and right taken for each other: the systematic error that the thesis names first (3.1.3, Algorithm 8)."""

from __future__ import annotations

import numpy as np

from AnatomyGuidedLib.labels import Label, label_by_id, structures
from AnatomyGuidedLib.phantom.fault_canvas import FaultCanvas, NotPossible
from AnatomyGuidedLib.phantom.fault_growth import paint, part_of

_MUST_TAKE_PART = ("Ribs", "Bones", "Respiratory", "Musculature")
_MORE_PAIRS = (1, 3)
_SHARE = (0.03, 0.45)
_BOTH_SIDES_SHARE = 0.4
_WHOLE_PAIRS = (1, 3)


def left_right_swap(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """Patches of paired structures carry the partner's name: of ribs, bones, lungs, muscles and some other pairs.

    A patch holds 3 to 45 % of its structure. In some pairs both sides have a patch.
    """
    patches = []
    for left, right in _some_pairs(_pairs(canvas), rng):
        sides = [(left, right), (right, left)]
        rng.shuffle(sides)
        for old, new in sides if rng.random() < _BOTH_SIDES_SHARE else sides[:1]:
            patch = part_of(canvas, old, float(rng.uniform(*_SHARE)), rng)
            paint(canvas, patch, new)
            patches.append({"structure": old, "named": new, "voxels": patch.voxels})
    return {"patches": patches}


def left_right_swap_whole(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """One to three whole structures carry their partner's name; the partner keeps its own, or takes theirs."""
    pairs = _pairs(canvas)
    count = min(int(rng.integers(_WHOLE_PAIRS[0], _WHOLE_PAIRS[1] + 1)), len(pairs))
    renamed: dict[str, str] = {}
    for number in rng.choice(len(pairs), count, replace=False).tolist():
        sides = list(pairs[number])
        rng.shuffle(sides)
        renamed[sides[0]] = sides[1]
        if rng.random() < _BOTH_SIDES_SHARE:
            renamed[sides[1]] = sides[0]
    canvas.rename(renamed)
    return {"renamed": renamed}


def _pairs(canvas: FaultCanvas) -> list[tuple[str, str]]:
    """Left and right names of the pairs of which the map holds both."""
    lefts = [label for label in structures() if label.side == "left" and label.partner]
    pairs = [(label.name, _partner(label)) for label in lefts]
    found = [pair for pair in pairs if canvas.has(pair[0]) and canvas.has(pair[1])]
    if not found:
        raise NotPossible("the fault needs a left and a right partner, but the map holds both sides of no structure.")
    return found


def _some_pairs(pairs: list[tuple[str, str]], rng: np.random.Generator) -> list[tuple[str, str]]:
    """A pair of each group that must take part, and one to three of the others, each of another group."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for pair in pairs:
        groups.setdefault(_group(pair[0]), []).append(pair)
    others = [group for group in groups if group not in _MUST_TAKE_PART]
    count = min(int(rng.integers(_MORE_PAIRS[0], _MORE_PAIRS[1] + 1)), len(others))
    chosen = [group for group in _MUST_TAKE_PART if group in groups]
    chosen += [others[number] for number in rng.choice(len(others), count, replace=False).tolist()] if count else []
    return [groups[group][int(rng.integers(len(groups[group])))] for group in chosen]


def _partner(label: Label) -> str:
    return label_by_id(label.partner or 0).name


def _group(name: str) -> str:
    return next(label.group for label in structures() if label.name == name)

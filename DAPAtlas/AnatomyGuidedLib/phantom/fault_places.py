"""Structures where no body has them: in the head, above the lungs, in the abdomen (thesis, 3.1.3 and Algorithm 6).

Networks do this by what looks alike: gonads for eyeballs and colon for the nasal cavity are the thesis's own examples,
bronchus for trachea and thyroid for cheek those of the released code, bladder for other fluid its rule for the abdomen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from AnatomyGuidedLib.labels import structures
from AnatomyGuidedLib.phantom.fault_canvas import Box, FaultCanvas, Mask, NotPossible
from AnatomyGuidedLib.phantom.fault_growth import Patch, grown, paint, seed_in

_HIPS = ("Hip Left", "Hip Right")
_LOBES = tuple(label.name for label in structures() if label.name.startswith("Lung "))
_FLUID = ("Gallbladder", "Stomach", "Small Bowel", "Duodenum", "Colon", "Kidney Left", "Kidney Right")
_ABOVE_PELVIS_MM = 40.0
_BLADDER_ML = (1.0, 40.0)
_GALLBLADDER_SHARE = 0.6


def colon_in_head(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """A fifth to nine tenths of the nasal cavity is Colon: air and soft tissue in folds look like it."""
    hosts = canvas.require(["Nasal Cavity"], "the nasal cavity")
    return _pieces([_piece(canvas, hosts[0], "Colon", float(rng.uniform(0.2, 0.9)), rng)])


def gonads_in_head(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """One or both eyeballs are Gonads, wholly or for the larger part."""
    hosts = canvas.require(["Eyeball Left", "Eyeball Right"], "an eyeball")
    rng.shuffle(hosts)
    return _pieces([_piece(canvas, host, "Gonads", _share(rng, 0.4), rng) for host in hosts[: int(rng.integers(1, 3))]])


def thyroid_in_cheeks(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """A part of one or both cheeks is the thyroid of its side."""
    hosts = canvas.require(["Cheek Left", "Cheek Right"], "a cheek")
    rng.shuffle(hosts)
    chosen = hosts[: int(rng.integers(1, 3))]
    names = {"Cheek Left": "Thyroid Left", "Cheek Right": "Thyroid Right"}
    return _pieces([_piece(canvas, host, names[host], _share(rng, 0.1), rng) for host in chosen])


def bronchi_above_lungs(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """A stretch of the trachea above both lungs is Bronchus."""
    lobes = canvas.require(_LOBES, "a lung")
    canvas.require(["Trachea"], "the trachea")
    floor = max(_top_mm(canvas, lobe) for lobe in lobes)
    if not _above(canvas, "Trachea", canvas.box("Trachea"), floor).any():
        raise NotPossible("the fault needs the trachea above the lungs, but the map holds none of that part.")
    piece = _piece(canvas, "Trachea", "Bronchus", _share(rng, 0.2), rng, floor_mm=floor)
    return {**_pieces([piece]), "lungs_end_at_s_mm": floor}


def bladder_in_abdomen(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """A piece of the gallbladder, bowel, stomach or a kidney, well above the pelvis, is Bladder; 1 to 40 ml of it."""
    organs = canvas.require(_FLUID, "an organ of the abdomen that holds fluid")
    hips = canvas.present(_HIPS)
    top = max(_top_mm(canvas, hip) for hip in hips) if hips else -np.inf
    floors = {name: _floor_mm(canvas, name, top) for name in organs}
    hosts = [name for name in organs if _above(canvas, name, canvas.box(name), floors[name]).any()]
    if not hosts:
        raise NotPossible(f"the fault needs an organ above the pelvis, but {', '.join(organs)} lie beside it.")
    likely = hosts[:1] if hosts[0] == _FLUID[0] and rng.random() < _GALLBLADDER_SHARE else hosts
    host = likely[int(rng.integers(len(likely)))]
    ml = float(rng.uniform(*_BLADDER_ML))
    share = ml / canvas.grid.voxel_volume_ml / max(int(canvas.mask(host, canvas.box(host)).sum()), 1)
    return _pieces([_piece(canvas, host, "Bladder", share, rng, floor_mm=top, seed_floor_mm=floors[host])])


def _floor_mm(canvas: FaultCanvas, name: str, top_of_hips: float) -> float:
    """The height above which a piece may begin: anywhere in an organ above the hips, else well above them."""
    box = canvas.box(name)
    mask = canvas.mask(name, box)
    wholly_above = int(_above(canvas, name, box, top_of_hips).sum()) == int(mask.sum())
    return top_of_hips if wholly_above else top_of_hips + _ABOVE_PELVIS_MM


def _piece(
    canvas: FaultCanvas,
    host: str,
    name: str,
    share: float,
    rng: np.random.Generator,
    *,
    floor_mm: float = -np.inf,
    seed_floor_mm: float = -np.inf,
) -> dict[str, object]:
    """A connected piece of a host above a height, painted under another name; a share of what lies there."""
    box = canvas.box(host)

    def allowed(part: Box) -> Mask:
        return _above(canvas, host, part, floor_mm)

    seed = seed_in(_above(canvas, host, box, max(floor_mm, seed_floor_mm)), box, rng)
    patch = grown(canvas, allowed, box, seed, voxels=max(1, round(share * int(allowed(box).sum()))), rng=rng)
    paint(canvas, patch, name)
    return {"structure": host, "named": name, "voxels": patch.voxels, "middle_ras_mm": middle_of(canvas, patch)}


def middle_of(canvas: FaultCanvas, patch: Patch) -> list[float]:
    """The patch's centre of mass."""
    places = np.argwhere(patch.mask).mean(axis=0) + [side.start for side in patch.box]
    return [round(float(value), 1) for value in canvas.grid.ras_from_ijk(places)]


def _pieces(pieces: Sequence[dict[str, object]]) -> dict[str, object]:
    return {"pieces": list(pieces)}


def _share(rng: np.random.Generator, least: float) -> float:
    """A share of a structure; one time in three all of it."""
    return 1.0 if rng.random() < 1 / 3 else float(rng.uniform(least, 1.0))


def _above(canvas: FaultCanvas, name: str, box: Box, floor_mm: float) -> Mask:
    mask = canvas.mask(name, box)
    return mask if floor_mm == -np.inf else mask & (canvas.heights_mm(box) > floor_mm)


def _top_mm(canvas: FaultCanvas, name: str) -> float:
    """S of a structure's highest voxel."""
    box = canvas.box(name)
    return round(float(canvas.heights_mm(box)[canvas.mask(name, box)].max()), 3)

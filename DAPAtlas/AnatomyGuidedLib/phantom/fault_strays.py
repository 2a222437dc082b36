"""Small components of what occurs once, and organs of the other sex (thesis, Algorithms 4 and 5)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.labels import id_of, label_by_id, label_by_name, structures
from AnatomyGuidedLib.phantom.fault_canvas import FaultCanvas, NotPossible, ids_table
from AnatomyGuidedLib.phantom.fault_growth import Patch, grown_in, paint, seed_in
from AnatomyGuidedLib.phantom.fault_places import middle_of

_BONES = ("Vertebras", "Ribs", "Bones")
_BONE_HOSTS = (
    *(f"{bone} {side}" for bone in ("Hip", "Femur", "Humerus", "Scapula") for side in ("Left", "Right")),
    *("Sacrum", "Skull", "Muscles", "Unknown Tissue"),
)
_SOFT_HOSTS = (
    *("Muscles", "Fat", "Abdominal Tissue", "Mediastinal Tissue", "Unknown Tissue"),
    *("Liver", "Spleen", "Stomach", "Small Bowel", "Colon"),
    *(
        f"{part} {side}"
        for part in ("Lung Upper Lobe", "Lung Lower Lobe", "Gluteus Maximus")
        for side in ("Left", "Right")
    ),
)
_SATELLITES = (3, 10)
_SATELLITE_ML = (0.1, 4.0)
_TRIES = 200
_DRAWS = 4096

_PELVIC = ("Bladder", "Prostate", "Uterus", "Uterocervix")
_OTHER_SEX_HOSTS = (*_PELVIC, "Abdominal Tissue", "Unknown Tissue", "Fat", "Colon", "Small Bowel", "Muscles")
_OTHER_SEX_ML = (0.5, 8.0)
_AROUND_MM = 15.0


def satellites(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """Three to ten small pieces (0.1 to 4 ml) of structures that occur once lie in other tissue elsewhere.

    Each is a component of its own: it touches neither its structure nor another piece of it. Bones appear within bones
    and muscle, other structures within soft tissue.
    """
    once = [label.name for label in structures() if label.once and canvas.has(label.name)]
    if not once:
        raise NotPossible("the fault needs a structure that occurs once in the field of view, but the map holds none.")
    names = [once[place] for place in rng.integers(0, len(once), int(rng.integers(_SATELLITES[0], _SATELLITES[1] + 1)))]
    pieces = []
    for name in names:
        patch = _satellite(canvas, name, [host for host in _hosts(canvas, name) if host not in names], rng)
        if patch:
            paint(canvas, patch, name)
            pieces.append({"structure": name, "voxels": patch.voxels, "middle_ras_mm": middle_of(canvas, patch)})
    if not pieces:
        raise NotPossible(f"the fault needs other tissue that can hold a piece of {' or '.join(names)}, but none does.")
    return {"pieces": pieces}


def other_sex(canvas: FaultCanvas, rng: np.random.Generator) -> dict[str, object]:
    """One to three small pieces (0.5 to 8 ml) of the other sex's organs lie beside bladder, prostate or uterus."""
    sexes = {label.sex for label in structures() if label.sex and canvas.has(label.name)}
    if len(sexes) != 1:
        held = "none of them" if not sexes else "organs of both"
        raise NotPossible(f"the fault needs organs that tell the sex, but the map holds {held}.")
    canvas.require(_PELVIC, "the bladder, the prostate or the uterus")
    others = [name for name in _PELVIC if label_by_name(name).sex not in ("", *sexes)]
    hosts = ids_table(host for host in _OTHER_SEX_HOSTS if host not in others)
    around = canvas.box(*canvas.present(_PELVIC), margin_mm=_AROUND_MM)
    pieces = []
    for _ in range(int(rng.integers(1, 4))):
        free = hosts[canvas.labels[around]]
        if free.any():
            name = others[int(rng.integers(len(others)))]
            pieces.append({"named": name, **_strange_organ(canvas, name, seed_in(free, around, rng), rng)})
    return {"sex": sexes.pop(), "pieces": pieces}


def _hosts(canvas: FaultCanvas, name: str) -> list[str]:
    return canvas.present(_BONE_HOSTS if label_by_name(name).group in _BONES else _SOFT_HOSTS)


def _satellite(canvas: FaultCanvas, name: str, hosts: list[str], rng: np.random.Generator) -> Patch | None:
    """A piece that touches nothing of its name; none where no place was found."""
    low, high = np.log(_SATELLITE_ML)
    for _ in range(_TRIES if hosts else 0):
        host = hosts[int(rng.integers(len(hosts)))]
        seed = _somewhere(canvas, host, rng)
        voxels = max(1, round(float(np.exp(rng.uniform(low, high))) / canvas.grid.voxel_volume_ml))
        if seed is not None:
            patch = grown_in(canvas, host, seed, voxels=voxels, rng=rng)
            if not _touches(canvas, patch, name):
                return patch
    return None


def _somewhere(canvas: FaultCanvas, host: str, rng: np.random.Generator) -> npt.NDArray[np.intp] | None:
    """A voxel of a large structure, found by trying places; none where the first thousands miss it."""
    box = canvas.box(host)
    places = np.stack([rng.integers(side.start, side.stop, _DRAWS) for side in box])
    hits = np.flatnonzero(canvas.labels[tuple(places)] == id_of(host))
    return places[:, hits[0]] if len(hits) else None


def _touches(canvas: FaultCanvas, patch: Patch, name: str) -> bool:
    """Whether a voxel of the name shares a face, edge or corner with the patch."""
    places = np.argwhere(patch.mask) + [side.start for side in patch.box]
    last = np.array(canvas.labels.shape) - 1
    around = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    beside = np.clip(places + around, 0, last).reshape(-1, 3)
    return bool((canvas.labels[tuple(beside.T)] == id_of(name)).any())


def _strange_organ(
    canvas: FaultCanvas, name: str, seed: npt.NDArray[np.intp], rng: np.random.Generator
) -> dict[str, object]:
    """A piece of this name painted in the structure that the seed lies in."""
    host = label_by_id(int(canvas.labels[tuple(seed)])).name
    voxels = max(1, round(float(rng.uniform(*_OTHER_SEX_ML)) / canvas.grid.voxel_volume_ml))
    patch = grown_in(canvas, host, seed, voxels=voxels, rng=rng)
    paint(canvas, patch, name)
    return {"structure": host, "voxels": patch.voxels}

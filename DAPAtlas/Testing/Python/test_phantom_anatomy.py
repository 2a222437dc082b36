"""The made patient's anatomy: everything is there, once where it occurs once, beside its neighbours and in order."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import id_of, ids_where, structures
from AnatomyGuidedLib.phantom import make_anatomy
from scipy import ndimage

_CASES = [("F", 1, 4.0), ("M", 1, 4.0), ("F", 5, 6.0), ("M", 8, 8.0)]
_TOUCHING = [
    ("Gallbladder", "Liver"),
    ("Aorta", "Heart Ventricle Left"),
    *[("Aorta", name) for name in ("Iliac Artery Left", "Iliac Artery Right", "Artery Brachiocephalic")],
    ("Aorta", "Celiac Trunk"),
    *[("Aorta", name) for name in ("Artery Subclavian Left", "Artery Common Carotid Left")],
    *[("Artery Brachiocephalic", name) for name in ("Artery Subclavian Right", "Artery Common Carotid Right")],
    *[(f"Artery Common Carotid {side}", f"Artery Internal Carotid {side}") for side in ("Left", "Right")],
    *[(f"Internal Jugular Vein {side}", f"Vein Brachiocephalic {side}") for side in ("Left", "Right")],
    ("Vein Brachiocephalic Left", "Vein Brachiocephalic Right"),
    *[("Inferior Vena Cava", name) for name in ("Iliac Vena Left", "Iliac Vena Right", "Heart Atrium Right")],
    ("Portal Vein and Splenic Vein", "Liver"),
    ("Portal Vein and Splenic Vein", "Spleen"),
    ("Pulmonary Artery", "Heart Ventricle Right"),
    ("Trachea", "Bronchus"),
    ("Lung Upper Lobe Left", "Lung Lower Lobe Left"),
    ("Lung Upper Lobe Right", "Lung Lower Lobe Right"),
    ("Lung Middle Lobe Right", "Lung Upper Lobe Right"),
    ("Lung Middle Lobe Right", "Lung Lower Lobe Right"),
    ("Esophagus", "Stomach"),
    ("Stomach", "Duodenum"),
    ("Pancreas", "Duodenum"),
    ("Heart Myocardium", "Heart Ventricle Left"),
    ("Brain", "Spinal Canal"),
    *[(f"Femur {side}", f"Hip {side}") for side in ("Left", "Right")],
    *[(f"Hip {side}", "Sacrum") for side in ("Left", "Right")],
    *[(f"Humerus {side}", f"Scapula {side}") for side in ("Left", "Right")],
    *[(f"Clavicula {side}", "Sternum Manubrium") for side in ("Left", "Right")],
    *[(f"Costa {13 - rib} {side}", f"Vertebra T{rib}") for rib in range(1, 13) for side in ("Left", "Right")],
]  # fmt: skip
_SPINE = [f"{part}{number}" for part, count in (("C", 7), ("T", 12), ("L", 5)) for number in range(1, count + 1)]


@pytest.fixture(scope="module", params=_CASES, ids=lambda case: "{}{}-{:g}mm".format(*case))
def case(request):
    sex, seed, spacing_mm = request.param
    return sex, make_anatomy(spacing_mm=spacing_mm, sex=sex, seed=seed)[0]


def _around(values, name):
    """The labels of the voxels that touch a structure, by face, edge or corner."""
    places = np.argwhere(values == id_of(name))
    low, high = np.maximum(places.min(axis=0) - 1, 0), places.max(axis=0) + 2
    part = values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    mask = part == id_of(name)
    return {*np.unique(part[ndimage.binary_dilation(mask, np.ones((3, 3, 3))) & ~mask]).tolist()}


def _middle(labelmap, name):
    return labelmap.grid.ras_from_ijk(np.argwhere(labelmap.values == id_of(name))).mean(axis=0)


def test_every_structure_of_the_sex_is_there_and_none_of_the_other(case):
    sex, labelmap = case
    expected = {label.id for label in structures() if label.sex in ("", sex)}
    assert {*np.unique(labelmap.values).tolist()} - {0, id_of("Unknown Tissue")} == expected


def test_what_occurs_once_has_one_component(case):
    for label_id in ids_where(lambda label: label.once):
        assert ndimage.label(case[1].values == label_id, np.ones((3, 3, 3)))[1] <= 1, label_id


def test_neighbours_touch(case):
    values = case[1].values
    apart = [(first, second) for first, second in _TOUCHING if id_of(second) not in _around(values, first)]
    assert not apart


def test_nothing_but_skin_meets_the_air(case):
    values = case[1].values
    air = ndimage.binary_dilation(values == 0)
    assert {*np.unique(values[air]).tolist()} <= {0, id_of("Skin")}


def test_kidneys_lie_in_fat_and_not_in_bone(case):
    if case[1].grid.spacing_mm[0] > 5.0:
        pytest.skip("thin bones are one voxel thick on coarse grids, so that they reach what lies near them")
    bones = set(ids_where(lambda label: label.group in ("Vertebras", "Bones")))
    for side in ("Left", "Right"):
        around = _around(case[1].values, f"Kidney {side}")
        assert id_of("Fat") in around
        assert not around & bones


def test_vertebrae_and_ribs_follow_each_other_downwards(case):
    heights = [_middle(case[1], f"Vertebra {name}")[2] for name in _SPINE]
    assert heights == sorted(heights, reverse=True)
    for side in ("Left", "Right"):
        ribs = [_middle(case[1], f"Costa {number} {side}")[2] for number in range(12, 0, -1)]
        assert ribs == sorted(ribs, reverse=True)


def test_sides_are_the_patients(case):
    for label in structures():
        if label.side and label.partner and (case[1].values == label.id).any():
            assert (_middle(case[1], label.name)[0] > 0) == (label.side == "right"), label.name
    assert _middle(case[1], "Liver")[0] > 0 > _middle(case[1], "Spleen")[0]


def test_the_canal_runs_from_the_sacrum_to_the_skull(case):
    around = _around(case[1].values, "Spinal Canal")
    assert {id_of(name) for name in ("Sacrum", "Brain", *(f"Vertebra {level}" for level in _SPINE))} <= around


def test_the_same_seed_is_the_same_patient_and_another_seed_another_one():
    first, again, other = (make_anatomy(spacing_mm=8.0, sex="M", seed=seed) for seed in (4, 4, 5))
    assert np.array_equal(first[0].values, again[0].values)
    assert first[1] == again[1] != other[1]


def test_a_finer_grid_shows_the_same_body():
    coarse, fine = (make_anatomy(spacing_mm=spacing, sex="F", seed=2)[0] for spacing in (6.0, 3.0))
    for name in ("Liver", "Brain", "Lung Lower Lobe Left", "Gluteus Maximus Right", "Kidney Left"):
        volumes = [(m.values == id_of(name)).sum() * m.grid.voxel_volume_ml for m in (coarse, fine)]
        assert volumes[0] == pytest.approx(volumes[1], rel=0.08), name
        assert np.abs(_middle(coarse, name) - _middle(fine, name)).max() < 3.0


@pytest.mark.parametrize("wrong", [{"spacing_mm": 0.5}, {"spacing_mm": 20.0}, {"sex": "X"}])
def test_impossible_bodies_are_refused(wrong):
    with pytest.raises(AnatomyGuidedError):
        make_anatomy(**{"spacing_mm": 8.0, "sex": "F", "seed": 0} | wrong)


@pytest.mark.parametrize("sex", ["F", "M"])
def test_label_maps_have_the_committed_hash_whatever_the_processor(sex):
    values = make_anatomy(spacing_mm=8.0, sex=sex, seed=0)[0].values
    assert hashlib.sha256(values.tobytes()).hexdigest()[:16] == _HASHES[sex]


_HASHES = {"F": "89f7f81d5e03ce60", "M": "964e51d63807ac9e"}

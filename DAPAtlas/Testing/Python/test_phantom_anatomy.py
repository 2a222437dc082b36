"""The made patient's anatomy: everything is there, once where it occurs once, beside its neighbours and in order."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.labels import id_of, ids_where, structures
from AnatomyGuidedLib.phantom import make_anatomy, make_body
from AnatomyGuidedLib.phantom.variants import Variants
from AnatomyGuidedLib.phantom.variants import stored as store
from phantom_survey import SPINE, findings, middle_ras
from scipy import ndimage

_CASES = [("F", 1, 4.0), ("M", 1, 4.0), ("F", 5, 6.0), ("M", 8, 6.0), ("F", 12, 5.0), ("M", 13, 5.0)]


@pytest.fixture(scope="module", params=_CASES, ids=lambda case: "{}{}-{:g}mm".format(*case))
def case(request):
    sex, seed, spacing_mm = request.param
    labelmap = make_anatomy(spacing_mm=spacing_mm, sex=sex, seed=seed)[0]
    return labelmap, findings(labelmap, sex)


def test_structures_are_there_in_order_on_their_side_and_under_the_skin(case):
    assert not case[1].faults


def test_neighbours_touch(case):
    assert not case[1].apart


def test_what_occurs_once_has_one_component(case):
    assert {label.name: case[1].pieces[label.name] for label in structures() if label.once and label.sex == ""} == {
        label.name: 1 for label in structures() if label.once and label.sex == ""
    }


def test_kidneys_touch_no_bone(case):
    labelmap = case[0]
    if labelmap.grid.spacing_mm[0] > 5.0:
        pytest.skip("thin bones are one voxel thick on coarse grids, so that they reach what lies near them")
    kidneys = np.isin(labelmap.values, [id_of("Kidney Left"), id_of("Kidney Right")])
    around = labelmap.values[ndimage.binary_dilation(kidneys, np.ones((3, 3, 3)))]
    assert not set(np.unique(around).tolist()) & set(ids_where(lambda label: label.group in ("Vertebras", "Bones")))


@pytest.mark.parametrize("spacing_mm", [4.0, 8.0])
def test_spine_and_sternum_span_a_plane_between_the_sides(spacing_mm):
    """The plane that left and right are told by: fitted in mm in any storage, it parts the pairs of organs."""
    for seed in range(3):
        body = make_body(spacing_mm=spacing_mm, sex="FM"[seed % 2], seed=seed)
        stored = Labelmap(*stored_like(body, seed))
        middle_line = [f"Vertebra {level}" for level in SPINE] + ["Sternum Corpus", "Sternum Manubrium"]
        places = np.array([middle_ras(stored, name) for name in middle_line])
        centre = places.mean(axis=0)
        normal = np.linalg.svd(places - centre)[2][2]
        normal *= np.sign(normal[0])
        assert normal[0] > np.cos(np.radians(5.0))
        for label in structures():
            if label.partner and label.side and label.sex in ("", body.plan.sex):
                side = (middle_ras(stored, label.name) - centre) @ normal
                assert np.sign(side) == (1 if label.side == "right" else -1), label.name


def stored_like(body, seed):
    """The body with its axes in an order and direction that no scanner uses."""
    order = [(2, 0, 1), (1, 2, 0), (0, 2, 1)][seed]
    return store(body.labels, body.grid, Variants(axis_order=order, axis_flips=(seed > 0, True, seed < 2)))


def test_the_same_seed_is_the_same_patient_and_another_seed_another_one():
    first, again, other = (make_anatomy(spacing_mm=8.0, sex="M", seed=seed) for seed in (4, 4, 5))
    assert np.array_equal(first[0].values, again[0].values)
    assert first[1] == again[1] != other[1]


def test_a_finer_grid_shows_the_same_body():
    coarse, fine = (make_anatomy(spacing_mm=spacing, sex="F", seed=2)[0] for spacing in (6.0, 3.0))
    for name in ("Liver", "Brain", "Lung Lower Lobe Left", "Gluteus Maximus Right", "Kidney Left"):
        volumes = [(m.values == id_of(name)).sum() * m.grid.voxel_volume_ml for m in (coarse, fine)]
        assert volumes[0] == pytest.approx(volumes[1], rel=0.08), name
        assert np.abs(middle_ras(coarse, name) - middle_ras(fine, name)).max() < 3.0


@pytest.mark.parametrize("wrong", [{"spacing_mm": 0.5}, {"spacing_mm": 20.0}, {"sex": "X"}])
def test_impossible_bodies_are_refused(wrong):
    with pytest.raises(AnatomyGuidedError):
        make_anatomy(**{"spacing_mm": 8.0, "sex": "F", "seed": 0} | wrong)


@pytest.mark.parametrize("sex", ["F", "M"])
def test_label_maps_have_the_committed_hash(sex):
    assert _hash(sex) == _HASHES[sex]


def test_label_maps_are_the_same_without_the_vector_instructions_that_numpy_found_here():
    from numpy._core._multiarray_umath import __cpu_dispatch__

    code = "import sys, test_phantom_anatomy as t; sys.stdout.write(t._hash('F'))"
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout == _HASHES["F"]


def _hash(sex):
    values = make_anatomy(spacing_mm=8.0, sex=sex, seed=0)[0].values
    return hashlib.sha256(values.tobytes()).hexdigest()[:16]


_HASHES = {"F": "f36bf3081a014edc", "M": "1295995e23902b45"}

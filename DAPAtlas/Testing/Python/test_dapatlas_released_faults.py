"""What the released post-processing script gets wrong, each a case that these rules must get right."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.labels import id_of, ids_where, structures
from AnatomyGuidedLib.phantom import make_anatomy
from AnatomyGuidedLib.phantom.faults import inject
from DAPAtlasLib.rules.catalogue import repair
from DAPAtlasLib.rules.context import Context
from made_images import reoriented

SEX = "F"
RIBS = ids_where(lambda label: label.anatomical_rib is not None)


@pytest.fixture(scope="module")
def whole():
    return make_anatomy(spacing_mm=5.0, sex=SEX, seed=2)[0]


def without(anatomy: Labelmap, *names: str) -> Labelmap:
    gone = np.isin(anatomy.values, [id_of(name) for name in names])
    return Labelmap(np.where(gone, 1, anatomy.values).astype(np.uint8), anatomy.grid)


def told(result, rule):
    return next(finding for finding in result.findings if finding.rule == rule)


def test_the_last_labels_of_the_table_are_filtered_too(whole):
    """There, labels 132 to 144 are never looked at."""
    values = whole.values.copy()
    last = [label for label in structures() if label.id >= 132 and label.once and (values == label.id).any()]
    assert len(last) >= 8
    places = np.argwhere(values == id_of("Gluteus Maximus Left"))
    strays = places[np.linspace(0, len(places) - 1, len(last)).astype(int)]
    for label, place in zip(last, strays, strict=True):
        values[tuple(place)] = label.id
    mended = repair(Labelmap(values, whole.grid), Context(SEX)).labelmap.values
    assert [int(mended[tuple(place)]) in {label.id for label in last} for place in strays] == [False] * len(last)


@pytest.mark.parametrize("absent", ["Vertebra T9", "Lung Middle Lobe Right", "Vertebra C7", "Vertebra L3"])
def test_an_absent_vertebra_or_lobe_switches_no_rule_off_and_drops_no_case(whole, absent):
    """There, the file is dropped, or rules do not run, and nobody is told."""
    incomplete = without(whole, absent)
    injected = inject("left-right-swap-whole", incomplete, rng=np.random.default_rng(4))
    result = repair(injected.labelmap, Context(SEX))
    assert len(result.findings) == 6
    assert told(result, "left-right").status == "applied"
    back = result.labelmap.values == injected.original.values
    assert back[injected.changed].mean() > 0.99
    if absent.startswith("Vertebra"):
        assert any(absent in fault for fault in told(result, "vertebrae").faults)


def test_with_eleven_pairs_of_ribs_every_rib_keeps_its_side_and_number(whole):
    """There, with 22 ribs a left one becomes a right one."""
    eleven = without(whole, "Costa 1 Left", "Costa 1 Right")
    mended = repair(eleven, Context(SEX)).labelmap.values
    ribs = np.isin(eleven.values, RIBS)
    assert np.array_equal(mended[ribs], eleven.values[ribs])


def test_a_bladder_in_the_abdomen_does_not_become_a_second_gallbladder(whole):
    """There, it becomes gallbladder wherever it lies."""
    kidney = np.argwhere(whole.values == id_of("Kidney Left"))
    near = np.linalg.norm((kidney - kidney.mean(axis=0)) * np.array(whole.grid.spacing_mm), axis=1) < 16
    values = whole.values.copy()
    values[tuple(kidney[near].T)] = id_of("Bladder")
    mended = repair(Labelmap(values, whole.grid), Context(SEX)).labelmap.values
    assert set(np.unique(mended[tuple(kidney[near].T)])) == {id_of("Kidney Left")}


@pytest.mark.parametrize(
    "stored",
    [
        ((0, 1, 2), (False, False, False)),
        ((0, 1, 2), (True, False, False)),
        ((1, 0, 2), (False, True, True)),
        ((2, 1, 0), (True, True, True)),
    ],
)
def test_the_orientation_is_read_from_the_affine(whole, stored):
    """There, LAS is assumed: in any other orientation all sides are exchanged."""
    turned = Labelmap(*reoriented(whole.values, whole.grid, *stored))
    result = repair(turned, Context(SEX))
    assert np.count_nonzero(result.labelmap.values != turned.values) <= 5
    assert told(result, "left-right").status == "nothing to do"


def test_distances_are_mm_and_not_voxels(whole):
    """There, voxel indices are compared with fixed numbers: another spacing gives another result."""
    thick = Grid(
        (whole.grid.shape[0], whole.grid.shape[1], whole.grid.shape[2] // 2),
        whole.grid.affine @ np.diag([1.0, 1.0, 2.0, 1.0]),
    )
    coarse = Labelmap(whole.values[:, :, : 2 * thick.shape[2] : 2], thick)
    injected = inject("left-right-swap-whole", coarse, rng=np.random.default_rng(4))
    result = repair(injected.labelmap, Context(SEX))
    assert (result.labelmap.values == injected.original.values)[injected.changed].mean() > 0.98


def test_no_table_of_all_voxels_positions_is_made(whole):
    """There, index grids of the whole image take 24 bytes a voxel."""
    tracemalloc.start()
    repair(whole, Context(SEX))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * whole.values.size

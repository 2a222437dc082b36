"""Volumes and HU against numpy on one mask at a time."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.grid import GridMismatch, Volume
from AnatomyGuidedLib.labels import id_of
from DAPAtlasLib.statistics import structure_statistics
from made_images import FLIPS, grid, labelmap, reoriented


@pytest.mark.parametrize("flips", FLIPS[::3])
def test_volume_mean_and_deviation_are_those_of_each_mask(flips):
    rng = np.random.default_rng(1)
    where = grid((7, 6, 5), (1.5, 0.7, 3.0), flips=flips, rotation_degrees=(10, 20, 30))
    labels = labelmap(rng.choice([0, id_of("Liver"), id_of("Spleen"), id_of("Aorta")], (7, 6, 5)), where)
    ct = Volume(rng.normal(40, 900, (7, 6, 5)).astype(np.float32), where, "HU")
    rows = {row.label: row for row in structure_statistics(labels, ct)}
    assert set(rows) == {id_of("Liver"), id_of("Spleen"), id_of("Aorta")}
    for label, row in rows.items():
        hu = ct.values[labels.values == label].astype(np.float64)
        assert row.voxels == len(hu)
        assert row.volume_ml == pytest.approx(len(hu) * 1.5 * 0.7 * 3.0 / 1000)
        assert row.mean_hu == pytest.approx(hu.mean())
        assert row.sd_hu == pytest.approx(hu.std())


@pytest.mark.parametrize(("order", "flips"), [((0, 1, 2), (False,) * 3), ((2, 0, 1), (True, False, True))])
def test_the_extent_is_that_of_the_box_in_the_patients_directions(order, flips):
    values = np.zeros((9, 8, 7), np.uint8)
    values[2:5, 1, 3:7], values[4, 1:7, 3] = id_of("Liver"), id_of("Liver")
    on = grid(values.shape, (2.0, 3.0, 4.0))
    turned, where = reoriented(values, on, order, flips)
    (row,) = structure_statistics(labelmap(turned, where), Volume(turned.astype(np.float32), where, "HU"))
    assert row.extent_mm == (3 * 2.0, 6 * 3.0, 4 * 4.0)
    assert row.row()["extent_ap_mm"] == 18.0


def test_an_empty_map_has_no_rows():
    where = grid((2, 2, 2))
    assert structure_statistics(labelmap(np.zeros((2, 2, 2)), where), Volume(np.ones((2, 2, 2)), where, "HU")) == []


def test_a_ct_on_another_grid_is_refused():
    with pytest.raises(GridMismatch):
        structure_statistics(labelmap(np.ones((2, 2, 2))), Volume(np.ones((2, 2, 3)), grid((2, 2, 3)), "HU"))

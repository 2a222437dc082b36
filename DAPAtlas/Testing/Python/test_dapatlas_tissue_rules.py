"""The tissue rules on bodies whose tissues are known by construction."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Volume
from AnatomyGuidedLib.io import read_ct, read_labelmap
from AnatomyGuidedLib.labels import id_of
from DAPAtlasLib.tissue_rules import FAT_HU, MUSCLE_HU, tissue_labelmap
from made_images import cylinder_body, reoriented


def _radius(volume: Volume) -> np.ndarray:
    position = (np.arange(44) - 21.5) * volume.grid.spacing_mm[0]
    return np.repeat(np.hypot(*np.meshgrid(position, position, indexing="ij"))[:, :, None], 20, axis=2)


def test_a_limb_has_skin_then_fat_then_muscle_and_its_bone_stays_unknown():
    volume = cylinder_body()
    labels, radius = tissue_labelmap(volume).values, _radius(volume)
    assert (labels[radius > 71] == 0).all()
    assert (labels[(radius > 55) & (radius < 62)] == id_of("Fat")).all()
    assert (labels[(radius > 44) & (radius < 48)] == id_of("Muscles")).all()
    assert (labels[radius < 14] == id_of("Unknown Tissue")).all()
    outermost = (labels > 0) & (radius > 69 - 4)
    assert {*np.unique(labels[outermost])} <= {id_of("Skin"), id_of("Fat")}
    assert (labels == id_of("Skin")).any()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", [(False, False, False), (True, False, True), (False, True, True)])
def test_the_same_body_stored_otherwise_gets_the_same_labels(order, flips):
    volume = cylinder_body()
    noisy = volume.values + np.random.default_rng(3).normal(0, 10, volume.values.shape).astype(np.float32)
    expected, _ = reoriented(tissue_labelmap(Volume(noisy, volume.grid, "HU")).values, volume.grid, order, flips)
    moved, grid = reoriented(noisy, volume.grid, order, flips)
    assert np.array_equal(tissue_labelmap(Volume(moved, grid, "HU")).values, expected)


def test_fat_and_muscle_lie_in_their_hu_windows_whatever_the_noise():
    volume = cylinder_body()
    noisy = volume.values + np.random.default_rng(0).normal(0, 40, volume.values.shape).astype(np.float32)
    labels = tissue_labelmap(Volume(noisy, volume.grid, "HU")).values
    for name, (low, high) in (("Fat", FAT_HU), ("Muscles", MUSCLE_HU)):
        hu = noisy[labels == id_of(name)]
        assert len(hu) > 1000
        assert ((hu >= low) & (hu <= high)).all()


def test_the_border_of_an_air_pocket_is_not_called_fat():
    volume = cylinder_body()
    hu = volume.values.copy()
    hu[19:25, 8:12, 5:15] = -900.0
    hu[18, 8:12, 5:15] = -100.0  # partial volume of air and muscle looks like fat
    labels = tissue_labelmap(Volume(hu, volume.grid, "HU")).values
    assert (labels[18, 8:12, 5:15] == id_of("Unknown Tissue")).all()
    assert (labels[20:24, 9:11, 6:14] == id_of("Unknown Tissue")).all()


def test_a_table_under_the_patient_is_not_part_of_the_body():
    volume = cylinder_body()
    hu = volume.values.copy()
    hu[:, 1, :] = 100.0
    assert not tissue_labelmap(Volume(hu, volume.grid, "HU")).values[:, :3, :].any()


def test_a_second_limb_counts_as_body_and_a_block_of_plastic_foam_does_not():
    limb = cylinder_body().values
    gap = np.full((6, 44, 20), -1000.0, dtype=np.float32)
    foam = np.full((40, 44, 20), -150.0, dtype=np.float32)
    hu = np.concatenate([limb, gap, limb, gap, foam])
    labels = tissue_labelmap(Volume(hu, Grid(hu.shape, np.diag([4.0, 4, 4, 1])), "HU")).values
    assert np.array_equal(labels[50:94], labels[:44])
    assert not labels[100:].any()


def test_air_alone_is_refused_with_a_sentence():
    air = Volume(np.full((20, 20, 10), -1000, np.float32), Grid((20, 20, 10), np.diag([4.0, 4, 4, 1])), "HU")
    with pytest.raises(AnatomyGuidedError, match="No body was found"):
        tissue_labelmap(air)


def test_on_a_real_abdomen_nine_of_ten_muscle_voxels_lie_outside_the_organs_another_tool_found(realdata):
    ct = read_ct(realdata / "ct_abdomen_3mm.nii.gz")
    other = read_labelmap(realdata / "ct_abdomen_3mm_totalsegmentator.nii.gz").values
    labels = tissue_labelmap(ct).values
    muscle = labels == id_of("Muscles")
    organs = (other > 0) & ~np.isin(other, range(80, 90))  # 80 to 89 are TotalSegmentator's muscles
    assert muscle.sum() * ct.grid.voxel_volume_ml > 1000
    assert (muscle & organs).sum() < 0.1 * muscle.sum()
    assert not ((labels == 0) & (other > 0)).any()

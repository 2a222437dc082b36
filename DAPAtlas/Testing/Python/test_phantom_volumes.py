"""Volumes of the made patients against published adults; docs/phantom.md names the sources."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom import make_anatomy

_MEAN_ML = {  # published mean of women and men; ICRP's masses in g are read as ml
    "Liver": (1411.0, 1710.0),
    "Spleen": (179.8, 238.4),
    "Pancreas": (64.4, 87.4),
    "Kidney Left": (156.5, 193.1),
    "Kidney Right": (156.5, 193.1),
    "Brain": (1300.0, 1450.0),
    "Stomach": (370.0, 400.0),
    "Gallbladder": (56.0, 68.0),
    "Esophagus": (35.0, 40.0),
    "Adrenal Gland Left": (4.4, 5.4),
    "Thyroid Left": (8.5, 10.0),
    "Thyroid Right": (8.5, 10.0),
    "Thymus": (20.0, 25.0),
    "Eyeball Left": (7.5, 7.5),
    "Small Bowel": (880.0, 1000.0),
    "Gonads": (11.0, 35.0),
    "Heart Ventricle Left": (98.2, 112.9),
    "Heart Myocardium": (107.9, 145.0),
}
_LOBE_PERCENT = {
    "Lung Upper Lobe Right": (11.8, 22.7),
    "Lung Middle Lobe Right": (6.6, 13.8),
    "Lung Lower Lobe Right": (22.3, 34.0),
    "Lung Upper Lobe Left": (18.1, 26.6),
    "Lung Lower Lobe Left": (19.4, 28.7),
}


@pytest.fixture(scope="module", params=[(sex, seed) for sex in "FM" for seed in (0, 3, 6)], ids=str)
def volumes_ml(request):
    sex, seed = request.param
    labelmap, _ = make_anatomy(spacing_mm=5.0, sex=sex, seed=seed)
    return sex, np.bincount(labelmap.values.ravel(), minlength=256) * labelmap.grid.voxel_volume_ml


@pytest.mark.parametrize("name", _MEAN_ML)
def test_organs_are_between_half_and_twice_the_published_mean(volumes_ml, name):
    sex, volumes = volumes_ml
    mean = _MEAN_ML[name]["FM".index(sex)]
    assert 0.5 * mean <= volumes[id_of(name)] <= 2.0 * mean


@pytest.mark.parametrize("name", _LOBE_PERCENT)
def test_lobes_have_their_share_of_both_lungs(volumes_ml, name):
    volumes = volumes_ml[1]
    share = 100.0 * volumes[id_of(name)] / sum(volumes[id_of(lobe)] for lobe in _LOBE_PERCENT)
    assert _LOBE_PERCENT[name][0] <= share <= _LOBE_PERCENT[name][1]

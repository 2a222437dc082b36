"""Box to mask: what it must do on drawn images, and what it reaches on a real CT."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.io import read_anatomy, read_ct
from LIMISLib.box import Box, box_around
from LIMISLib.prompt import Prompt
from LIMISLib.prompt_segmenter import SeededGrowth
from LIMISLib.random_walk import RandomWalk
from LIMISLib.studies.box_cases import box_cases, dice, enlarged


def _dice(first: np.ndarray, second: np.ndarray) -> float:
    return 2 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second))


def _disc(radius: float, centre: tuple[float, float] = (40.0, 40.0), shape: tuple[int, int] = (80, 80)) -> np.ndarray:
    rows, columns = np.indices(shape)
    return np.hypot(rows - centre[0], columns - centre[1]) <= radius


def _noisy(disc: np.ndarray, inside_hu: float = 60.0, outside_hu: float = -90.0, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 12, disc.shape)
    return (np.where(disc, inside_hu, outside_hu) + noise).astype(np.float32)


def _enlarged(mask: np.ndarray, pixels: float) -> Box:
    return box_around(mask).grown(left=pixels, right=pixels, top=pixels, bottom=pixels)


@pytest.mark.parametrize("enlarged_px", [0, 5, 10])
def test_a_disc_in_noise_is_found_however_loose_the_box(enlarged_px):
    disc = _disc(20)
    mask = SeededGrowth().segment(_noisy(disc), _enlarged(disc, enlarged_px), pixel_mm=(1.0, 1.0))
    assert _dice(mask, disc) > 0.95


def test_the_mask_stays_in_the_box_and_what_hangs_on_by_a_thin_neck_falls_off():
    disc, neighbour = _disc(16, (40, 28)), _disc(10, (40, 60))
    neck = np.zeros_like(disc)
    neck[40, 28:60] = True
    box = Box(8, 18, 74, 62)
    mask = SeededGrowth().segment(_noisy(disc | neighbour | neck), box.grown(right=-8), pixel_mm=(1.0, 1.0))
    assert _dice(mask, disc) > 0.9
    rows, columns = box.pixels(disc.shape)
    outside = mask.copy()
    outside[rows, columns] = False
    assert not outside.any()


def test_holes_are_filled():
    ring = _disc(20) & ~_disc(4, (46, 40))
    mask = SeededGrowth().segment(_noisy(ring, inside_hu=50, outside_hu=-100), _enlarged(ring, 3), pixel_mm=(1.0, 1.0))
    assert mask[46, 40]


def test_a_region_that_goes_on_beyond_the_box_is_cut_at_the_box_alone():
    flat = np.full((60, 60), 40, dtype=np.float32)
    mask = SeededGrowth().segment(flat, Box(-20, -20, 80, 80), pixel_mm=(1.0, 1.0))
    assert mask.all()


def test_anisotropic_pixels_keep_their_shape_in_mm():
    disc = _disc(20)
    stretched = np.repeat(_noisy(disc), 2, axis=1)  # pixels half as wide
    wide = np.repeat(disc, 2, axis=1)
    mask = SeededGrowth().segment(stretched, _enlarged(wide, 4), pixel_mm=(1.0, 0.5))
    assert _dice(mask, wide) > 0.95


def test_the_same_input_gives_the_same_mask_and_stays_as_it_was():
    image = _noisy(_disc(20))
    before = image.copy()
    masks = [SeededGrowth().segment(image, Box(15, 15, 66, 66), pixel_mm=(1.0, 1.0)) for _ in range(2)]
    assert np.array_equal(*masks)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("box", [Box(3, 3, 4, 4), Box(0, 0, 1, 80), Box(79, 79, 80, 80), Box(-1e6, -1e6, 1e6, 1e6)])
def test_boxes_of_any_size_give_a_mask_of_the_slices_shape(box):
    assert SeededGrowth().segment(_noisy(_disc(20)), box, pixel_mm=(0.7, 0.7)).shape == (80, 80)


def test_a_box_outside_the_slice_is_refused():
    with pytest.raises(AnatomyGuidedError, match="outside the image"):
        SeededGrowth().segment(_noisy(_disc(20)), Box(90, 90, 95, 95), pixel_mm=(1.0, 1.0))


@pytest.mark.parametrize("segmenter", [RandomWalk(), SeededGrowth()], ids=["the default", "seeded growth"])
def test_on_a_real_ct_limis_organs_are_found_well_above_the_filled_box(realdata, capsys, segmenter):
    """All of LIMIS's organs in view, at 1 mm; the reference is TotalSegmentator's prediction, not a person's."""
    ct = read_ct(realdata / "ct_abdomen_3mm.nii.gz")
    anatomy = read_anatomy(f"{realdata / 'ct_abdomen_3mm_totalsegmentator.nii.gz'}@totalsegmentator")
    scores, filled = {}, []
    for case in box_cases("abdomen", ct, anatomy):
        box = enlarged(case.box, 10)
        found = segmenter.chances(case.pixels_hu, Prompt(box), pixel_mm=(1.0, 1.0)) >= 0.5
        scores[case.structure] = dice(found, case.reference)
        whole = np.zeros_like(case.reference)
        whole[box.pixels(whole.shape)] = True
        filled.append(dice(whole, case.reference))
    mean = np.mean(list(scores.values()))
    with capsys.disabled():
        listed = ", ".join(f"{organ} {score:.2f}" for organ, score in scores.items())
        sys.stdout.write(
            f"\n{segmenter.name}, box + 10 px: {mean:.3f} ({listed}); the filled box {np.mean(filled):.3f}\n"
        )
    assert len(scores) == 10  # no oesophagus is in view
    assert mean >= 0.75
    assert mean >= np.mean(filled) + 0.1

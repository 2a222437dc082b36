"""What the image's edge may have parted, and what it cannot have, on boxes, however the image is stored."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.labels import id_of
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.pieces import in_pieces
from DAPAtlasLib.rules.single_pieces import single_pieces
from made_images import FLIPS, grid, reoriented

LIVER, MUSCLES = id_of("Liver"), id_of("Muscles")
DETAIL = "perhaps_parted_by_the_images_edge"


def two_pieces(second: tuple[slice, slice, slice]) -> Labelmap:
    """A liver at the first slice of k, within muscles, and another piece of it."""
    values = np.full((14, 10, 12), MUSCLES, np.uint8)
    values[1:6, 1:8, 0:6] = LIVER
    values[second] = LIVER
    return Labelmap(values, grid(values.shape))


SAME_FACE = (slice(10, 12), slice(2, 4), slice(0, 2))
OTHER_FACE = (slice(10, 12), slice(2, 4), slice(10, 12))
WITHIN = (slice(10, 12), slice(2, 4), slice(3, 5))


@pytest.mark.parametrize("flips", FLIPS)
@pytest.mark.parametrize(("second", "stays"), [(SAME_FACE, True), (OTHER_FACE, False), (WITHIN, False)])
def test_only_what_leaves_by_the_same_face_may_have_been_one(second, stays, flips):
    given = two_pieces(second)
    values, on = reoriented(given.values, given.grid, (1, 2, 0), tuple(flip < 0 for flip in flips))
    mended, finding = single_pieces(in_pieces(Labelmap(values, on)), Context())
    assert ((mended.labelmap().values == values).all(), finding.status) == (
        stays,
        "nothing to do" if stays else "applied",
    )
    assert finding.details == ({DETAIL: ["Liver"]} if stays else {})
    assert finding.faults == (() if stays else ("Liver has a piece apart",))


@pytest.mark.parametrize(("second_hu", "stays"), [(110.0, True), (160.0, True), (-100.0, False)])
def test_with_a_ct_it_must_be_of_the_same_tissue_too(second_hu, stays):
    given = two_pieces(SAME_FACE)
    hu = np.where(given.values == LIVER, 110.0, 50.0).astype(np.float32)
    hu[SAME_FACE] = second_hu
    mended, finding = single_pieces(in_pieces(given), Context(ct=Volume(hu, given.grid, "HU")))
    assert (mended.labelmap().values[SAME_FACE] == LIVER).all() == stays
    assert bool(finding.details) == stays


def test_a_tissue_that_varies_is_alike_within_what_it_has():
    given = two_pieces(SAME_FACE)
    hu = np.full(given.values.shape, 50.0, np.float32)
    hu[1:6, 1:8, 0:6] = np.linspace(-900, -300, 6)
    hu[SAME_FACE] = -400.0
    context = Context(ct=Volume(hu, given.grid, "HU"))
    assert (single_pieces(in_pieces(given), context)[0].labelmap().values[SAME_FACE] == LIVER).all()

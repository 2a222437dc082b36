"""Vertebrae and ribs against their neighbours, on boxes of known size, however the image is stored."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.labels import id_of, label_by_name
from DAPAtlasLib.rules.pieces import in_pieces
from DAPAtlasLib.rules.sizes import compared, unlike_ribs, unlike_vertebrae
from made_images import FLIPS, grid, reoriented

SPACING = (2.0, 3.0, 4.0)


def column(heights: dict[str, int], width: int = 4, gap: int = 1) -> Labelmap:
    """Boxes 4 voxels wide and deep, from above, so many slices high, with a slice between them and room around."""
    values = np.zeros((12, 8, 4 + sum(heights.values()) + gap * len(heights)), np.uint8)
    top = values.shape[2] - 2
    for name, height in heights.items():
        values[2 : 2 + width, 2:6, top - height : top] = id_of(name)
        top -= height + gap
    return Labelmap(values, grid(values.shape, SPACING))


def with_ribs(left: int, right: int) -> Labelmap:
    values = np.zeros((12, 12, 10), np.uint8)
    values[2:4, 2 : 2 + left, 4] = id_of("Costa 9 Left")
    values[7:9, 2 : 2 + right, 4] = id_of("Costa 9 Right")
    return Labelmap(values, grid(values.shape, SPACING))


def pieces_of(labelmap: Labelmap, order=(0, 1, 2), flips=(False, False, False)):
    return in_pieces(Labelmap(*reoriented(labelmap.values, labelmap.grid, order, flips)))


@pytest.mark.parametrize("flips", FLIPS)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_a_vertebra_that_took_a_part_of_the_next_is_told_by_its_height(order, flips):
    given = column({"Vertebra T5": 4, "Vertebra T6": 7, "Vertebra T7": 4})
    pieces = pieces_of(given, order, tuple(flip < 0 for flip in flips))
    one = compared(pieces, label_by_name("Vertebra T6"))
    assert one.times == pytest.approx(7 / 4)
    assert unlike_vertebrae(pieces) == (f"Vertebra T6 is {one.sentence}",)


def test_a_vertebra_that_lost_a_part_in_breadth_is_told_by_its_volume():
    values = column({"Vertebra T5": 4, "Vertebra T6": 4, "Vertebra T7": 4}).values.copy()
    values[4:][values[4:] == id_of("Vertebra T6")] = 0
    pieces = in_pieces(Labelmap(values, grid(values.shape, SPACING)))
    one = compared(pieces, label_by_name("Vertebra T6"))
    assert (one.times, one.is_unlike) == (pytest.approx(0.5), True)


@pytest.mark.parametrize(
    ("heights", "name"),
    [
        ({"Vertebra T5": 4, "Vertebra T6": 5, "Vertebra T7": 4}, "Vertebra T6"),  # a quarter more is anatomy
        ({"Vertebra C2": 8, "Vertebra C3": 4, "Vertebra C4": 4}, "Vertebra C2"),  # the dens
        ({"Vertebra T5": 4}, "Vertebra T5"),  # nothing beside it
    ],
)
def test_what_is_anatomy_or_has_no_neighbour_is_no_fault(heights, name):
    pieces = pieces_of(column(heights))
    one = compared(pieces, label_by_name(name))
    assert one is None or not one.is_unlike
    assert unlike_vertebrae(pieces) == ()


def test_a_vertebra_that_the_image_cuts_may_be_low_but_not_too_high():
    low = column({"Vertebra T5": 2, "Vertebra T6": 4, "Vertebra T7": 4})
    high = column({"Vertebra T5": 7, "Vertebra T6": 4, "Vertebra T7": 4})
    cut = [
        in_pieces(Labelmap(one.values[:, :, :-2], grid(one.values[:, :, :-2].shape, SPACING))) for one in (low, high)
    ]
    assert unlike_vertebrae(cut[0]) == ()
    assert "Vertebra T5 is 1.75 times as high" in unlike_vertebrae(cut[1])[0]


@pytest.mark.parametrize("flips", FLIPS)
def test_a_rib_is_compared_with_the_one_across(flips):
    flipped = tuple(flip < 0 for flip in flips)
    assert unlike_ribs(pieces_of(with_ribs(8, 6), flips=flipped), "left") == ()
    told = unlike_ribs(pieces_of(with_ribs(5, 8), flips=flipped), "left")
    assert told == ("Costa 9 Left is 0.62 times as large as Costa 9 Right",)

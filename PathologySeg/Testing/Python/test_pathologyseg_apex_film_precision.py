"""How sure an mAP is: films drawn anew beside pycocotools on films that were truly repeated, and an arm with itself."""

from __future__ import annotations

import numpy as np
import pytest
from PathologySegLib.apex.average_precision import Mask, average_precisions, mean_average_precision

pytest.importorskip("pycocotools", reason="pycocotools is not installed")
pytest.importorskip("torch", reason="torch is not installed")

from PathologySegLib.apex.drawn_precision import (
    drawn_precisions,
    interval_of,
    matches_of,
    mean_of_categories,
)
from PathologySegLib.apex.instances import Instance

Reference = list[tuple[int, Mask]]


def box(rng: np.random.Generator) -> Mask:
    mask = np.zeros((16, 16), bool)
    (top, left), (height, width) = rng.integers(0, 10, 2), rng.integers(3, 7, 2)
    mask[top : top + height, left : left + width] = True
    return mask


def made_films(seed: int, films: int = 6) -> tuple[list[Reference], list[list[Instance]]]:
    """Films with up to four wanted boxes of three categories, found moved by a pixel or not at all, and strays."""
    rng = np.random.default_rng(seed)
    references, predictions = [], []
    for _ in range(films):
        wanted = [(int(rng.integers(3)), box(rng)) for _ in range(rng.integers(1, 5))]
        near = [(c, np.roll(m, int(rng.integers(3)), axis=1)) for c, m in wanted if rng.random() < 0.8]
        near += [(int(rng.integers(4)), box(rng)) for _ in range(3)]
        references.append(wanted)
        predictions.append([Instance(category, float(rng.random()), mask) for category, mask in near])
    return references, predictions


@pytest.mark.parametrize("seed", range(4))
def test_films_taken_several_times_have_the_ap_that_pycocotools_gives_to_their_copies(seed: int) -> None:
    references, predictions = made_films(seed)
    matches = matches_of(references, predictions, 4)
    for times in ([1] * 6, [2, 0, 1, 1, 0, 2], [0, 3, 0, 0, 3, 0], [0, 0, 0, 6, 0, 0]):
        copies = np.repeat(np.arange(6), times)
        expected = average_precisions([references[i] for i in copies], [predictions[i] for i in copies], 4)
        found = {category: own.precision(np.array(times)) for category, own in matches.items()}
        assert {category: value for category, value in found.items() if not np.isnan(value)} == pytest.approx(expected)


def test_the_first_value_is_that_of_all_films_and_an_arm_is_no_better_than_itself() -> None:
    references, predictions = made_films(9)
    drawn = drawn_precisions(matches_of(references, predictions, 4), [2, 1, 3], resamples=50)
    again = drawn_precisions(matches_of(references, predictions, 4), [2, 1, 3], resamples=50)
    means = mean_of_categories(drawn)
    expected = mean_average_precision(average_precisions(references, predictions, 4))
    assert means[0] == pytest.approx(expected)
    assert interval_of(means - mean_of_categories(again)) == {"mean": 0.0, "low": 0.0, "high": 0.0}
    found = interval_of(means)
    assert found["low"] < found["mean"] < found["high"]


def test_a_body_is_drawn_with_all_its_films() -> None:
    """Two bodies, the first's two films right, the second's one wrong: drawn they give 1, 0, or by hand 2 of 3.

    Both drawn: three wanted, two found first, so precision 1 up to a recall of 2/3: 67 of COCO's 101 recalls.
    """
    mask, other = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    mask[:2], other[2:] = True, True
    references = [[(0, mask)]] * 3
    predictions = [[Instance(0, 0.9, mask)], [Instance(0, 0.8, mask)], [Instance(0, 0.1, other)]]
    drawn = drawn_precisions(matches_of(references, predictions, 1), [2, 1], resamples=40)[0]
    assert {round(value, 6) for value in drawn.tolist()} == {0.0, 1.0, round(67 / 101, 6)}


def test_nothing_found_is_an_ap_of_nothing() -> None:
    references, _ = made_films(1)
    drawn = drawn_precisions(matches_of(references, [[]] * 6, 4), [1] * 6, resamples=5)
    assert set(drawn) == {0, 1, 2}
    assert np.nanmax(np.stack(list(drawn.values()))) == 0

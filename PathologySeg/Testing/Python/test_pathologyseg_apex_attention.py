"""Which anatomies a lesion's query attended to: by hand, on made-up answers of a network."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from PathologySegLib.apex.attention import (  # noqa: E402
    SliceAttention,
    attention_by_lesion,
    most_attended,
    slice_attentions,
)
from PathologySegLib.apex.decoding import Decoded, Queries  # noqa: E402

SURE, NEVER = 20.0, -20.0


def said(classes: list[list[float]], masks: torch.Tensor) -> Queries:
    return Queries(torch.tensor([classes]), masks[None])


def answer() -> Decoded:
    """Anatomy's queries: class 0, class 1, nothing. Pathology's: a lesion on the left, nothing, a lesion on the right.

    The first looks at the anatomy queries by 0.6, 0.2, 0.2 in one layer and 0.2, 0.6, 0.2 in the other; the third by
    0.1, 0.1, 0.8 in both.
    """
    anatomy = said([[SURE, 0, 0], [0, SURE, 0], [0, 0, SURE]], torch.zeros(3, 2, 4))
    left, right = torch.full((2, 4), NEVER), torch.full((2, 4), NEVER)
    left[:, :2], right[:, 2:] = SURE, SURE
    pathology = said([[SURE, 0], [0, SURE], [SURE, 0]], torch.stack([left, left, right]))
    looks = torch.tensor([[[0.6, 0.2, 0.2], [1.0, 0, 0], [0.1, 0.1, 0.8]]])
    other = torch.tensor([[[0.2, 0.6, 0.2], [1.0, 0, 0], [0.1, 0.1, 0.8]]])
    return Decoded(((anatomy,), (pathology,)), (looks, other))


def test_queries_that_are_nothing_say_nothing_and_are_not_looked_at() -> None:
    found = slice_attentions(answer(), (2, 4))[0]
    assert found.seen.shape == (2, 2, 4)
    np.testing.assert_allclose(found.seen[0], [[1, 1, 0, 0]] * 2, atol=1e-6)
    np.testing.assert_allclose(
        found.shares, [[0.5, 0.5], [0.5, 0.5]], atol=1e-6
    )  # (0.4, 0.4) and (0.1, 0.1) of what is


def test_a_permutation_deals_the_anatomies_out_anew() -> None:
    first = slice_attentions(answer(), (2, 4))[0]
    changed = [slice_attentions(answer(), (2, 4), rng=np.random.default_rng(seed))[0] for seed in range(6)]
    for found in changed:
        np.testing.assert_array_equal(found.seen, first.seen)
        np.testing.assert_allclose(found.shares.sum(1), 1, atol=1e-6)
    assert any(np.abs(found.shares - first.shares).max() > 0.1 for found in changed)


def test_a_network_without_attention_is_refused() -> None:
    with pytest.raises(ValueError, match="cross-attention"):
        slice_attentions(answer()._replace(attention=()), (2, 4))


def test_a_lesion_gathers_its_queries_by_how_much_of_it_they_saw() -> None:
    """Lesion 7: three pixels of slice 0 by a query that looks at class 0, one of slice 1 by one that looks at 1."""
    lesions = np.zeros((3, 2, 2), int)
    lesions[0, 0, :], lesions[0, 1, 0], lesions[1, 0, 0], lesions[2, 1, 1] = 7, 7, 7, 9
    seen = np.ones((1, 2, 2), np.float32)
    slices = {
        0: SliceAttention(seen, np.array([[1.0, 0.0, 0.0]], np.float32)),
        1: SliceAttention(seen, np.array([[0.0, 1.0, 0.0]], np.float32)),
        2: SliceAttention(np.zeros((0, 2, 2), np.float32), np.zeros((0, 3), np.float32)),
    }
    found = attention_by_lesion(lesions, slices)
    np.testing.assert_allclose(found[7], [0.75, 0.25, 0])
    np.testing.assert_allclose(found[9], [0, 0, 0])
    assert most_attended(found[7], ["Liver", "Aorta", "Skull"]) == [("Liver", 0.75), ("Aorta", 0.25)]
    assert most_attended(found[9], ["Liver", "Aorta", "Skull"]) == []

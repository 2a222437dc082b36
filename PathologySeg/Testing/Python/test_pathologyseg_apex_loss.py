"""The set loss beside transformers' own and by hand: who answers for what, and what it costs."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from PathologySegLib.apex.decoding import Queries  # noqa: E402
from PathologySegLib.apex.loss_weights import LossWeights  # noqa: E402
from PathologySegLib.apex.points import Points  # noqa: E402
from PathologySegLib.apex.set_loss import match, set_loss  # noqa: E402
from PathologySegLib.apex.targets import Segments, segments_of  # noqa: E402

WEIGHTS = LossWeights()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def said(seed: int, batch: int = 1, queries: int = 4, classes: int = 3, side: int = 6) -> Queries:
    rng = np.random.default_rng(seed)
    return Queries(
        torch.from_numpy(rng.normal(0, 1, (batch, queries, classes + 1))).float(),
        torch.from_numpy(rng.normal(0, 2, (batch, queries, side, side))).float(),
    )


def layers(seed: int, batch: int = 1, side: int = 6) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 4, (batch, 1, side, side)))


def slow_costs(found: Queries, target: Segments) -> np.ndarray:
    """By query and segment: 2 x minus the class's chance, 5 x the pixels' cross-entropy, 5 x (1 - soft Dice)."""
    classes, masks = found.classes[0].numpy(), found.masks[0].numpy()
    costs = np.zeros((len(classes), len(target.classes)))
    for q in range(len(classes)):
        chances = np.exp(classes[q]) / np.exp(classes[q]).sum()
        inside = sigmoid(masks[q])
        for s, wanted in enumerate(target.masks.numpy().astype(float)):
            entropy = -(wanted * np.log(inside) + (1 - wanted) * np.log(1 - inside)).mean()
            dice = 1 - (2 * (inside * wanted).sum() + 1) / (inside.sum() + wanted.sum() + 1)
            costs[q, s] = -2 * chances[int(target.classes[s])] + 5 * entropy + 5 * dice
    return costs


@pytest.mark.parametrize("seed", range(4))
def test_the_cheapest_of_all_assignments_is_found(seed: int) -> None:
    found, target = said(seed), segments_of(layers(seed)[0])
    costs = slow_costs(found, target)
    best = min(permutations(range(4), 3), key=lambda rows: sum(costs[row, s] for s, row in enumerate(rows)))
    other = said(seed + 100)
    layers_of_image = Queries(torch.cat([other.classes, found.classes]), torch.cat([other.masks, found.masks]))
    rows, columns = match(layers_of_image, target, WEIGHTS, Points(target, 0))
    assert rows.shape == (2, 3)
    assert dict(zip(columns[1].tolist(), rows[1].tolist(), strict=True)) == dict(enumerate(best))


def slow_loss(found: Queries, target: Segments, gamma: np.ndarray) -> float:
    """One image: the classes' cross-entropy of all queries, and pixels and Dice of those with a segment."""
    costs = slow_costs(found, target)
    best = min(permutations(range(4), 3), key=lambda rows: sum(costs[row, s] for s, row in enumerate(rows)))
    wanted, weights = np.full(4, 3), np.append(gamma, 0.1)
    for s, row in enumerate(best):
        wanted[row] = int(target.classes[s])
    logits = found.classes[0].numpy()
    surprise = -np.log(np.exp(logits) / np.exp(logits).sum(1, keepdims=True))[range(4), wanted]
    total = 2 * (weights[wanted] * surprise).sum() / weights[wanted].sum()
    for s, row in enumerate(best):
        inside, mask = sigmoid(found.masks[0, row].numpy()), target.masks[s].numpy().astype(float)
        entropy = -(mask * np.log(inside) + (1 - mask) * np.log(1 - inside)).mean()
        dice = 1 - (2 * (inside * mask).sum() + 1) / (inside.sum() + mask.sum() + 1)
        total += weights[int(target.classes[s])] * (5 * entropy + 5 * dice) / len(best)
    return float(total)


@pytest.mark.parametrize("gamma", [1.0, 10.0])
def test_the_loss_is_its_definition_for_any_gamma(gamma: float) -> None:
    found, target = said(7), segments_of(layers(7)[0])
    importance = np.array([1.0, 1.0, gamma])
    value = set_loss([found], [target], WEIGHTS, torch.from_numpy(importance).float())
    assert value.item() == pytest.approx(slow_loss(found, target, importance), rel=1e-4)


def test_several_layers_add_up_and_masks_are_averaged_over_the_batch() -> None:
    one, other = said(1), said(2)
    first, second = segments_of(layers(1)[0]), segments_of(layers(2)[0])
    alone = [set_loss([found], [first], WEIGHTS).item() for found in (one, other)]
    assert set_loss([one, other], [first], WEIGHTS).item() == pytest.approx(sum(alone), rel=1e-6)
    both = Queries(torch.cat([one.classes, other.classes]), torch.cat([one.masks, other.masks]))
    each = [set_loss([found], [target], WEIGHTS).item() for found, target in ((one, first), (other, second))]
    assert len(first.classes) == len(second.classes) == 3
    assert set_loss([both], [first, second], WEIGHTS).item() == pytest.approx(np.mean(each), rel=1e-5)


def test_losses_of_masks_are_those_of_transformers() -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    from transformers.models.mask2former.modeling_mask2former import dice_loss, sigmoid_cross_entropy_loss

    rng = np.random.default_rng(3)
    mask = torch.from_numpy(rng.random((1, 6, 6)) < 0.3)
    found, target = said(3, queries=1, classes=1), Segments(torch.tensor([0]), mask)
    logits, wanted = found.masks[0].flatten(1), mask.flatten(1).float()
    classes = 2 * torch.nn.functional.cross_entropy(found.classes[0], torch.tensor([0]))
    expected = classes + 5 * sigmoid_cross_entropy_loss(logits, wanted, 1) + 5 * dice_loss(logits, wanted, 1)
    assert set_loss([found], [target], WEIGHTS).item() == pytest.approx(expected.item(), rel=1e-5)


def test_an_image_without_segments_wants_every_query_to_be_nothing() -> None:
    found = said(5)
    nothing = segments_of(torch.zeros(1, 6, 6, dtype=torch.int64))
    expected = 2 * torch.nn.functional.cross_entropy(found.classes[0], torch.full((4,), 3)).item()
    assert set_loss([found], [nothing], WEIGHTS).item() == pytest.approx(expected, rel=1e-6)


def test_drawn_points_estimate_the_loss_of_all_pixels_and_are_the_same_each_time() -> None:
    """Points between pixels of smooth masks; three quarters lie where a mask is uncertain, so that only the rest is
    a fair sample: a mask that is sure everywhere costs the same at any points."""
    target = Segments(torch.tensor([0]), torch.ones(1, 32, 32, dtype=torch.bool))
    sure = Queries(torch.zeros(1, 1, 2), torch.full((1, 1, 32, 32), 2.0))
    drawn, all_pixels = (set_loss([sure], [target], LossWeights(points=n)).item() for n in (400, 0))
    cross_entropy, inside = np.log1p(np.exp(-2.0)), sigmoid(2.0)
    classes = 2 * np.log(2)
    for value, places in ((drawn, 400), (all_pixels, 1024)):
        dice = 1 - (2 * inside * places + 1) / (inside * places + places + 1)
        assert value == pytest.approx(classes + 5 * cross_entropy + 5 * dice, rel=1e-2)
    again = set_loss([sure], [target], LossWeights(points=400)).item()
    assert again == drawn


def test_uncertain_points_lie_where_the_logit_changes_sign() -> None:
    mask = torch.zeros(1, 32, 32, dtype=torch.bool)
    mask[:, :, 16:] = True
    logits = torch.linspace(-8, 8, 32).expand(1, 32, 32)
    points = Points(Segments(torch.tensor([0]), mask), 200)
    found, _ = points.own(logits, torch.tensor([0]))
    assert (found.abs() < 4).float().mean() > 0.75  # of points anywhere it would be half

"""The lock-step decoders beside transformers' own, deformable attention beside a slow reference, sharing of parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from AnatomyGuidedLib.errors import UsageError
from PathologySegLib.apex.shape import Exchange, Shape

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from PathologySegLib.apex.network import QueryNetwork  # noqa: E402
from PathologySegLib.apex.parts import mask2former  # noqa: E402

TINY = Shape(
    stem=4, embedding=8, features=(8, 8, 16, 16), depths=(1, 1, 1, 1), block="basic", hidden=32, heads=4, queries=6,
    layers=4, pixel_layers=1, feedforward=16, pixel_feedforward=16,
)  # fmt: skip


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(0, 1, (2, 3, 64, 48)).astype(np.float32))


@pytest.mark.parametrize("stem", [1, 2, 4])
def test_without_a_mixer_the_branches_are_two_mask2formers(image: torch.Tensor, stem: int) -> None:
    """transformers' whole model, run by its own forward with the weights of each branch, says the same to 1e-5."""
    shape = replace(TINY, stem=stem)
    torch.manual_seed(1)
    network = QueryNetwork(shape, (7, 2), Exchange(shared="backbone")).eval()
    with torch.no_grad():
        found = network(image)
        for place, branch in enumerate(network.branches):
            whole = mask2former(shape).eval()
            whole.pixel_level_module.encoder = network.backbone.resnet
            whole.pixel_level_module.decoder.load_state_dict(network.pixel_decoders[place].state_dict())
            whole.transformer_module.load_state_dict(branch.transformer.state_dict())
            said = whole(image, output_hidden_states=True)
            states = said.transformer_decoder_intermediate_states
            assert len(found.said[place]) == len(states) == TINY.layers + 1
            for own, masks, state in zip(found.said[place], said.masks_queries_logits, states, strict=True):
                torch.testing.assert_close(own.masks, masks, atol=1e-5, rtol=1e-5)
                torch.testing.assert_close(own.classes, branch.classifier(state.transpose(0, 1)), atol=1e-5, rtol=1e-5)


def test_masks_have_the_stems_stride_and_classes_one_more_for_nothing(image: torch.Tensor) -> None:
    found = QueryNetwork(replace(TINY, stem=2), (7, 2))(image)
    assert [said[-1].classes.shape for said in found.said] == [(2, 6, 8), (2, 6, 3)]
    assert found.said[1][0].masks.shape == (2, 6, 32, 24)


def test_every_weight_begins_with_a_value_and_learns(image: torch.Tensor) -> None:
    for exchange in (Exchange("backbone"), Exchange(mixer="cross-attention-per-level")):
        network = QueryNetwork(TINY, (7, 2), exchange)
        assert all(torch.isfinite(value).all() for value in network.parameters())
        found = network(image)
        sum(one.classes.square().sum() + one.masks.square().sum() for said in found.said for one in said).backward()
        assert [name for name, value in network.named_parameters() if value.grad is None] == []


def test_sharing_the_pixel_decoder_leaves_one_and_the_mixer_lets_anatomy_alone(image: torch.Tensor) -> None:
    torch.manual_seed(2)
    plain = QueryNetwork(TINY, (7, 2)).eval()
    mixing = QueryNetwork(TINY, (7, 2), Exchange(mixer="sum")).eval()
    mixing.load_state_dict(plain.state_dict())
    assert len(plain.pixel_decoders) == 1
    with torch.no_grad():
        alone, mixed = plain(image), mixing(image)
    torch.testing.assert_close(alone.said[0][-1].masks, mixed.said[0][-1].masks, atol=0, rtol=0)
    torch.testing.assert_close(alone.said[1][0].masks, mixed.said[1][0].masks, atol=0, rtol=0)  # before the first layer
    assert (alone.said[1][1].masks - mixed.said[1][1].masks).abs().max() > 1e-3


def test_after_the_first_layer_the_sum_of_both_branches_queries_speaks(image: torch.Tensor) -> None:
    """By hand: one step of each branch, added up, through pathology's norm and classifier."""
    torch.manual_seed(4)
    network = QueryNetwork(TINY, (7, 2), Exchange(mixer="sum")).eval()
    from PathologySegLib.apex.decoding import Pixels

    with torch.no_grad():
        made = network.pixel_decoders[0](network.backbone(image))
        pixels, states = Pixels(made.multi_scale_features, made.mask_features), []
        for branch in network.branches:
            view, start = branch.view(pixels), branch.start(2)
            states.append(branch.step(0, start, view, branch.predicted(start, view, 0)[1]))
        pathology = network.branches[1]
        expected = pathology.classifier(pathology.transformer.decoder.layernorm(states[0] + states[1])).transpose(0, 1)
        torch.testing.assert_close(network(image).said[1][1].classes, expected, atol=1e-5, rtol=1e-5)


def sampled(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """A (height, width, channels) image between its pixels, 0 outside; pixel (0, 0) has its centre at 0, 0."""
    total = np.zeros(image.shape[2])
    left, top = int(np.floor(x)), int(np.floor(y))
    for column in (left, left + 1):
        for row in (top, top + 1):
            if 0 <= column < image.shape[1] and 0 <= row < image.shape[0]:
                total += (1 - abs(x - column)) * (1 - abs(y - row)) * image[row, column]
    return total


def test_deformable_attention_is_its_definition() -> None:
    """Deformable DETR, Equation 3, place by place, head by head, point by point."""
    torch.manual_seed(0)
    attention = mask2former(TINY).pixel_level_module.decoder.encoder.layers[0].self_attn
    with torch.no_grad():
        for layer in (attention.sampling_offsets, attention.attention_weights):
            layer.weight.normal_(0, 0.3)
            layer.bias.normal_(0, 1.5)
    grids, hidden, heads = [(2, 3), (4, 5), (3, 6)], 32, 4
    places = sum(height * width for height, width in grids)
    rng = np.random.default_rng(1)
    states = rng.normal(0, 1, (1, places, hidden)).astype(np.float32)
    middles = rng.uniform(0, 1, (1, places, 3, 2)).astype(np.float32)
    starts = torch.tensor([0, 6, 26])
    with torch.no_grad():
        found = attention(
            hidden_states=torch.from_numpy(states), encoder_hidden_states=torch.from_numpy(states),
            reference_points=torch.from_numpy(middles), spatial_shapes_list=grids, level_start_index=starts,
        )[0].numpy()[0]  # fmt: skip

        def through(layer, rows):
            return layer(torch.from_numpy(rows.astype(np.float32))).numpy().astype(float)

        values, size = through(attention.value_proj, states[0]), hidden // heads
        offsets = through(attention.sampling_offsets, states[0]).reshape(places, heads, 3, 4, 2)
        logits = through(attention.attention_weights, states[0]).reshape(places, heads, 12)
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = np.zeros((places, hidden))
    for place in range(places):
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            for level, (height, width) in enumerate(grids):
                first = int(starts[level])
                image = values[first : first + height * width, own].reshape(height, width, size)
                for point in range(4):
                    x, y = middles[0, place, level] * (width, height) + offsets[place, head, level, point] - 0.5
                    expected[place, own] += weights[place, head, level * 4 + point] * sampled(image, x, y)
    with torch.no_grad():
        expected = through(attention.output_proj, expected)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_still_norms_stay_as_in_prediction() -> None:
    from torch import nn

    network = QueryNetwork(replace(TINY, still_norms=True), (2,)).train()
    assert network.training
    assert not any(norm.training for norm in network.modules() if isinstance(norm, nn.BatchNorm2d))
    assert any(norm.training for norm in QueryNetwork(TINY, (2,)).train().modules() if isinstance(norm, nn.BatchNorm2d))


@pytest.mark.parametrize("change", [
    {"hidden": 48}, {"heads": 3}, {"stem": 3}, {"features": (8, 8, 8)}, {"block": "odd"}, {"queries": 0},
])  # fmt: skip
def test_sizes_that_cannot_be_built_are_refused(change: dict) -> None:
    with pytest.raises(UsageError):
        replace(TINY, **change)

"""The fusion block against its formula written out, backbones taken apart, and an encoder that stays frozen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError

torch = pytest.importorskip("torch", reason="torch is not installed")

from AnatomyGuidedLib.networks.build import build_network  # noqa: E402
from AnatomyGuidedLib.networks.frozen import FrozenEncoder  # noqa: E402
from PathologySegLib.grasp.attention import ChannelAttention, SpatialAttention  # noqa: E402
from PathologySegLib.grasp.backbone import channels_of, decoded, decoder_of, encoded  # noqa: E402
from PathologySegLib.grasp.fusion import Align, AnatomyFusion, TransformerBlock  # noqa: E402
from PathologySegLib.grasp.heads import attended  # noqa: E402
from PathologySegLib.grasp.network import Grasp, weights_sha256  # noqa: E402
from PathologySegLib.grasp.settings import FusionSettings  # noqa: E402
from PathologySegLib.learning.backbones import Backbone  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

Array = npt.NDArray[np.float64]

SEGRESNET = {"init_filters": 8, "blocks_down": [1, 1, 1], "blocks_up": [1, 1]}
MEDNEXT = {"init_filters": 8, "kernel_size": 3, "blocks_down": [1] * 4, "blocks_up": [1] * 4, "blocks_bottleneck": 1}
MONAI_UNET = {"channels": [8, 16, 24], "strides": [2, 2], "num_res_units": 1}
BACKBONES = {
    "unet": Backbone(features=(4, 8, 16), encoder_blocks=1),
    "resenc": Backbone(features=(4, 8, 16), encoder_blocks=1, residual=True),
    "positioned": Backbone("positioned-unet", features=(4, 8, 16), encoder_blocks=1),
    "UNet": Backbone("UNet", arguments=MONAI_UNET),
    "SegResNet": Backbone("SegResNet", arguments=SEGRESNET),
    "MedNeXt": Backbone("MedNeXt", arguments={**MEDNEXT, "deep_supervision": True}),
}


def built(name: str, channels: int = 2, classes: int = 2) -> nn.Module:
    if name in ("UNet", "SegResNet", "MedNeXt"):
        pytest.importorskip("monai", reason="MONAI is not installed")
    torch.manual_seed(0)
    return build_network(BACKBONES[name].entry(channels=channels, classes=classes, deep_supervision=True))


@pytest.fixture(params=BACKBONES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def as_list(found: Any) -> list[Tensor]:
    return [found] if isinstance(found, Tensor) else list(found)


# The block's parts, each against its formula


def test_spatial_attention_weighs_each_place_by_its_mean_and_maximum() -> None:
    torch.manual_seed(0)
    part, features = SpatialAttention(), torch.randn(1, 3, 4, 5, 6)
    kernel, image = part.convolution.weight.detach().numpy()[0], features.numpy()[0]
    told = np.pad(np.stack([image.mean(0), image.max(0)]), [(0, 0), (3, 3), (3, 3), (3, 3)])
    expected = np.empty(image.shape)
    for i, j, k in np.ndindex(4, 5, 6):
        weight = 1 / (1 + np.exp(-(kernel * told[:, i : i + 7, j : j + 7, k : k + 7]).sum()))
        expected[:, i, j, k] = image[:, i, j, k] * weight
    np.testing.assert_allclose(part(features).detach().numpy()[0], expected, rtol=1e-4, atol=1e-6)


def test_channel_attention_weighs_each_channel_by_all_means() -> None:
    torch.manual_seed(0)
    part, features = ChannelAttention(32), torch.randn(1, 32, 2, 2, 2)
    first, second = part.weights[0], part.weights[2]
    means = features.numpy()[0].mean((1, 2, 3))
    hidden = np.maximum(first.weight.detach().numpy() @ means + first.bias.detach().numpy(), 0)
    assert hidden.shape == (2,)  # 32 channels squeezed by 16
    weights = 1 / (1 + np.exp(-(second.weight.detach().numpy() @ hidden + second.bias.detach().numpy())))
    expected = features.numpy()[0] * weights[:, None, None, None]
    np.testing.assert_allclose(part(features).detach().numpy()[0], expected, rtol=1e-5, atol=1e-6)


def test_the_align_block_mixes_channels_and_then_takes_means_of_cells() -> None:
    torch.manual_seed(0)
    part, features = Align(3, 2), torch.randn(1, 3, 4, 4, 6)
    weight, bias = part.convolution.weight.detach().numpy()[:, :, 0, 0, 0], part.convolution.bias.detach().numpy()
    mixed = np.einsum("oc,cijk->oijk", weight, features.numpy()[0]) + bias[:, None, None, None]
    expected = mixed.reshape(2, 2, 2, 2, 2, 3, 2).mean((2, 4, 6))
    found = part(features, torch.Size((2, 2, 3))).detach().numpy()[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def slow_attention(part: nn.MultiheadAttention, queries: Array, keys: Array) -> Array:
    """Eq. 1 of the Transformer, head by head and query by query."""
    size, heads = queries.shape[1], part.num_heads
    weight, bias = part.in_proj_weight.detach().numpy().astype(float), part.in_proj_bias.detach().numpy().astype(float)
    q, k, v = (
        tokens @ weight[place * size : (place + 1) * size].T + bias[place * size : (place + 1) * size]
        for place, tokens in enumerate((queries, keys, keys))
    )
    found, width = np.empty_like(queries), size // heads
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        for token in range(len(queries)):
            alike = np.array([q[token, own] @ k[other, own] / np.sqrt(width) for other in range(len(keys))])
            shares = np.exp(alike - alike.max())
            found[token, own] = (shares / shares.sum()) @ v[:, own]
    out = part.out_proj
    return np.asarray(found @ out.weight.detach().numpy().T + out.bias.detach().numpy())


def normalised(tokens: Array) -> Array:
    deviation = np.sqrt(tokens.var(1, keepdims=True) + 1e-5)
    return np.asarray((tokens - tokens.mean(1, keepdims=True)) / deviation)


@pytest.mark.parametrize("block", ["plain", "add-norm"])
def test_attention_is_that_of_its_formula(block: str) -> None:
    torch.manual_seed(1)
    part = TransformerBlock(16, 8, block)
    lesions, anatomy = torch.randn(1, 5, 16), torch.randn(1, 7, 16)
    queries, keys = lesions[0].numpy().astype(float), anatomy[0].numpy().astype(float)
    among = slow_attention(part.among, queries, queries)
    expected = slow_attention(part.across, among, keys)
    if block == "add-norm":
        among = normalised(queries + among)
        expected = normalised(among + slow_attention(part.across, among, keys))
    np.testing.assert_allclose(part(lesions, anatomy).detach().numpy()[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("heads", "others"), [(8, 512), (4, 700)])
def test_narrow_heads_among_many_tokens_are_torchs_own(
    heads: int, others: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs and the gradients of all weights; the kernel sees 16 channels a head in place of 6 and 12."""
    widths, kernel = [], torch.nn.functional.scaled_dot_product_attention

    def watched(queries: Tensor, *rest: Tensor, **options: Any) -> Tensor:
        widths.append(queries.shape[-1])
        return kernel(queries, *rest, **options)

    torch.manual_seed(4)
    part = nn.MultiheadAttention(48, heads, batch_first=True)
    part.in_proj_bias.data.normal_()
    tokens = [torch.randn(2, count, 48, requires_grad=True) for count in (512, others)]
    wanted, learned = torch.randn(2, 512, 48), [*tokens, *part.parameters()]
    expected = part(*tokens, tokens[1], need_weights=False)[0]
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", watched)
    found = attended(part, *tokens)
    assert widths == [16]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    slow = torch.autograd.grad((expected * wanted).sum(), learned)
    for one, other in zip(torch.autograd.grad((found * wanted).sum(), learned), slow, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))


def test_narrow_heads_among_many_tokens_are_the_formula() -> None:
    torch.manual_seed(5)
    part = nn.MultiheadAttention(8, 2, batch_first=True)
    queries, keys = 3 * torch.randn(1, 512, 8), 3 * torch.randn(1, 9, 8)
    expected = slow_attention(part, queries[0].numpy().astype(float), keys[0].numpy().astype(float))
    np.testing.assert_allclose(attended(part, queries, keys).detach().numpy()[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("channels", "tokens"), [(48, 511), (128, 512)])
def test_few_tokens_and_wide_heads_are_torchs_own_to_the_bit(channels: int, tokens: int) -> None:
    torch.manual_seed(6)
    part, queries = nn.MultiheadAttention(channels, 8, batch_first=True), torch.randn(1, tokens, channels)
    expected = part(queries, queries, queries, need_weights=False)[0]
    torch.testing.assert_close(attended(part, queries, queries), expected, rtol=0, atol=0)


@pytest.mark.parametrize("channels", [64, 128])
def test_attention_on_a_processor_keeps_no_weights_for_the_way_back(channels: int) -> None:
    """Of 1024 tokens, 8 heads have 32 MiB of weights; each kept tensor is no larger than the tokens in wide heads."""
    part, kept = nn.MultiheadAttention(channels, 8, batch_first=True), []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.untyped_storage().nbytes())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        attended(part, *[torch.randn(1, 1024, channels, requires_grad=True)] * 2)
    assert kept
    assert max(kept) <= 3 * 1024 * 128 * 4


def test_the_gated_sum_starts_half_and_half() -> None:
    torch.manual_seed(2)
    part = AnatomyFusion(16, 4)
    lesions, anatomy = torch.randn(1, 16, 2, 3, 2), torch.randn(1, 4, 4, 6, 4)
    part.weight.data.fill_(40.0)  # a gate of 1: what the transformer gives alone
    other = part(lesions, anatomy)
    part.weight.data.fill_(0.0)
    torch.testing.assert_close(part(lesions, anatomy), 0.5 * other + 0.5 * lesions)


@pytest.mark.parametrize("change", [{"heads": 5}, {"block": "other"}])
def test_blocks_that_cannot_be_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        AnatomyFusion(16, 4, **change)


@pytest.mark.parametrize("change", [{"levels": 3}, {"activation_epoch": 301}, {"heads": 0}, {"pairing": "any"}])
def test_fusion_settings_that_cannot_be_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        FusionSettings(**change)


# Backbones in two halves


def test_both_halves_are_the_whole_backbone(name: str) -> None:
    network, image = built(name), torch.randn(1, 2, 32, 32, 32)
    for training in (True, False):
        network.train(training)
        whole, halves = as_list(network(image)), as_list(decoded(network, encoded(network, image)))
        assert len(whole) == len(halves) > 0
        for one, other in zip(whole, halves, strict=True):
            torch.testing.assert_close(one, other)


def test_a_decoder_alone_decodes_the_same_and_has_fewer_weights(name: str) -> None:
    network, image = built(name).eval(), torch.randn(1, 2, 32, 32, 32)
    features, before = encoded(network, image), sum(value.numel() for value in network.parameters())
    expected = decoded(network, features)
    torch.testing.assert_close(decoded(decoder_of(network), features), expected)
    assert sum(value.numel() for value in network.parameters()) < before


def test_a_network_that_is_no_backbone_is_refused() -> None:
    with pytest.raises(AnatomyGuidedError, match="cannot be a backbone"):
        decoded(nn.Conv3d(1, 1, 1), [])


# The network that learns beside a frozen encoder


def grasp(name: str, *, activation_step: int = 0, kept: bool = False, levels: int = 2) -> Grasp:
    anatomy = FrozenEncoder(built(name, channels=1, classes=5))
    settings = FusionSettings(levels=levels, heads=4, kept=kept)
    torch.manual_seed(3)
    return Grasp(built(name), anatomy, settings, entering=2, activation_step=activation_step)


@pytest.mark.parametrize("levels", [1, 2])
def test_with_a_gate_of_0_it_is_the_baseline_exactly(name: str, levels: int) -> None:
    network, image = grasp(name, levels=levels), torch.randn(1, 2, 32, 32, 32)
    expected = as_list(built(name).train()(image))
    assert not torch.equal(as_list(network.train()(image))[0], expected[0])
    for fusion in network.fusions:
        fusion.weight.data.fill_(-float("inf"))
    for one, other in zip(as_list(network(image)), expected, strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)


@pytest.mark.parametrize(("pairing", "places"), [("deepest", [2, 3]), ("alike", [1, 2])])
def test_an_encoder_with_a_level_more_is_paired_from_the_deepest_or_by_size(pairing: str, places: list[int]) -> None:
    anatomy = Backbone(features=(4, 8, 12, 20), encoder_blocks=1).entry(channels=1, classes=5, deep_supervision=False)
    encoder, settings = FrozenEncoder(build_network(anatomy)), FusionSettings(heads=4, pairing=pairing)
    network = Grasp(built("unet"), encoder, settings, entering=2, activation_step=0).train()
    image, seen = torch.randn(1, 2, 32, 32, 32), []
    for fusion in network.fusions:
        fusion.align.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network(image)
    features = encoder(image[:, :1])
    for found, place in zip(seen, places, strict=True):
        torch.testing.assert_close(found, features[place])


def test_it_predicts_without_the_fusion_or_with_it_where_it_is_kept() -> None:
    image = torch.randn(1, 2, 32, 32, 32)
    left_out, kept, baseline = grasp("unet").eval(), grasp("unet", kept=True).eval(), built("unet").eval()
    torch.testing.assert_close(left_out(image), baseline(image), atol=0, rtol=0)
    assert not torch.allclose(kept(image), baseline(image))


def test_the_fusion_begins_at_its_step() -> None:
    network, image = grasp("unet", activation_step=2).train(), torch.randn(1, 2, 32, 32, 32)
    expected = built("unet").train()(image)[0]
    fused = [not torch.equal(network(image)[0], expected) for _ in range(4)]
    assert fused == [False, False, True, True]
    assert FusionSettings(epochs=300, activation_epoch=50).activation_step(3000) == 500


def test_the_frozen_encoder_is_the_same_after_training_and_in_no_checkpoint() -> None:
    network = grasp("unet").train()
    before, calls = weights_sha256(network.anatomy), 0
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    while calls < 3:
        loss = sum(part.square().mean() for part in network(torch.randn(1, 2, 32, 32, 32)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        calls += 1
    assert weights_sha256(network.anatomy) == before
    assert not network.anatomy.training
    assert not any(value.requires_grad for value in network.anatomy.parameters())
    known = {name.split(".")[0] for name in network.state_dict()}
    assert known == {"backbone", "fusions", "steps"}
    frozen = {value.data_ptr() for value in network.anatomy.parameters()}
    assert not frozen & {value.data_ptr() for value in network.parameters()}
    assert all(value.grad is not None for value in network.parameters())


def test_the_checksum_tells_one_changed_weight() -> None:
    network = built("unet")
    before = weights_sha256(network)
    next(network.parameters()).data.view(-1)[0] += 1e-3
    assert weights_sha256(network) != before


def test_similarity_is_the_mean_cosine_of_features_before_and_after() -> None:
    network, image = grasp("unet").train(), torch.randn(1, 2, 32, 32, 32)
    assert "similarity_1" not in network.told()
    network(image)
    before = encoded(network.backbone, image)[-1].detach().numpy()[0].reshape(16, -1)
    anatomy = network.anatomy(image[:, :1])[-1]
    after = network.fusions[1](torch.from_numpy(before).view(1, 16, 8, 8, 8), anatomy).detach().numpy()[0]
    after = after.reshape(16, -1)
    cosines = (before * after).sum(0) / np.linalg.norm(before, axis=0) / np.linalg.norm(after, axis=0)
    assert network.told()["similarity_2"] == pytest.approx(cosines.mean(), abs=2e-4)
    assert network.told()["gate_1"] == 0.5


def test_at_inference_it_does_as_many_operations_as_its_baseline(name: str) -> None:
    """MONAI's MedNeXt computes the heads of its deep supervision in prediction too; the backbone's halves do not."""

    def operations(network: nn.Module) -> int:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.zeros(1, 2, 32, 32, 32))
        return int(counter.get_total_flops())

    own, baseline = operations(grasp(name).eval()), operations(built(name).eval())
    assert own == baseline if name != "MedNeXt" else 0.95 * baseline < own < baseline
    assert operations(grasp(name, kept=True).eval()) > own


def test_channels_of_a_mirror_are_those_of_the_backbone(name: str) -> None:
    assert channels_of(built(name), 2) == channels_of(built(name, channels=1), 1)

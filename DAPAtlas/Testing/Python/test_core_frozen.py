"""Frozen encoders: the features that the whole network computes, the same after training around them."""

from __future__ import annotations

from typing import Any

import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError

torch = pytest.importorskip("torch", reason="torch is not installed")

from AnatomyGuidedLib.networks.build import build_network  # noqa: E402
from AnatomyGuidedLib.networks.frozen import FrozenEncoder  # noqa: E402
from torch import Tensor, nn  # noqa: E402

UNET: dict[str, Any] = {
    "channels": 1, "classes": 3, "features": [4, 6, 8], "kernels": [[3, 3, 3]] * 3,
    "strides": [[1, 1, 1], [2, 2, 2], [2, 2, 2]], "encoder_blocks": [1, 1, 1], "decoder_blocks": [1, 1],
    "deep_supervision": False,
}  # fmt: skip
DYN = {"kernel_size": [3, 3, 3], "strides": [1, 2, 2], "upsample_kernel_size": [2, 2], "filters": [4, 6, 8]}
MONAIS = {"spatial_dims": 3, "in_channels": 1, "out_channels": 3}
NETWORKS = {
    "unet": ("unet", UNET, (4, 6, 8)),
    "residual": ("unet", UNET | {"residual": True}, (4, 6, 8)),
    "positioned": ("positioned-unet", UNET | {"channels": 3}, (4, 6, 8)),
    "SegResNet": ("SegResNet", MONAIS | {"init_filters": 8, "blocks_down": [1] * 3, "blocks_up": [1] * 2}, (8, 16, 32)),
    "DynUNet": ("DynUNet", MONAIS | DYN, (4, 6, 8)),
    "MedNeXt": ("MedNeXt", MONAIS | {"init_filters": 4, "kernel_size": 3, "blocks_down": [1] * 4, "blocks_up": [1] * 4,
                                     "blocks_bottleneck": 1}, (4, 8, 16, 32, 64)),
}  # fmt: skip


@pytest.fixture(params=NETWORKS)
def case(request: pytest.FixtureRequest) -> tuple[nn.Module, tuple[int, ...]]:
    name, arguments, channels = NETWORKS[request.param]
    if name in ("SegResNet", "DynUNet", "MedNeXt"):
        pytest.importorskip("monai", reason="MONAI is not installed")
    torch.manual_seed(0)
    return build_network({"architecture": name, "arguments": arguments}), channels


def test_features_are_half_as_fine_from_one_to_the_next(case: tuple[nn.Module, tuple[int, ...]]) -> None:
    network, channels = case
    encoder = FrozenEncoder(network)
    assert encoder.channels(1, 32) == channels
    sides = [tuple(features.shape[2:]) for features in encoder(torch.zeros(1, 1, 32, 32, 32))]
    assert sides == [(32 // 2**stage,) * 3 for stage in range(len(channels))]


def test_the_whole_network_comes_by_the_same_features(case: tuple[nn.Module, tuple[int, ...]]) -> None:
    """What any part of the network gives while it predicts is watched; each feature map must be among it."""
    network, _ = case
    seen: list[Tensor] = []

    def watch(_module: nn.Module, _given: object, found: object) -> None:
        seen.extend(part.clone() for part in (found if isinstance(found, list | tuple) else [found]))

    image = torch.randn(1, 1, 32, 32, 32)
    hooks = [part.register_forward_hook(watch) for part in network.modules()]
    network.eval()(image)
    for hook in hooks:
        hook.remove()
    for features in FrozenEncoder(network)(image):
        alike = [one for one in seen if one.shape == features.shape and torch.allclose(one, features, atol=1e-5)]
        assert alike


def test_training_around_it_leaves_it_as_it_was() -> None:
    torch.manual_seed(0)
    arguments = UNET | {"norm": "batch"}
    whole = nn.ModuleDict({"seen": FrozenEncoder(build_network({"architecture": "unet", "arguments": arguments}))})
    whole["head"] = nn.Conv3d(4, 2, 1)
    before = {name: value.clone() for name, value in whole["seen"].state_dict().items()}
    whole.train()
    optimizer = torch.optim.SGD([value for value in whole.parameters() if value.requires_grad], lr=1.0)
    whole["head"](whole["seen"](torch.randn(2, 1, 16, 16, 16))[0]).sum().backward()
    optimizer.step()
    for name, value in whole["seen"].state_dict().items():
        torch.testing.assert_close(value, before[name], atol=0, rtol=0)
    assert len([value for value in whole.parameters() if value.requires_grad]) == 2


def test_a_network_without_a_known_encoder_is_refused() -> None:
    with pytest.raises(AnatomyGuidedError, match="cannot be a frozen encoder"):
        FrozenEncoder(nn.Conv3d(1, 2, 1))

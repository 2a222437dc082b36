"""A ResNet-50's weights from files as others store them: the same image gives the same features."""

from __future__ import annotations

from pathlib import Path

import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from PathologySegLib.apex.shape import Shape

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from PathologySegLib.apex.backbone import resnet_config  # noqa: E402
from PathologySegLib.apex.backbone_weights import load_backbone  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

SMALL = Shape(embedding=8, features=(16, 32, 64, 96), depths=(1, 2, 1, 1), block="bottleneck")


class Bottleneck(nn.Module):
    """torchvision's block by its names, written for this test."""

    def __init__(self, entering: int, leaving: int, stride: int) -> None:
        super().__init__()
        inner = leaving // 4
        self.conv1, self.bn1 = nn.Conv2d(entering, inner, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv2, self.bn2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = nn.Conv2d(inner, leaving, 1, bias=False), nn.BatchNorm2d(leaving)
        self.downsample = (
            nn.Sequential(nn.Conv2d(entering, leaving, 1, stride, bias=False), nn.BatchNorm2d(leaving))
            if stride > 1 or entering != leaving
            else None
        )

    def forward(self, image):
        found = functional.relu(self.bn1(self.conv1(image)))
        found = functional.relu(self.bn2(self.conv2(found)))
        short = self.downsample(image) if self.downsample else image
        return functional.relu(self.bn3(self.conv3(found)) + short)


class ResNet(nn.Module):
    """A ResNet whose layers are called as in torchvision and LVM-MED's release, classifier included."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, shape.embedding, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(shape.embedding)
        entering = shape.embedding
        for stage, (leaving, depth) in enumerate(zip(shape.features, shape.depths, strict=True)):
            blocks = [Bottleneck(entering, leaving, 2 if stage else 1)]
            blocks += [Bottleneck(leaving, leaving, 1) for _ in range(depth - 1)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            entering = leaving
        self.fc = nn.Linear(entering, 10)

    def forward(self, image):
        found = functional.max_pool2d(functional.relu(self.bn1(self.conv1(image))), 3, 2, 1)
        return [found := getattr(self, f"layer{stage}")(found) for stage in range(1, 5)]


@pytest.fixture(scope="module")
def theirs() -> ResNet:
    torch.manual_seed(0)
    network = ResNet(SMALL)
    with torch.no_grad():
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.normal_()
                norm.running_var.uniform_(0.5, 2)
    return network.eval()


def ours() -> nn.Module:
    from transformers import ResNetBackbone

    return ResNetBackbone(resnet_config(SMALL)).eval()


@pytest.mark.parametrize("wrap", [
    lambda state: state,
    lambda state: {"state_dict": {f"module.encoder.{name}": value for name, value in state.items()}, "epoch": 3},
    lambda state: {f"_feature_blocks.{name}": v for name, v in state.items() if not name.startswith("fc")},
])  # fmt: skip
def test_the_same_features_come_out_whatever_the_wrapping(theirs: ResNet, tmp_path: Path, wrap) -> None:
    torch.save(wrap(theirs.state_dict()), tmp_path / "lvmmed_resnet.torch")
    network = ours()
    load_backbone(network, tmp_path / "lvmmed_resnet.torch")
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for found, expected in zip(network(image).feature_maps, theirs(image), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_a_folder_of_transformers_is_read(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    source, network = ours(), ours()
    save_file({f"resnet.{name}": value for name, value in source.state_dict().items()},
              str(tmp_path / "model.safetensors"))  # fmt: skip
    load_backbone(network, tmp_path)
    for name, value in source.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], value, atol=0, rtol=0)


def test_files_that_do_not_fit_are_refused(theirs: ResNet, tmp_path: Path) -> None:
    state = dict(theirs.state_dict())
    with pytest.raises(AnatomyGuidedError, match="no weights absent"):
        load_backbone(ours(), tmp_path / "absent.pt")
    torch.save({name: value for name, value in state.items() if "layer3" not in name}, tmp_path / "short.pt")
    with pytest.raises(AnatomyGuidedError, match=r"lacks encoder\.stages\.2"):
        load_backbone(ours(), tmp_path / "short.pt")
    torch.save({**state, "conv1.weight": torch.zeros(8, 1, 7, 7)}, tmp_path / "grey.pt")
    with pytest.raises(AnatomyGuidedError, match="another shape"):
        load_backbone(ours(), tmp_path / "grey.pt")


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_a_file_that_would_execute_something_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"conv1.weight": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(AnatomyGuidedError, match="tensors alone"):
        load_backbone(ours(), tmp_path / "evil.pt")
    assert "executed" not in capsys.readouterr().out

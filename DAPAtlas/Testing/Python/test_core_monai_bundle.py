"""MONAI bundles: the labels of MONAI's own transforms and sliding window, and no expression that is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Volume
from AnatomyGuidedLib.phantom import PatientOptions, make_patient

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("monai", reason="monai is not installed")

import parity  # noqa: E402
from AnatomyGuidedLib.model_store import Addition, add_model  # noqa: E402
from AnatomyGuidedLib.networks.build import MONAI, build_network, divisors_of  # noqa: E402
from AnatomyGuidedLib.predictors.card import read_predictor  # noqa: E402
from AnatomyGuidedLib.predictors.monai_bundle import read_monai_bundle  # noqa: E402

NETWORK = {
    "_target_": "SegResNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 8, "init_filters": 8,
    "blocks_down": [1, 1, 1], "blocks_up": [1, 1], "dropout_prob": 0.2,
}  # fmt: skip


def config(**changes: Any) -> dict[str, Any]:
    """A bundle's inference.json in the layout of wholeBody_ct_segmentation, with a small network."""
    key = {"keys": "@image_key"}
    transforms = [
        {"_target_": "LoadImaged", **key},
        {"_target_": "EnsureChannelFirstd", **key},
        {"_target_": "Orientationd", **key, "axcodes": "RAS"},
        {"_target_": "Spacingd", **key, "pixdim": "@pixdim", "mode": "bilinear"},
        {"_target_": "NormalizeIntensityd", **key, "nonzero": True},
        {"_target_": "ScaleIntensityd", **key, "minv": -1.0, "maxv": 1.0},
    ]
    return {
        "imports": ["$import os"],
        "displayable_configs": {"highres": False, "sw_overlap": 0.25},
        "image_key": "image",
        "pixdim": "$[1.5, 1.5, 1.5] if @displayable_configs#highres else [3.0, 3.0, 3.0]",
        "modelname": "$'model.pt' if @displayable_configs#highres else 'model_lowres.pt'",
        "network_def": NETWORK,
        "network": "$@network_def.to(@device)",
        "preprocessing": {"_target_": "Compose", "transforms": transforms},
        "inferer": {
            "_target_": "SlidingWindowInferer", "roi_size": [24, 24, 24], "overlap": "@displayable_configs#sw_overlap",
            "mode": "gaussian", "padding_mode": "replicate",
        },
    } | changes  # fmt: skip


def bundle(tmp_path: Path, **changes: Any) -> Path:
    folder = tmp_path / "bundle"
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "configs" / "inference.json").write_text(json.dumps(config(**changes)))
    channels = {str(number): f"organ {number}" for number in range(8)}
    data = {
        "inputs": {"image": {"modality": "CT", "num_channels": 1}},
        "outputs": {"pred": {"channel_def": channels}},
    }
    (folder / "configs" / "metadata.json").write_text(json.dumps({"network_data_format": data}))
    torch.manual_seed(0)
    network = build_network(
        {"architecture": "SegResNet", "arguments": {k: v for k, v in NETWORK.items() if k != "_target_"}}
    )
    with torch.no_grad():
        for value in network.parameters():
            value.add_(torch.randn_like(value) * 0.15)
    torch.save({"model": network.state_dict()}, folder / "models" / "model_lowres.pt")
    return folder


def scan(shape: tuple[int, int, int] = (60, 40, 52)) -> Volume:
    """A made patient's trunk, stored towards the left and the back, at the bundle's spacing."""
    ct = make_patient(PatientOptions(spacing_mm=6.0, sex="F", seed=5)).ct
    values = np.ascontiguousarray(ct.values[8 : 8 + shape[0], 6 : 6 + shape[1], 60 : 60 + shape[2]])
    return Volume(values, Grid(values.shape, np.diag([-3.0, -3.0, 3.0, 1.0])), "HU")  # type: ignore[arg-type]


def theirs(folder: Path, volume: Volume) -> np.ndarray:
    """MONAI's own transforms, network and window; the label map [i, j, k] as the image is stored."""
    from monai.inferers import SlidingWindowInferer
    from monai.networks.nets import SegResNet
    from monai.transforms import NormalizeIntensity, ScaleIntensity

    ras = torch.from_numpy(volume.values[::-1, ::-1].copy())[None]
    image = ScaleIntensity(minv=-1.0, maxv=1.0)(NormalizeIntensity(nonzero=True)(ras))
    network = SegResNet(**{key: value for key, value in NETWORK.items() if key != "_target_"})
    network.load_state_dict(torch.load(folder / "models" / "model_lowres.pt", weights_only=True)["model"])
    network.eval()
    inferer = SlidingWindowInferer((24, 24, 24), overlap=0.25, mode="gaussian", padding_mode="replicate")
    with torch.no_grad():
        found = inferer(torch.as_tensor(np.asarray(image))[None].float(), network)
    return found[0].argmax(0).numpy()[::-1, ::-1]


@pytest.mark.parametrize("shape", [(60, 40, 52), (50, 20, 25)])
def test_labels_equal_those_of_monais_own_window(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    folder, volume = bundle(tmp_path), scan(shape)
    expected = theirs(folder, volume)
    found, _ = read_monai_bundle(folder).labelmap([volume], device="cpu")
    assert (np.bincount(expected.ravel()) > expected.size / 200).sum() >= 5
    parity.told(float((found.values == expected).mean()))
    assert (found.values == expected).mean() >= 0.9995


def test_a_bundle_of_another_spacing_gives_labels_on_the_images_grid(tmp_path: Path) -> None:
    coarse = scan()
    fine = Volume(coarse.values, Grid(coarse.grid.shape, np.diag([-1.5, -3.0, 6.0, 1.0])), "HU")
    found, _ = read_monai_bundle(bundle(tmp_path)).labelmap([fine], device="cpu")
    assert found.grid == fine.grid
    assert len(np.unique(found.values)) >= 4


def test_an_added_bundle_predicts_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path / "store"))
    folder = bundle(tmp_path)
    before, _ = read_monai_bundle(folder).labelmap([scan()], device="cpu")
    added = add_model(folder, Addition("bundle"))
    after, _ = read_predictor(added.folder).labelmap([scan()], device="cpu")
    np.testing.assert_array_equal(before.values, after.values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network_def": {"_target_": "os.system", "command": "x"}}, "network is system"),
        ({"network_def": NETWORK | {"out_channels": "$__import__('os').getpid()"}}, "nothing of a bundle is run"),
        ({"pixdim": "$open('/etc/passwd')"}, "nothing of a bundle is run"),
        ({"preprocessing": {"transforms": [{"_target_": "Lambdad", "func": "x"}]}}, "Lambdad"),
        ({"inferer": {"_target_": "SimpleInferer"}}, "a sliding window was expected"),
    ],
)
def test_a_bundle_that_needs_code_or_something_unknown_is_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(AnatomyGuidedError, match=words):
        read_monai_bundle(bundle(tmp_path, **change))


def test_a_bundle_that_lacks_something_is_refused(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    (folder / "models" / "model_lowres.pt").unlink()
    with pytest.raises(AnatomyGuidedError, match=r"model_lowres\.pt of models are missing"):
        read_monai_bundle(folder).load()
    (folder / "configs" / "inference.json").write_text("{}")
    with pytest.raises(AnatomyGuidedError, match="lacks 'network_def'"):
        read_monai_bundle(folder)


SMALL: dict[str, dict[str, Any]] = {
    "SegResNet": {"out_channels": 3, "init_filters": 8, "blocks_down": [1, 1, 1, 1], "blocks_up": [1, 1, 1]},
    "DynUNet": {
        "spatial_dims": 3, "in_channels": 1, "out_channels": 3, "kernel_size": [3, 3, 3], "strides": [1, 2, 2],
        "upsample_kernel_size": [2, 2], "filters": [4, 8, 8],
    },
    "MedNeXt": {"in_channels": 1, "out_channels": 3, "init_filters": 4, "kernel_size": 3},
    "UNet": {"spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [4, 8, 8], "strides": [2, 2]},
    "UNETR": {
        "in_channels": 1, "out_channels": 3, "img_size": [32, 16, 48], "feature_size": 4, "hidden_size": 24,
        "mlp_dim": 24, "num_heads": 2,
    },
    "SwinUNETR": {
        "in_channels": 1, "out_channels": 3, "feature_size": 12, "depths": [1, 1, 1, 1], "window_size": 4,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", MONAI)
def test_monais_networks_take_windows_of_their_divisors(name: str) -> None:
    entry = {"architecture": name, "arguments": SMALL[name]}
    times = 1 if name == "UNETR" else 2  # UNETR takes windows of its one shape only
    sides = [times * side for side in divisors_of(entry)]
    with torch.no_grad():
        found = build_network(entry).eval()(torch.zeros(1, 1, *sides))
    assert found.shape == (1, 3, *sides)


def test_an_unknown_network_and_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(AnatomyGuidedError, match="no network 'AutoModel'"):
        build_network({"architecture": "AutoModel", "arguments": {}})
    with pytest.raises(AnatomyGuidedError, match="do not fit it"):
        build_network({"architecture": "SegResNet", "arguments": {"colour": "red"}})

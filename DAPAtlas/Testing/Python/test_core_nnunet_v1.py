"""nnU-Net v1's folders: the outputs of its own network, the labels of its own windows, and no pickle that acts."""

from __future__ import annotations

import pickle
import sys
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Volume
from AnatomyGuidedLib.phantom import PatientOptions, make_patient

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("nnunet", reason="nnunet (version 1) is not installed")

import parity  # noqa: E402
from AnatomyGuidedLib.predictors.card import read_predictor, write_predictor  # noqa: E402
from AnatomyGuidedLib.predictors.checkpoints import Untrusted  # noqa: E402
from AnatomyGuidedLib.predictors.nnunet_v1 import read_nnunet_v1  # noqa: E402
from nnunet.network_architecture.generic_UNet import Generic_UNet  # noqa: E402
from nnunet.network_architecture.initialization import InitWeights_He  # noqa: E402

CLASSES = 7
STAGES = {
    "3D, isotropic": ([[2, 2, 2]] * 3, [[3, 3, 3]] * 4, [24, 32, 16], [5.0, 2.0, 3.0]),
    "3D, anisotropic": ([[1, 2, 2], [2, 2, 2], [1, 2, 2]], [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]], [10, 32, 24],
                        [8.0, 1.9, 2.8]),
    "2D": ([[2, 2], [2, 2]], [[3, 3]] * 3, [32, 24], [2.0, 3.0]),
}  # fmt: skip


def generic_unet(pools: Sequence[Any], kernels: Sequence[Any], seed: int, blocks: int = 2) -> Any:
    """v1's own network, as nnUNetTrainerV2 makes it, with random weights and norms."""
    flat = len(kernels[0]) == 2
    torch.manual_seed(seed)
    network = Generic_UNet(
        1, 8, CLASSES, len(pools), blocks, 2,
        torch.nn.Conv2d if flat else torch.nn.Conv3d, torch.nn.InstanceNorm2d if flat else torch.nn.InstanceNorm3d,
        {"eps": 1e-5, "affine": True}, torch.nn.Dropout2d if flat else torch.nn.Dropout3d, {"p": 0, "inplace": True},
        torch.nn.LeakyReLU, {"negative_slope": 1e-2, "inplace": True}, True, False, lambda x: x, InitWeights_He(1e-2),
        pools, kernels, False, True, True,
    )  # fmt: skip
    with torch.no_grad():
        for name, value in network.named_parameters():
            if "instnorm" in name:
                value.uniform_(0.5, 1.5) if name.endswith("weight") else value.normal_(0, 0.3)
    return network


def plans_of(name: str, blocks: int = 2) -> dict[str, Any]:
    pools, kernels, patch, spacing = STAGES[name]
    known = {"mean": 20.0, "sd": 150.0, "percentile_00_5": np.float64(-900.0), "percentile_99_5": 900.0}
    stage = {
        "batch_size": 2, "num_pool_per_axis": [3, 3, 3], "patch_size": np.array(patch), "do_dummy_2D_data_aug": False,
        "current_spacing": np.array(spacing if len(patch) == 3 else [4.0, *spacing]),
        "pool_op_kernel_sizes": pools, "conv_kernel_sizes": kernels,
    }  # fmt: skip
    return {
        "num_stages": 1, "num_modalities": 1, "modalities": {0: "CT"}, "num_classes": CLASSES - 1,
        "normalization_schemes": OrderedDict([(0, "CT")]), "use_mask_for_norm": OrderedDict([(0, False)]),
        "dataset_properties": {"intensityproperties": OrderedDict([(0, known)])}, "all_classes": [1, 2],
        "base_num_features": 8, "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2],
        "conv_per_stage": blocks, "plans_per_stage": {0: stage}, "original_spacings": [np.array([5.0, 2.0, 3.0])],
    }  # fmt: skip


def folder_of(tmp_path: Path, name: str, *, folds: int = 1, blocks: int = 2) -> tuple[Path, list[Any]]:
    folder, networks = tmp_path / "Task902", []
    folder.mkdir()
    (folder / "plans.pkl").write_bytes(pickle.dumps(plans_of(name, blocks)))
    for fold in range(folds):
        pools, kernels, _, _ = STAGES[name]
        network = generic_unet(pools, kernels, fold, blocks)
        (folder / f"fold_{fold}").mkdir()
        losses = [[np.float64(0.1)], [np.float32(0.2)], [], []]
        torch.save(
            {"epoch": 5, "state_dict": network.state_dict(), "optimizer_state_dict": None, "plot_stuff": losses},
            folder / f"fold_{fold}" / "model_final_checkpoint.model",
        )
        networks.append(network)
    return folder, networks


@pytest.fixture(scope="module")
def abdomen() -> Volume:
    ct = make_patient(PatientOptions(spacing_mm=6.0, sex="F", seed=5)).ct
    values = np.ascontiguousarray(ct.values[10:66, 8:50, 60:100])
    return Volume(values, Grid(values.shape, np.diag([-3.0, -2.0, 5.0, 1.0])), "HU")  # type: ignore[arg-type]


@pytest.mark.parametrize("blocks", [2, 3])
@pytest.mark.parametrize("name", STAGES)
def test_outputs_equal_those_of_v1s_own_network(tmp_path: Path, name: str, blocks: int) -> None:
    folder, networks = folder_of(tmp_path, name, blocks=blocks)
    ours = read_nnunet_v1(folder).load()[0].eval()
    theirs = networks[0].eval()
    image = torch.randn(2, 1, *STAGES[name][2])
    with torch.no_grad():
        expected = theirs(image)
        assert isinstance(expected, tuple)  # deep supervision is on, its first output is the full resolution
        found = ours(image)
    sys.stdout.write(
        f"parity | {name}, {blocks} blocks | largest difference | {(found - expected[0]).abs().max():.1e}\n"
    )
    torch.testing.assert_close(found, expected[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", STAGES)
def test_labels_equal_those_of_v1s_own_windows(tmp_path: Path, abdomen: Volume, name: str) -> None:
    """At the image's own spacing, where nothing is resampled."""
    folder, networks = folder_of(tmp_path, name, folds=2)
    plans = plans_of(name)
    stage = plans["plans_per_stage"][0]
    stage["current_spacing"] = np.array(abdomen.grid.spacing_mm[::-1])
    (folder / "plans.pkl").write_bytes(pickle.dumps(plans))
    image = ((np.clip(abdomen.values, -900, 900) - 20.0) / 150.0).transpose(2, 1, 0)[None].astype(np.float32)
    chances = []
    for network in networks:
        network.eval()
        network.do_ds = False
        network.inference_apply_nonlin = lambda logits: torch.softmax(logits, 1)
        _, found = network.predict_3D(
            image, False, tuple(range(len(STAGES[name][2]))), True, 0.5, tuple(STAGES[name][2]), None, True, "constant",
            {"constant_values": 0}, False, False, False,
        )  # fmt: skip
        chances.append(found)
    expected = np.mean(chances, axis=0).argmax(0).transpose(2, 1, 0)
    found, _ = read_nnunet_v1(folder).labelmap([abdomen], device="cpu")
    assert len(np.unique(expected)) >= 5
    parity.told(float((found.values == expected).mean()))
    assert (found.values == expected).mean() >= 0.9995


def test_a_converted_model_predicts_the_same(tmp_path: Path, abdomen: Volume) -> None:
    folder, _ = folder_of(tmp_path, "3D, anisotropic", folds=2)
    predictor = read_nnunet_v1(folder, orientation="LAS")
    write_predictor(tmp_path / "converted", predictor, predictor.load(), task="t", licence="l")
    first, _ = predictor.labelmap([abdomen], device="cpu")
    second, _ = read_predictor(tmp_path / "converted").labelmap([abdomen], device="cpu")
    np.testing.assert_array_equal(first.values, second.values)
    assert len(list((tmp_path / "converted").glob("*.safetensors"))) == 2


class Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("attacked"),))


def test_plans_that_would_execute_something_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder, _ = folder_of(tmp_path, "2D")
    (folder / "plans.pkl").write_bytes(pickle.dumps(plans_of("2D") | {"more": Attack()}))
    with pytest.raises(AnatomyGuidedError, match=r"would run .* nothing was executed"):
        read_nnunet_v1(folder)
    assert not (tmp_path / "attacked").exists()


def test_weights_that_would_execute_something_are_refused_unless_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder, networks = folder_of(tmp_path, "2D")
    file = folder / "fold_0" / "model_final_checkpoint.model"
    torch.save({"state_dict": networks[0].state_dict(), "more": Attack()}, file)
    with pytest.raises(Untrusted, match="--trust"):
        read_nnunet_v1(folder)
    assert not (tmp_path / "attacked").exists()
    read_nnunet_v1(folder, trust=True)
    assert (tmp_path / "attacked").exists()


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({"num_stages": 1})[:-3]])
def test_damaged_plans_are_refused(tmp_path: Path, content: bytes) -> None:
    folder, _ = folder_of(tmp_path, "2D")
    (folder / "plans.pkl").write_bytes(content)
    with pytest.raises(AnatomyGuidedError, match=r"plans\.pkl is missing or damaged"):
        read_nnunet_v1(folder)


def test_truncated_weights_and_another_networks_weights_are_refused(tmp_path: Path) -> None:
    folder, _ = folder_of(tmp_path, "2D")
    file = folder / "fold_0" / "model_final_checkpoint.model"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AnatomyGuidedError, match="damaged or no checkpoint"):
        read_nnunet_v1(folder)
    pools, kernels, _, _ = STAGES["2D"]
    torch.save({"state_dict": generic_unet([*pools, [2, 2]], [*kernels, [3, 3]], 0).state_dict()}, file)
    with pytest.raises(AnatomyGuidedError, match="do not fit any stage"):
        read_nnunet_v1(folder)
    file.unlink()
    with pytest.raises(AnatomyGuidedError, match="no fold with"):
        read_nnunet_v1(folder)

"""nnU-Net v2 folders: the same labels as nnU-Net's own predictor."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, NotEvaluable
from AnatomyGuidedLib.grid import Grid, Volume
from AnatomyGuidedLib.phantom import PatientOptions, make_patient

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("nnunetv2", reason="nnunetv2 is not installed")

import nnunet_folders as made  # noqa: E402
import parity  # noqa: E402
from AnatomyGuidedLib.predictors.nnunet_v2 import read_nnunet_v2  # noqa: E402

CUBE = {"strides": [1, [2, 2, 2], [2, 2, 2]], "kernels": [[3, 3, 3]] * 3}
_ROUNDING = 0.01  # of a logit: half precision keeps 11 bits, and sums of eight windows lose some more
FLAT_FIRST = {"strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2]], "kernels": [[1, 3, 3], [3, 3, 3], [3, 3, 3]]}


@pytest.fixture(scope="module")
def abdomen() -> Volume:
    """The trunk of a made patient, stored with axes in another order and anisotropic."""
    ct = make_patient(PatientOptions(spacing_mm=6.0, sex="F", seed=5)).ct
    values = np.ascontiguousarray(ct.values[10:66, 8:50, 60:100])
    return Volume(values, Grid(values.shape, np.diag([-3.0, -2.0, 5.0, 1.0])), "HU")  # type: ignore[arg-type]


def theirs(folder: Path, volumes: list[Volume], *, mirror: bool = False, ties: bool = False) -> npt.NDArray[Any]:
    """The label map of nnU-Net's predictor, [i, j, k]; or where its own logits are as near as its rounding."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(
        use_mirroring=mirror, device=torch.device("cpu"), allow_tqdm=False, perform_everything_on_device=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predictor.initialize_from_trained_model_folder(str(folder), None)
        if ties:
            monkeypatched = _near_ties if not predictor.label_manager.has_regions else _near_zero
            predictor.label_manager.convert_logits_to_segmentation = monkeypatched
        images = np.stack([volume.values.transpose(2, 1, 0) for volume in volumes]).astype(np.float32)
        spacing = list(volumes[0].grid.spacing_mm[::-1])
        found = predictor.predict_single_npy_array(images, {"spacing": spacing}, None, None, False)
    return np.asarray(found).transpose(2, 1, 0)


def require_parity(
    folder: Path, volumes: list[Volume], *, mirror: bool = False, classes: int = 6, at_most: float = 0.001
) -> None:
    reference = theirs(folder, volumes, mirror=mirror)
    labelmap, _ = read_nnunet_v2(folder, mirror=mirror).labelmap(volumes, device="cpu")
    counts = np.bincount(reference.ravel())
    assert (counts > reference.size / 500).sum() >= classes, counts
    assert labelmap.grid == volumes[0].grid
    differs = labelmap.values != reference
    parity.told(1 - float(differs.mean()))
    assert differs.mean() <= at_most, f"{1 - differs.mean():.5%}"
    if differs.mean() > 0.0005:
        explained = theirs(folder, volumes, mirror=mirror, ties=True).astype(bool) | _at_edges(
            np.logical_or.reduce([volume.values != 0 for volume in volumes])
        )
        assert explained[differs].all()


def _at_edges(occupied: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Near two borders of what the network sees, where nnU-Net's weights (its Gaussian's tails) are too small for it.

    It keeps logits times weights as numbers below 2 ** -14 there, with an error of several percent; ours are exact.
    """
    places = np.argwhere(occupied)
    low, high = places.min(0), places.max(0)
    away = [np.minimum(np.arange(n) - a, b - np.arange(n)) for n, a, b in zip(occupied.shape, low, high, strict=True)]
    distances = np.stack(np.meshgrid(*away, indexing="ij"))
    return np.sort(distances, axis=0)[1] <= 4


def _near_ties(logits: Any) -> npt.NDArray[np.uint8]:
    values = np.asarray(logits, np.float32)
    second, first = np.partition(values, -2, axis=0)[-2:]
    return (first - second < _ROUNDING * np.abs(values).max(0)).astype(np.uint8)


def _near_zero(logits: Any) -> npt.NDArray[np.uint8]:
    values = np.abs(np.asarray(logits, np.float32))
    return (values.min(0) < _ROUNDING * values.max(0)).astype(np.uint8)


def three_d(
    tmp_path: Path, patch: tuple[int, ...], spacing: tuple[float, ...], shape: dict[str, Any], **options: Any
) -> Path:
    changes, extra = options.pop("changes", {}), options.pop("plans", {})
    network = made.architecture(3, (8, 12, 16), residual=options.pop("residual", False), **shape)
    entry = made.configuration(patch, spacing, network, **changes)
    channels = options.pop("channels", ("CT",))
    return made.write_folder(
        tmp_path / "model", "3d_fullres", made.plans("3d_fullres", entry, **extra),
        made.dataset(made.organs(9), channels), classes=9, **options,
    )  # fmt: skip


def test_3d_at_the_images_own_spacing(tmp_path: Path, abdomen: Volume) -> None:
    require_parity(three_d(tmp_path, (24, 24, 32), (5.0, 2.0, 3.0), CUBE), [abdomen])


def test_3d_at_full_resolution_of_another_spacing(tmp_path: Path, abdomen: Volume) -> None:
    require_parity(three_d(tmp_path, (24, 24, 32), (3.0, 2.5, 2.5), CUBE), [abdomen])


def test_3d_at_low_resolution(tmp_path: Path, abdomen: Volume) -> None:
    require_parity(three_d(tmp_path, (16, 16, 16), (7.0, 4.5, 5.0), CUBE), [abdomen])


@pytest.mark.parametrize("spacing", [(8.0, 1.6, 2.4), (8.0, 2.0, 3.0)])
def test_3d_with_thick_slices_that_are_resampled_apart(
    tmp_path: Path, abdomen: Volume, spacing: tuple[float, ...]
) -> None:
    require_parity(three_d(tmp_path, (12, 32, 32), spacing, FLAT_FIRST), [abdomen])


def test_an_image_of_thick_slices(tmp_path: Path, abdomen: Volume) -> None:
    thick = Volume(abdomen.values, Grid(abdomen.grid.shape, np.diag([2.0, -2.0, 9.0, 1.0])), "HU")
    require_parity(three_d(tmp_path, (24, 24, 24), (3.0, 2.5, 2.5), CUBE), [thick])


def test_2d(tmp_path: Path, abdomen: Volume) -> None:
    network = made.architecture(2, (8, 12, 16), [[1, 1], [2, 2], [2, 2]], [[3, 3]] * 3)
    entry = made.configuration((32, 24), (1.7, 2.6), network)
    folder = made.write_folder(
        tmp_path / "model", "2d", made.plans("2d", entry), made.dataset(made.organs(9)), classes=9, mirror=(0, 1)
    )
    require_parity(folder, [abdomen])
    require_parity(folder, [abdomen], mirror=True)


def test_several_folds_several_channels_and_mirrors(tmp_path: Path, abdomen: Volume) -> None:
    schemes = {"normalization_schemes": ["CTNormalization", "ZScoreNormalization"], "use_mask_for_norm": [False, True]}
    folder = three_d(
        tmp_path, (24, 24, 32), (4.0, 2.5, 3.5), CUBE, channels=("CT", "PET"), folds=("0", "1"), mirror=(0, 2),
        changes=schemes, wrapped=False,
    )  # fmt: skip
    second = np.where(abdomen.values > -300, abdomen.values * 0.01 + 12.0, 0.0)
    second[:5] = 0.0
    volumes = [
        Volume(np.where(second == 0, 0, abdomen.values), abdomen.grid, "HU"),
        Volume(second, abdomen.grid, "SUV"),
    ]
    require_parity(folder, volumes, mirror=True, at_most=0.003)  # the second image is none that was trained on


@pytest.mark.parametrize("schemes", ["RescaleTo01Normalization", "NoNormalization", "ZScoreNormalization"])
def test_other_normalisations(tmp_path: Path, abdomen: Volume, schemes: str) -> None:
    folder = three_d(tmp_path, (24, 24, 32), (5.0, 2.0, 3.0), CUBE, changes={"normalization_schemes": [schemes]})
    require_parity(folder, [abdomen])


def test_the_residual_encoder_and_axes_in_another_order(tmp_path: Path, abdomen: Volume) -> None:
    turned = {"transpose_forward": [1, 0, 2], "transpose_backward": [1, 0, 2]}
    folder = three_d(tmp_path, (24, 24, 32), (2.5, 4.0, 3.0), CUBE, residual=True, plans=turned)
    require_parity(folder, [abdomen])


def test_an_image_smaller_than_the_window(tmp_path: Path, abdomen: Volume) -> None:
    require_parity(three_d(tmp_path, (48, 64, 64), (5.0, 2.0, 3.0), CUBE), [abdomen], classes=5)


def test_regions(tmp_path: Path, abdomen: Volume) -> None:
    network = made.architecture(3, (8, 12, 16), **CUBE)
    entry = made.configuration((24, 24, 32), (4.0, 2.5, 3.5), network)
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "hot": [3]}
    folder = made.write_folder(
        tmp_path / "model", "3d_fullres", made.plans("3d_fullres", entry),
        made.dataset(labels, regions_class_order=[1, 2, 3]), classes=3,
    )  # fmt: skip
    require_parity(folder, [abdomen], classes=3, at_most=0.003)  # a threshold at 0 has more ties than a largest value


def test_the_stored_orientation_of_training_turns_an_image_first(tmp_path: Path, abdomen: Volume) -> None:
    folder = three_d(tmp_path, (24, 24, 32), (5.0, 2.0, 3.0), CUBE)
    plain, notes = read_nnunet_v2(folder).labelmap([abdomen], device="cpu")
    assert "Check left and right" in notes[0]
    flipped = Volume(abdomen.values[::-1], Grid(abdomen.grid.shape, np.diag([3.0, -2.0, 5.0, 1.0])), "HU")
    same, notes = read_nnunet_v2(folder, orientation="LPS").labelmap([flipped], device="cpu")
    np.testing.assert_array_equal(same.values[::-1], plain.values)
    assert notes == ()


def test_plans_of_an_older_release(tmp_path: Path, abdomen: Volume) -> None:
    folder = three_d(
        tmp_path,
        (24, 24, 32),
        (5.0, 2.0, 3.0),
        {"strides": [[1, 1, 1], [2, 2, 2], [2, 2, 2]], "kernels": [[3, 3, 3]] * 3},
    )
    new = read_nnunet_v2(folder).labelmap([abdomen], device="cpu")[0].values
    plans = json.loads((folder / "plans.json").read_text())
    entry = plans["configurations"]["base"]
    arguments = entry.pop("architecture")["arch_kwargs"]
    # 8, 12, 16 features cannot be said in the old words (8, 16, 32), so its weights are made anew
    entry |= {
        "UNet_class_name": "PlainConvUNet", "UNet_base_num_features": 8, "unet_max_num_features": 16,
        "n_conv_per_stage_encoder": arguments["n_conv_per_stage"],
        "n_conv_per_stage_decoder": arguments["n_conv_per_stage_decoder"],
        "num_pool_per_axis": [2, 2, 2], "pool_op_kernel_sizes": arguments["strides"],
        "conv_kernel_sizes": arguments["kernel_sizes"],
    }  # fmt: skip
    (folder / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(AnatomyGuidedError, match="do not fit the plans"):
        read_nnunet_v2(folder).labelmap([abdomen], device="cpu")
    file = folder / "fold_0" / "checkpoint_final.pth"
    checkpoint = torch.load(file, weights_only=False)
    weights = made.made_network(made.architecture(3, (8, 16, 16), **CUBE), 1, 9, seed=1).state_dict()
    torch.save(checkpoint | {"network_weights": weights}, file)
    old = read_nnunet_v2(folder).labelmap([abdomen], device="cpu")[0].values
    assert (old != new).any()
    require_parity(folder, [abdomen])


def test_a_single_slice_is_not_evaluable_for_a_network_of_blocks(tmp_path: Path, abdomen: Volume) -> None:
    folder = three_d(tmp_path, (24, 24, 32), (5.0, 2.0, 3.0), CUBE)
    grid = Grid((56, 42, 1), abdomen.grid.affine)
    with pytest.raises(NotEvaluable, match="needs 20 mm along each axis, but the image has about 5 mm"):
        read_nnunet_v2(folder).labelmap([Volume(abdomen.values[:, :, :1], grid, "HU")], device="cpu")


def test_a_folder_that_lacks_something_is_refused(tmp_path: Path) -> None:
    folder = three_d(tmp_path, (24, 24, 32), (5.0, 2.0, 3.0), CUBE)
    with pytest.raises(AnatomyGuidedError, match="no fold 3; there are 0"):
        read_nnunet_v2(folder, folds=("3",))
    with pytest.raises(AnatomyGuidedError, match=r"no fold with checkpoint_best\.pth"):
        read_nnunet_v2(folder, checkpoint="checkpoint_best.pth")
    (folder / "plans.json").write_text("{")
    with pytest.raises(AnatomyGuidedError, match=r"plans\.json of model is missing or damaged"):
        read_nnunet_v2(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"normalization_schemes": ["MyNormalization"]}, "MyNormalization is unknown"),
        ({"resampling_fn_data": "my_resampler"}, "resample with my_resampler"),
        ({"previous_stage": "3d_lowres"}, "second stage of a cascade"),
    ],
)
def test_plans_that_cannot_be_followed_are_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(AnatomyGuidedError, match=words):
        read_nnunet_v2(three_d(tmp_path, (24, 24, 32), (5.0, 2.0, 3.0), CUBE, changes=changes))


def test_another_network_is_refused(tmp_path: Path) -> None:
    folder = three_d(tmp_path, (24, 24, 32), (5.0, 2.0, 3.0), CUBE)
    text = (folder / "plans.json").read_text().replace("unet.PlainConvUNet", "primus.Primus")
    (folder / "plans.json").write_text(text)
    with pytest.raises(AnatomyGuidedError, match="is a Primus"):
        read_nnunet_v2(folder)

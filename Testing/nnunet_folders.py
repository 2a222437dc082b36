"""Small nnU-Net v2 folders for tests: plans by hand, weights that give many classes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from AnatomyGuidedLib.phantom import PatientOptions, make_patient
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from scipy import ndimage

PROPERTIES = {"mean": 20.0, "std": 150.0, "percentile_00_5": -900.0, "percentile_99_5": 900.0}


def architecture(
    dimensions: int, features: Sequence[int], strides: Sequence[Any], kernels: Sequence[Any], residual: bool = False
) -> dict[str, Any]:
    stages = len(features)
    kind = "ResidualEncoderUNet" if residual else "PlainConvUNet"
    return {
        "network_class_name": f"dynamic_network_architectures.architectures.unet.{kind}",
        "arch_kwargs": {
            "n_stages": stages,
            "features_per_stage": list(features),
            "conv_op": f"torch.nn.modules.conv.Conv{dimensions}d",
            "kernel_sizes": list(kernels),
            "strides": list(strides),
            "n_blocks_per_stage" if residual else "n_conv_per_stage": [1, 2, 2, 2][:stages],
            "n_conv_per_stage_decoder": [2, 1, 1][: stages - 1],
            "conv_bias": True,
            "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dimensions}d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def configuration(
    patch: Sequence[int], spacing: Sequence[float], network: dict[str, Any], **changes: Any
) -> dict[str, Any]:
    resampling = {"order": 3, "order_z": 0, "force_separate_z": None}
    return {
        "data_identifier": "plans",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(patch),
        "median_image_size_in_voxels": list(patch),
        "spacing": list(spacing),
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {"is_seg": False, **resampling},
        "resampling_fn_seg_kwargs": {"is_seg": True, **resampling, "order": 1},
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs": {"is_seg": False, **resampling, "order": 1},
        "architecture": network,
        "batch_dice": True,
    } | changes


def plans(name: str, entry: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "dataset_name": "Dataset999_Made",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [1, 1, 1],
        "original_median_shape_after_transp": [64, 64, 64],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": PROPERTIES, "1": PROPERTIES},
        "configurations": {"base": entry, name: {"inherits_from": "base"}},
    } | changes


def dataset(labels: dict[str, Any], channels: Sequence[str] = ("CT",), **changes: Any) -> dict[str, Any]:
    return {
        "channel_names": {str(number): name for number, name in enumerate(channels)},
        "labels": labels,
        "numTraining": 2,
        "file_ending": ".nii.gz",
    } | changes


def organs(number: int) -> dict[str, Any]:
    return {"background": 0} | {f"organ {n}": n for n in range(1, number)}


def write_folder(
    folder: Path, configuration_name: str, the_plans: dict[str, Any], the_dataset: dict[str, Any], *, classes: int,
    folds: Sequence[str] = ("0",), mirror: Sequence[int] | None = None, wrapped: bool = False, trained: bool = True,
) -> Path:  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(the_plans))
    (folder / "dataset.json").write_text(json.dumps(the_dataset))
    entry = the_plans["configurations"]["base"]
    for fold in folds:
        make = made_network if trained else _network
        network = make(entry["architecture"], len(the_dataset["channel_names"]), classes, seed=len(fold) + int(fold))
        weights = network.state_dict()
        checkpoint = {
            "network_weights": {f"module.{k}": v for k, v in weights.items()} if wrapped else weights,
            "optimizer_state": {},
            "grad_scaler_state": None,
            "logging": {"mean_fg_dice": [np.float64(0.5), np.float32(0.25)], "epoch_end_timestamps": [1.0]},
            "_best_ema": np.float64(0.5),
            "current_epoch": 1,
            "init_args": {
                "configuration": configuration_name,
                "fold": 0,
                "dataset_json": the_dataset,
                "plans": the_plans,
            },
            "trainer_name": "nnUNetTrainer",
            "inference_allowed_mirroring_axes": None if mirror is None else tuple(mirror),
        }
        (folder / f"fold_{fold}").mkdir()
        torch.save(checkpoint, folder / f"fold_{fold}" / "checkpoint_final.pth")
    return folder


def made_network(entry: dict[str, Any], channels: int, classes: int, seed: int) -> torch.nn.Module:
    """A network that a short training on a made patient has taught to tell tissues apart: it is sure of most voxels."""
    weights = _trained(json.dumps(entry), channels, classes, seed)
    network = _network(entry, channels, classes, seed)
    network.load_state_dict(weights)
    return network


@lru_cache
def _trained(entry_text: str, channels: int, classes: int, seed: int) -> dict[str, torch.Tensor]:
    entry = json.loads(entry_text)
    network = _network(entry, channels, classes, seed).train()
    flat = "2d" in entry["arch_kwargs"]["conv_op"]
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3)
    rng = np.random.default_rng(seed)
    hu, target = _tissues(classes)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so that every machine gets the same weights
    for _ in range(200):
        i, j, k = (int(rng.integers(n - side + 1)) for n, side in zip(hu.shape, (24, 24, 24), strict=True))
        box = (slice(i, i + 24), slice(j, j + 24), slice(k, k + 24))
        image = torch.from_numpy((hu[box] - PROPERTIES["mean"]) / np.float32(PROPERTIES["std"]))[None]
        classes_there = torch.from_numpy(target[box])
        batch = image.transpose(0, 1) if flat else image[None]
        found = network(batch.expand(-1, channels, *batch.shape[2:]))[0]
        loss = torch.nn.functional.cross_entropy(found, classes_there if flat else classes_there[None])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.set_num_threads(threads)
    return network.state_dict()


@lru_cache
def _tissues(classes: int) -> tuple[np.ndarray, np.ndarray]:
    """HU along [k, j, i] of a made patient's trunk, and so many tissues of about equal share by their HU."""
    ct = make_patient(PatientOptions(spacing_mm=6.0, sex="M", seed=8)).ct
    hu = np.ascontiguousarray(ct.values[8:68, 4:50, 40:110].transpose(2, 1, 0))
    smooth = ndimage.gaussian_filter(hu, 0.7)
    edges = np.quantile(smooth[smooth > -800], np.linspace(0, 1, classes)[1:-1])
    target = np.where(smooth > -800, 1 + np.searchsorted(edges, smooth), 0)
    return hu, target.astype(np.int64).clip(0, classes - 1)


def _network(entry: dict[str, Any], channels: int, classes: int, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    arguments = dict(entry["arch_kwargs"])
    dimensions = 2 if "2d" in arguments["conv_op"] else 3
    arguments["conv_op"] = getattr(torch.nn, f"Conv{dimensions}d")
    arguments["norm_op"] = getattr(torch.nn, f"InstanceNorm{dimensions}d")
    arguments["nonlin"] = torch.nn.LeakyReLU
    kind = ResidualEncoderUNet if "Residual" in entry["network_class_name"] else PlainConvUNet
    return kind(input_channels=channels, num_classes=classes, deep_supervision=True, **arguments)

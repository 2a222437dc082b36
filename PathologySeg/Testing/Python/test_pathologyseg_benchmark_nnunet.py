"""nnU-Net's own package as an arm of the benchmark: our folds, our grids, its trainer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.io import read_image, read_labelmap, write_labelmap, write_volume
from AnatomyGuidedLib.progress import never_cancelled, no_progress
from made_images import grid

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed")

from DAPAtlasLib.training.nnunet_dataset import NAME
from DAPAtlasLib.training.nnunet_settings import NnunetSettings, Stage
from PathologySegLib.benchmark.benchmark import Benchmark
from PathologySegLib.benchmark.nnunet_arm import NnunetArm
from PathologySegLib.benchmark.plan import NNUNET, DataSet, Plan, TierSettings
from PathologySegLib.benchmark.prepared import prepared
from PathologySegLib.benchmark.trial import Fold
from PathologySegLib.data_sets import PetCtCase

GRID = grid((20, 18, 16), (4.0, 4.0, 4.0), flips=(-1, -1, 1))
SETTINGS = NnunetSettings(
    stages=(Stage(epochs=1, iterations=1),), validation_iterations=1, gpu_memory_gb=1.0, processes=1
)  # fmt: skip


def made_case(folder: Path, number: int) -> PetCtCase:
    rng = np.random.default_rng(number)
    lesions = np.zeros(GRID.shape, np.uint8)
    lesions[5 + number : 9 + number, 6:10, 5:9] = 1
    files = [folder / f"{kind}_{number}.nii.gz" for kind in ("ct", "pet", "lesions")]
    write_volume(Volume(rng.normal(0, 100, GRID.shape).astype(np.float32), GRID, "HU"), files[0])
    suv = rng.gamma(2.0, 0.5, GRID.shape) + 8.0 * lesions
    write_volume(Volume(suv.astype(np.float32), GRID, "SUV"), files[1])
    write_labelmap(Labelmap(lesions, GRID), files[2], [])
    return PetCtCase(f"case {number}", f"patient {number}", *files, force=True)


def test_nnunet_learns_our_fold_and_its_masks_lie_on_the_cases_grid(tmp_path: Path) -> None:
    cases = {case.name: case for case in (made_case(tmp_path, number) for number in range(4))}
    names = list(cases)
    ready = [prepared(case, "pet", tmp_path / "kept") for case in cases.values()]
    arm = NnunetArm(SETTINGS, False, "pet", tmp_path / "arm", "cpu")
    fold = Fold("made", 1, ready[:3], ready[3:], tmp_path / "arm" / "fold_1")
    splits = [(names[1:], names[:1]), (names[:3], names[3:])]
    (result,) = arm.run(fold, cases, splits, progress=no_progress, cancelled=never_cancelled)
    assert (result["case"], result["model"]) == ("case 3", NNUNET)
    (mask,) = (tmp_path / "arm" / "fold_1" / "predictions").glob("*.nii.gz")
    assert read_labelmap(mask).grid == GRID

    told = json.loads((tmp_path / "arm" / "nnunet" / "preprocessed" / NAME / "splits_final.json").read_text())
    assert [len(split["train"]) for split in told] == [3, 3]
    assert not set(told[1]["train"]) & set(told[1]["val"])
    raw = tmp_path / "arm" / "nnunet" / "raw" / NAME
    label = told[1]["val"][0]
    pet = read_image(raw / "imagesTr" / f"{label}_0001.nii.gz")
    drawn = read_labelmap(raw / "labelsTr" / f"{label}.nii.gz")
    assert np.all(np.diag(pet.grid.affine)[:3] > 0)  # turned to RAS
    assert pet.values[drawn.values > 0].min() > 8.0 > pet.values[drawn.values == 0].max()

    weights = next((tmp_path / "arm").rglob("checkpoint_final.pth"))
    before = weights.stat().st_mtime_ns
    assert arm.run(fold, cases, splits, progress=no_progress, cancelled=never_cancelled) == [result]
    assert weights.stat().st_mtime_ns == before


def test_predicting_without_mirrors_keeps_the_training_and_predicts_anew(tmp_path: Path) -> None:
    data_set = DataSet("made", strata=())
    cases = {data_set: tuple(made_case(tmp_path, number) for number in range(4))}

    def kept(mirrors: bool) -> tuple[set[Path], dict[Path, int]]:
        """The masks, and the networks' weights with their times."""
        settings = TierSettings(
            folds=2, models=(NNUNET,), data_sets=(data_set,), nnunet=SETTINGS, nnunet_mirrors=mirrors
        )  # fmt: skip
        found, not_run = Benchmark(Plan(settings, {}), cases, tmp_path / "state").run(no_progress, never_cancelled)
        assert (len(found["made"]), not_run["made"]) == (4, {})
        weights = (tmp_path / "state").rglob("checkpoint_final.pth")
        masks = (tmp_path / "state").rglob("predictions/*.nii.gz")
        return set(masks), {path: path.stat().st_mtime_ns for path in weights}

    masks, weights = kept(mirrors=False)
    assert (len(masks), len(weights)) == (4, 2)
    both, same = kept(mirrors=True)
    assert same == weights
    assert masks < both
    assert len(both) == 8
    assert kept(mirrors=False) == (both, weights)

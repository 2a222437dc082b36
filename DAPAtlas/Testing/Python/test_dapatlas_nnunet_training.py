"""An nnU-Net ensemble trained for a moment: exported to RAS and back, two stages, resumed, labels for other CTs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import read_labelmap, write_labelmap, write_volume
from DAPAtlasLib.training.nnunet_dataset import NAME, export_dataset, read_cohort, turned
from DAPAtlasLib.training.nnunet_settings import VERSIONS

Run = Callable[..., tuple[int, str, str]]

TURNED = np.array([[0, 0, -4.0, 30], [0, -4.0, 0, 50], [5.0, 0, 0, -20], [0, 0, 0, 1.0]])  # axes i up, j back, k left


def case(folder: Path, number: int) -> tuple[Path, Path]:
    """A ball of "liver" (13) on the right, one of "spleen" (26) on the left, stored with axes in another order."""
    rng = np.random.default_rng(number)
    grid = Grid((24, 26, 28), TURNED)
    places = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    labels = np.zeros(grid.shape, np.uint8)
    for value, middle, radius in ((13, (12, 13, 8), 6), (26, (12, 13, 21), 4)):
        away = np.linalg.norm(places - np.array(middle) - rng.integers(-1, 2, 3), axis=-1)
        labels[away < radius] = value
    hu = np.where(labels > 0, 60.0, -100.0) + rng.normal(0, 10, grid.shape)
    hu[:, :2] = -1000.0
    ct, label = folder / f"ct_{number}.nii.gz", folder / f"label_{number}.nii.gz"
    write_volume(Volume(hu.astype(np.float32), grid, "HU"), ct)
    write_labelmap(Labelmap(labels, grid), label, [])
    return ct, label


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    rows = ["case,ct,labels"] + [f"c{n},{ct},{label}" for n, (ct, label) in
                                 enumerate(case(tmp_path, number) for number in range(5))]  # fmt: skip
    (tmp_path / "cohort.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "cohort.csv"


def test_images_are_turned_to_ras_and_labels_made_consecutive(cohort: Path, tmp_path: Path) -> None:
    values = export_dataset(read_cohort(cohort, labelled=True), "dap", tmp_path / "raw")
    assert values == (0, 13, 26)
    folder = tmp_path / "raw" / NAME
    exported = read_labelmap(folder / "labelsTr" / "c0.nii.gz")
    assert exported.grid.axis_codes == "RAS"
    source = read_labelmap(tmp_path / "label_0.nii.gz")
    for value, number in ((13, 1), (26, 2)):
        there = source.grid.ras_from_ijk(np.argwhere(source.values == value)).mean(0)
        here = exported.grid.ras_from_ijk(np.argwhere(exported.values == number)).mean(0)
        np.testing.assert_allclose(here, there, atol=1e-3)
    told = json.loads((folder / "dataset.json").read_text())
    assert told["labels"] == {"background": 0, "Liver": 1, "Spleen": 2}


def test_turning_keeps_every_voxels_place() -> None:
    rng = np.random.default_rng(0)
    grid, values = Grid((3, 4, 5), TURNED), rng.integers(0, 9, (3, 4, 5))
    found, new = turned(values, grid)
    assert new.axis_codes == "RAS"
    for index in np.ndindex(3, 4, 5):
        place = np.rint(new.ijk_from_ras(grid.ras_from_ijk(index))).astype(int)
        assert found[tuple(place)] == values[index]


def test_the_versions_are_those_of_the_thesis() -> None:
    first, second = VERSIONS["v1"].stages, VERSIONS["v2"].stages
    assert [(stage.epochs, stage.learning_rate, stage.rate, stage.mirror) for stage in first] == [
        (1000, 0.01, "poly", True)
    ]
    assert [(stage.epochs, stage.learning_rate, stage.rate, stage.mirror) for stage in second] == [
        (5000, 0.01, "poly", True),
        (1000, 0.001, "constant", False),
    ]


def settings(cohort: Path, **more: object) -> Path:
    stage = {"epochs": 1, "iterations": 2}
    told = {
        "cohort": cohort.name,
        "target": "target.csv",
        "folds": ["0", "1"],
        "stages": [stage, {**stage, "learning_rate": 0.001, "rate": "constant", "mirror": False}],
        "validation_iterations": 1,
        "gpu_memory_gb": 2.0,
        "processes": 1,
    } | more
    (cohort.parent / "target.csv").write_text(f"case,ct\nnew,{cohort.parent / 'ct_4.nii.gz'}\n")
    (cohort.parent / "expert.json").write_text(json.dumps(told))
    return cohort.parent / "expert.json"


@pytest.mark.skipif("not __import__('importlib').util.find_spec('nnunetv2')", reason="nnunetv2 is not installed")
def test_an_expert_is_trained_resumed_and_labels_other_cts(cohort: Path, tmp_path: Path, run_command: Run) -> None:
    words = ["train", "expert", "--config", settings(cohort), "-o", tmp_path / "expert"]
    code, out, said = run_command(*words)
    assert code == 0, said
    assert out == "expert: 2 folds trained, 1 CTs labelled\n"
    card = json.loads((tmp_path / "expert" / "model.json").read_text())
    assert card["labels"]["values"] == [0, 13, 26]
    assert card["preparation"]["orientation"] == "RAS"
    assert card["window"]["mirror_axes"] == []
    assert len(card["weights"]) == 2
    found = read_labelmap(tmp_path / "expert" / "pseudo_labels" / "new.nii.gz")
    assert found.grid == read_labelmap(tmp_path / "label_4.nii.gz").grid
    assert set(np.unique(found.values)) <= {0, 13, 26}
    weights = (tmp_path / "expert" / "weights_0.safetensors").read_bytes()
    assert run_command(*words)[0] == 2
    code, out, _ = run_command(*words, "--resume")
    assert (code, out) == (0, "expert: 2 folds trained, 0 CTs labelled\n")
    assert (tmp_path / "expert" / "weights_0.safetensors").read_bytes() == weights
    words[3] = settings(cohort, gpu_memory_gb=4.0)
    code, _, said = run_command(*words, "--resume")
    assert (code, "begun with gpu_memory_gb 2.0, but now gpu_memory_gb is 4.0" in said) == (2, True)


def test_settings_without_a_cohort_or_with_a_label_of_another_scheme_are_refused(
    cohort: Path, tmp_path: Path, run_command: Run
) -> None:
    (tmp_path / "bad.json").write_text("{}")
    code, _, said = run_command("train", "expert", "--config", tmp_path / "bad.json", "-o", tmp_path / "m")
    assert (code, "lack the cohort" in said) == (2, True)
    with pytest.raises(AnatomyGuidedError, match="which the scheme btcv lacks"):
        export_dataset(read_cohort(cohort, labelled=True), "btcv", tmp_path / "raw")

"""Atlas models scored on data sets: surface distances against a slow oracle, layouts of folders, tables."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.io import read_labelmap, write_labelmap
from AnatomyGuidedLib.labels import id_of, scheme
from DAPAtlasLib.labelled_cases import labelled_cases
from DAPAtlasLib.structure_scores import structure_ious, structure_scores
from scipy import ndimage

Run = Callable[..., tuple[int, str, str]]


def slow_distance(reference: np.ndarray, prediction: np.ndarray, spacing: tuple[float, ...]) -> float:
    """Each surface voxel to the nearest one of the other, over all of both."""
    surfaces = []
    for mask in (reference, prediction):
        inner = ndimage.binary_erosion(mask, ndimage.generate_binary_structure(3, 1), border_value=0)
        surfaces.append(np.argwhere(mask & ~inner) * np.array(spacing))
    away = np.linalg.norm(surfaces[0][:, None] - surfaces[1][None], axis=2)
    return float(np.concatenate([away.min(0), away.min(1)]).mean())


def test_scores_equal_those_of_a_slow_oracle_on_a_flipped_anisotropic_grid() -> None:
    rng = np.random.default_rng(1)
    grid = Grid((14, 11, 9), np.array([[0, 0, 5.0, 1], [-2.0, 0, 0, 2], [0, -1.5, 0, 3], [0, 0, 0, 1]]))
    smooth = ndimage.gaussian_filter(rng.normal(size=(4, *grid.shape)), (0, 2, 2, 2))
    first = np.array([0, 13, 16, 114], np.uint8)[smooth.argmax(0)]
    second = np.array([0, 13, 16, 114], np.uint8)[(smooth + rng.normal(0, 0.03, smooth.shape)).argmax(0)]
    second[second == 114] = 0
    found = structure_scores(Labelmap(first, grid), Labelmap(second, grid), (16, 13, 114, 28))
    assert [score.label for score in found] == [16, 13, 114]
    for score in found[:2]:
        one, two = first == score.label, second == score.label
        assert score.dice == pytest.approx(2 * (one & two).sum() / (one.sum() + two.sum()))
        assert score.distance_mm == pytest.approx(slow_distance(one, two, grid.spacing_mm))
        assert score.reference_ml == pytest.approx(one.sum() * 0.015)
    assert (found[2].dice, found[2].distance_mm) == (0.0, None)


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from AnatomyGuidedLib.cli import main

    folder = tmp_path_factory.mktemp("patient")
    assert main(["phantom", str(folder), "--spacing", "8", "--progress", "none"]) == 0
    return folder


def laid_out(patient: Path, tmp_path: Path, layout: str) -> Path:
    folder = tmp_path / "data"
    if layout == "folder a case":
        for name in ("case_a", "case_b"):
            (folder / name).mkdir(parents=True)
            shutil.copy(patient / "ct.nii.gz", folder / name / "ct.nii.gz")
            shutil.copy(patient / "anatomy.nii.gz", folder / name / "anatomy.nii.gz")
    elif layout == "nnunet":
        for place, name in (("imagesTr", "x_0000.nii.gz"), ("labelsTr", "x.nii.gz")):
            (folder / place).mkdir(parents=True)
            shutil.copy(patient / f"{'ct' if place == 'imagesTr' else 'anatomy'}.nii.gz", folder / place / name)
    else:
        for place, name, source in (("img", "img0001.nii.gz", "ct"), ("label", "label0001.nii.gz", "anatomy")):
            (folder / place).mkdir(parents=True)
            shutil.copy(patient / f"{source}.nii.gz", folder / place / name)
    return folder


@pytest.mark.parametrize(("layout", "names"), [
    ("folder a case", ["case_a", "case_b"]), ("nnunet", ["x"]), ("btcv", ["0001"]),
])  # fmt: skip
def test_layouts_of_folders(patient: Path, tmp_path: Path, layout: str, names: list[str]) -> None:
    cases = labelled_cases(laid_out(patient, tmp_path, layout))
    assert [case.name for case in cases] == names
    assert all(case.labelmap(scheme("dap")).values.any() for case in cases)


def test_masks_of_one_structure_each(patient: Path, tmp_path: Path) -> None:
    anatomy = read_labelmap(patient / "anatomy.nii.gz")
    masks = tmp_path / "data" / "s0001" / "segmentations"
    masks.mkdir(parents=True)
    shutil.copy(patient / "ct.nii.gz", masks.parent / "ct.nii.gz")
    for name in ("Liver", "Spleen"):
        mask = Labelmap((anatomy.values == id_of(name)).astype(np.uint8), anatomy.grid)
        write_labelmap(mask, masks / f"{name.lower()}.nii.gz", [])
    [case] = labelled_cases(tmp_path / "data")
    known = scheme("totalsegmentator")
    found = case.labelmap(known)
    assert {known.names[int(v)] for v in np.unique(found.values) if v} == {"liver", "spleen"}
    assert (found.values > 0).sum() == np.isin(anatomy.values, [id_of("Liver"), id_of("Spleen")]).sum()


def test_a_folder_without_a_case_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnatomyGuidedError, match="no CT with a reference"):
        labelled_cases(tmp_path)
    with pytest.raises(AnatomyGuidedError, match="is no folder"):
        labelled_cases(tmp_path / "nothing")


def test_the_command_scores_a_perfect_expert_as_perfect(patient: Path, tmp_path: Path, run_command: Run) -> None:
    folder = laid_out(patient, tmp_path, "nnunet")
    code, out, _ = run_command(
        "evaluate-atlas", folder, "--scheme", "dap", "--experts", f"file:{patient / 'anatomy.nii.gz'}",
        "-o", tmp_path / "scores", "--json", tmp_path / "r.json",
    )  # fmt: skip
    assert code == 0
    assert "| Liver | 100.0 | 100.0 | 0.00 | 0.00 |" in out
    with (tmp_path / "scores" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["rules"] for row in rows} == {"without rules", "with rules"}
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["dice"]["without rules"]["Total"] == 1.0
    assert report["dice"]["with rules"]["Total"] > 0.98  # at 8 mm the rules drop a few crumbs
    assert str(tmp_path) not in json.dumps(report)


def test_ious_of_two_label_maps_by_hand() -> None:
    grid = Grid((5, 1, 1), np.eye(4))
    first = Labelmap(np.array([5, 5, 5, 6, 0], np.uint8).reshape(5, 1, 1), grid)
    second = Labelmap(np.array([5, 5, 6, 6, 7], np.uint8).reshape(5, 1, 1), grid)
    assert structure_ious(first, second) == {5: pytest.approx(2 / 3), 6: 0.5, 7: 0.0}


def test_a_model_is_compared_with_the_repaired_labels_of_another(
    patient: Path, tmp_path: Path, run_command: Run
) -> None:
    folder = laid_out(patient, tmp_path, "nnunet")
    itself = f"file:{patient / 'anatomy.nii.gz'}"
    code, out, _ = run_command(
        "evaluate-atlas", folder, "--scheme", "dap", "--experts", itself, "--against", itself,
        "-o", tmp_path / "scores", "--json", tmp_path / "r.json",
    )  # fmt: skip
    assert code == 0
    agreement = json.loads((tmp_path / "r.json").read_text())["agreement"]
    assert agreement["share_above_90_percent"] > 0.95
    assert agreement["iou"]["Liver"] == 1.0
    assert "structures agree with an IoU above 90%" in out
    assert (tmp_path / "scores" / "agreement.csv").is_file()


def test_a_case_that_fails_is_told_and_the_others_are_scored(patient: Path, tmp_path: Path, run_command: Run) -> None:
    folder = laid_out(patient, tmp_path, "folder a case")
    (folder / "case_a" / "ct.nii.gz").write_bytes(b"nothing")
    code, out, said = run_command(
        "evaluate-atlas", folder, "--scheme", "dap", "--experts", "rules", "-o", tmp_path / "scores"
    )
    assert code == 1
    assert "1 of 2 cases failed" in said
    assert "case_a" in said
    assert "| Skin " in out

"""The bundled model apex-demo: small, as its card says, and as good as it is claimed to be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import read_labelmap, write_volume
from AnatomyGuidedLib.models import find_model
from AnatomyGuidedLib.phantom import PatientOptions, make_patient

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

Run = Callable[..., tuple[int, str, str]]


def test_it_is_small_and_whole() -> None:
    model = find_model("apex-demo")
    assert sum(file.stat().st_size for file in model.folder.rglob("*") if file.is_file()) <= 4_000_000
    assert model.damaged_files() == []
    assert model.licence == "Apache-2.0"
    card = json.loads((model.folder / "model.json").read_text())
    assert "not for clinical use" in card["notes"][0]
    assert card["results"]["test"]["patients"] >= 10


def flipped(volume: Volume | Labelmap, axes: tuple[int, ...]) -> tuple[np.ndarray, Grid]:
    affine, order = np.array(volume.grid.affine), [slice(None)] * 3
    for axis in axes:
        affine[:3, 3] += affine[:3, axis] * (volume.grid.shape[axis] - 1)
        affine[:3, axis] *= -1
        order[axis] = slice(None, None, -1)
    return np.ascontiguousarray(volume.values[tuple(order)]), Grid(volume.grid.shape, affine)


def test_it_finds_lesions_of_patients_that_it_never_saw_on_any_grid(tmp_path: Path, run_command: Run) -> None:
    """Dice over all voxels of a patient with 15 lesions and one with 3 small ones, at 5 mm, one stored backwards."""
    shared = total = 0
    for sex, seed, axes in (("F", 900_001, ()), ("M", 900_003, (0, 2))):
        patient = make_patient(PatientOptions(spacing_mm=5.0, sex=sex, seed=seed, lesions=None, pattern="lymphoma"))
        for name, volume in (("ct", patient.ct), ("pet", patient.pet)):
            values, grid = flipped(volume, axes)
            write_volume(Volume(values, grid, volume.unit), tmp_path / f"{name}.nii.gz")
        code, _, said = run_command(
            "lesions", tmp_path / "ct.nii.gz", tmp_path / "pet.nii.gz", "--model", "apex-demo",
            "-o", tmp_path / "l.nii.gz", "--csv", tmp_path / "l.csv", "--attention", tmp_path / "a.json",
        )  # fmt: skip
        assert code == 0, said
        reference, found = flipped(patient.lesions, axes)[0] > 0, read_labelmap(tmp_path / "l.nii.gz").values > 0
        shared, total = shared + int((found & reference).sum()), total + int(found.sum()) + int(reference.sum())
        told = json.loads((tmp_path / "a.json").read_text())
        assert len(told["lesions"]) == len((tmp_path / "l.csv").read_text().splitlines()) - 1
    assert 2 * shared / total > 0.4

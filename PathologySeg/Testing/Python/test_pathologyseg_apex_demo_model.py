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


def test_it_finds_lesions_of_a_patient_that_it_never_saw_on_any_grid(tmp_path: Path, run_command: Run) -> None:
    """At 5 mm and with two axes the other way round; what it attended to is told for each lesion."""
    patient = make_patient(PatientOptions(spacing_mm=5.0, sex="M", seed=900_003, lesions=None, pattern="lymphoma"))
    for name, volume in (("ct", patient.ct), ("pet", patient.pet)):
        values, grid = flipped(volume, (0, 2))
        write_volume(Volume(values, grid, volume.unit), tmp_path / f"{name}.nii.gz")
    code, _, said = run_command(
        "lesions", tmp_path / "ct.nii.gz", tmp_path / "pet.nii.gz", "--model", "apex-demo",
        "-o", tmp_path / "l.nii.gz", "--csv", tmp_path / "l.csv", "--attention", tmp_path / "a.json",
    )  # fmt: skip
    assert code == 0, said
    reference, _ = flipped(patient.lesions, (0, 2))
    found = read_labelmap(tmp_path / "l.nii.gz").values > 0
    dice = 2 * (found & (reference > 0)).sum() / (found.sum() + (reference > 0).sum())
    assert dice > 0.3
    assert len(json.loads((tmp_path / "a.json").read_text())["lesions"]) >= 1
    assert "attended" in (tmp_path / "l.csv").read_text().splitlines()[0]

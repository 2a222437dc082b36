"""The bundled demonstration model: small, as its card says, and as good as it is claimed to be."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.labels import label_by_id
from AnatomyGuidedLib.models import find_model
from AnatomyGuidedLib.phantom import PatientOptions, make_patient

torch = pytest.importorskip("torch", reason="torch is not installed")

from DAPAtlasLib.model_expert import BUNDLED, ModelExpert  # noqa: E402


def test_it_is_small_and_whole() -> None:
    model = find_model(BUNDLED)
    assert sum(file.stat().st_size for file in model.folder.rglob("*") if file.is_file()) <= 4_000_000
    assert model.damaged_files() == []
    assert model.licence == "Apache-2.0"
    assert (model.folder / "recipe.json").is_file()


@pytest.mark.parametrize(("sex", "seed", "flips"), [("F", 100, (1, 1, 1)), ("M", 101, (-1, 1, -1))])
def test_it_names_the_organs_of_patients_that_it_never_saw_on_any_grid(
    sex: str, seed: int, flips: tuple[int, int, int]
) -> None:
    """Mean Dice over structures above 20 ml: at least 0.6, the claim for a model that a processor trained."""
    patient = make_patient(PatientOptions(spacing_mm=5.0, sex=sex, seed=seed, lesions=0))
    order = tuple(slice(None, None, step) for step in flips)
    affine = np.array(patient.ct.grid.affine)
    for axis, step in enumerate(flips):
        if step < 0:
            affine[:3, 3] += affine[:3, axis] * (patient.ct.grid.shape[axis] - 1)
            affine[:3, axis] *= -1
    ct = type(patient.ct)(patient.ct.values[order].copy(), type(patient.ct.grid)(patient.ct.grid.shape, affine), "HU")
    found = ModelExpert(BUNDLED).opinion(ct).labelmap.values[order]
    truth = patient.anatomy.values
    dice = {}
    for label in np.unique(truth).tolist():
        voxels = int((truth == label).sum())
        if label and label_by_id(label).group and voxels * patient.ct.grid.voxel_volume_ml > 20:
            dice[label_by_id(label).name] = (
                2 * ((truth == label) & (found == label)).sum() / (voxels + (found == label).sum())
            )
    assert np.mean(list(dice.values())) >= 0.6
    for side in ("Left", "Right"):
        assert dice[f"Kidney {side}"] > 0.5

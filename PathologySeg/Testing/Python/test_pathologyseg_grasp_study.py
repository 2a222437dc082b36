"""`study petct-phantom` and `train grasp` from the command line, stopped and resumed, alone and in two processes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from AnatomyGuidedLib.cli import Console, main
from AnatomyGuidedLib.components import connected_components
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import read_ct, read_labelmap, read_pet, write_labelmap, write_volume
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.models import find_model
from AnatomyGuidedLib.progress import no_progress
from AnatomyGuidedLib.study_options import StudyOptions, with_settings
from AnatomyGuidedLib.train_command import TrainingOrder

torch = pytest.importorskip("torch", reason="torch is not installed")

from AnatomyGuidedLib.predictors.card import write_predictor  # noqa: E402
from PathologySegLib.data_sets import PetCtCase  # noqa: E402
from PathologySegLib.finders import read_finder  # noqa: E402
from PathologySegLib.grasp.network import weights_sha256  # noqa: E402
from PathologySegLib.learning import grasp, petct_phantom  # noqa: E402
from PathologySegLib.learning.arms import Arm  # noqa: E402
from PathologySegLib.learning.atlas_models import AtlasModel, untrained  # noqa: E402
from PathologySegLib.learning.cases import Case  # noqa: E402
from PathologySegLib.learning.cohort_cases import CohortCases, cubes_over  # noqa: E402
from PathologySegLib.learning.encoders import require_readable, spacing_note  # noqa: E402
from PathologySegLib.learning.fingerprints import file_stamps  # noqa: E402
from PathologySegLib.learning.grasp_recipe import GraspRecipe  # noqa: E402
from PathologySegLib.learning.phantom_cases import PhantomCases, PhantomSettings, make_case, with_predicted  # noqa: E402
from PathologySegLib.learning.plan import Contender, read_plan  # noqa: E402
from PathologySegLib.learning.scoring import scored  # noqa: E402
from PathologySegLib.learning.study_cases import cohort_told  # noqa: E402
from PathologySegLib.learning.trial import Trial, encoder_of  # noqa: E402
from PathologySegLib.parameters import ModelChoice  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

BACKBONE = {"features": [8, 8, 16], "encoder_blocks": 1, "decoder_blocks": 1}
PHANTOMS: Mapping[str, Any] = {
    "shape": [48, 48, 24], "spacing_mm": 9.0, "most_lesions": 6, "healthy": 0.0, "hot": 0.5,
    "hot_organs": ["Kidney Left", "Spleen"],
}  # fmt: skip
BENCHMARKS = Path(__file__).parents[3] / "Testing" / "benchmarks"
FAST: Mapping[str, Any] = {"steps": 2, "warm_up_steps": 1, "log_every_steps": 1}
STUDY = {
    "cases": 4, "phantoms": PHANTOMS, "sampling": {"shape": [32, 32, 16]}, "training": FAST, "training_share": 0.5,
    "fusion": {"epochs": 2, "activation_epoch": 1},
    "contenders": [{"name": "small", "backbone": BACKBONE, "mirror": "dap-demo"}],
    "arms": ["baseline", "anatomy_oracle", "anatomy_shuffled", "grasp_mirror", "grasp_mirror_kept"],
}  # fmt: skip


def run(*words: object) -> int:
    return main([str(word) for word in words])


def settings_file(folder: Path, settings: Mapping[str, Any], name: str = "settings.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


def test_the_study_runs_every_arm_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    target = tmp_path / "study"
    texts = [""]
    console = Console(lambda _, text: texts.append(text), lambda: "anatomy_oracle, split 0: Step 1" in texts[-1])
    with pytest.raises(Cancelled):
        petct_phantom.run(StudyOptions("ci", STUDY, None, target), tmp_path / "staged", console)
    finished = [path.parent.name for path in target.rglob("scores.json")]
    assert finished == ["baseline"]
    before = (next(target.rglob("scores.json"))).read_bytes()
    config, told = settings_file(tmp_path, STUDY), tmp_path / "told.json"
    assert run("study", "petct-phantom", "--config", config, "--json", told, "-o", target) == 0
    assert next(target.rglob("baseline/scores.json")).read_bytes() == before
    found = json.loads(told.read_text(encoding="utf-8"))
    assert list(found["arms"]) == STUDY["arms"]
    for arm in found["arms"].values():
        for key in ("dice", "cc_dice", "fpv_ml", "fnv_ml", "vs_baseline"):
            assert set(arm[key]) == {"mean", "low", "high"}
    assert found["arms"]["baseline"]["vs_baseline"]["mean"] == 0.0
    assert [rule["kind"] for rule in found["rules"]] == ["gains_at_least", "gains_less_than_share"]
    rows = (target / "scores.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 2 * len(STUDY["arms"])  # two cases of four are predicted
    curves = (target / "training.csv").read_text(encoding="utf-8").splitlines()
    assert "similarity_2" in curves[0]


def test_the_study_tries_the_arms_on_a_cohort_and_tells_what_nobody_knows_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bodies of different shapes; without the column patient a warning, with it none; the oracle is left out."""
    rows = []
    for seed, spacing in ((3, 9), (4, 9), (5, 10)):
        assert run("phantom", tmp_path / f"p{seed}", "--spacing", spacing, "--seed", seed, "--lesions", 4) == 0
        rows.append(f"p{seed},{ROW.replace('patient/', f'p{seed}/')}")
    (tmp_path / "cohort.csv").write_text(TABLE + "".join(rows), encoding="utf-8")
    own = ",".join(f"p3/{name}.nii.gz" for name in ("ct", "pet", "lesions", "anatomy"))
    rows = [f"p3,A,{own}\n", f"again,A,{own}\n", *(f"{row[:2]},{row[:2]},{row[3:]}" for row in rows[1:])]
    (tmp_path / "patients.csv").write_text(TABLE.replace("case,", "case,patient,") + "".join(rows), encoding="utf-8")
    config, told = settings_file(tmp_path, STUDY), tmp_path / "told.json"
    words = ("study", "petct-phantom", "--config", config, "--json", told, "-o", tmp_path / "study", "--cohort")
    capsys.readouterr()
    assert run(*words, tmp_path / "cohort.csv") == 0
    said, found = capsys.readouterr().err, json.loads(told.read_text(encoding="utf-8"))
    assert found["patients"] == "cohort"
    assert list(found["arms"]) == [name for name in STUDY["arms"] if name != "anatomy_oracle"]
    for words_of_note in ("anatomy_oracle is left out", "cohort.csv has no column patient"):
        assert words_of_note in said
        assert any(words_of_note in note for note in found["notes"])
    assert run(*words, tmp_path / "patients.csv") == 0
    found = json.loads(told.read_text(encoding="utf-8"))
    assert not any("no column patient" in note for note in found["notes"])
    assert any("1 patients have several" in note for note in found["notes"])
    assert len(list((tmp_path / "study" / "state").iterdir())) == 2
    (tmp_path / "cohort.csv").write_text(TABLE + f"p3,{own}\n", encoding="utf-8")
    assert run(*words, tmp_path / "cohort.csv") == 2
    assert "1 patients cannot be split 50% to 50%" in capsys.readouterr().err


def test_a_missing_encoder_is_told_before_anything_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contender = {"name": "small", "backbone": BACKBONE, "mirror": "dap-mednext-4mm"}
    config = settings_file(tmp_path, {**STUDY, "contenders": [contender]})
    assert run("study", "petct-phantom", "--config", config, "-o", tmp_path / "study") == 2
    assert "train atlas --config dap-mednext-4mm -o dap-mednext-4mm makes it" in capsys.readouterr().err
    assert not list((tmp_path / "study").rglob("*.npz"))


# Made cases


def test_hot_organs_are_as_hot_as_lesions_and_others_are_not() -> None:
    settings = PhantomSettings(
        spacing_mm=9.0, shape=(48, 48, 110), hot=1.0, hot_organs=("Spleen",), suv=(9.0, 9.0), healthy=0.0
    )
    case = make_case(settings, 1)
    spleen, liver = (case.anatomies["true"] == id_of(name) for name in ("Spleen", "Liver"))
    assert np.percentile(case.pet[spleen & ~case.lesions], 75) > 6.0
    assert np.median(case.pet[liver & ~case.lesions]) < 5.0
    assert 8.0 < np.median(case.pet[case.lesions]) < 10.0


def test_healthy_patients_are_made_as_often_as_asked() -> None:
    assert make_case(PhantomSettings(spacing_mm=10.0, shape=(16, 16, 16), healthy=1.0), 0).healthy


def test_corruption_takes_whole_structures_from_the_predicted_anatomy() -> None:
    ids = np.arange(145, dtype=np.uint8).reshape(5, 29, 1)
    ct = np.zeros(ids.shape, np.float32)
    case = Case("case", 5.0, ct, ct, ids > 200, {"true": ids})
    for share, fewest, most in ((0.0, 144, 144), (0.5, 50, 95), (1.0, 0, 0)):
        found = with_predicted(case, PhantomSettings(anatomy_corruption=share), 0, lambda _ct, _mm: ids)
        kept = np.count_nonzero(found.anatomy("predicted"))
        assert fewest <= kept <= most
        np.testing.assert_array_equal(found.anatomy("true"), ids)


def test_a_case_is_made_once(tmp_path: Path) -> None:
    asked = []

    def predict(ct: Any, _spacing_mm: float) -> Any:
        asked.append(1)
        return np.zeros(ct.shape, np.uint8)

    settings = PhantomSettings(spacing_mm=10.0, shape=(16, 16, 16))
    first = PhantomCases(settings, 1, tmp_path, predict).case(0)
    again = PhantomCases(settings, 1, tmp_path, predict).case(0)
    np.testing.assert_array_equal(first.pet, again.pet)
    assert len(asked) == 1


# A cohort's cases


def test_cubes_cover_a_grid_however_it_lies() -> None:
    affine = np.array([[0.0, -2.0, 0.0, 10.0], [3.0, 0.0, 0.0, -5.0], [0.0, 0.0, 4.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    grid = Grid((10, 6, 5), affine)  # i runs to the front, j to the left: 12 mm along R, 30 along A, 20 along S
    found = cubes_over(grid, 2.0)
    assert found.shape == (6, 15, 10)
    assert found.affine[:3, 3].tolist() == [0.0, -5.5, -1.0]


def never(_ct: Any, _spacing_mm: float) -> Any:
    raise AssertionError


TABLE = "case,ct,pet,lesions,anatomy\n"
ROW = "patient/ct.nii.gz,patient/pet.nii.gz,patient/lesions.nii.gz,patient/anatomy.nii.gz\n"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the made patient `patient`, as whose table `cohort.csv` calls it "Mr. P/1"."""
    folder = tmp_path_factory.mktemp("cohort")
    assert run("phantom", folder / "patient", "--spacing", "8", "--seed", "3", "--variants") == 0
    (folder / "cohort.csv").write_text(f"{TABLE}Mr. P/1,{ROW}", encoding="utf-8")
    return folder


def test_a_cohorts_cases_lie_on_one_grid_of_cubes(cohort: Path, tmp_path: Path) -> None:
    case = CohortCases(cohort / "cohort.csv", 8.0, tmp_path, never, "dap-demo").case(0)
    assert case.name == "Mr. P/1"
    assert case.ct.shape == case.pet.shape == case.lesions.shape == case.anatomy("predicted").shape
    lungs = np.isin(case.anatomy("predicted"), [id_of("Lung Lower Lobe Left"), id_of("Lung Lower Lobe Right")])
    assert np.median(case.ct[lungs]) < -600
    assert np.median(case.pet[case.lesions]) > 2 * np.median(case.pet[case.anatomy("predicted") > 0])


def test_a_cohort_may_be_a_folder_in_a_published_layout(cohort: Path, tmp_path: Path) -> None:
    of_folder, of_table = (
        CohortCases(cohort / name, 8.0, tmp_path, never, "dap-demo").case(0) for name in ("", "cohort.csv")
    )
    assert of_folder.name == "patient"
    np.testing.assert_array_equal(of_folder.lesions, of_table.lesions)


@pytest.mark.parametrize("moved", ["pet", "lesions", "anatomy"])
def test_images_three_metres_apart_are_refused_with_the_cases_name(cohort: Path, tmp_path: Path, moved: str) -> None:
    shutil.copytree(cohort / "patient", tmp_path / "patient")
    (tmp_path / "cohort.csv").write_text(f"{TABLE}far,{ROW}", encoding="utf-8")
    path = tmp_path / "patient" / f"{moved}.nii.gz"
    affine = read_labelmap(cohort / "patient" / "anatomy.nii.gz").grid.affine.copy()
    affine[0, 3] += 3000.0
    if moved == "pet":
        volume = read_pet(path)
        write_volume(Volume(volume.values, Grid(volume.grid.shape, affine), "SUV"), path)
    else:
        labelmap = read_labelmap(path)
        write_labelmap(Labelmap(labelmap.values, Grid(labelmap.grid.shape, affine)), path)
    words = {"pet": "do not overlap", "lesions": "must lie on one grid", "anatomy": "The anatomy and the PET do not"}
    with pytest.raises(AnatomyGuidedError, match=rf"^The case far: .*{words[moved]}"):
        CohortCases(tmp_path / "cohort.csv", 8.0, tmp_path / "kept", never, "dap-demo").case(0)


def test_lesions_that_are_smaller_than_a_cube_stay_lesions(cohort: Path, tmp_path: Path) -> None:
    """One voxel of 8 mm in every fourth slice, 32 mm apart, on cubes of 11 mm: none is lost, none is two cubes."""
    shutil.copytree(cohort / "patient", tmp_path / "patient")
    (tmp_path / "cohort.csv").write_text(f"{TABLE}a,{ROW}", encoding="utf-8")
    path = tmp_path / "patient" / "lesions.nii.gz"
    drawn = read_labelmap(path)
    values = np.zeros_like(drawn.values)
    values[20, 15, 2::4] = 1
    write_labelmap(Labelmap(values, drawn.grid), path)
    case = CohortCases(tmp_path / "cohort.csv", 11.0, tmp_path / "kept", never, "dap-demo").case(0)
    assert connected_components(case.lesions).max() == case.lesions.sum() == values.sum() == 9


def test_a_case_that_is_named_twice_is_refused(cohort: Path, tmp_path: Path) -> None:
    (cohort / "twice.csv").write_text(f"{TABLE}a,{ROW}a,{ROW}", encoding="utf-8")
    with pytest.raises(AnatomyGuidedError, match="names the case a twice"):
        CohortCases(cohort / "twice.csv", 8.0, tmp_path, never, "dap-demo")


def test_a_case_is_prepared_anew_for_cubes_of_another_size(cohort: Path, tmp_path: Path) -> None:
    sides = (8.0, 12.0, 8.0)
    cases = [CohortCases(cohort / "cohort.csv", side, tmp_path, never, "dap-demo").case(0) for side in sides]
    assert tuple(case.spacing_mm for case in cases) == sides
    assert cases[0].ct.shape == cases[2].ct.shape > cases[1].ct.shape
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("role", ["ct", "lesions", "anatomy"])
def test_a_file_that_is_corrected_in_place_makes_another_case_and_another_study(
    cohort: Path, tmp_path: Path, role: str
) -> None:
    shutil.copytree(cohort / "patient", tmp_path / "patient")
    (tmp_path / "cohort.csv").write_text(f"{TABLE}a,{ROW}", encoding="utf-8")

    def prepared() -> Case:
        return CohortCases(tmp_path / "cohort.csv", 8.0, tmp_path / "kept", never, "dap-demo").case(0)

    before, told = prepared(), cohort_told(tmp_path / "cohort.csv")
    assert not before.healthy
    assert cohort_told(tmp_path / "cohort.csv") == told
    path = tmp_path / "patient" / f"{role}.nii.gz"
    if role == "ct":
        volume = read_ct(path, force=True)
        write_volume(Volume(volume.values + np.float32(100), volume.grid, "HU"), path)
    else:
        labelmap = read_labelmap(path)
        write_labelmap(Labelmap(np.zeros_like(labelmap.values), labelmap.grid), path)
    after = prepared()
    assert cohort_told(tmp_path / "cohort.csv") != told
    changed = {"ct": after.ct.mean() > before.ct.mean() + 50, "lesions": after.healthy,
               "anatomy": not after.anatomy("predicted").any()}  # fmt: skip
    assert changed == {name: name == role for name in changed}


def test_an_atlas_model_that_is_trained_anew_under_its_name_is_another(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bundled models stay as they are, so that studies with them keep the folders that they have."""
    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path / "store"))
    own = tmp_path / "store" / "own"
    shutil.copytree(find_model("dap-demo").folder, own)
    (tmp_path / "cohort.csv").write_text(
        f"{TABLE}a,{ROW.rpartition(',')[0]},\n".replace("patient/", f"{cohort}/patient/")
    )
    seen: list[int] = []

    def predict(ct: Any, _spacing_mm: float) -> Any:
        seen.append(1)
        return np.full(ct.shape, len(seen), np.uint8)

    def prepared() -> int:
        case = CohortCases(tmp_path / "cohort.csv", 8.0, tmp_path / "kept", predict, "own").case(0)
        return int(case.anatomy("predicted").max())

    def state_of(mirror: str) -> str:
        plan = read_plan("ci", {**STUDY, "contenders": [{"name": "small", "backbone": BACKBONE, "mirror": mirror}]})
        return petct_phantom._state_folder(StudyOptions("ci", {}, None, tmp_path), tmp_path, plan).name

    states = [state_of("own"), state_of("dap-demo")]
    assert [prepared(), prepared()] == [1, 1]
    assert [state_of("own"), state_of("dap-demo")] == states
    drawn = untrained(AtlasModel("own").network)
    write_predictor(own, AtlasModel("own").predictor, [drawn], task="atlas", licence="none")
    assert [prepared(), prepared()] == [2, 2]
    assert state_of("own") not in states
    assert state_of("dap-demo") == states[1]


@pytest.mark.parametrize("mirror", ["dap-demo", "own"])
def test_a_study_of_made_patients_goes_on_in_the_folder_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: str
) -> None:
    """Also where it was begun before the models' checksums were noted: the settings alone name the folder."""
    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path / "store"))
    shutil.copytree(find_model("dap-demo").folder, tmp_path / "store" / "own")
    contender = {"name": "small", "backbone": BACKBONE, "mirror": mirror, "mixture": "mixed"}
    plan = read_plan("ci", {"contenders": [contender]})
    told = {key: value for key, value in plan.settings.told().items() if key not in ("arms", "splits")}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]
    (tmp_path / "state" / digest).mkdir(parents=True)
    for _ in range(2):
        found = petct_phantom._state_folder(StudyOptions("ci", {}, None, tmp_path), tmp_path, plan)
        assert found == tmp_path / "state" / digest
        shutil.copytree(tmp_path / "store" / "own", tmp_path / "store" / "mixed", dirs_exist_ok=True)


def test_studies_of_one_patient_are_never_learned_from_and_scored(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four rows of two patients: one patient's both are scored. With one patient there is nothing to split."""
    own = ROW.replace("patient/", f"{cohort}/patient/")
    header = TABLE.replace("case,", "case,patient,")
    rows = "".join(f"{name},{patient},{own}" for name, patient in (("a1", "A"), ("b1", "B"), ("b2", "B"), ("a2", "A")))
    (tmp_path / "two.csv").write_text(header + rows, encoding="utf-8")
    settings = {
        **GRASP,
        "arm": {"anatomy": "none", "fusion": "none"},
        "spacing_mm": 8.0,
        "sampling": {"shape": [16, 16, 16]},
        "training_share": 0.5,
    }
    scored_cases = set()
    for split in range(3):
        config = settings_file(tmp_path, {**settings, "cohort": "two.csv", "split": split})
        assert run("train", "grasp", "--config", config, "-o", tmp_path / f"model_{split}") == 0
        lines = (tmp_path / f"model_{split}" / "scores.csv").read_text(encoding="utf-8").splitlines()
        scored_cases.add(tuple(line.split(",")[0] for line in lines[1:]))
    assert scored_cases == {("a1", "a2"), ("b1", "b2")}
    assert "has no column patient" not in capsys.readouterr().err
    (tmp_path / "one.csv").write_text(f"{header}a1,A,{own}a2,A,{own}", encoding="utf-8")
    config = settings_file(tmp_path, {**settings, "cohort": "one.csv"})
    assert run("train", "grasp", "--config", config, "-o", tmp_path / "one") == 2
    assert "1 patients cannot be split 50% to 50%" in capsys.readouterr().err


# Training a model


@pytest.mark.parametrize(
    ("arm", "change", "words"),
    [
        ({}, {"spacing_mm": [7.0] * 3}, ""),
        ({}, {"low": -160.0, "high": 240.0}, r"takes CT \(ct, -160 to 240, .* shown one CT, of -1000 to 1500 HU"),
        ({"fusion": "none", "start": "atlas"}, {"mean": 80.0}, "less 80"),
        ({}, {"orientation": "LPS"}, "along LPS"),
        ({"fusion": "random"}, {"orientation": "LPS"}, ""),
        ({"fusion": "none", "weights_of": "mirror"}, {"low": 0.0}, ""),
    ],
)
def test_an_encoder_that_learned_from_another_kind_of_ct_is_refused(
    tmp_path: Path, arm: Mapping[str, Any], change: Mapping[str, Any], words: str
) -> None:
    changed_atlas(tmp_path / "other", change)
    atlas, chosen = AtlasModel(str(tmp_path / "other")).predictor, with_settings(Arm(fusion="mirror"), arm)
    if not words:
        require_readable(atlas, chosen)
        return
    with pytest.raises(AnatomyGuidedError, match=words):
        require_readable(atlas, chosen)
    trial = Trial(Contender(mirror=str(tmp_path / "other")), "grasp", chosen, 0, tmp_path)
    with pytest.raises(AnatomyGuidedError, match=words):
        encoder_of(trial, "cpu")


def changed_atlas(folder: Path, change: Mapping[str, Any]) -> None:
    """dap-demo in the folder, with another card."""
    shutil.copytree(find_model("dap-demo").folder, folder)
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    for group in (card["preparation"], card["inputs"][0]["normalisation"]):
        group.update({name: value for name, value in change.items() if name in group})
    (folder / "model.json").write_text(json.dumps(card), encoding="utf-8")


def test_train_grasp_tells_what_its_encoder_learned_from_before_it_makes_a_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path / "store"))
    changed_atlas(tmp_path / "scaled", {"high": 240.0})
    for encoder, words in (
        (str(tmp_path / "scaled"), "choose an atlas model that `train atlas` made"),
        ("dap-unet-4mm", "train atlas --config dap-unet-4mm -o dap-unet-4mm makes it, and then anatomyguided models"),
    ):
        config = settings_file(tmp_path, {**GRASP, "encoder": encoder})
        assert run("train", "grasp", "--config", config, "-o", tmp_path / "model") in (1, 2)
        assert words in capsys.readouterr().err
        assert not (tmp_path / "model").exists()


def test_train_grasp_and_the_study_refuse_a_start_from_another_architecture_before_they_make_a_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = {**STUDY, "arms": ["baseline", "fine_tuned_full"]}
    for words, settings in (
        (("train", "grasp"), {**GRASP, "arm": {"fusion": "none", "start": "atlas"}}),
        (("study", "petct-phantom"), study),
    ):
        assert run(*words, "--config", settings_file(tmp_path, settings), "-o", tmp_path / "out") == 2
        assert "needs a backbone of its architecture and size" in capsys.readouterr().err
        assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.parametrize(
    ("shape", "features", "words"),
    [
        ([20, 20, 20], [8, 8, 8, 16], "20 x 20 x 20 voxels, but multiples of 8 were expected for unet with its 4"),
        ([16, 16, 16], [8, 8, 16], "of which the deepest of the 5 levels of dap-demo sees one"),
        ([16, 16, 16], [8, 8, 8, 8, 8], "of which the deepest of the 5 levels of unet sees one"),
    ],
)
def test_patches_that_the_networks_cannot_halve_are_refused_before_a_case_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shape: list[int], features: list[int], words: str
) -> None:
    config = settings_file(
        tmp_path, {**GRASP, "sampling": {"shape": shape}, "backbone": {**BACKBONE, "features": features}}
    )
    assert run("train", "grasp", "--config", config, "-o", tmp_path / "model") == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_a_study_whose_encoder_sees_one_voxel_of_a_patch_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings_file(tmp_path, {**STUDY, "sampling": {"shape": [16, 16, 16]}})
    assert run("study", "petct-phantom", "--config", config, "-o", tmp_path / "study") == 2
    assert "of which the deepest of the 5 levels of dap-demo sees one" in capsys.readouterr().err


def test_a_recipe_that_is_called_by_its_name_takes_the_data_set_from_the_working_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is found, and says that its first case lacks a file."""
    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path / "store"))
    shutil.copytree(find_model("dap-demo").folder, tmp_path / "store" / "dap-unet-4mm")
    (tmp_path / "autopet.csv").write_text(f"{TABLE}p1,{ROW}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run("train", "grasp", "--config", "grasp-autopet-unet", "-o", "lesions") == 1
    assert "The case p1 of autopet.csv lacks ct.nii.gz" in capsys.readouterr().err


def test_cubes_of_another_size_than_the_encoders_are_told() -> None:
    atlas, arm = AtlasModel("dap-demo").predictor, Arm(fusion="mirror")
    expected = "The encoder of dap-demo learned from voxels of 7 x 7 x 7 mm, but is shown cubes of 9 mm."
    assert spacing_note(atlas, arm, 9.0) == expected
    assert spacing_note(atlas, arm, 7.0) == spacing_note(atlas, Arm(fusion="random"), 9.0) == ""


def test_a_training_does_not_go_on_with_other_settings_or_cases(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(cohort / "patient", tmp_path / "patient")
    (tmp_path / "cohort.csv").write_text(f"{TABLE}a,{ROW}", encoding="utf-8")
    plain = {"anatomy": "none", "fusion": "none"}
    settings = {**GRASP, "arm": plain, "spacing_mm": 9.0, "training_share": 1.0, "cohort": "cohort.csv"}
    model = tmp_path / "model"

    def resumed(**changed: Any) -> tuple[int, str]:
        config = settings_file(tmp_path, {**settings, **changed})
        return run("train", "grasp", "--config", config, "-o", model, "--resume"), capsys.readouterr().err

    assert resumed()[0] == 0
    kept = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    for changed, words in (
        ({"spacing_mm": 8.0}, "begun with spacing_mm 9.0, but now spacing_mm is 8.0; go on with the former"),
        ({"training": {**settings["training"], "steps": 3}}, "begun with training.steps 2, but now"),
        ({"arm": {**plain, "objective": "multi-task"}}, "begun with arm.objective 'lesions', but now"),
        ({"sampling": {"shape": [16, 32, 16]}}, "begun with sampling.shape (32, 32, 16), but now"),
    ):
        code, said = resumed(**changed)
        assert (code, words in said) == (2, True), said
    (tmp_path / "cohort.csv").write_text(f"{TABLE}a,{ROW}b,{ROW}", encoding="utf-8")
    code, said = resumed()
    assert (code, "begun with case b None, but now case b is 'b'" in said) == (2, True), said
    after = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    assert {path: after[path] for path in kept} == kept
    (tmp_path / "cohort.csv").write_text(f"{TABLE}a,{ROW}", encoding="utf-8")
    assert resumed()[0] == 0
    (tmp_path / "patient").rename(tmp_path / "elsewhere")
    os.utime(tmp_path / "elsewhere" / "lesions.nii.gz", (1, 1))
    (tmp_path / "cohort.csv").write_text(f"{TABLE}a,{ROW.replace('patient', 'elsewhere')}", encoding="utf-8")
    assert resumed()[0] == 0  # the same files, wherever they lie
    assert str(tmp_path) not in (model / "cases" / "names.json").read_text(encoding="utf-8")
    lesions = read_labelmap(tmp_path / "elsewhere" / "lesions.nii.gz")
    values = lesions.values.copy()
    values[tuple(np.argwhere(values)[0])] = 0
    write_labelmap(Labelmap(values, lesions.grid), tmp_path / "elsewhere" / "lesions.nii.gz")
    code, said = resumed()
    assert (code, "begun with the files of case a " in said) == (2, True), said
    assert str(tmp_path) not in said
    (model / "cases" / "names.json").write_text("{", encoding="utf-8")
    code, said = resumed()
    assert (code, "names.json in cases is damaged" in said) == (1, True), said


def test_a_series_and_a_scheme_tell_a_case_from_another(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / "ct").mkdir(exist_ok=True)
        (tmp_path / "ct" / f"{number:02}.dcm").write_bytes(bytes([number]) * 100)
    for name in ("pet", "lesions", "anatomy"):
        (tmp_path / name).write_bytes(b"x" * 5_000_000)
    case = PetCtCase("a", "a", tmp_path / "ct", tmp_path / "pet", tmp_path / "lesions", str(tmp_path / "anatomy"))
    before = file_stamps(case)
    assert file_stamps(case) == before
    assert file_stamps(replace(case, anatomy=f"{case.anatomy}@totalsegmentator"))[:3] == before[:3]
    assert file_stamps(replace(case, anatomy=f"{case.anatomy}@totalsegmentator"))[3] != before[3]
    (tmp_path / "ct" / "07.dcm").rename(tmp_path / "ct" / "99.dcm")
    assert file_stamps(case)[0] != before[0]
    for name, place in (("lesions", 2), ("anatomy", 3)):
        with (tmp_path / name).open("r+b") as stream:  # one byte anywhere
            stream.seek(2_345_678)
            stream.write(b"y")
        assert [own == old for own, old in zip(file_stamps(case), before, strict=True)].index(False, 1) == place
        (tmp_path / name).write_bytes(b"x" * 5_000_000)


GRASP: Mapping[str, Any] = {
    "backbone": BACKBONE, "form": "groups", "cases": 3, "training_share": 0.67, "phantoms": PHANTOMS,
    "sampling": {"shape": [32, 32, 16]}, "fusion": {"epochs": 2, "activation_epoch": 1},
    "training": {**FAST, "batch": 2, "averaging": 0.0},
}  # fmt: skip


def weights(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(folder / "training" / "weights.pt", weights_only=True)["network"]
    return found


def test_a_trained_model_is_one_that_lesions_runs_and_two_processes_train_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model's card names the frozen encoder; two processes with one example each equal one process with two."""
    alone, together = tmp_path / "alone", tmp_path / "together"
    assert run("train", "grasp", "--config", settings_file(tmp_path, GRASP), "-o", alone) == 0
    assert "learned from voxels of 7 x 7 x 7 mm, but is shown cubes of 9 mm" in capsys.readouterr().err
    card = json.loads((alone / "model.json").read_text(encoding="utf-8"))
    assert card["task"] == "lesions"
    assert card["fused"]["anatomy_model"] == "dap-demo"
    assert len(card["fused"]["weights_sha256"]) == 64
    assert (alone / "scores.csv").read_text(encoding="utf-8").startswith("case,dice,cc_dice,fpv_ml,fnv_ml\n")
    assert [json.loads(line)["step"] for line in (alone / "training" / "log.jsonl").open()] == [1, 2]
    assert run("phantom", tmp_path / "patient", "--spacing", "9", "--seed", "5") == 0
    patient = tmp_path / "patient"
    out = tmp_path / "lesions.nii.gz"
    anatomy = patient / "anatomy.nii.gz"
    images = (patient / "ct.nii.gz", patient / "pet.nii.gz")
    assert run("lesions", *images, "--model", alone, "--anatomy", anatomy, "-o", out) == 0
    assert out.is_file()

    halves = {**GRASP, "training": {**GRASP["training"], "batch": 1}}
    (together / "cases").mkdir(parents=True)
    for file in (alone / "cases").iterdir():
        (together / "cases" / file.name).write_bytes(file.read_bytes())
    config = settings_file(tmp_path, halves, "halves.json")
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words += ["-m", "AnatomyGuidedLib.cli", "train", "grasp", "--config", str(config), "-o", str(together), "--resume"]
    done = subprocess.run(
        words, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = weights(alone), weights(together)
    for name, value in one.items():
        if not name.endswith(
            "conv.bias"
        ):  # a norm takes it away again: its gradient is rounding, whose sign Adam follows
            torch.testing.assert_close(two[name], value, atol=2e-4, rtol=2e-3)


@pytest.mark.parametrize("stop", ["cancelled", "interrupted"])
def test_a_stopped_training_leaves_a_model_of_what_it_learned(tmp_path: Path, stop: str) -> None:
    """Stopped after the first step of two; going on does the second."""
    settings = {**GRASP, "training_share": 1.0, "cases": 1, "training": {**GRASP["training"], "batch": 1}}
    asked = iter(range(10**6))

    def cancelled() -> bool:
        if next(asked) < 2:  # before the one case, and before the first step
            return False
        if stop == "interrupted":
            raise KeyboardInterrupt
        return True

    order = TrainingOrder(settings, tmp_path, tmp_path / "model")
    with pytest.raises((Cancelled, KeyboardInterrupt)):
        grasp.run(order, Console(no_progress, cancelled))
    card = json.loads((tmp_path / "model" / "model.json").read_text(encoding="utf-8"))
    assert card["training"].startswith("1 steps on made patients only")
    cut_short = "model is unfinished: its training was stopped after 1 of 2 steps."
    assert cut_short in card["notes"]
    assert cut_short in read_finder(str(tmp_path / "model"), ModelChoice()).predictor.notes  # which every report has
    assert card["fused"]["anatomy_model"] == "dap-demo"
    stopped = load_file(tmp_path / "model" / "weights.safetensors")
    grasp.run(replace(order, resume=True), Console(no_progress))
    card = json.loads((tmp_path / "model" / "model.json").read_text(encoding="utf-8"))
    assert card["training"].startswith("2 steps")
    assert not any("unfinished" in note for note in card["notes"])
    done = load_file(tmp_path / "model" / "weights.safetensors")
    assert any((done[name] != value).any() for name, value in stopped.items())


def test_a_training_that_is_stopped_while_its_cases_are_predicted_leaves_its_model(tmp_path: Path) -> None:
    texts = [""]
    order = TrainingOrder(GRASP, tmp_path, tmp_path / "model")
    with pytest.raises(Cancelled):
        grasp.run(order, Console(lambda _, text: texts.append(text), lambda: texts[-1] == "Predicting case 1 of 1"))
    card = json.loads((tmp_path / "model" / "model.json").read_text(encoding="utf-8"))
    assert card["training"].startswith("2 steps")
    assert not (tmp_path / "model" / "scores.csv").exists()
    grasp.run(replace(order, resume=True), Console(no_progress))
    assert (tmp_path / "model" / "scores.csv").is_file()


@pytest.mark.parametrize(("fusion", "told"), [("mirror", "dap-demo"), ("random", "dap-demo (weights drawn anew)")])
def test_the_card_names_the_encoder_without_its_folder_and_says_where_nothing_trained_it(
    tmp_path: Path, fusion: str, told: str
) -> None:
    settings = {
        **GRASP, "training_share": 1.0, "cases": 1, "encoder": str(find_model("dap-demo").folder),
        "arm": {"fusion": fusion}, "training": {**FAST, "steps": 1},
    }  # fmt: skip
    grasp.run(TrainingOrder(settings, tmp_path, tmp_path / "model"), Console(no_progress))
    card = json.loads((tmp_path / "model" / "model.json").read_text(encoding="utf-8"))
    assert card["fused"]["anatomy_model"] == told
    is_bundled = card["fused"]["weights_sha256"] == weights_sha256(AtlasModel("dap-demo").network)
    assert is_bundled == (fusion == "mirror")


def test_a_training_that_is_stopped_before_its_first_step_leaves_no_model(tmp_path: Path) -> None:
    asked = iter(range(10**6))
    with pytest.raises(Cancelled):
        grasp.run(
            TrainingOrder({**GRASP, "cases": 2}, tmp_path, tmp_path / "model"),
            Console(no_progress, lambda: next(asked) == 2),
        )
    assert (tmp_path / "model" / "recipe.json").is_file()
    assert not (tmp_path / "model" / "model.json").exists()


def test_a_fusion_that_is_kept_is_in_the_model_and_looks_at_the_encoder_that_it_learned_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path / "store"))
    encoder = tmp_path / "store" / "my-encoder"
    shutil.copytree(find_model("dap-demo").folder, encoder)
    settings = {**GRASP, "encoder": "my-encoder", "fusion": {**GRASP["fusion"], "kept": True}}
    model, patient, told = tmp_path / "model", tmp_path / "patient", tmp_path / "told.json"
    assert run("train", "grasp", "--config", settings_file(tmp_path, settings), "-o", model) == 0
    card = json.loads((model / "model.json").read_text(encoding="utf-8"))
    assert set(card["files"]) == {"weights.safetensors", "fusion.safetensors"}
    assert card["weights"] == ["weights.safetensors"]

    finder = read_finder(str(model), ModelChoice())
    (network,) = finder.predictor.load()
    trained = {name: value.half().float() for name, value in weights(model).items()}
    state = network.state_dict()
    shared = sorted(set(state) & set(trained) - {"steps"})
    assert any(name.startswith("fusions.") for name in shared)
    assert all(torch.equal(state[name], trained[name]) for name in shared)
    image = torch.randn(1, len(finder.channels), 32, 32, 16)
    with torch.no_grad():
        fused, alone = network.eval()(image), network.backbone.eval()(image)
    assert not torch.allclose(fused, alone, atol=1e-3)

    assert run("phantom", patient, "--spacing", "9", "--seed", "5") == 0
    words = ("lesions", patient / "ct.nii.gz", patient / "pet.nii.gz", "--anatomy", patient / "anatomy.nii.gz")
    words = (*words, "--model", model, "-o", tmp_path / "lesions.nii.gz", "--json", told)
    assert run(*words) == 0
    assert "keeps its fusion with the encoder of my-encoder" in told.read_text(encoding="utf-8")
    capsys.readouterr()
    drawn = untrained(AtlasModel("my-encoder").network)
    write_predictor(encoder, AtlasModel("my-encoder").predictor, [drawn], task="atlas", licence="none")
    assert run(*words) == 1
    assert "the installed my-encoder has other weights" in capsys.readouterr().err
    card["lesions"]["fusion"] = {"encoder": "my-encoder"}
    (model / "model.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(AnatomyGuidedError, match="does not say what is fused"):
        read_finder(str(model), ModelChoice())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arm": {"kept": True}}, '"fusion": {"kept": true}'),
        ({"arm": {"fusion": "random"}, "fusion": {"kept": True}}, "Only a mirror or a mixture can be kept"),
        ({"arm": {"fusion": "none"}, "fusion": {"kept": True}}, "but not 'none'"),
    ],
)
def test_only_a_fusion_with_a_trained_encoder_can_be_kept(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as refused:
        with_settings(GraspRecipe(), change)
    assert words in str(refused.value)
    with pytest.raises(UsageError, match="is told by the arms"):
        read_plan("ci", {"fusion": {"kept": True}})


def test_a_model_gets_its_anatomy_from_the_atlas_model_of_its_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path / "store"))
    shutil.copytree(find_model("dap-demo").folder, tmp_path / "store" / "my-atlas")
    model, told, patient = tmp_path / "model", tmp_path / "told.json", tmp_path / "patient"
    config = settings_file(tmp_path, {**GRASP, "atlas": "my-atlas"})
    assert run("train", "grasp", "--config", config, "-o", model) == 0
    assert json.loads((model / "model.json").read_text(encoding="utf-8"))["lesions"]["atlas"] == "my-atlas"
    assert run("phantom", patient, "--spacing", "9", "--seed", "5") == 0
    images = (patient / "ct.nii.gz", patient / "pet.nii.gz")
    assert run("lesions", *images, "--model", model, "-o", tmp_path / "lesions.nii.gz", "--json", told) == 0
    assert json.loads(told.read_text(encoding="utf-8"))["anatomy"] == "predicted by my-atlas"


def test_the_bundled_model_beats_the_fixed_threshold_on_a_patient_that_it_never_saw(tmp_path: Path) -> None:
    """Its card tells the checksum of the frozen encoder, which the bundled atlas model still has."""
    model = find_model("grasp-demo")
    assert sum(file.stat().st_size for file in model.folder.iterdir()) < 4e6
    card = json.loads((model.folder / "model.json").read_text(encoding="utf-8"))
    assert card["fused"]["weights_sha256"] == weights_sha256(AtlasModel("dap-demo").network)
    patient = tmp_path / "patient"
    assert run("phantom", patient, "--spacing", "7", "--seed", "7002", "--lesions", "6") == 0
    reference, dice = read_labelmap(patient / "lesions.nii.gz"), {}
    for name in ("grasp-demo", "suv4"):
        out, anatomy = tmp_path / f"{name}.nii.gz", () if name == "suv4" else ("--anatomy", patient / "anatomy.nii.gz")
        images = (patient / "ct.nii.gz", patient / "pet.nii.gz")
        assert run("lesions", *images, "--model", name, *anatomy, "-o", out) == 0
        dice[name] = scored(reference.values > 0, read_labelmap(out).values > 0, reference.grid)["dice"]
    assert dice["grasp-demo"] > max(0.3, dice["suv4"])


def test_recipes_that_cannot_be_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for change in ({"arm": {"kept": True}}, {"training_share": 1.5}, {"unknown": 1}, {"arm": {"anatomy": "true"}}):
        assert run("train", "grasp", "--config", settings_file(tmp_path, change), "-o", tmp_path / "model") == 2
    assert "predicted" in capsys.readouterr().err


@pytest.mark.parametrize("cohort", ["autopet", "hecktor"])
@pytest.mark.parametrize("backbone", ["unet", "segresnet", "mednext"])
def test_the_thesis_size_recipes_say_what_the_thesis_says(cohort: str, backbone: str) -> None:
    from AnatomyGuidedLib.study_options import read_settings, with_settings
    from AnatomyGuidedLib.train_command import recipe_file

    recipe = with_settings(GraspRecipe(), read_settings(recipe_file(f"grasp-{cohort}-{backbone}")))
    side = {"autopet": 96, "hecktor": 64}[cohort]
    assert recipe.sampling.shape == (side, side, side)
    assert (recipe.sampling.positive, recipe.sampling.negative) == (2, 1)
    assert (recipe.training.batch, recipe.training.learning_rate, recipe.training.schedule) == (4, 1e-4, "cosine")
    assert (recipe.fusion.epochs, recipe.fusion.activation_epoch, recipe.fusion.heads) == (300, 50, 8)
    assert (recipe.form, recipe.even, recipe.training_share) == ("scalar", True, 0.7)


def test_a_recipe_learns_as_its_arm_of_the_study_does_and_beside_an_atlas_of_its_own_kind():
    """One backbone each, with its deep supervision: the study's, the recipes' and the atlas models'."""
    from AnatomyGuidedLib.study_options import read_settings
    from AnatomyGuidedLib.train_command import recipe_file

    contenders = dict(zip(("unet", "segresnet", "mednext"), read_plan("gpu").settings.contenders, strict=True))
    for name, contender in contenders.items():
        for cohort in ("autopet", "hecktor"):
            recipe = with_settings(GraspRecipe(), read_settings(recipe_file(f"grasp-{cohort}-{name}")))
            assert recipe.backbone == contender.backbone
            assert recipe.encoder == contender.mirror == f"dap-{name}-4mm"
        atlas = read_settings(recipe_file(f"dap-{name}-4mm"))
        for key in set(atlas) & {"arguments", "features", "encoder_blocks", "decoder_blocks"}:
            assert json.loads(json.dumps(getattr(contender.backbone, key))) == atlas[key]
    for own, small in (("segresnet", "dap-segresnet-7mm"), ("mednext", "dap-mednext-7mm")):
        config = json.loads((BENCHMARKS / f"petct_{own}.json").read_text(encoding="utf-8"))
        (contender,) = read_plan("cpu", config).settings.contenders
        assert contender.mirror == small
        assert contender.backbone.arguments == read_settings(recipe_file(small))["arguments"]


def test_a_contender_may_name_a_recipe_in_place_of_its_backbone():
    plan = read_plan("cpu", {"contenders": [{"name": "S", "backbone": "grasp-hecktor-segresnet"}]})
    assert plan.settings.contenders[0].backbone.arguments["blocks_down"] == [1, 2, 2, 4]
    for name, words in (("dap-demo", "has no backbone"), ("nobodys", "no recipe of that name")):
        with pytest.raises(UsageError, match=words):
            read_plan("cpu", {"contenders": [{"name": "S", "backbone": name}]})


def test_patches_that_a_backbone_cannot_halve_so_often_are_refused_before_anything_is_trained():
    mednext = {"contenders": [{"name": "M", "backbone": "grasp-autopet-mednext"}]}
    with pytest.raises(UsageError, match="multiples of 16 were expected for M with its 5 levels"):
        read_plan("cpu", mednext)
    deep = {"contenders": [{"name": "deep", "backbone": {"features": [8, 8, 8, 8, 8]}}]}
    with pytest.raises(UsageError, match="32 x 24 x 24 voxels, but multiples of 16"):
        read_plan("cpu", deep)
    assert read_plan("cpu", {**deep, "sampling": {"shape": [48, 32, 32]}}).settings.sampling.shape == (48, 32, 32)

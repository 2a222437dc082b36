"""The benchmark's settings, folds, inputs and tables: expected values by hand or from the thesis's text."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, NotEvaluable, UsageError
from AnatomyGuidedLib.files import write_csv
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import write_labelmap, write_volume
from CCMetricsLib.evaluate import evaluate
from CCMetricsLib.report import as_json
from made_images import grid
from PathologySegLib.benchmark.cohort import by_data_set, folds_of
from PathologySegLib.benchmark.patches import FoldPatches
from PathologySegLib.benchmark.plan import FILE, NNUNET, Arm, DataSet, TierSettings, read_plan
from PathologySegLib.benchmark.prepared import Prepared, fold_fingerprint, prepared, scaled
from PathologySegLib.benchmark.report import as_markdown, data_set_report
from PathologySegLib.data_sets import COLUMNS, PetCtCase
from PathologySegLib.petct.fingerprint import Fingerprint, fingerprint_of
from PathologySegLib.petct.inputs import network_input
from PathologySegLib.petct.presets import benchmark_preset

GRID = grid((12, 10, 8), (2.0, 3.0, 4.0), flips=(-1, 1, -1), rotation_degrees=(10, -20, 30))
FINGERPRINT = Fingerprint(30.0, 50.0, 6.0, 3.0)


def made_case(folder: Path, name: str, seed: int, *, healthy: bool = False) -> PetCtCase:
    rng = np.random.default_rng(seed)
    ct = rng.integers(-1000, 400, GRID.shape).astype(np.float32)
    pet = rng.gamma(2.0, 1.0, GRID.shape).astype(np.float32)
    pet.flat[:20] = 9.0
    lesions = np.zeros(GRID.shape, np.uint8)
    lesions[2:5, 3:6, 1:4] = not healthy
    files = [folder / f"{name}_{kind}.nii.gz" for kind in ("ct", "pet", "lesions")]
    write_volume(Volume(ct, GRID, "HU"), files[0])
    write_volume(Volume(pet, GRID, "SUV"), files[1])
    write_labelmap(Labelmap(lesions, GRID), files[2], [])
    return PetCtCase(name, name, *files)


def in_memory(name: str, shape: tuple[int, int, int], lesion: tuple[int, int, int] | None) -> Prepared:
    """Voxel values that tell where they come from: CT is i, PET is k."""
    i, _, k = np.indices(shape)
    lesions = np.zeros(shape, np.uint8)
    if lesion:
        lesions[lesion] = 1
    values = np.ones((2, int(lesions.sum())), np.float32)
    return Prepared(name, Grid(shape, np.eye(4)), np.stack([i, k]).astype(np.float16), lesions, values)


def test_every_setting_of_every_arm_says_where_it_comes_from() -> None:
    written = json.loads(FILE.read_text(encoding="utf-8"))
    names = {entry.name for entry in fields(Arm)}
    for arm in written["arms"].values():
        assert set(arm["settings"]) == names
        assert set(arm["text"]) | set(arm["reading"]) == names
        assert not set(arm["text"]) & set(arm["reading"])


def test_the_gpu_tier_holds_the_numbers_of_the_thesis() -> None:
    plan = read_plan("gpu")
    assert set(plan.settings.models) == {NNUNET, "DynUNet", "MedNeXt", "UNETR", "SwinUNETR"}
    dynunet, unetr, swin = (plan.arms[name] for name in ("DynUNet", "UNETR", "SwinUNETR"))
    assert dynunet.patch_of("AutoPET") == (128, 128, 128)
    assert dynunet.patch_of("HECKTOR") == (96, 96, 96)
    assert {arm.patch_of("AutoPET") for arm in (unetr, swin)} == {(96, 96, 96)}
    assert (dynunet.epochs, dynunet.learning_rate, dynunet.schedule, dynunet.batch) == (200, 1e-3, "cosine", 8)
    assert {arm.learning_rate for arm in (unetr, swin)} == {1e-4}
    assert {arm.patches_per_image for arm in plan.arms.values()} == {2}
    (stage,) = plan.settings.nnunet.stages
    assert (stage.epochs, stage.mirror, plan.settings.nnunet_mirrors) == (1000, True, True)
    assert [(one.name, one.strata, one.onto) for one in plan.settings.data_sets] == [
        ("AutoPET", ("diagnosis", "sex"), "pet"),
        ("HECKTOR", ("sex",), "ct"),
    ]


def test_a_users_settings_change_one_network_alone() -> None:
    plan = read_plan("ci", {"models": ["UNETR", "DynUNet"], "arms": {"UNETR": {"epochs": 3}}})
    assert {name: arm.epochs for name, arm in plan.arms.items()} == {
        "UNETR": 3,
        "DynUNet": read_plan("ci").arms["DynUNet"].epochs,
    }


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"models": ["VNet"]}, "no network 'VNet'"),
        ({"arms": {"VNet": {}}}, "arms.VNet is unknown"),
        ({"arms": ["UNETR"]}, "must hold settings by a network's name"),
        ({"arms": {"UNETR": {"speed": 3}}}, "arms.UNETR.speed is unknown"),
        ({"arms": {"UNETR": {"schedule": "linear"}}}, "schedule is 'linear'"),
        ({"arms": {"UNETR": {"epochs": 0}}}, "epochs must be above 0"),
        ({"folds": 1}, "folds must be 2 or more"),
        ({"models": []}, "one entry at least"),
        ({"data_sets": [{"name": "x", "onto": "mr"}]}, "onto of x is 'mr'"),
        ({"data_sets": [{"name": "x"}, {"name": "y"}, {"name": "x", "onto": "ct"}]}, "data_sets names x twice"),
        ({"models": ["UNETR", "DynUNet", "UNETR"]}, "models names UNETR twice"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_plan("ci", settings)


def test_folds_of_a_table_share_diagnosis_and_sex_and_keep_patients_together(tmp_path: Path) -> None:
    # 25 women and 15 men with melanoma, 10 and 20 without a lesion, two studies each
    groups = {("melanoma", "F"): 25, ("melanoma", "M"): 15, ("none", "F"): 10, ("none", "M"): 20}
    rows = [
        {"case": f"{d}{s}{n}_{visit}", "patient": f"{d}{s}{n}", "diagnosis": d, "sex": s, "data_set": "AutoPET"}
        for (d, s), count in groups.items()
        for n in range(count)
        for visit in (1, 2)
    ]
    (tmp_path / "x.nii.gz").touch()
    files = dict.fromkeys(("ct", "pet", "lesions"), "x.nii.gz")
    write_csv(tmp_path / "t.csv", [{**row, **files} for row in rows], (*COLUMNS, "diagnosis", "sex", "data_set"))
    settings = read_plan("gpu").settings
    ((data_set, cases),) = by_data_set(tmp_path / "t.csv", settings).items()
    assert (data_set.name, len(cases)) == ("AutoPET", 140)
    folds = folds_of(cases, data_set, settings)
    assert sorted(case.name for _, tested in folds for case in tested) == [case.name for case in cases]
    for learned, tested in folds:
        assert not {case.patient for case in learned} & {case.patient for case in tested}
        counts = Counter((case.facts["diagnosis"], case.facts["sex"]) for case in tested)
        assert counts == {group: 2 * count // 5 for group, count in groups.items()}
    assert folds_of(cases, data_set, settings) == folds


def test_a_data_set_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.nii.gz").touch()
    row = {"case": "a", "patient": "a", "ct": "x.nii.gz", "pet": "x.nii.gz", "lesions": "x.nii.gz", "data_set": "TCIA"}
    write_csv(tmp_path / "t.csv", [row], (*COLUMNS, "data_set"))
    with pytest.raises(UsageError, match="data set 'TCIA'; there are AutoPET, HECKTOR"):
        by_data_set(tmp_path / "t.csv", read_plan("gpu").settings)
    with pytest.raises(UsageError, match="1 patients cannot make 5 folds"):
        folds_of((PetCtCase("a", "a", tmp_path, tmp_path, tmp_path),), DataSet(strata=()), TierSettings())


def test_kept_cases_give_what_the_preset_gives(tmp_path: Path) -> None:
    cases = [made_case(tmp_path, f"case_{seed}", seed) for seed in (1, 2)]
    ready = [prepared(case, "pet", tmp_path / "kept") for case in cases]
    read = [case.read() for case in cases]
    found = fold_fingerprint(ready)
    assert found == fingerprint_of((study.ct, study.pet, lesions) for study, lesions in read)
    for kept, (study, lesions) in zip(ready, read, strict=True):
        wanted = network_input(study, benchmark_preset(found)).channels
        np.testing.assert_allclose(scaled(np.asarray(kept.channels), found), wanted, rtol=5e-4, atol=2e-3)  # float16
        np.testing.assert_array_equal(kept.reference.values, lesions.values)
        assert kept.grid == study.grid
    assert prepared(cases[0], "pet", tmp_path / "kept").foreground.shape == (2, 27)


def test_a_fold_without_a_lesion_is_refused(tmp_path: Path) -> None:
    healthy = prepared(made_case(tmp_path, "well", 3, healthy=True), "pet", tmp_path / "kept")
    assert healthy.healthy
    with pytest.raises(NotEvaluable):
        fold_fingerprint([healthy])
    with pytest.raises(AnatomyGuidedError, match="None of the training cases has a lesion"):
        FoldPatches([healthy], FINGERPRINT, (4, 4, 4), per_image=2, seed=0)


def test_each_image_with_a_lesion_gives_its_patches_once_an_epoch_and_healthy_ones_none() -> None:
    cases = [in_memory(str(side), (side, 9, 9), (side - 2, 4, 4)) for side in (20, 30, 40)]
    source = FoldPatches([*cases, in_memory("well", (99, 9, 9), None)], FINGERPRINT, (1, 9, 9), per_image=2, seed=5)
    assert [source.steps_in_epoch(batch) for batch in (1, 4, 8)] == [6, 2, 1]
    for epoch in range(3):
        around = [source.example(6 * epoch + 2 * image) for image in range(3)]
        assert all(target.sum() == 1 for _, target in around)
        hu = [float(image[0, 0, 0, 0]) * 50.0 + 30.0 for image, _ in around]  # the voxel's i, since CT is i
        assert sorted(np.round(hu).tolist()) == [18, 28, 38]


def test_a_patch_is_the_same_each_time_and_0_beyond_the_image() -> None:
    source = FoldPatches([in_memory("a", (6, 4, 8), (3, 2, 4))], FINGERPRINT, (6, 8, 4), per_image=2, seed=1)
    (image, target), (again, _) = source.example(0), source.example(0)
    np.testing.assert_array_equal(image, again)
    assert image.shape == (3, 6, 8, 4)
    assert not image[:, :, [0, 1, 6, 7]].any()  # two rows missing on each side
    assert not image[2].any()
    # the lesion lies at k = 4, so the patch starts at k = 2: SUV 2, (2 - 6) / 3
    np.testing.assert_allclose(image[1, :, 2:6, 0], -4 / 3, rtol=1e-6)
    assert np.argwhere(target).tolist() == [[3, 4, 2]]


def result(model: str, case: str, found: list[int]) -> dict[str, Any]:
    """One lesion of 4 voxels and one of a single voxel; `found` are the voxels that are predicted."""
    line = Grid((12, 1, 1), np.eye(4))
    reference, prediction = (np.zeros(12, np.uint8) for _ in range(2))
    reference[[0, 1, 2, 3, 9]] = 1
    prediction[found] = 1
    maps = [Labelmap(values.reshape(12, 1, 1), line) for values in (reference, prediction)]
    told = as_json(evaluate(maps[0], maps[1], case=case))
    return {**told, "model": model, "grid": {"shape": [12, 1, 1], "spacing_mm": [1.0, 1.0, 1.0]}}


def test_dice_and_cc_dice_rank_two_models_the_other_way_round() -> None:
    # large finds the large lesion: Dice 8/9, CC-Dice (1 + 0) / 2. both finds half of it and the small one:
    # Dice 2 * 3 / (5 + 3) = 3/4, CC-Dice (4/6 + 1) / 2 = 5/6.
    results = [result("large", case, [0, 1, 2, 3]) for case in "ab"] + [
        result("both", case, [0, 1, 9]) for case in "ab"
    ]
    report = data_set_report("made", results, {NNUNET: "it is not installed."}, seed=0, resamples=50)
    large, both = report["table16"]
    assert (large["Dice"], both["Dice"]) == pytest.approx((800 / 9, 75.0))
    assert (large["CC-Dice"], both["CC-Dice"]) == pytest.approx((50.0, 250 / 3))
    assert report["orders"] == {"Dice": ["large", "both"], "CC-Dice": ["both", "large"]}
    (pair,) = [row for row in report["pairs"] if row["metric"] == "cc_dice"]
    assert (pair["n"], pair["mean_difference"]) == (2, pytest.approx(1 / 3))
    assert pair["ci_low"] == pytest.approx(1 / 3)  # both cases differ by the same
    assert report["intervals"]["large"]["dice"]["mean"] == pytest.approx(8 / 9)
    text = as_markdown(report)
    assert "| large | 2 | 88.9 | 1 | 50.0 | 2 |" in text
    assert "| nnU-Net | not run, because it is not installed. |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1


def test_a_model_without_scores_has_no_rank_and_nothing_breaks() -> None:
    report = data_set_report("made", [], {NNUNET: "it failed."}, seed=0, resamples=50)
    assert report["table16"] == []
    assert "not run, because it failed." in as_markdown(report)

"""`study lesion-benchmark` from the command line, stopped and resumed, and its networks at the thesis's size."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from AnatomyGuidedLib.cli import Console, main
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.io import read_image
from AnatomyGuidedLib.networks.build import build_network, divisors_of
from AnatomyGuidedLib.progress import never_cancelled, no_progress
from AnatomyGuidedLib.study_options import StudyOptions

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("monai", reason="MONAI is not installed")

from AnatomyGuidedLib.learning.trainer import Training  # noqa: E402
from PathologySegLib.benchmark import study  # noqa: E402
from PathologySegLib.benchmark.benchmark import described, identity_of  # noqa: E402
from PathologySegLib.benchmark.made_patients import made_cohort  # noqa: E402
from PathologySegLib.benchmark.memory import step_memory  # noqa: E402
from PathologySegLib.benchmark.networks import arm_loss, network_of, start_from  # noqa: E402
from PathologySegLib.benchmark.plan import NNUNET, Arm, DataSet, read_plan  # noqa: E402
from PathologySegLib.benchmark.trial import training_of  # noqa: E402
from PathologySegLib.data_sets import cases_of  # noqa: E402
from PathologySegLib.learning.objectives import loss_of  # noqa: E402
from PathologySegLib.learning.phantom_cases import PhantomSettings  # noqa: E402

PHANTOMS: Mapping[str, Any] = {
    "spacing_mm": 9.0, "shape": [48, 48, 24], "healthy": 0.0, "most_lesions": 6, "quiet_suv": 3.0,
}  # fmt: skip
TINY: Mapping[str, Any] = {
    "folds": 2, "models": ["DynUNet", "UNETR", NNUNET], "resamples": 100,
    "data_sets": [{"name": "made", "patients": 4, "strata": [], "phantoms": PHANTOMS}],
    "arms": {"DynUNet": {"epochs": 1}, "UNETR": {"epochs": 1}},
}  # fmt: skip
SWIN = {"feature_size": 12, "depths": [1, 1, 1, 1], "window_size": 4}


def settings_file(folder: Path, settings: Mapping[str, Any]) -> Path:
    path = folder / "settings.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


@pytest.fixture
def without_nnunet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where nnU-Net is not installed."""
    really = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "nnunetv2" else really(name))


@pytest.mark.usefixtures("without_nnunet")
def test_the_benchmark_goes_on_where_it_was_stopped_and_names_what_did_not_run(tmp_path: Path) -> None:
    target = tmp_path / "bench"

    def second_model_began() -> bool:
        return any(target.glob("state/made_*/UNETR_*"))

    options, console = StudyOptions("ci", TINY, None, target), Console(no_progress, second_model_began)
    with pytest.raises(Cancelled):
        study.run(options, tmp_path / "staged", console)
    kept = {path: path.stat().st_mtime_ns for path in target.rglob("weights.pt")}
    assert len(kept) == 2  # DynUNet's two folds

    words = ["study", "lesion-benchmark", "-o", target, "--config", settings_file(tmp_path, TINY)]
    assert main([str(word) for word in (*words, "--json", tmp_path / "r.json")]) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    result = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    (report,) = result["data_sets"]
    assert [(row["model"], row["cases"]) for row in report["table16"]] == [("DynUNet", 4), ("UNETR", 4)]
    assert "nnU-Net is not installed" in report["not_run"][NNUNET]
    assert "| nnU-Net | not run, because nnU-Net is not installed" in (target / "table16.md").read_text(
        encoding="utf-8"
    )
    assert set(result["files"]) <= {path.name for path in target.iterdir()}
    assert sorted({row["rank_dice"] for row in report["table16"]}) in ([1.0, 2.0], [1.5])
    assert (target / "scores.csv").read_text(encoding="utf-8").count("\n") == 1 + 2 * 4
    masks = list(target.glob("state/made_*/UNETR_*/fold_*/predictions/*.nii.gz"))
    assert sorted(path.name for path in masks) == [f"made_00{n}.nii.gz" for n in range(4)]


def test_patients_of_other_settings_are_made_anew_and_those_of_the_same_are_kept(tmp_path: Path) -> None:
    def images(**changed: Any) -> dict[Path, int]:
        phantoms = PhantomSettings(spacing_mm=10.0, shape=(16, 16, 16), healthy=0.0)
        data_set = DataSet("made", patients=2, phantoms=replace(phantoms, **changed))
        cases = cases_of(made_cohort((data_set,), tmp_path, no_progress, never_cancelled))
        assert [case.name for case in cases] == ["made_000", "made_001"]
        return {file: file.stat().st_mtime_ns for case in cases for file in case.files()}

    first = images()
    assert images() == first
    finer = images(spacing_mm=9.0)
    assert {read_image(file).grid.spacing_mm for file in finer if file.name == "ct.nii.gz"} == {(9.0, 9.0, 9.0)}
    other = images(seed=5)
    assert not set(first) & set(other)
    assert images() == first


@pytest.mark.usefixtures("without_nnunet")
def test_no_data_sets_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    made = {**TINY["data_sets"][0], "name": "../../AutoPET / FDG"}
    settings = {**TINY, "models": [NNUNET], "data_sets": [made]}
    target, staged = tmp_path / "a" / "bench", tmp_path / "staged"
    staged.mkdir()
    study.run(StudyOptions("ci", settings, None, target), staged, Console(no_progress))
    (report,) = json.loads((staged / "study.json").read_text(encoding="utf-8"))["data_sets"]
    assert report["not_run"].keys() == {NNUNET}
    assert {path.name for path in tmp_path.iterdir()} == {"a", "staged"}
    assert [path.name for path in target.iterdir()] == ["state"]
    assert len(list((target / "state").iterdir())) == 2  # the patients, and what the data set's arms found


def test_the_thesis_size_needs_a_cohort(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "lesion-benchmark", "--tier", "gpu", "-o", str(tmp_path / "x")]) == 2
    assert "give --cohort CSV" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "parameters"),
    [  # UNETR and SwinUNETR: their authors' 92.6 and 62.2 million with one channel in, MONAI's UNETR being larger
        ("UNETR", 99_094_626),
        ("SwinUNETR", 62_190_164),
    ],
)
def test_each_network_of_the_thesis_starts_and_its_step_fits_a_card(name: str, parameters: int) -> None:
    found = described(read_plan("gpu").arms[name], "AutoPET")
    assert found["parameters"] == parameters
    assert found["step_gib_of_four_cards"] < 40 <= 80


def test_a_patch_that_a_network_cannot_take_is_refused_before_any_training() -> None:
    with pytest.raises(UsageError, match="SwinUNETR cannot learn from patches of 32 x 32 x 32 voxels"):
        described(Arm("SwinUNETR", SWIN, patch=(32, 32, 32)), "AutoPET")
    with pytest.raises(UsageError, match="DynUNet cannot learn from patches of 30 x 30 x 30"):
        described(replace(read_plan("ci").arms["DynUNet"], patch=(30, 30, 30)), "AutoPET")


def test_the_memory_of_a_step_is_what_the_backward_pass_is_given() -> None:
    arm = Arm("SwinUNETR", SWIN)
    patch, loss = (64, 32, 32), arm_loss(arm)
    network = network_of(arm, patch, seed=0)
    own = {value.untyped_storage().data_ptr() for value in network.parameters()}
    given: dict[int, Any] = {}

    def keep(value: Any) -> Any:
        given[value.untyped_storage().data_ptr()] = value.untyped_storage()
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        loss(network.train()(torch.zeros(1, 3, *patch)), torch.zeros(1, *patch, dtype=torch.int64))
    really = sum(storage.nbytes() for place, storage in given.items() if place not in own)
    computed = step_memory(network, (1, 3, *patch), loss)
    assert computed.kept_bytes == pytest.approx(really, rel=0.02)
    assert computed.state_bytes == 16 * computed.parameters


@pytest.mark.parametrize(
    ("architecture", "arguments", "divisors"),
    [("UNETR", {"img_size": [32, 16, 48]}, (32, 16, 48)), ("SwinUNETR", {}, (32, 32, 32))],
)
def test_windows_of_transformers_have_sides_that_they_take(
    architecture: str, arguments: dict[str, Any], divisors: tuple[int, int, int]
) -> None:
    assert divisors_of({"architecture": architecture, "arguments": arguments}) == divisors


def test_a_stack_of_resolutions_is_learned_from_as_a_list_of_them() -> None:
    logits = torch.randn(2, 3, 2, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    target = (torch.arange(128).reshape(2, 4, 4, 4) % 3 == 0).long()
    plain = loss_of("lesions", even=True)
    assert float(arm_loss(Arm())(logits, target)) == pytest.approx(
        sum(w * float(plain(logits[:, s], target)) for s, w in enumerate((1, 0.5, 0.25))) / 1.75
    )


def test_the_loss_is_monais_dice_ce() -> None:
    from monai.losses import DiceCELoss

    logits = torch.randn(3, 2, 5, 4, 3, generator=torch.Generator().manual_seed(1))
    target = (torch.arange(180).reshape(3, 5, 4, 3) % 4 == 0).long()
    theirs = DiceCELoss(to_onehot_y=True, softmax=True)(logits, target[:, None].float())
    assert float(arm_loss(Arm())(logits, target)) == pytest.approx(float(theirs), abs=1e-4)


def test_the_rate_falls_by_a_cosine_and_adamw_steps() -> None:
    arm = read_plan("gpu").arms["DynUNet"]
    settings = training_of(arm, steps=1000, seed=0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(
        torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=1e-3), T_max=1000
    )
    for step in range(1000):
        if step in (0, 1, 250, 999):
            assert settings.rate(step) == pytest.approx(theirs.get_last_lr()[0], rel=1e-6, abs=1e-12)
        theirs.optimizer.step()
        theirs.step()
    (group,) = Training(torch.nn.Linear(1, 1), settings).optimizer.param_groups
    assert (group["weight_decay"], settings.batch) == (0.01, 8)


def test_published_weights_start_the_encoder_as_monai_itself_does(tmp_path: Path) -> None:
    entry = {"architecture": "SwinUNETR", "arguments": {"in_channels": 1, "out_channels": 2, **SWIN}}
    torch.manual_seed(1)
    source, ours, theirs = (build_network(entry) for _ in range(3))
    encoder = {
        f"module.{name.replace('linear1', 'fc1').replace('linear2', 'fc2')}": value
        for name, value in source.swinViT.state_dict().items()
    }
    torch.save({"state_dict": encoder, "epoch": 1}, tmp_path / "swin.pt")
    assert start_from(ours, tmp_path / "swin.pt") == len(encoder)
    theirs.load_from({"state_dict": encoder})
    for name, value in theirs.swinViT.state_dict().items():
        assert torch.equal(ours.swinViT.state_dict()[name], value), name

    three = network_of(Arm("SwinUNETR", SWIN, weights=str(tmp_path / "swin.pt")), (32, 32, 32), seed=0)
    wanted = source.swinViT.layers2[0].blocks[0].attn.qkv.weight
    assert torch.equal(three.swinViT.layers2[0].blocks[0].attn.qkv.weight, wanted)
    assert three.swinViT.patch_embed.proj.weight.shape[1] == 3  # too many channels for the file's, so random


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {"module.other.weight": torch.zeros(3)}}, tmp_path / "other.pt")
    with pytest.raises(AnatomyGuidedError, match="of which 0 fit"):
        network_of(Arm("SwinUNETR", SWIN, weights=str(tmp_path / "other.pt")), (32, 32, 32), seed=0)


def test_an_arm_started_from_other_weights_of_the_same_name_is_another(tmp_path: Path) -> None:
    file, copy = tmp_path / "swin.pt", tmp_path / "copy.pt"
    file.write_bytes(b"first")
    copy.write_bytes(b"first")
    first = identity_of(Arm("SwinUNETR", SWIN, weights=str(file)))
    assert identity_of(Arm("SwinUNETR", SWIN, weights=str(copy))) == first
    file.write_bytes(b"other")
    assert identity_of(Arm("SwinUNETR", SWIN, weights=str(file))) != first
    assert identity_of(Arm("SwinUNETR", SWIN))["weights"] == ""


def test_one_seed_gives_one_network() -> None:
    arm = read_plan("ci").arms["DynUNet"]
    first, again, other = (network_of(arm, (32, 32, 32), seed=seed).state_dict() for seed in (3, 3, 4))
    name = next(key for key, value in first.items() if value.ndim == 5)
    assert torch.equal(first[name], again[name])
    assert not np.array_equal(first[name].numpy(), other[name].numpy())

"""What the arms learn by and from: losses by hand, patches, going on from an atlas, controls, and who beats whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Grid
from AnatomyGuidedLib.progress import no_progress
from AnatomyGuidedLib.study_options import read_settings, with_settings
from AnatomyGuidedLib.study_result import write_study
from AnatomyGuidedLib.train_command import recipe_file

torch = pytest.importorskip("torch", reason="torch is not installed")

from AnatomyGuidedLib.learning.settings import TrainingSettings  # noqa: E402
from AnatomyGuidedLib.learning.trainer import Training  # noqa: E402
from AnatomyGuidedLib.networks.build import build_network  # noqa: E402
from DAPAtlasLib.training.phantom_recipe import PhantomRecipe  # noqa: E402
from PathologySegLib.learning import findings, petct_phantom  # noqa: E402
from PathologySegLib.learning.arms import Arm, Building, build, weight_count  # noqa: E402
from PathologySegLib.learning.backbones import Backbone  # noqa: E402
from PathologySegLib.learning.cases import Case, read_case, write_case  # noqa: E402
from PathologySegLib.learning.channels import channel_count, group_table, image_of  # noqa: E402
from PathologySegLib.learning.fine_tuning import require_alike, start_from  # noqa: E402
from PathologySegLib.learning.grasp_recipe import GraspRecipe  # noqa: E402
from PathologySegLib.learning.multi_task import MultiTask, MultiTaskLoss  # noqa: E402
from PathologySegLib.learning.objectives import (  # noqa: E402
    at_each_resolution,
    classes_of,
    loss_of,
    organ_loss,
    patch_aware,
    weighted_dice_ce,
)
from PathologySegLib.learning.patches import (  # noqa: E402
    LesionPatches,
    Sample,
    SamplingSettings,
    groups_of,
    lesions_of,
    padded_crop,
)
from PathologySegLib.learning.plan import Rule, Statistics, TierSettings, read_plan  # noqa: E402
from PathologySegLib.learning.scoring import scored  # noqa: E402
from PathologySegLib.learning.shuffled import another, misplaced  # noqa: E402
from PathologySegLib.learning.study_cases import study_cases  # noqa: E402
from PathologySegLib.learning.trial import sample_of, split_cases  # noqa: E402

SMALL = Backbone(features=(4, 8, 16), encoder_blocks=1)


def softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    chances = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(chances / chances.sum(1, keepdims=True))


def slow_dice_ce(logits: npt.NDArray[np.float64], target: npt.NDArray[np.int64], weights: list[float]) -> float:
    """Image by image, voxel by voxel, class by class."""
    losses = []
    for chances, classes in zip(softmax(logits), target, strict=True):
        surprise, total, dice = 0.0, 0.0, []
        for place in np.ndindex(*classes.shape):
            own = int(classes[place])
            surprise -= weights[own] * np.log(chances[(own, *place)])
            total += weights[own]
        for number in range(logits.shape[1]):
            mask = classes == number
            dice.append(2 * chances[number][mask].sum() / (chances[number].sum() + mask.sum()))
        losses.append(surprise / total + 1 - np.average(dice, weights=weights))
    return float(np.mean(losses))


def test_weighted_dice_ce_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(0)
    logits, target = rng.normal(0, 2, (2, 4, 3, 4, 2)), rng.integers(0, 3, (2, 3, 4, 2))  # class 3 does not occur
    weights = [1.0, 0.5, 2.0, 0.1]
    found = weighted_dice_ce(torch.from_numpy(logits), torch.from_numpy(target), torch.tensor([weights] * 2))
    assert found.item() == pytest.approx(slow_dice_ce(logits, target, weights), rel=1e-4)


@pytest.mark.parametrize("loss", [
    *(loss_of(f"multi-class-{name}", even=True) for name in ("standard", "tumour", "patch")),
    loss_of("lesions", even=True), loss_of("lesions", even=False), at_each_resolution(organ_loss),
])  # fmt: skip
def test_a_batchs_loss_is_the_mean_of_its_images(loss: Any) -> None:
    """The first patch holds organ 3 and a lesion, the second organs 5 and 6: neither matters to the other."""
    target = torch.zeros(2, 4, 4, 4, dtype=torch.int64)
    target[0, 1:], target[0, 2, 0], target[1, :2], target[1, 2:] = 2 * 3, 2 * 3 + 1, 2 * 5, 2 * 6
    logits = torch.randn(2, classes_of("multi-class-patch"), 4, 4, 4, generator=torch.Generator().manual_seed(0))
    apart = [loss(logits[place : place + 1], target[place : place + 1]).item() for place in range(2)]
    assert loss(logits, target).item() == pytest.approx(np.mean(apart), rel=1e-5)


TOGETHER = """
import sys
from pathlib import Path
import test_pathologyseg_grasp_learning as here
from AnatomyGuidedLib.learning.together import connected, own_share

with connected(own_share(), "cpu"):
    for name in here.IN_PROCESSES:
        here.learned(name, 1, Path(sys.argv[1], name))
"""

IN_PROCESSES = {
    "even": (Arm(), True), "uneven": (Arm(), False), "multi-class-patch": (Arm(objective="multi-class-patch"), False),
    "multi-task": (Arm(objective="multi-task"), False), "resenc": (Arm(objective="multi-task", residual=True), True),
}  # fmt: skip


class Noise:
    def example(self, number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """An image, and a target whose lesions and organs are another share of each patch."""
        rng = np.random.default_rng(number)
        lesions = rng.random((16, 16, 16)) < rng.uniform(0.01, 0.4)
        organs = rng.integers(0, rng.integers(2, 14), lesions.shape)
        return rng.normal(size=(2, *lesions.shape)).astype(np.float32), lesions + 2 * organs


def learned(name: str, batch: int, folder: Path) -> Any:
    """The network after four steps."""
    arm, even = IN_PROCESSES[name]
    built = build(arm, how(even=even), None)
    settings = TrainingSettings(steps=4, batch=batch, averaging=0.0, warm_up_steps=0, learning_rate=1e-3)
    training = Training(built.network, settings)
    training.run(Noise(), folder, loss=built.loss)
    return training.network


def test_two_processes_with_one_example_learn_what_one_learns_with_two_whatever_the_arm(tmp_path: Path) -> None:
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script), str(tmp_path / "two")]
    places = f"{Path(__file__).parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    environment = {**os.environ, "PYTHONPATH": places, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for name in IN_PROCESSES:
        alone = learned(name, 2, tmp_path / "one" / name).state_dict()
        both = torch.load(tmp_path / "two" / name / "state.pt", weights_only=True)["network"]
        for part, value in alone.items():
            if not part.endswith("conv.bias"):  # a norm takes it away again: Adam follows the sign of rounding
                torch.testing.assert_close(both[part], value, atol=2e-4, rtol=1e-3)


def test_each_patchs_patch_aware_loss_is_that_worked_out_by_hand() -> None:
    """All classes alike likely, 1/15: the cross-entropy is log 15; Dice of two voxels is 2 x 1/15 x n / (2/15 + n).

    Patch one is organ 1 and tumour: a Dice of (2/15) / (2/15 + 1) = 2/17 each, weights 1 and 5, and 13 absent ones of
    0.1. Patch two is organ 2 twice: (4/15) / (2/15 + 2) = 1/8, weight 1; the tumour 5, and 13 absent ones.
    """
    target = torch.tensor([[2 * 1, 1], [2 * 2, 2 * 2]]).view(2, 1, 1, 2)
    logits = torch.zeros(2, 15, 1, 1, 2)
    dice = [(1 + 5) * (2 / 17) / (1 + 5 + 1.3), 1 * (1 / 8) / (1 + 5 + 1.3)]
    expected = float(np.log(15) + 1 - np.mean(dice))
    assert classes_of("multi-class-patch") == 15
    assert loss_of("multi-class-patch", even=True)(logits, target).item() == pytest.approx(expected, abs=1e-4)


def test_the_patch_aware_weights_follow_what_the_patch_holds() -> None:
    weights = patch_aware(torch.tensor([[[0, 0], [3, 3]]]), 6)[0]
    assert weights[0] == weights[3] > weights[1] == weights[2] == weights[4]
    assert weights[5] == weights.max() > weights[0]
    assert patch_aware(torch.tensor([[1, 5]]), 6)[0, 0] == pytest.approx(0.1)  # even the background may be absent


@pytest.mark.parametrize("objective", ["multi-class-standard", "multi-class-tumour", "multi-class-patch"])
def test_in_the_multi_class_target_the_tumour_is_last_and_covers_the_organ(objective: str) -> None:
    """Logits that are right everywhere lose nothing; calling the tumour an organ costs."""
    classes = classes_of(objective)
    target = torch.tensor([0, 2 * 4, 1 + 2 * 4, 1]).view(1, 1, 2, 2)  # nothing, organ 4, tumour in it, tumour
    right = torch.tensor([0, 4, classes - 1, classes - 1])

    def logits(of: torch.Tensor) -> torch.Tensor:
        return 40.0 * torch.nn.functional.one_hot(of, classes).float().T.reshape(1, classes, 1, 2, 2)

    loss = loss_of(objective, even=True)
    assert loss(logits(right), target).item() < 1e-3
    assert loss(logits(torch.tensor([0, 4, 4, classes - 1])), target).item() > 1.0


def test_the_lesion_objective_sees_lesions_only() -> None:
    logits = torch.randn(1, 2, 4, 4, 4)
    lesions = (torch.rand(1, 4, 4, 4) > 0.5).long()
    for even in (True, False):
        loss = loss_of("lesions", even=even)
        assert loss(logits, lesions).item() == pytest.approx(loss(logits, lesions + 2 * 7).item())


def test_an_unknown_objective_is_refused() -> None:
    with pytest.raises(UsageError, match="multi-task"):
        classes_of("other")


def test_both_tasks_weigh_alpha_whatever_the_size_of_their_losses() -> None:
    arm = Arm(objective="multi-task", alpha=0.7)
    built = build(arm, how(), None)
    assert isinstance(built.network, MultiTask)
    target = torch.zeros(1, 16, 16, 16, dtype=torch.int64)
    target[:, :8] = 2 * 3
    target[:, 4:6] += 1
    found = built.network.train()(torch.randn(1, 2, 16, 16, 16))
    assert built.loss(found, target).item() == pytest.approx(1.0)  # at first each loss is its own mean
    firsts = _losses_of(found, target)
    found = built.network(torch.randn(1, 2, 16, 16, 16))
    seconds = _losses_of(found, target)
    means = [0.98 * 0.02 * a + 0.02 * b for a, b in zip(firsts, seconds, strict=True)]
    lesions, organs = (loss * (0.98 * 0.02 + 0.02) / mean for loss, mean in zip(seconds, means, strict=True))
    assert abs(lesions - organs) > 1e-4  # or it would not matter which of them has alpha
    assert built.loss(found, target).item() == pytest.approx(0.7 * lesions + 0.3 * organs, rel=1e-5)
    alone = MultiTaskLoss(built.network, 1.0, even=False)
    built.network.means.zero_()
    built.network.share.zero_()
    expected = loss_of("lesions", even=False)(found[0], target).item()
    assert alone(found, target).item() == pytest.approx(1.0)
    assert (built.network.means / built.network.share)[0].item() == pytest.approx(expected)


def _losses_of(found, target: torch.Tensor) -> list[float]:
    return [
        loss(one, target).item()
        for loss, one in zip((loss_of("lesions", even=False), at_each_resolution(organ_loss)), found, strict=True)
    ]


def test_the_multi_task_network_predicts_lesions_only_and_trains_both_decoders() -> None:
    built = build(Arm(objective="multi-task"), how(), None)
    image, target = torch.randn(1, 2, 16, 16, 16), torch.randint(0, 2, (1, 16, 16, 16)) + 2
    built.loss(built.network.train()(image), target).backward()
    assert all(value.grad is not None for value in built.network.parameters())
    assert built.network.train(False)(image).shape == (1, 2, 16, 16, 16)


def how(**change: Any) -> Building:
    from PathologySegLib.grasp.settings import FusionSettings

    return replace(Building(SMALL, FusionSettings(heads=4), "groups", 60, False, 0.0, 0), **change)


# Fine-tuning


def test_fine_tuning_keeps_the_weights_of_the_ct_and_draws_those_of_the_pet() -> None:
    torch.manual_seed(0)
    shape = Backbone("positioned-unet", features=(4, 8, 16), encoder_blocks=1)
    atlas = build_network(shape.entry(channels=1, classes=145, deep_supervision=True))
    network = build_network(shape.entry(channels=2, classes=2, deep_supervision=True))
    drawn = {name: value.clone() for name, value in network.state_dict().items()}
    taken = start_from(network, atlas)
    first = "network.encoder.stages.0.0.convs.0.conv.weight"
    own, known = network.state_dict(), atlas.state_dict()
    torch.testing.assert_close(own[first][:, 0], known[first][:, 0])
    torch.testing.assert_close(own[first][:, 1], drawn[first][:, 1])  # the PET
    torch.testing.assert_close(own[first][:, 2:], known[first][:, 1:])  # the places
    heads = {name for name in own if "seg_layers" in name}
    assert set(own) - set(taken) == heads
    for name in heads:
        torch.testing.assert_close(own[name], drawn[name])


@pytest.mark.parametrize(
    "backbone",
    [
        Backbone("positioned-unet", features=(4, 8, 12), encoder_blocks=1),
        Backbone("positioned-unet", features=(4, 8), encoder_blocks=1),
        Backbone("positioned-unet", features=(4, 8, 16), encoder_blocks=1, residual=True),
        SMALL,
        Backbone("SegResNet", arguments={"init_filters": 8}),
    ],
)
def test_fine_tuning_from_an_atlas_model_of_another_architecture_is_refused(backbone: Backbone) -> None:
    shape = Backbone("positioned-unet", features=(4, 8, 16), encoder_blocks=1)
    atlas = build_network(shape.entry(channels=1, classes=145, deep_supervision=False))
    with pytest.raises(UsageError, match="needs a backbone of its architecture and size"):
        build(Arm(start="atlas"), how(backbone=backbone), atlas)


@pytest.mark.parametrize("name", ["dap-unet-4mm", "dap-segresnet-4mm", "dap-mednext-4mm"])
def test_the_thesis_size_backbones_can_go_on_from_the_atlas_models_that_they_mirror(name: str) -> None:
    contender = next(one for one in read_plan("gpu").settings.contenders if one.mirror == name)
    recipe = with_settings(PhantomRecipe(), read_settings(recipe_file(name)))
    with torch.device("meta"):
        network = build_network(contender.backbone.entry(channels=2, classes=2, deep_supervision=True))
        require_alike(network, build_network(recipe.entry(deep_supervision=False)))


def test_an_arm_that_needs_an_atlas_model_says_so() -> None:
    with pytest.raises(UsageError, match="atlas model"):
        build(Arm(fusion="mirror"), how(), None)


def test_the_matched_baseline_has_as_many_weights_as_the_fusion_in_training() -> None:
    torch.manual_seed(0)
    encoder = build_network(SMALL.entry(channels=1, classes=5, deep_supervision=True))
    fused = weight_count(build(Arm(anatomy="predicted", fusion="mirror"), how(), encoder).network)
    plain, matched = (weight_count(build(arm, how(), encoder).network) for arm in (Arm(), Arm(weights_of="mirror")))
    assert plain < 0.8 * fused
    assert fused <= matched < 1.15 * fused  # features of 4, 8 and 16 come in whole numbers


# Patches


def sample(name: str, lesion: bool, shape: tuple[int, int, int] = (20, 16, 12)) -> Sample:
    rng = np.random.default_rng(len(name))
    lesions = np.zeros(shape, np.bool_)
    lesions[3:5, 2:4, 1:3] = lesion
    ids = rng.integers(0, 145, shape).astype(np.uint8)
    ct, pet = rng.normal(0, 100, shape).astype(np.float32), rng.random(shape).astype(np.float32)
    return Sample(name, ct, pet, lesions, ids, ids, "groups")


def test_two_of_three_patches_hold_a_lesion_and_healthy_cases_take_part() -> None:
    marked = sample("healthy", False)
    marked.ct.fill(500.0)
    source = LesionPatches([sample("ill", True), marked], SamplingSettings(shape=(8, 8, 8), gain=0.0))
    found = [source.example(number) for number in range(90)]
    around = [lesions_of(target).any() for _, target in found]
    assert all(hit for number, hit in enumerate(around) if number % 3 < 2)
    healthy = [bool((image[0] == 0.5).all()) for image, _ in found]
    assert not any(flag for number, flag in enumerate(healthy) if number % 3 < 2)
    assert 8 <= sum(healthy) <= 22  # half of the 30 others


def test_a_patch_is_the_same_again_and_its_parts_lie_on_each_other() -> None:
    source = LesionPatches([sample("ill", True)], SamplingSettings(shape=(8, 8, 8), gain=0.0))
    image, target = source.example(7)
    again, same = source.example(7)
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(target, same)
    groups = groups_of(target)
    for number in range(1, 14):  # the channels that are shown are the groups that are taught
        np.testing.assert_array_equal(image[1 + number] == 1, groups == number)
    assert image.shape == (channel_count("groups"), 8, 8, 8)


def test_a_patch_larger_than_its_case_is_filled_with_air() -> None:
    image, target = LesionPatches([sample("ill", True)], SamplingSettings(shape=(24, 16, 12))).example(2)
    assert (image[0, 20:] == -1.0).all()
    assert not target[20:].any()


def test_cases_without_any_lesion_cannot_be_learned_from() -> None:
    with pytest.raises(AnatomyGuidedError, match="None of the training cases"):
        LesionPatches([sample("healthy", False)], SamplingSettings())


def test_a_crop_beyond_the_border_is_filled() -> None:
    box = padded_crop(np.arange(6).reshape(2, 3), (-1, 1), (3, 3), -5)
    assert box.tolist() == [[-5, -5, -5], [1, 2, -5], [4, 5, -5]]


def test_channels_are_scaled_by_constants() -> None:
    ct, pet = np.array([[[-1024.0, 40.0, 3000.0]]], np.float32), np.array([[[0.0, 5.0, 70.0]]], np.float32)
    ids = np.array([[[0, 13, 144]]], np.uint8)
    image = image_of(ct, pet, ids, "scalar")[:, 0, 0]
    np.testing.assert_allclose(image, [[-1.0, 0.04, 1.5], [0.0, 0.5, 5.0], [0.0, 13 / 144, 1.0]], rtol=1e-6)
    assert image_of(ct, pet, ids, "none").shape[0] == 2
    assert group_table().max() == channel_count("groups") - 2


# Cases, splits and controls


def case(number: int) -> Case:
    rng = np.random.default_rng(number)
    ids = rng.integers(0, 145, (8, 6, 4)).astype(np.uint8)
    lesions = np.zeros(ids.shape, np.bool_)
    lesions[2:4, 1, 1] = number > 0
    ct = rng.normal(0, 30, ids.shape).astype(np.float16).astype(np.float32)
    return Case(f"case_{number:04d}", 7.0, ct, np.abs(ct), lesions, {"true": ids, "predicted": np.roll(ids, 1, 0)})


def test_a_case_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_case(case(1), tmp_path / "case_0001.npz")
    found, expected = read_case(tmp_path / "case_0001.npz"), case(1)
    for name in ("ct", "pet", "lesions"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for name, ids in expected.anatomies.items():
        np.testing.assert_array_equal(found.anatomy(name), ids)
    assert (found.name, found.spacing_mm, found.healthy) == ("case_0001", 7.0, False)
    assert case(0).healthy
    with pytest.raises(AnatomyGuidedError, match="no other anatomy"):
        found.anatomy("other")


def test_splits_are_70_to_30_and_differ() -> None:
    settings = TierSettings(cases=40)
    names = [f"case_{number:04d}" for number in range(40)]
    splits = [split_cases(names, settings, split) for split in range(5)]
    for learned, tried in splits:
        assert (len(learned), len(tried)) == (28, 12)
        assert sorted(learned + tried) == list(range(40))
    assert len({tuple(tried) for _, tried in splits}) == 5
    few = split_cases(names, TierSettings(cases=40, training_cases=10), 0)
    assert len(few[0]) == 10
    assert few[1] == splits[0][1]


def test_made_patients_are_split_as_ever() -> None:
    """One case each: a draw of the cases' numbers, as the study's published results were made."""
    for split in range(5):
        order = np.random.default_rng([0, 2, split]).permutation(36).tolist()
        expected = sorted(order[:25]), sorted(order[25:])
        assert split_cases([str(number) for number in range(36)], TierSettings(cases=36), split) == expected


def test_no_patient_is_on_both_sides_of_a_split() -> None:
    """20 patients with one to three studies, whose rows are mixed: 14 patients are learned from, with all of theirs."""
    patients = [f"P{number % 20}" for number in range(40)] + ["P3"]
    for split in range(5):
        learned, left = split_cases(patients, TierSettings(cases=41), split)
        sides = [{patients[number] for number in side} for side in (learned, left)]
        assert [len(side) for side in sides] == [14, 6]
        assert not sides[0] & sides[1]
        assert sorted(learned + left) == list(range(41))


@pytest.mark.parametrize(("healthy_side", "words"), [(0, "None of the 2 cases to learn from in split 0"),
    (1, "None of the 2 cases to predict")])  # fmt: skip
def test_a_study_needs_a_lesion_to_learn_from_and_one_to_predict(healthy_side: int, words: str, tmp_path: Path) -> None:
    plan = read_plan("ci")
    settings = replace(plan.settings, cases=4, splits=1, training_share=0.5)
    sides = split_cases([f"case_{number:04d}" for number in range(4)], settings, 0)
    for number in range(4):
        write_case(case(int(number not in sides[healthy_side])), tmp_path / f"case_{number:04d}.npz")
    with pytest.raises(UsageError, match=words):
        study_cases(replace(plan, settings=settings), None, tmp_path, Console(no_progress), 0.1)


def test_a_split_whose_predicted_cases_are_all_healthy_is_no_error(tmp_path: Path) -> None:
    """Of two splits the first predicts patients without lesions: Dice of 0.5 is that of the other."""
    healthy = {"c": {"dice": None, "cc_dice": None, "fpv_ml": 2.0, "fnv_ml": None}}
    scores = {name: [healthy, split_of({"a": 0.5})] for name in ("baseline", "anatomy", "anatomy_shuffled")}
    found = findings.summary(ARMS, scores, Statistics(resamples=100))
    assert found["anatomy"]["dice_by_split"] == [None, 0.5]
    write_study(tmp_path, "petct-phantom", tier="ci", parameters={}, arms=found)
    assert json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))["arms"] == found


def test_each_arm_is_shown_its_own_anatomy_and_taught_the_predicted_one() -> None:
    cases, settings = [case(number) for number in range(4)], TierSettings(cases=4)
    for shown in ("none", "predicted", "true", "shuffled"):
        found = sample_of(1, cases, Arm(anatomy=shown), settings)
        np.testing.assert_array_equal(found.taught, cases[1].anatomy("predicted"))
        assert found.form == ("none" if shown == "none" else "groups")
        assert found.image().shape[0] == (2 if shown == "none" else 15)
    np.testing.assert_array_equal(sample_of(1, cases, Arm(anatomy="true"), settings).shown, cases[1].anatomy("true"))
    shuffled = sample_of(1, cases, Arm(anatomy="shuffled"), settings).shown
    again = sample_of(1, cases, Arm(anatomy="shuffled"), settings).shown
    np.testing.assert_array_equal(shuffled, again)
    histograms = [np.bincount(other.anatomy("predicted").ravel(), minlength=256) for other in cases]
    same = [np.array_equal(np.bincount(shuffled.ravel(), minlength=256), one) for one in histograms]
    assert sum(same) == 1
    assert not same[1]


def test_a_misplaced_map_holds_the_same_voxels_elsewhere() -> None:
    ids = np.arange(8 * 12 * 16, dtype=np.int64).reshape(8, 12, 16).astype(np.uint8)
    moved = misplaced(ids, np.random.default_rng(0), ids.shape)
    np.testing.assert_array_equal(np.sort(moved, axis=None), np.sort(ids, axis=None))
    assert (moved == ids).mean() < 0.05


def test_a_misplaced_map_of_another_shape_is_cut_and_filled_around_its_middle() -> None:
    ids = np.ones((8, 12, 16), np.uint8)
    moved = misplaced(ids, np.random.default_rng(0), (10, 12, 10))
    assert moved.shape == (10, 12, 10)
    assert moved[1:9].all()
    assert not moved[[0, 9]].any()


def test_labels_are_shuffled_between_patients() -> None:
    """Of five cases three are of A: whichever is drawn, A sees B's or C's; where there is one patient only, its own."""
    patients = ["A", "A", "B", "A", "C"]
    rng = np.random.default_rng(0)
    for number, whose in enumerate(patients):
        assert whose not in {patients[another(number, patients, rng)] for _ in range(40)}
    assert another(0, ["A", "A"], rng) == 1


def test_scores_of_one_lesion_found_one_missed_and_one_invented() -> None:
    grid = Grid((12, 6, 6), np.diag([10.0, 10.0, 10.0, 1.0]))  # a voxel is 1 ml
    reference, prediction = np.zeros((12, 6, 6), np.bool_), np.zeros((12, 6, 6), np.bool_)
    reference[0:2, 0:2, 0] = True  # 4 ml, of which 2 are found
    prediction[0:2, 0, 0] = True
    reference[6:8, 0:3, 0] = True  # 6 ml, missed
    prediction[10, 4:6, 4] = True  # 2 ml, invented
    found = scored(reference, prediction, grid)
    assert found["dice"] == pytest.approx(2 * 2 / (10 + 4))
    assert found["cc_dice"] == pytest.approx((2 * 2 / (4 + 2) + 0.0) / 2)
    assert (found["fpv_ml"], found["fnv_ml"]) == pytest.approx((2.0, 6.0))
    healthy = scored(np.zeros_like(reference), prediction, grid)
    assert healthy["dice"] is None
    assert healthy["fpv_ml"] == pytest.approx(4.0)


# Findings


def split_of(values: dict[str, float], fpv: float = 1.0) -> dict[str, dict[str, float | None]]:
    return {name: {"dice": dice, "cc_dice": dice, "fpv_ml": fpv, "fnv_ml": 1.0} for name, dice in values.items()}


CASES = [f"case_{number}" for number in range(12)]
ARMS = {
    "baseline": Arm(),
    "anatomy": Arm(anatomy="predicted", control="anatomy_shuffled"),
    "anatomy_shuffled": Arm(anatomy="shuffled"),
}


def scores_with(gain: float, control_gain: float) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    base = dict(zip(CASES, rng.uniform(0.2, 0.8, len(CASES)), strict=True))
    noise = dict(zip(CASES, rng.normal(0, 0.01, len(CASES)), strict=True))
    return {
        "baseline": [split_of(base)],
        "anatomy": [split_of({name: base[name] + gain + noise[name] for name in CASES}, fpv=0.5)],
        "anatomy_shuffled": [split_of({name: base[name] + control_gain - noise[name] for name in CASES}, fpv=2.0)],
    }


def found_with(gain: float, control_gain: float) -> Any:
    return findings.summary(ARMS, scores_with(gain, control_gain), Statistics(resamples=500))


def test_an_arm_beats_its_reference_only_where_its_control_does_not() -> None:
    assert found_with(0.2, 0.0)["anatomy"]["beats_reference"]
    assert not found_with(0.2, 0.1)["anatomy"]["beats_reference"]
    assert not found_with(0.001, 0.0)["anatomy"]["beats_reference"]
    assert not found_with(-0.2, 0.0)["anatomy"]["beats_reference"]
    assert not found_with(0.2, 0.0)["baseline"]["beats_reference"]


def test_no_arm_beats_its_reference_without_its_control() -> None:
    """The `ci` tier has GRASP, but not the encoder that nothing trained."""
    scores = scores_with(0.2, 0.0)
    arms = {**ARMS, "grasp_mirror": read_plan("ci").arms["grasp_mirror"]}
    scores["grasp_mirror"] = [split_of({name: found["dice"] + 0.1 for name, found in scores["anatomy"][0].items()})]
    found = findings.summary(arms, scores, Statistics(resamples=500))
    assert found["grasp_mirror"]["vs_reference"]["low"] > 0.09
    assert not found["grasp_mirror"]["beats_reference"]
    assert found["grasp_mirror"]["not_evaluable"] == "control grasp_random was not run"
    assert found["anatomy"]["beats_reference"]
    assert "not_evaluable" not in found["anatomy"]
    lines = StringIO()
    petct_phantom._print("3D U-Net", found, Console(no_progress, result_stream=lines))
    told = {line.split()[0]: line for line in lines.getvalue().splitlines()}
    assert told["grasp_mirror"].endswith("beats anatomy? not evaluable: control grasp_random was not run")
    assert told["anatomy"].endswith("beats baseline")
    assert "beats" not in told["anatomy_shuffled"]
    lost = {**scores, "grasp_mirror": scores["baseline"]}  # what gains nothing needs no control
    assert "not_evaluable" not in findings.summary(arms, lost, Statistics(resamples=500))["grasp_mirror"]


def test_a_control_without_an_interval_proves_nothing() -> None:
    gain = {"mean": 0.1, "low": 0.05, "high": 0.2}
    nobody = {"mean": None, "low": None, "high": None}
    arm = Arm(control="baseline_matched")
    for control, beats in ((gain, False), ({"mean": 0.0, "low": -0.1, "high": 0.1}, True), (nobody, False)):
        told = findings.verdict("a", arm, {"a": {"vs_reference": gain}, "baseline_matched": {"vs_reference": control}})
        assert told["beats_reference"] is beats
        assert ("not_evaluable" in told) == (control is nobody)


def test_arms_that_learn_organs_are_held_against_a_baseline_of_more_weights() -> None:
    """What else learns beside the lesions has weights that the baseline lacks."""
    arms = read_plan(
        "cpu", {"arms": ["baseline", "baseline_matched", "multi_task_0.9", "multi_class_patch", "resenc_organs"]}
    ).arms
    assert {arm.control for name, arm in arms.items() if name.startswith(("multi", "resenc"))} == {"baseline_matched"}


def test_arms_that_a_backbone_cannot_take_are_named_with_the_reason() -> None:
    segresnet = {"name": "S", "mirror": "dap-demo", "backbone": {"architecture": "SegResNet", "arguments": {}}}
    plan = read_plan("cpu", {"arms": ["baseline", "baseline_matched", "grasp_mixture", "resenc_organs", "anatomy"],
                             "contenders": [segresnet]})  # fmt: skip
    assert list(plan.arms_of(plan.settings.contenders[0])) == ["baseline", "anatomy"]
    assert plan.left_out() == [
        "S: baseline_matched, resenc_organs not run: they widen our U-Net or make it residual, and this is none.",
        "S: grasp_mixture not run: the settings name no encoder of another architecture as its mixture.",
    ]


def test_differences_are_paired_by_case_and_ranks_are_means_over_four_metrics() -> None:
    found = found_with(0.2, -0.1)
    gain = found["anatomy"]["vs_baseline"]
    assert gain["mean"] == pytest.approx(0.2, abs=0.01)
    assert gain["high"] - gain["low"] < 0.03  # unpaired, it would be ten times as wide
    assert found["baseline"]["vs_baseline"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert found["anatomy"]["average_rank"] == pytest.approx((1 + 1 + 1 + 2) / 4)
    assert found["anatomy_shuffled"]["average_rank"] == pytest.approx((3 + 3 + 3 + 2) / 4)


def test_a_case_counts_once_however_many_splits_predicted_it() -> None:
    splits = [split_of({"a": 0.2, "b": 0.4}), split_of({"a": 0.6})]
    assert findings.by_case(splits, "dice") == {"a": pytest.approx(0.4), "b": 0.4}


def test_rules_hold_or_fail_as_they_say() -> None:
    found = found_with(0.2, 0.0)
    rules = [
        Rule("gains_at_least", "anatomy", least=0.1),
        Rule("gains_at_least", "anatomy", least=0.3),
        Rule("gains_less_than_share", "anatomy_shuffled", of="anatomy", share=0.5),
        Rule("gains_less_than_share", "anatomy", of="anatomy", share=0.5),
        Rule("interval_above_0", "anatomy"),
        Rule("interval_above_0", "anatomy_shuffled"),
        Rule("interval_holds_0", "anatomy_shuffled"),
        Rule("interval_holds_0", "anatomy"),
        Rule("interval_above_0", "not_run"),
    ]
    held = [row["holds"] for row in findings.judged(rules, found)]
    assert held == [True, False, True, False, True, False, True, False, None]


def test_the_written_plan_has_controls_and_references_that_there_are() -> None:
    for tier in ("ci", "cpu", "gpu"):
        plan = read_plan(tier)
        every = read_plan(tier, {"arms": list(read_all_arms())}).arms
        for arm in plan.arms.values():
            for name in (arm.reference, arm.control, arm.same_training_as):
                assert not name or name in every
        assert {rule.arm for rule in plan.rules} <= set(plan.arms)
        assert [name for name, arm in every.items() if arm.anatomy == "true"] == ["anatomy_oracle"]


@pytest.mark.parametrize("name", ["petct_rivals", "petct_own_mirror", "petct_segresnet", "petct_mednext"])
def test_settings_beside_the_tiers_run_the_control_of_every_arm(name: str) -> None:
    benchmarks = Path(__file__).parents[3] / "Testing" / "benchmarks"
    arms = read_plan("cpu", read_settings(benchmarks / f"{name}.json")).arms
    assert {arm.control for arm in arms.values() if arm.control} <= set(arms)


def read_all_arms() -> list[str]:
    import json

    from PathologySegLib.learning.plan import FILE

    return list(json.loads(FILE.read_text(encoding="utf-8"))["arms"])


@pytest.mark.parametrize(
    "settings",
    [
        {"arms": ["other"]},
        {"arms": ["anatomy"]},
        {"arms": ["baseline", "grasp_mirror_kept"]},
        {"splits": 0},
        {"training_share": 1.0},
        {"unknown": 1},
        {"form": 3},
        {"form": "scaler"},
        {"prior": 1.5},
        {"overlap": 1.0},
        {"training_cases": -3},
        {"sampling": {"gain": -1.0}},
    ],
)
def test_settings_that_cannot_be_compared_with_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        read_plan("ci", settings)


@pytest.mark.parametrize("change", [{"form": "scaler"}, {"prior": 1.0}, {"prior": -0.1}, {"split": -1}])
def test_recipes_that_cannot_be_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(change)) if "form" not in change else "'scaler'"):
        with_settings(GraspRecipe(), change)


@pytest.mark.parametrize(
    "change",
    [
        {"anatomy": "x"},
        {"fusion": "x"},
        {"objective": "x"},
        {"start": "x"},
        {"alpha": 2.0},
        {"steps": -1.0},
        {"rate": 0.0},
    ],
)
def test_arms_that_cannot_be_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Arm(**change)

"""Training from box to mask: examples that repeat, clicks where the first pass was wrong, a training that resumes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.models import find_model, model_names
from AnatomyGuidedLib.progress import no_progress
from AnatomyGuidedLib.study_options import read_settings, with_settings
from AnatomyGuidedLib.train_command import TrainingOrder, recipe_file
from LIMISLib.box import Box
from LIMISLib.prompt import Click, Prompt
from LIMISLib.segmenters.crop import crop_around
from LIMISLib.training import box2mask
from LIMISLib.training.bends import Bend, BendSettings, drawn_bend
from LIMISLib.training.box2mask import Box2MaskRecipe
from LIMISLib.training.slice_examples import SliceExamples, SliceSettings, _at_least_a_pixel

torch = pytest.importorskip("torch")

from LIMISLib.segmenters.scribbleprompt import scribbleprompt  # noqa: E402
from LIMISLib.training.interactive import Interactive, binary_dice_cross_entropy, put_clicks  # noqa: E402

torch.set_num_threads(1)

_SMALL = SliceSettings(side=32, spacing_mm=8.0, bodies=1, slices_per_body=1000)


@pytest.fixture(scope="module")
def examples():
    source = SliceExamples(_SMALL)
    return source, [source.example(number) for number in range(40)]


def test_an_example_is_the_same_whoever_makes_it_and_in_whatever_order(examples):
    _, made = examples
    image, mask = SliceExamples(_SMALL).example(7)
    assert np.array_equal(image, made[7][0])
    assert np.array_equal(mask, made[7][1])
    assert not np.array_equal(made[7][0], made[8][0])


def test_examples_hold_what_the_network_and_the_clicks_need(examples):
    _, made = examples
    for image, mask in made:
        assert (image.shape, image.dtype, mask.dtype) == ((7, 32, 32), np.float32, np.int64)
        assert image[0].min() >= 0
        assert image[0].max() <= 1
        assert set(np.unique(image[1])) == {0.0, 1.0}
        assert not image[2:5].any()
        assert np.array_equal(image[5], mask)
    clicked = [image[6].max() for image, _ in made if image[6].any()]
    assert 0.2 < len(clicked) / len(made) < 0.65
    assert {round(3 * highest) for highest in clicked} == {1, 2, 3}


def test_boxes_hold_most_of_the_structure_and_are_off_on_all_sides(examples):
    _, made = examples
    within = [mask[image[1] > 0].sum() / mask.sum() for image, mask in made if mask.any()]
    assert np.mean(within) > 0.9
    assert min(within) < 1.0
    larger = [(image[1] > 0).sum() / mask.sum() for image, mask in made if mask.any()]
    assert np.median(larger) > 1.5


def test_most_of_the_drawn_structures_are_limis_organs_where_that_is_asked_for():
    body = SliceExamples(SliceSettings(spacing_mm=8.0, organs=1.0))
    known, rng = body._body(0), np.random.default_rng(0)
    from AnatomyGuidedLib.labels import label_by_id
    from LIMISLib.limis_organs import LIMIS_ORGANS

    assert {label_by_id(body._structure(known, rng)).name for _ in range(50)} <= set(LIMIS_ORGANS)
    anything = SliceExamples(SliceSettings(spacing_mm=8.0, organs=0.0))
    assert len({anything._structure(known, rng) for _ in range(300)}) > 80


def test_a_bend_without_turn_scale_and_shift_leaves_the_slice_where_it_is():
    crop = crop_around(Box(10, 20, 30, 40), pixel_mm=(2.0, 2.0), side=8, margin_share=0.0)
    still = drawn_bend(np.random.default_rng(0), BendSettings(0.0, 0.0, 0.0), about=crop)
    rows, columns = still.pixels_of(crop)
    assert rows[:, 0].tolist() == pytest.approx([20.75 + 2.5 * n for n in range(8)])  # 20 px over 8 cells: 2.5 px each
    assert columns[0].tolist() == pytest.approx([10.75 + 2.5 * n for n in range(8)])


def test_a_quarter_turn_goes_round_the_middle_of_the_crop():
    crop = crop_around(Box(0, 0, 10, 10), pixel_mm=(1.0, 1.0), side=10, margin_share=0.0)
    turn = Bend(np.array([[0.0, -1.0], [1.0, 0.0]]), np.zeros((2, 5, 5)), np.array([5.0, 5.0]), 10.0)
    rows, columns = turn.pixels_of(crop)
    assert (rows[0, 0], columns[0, 0]) == pytest.approx((9.0, 0.0))
    assert (rows[9, 0], columns[9, 0]) == pytest.approx((9.0, 9.0))


def test_clicks_go_where_the_first_pass_was_wrong_in_the_order_of_the_noise():
    shown = torch.zeros(5, 3, 3)
    shown[4] = torch.tensor([[5.0, -5, -5], [-5, -5, -5], [-5, -5, -5]])  # it found the first pixel alone
    structure = torch.zeros(3, 3, dtype=torch.bool)
    structure[1] = True
    noise = torch.tensor([[0.5, 0.6, 0.1], [0.2, 0.55, 0.4], [0.1, 0.1, 0.1]])  # two clicks: 0.6 is at most 2 / 3
    put_clicks(shown, structure, noise)
    assert torch.nonzero(shown[2]).tolist() == [[1, 1]]
    assert torch.nonzero(shown[3]).tolist() == [[0, 0]]


def test_a_first_pass_without_errors_gets_no_clicks():
    shown = torch.full((5, 2, 2), 0.0)
    shown[4] = 5.0
    put_clicks(shown, torch.ones(2, 2, dtype=torch.bool), torch.ones(2, 2))
    assert not shown[2:4].any()


def test_only_examples_with_noise_are_shown_a_second_pass():
    class Kept(torch.nn.Module):
        def forward(self, shown):
            self.shown = shown
            return shown[:, :1] - 0.25

    network = Kept()
    example = torch.zeros(2, 7, 4, 4)
    example[1, 6] = 0.3
    example[1, 5, 2, 2] = 1.0  # the first pass says no everywhere, so that this pixel is wrong
    logits = Interactive(network)(example)
    assert logits.shape == (2, 1, 4, 4)
    assert not network.shown[0].any()
    assert (network.shown[1, 4] == -0.25).all()
    assert torch.nonzero(network.shown[1, 2]).tolist() == [[2, 2]]
    assert not example[1, 2].any()


def test_the_loss_by_hand():
    logits = torch.zeros(1, 1, 1, 4)  # a half everywhere
    loss = binary_dice_cross_entropy(logits, torch.tensor([[[1, 1, 0, 0]]]))
    assert loss.item() == pytest.approx(np.log(2) + 1 - (2 * 1.0 + 1) / (2.0 + 2.0 + 1))


def test_the_committed_recipe_is_the_bundled_models():
    recipe = with_settings(Box2MaskRecipe(), read_settings(recipe_file("box2mask-demo")))
    model = find_model("box2mask-demo")
    card = json.loads((model.folder / "model.json").read_text())
    assert tuple(card["network"]["arguments"]["features"]) == recipe.features
    assert card["side"] == recipe.phases[-1].slices.side
    stored = with_settings(Box2MaskRecipe(), read_settings(model.folder / "recipe.json"))
    assert stored == recipe
    assert (model.folder / "weights.safetensors").stat().st_size < 4_000_000


def test_the_atlas_neither_lists_nor_takes_a_network_for_masks():
    from AnatomyGuidedLib.predictors.card import read_predictor

    assert "box2mask-demo" in model_names("limis")
    assert "box2mask-demo" not in model_names()
    with pytest.raises(AnatomyGuidedError, match="box2mask-demo is for limis"):
        read_predictor(find_model("box2mask-demo").folder)


def test_the_side_must_fit_the_levels():
    with pytest.raises(UsageError, match="multiple of 32"):
        with_settings(Box2MaskRecipe(), {"features": [4] * 5, "phases": [{"slices": {"side": 48}}]})
    with pytest.raises(UsageError, match="phases is empty"):
        with_settings(Box2MaskRecipe(), {"phases": []})


def _settings(steps: int) -> dict:
    slices = {"side": 16, "spacing_mm": 10.0, "bodies": 1, "slices_per_body": 50}
    training = {"steps": steps, "batch": 2, "warm_up_steps": 1, "schedule": "constant", "log_every_steps": 1}
    return {"features": [4, 4], "phases": [{"slices": slices, "training": training}]}


def test_a_training_that_was_stopped_ends_in_the_same_weights_and_its_model_makes_masks(tmp_path, run_command):
    (tmp_path / "long.json").write_text(json.dumps(_settings(4)))
    train = ("train", "box2mask", "--config")
    assert run_command(*train, tmp_path / "long.json", "-o", tmp_path / "whole")[0] == 0
    asked = iter(range(10**6))
    with pytest.raises(Cancelled):
        box2mask.run(
            TrainingOrder(_settings(4), tmp_path, tmp_path / "parts"), Console(no_progress, lambda: next(asked) == 2)
        )
    assert run_command(*train, tmp_path / "long.json", "-o", tmp_path / "parts")[0] == 2  # not empty
    (tmp_path / "other.json").write_text(json.dumps(_settings(5)))
    code, _, said = run_command(*train, tmp_path / "other.json", "-o", tmp_path / "parts", "--resume")
    assert (code, "begun with phases.1.training.steps 4, but now phases.1.training.steps is 5" in said) == (2, True)
    code, out, _ = run_command(*train, tmp_path / "long.json", "-o", tmp_path / "parts", "--resume")
    assert code == 0
    assert "parts: 4 steps" in out
    whole, parts = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "parts"))
    assert whole == parts
    log = (tmp_path / "parts" / "training" / "phase_1" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [1, 2, 3, 4]
    segmenter = scribbleprompt(str(tmp_path / "whole"))
    prompt = Prompt(Box(4, 4, 20, 20), (Click(9, 9, True),))
    found = segmenter.chances(np.zeros((30, 30), np.float32), prompt, pixel_mm=(1.0, 1.0))
    assert found[4:20, 4:20].min() > 0
    assert run_command(*train, tmp_path / "long.json", "-o", tmp_path / "v", "--version", "v1")[0] == 2


def test_a_narrow_box_is_never_shut():
    assert _at_least_a_pixel(1.1, -0.2, -0.2) == (0.0, 0.0)
    assert _at_least_a_pixel(4.0, -3.0, 1.0) == (-1.0, 1.0)
    assert _at_least_a_pixel(4.0, -3.0, -3.0) == (-1.0, -1.0)
    assert _at_least_a_pixel(2.0, 5.0, 7.0) == (5.0, 7.0)

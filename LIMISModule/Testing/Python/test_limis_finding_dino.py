"""Grounding DINO with LoRA on a tiny random model: what learns, what is merged, what resumes, which files are read."""

from __future__ import annotations

import csv
import json
import signal
from dataclasses import replace

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import write_labelmap, write_volume
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.study_options import read_settings, with_settings
from AnatomyGuidedLib.train_command import recipe_file
from LIMISLib.finding.augmentation import Augmentation
from LIMISLib.finding.dino_data import CaseSlices, Example, example, prepare, read_cases, read_slices
from LIMISLib.finding.dino_recipe import TABLE_8, Configuration, DinoRecipe
from LIMISLib.finding.frames import Frame
from LIMISLib.finding.intensities import Intensities
from LIMISLib.finding.organs import ORGANS

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("peft", reason="peft is not installed")

from LIMISLib.finding.dino_adaptation import Adaptation, relative_boxes  # noqa: E402
from LIMISLib.finding.dino_checkpoint import renamed  # noqa: E402
from LIMISLib.finding.dino_finder import GroundingDinoFinder  # noqa: E402
from LIMISLib.finding.dino_model import Dino, best_boxes, label_tokens, merged, read_dino, with_lora  # noqa: E402
from tiny_dino import write_tiny_dino  # noqa: E402

QUICK = Configuration(augmented=False, learning_rate=1e-2, added_labels=2)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_dino(tmp_path_factory.mktemp("dino"))


def changed(folder, *, seed=0):
    """The tiny model with LoRA."""
    dino = read_dino(folder)
    torch.manual_seed(seed)
    return Dino(with_lora(dino.network, rank=4, alpha=8), dino.tokenizer)


def shown(rng=None):  # noqa: ARG001 (it is called as what draws slices)
    """A slice with a bright liver and a dark spleen; always the same one."""
    image = np.random.default_rng(3).normal(0.0, 0.2, (64, 96)).astype(np.float32)
    image[10:40, 8:50] += 2.0
    image[30:50, 70:90] -= 2.0
    return Example(image, {"Liver": (8, 10, 50, 40), "Spleen": (70, 30, 90, 50)})


def weights(dino):
    return {name: value.detach().clone() for name, value in dino.network.state_dict().items()}


def adaptation(folder, steps):
    return Adaptation(changed(folder), DinoRecipe(steps=steps, batch=2, largest_gradient=1.0), QUICK)


def test_a_step_changes_only_lora_and_some_steps_lower_the_loss(folder):
    learning = adaptation(folder, 12)
    before = weights(learning.dino)
    losses = [learning.learn(shown)]
    after = weights(learning.dino)
    moved = {name for name in after if not torch.equal(before[name], after[name])}
    assert moved
    assert all("lora_" in name for name in moved)
    losses += [learning.learn(shown) for _ in range(11)]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])


def test_lora_is_in_the_layers_that_the_thesis_names_and_nowhere_else(folder):
    """One encoder layer with four linear parts in each of two attentions, two decoder layers with four."""
    learned = [name for name, value in changed(folder).network.named_parameters() if value.requires_grad]
    places = {name.removeprefix("base_model.model.model.").split(".lora_")[0] for name in learned}
    deformable = ("sampling_offsets", "attention_weights", "value_proj", "output_proj")
    plain = ("query", "key", "value", "out_proj")
    assert places == {
        *(f"encoder.layers.0.deformable_layer.self_attn.{name}" for name in deformable),
        *(f"encoder.layers.0.text_enhancer_layer.self_attn.{name}" for name in plain),
        *(f"decoder.layers.{layer}.self_attn.{name}" for layer in (0, 1) for name in plain),
    }


def test_the_merged_model_finds_what_the_unmerged_one_finds(folder):
    dino = changed(folder)
    plain = read_dino(folder)
    inputs = dino.inputs(shown().image[None], [ORGANS])
    with torch.no_grad():
        for name, value in dino.network.named_parameters():
            if "lora_B" in name:
                value.normal_(0.0, 0.1)
        dino.network.eval()
        before, without = dino.network(**inputs), plain.network(**inputs)
        after = merged(dino.network).eval()(**inputs)
    assert (before.pred_boxes - without.pred_boxes).abs().max() > 1e-3  # the changes do something
    assert torch.allclose(before.pred_boxes, after.pred_boxes, atol=1e-5)
    assert torch.allclose(before.logits.sigmoid(), after.logits.sigmoid(), atol=1e-5)


@pytest.mark.parametrize("stop", ["Ctrl-C", "no memory"])
def test_a_step_that_is_torn_is_not_done_twice(folder, tmp_path, monkeypatch, stop):
    """The stop comes after the weights of the second step moved and before it is counted; a state of one is there."""
    told = {"progress": lambda *_: None, "cancelled": lambda: False}
    whole, torn = adaptation(folder, 3), adaptation(folder, 3)
    torn.recipe = replace(torn.recipe, save_every_s=1e-9)
    whole.run(shown, tmp_path / "whole", **told)
    real, calls = torn.optimizer.step, iter(range(1, 100))

    def stopped():
        real()
        if next(calls) == 2:
            if stop == "no memory":
                raise MemoryError
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(torn.optimizer, "step", stopped)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background may ignore it
    try:
        with pytest.raises((KeyboardInterrupt, MemoryError)):
            torn.run(shown, tmp_path / "parts", **told)
    finally:
        signal.signal(signal.SIGINT, before)
    resumed = adaptation(folder, 3)
    resumed.run(shown, tmp_path / "parts", **told)
    for name, value in whole.learned.items():
        assert torch.equal(value, resumed.learned[name]), name


def test_a_resumed_training_ends_in_the_same_weights(folder, tmp_path):
    told = {"progress": lambda *_: None, "cancelled": lambda: False}
    whole = adaptation(folder, 4)
    whole.run(shown, tmp_path / "whole", **told)
    adaptation(folder, 2).run(shown, tmp_path / "parts", **told)
    second = adaptation(folder, 4)
    second.run(shown, tmp_path / "parts", **told)
    assert second.step == 4
    for name, value in whole.learned.items():
        assert torch.equal(value, second.learned[name]), name
    steps = [json.loads(line)["step"] for line in (tmp_path / "parts" / "log.jsonl").read_text().splitlines()]
    assert steps == [2, 4]


def test_the_labels_of_a_prompt_are_where_their_tokens_are(folder):
    dino = read_dino(folder)
    inputs = dino.inputs(np.zeros((2, 64, 96), np.float32), [["Kidney Left", "Liver"], ["Spleen", "Colon"]])
    words = [
        [dino.tokenizer.decode(ids[places]).replace(" ", "") for places in label_tokens(ids.tolist())]
        for ids in inputs["input_ids"]
    ]
    assert words == [["kidneyleft", "liver"], ["spleen", "colon"]]


def test_the_surest_query_of_each_label_gives_its_box_in_pixels():
    """Two queries, tokens [CLS] a . b c . [SEP]: the second query is surest of "a", the first of "b c"."""

    class Outputs:
        logits = torch.tensor([[[-9.0, -2.0, -9, 3.0, 1.0, -9, -9], [-9.0, 2.0, -9, 4.0, -4.0, -9, -9]]])
        pred_boxes = torch.tensor([[[0.5, 0.5, 0.2, 0.4], [0.25, 0.5, 0.5, 1.0]]])

    tokens = torch.tensor([[101, 7, 1012, 8, 9, 1012, 102]])
    chances, boxes = best_boxes(Outputs, tokens, (50, 100))
    sigmoid = lambda value: 1 / (1 + np.exp(-value))  # noqa: E731
    np.testing.assert_allclose(chances, [[sigmoid(2), (sigmoid(3) + sigmoid(1)) / 2]], rtol=1e-6)
    np.testing.assert_allclose(boxes, [[[0, 0, 50, 50], [40, 15, 60, 35]]], atol=1e-4)


def test_boxes_are_told_as_middle_and_size_of_the_whole_image():
    found = relative_boxes(Example(np.zeros((50, 100), np.float32), {"Liver": (40, 15, 60, 35)}), torch.device("cpu"))
    assert found.tolist() == [pytest.approx([0.5, 0.5, 0.2, 0.4])]


def test_the_configurations_are_those_of_table_8():
    rows = {1: (True, 1e-4, 8), 2: (True, 1e-4, 2), 3: (False, 1e-4, 8), 4: (False, 1e-4, 2), 5: (True, 1e-5, 2)}
    assert {n: (c.augmented, c.learning_rate, c.added_labels) for n, c in TABLE_8.items()} == rows
    with pytest.raises(UsageError, match=r"\(1 to 5\) were expected"):
        DinoRecipe(configurations=(6,))


def test_the_committed_recipe_runs_all_five_with_the_thesis_batch_and_augmentation():
    recipe = with_settings(DinoRecipe(), read_settings(recipe_file("lang2box-table8")))
    assert recipe.configurations == (1, 2, 3, 4, 5)
    assert recipe.batch == 192
    assert recipe.augmentation == Augmentation(probability=0.1, turn_degrees=10.3, shift_px=10.0, scale=0.1)


# As IDEA-Research's GroundingDINO names its weights, for one layer of each kind; beside it transformers' name.
ORIGINAL = {
    "backbone.0.patch_embed.proj.weight": "@.embeddings.patch_embeddings.projection.weight",
    "backbone.0.patch_embed.norm.bias": "@.embeddings.norm.bias",
    "backbone.0.layers.1.blocks.0.norm1.weight": "@.encoder.layers.1.blocks.0.layernorm_before.weight",
    "backbone.0.layers.1.blocks.0.norm2.weight": "@.encoder.layers.1.blocks.0.layernorm_after.weight",
    "backbone.0.layers.1.blocks.0.attn.relative_position_bias_table":
        "@.encoder.layers.1.blocks.0.attention.relative_position_bias.relative_position_bias_table",
    "backbone.0.layers.1.blocks.0.attn.proj.bias": "@.encoder.layers.1.blocks.0.attention.o_proj.bias",
    "backbone.0.layers.1.blocks.0.mlp.fc1.weight": "@.encoder.layers.1.blocks.0.mlp.fc1.weight",
    "backbone.0.layers.0.downsample.reduction.weight": "@.encoder.layers.0.downsample.reduction.weight",
    "backbone.0.layers.0.downsample.norm.weight": "@.encoder.layers.0.downsample.norm.weight",
    "backbone.0.norm1.weight": "model.backbone.conv_encoder.model.hidden_states_norms.stage2.weight",
    "backbone.0.norm3.bias": "model.backbone.conv_encoder.model.hidden_states_norms.stage4.bias",
    "transformer.encoder.layers.0.self_attn.sampling_offsets.weight":
        "model.encoder.layers.0.deformable_layer.self_attn.sampling_offsets.weight",
    "transformer.encoder.layers.0.norm1.weight": "model.encoder.layers.0.deformable_layer.self_attn_layer_norm.weight",
    "transformer.encoder.layers.0.linear2.weight": "model.encoder.layers.0.deformable_layer.fc2.weight",
    "transformer.encoder.layers.0.norm2.bias": "model.encoder.layers.0.deformable_layer.final_layer_norm.bias",
    "transformer.encoder.text_layers.0.self_attn.out_proj.weight":
        "model.encoder.layers.0.text_enhancer_layer.self_attn.out_proj.weight",
    "transformer.encoder.text_layers.0.linear1.bias": "model.encoder.layers.0.text_enhancer_layer.fc1.bias",
    "transformer.encoder.text_layers.0.norm2.weight":
        "model.encoder.layers.0.text_enhancer_layer.layer_norm_after.weight",
    "transformer.encoder.fusion_layers.0.gamma_v": "model.encoder.layers.0.fusion_layer.vision_param",
    "transformer.encoder.fusion_layers.0.layer_norm_l.weight":
        "model.encoder.layers.0.fusion_layer.layer_norm_text.weight",
    "transformer.encoder.fusion_layers.0.attn.values_v_proj.weight":
        "model.encoder.layers.0.fusion_layer.attn.values_vision_proj.weight",
    "transformer.encoder.fusion_layers.0.attn.out_l_proj.bias":
        "model.encoder.layers.0.fusion_layer.attn.out_text_proj.bias",
    "transformer.decoder.layers.1.cross_attn.value_proj.weight":
        "model.decoder.layers.1.encoder_attn.value_proj.weight",
    "transformer.decoder.layers.1.norm1.weight": "model.decoder.layers.1.encoder_attn_layer_norm.weight",
    "transformer.decoder.layers.1.ca_text.out_proj.bias": "model.decoder.layers.1.encoder_attn_text.out_proj.bias",
    "transformer.decoder.layers.1.catext_norm.weight": "model.decoder.layers.1.encoder_attn_text_layer_norm.weight",
    "transformer.decoder.layers.1.self_attn.out_proj.weight": "model.decoder.layers.1.self_attn.out_proj.weight",
    "transformer.decoder.layers.1.norm2.bias": "model.decoder.layers.1.self_attn_layer_norm.bias",
    "transformer.decoder.layers.1.linear1.weight": "model.decoder.layers.1.fc1.weight",
    "transformer.decoder.layers.1.norm3.weight": "model.decoder.layers.1.final_layer_norm.weight",
    "transformer.decoder.norm.weight": "model.decoder.layer_norm.weight",
    "transformer.decoder.ref_point_head.layers.0.weight": "model.decoder.reference_points_head.layers.0.weight",
    "transformer.decoder.bbox_embed.0.layers.2.bias": "model.decoder.bbox_embed.0.layers.2.bias",
    "transformer.enc_output.weight": "model.enc_output.weight",
    "transformer.enc_output_norm.bias": "model.enc_output_norm.bias",
    "transformer.enc_out_bbox_embed.layers.1.weight": "model.encoder_output_bbox_embed.layers.1.weight",
    "transformer.level_embed": "model.level_embed",
    "transformer.tgt_embed.weight": "model.query_position_embeddings.weight",
    "bert.embeddings.word_embeddings.weight": "model.text_backbone.embeddings.word_embeddings.weight",
    "bert.encoder.layer.0.attention.self.query.bias": "model.text_backbone.encoder.layer.0.attention.self.query.bias",
    "input_proj.3.0.weight": "model.input_proj_vision.3.0.weight",
    "feat_map.weight": "model.text_projection.weight",
    "bbox_embed.0.layers.1.weight": "bbox_embed.0.layers.1.weight",
}  # fmt: skip
JOINED = {
    "backbone.0.layers.1.blocks.0.attn.qkv.weight":
        [f"@.encoder.layers.1.blocks.0.attention.{part}_proj.weight" for part in "qkv"],
    "transformer.encoder.text_layers.0.self_attn.in_proj_bias":
        [f"model.encoder.layers.0.text_enhancer_layer.self_attn.{part}.bias" for part in ("query", "key", "value")],
    "transformer.decoder.layers.0.ca_text.in_proj_weight":
        [f"model.decoder.layers.0.encoder_attn_text.{part}.weight" for part in ("query", "key", "value")],
    "transformer.decoder.layers.0.self_attn.in_proj_weight":
        [f"model.decoder.layers.0.self_attn.{part}.weight" for part in ("query", "key", "value")],
}  # fmt: skip
SWIN = "model.backbone.conv_encoder.model.swin"


def test_original_names_become_those_of_transformers_with_the_same_shapes(folder):
    ours = read_dino(folder).network.state_dict()
    for original, name in ORIGINAL.items():
        found = dict(renamed({original: torch.zeros(1)}))
        assert list(found) == [name.replace("@", SWIN)]
        assert name.replace("@", SWIN) in ours
    for original, names in JOINED.items():
        parts = [ours[name.replace("@", SWIN)] for name in names]
        found = dict(renamed({original: torch.cat(parts)}))
        assert list(found) == [name.replace("@", SWIN) for name in names]
        assert all(torch.equal(value, part) for value, part in zip(found.values(), parts, strict=True))
    assert dict(renamed({"label_enc.weight": torch.zeros(1), "bert.pooler.dense.bias": torch.zeros(1)})) == {}


def _with(ends, *names):
    return [f"{name}.{end}" for name in names for end in ends]


def original_names():
    """All weights of a checkpoint of the tiny model's size, as the original's modules are called."""
    both = ("weight", "bias")
    names = _with(both, "backbone.0.patch_embed.proj", "backbone.0.patch_embed.norm", "feat_map")
    names += _with(both, *(f"backbone.0.norm{number}" for number in (1, 2, 3)))
    for stage in range(4):
        block = f"backbone.0.layers.{stage}.blocks.0"
        names += _with(both, *(f"{block}.{part}" for part in ("norm1", "norm2", "attn.qkv", "attn.proj", "mlp.fc1",
                                                              "mlp.fc2")))  # fmt: skip
        names.append(f"{block}.attn.relative_position_bias_table")
        if stage < 3:
            names += [f"backbone.0.layers.{stage}.downsample.reduction.weight"]
            names += _with(both, f"backbone.0.layers.{stage}.downsample.norm")
        names += _with(both, f"input_proj.{stage}.0", f"input_proj.{stage}.1")
    deformable = ("sampling_offsets", "attention_weights", "value_proj", "output_proj")
    encoder, text, fusion = (f"transformer.encoder.{kind}.0" for kind in ("layers", "text_layers", "fusion_layers"))
    names += _with(both, *(f"{encoder}.self_attn.{part}" for part in deformable))
    ends = ("norm1", "norm2", "linear1", "linear2")
    names += _with(both, *(f"{layer}.{part}" for layer in (encoder, text) for part in ends))
    names += [f"{text}.self_attn.in_proj_{end}" for end in both] + _with(both, f"{text}.self_attn.out_proj")
    names += [f"{fusion}.gamma_v", f"{fusion}.gamma_l"]
    parts = ("v_proj", "l_proj", "values_v_proj", "values_l_proj", "out_v_proj", "out_l_proj")
    names += _with(both, f"{fusion}.layer_norm_v", f"{fusion}.layer_norm_l", *(f"{fusion}.attn.{p}" for p in parts))
    for number in range(2):
        layer = f"transformer.decoder.layers.{number}"
        names += _with(both, *(f"{layer}.cross_attn.{part}" for part in deformable))
        names += _with(both, *(f"{layer}.{part}" for part in (*ends, "norm3", "catext_norm")))
        for attention in ("ca_text", "self_attn"):
            names += [f"{layer}.{attention}.in_proj_{end}" for end in both]
            names += _with(both, f"{layer}.{attention}.out_proj")
        names += _with(both, f"transformer.decoder.ref_point_head.layers.{number}")
    heads = ("bbox_embed.0", "bbox_embed.1")
    heads = (*heads, *(f"transformer.decoder.{head}" for head in heads), "transformer.enc_out_bbox_embed")
    names += _with(both, *(f"{head}.layers.{number}" for head in heads for number in range(3)))
    names += _with(both, "transformer.decoder.norm", "transformer.enc_output", "transformer.enc_output_norm")
    return [*names, "transformer.level_embed", "transformer.tgt_embed.weight"]


def write_original(folder, target, *, without=(), extra=None):
    """A folder with the tiny model's config and vocabulary, and its weights as an original checkpoint."""
    ours = read_dino(folder).network.state_dict()
    names = original_names()
    names += [name.replace("model.text_backbone", "bert") for name in ours if "text_backbone" in name]
    weights = {
        name: torch.cat([ours[part] for part in parts]) if len(parts) > 1 else ours[parts[0]]
        for name in names
        if name not in without
        for parts in [list(dict(renamed({name: torch.zeros(3)})))]
    }
    target.mkdir()
    for path in folder.iterdir():
        if path.suffix != ".safetensors":
            (target / path.name).write_bytes(path.read_bytes())
    training_only = {"label_enc.weight": torch.zeros(3), "bert.pooler.dense.bias": torch.zeros(3)}
    stored = {f"module.{name}": value for name, value in (weights | training_only | (extra or {})).items()}
    torch.save({"model": stored}, target / "groundingdino.pth")
    return target


def test_an_original_checkpoint_gives_the_same_boxes(folder, tmp_path):
    original = read_dino(write_original(folder, tmp_path / "original"))
    ours = read_dino(folder)
    inputs = ours.inputs(shown().image[None], [ORGANS])
    with torch.no_grad():
        one, other = ours.network(**inputs), original.network(**inputs)
    assert torch.allclose(one.pred_boxes, other.pred_boxes, atol=1e-6)
    assert torch.allclose(one.logits.sigmoid(), other.logits.sigmoid(), atol=1e-6)


def test_a_checkpoint_that_lacks_a_weight_or_has_a_strange_one_is_refused(folder, tmp_path):
    lacking = write_original(folder, tmp_path / "lacking", without=("transformer.enc_output.weight",))
    with pytest.raises(AnatomyGuidedError, match=r"it lacks the weight model\.enc_output\.weight"):
        read_dino(lacking)
    strange = write_original(folder, tmp_path / "strange", extra={"adapter.weight": torch.zeros(2)})
    with pytest.raises(AnatomyGuidedError, match=r"has beside it the weight adapter\.weight"):
        read_dino(strange)
    other = write_original(folder, tmp_path / "other", extra={"feat_map.weight": torch.zeros(5, 5)})
    with pytest.raises(AnatomyGuidedError, match="of another size than"):
        read_dino(other)


class Harmful:
    def __reduce__(self):
        return (print, ("executed",))


def test_a_checkpoint_that_would_execute_something_is_refused(folder, tmp_path, capsys):
    target = write_original(folder, tmp_path / "harmful")
    torch.save({"model": {}, "args": Harmful()}, target / "groundingdino.pth")
    with pytest.raises(AnatomyGuidedError, match="would execute what somebody else wrote"):
        read_dino(target)
    assert "executed" not in capsys.readouterr().out


def test_a_folder_that_is_no_model_says_what_was_expected(tmp_path):
    with pytest.raises(AnatomyGuidedError, match=r"expected were config\.json, weights, and BERT's vocabulary"):
        read_dino(tmp_path)
    image = Volume(np.zeros((4, 4, 2), np.float32), Grid((4, 4, 2), np.eye(4)), "HU")
    with pytest.raises(AnatomyGuidedError, match="There is no folder nowhere"):
        GroundingDinoFinder(image, tmp_path / "nowhere")


def made_case(rng):
    """A small CT and its labels: a body with a bright liver at the patient's right and a spleen at the left."""
    labels = np.zeros((24, 20, 5), np.uint8)
    low = rng.integers(0, 3, 2)
    labels[12 + low[0] : 20, 6:14, 1:4] = id_of("Liver")
    labels[4 : 8 + low[1], 6:12, 2:5] = id_of("Spleen")
    hu = np.where(labels == id_of("Liver"), 120.0, np.where(labels > 0, 60.0, 0.0)) + rng.normal(0, 9, labels.shape)
    hu[:2], hu[-2:] = -1000.0, -1000.0
    grid = Grid(labels.shape, np.diag([4.0, 4.0, 6.0, 1.0]))
    return Volume(hu.astype(np.float32), grid, "HU"), Labelmap(labels, grid)


def test_prepared_slices_show_the_right_organ_at_the_left_and_keep_their_boxes(tmp_path):
    prepare(*made_case(np.random.default_rng(0)), Frame((32, 32), 4.0), 6.0, tmp_path / "case")
    case = read_slices(tmp_path / "case")
    assert case.hu.shape == case.classes.shape == (4, 32, 32)
    found = example(case, 2, Intensities(-100, 200, 0, 50), rng=np.random.default_rng(0))
    liver, spleen = found.boxes["Liver"], found.boxes["Spleen"]
    assert liver[2] <= spleen[0]  # the patient's right is at the left of the screen
    assert liver[3] - liver[1] == 8
    inside = found.image[liver[1] : liver[3], liver[0] : liver[2]]
    assert inside.mean() == pytest.approx(120 / 50, abs=0.1)


def test_an_augmented_box_is_around_the_augmented_structure():
    hu, classes = np.full((1, 40, 40), 0, np.int16), np.full((1, 40, 40), -1, np.int8)
    hu[0, 10:20, 8:26], classes[0, 10:20, 8:26] = 500, ORGANS.index("Liver")
    always = Augmentation(probability=1.0, shift_px=4.0)
    boxes = set()
    for seed in range(10):
        rng = np.random.default_rng(seed)
        found = example(CaseSlices(hu, classes), 0, Intensities(-1000, 1000, 0, 1), augmentation=always, rng=rng)
        rows, columns = np.nonzero(found.image > 250)
        left, top, right, bottom = found.boxes["Liver"]
        apart = np.array([left - columns.min(), top - rows.min(), right - columns.max() - 1, bottom - rows.max() - 1])
        assert np.abs(apart).max() <= 1
        boxes.add(found.boxes["Liver"])
    assert len(boxes) > 5


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Ten small cases of one data set, as files and a table, and a list of those that ScribblePrompt saw."""
    place, rng = tmp_path_factory.mktemp("cohort"), np.random.default_rng(5)
    with (place / "cohort.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("case", "dataset", "image", "labels"))
        for number in range(10):
            image, labels = made_case(rng)
            write_volume(image, place / f"ct_{number}.nii.gz")
            write_labelmap(labels, place / f"seg_{number}.nii.gz")
            table.writerow((f"case_{number}", "made", f"ct_{number}.nii.gz", f"seg_{number}.nii.gz"))
    (place / "seen.txt").write_text("".join(f"case_{number}\n" for number in range(8)))
    return place


def test_the_command_runs_the_ablation_and_leaves_a_model_that_finds(run_command, folder, cohort, tmp_path):
    settings = {
        "network": "grounding-dino", "model": str(folder), "cohort": "cohort.csv", "seen": "seen.txt",
        "configurations": [2, 4], "frame": {"shape": [64, 96], "pixel_mm": 2.0}, "slice_step_mm": 6.0, "steps": 1,
        "batch": 1, "rank": 2,
    }  # fmt: skip
    (cohort / "settings.json").write_text(json.dumps(settings))
    model, result = tmp_path / "model", tmp_path / "result.json"
    call = ("train", "lang2box", "--config", cohort / "settings.json", "-o", model, "--json", result)
    code, _, err = run_command(*call)
    assert (code, err) == (0, "")
    rows = json.loads(result.read_text())["table_8"]
    assert [(row["configuration"], row["augmented"], row["added_labels"]) for row in rows] == [
        (2, True, 2),
        (4, False, 2),
    ]
    split = json.loads((model / "split.json").read_text())
    assert set(split["validation"]) | set(split["test"]) == {"case_8", "case_9"}
    assert run_command(*call)[0] == 2  # the folder is not empty
    (cohort / "settings.json").write_text(json.dumps(settings | {"steps": 2}))
    code, _, err = run_command(*call, "--resume")
    assert (code, "begun with steps 1, but now steps is 2" in err) == (2, True)
    (cohort / "settings.json").write_text(json.dumps(settings | {"configurations": [2]}))  # each learns by itself
    assert run_command(*call, "--resume")[0] == 0
    finder = GroundingDinoFinder(made_case(np.random.default_rng(1))[0], model, least=0.0)
    found = finder.find("Liver", 3)
    assert found.finder == "Grounding DINO (model)"
    assert 0.0 <= found.confidence <= 1.0


def test_bad_cohorts_and_settings_are_refused_with_a_reason(run_command, tmp_path):
    (tmp_path / "empty.csv").write_text("case,dataset\n")
    with pytest.raises(AnatomyGuidedError, match="needs rows, and the columns case, dataset, image, labels"):
        read_cases(tmp_path / "empty.csv")
    with pytest.raises(AnatomyGuidedError, match="cannot be read"):
        read_cases(tmp_path / "none.csv")
    for settings, words in (
        ({"network": "grounding-dino"}, "lack the model"),
        ({"network": "yolo"}, "one of small, grounding-dino was expected"),
        ({"network": "grounding-dino", "model": "x", "configurations": [9]}, "numbers of Table 8"),
    ):
        (tmp_path / "s.json").write_text(json.dumps(settings))
        code, _, err = run_command("train", "lang2box", "--config", tmp_path / "s.json", "-o", tmp_path / "out")
        assert (code, words in err) == (2, True), err
    code, _, err = run_command(
        "train", "lang2box", "--config", "lang2box-demo", "-o", tmp_path / "o", "--version", "v1"
    )
    assert (code, "has no --version" in err) == (2, True)

"""SAM's family through transformers: prompts reach the model as they should, and its probabilities the slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from LIMISLib.box import Box
from LIMISLib.prompt import Click, Prompt, Window
from LIMISLib.segmenters.crop import crop_around
from LIMISLib.segmenters.sam import medsam, sam, scribbleprompt_sam
from LIMISLib.segmenters.sam_weights import config_of, sha256_of_place, transformers_names

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

torch.set_num_threads(1)

_MM = (1.0, 1.0)
_SIDE = 64
_BOX = Box(10, 12, 42, 44)
_WINDOW = Window(0, 200)


@pytest.fixture(scope="module")
def tiny():
    """A SAM of random weights that is small in every way."""
    torch.manual_seed(0)
    config = transformers.SamConfig(
        vision_config={
            **{"hidden_size": 16, "output_channels": 32, "num_hidden_layers": 2, "num_attention_heads": 2},
            **{"image_size": _SIDE, "patch_size": 16, "window_size": 2, "global_attn_indexes": [1], "mlp_dim": 24},
            "num_pos_feats": 16,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": _SIDE, "patch_size": 16, "mask_input_channels": 8},
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 12, "iou_head_hidden_dim": 10},  # 8 heads, as the original
    )
    model = transformers.SamModel(config).eval()
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(torch.randn_like(value) * 0.3)
    model.tie_weights()
    return model


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("tiny-sam")
    tiny.save_pretrained(str(place))
    return place


@pytest.fixture(scope="module")
def pixels_hu() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 60, (60, 70)).astype(np.float32)


def _direct(tiny, pixels_hu, prompt: Prompt, *, several: bool = True, standardised: bool = True) -> np.ndarray:
    """The probabilities on the crop by calling transformers' model as its documentation says."""
    crop = crop_around(prompt.box, pixel_mm=_MM, side=_SIDE)
    grey = crop.sampled(np.clip((pixels_hu + 100) / 200, 0, 1))  # the window's ends are -100 and 100
    colours = torch.from_numpy(grey)[None, None].repeat(1, 3, 1, 1)
    if standardised:
        mean, deviation = (
            torch.tensor(v).view(1, 3, 1, 1) for v in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
        )
        colours = (255 * colours - mean) / deviation
    left, top, scale = crop.left_mm, crop.top_mm, 1 / crop.step_mm
    corners = torch.tensor([[[prompt.box.left - left, prompt.box.top - top, prompt.box.right - left,
                              prompt.box.bottom - top]]]) * scale - 0.5  # fmt: skip
    given = {"pixel_values": colours, "input_boxes": corners}
    if prompt.clicks:
        points = [[(click.column + 0.5 - left) * scale - 0.5, (click.row + 0.5 - top) * scale - 0.5]
                  for click in prompt.clicks]  # fmt: skip
        given["input_points"] = torch.tensor([[points]])
        given["input_labels"] = torch.tensor([[[1 if click.is_foreground else 0 for click in prompt.clicks]]])
    if prompt.before is not None:
        chances = torch.from_numpy(crop.sampled(prompt.before)).clamp(1e-4, 1 - 1e-4)
        given["input_masks"] = torch.nn.functional.avg_pool2d(torch.logit(chances)[None, None], 4)
    with torch.no_grad():
        found = tiny(**given, multimask_output=several)
    best = found.iou_scores[0, 0].argmax()
    large = torch.nn.functional.interpolate(found.pred_masks[0, :, best][None], size=(_SIDE, _SIDE), mode="bilinear")
    inside = prompt.box.pixels(pixels_hu.shape)
    return crop.laid_back(torch.sigmoid(large)[0, 0].numpy(), pixels_hu.shape, inside)


_PROMPTS = {
    "box": Prompt(_BOX, window=_WINDOW),
    "clicks": Prompt(_BOX, (Click(20, 30, True), Click(40, 12, False)), _WINDOW),
    "mask": Prompt(_BOX, window=_WINDOW, before=np.tile(np.linspace(0, 1, 70, dtype=np.float32), (60, 1))),
}


@pytest.mark.parametrize("kind", _PROMPTS)
def test_probabilities_are_those_of_a_direct_call_of_the_model(tiny, folder, pixels_hu, kind):
    found = sam(str(folder)).chances(pixels_hu, _PROMPTS[kind], pixel_mm=_MM)
    assert found.shape == pixels_hu.shape
    assert np.allclose(found, _direct(tiny, pixels_hu, _PROMPTS[kind]), atol=1e-5)
    rows, columns = _BOX.pixels(pixels_hu.shape)
    assert found[rows, columns].min() > 0
    found[rows, columns] = 0
    assert not found.any()


def test_each_prompt_makes_a_difference(folder, pixels_hu):
    maps = [sam(str(folder)).chances(pixels_hu, prompt, pixel_mm=_MM) for prompt in _PROMPTS.values()]
    assert not np.allclose(maps[0], maps[1], atol=1e-4)
    assert not np.allclose(maps[0], maps[2], atol=1e-4)


def test_medsam_takes_colours_from_0_to_1_and_makes_one_mask_of_the_box_alone(tiny, folder, pixels_hu):
    found = medsam(str(folder)).chances(pixels_hu, _PROMPTS["box"], pixel_mm=_MM)
    assert np.allclose(found, _direct(tiny, pixels_hu, _PROMPTS["box"], several=False, standardised=False), atol=1e-5)
    with pytest.raises(AnatomyGuidedError, match="medsam takes no clicks"):
        medsam(str(folder)).chances(pixels_hu, _PROMPTS["clicks"], pixel_mm=_MM)
    with pytest.raises(AnatomyGuidedError, match="medsam takes no earlier mask"):
        medsam(str(folder)).chances(pixels_hu, _PROMPTS["mask"], pixel_mm=_MM)


def test_scribbleprompts_sam_is_called_as_sam_is(folder, pixels_hu):
    one, other = (make(str(folder)).chances(pixels_hu, _PROMPTS["clicks"], pixel_mm=_MM)
                  for make in (sam, scribbleprompt_sam))  # fmt: skip
    assert np.array_equal(one, other)


_ORIGINAL = {
    "vision_encoder.": "image_encoder.",
    "vision_encoder.patch_embed.projection.": "image_encoder.patch_embed.proj.",
    "prompt_encoder.shared_embedding.positional_embedding": (
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
    ),
    **{f"prompt_encoder.point_embed.{n}.": f"prompt_encoder.point_embeddings.{n}." for n in range(4)},
    **{f"prompt_encoder.mask_embed.{new}.": f"prompt_encoder.mask_downscaling.{place}."
       for new, place in (("conv1", 0), ("layer_norm1", 1), ("conv2", 3), ("layer_norm2", 4), ("conv3", 6))},
    **{f"vision_encoder.neck.{new}.": f"image_encoder.neck.{place}."
       for place, new in enumerate(("conv1", "layer_norm1", "conv2", "layer_norm2"))},
    **{f"mask_decoder.{new}.": f"mask_decoder.output_upscaling.{place}."
       for new, place in (("upscale_conv1", 0), ("upscale_layer_norm", 1), ("upscale_conv2", 3))},
    "mask_decoder.transformer.layer_norm_final_attn.": "mask_decoder.transformer.norm_final_attn.",
    **{f"mask_decoder.{head}.{new}.": f"mask_decoder.{head}.layers.{place}."
       for head in ("iou_prediction_head", *(f"output_hypernetworks_mlps.{n}" for n in range(4)))
       for new, place in (("proj_in", 0), ("layers.0", 1), ("proj_out", 2))},
}  # fmt: skip


def _as_original(weights: dict) -> dict:
    """The weights by the names of segment-anything's own modules."""
    renamed = {}
    for name, value in weights.items():
        if name.startswith("shared_image_embedding."):
            continue  # the original keeps it once
        start = max((start for start in _ORIGINAL if name.startswith(start)), key=len, default="")
        new = _ORIGINAL.get(start, "") + name.removeprefix(start)
        if new.startswith("image_encoder.layers."):
            new = new.replace(".layers.", ".blocks.")
        if ".blocks." in new or ".transformer.layers." in new:
            new = new.replace(".layer_norm", ".norm")
        renamed[new] = value
    return renamed


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_original_checkpoint_gives_the_same_probabilities(tiny, folder, pixels_hu, tmp_path, wrapped):
    state = _as_original(tiny.state_dict())
    torch.save({"model": state, "epoch": 3} if wrapped else state, tmp_path / "sam.pth")
    for prompt in _PROMPTS.values():
        one, other = (sam(str(at)).chances(pixels_hu, prompt, pixel_mm=_MM) for at in (folder, tmp_path / "sam.pth"))
        assert np.allclose(one, other, atol=1e-6)


def test_names_of_sams_vit_b_are_translated_one_to_one():
    with torch.device("meta"):
        weights = transformers.SamModel(transformers.SamConfig()).state_dict()
    original = _as_original(weights)
    some = ("image_encoder.blocks.11.attn.rel_pos_h", "image_encoder.blocks.0.norm2.weight",
            "image_encoder.neck.3.bias",
            "mask_decoder.transformer.layers.1.norm4.weight",
            "mask_decoder.output_hypernetworks_mlps.3.layers.1.weight",
            "mask_decoder.iou_prediction_head.layers.2.bias", "mask_decoder.transformer.norm_final_attn.weight",
            "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix", "prompt_encoder.not_a_point_embed.weight",
            "mask_decoder.output_upscaling.3.bias", "prompt_encoder.mask_downscaling.4.weight")  # fmt: skip
    assert set(some) <= set(original)
    translated = transformers_names(original)
    assert {name: value.shape for name, value in translated.items()} == {name: v.shape for name, v in weights.items()}


def test_the_configuration_is_read_off_the_weights():
    with torch.device("meta"):
        weights = transformers.SamModel(transformers.SamConfig()).state_dict()
    found = transformers.SamConfig(**config_of(weights))
    for part in ("vision_config", "prompt_encoder_config", "mask_decoder_config"):
        expected = getattr(transformers.SamConfig(), part).to_dict()
        given = getattr(found, part).to_dict()
        assert {key: list(v) if isinstance(v, tuple) else v for key, v in given.items()} == {
            key: list(v) if isinstance(v, tuple) else v for key, v in expected.items()
        }


def test_places_without_a_sam_are_told_of(tmp_path, pixels_hu):
    with pytest.raises(AnatomyGuidedError, match="no folder or file gone"):
        sam(str(tmp_path / "gone"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(AnatomyGuidedError, match=r"holds no config\.json"):
        sam(str(empty)).chances(pixels_hu, _PROMPTS["box"], pixel_mm=_MM)
    torch.save({"other": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(AnatomyGuidedError, match="no weights of SAM"):
        sam(str(tmp_path / "other.pth")).chances(pixels_hu, _PROMPTS["box"], pixel_mm=_MM)


def test_the_sha256_of_a_folder_changes_with_any_file_of_it(tmp_path):
    first = tmp_path / "weights"
    first.mkdir()
    (first / "a.bin").write_bytes(b"1")
    before = sha256_of_place(first)
    (first / "a.bin").write_bytes(b"2")
    assert sha256_of_place(first) != before

"""ScribblePrompt's U-Net: the published layout, what it is shown, and what comes back to the slice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.models import find_model
from LIMISLib.box import Box
from LIMISLib.prompt import Click, Prompt, Window
from LIMISLib.segmenters.crop import crop_around
from LIMISLib.segmenters.prompted import channels, scaled

torch = pytest.importorskip("torch")

from AnatomyGuidedLib.networks.scribbleprompt import ScribblePromptUNet  # noqa: E402
from AnatomyGuidedLib.predictors.checkpoints import Untrusted  # noqa: E402
from LIMISLib.segmenters.scribbleprompt import ScribblePrompt, scribbleprompt  # noqa: E402

torch.set_num_threads(1)

_MM = (1.0, 1.0)


def _published_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes in ScribblePrompt_unet_v1_nf192_res128.pt, as its repository's network.py and unet.py say."""
    levels = {f"downs.{level}": (192, 5 if level == 0 else 192, 3, 3) for level in range(4)}
    levels |= {"bottleneck": (192, 192, 3, 3)} | {f"ups.{place}": (192, 384, 3, 3) for place in (1, 3, 5, 7)}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, weight in levels.items():
        shapes |= {f"{name}.conv.0.weight": weight, f"{name}.conv.0.bias": (192,), f"{name}.conv.1.weight": (1,)}
    return shapes | {"final_conv.conv.0.weight": (1, 192, 1, 1), "final_conv.conv.0.bias": (1,)}


def _by_hand(weights: dict, image: torch.Tensor, levels: int) -> torch.Tensor:
    """The network's logits, written out from its description with functions alone."""
    from torch.nn import functional

    def level(name: str, values: torch.Tensor) -> torch.Tensor:
        values = functional.conv2d(values, weights[f"{name}.conv.0.weight"], weights[f"{name}.conv.0.bias"], padding=1)
        return torch.where(values > 0, values, values * weights[f"{name}.conv.1.weight"])

    kept = []
    for number in range(levels):
        image = level(f"downs.{number}", image)
        kept.append(image)
        image = functional.max_pool2d(image, 2)
    image = level("bottleneck", image)
    for number in range(levels):
        image = functional.interpolate(image, scale_factor=2, mode="bilinear", align_corners=True)
        image = level(f"ups.{2 * number + 1}", torch.cat((kept.pop(), image), 1))
    return functional.conv2d(image, weights["final_conv.conv.0.weight"], weights["final_conv.conv.0.bias"])


def _wired(folder: Path, mixing: tuple[float, ...], bias: float) -> Path:
    """A checkpoint whose logits are a sum of the five channels, weighed, and a bias."""
    network = ScribblePromptUNet((5,))
    with torch.no_grad():
        for value in network.parameters():
            value.zero_()
        for channel, weight in enumerate(mixing):
            network.downs[0].conv[0].weight[channel, channel, 1, 1] = 1.0
            network.ups[1].conv[0].weight[channel, channel, 1, 1] = 1.0
            network.final_conv.conv[0].weight[0, channel] = weight
        for level in (network.downs[0], network.ups[1]):
            level.conv[1].weight.fill_(1.0)  # negative logits pass too
        network.final_conv.conv[0].bias.fill_(bias)
    torch.save(network.state_dict(), folder / "wired.pt")
    return folder / "wired.pt"


def test_the_layout_is_the_published_one_to_the_last_name_and_shape():
    shapes = {name: tuple(value.shape) for name, value in ScribblePromptUNet().state_dict().items()}
    assert shapes == _published_shapes()
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 3_991_882


def test_logits_are_those_of_the_network_written_out_by_hand():
    torch.manual_seed(0)
    network = ScribblePromptUNet((4, 6, 8))
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(torch.randn_like(value) * 0.3)
        image = torch.randn(2, 5, 16, 24)
        assert torch.allclose(network(image), _by_hand(network.state_dict(), image, 3), atol=1e-5)


def test_a_published_checkpoint_is_read_by_its_names_and_gives_probabilities_in_the_box(tmp_path):
    torch.manual_seed(0)
    torch.save({name: torch.randn(shape) * 0.02 for name, shape in _published_shapes().items()}, tmp_path / "v1.pt")
    segmenter = scribbleprompt(str(tmp_path / "v1.pt"))
    image = np.random.default_rng(0).normal(0, 50, (90, 70)).astype(np.float32)
    found = segmenter.chances(image, Prompt(Box(20, 30, 50, 60)), pixel_mm=_MM)
    assert (found.shape, found.dtype) == ((90, 70), np.float32)
    assert found[30:60, 20:50].min() > 0
    assert found.max() < 1
    found[30:60, 20:50] = 0
    assert not found.any()
    assert len(segmenter.weights_sha256) == 64


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda state: state.clear(), "no weights of ScribblePrompt"),
        (lambda state: state.update({"bottleneck.conv.0.weight": torch.zeros(2, 2)}), "does not fit"),
        (lambda state: state.pop("ups.1.conv.0.bias"), "does not fit"),
    ],
)
def test_other_weights_are_refused(tmp_path, spoil, said):
    state = ScribblePromptUNet((4, 4)).state_dict()
    spoil(state)
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(AnatomyGuidedError, match=said):
        scribbleprompt(str(tmp_path / "other.pt")).chances(np.zeros((9, 9), np.float32), Prompt(Box(1, 1, 8, 8)),
                                                          pixel_mm=_MM)  # fmt: skip


def test_a_checkpoint_that_holds_more_than_weights_is_not_executed(tmp_path):
    torch.save({"model": _Trap(tmp_path / "sprung")}, tmp_path / "trap.pt")
    with pytest.raises(Untrusted, match="give plain weights") as refusal:
        scribbleprompt(str(tmp_path / "trap.pt")).chances(np.zeros((9, 9), np.float32), Prompt(Box(1, 1, 8, 8)),
                                                         pixel_mm=_MM)  # fmt: skip
    assert not (tmp_path / "sprung").exists()
    assert "--trust" not in str(refusal.value)  # limis has no such option


@pytest.mark.parametrize("side", [0, -64, True, 1e400])
def test_a_card_with_impossible_squares_is_damaged(tmp_path, side):
    shutil.copytree(find_model("box2mask-demo").folder, tmp_path / "model")
    card = json.loads((tmp_path / "model" / "model.json").read_text())
    (tmp_path / "model" / "model.json").write_text(json.dumps({**card, "side": side}))
    with pytest.raises(AnatomyGuidedError, match=r"its squares have|no model from a box to a mask"):
        scribbleprompt(str(tmp_path / "model"))


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_damaged_weights_and_models_of_another_kind_are_refused(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    with pytest.raises(AnatomyGuidedError, match="damaged"):
        scribbleprompt(str(tmp_path / "bad.safetensors")).chances(np.zeros((9, 9), np.float32),
                                                                 Prompt(Box(1, 1, 8, 8)), pixel_mm=_MM)  # fmt: skip
    with pytest.raises(AnatomyGuidedError, match="from a box to a mask"):
        scribbleprompt("dap-demo")
    (tmp_path / "model.json").write_text(json.dumps({"task": "t", "licence": "l", "files": {}}))
    with pytest.raises(AnatomyGuidedError, match="from a box to a mask"):
        scribbleprompt(str(tmp_path))


def test_the_crop_is_square_in_mm_around_the_box_and_a_margin():
    crop = crop_around(Box(10, 20, 30, 24), pixel_mm=(5.0, 1.0), side=26, margin_share=0.15)
    assert (crop.top_mm, crop.left_mm, crop.step_mm) == (97.0, 7.0, 1.0)  # centre (110, 20) mm, 20 mm and 2 x 3 mm
    assert crop.cell(20, 10) == (3.0, 3.0)
    assert crop.box_cells(Box(10, 20, 30, 24)) == (slice(3, 23), slice(3, 23))
    assert crop.box_of(Box(3, 3, 23, 23)) == Box(10, 20, 30, 24)


@pytest.mark.parametrize("side", [16, 128])
def test_a_slope_goes_to_the_crop_and_back_unchanged(side):
    rows, columns = np.indices((60, 80), dtype=np.float32)
    slope = rows + 2 * columns
    crop = crop_around(Box(20, 10, 50, 40), pixel_mm=(2.0, 1.0), side=side)
    inside = Box(24, 14, 46, 36).pixels((60, 80))
    there = crop.sampled(slope)
    row, column = crop.cell(25.5, 35.5)  # of pixel (25, 35)'s centre
    assert there[int(row), int(column)] == pytest.approx(25 + 2 * 35, abs=3 * crop.step_mm)
    back = crop.laid_back(there, (60, 80), inside)
    assert np.allclose(back[inside], slope[inside], atol=1e-3)
    back[inside] = 0
    assert not back.any()


def test_what_lies_outside_the_slice_is_black_and_a_crop_beside_it_is_all_black():
    white = np.ones((10, 10), np.float32)
    seen = crop_around(Box(-5, -5, 5, 5), pixel_mm=_MM, side=10, margin_share=0.0).sampled(white)
    assert np.array_equal(seen[5:, 5:], np.ones((5, 5)))
    assert seen.sum() == 25
    assert not crop_around(Box(50, 50, 60, 60), pixel_mm=_MM, side=10).sampled(white).any()


def test_the_five_channels_hold_image_box_clicks_and_logits_of_the_mask_before():
    crop = crop_around(Box(10, 10, 20, 20), pixel_mm=_MM, side=20, margin_share=0.5)  # from (5, 5), cells of 1 pixel
    clicks = (Click(12, 11, True), Click(6, 19, False), Click(90, 90, True))  # the last one is not in view
    shown = channels(np.full((20, 20), 0.25, np.float32), crop, Box(10, 10, 20, 20), clicks, np.full((20, 20), -3.0))
    assert np.unique(shown[0]) == 0.25
    assert np.argwhere(shown[1]).min(axis=0).tolist() == [5, 5]
    assert np.argwhere(shown[1]).max(axis=0).tolist() == [14, 14]
    assert np.argwhere(shown[2]).tolist() == [[7, 6]]
    assert np.argwhere(shown[3]).tolist() == [[1, 14]]
    assert np.unique(shown[4]) == -3.0


def test_the_window_makes_black_and_white_and_without_one_the_slices_percentiles_do():
    hu = np.linspace(-1000, 1000, 2001, dtype=np.float32)[None]
    assert scaled(hu, Window(50, 100))[0, [1000, 1050, 1100]].tolist() == [0.0, 0.5, 1.0]
    plain = scaled(hu, None)
    assert plain[0, 10] == pytest.approx(0.0)
    assert plain[0, 11] > 0
    assert plain[0, 1000] == pytest.approx(0.5)
    assert not scaled(np.zeros((3, 3), np.float32), None).any()


def test_probabilities_follow_the_logits_pixel_by_pixel(tmp_path):
    segmenter = scribbleprompt(str(_wired(tmp_path, (4.0, 0.0, 0.0, 0.0, 0.0), -2.0)))  # 4 x image - 2
    image = np.zeros((40, 40), np.float32)
    image[:, 20:] = 100.0
    found = segmenter.chances(image, Prompt(Box(5, 5, 35, 35), window=Window(50, 100)), pixel_mm=_MM)
    assert found[20, 8] == pytest.approx(1 / (1 + np.exp(2.0)), abs=1e-5)
    assert found[20, 30] == pytest.approx(1 / (1 + np.exp(-2.0)), abs=1e-5)


def test_clicks_are_shown_with_the_logits_of_a_pass_without_them(tmp_path):
    segmenter = scribbleprompt(str(_wired(tmp_path, (0.0, 0.0, 9.0, -9.0, 0.5), 2.0)))
    image, box = np.zeros((200, 200), np.float32), Box(50, 50, 50 + 128 / 1.3, 50 + 128 / 1.3)  # cells are pixels
    plain = segmenter.chances(image, Prompt(box), pixel_mm=_MM)
    assert plain[90, 90] == pytest.approx(1 / (1 + np.exp(-2.0)), abs=1e-5)
    clicked = segmenter.chances(image, Prompt(box, (Click(90, 90, False),)), pixel_mm=_MM)
    assert clicked[120, 120] == pytest.approx(1 / (1 + np.exp(-3.0)), abs=1e-5)  # 2 + half of the first pass's 2
    assert clicked[90, 90] < clicked[120, 120]


def test_an_earlier_mask_is_shown_as_logits(tmp_path):
    segmenter = scribbleprompt(str(_wired(tmp_path, (0.0, 0.0, 0.0, 0.0, 1.0), 0.0)))
    before = np.full((60, 60), 0.9, np.float32)
    found = segmenter.chances(np.zeros((60, 60), np.float32), Prompt(Box(10, 10, 50, 50), before=before), pixel_mm=_MM)
    assert found[30, 30] == pytest.approx(0.9, abs=1e-4)


def test_the_whole_image_can_be_shown_in_place_of_the_crop(tmp_path):
    weights = scribbleprompt(str(_wired(tmp_path, (1.0, 0.0, 0.0, 0.0, 0.0), 0.0))).weights
    crop = ScribblePrompt(weights, whole_image=True).crop(Box(10, 10, 20, 20), (50, 80), _MM)
    assert (crop.side * crop.step_mm, crop.left_mm, crop.top_mm) == (80.0, 0.0, -15.0)


def test_a_box_outside_the_slice_is_refused(tmp_path):
    segmenter = scribbleprompt(str(_wired(tmp_path, (1.0, 0.0, 0.0, 0.0, 0.0), 0.0)))
    with pytest.raises(AnatomyGuidedError, match="outside the image"):
        segmenter.chances(np.zeros((40, 40), np.float32), Prompt(Box(50, 50, 60, 60)), pixel_mm=_MM)

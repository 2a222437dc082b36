"""The page of one case: what it must name, what it says where there is nothing, and its plot and pictures."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from CCMetricsLib import case_pictures
from CCMetricsLib.case_pictures import CaseImages, lesion_figures
from CCMetricsLib.colors import PREDICTION, REFERENCE
from CCMetricsLib.evaluate import EvaluationParameters, evaluate
from CCMetricsLib.html_report import case_page, worst_lesions
from CCMetricsLib.lesion_plot import lesion_plot
from CCMetricsLib.maps import lesion_map, of_class, region_map, scored_lesions
from CCMetricsLib.policies import EmptyPolicy

GRID = Grid((30, 24, 16), np.array([[0, 2.0, 0, 5], [-1.5, 0, 0, 7], [0, 0, 3.0, -2], [0, 0, 0, 1.0]]))


def labelmap(*boxes: tuple[slice, slice, slice]) -> Labelmap:
    values = np.zeros(GRID.shape, np.uint8)
    for number, box in enumerate(boxes, start=1):
        values[box] = number
    return Labelmap(values, GRID)


LARGE, HALF, SMALL = np.s_[2:12, 2:12, 2:8], np.s_[2:12, 2:12, 2:5], np.s_[22:26, 16:20, 10:13]
REFERENCE_MAP, PREDICTION_MAP = labelmap(LARGE, SMALL), labelmap(HALF)


def page(reference: Labelmap, prediction: Labelmap, **settings: object) -> str:
    evaluation = evaluate(reference, prediction, EvaluationParameters(**settings), case="patient <7>")
    return case_page(evaluation, reference, prediction)


@pytest.fixture
def unable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Slicer's libraries."""
    monkeypatch.setattr(case_pictures, "scene_unavailable_reason", lambda: "slicer-core is not installed.")


def cells(text: str, name: str) -> list[str]:
    row = re.search(rf"<tr><td>{re.escape(name)}</td>(.*?)</tr>", text)
    assert row, name
    return re.findall(r"<td[^>]*>(.*?)</td>", row[1])


@pytest.mark.usefixtures("unable")
def test_the_page_sets_dice_against_cc_dice_and_counts_what_was_missed() -> None:
    text = page(REFERENCE_MAP, PREDICTION_MAP)
    dice, cc_dice = 2 * 300 / (648 + 300), (2 * 300 / (600 + 300) + 0) / 2
    assert cells(text, "Dice") == [f"{dice:.3f}", f"{cc_dice:.3f}"]
    assert "1 of 2 lesions missed" in text
    assert f"the largest lesion holds {600 / 648:.0%} of the reference" in text
    assert "CC-Metrics: patient &lt;7&gt;" in text


@pytest.mark.usefixtures("unable")
def test_the_header_names_every_parameter_variant_and_policy() -> None:
    policy = EmptyPolicy(both_empty=1.0, worst="clamped")  # the diagonal of 45 x 48 x 48 mm
    text = page(REFERENCE_MAP, PREDICTION_MAP, surface="deepmind", tolerance_mm=3.5, connectivity=6, policy=policy)
    header = re.search(r'<p class="note">(.*?)</p>', text)[1]
    for words in (
        "distance mm", "connectivity 6", "instances none", "surface deepmind", "tolerance 3.5 mm", "both empty 1",
        "no reference undefined", "no prediction 0", "empty region 0", "worst clamped", "worst 81.4432 mm",
    ):  # fmt: skip
        assert words in header, words


@pytest.mark.usefixtures("unable")
def test_every_setting_of_the_report_has_a_meaning() -> None:
    text = page(REFERENCE_MAP, PREDICTION_MAP)
    table = text[text.index("<th>meaning</th>") :]
    rows = re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>", table)
    assert len(rows) > 12
    assert all(meaning for _, _, meaning in rows), [name for name, _, meaning in rows if not meaning]


@pytest.mark.usefixtures("unable")
def test_the_page_is_one_file_without_scripts_and_network() -> None:
    text = page(REFERENCE_MAP, PREDICTION_MAP)
    assert "<script" not in text
    assert "src=" not in text
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]  # the name of SVG's namespace


@pytest.mark.usefixtures("unable")
def test_without_slicer_a_sentence_stands_for_the_pictures() -> None:
    text = page(REFERENCE_MAP, PREDICTION_MAP)
    assert "Pictures of the worst lesions are missing: No picture can be drawn: slicer-core is not installed." in text
    assert "<img" not in text


@pytest.mark.usefixtures("unable")
def test_without_a_lesion_the_page_says_why_there_are_no_scores() -> None:
    text = page(labelmap(), PREDICTION_MAP)
    assert "The reference has no lesion, so that only volumes are defined: 2.7 ml predicted" in text  # 300 x 9 mm3
    assert "Not evaluable, because the reference has no" in text
    assert "worst lesions" not in text
    assert "<svg" not in text


@pytest.mark.usefixtures("unable")
def test_without_dice_among_the_metrics_there_is_no_plot_but_a_page() -> None:
    text = page(REFERENCE_MAP, PREDICTION_MAP, metrics=("hd95_mm",))
    assert "No lesion has a Dice." in text
    assert "HD95 (mm)" in text


@pytest.mark.usefixtures("unable")
def test_each_class_has_its_row() -> None:
    text = page(REFERENCE_MAP, PREDICTION_MAP, classes=(1, 2))
    assert cells(text, "1") == ["0.667", "0.667", "1", "0"]
    assert cells(text, "2")[2:] == ["1", "1"]


def test_the_worst_come_first_and_of_equals_the_larger() -> None:
    reference = labelmap(np.s_[0:2, 0:2, 0:2], np.s_[10:13, 0:3, 0:3], LARGE[:1] + np.s_[14:20, 2:8])
    prediction = Labelmap((reference.values == 3).astype(np.uint8), GRID)
    worst = worst_lesions(evaluate(reference, prediction).components, 2)
    assert [lesion.volume_ml for lesion in worst] == pytest.approx([27 * 9e-3, 8 * 9e-3])


def test_the_plot_has_a_mark_a_lesion_and_a_line_a_score() -> None:
    evaluation = evaluate(REFERENCE_MAP, PREDICTION_MAP)
    lesions = evaluation.components
    svg = lesion_plot(lesions, lesions[:1], dice=evaluation.dice.value, cc_dice=evaluation.cc_dice.value)
    assert re.findall(r"<title>(.*?)</title>", svg) == ["lesion 1: 5.4 ml, Dice 0.667", "lesion 2: 0.432 ml, missed"]
    assert "Dice 0.633" in svg
    assert "CC-Dice 0.333" in svg
    assert svg.count("<circle") == 1
    assert svg.count("<path") == 1


def test_the_plots_lines_carry_names_that_do_not_cover_each_other() -> None:
    lesions = evaluate(REFERENCE_MAP, REFERENCE_MAP).components
    svg = lesion_plot(lesions, (), dice=1.0, cc_dice=1.0)
    heights = [float(y) for y in re.findall(r'y="([\d.]+)" text-anchor="start"', svg)]
    assert len(heights) == 2
    assert abs(heights[0] - heights[1]) >= 14


def test_maps_have_the_numbers_that_the_evaluation_uses() -> None:
    for settings in ({}, {"instances": "reference"}, {"distance": "voxels"}):
        parameters = EvaluationParameters(**settings)
        lesions = lesion_map(REFERENCE_MAP, parameters).values
        for row in evaluate(REFERENCE_MAP, PREDICTION_MAP, parameters).components:
            assert np.count_nonzero(lesions == row.component) * 9e-3 == pytest.approx(row.volume_ml)
        regions = region_map(REFERENCE_MAP, parameters).values
        assert regions.min() == 1
        np.testing.assert_array_equal(regions[lesions > 0], lesions[lesions > 0])


def test_a_class_has_its_own_voxels_alone() -> None:
    assert of_class(REFERENCE_MAP, "foreground") is REFERENCE_MAP
    assert np.unique(of_class(REFERENCE_MAP, "2").values).tolist() == [0, 2]


def test_segments_tell_dice_or_missed() -> None:
    names = [segment.name for segment in scored_lesions(REFERENCE_MAP, evaluate(REFERENCE_MAP, PREDICTION_MAP))[1]]
    assert names == ["Lesion 1: Dice 0.67", "Lesion 2: missed"]
    without = evaluate(REFERENCE_MAP, REFERENCE_MAP, EvaluationParameters(metrics=("iou",)))
    assert scored_lesions(REFERENCE_MAP, without)[1][0].name == "Lesion 1: Dice undefined"


def test_pictures_show_both_outlines_in_the_lesions_region() -> None:
    pytest.importorskip("slicer", reason="slicer-core is not installed: no picture can be drawn")
    evaluation = evaluate(REFERENCE_MAP, PREDICTION_MAP)
    images = CaseImages(REFERENCE_MAP, PREDICTION_MAP, evaluation.parameters)
    figures = _drawn(images, worst_lesions(evaluation.components, 2))
    missed, half = (figure.picture for figure in figures)
    assert figures[0].caption.startswith("Lesion 2: missed, 0.432 ml")
    assert figures[1].caption.startswith("Lesion 1: Dice 0.667, 5.4 ml")
    assert has_color(missed, REFERENCE)
    assert not has_color(missed, PREDICTION)
    assert has_color(half, PREDICTION)


def test_an_image_lies_under_the_outlines() -> None:
    pytest.importorskip("slicer", reason="slicer-core is not installed: no picture can be drawn")
    evaluation = evaluate(REFERENCE_MAP, PREDICTION_MAP)
    stripes = np.zeros(GRID.shape, np.float32)
    stripes[::2] = 1000.0
    image = Volume(stripes, GRID)
    [figure] = _drawn(
        CaseImages(REFERENCE_MAP, PREDICTION_MAP, evaluation.parameters, image), evaluation.components[1:]
    )
    assert figure.picture.min() < 20
    assert figure.picture.max() > 230


def test_the_page_embeds_the_pictures() -> None:
    pytest.importorskip("slicer", reason="slicer-core is not installed: no picture can be drawn")
    _drawn_or_skip()
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', page(REFERENCE_MAP, PREDICTION_MAP))
    assert len(found) == 2
    assert all(base64.b64decode(data).startswith(b"\x89PNG") for data in found)


def test_a_lesion_at_the_images_border_is_drawn_too() -> None:
    pytest.importorskip("slicer", reason="slicer-core is not installed: no picture can be drawn")
    corner = labelmap(np.s_[0:1, 0:1, 0:1])
    evaluation = evaluate(corner, corner)
    [figure] = _drawn(CaseImages(corner, corner, evaluation.parameters), evaluation.components)
    assert has_color(figure.picture, PREDICTION) or has_color(figure.picture, REFERENCE)


def _drawn(images: CaseImages, lesions):
    _drawn_or_skip()
    return lesion_figures(images, lesions)


def _drawn_or_skip() -> None:
    from AnatomyGuidedLib.render_window import RenderingUnavailable, require_rendering

    try:
        require_rendering()
    except RenderingUnavailable as error:
        pytest.skip(str(error))


def has_color(picture: np.ndarray, color: tuple[int, int, int]) -> bool:
    """Whether some pixels have about the hue of an outline."""
    distance = np.abs(picture.astype(int) - np.array(color)).max(axis=2)
    return bool((distance < 25).sum() > 5)

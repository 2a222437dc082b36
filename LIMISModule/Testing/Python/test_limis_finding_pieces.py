"""What finders are made of: slices in one frame, normalisation, prompts, splits, the best slice, COCO's scores."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, NotEvaluable, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.labels import UnknownLabel, id_of
from LIMISLib.box import Box
from LIMISLib.box_finder import AtlasBoxFinder, StructureNotFound
from LIMISLib.finding.augmentation import Augmentation
from LIMISLib.finding.box_scores import FoundBox, box_scores
from LIMISLib.finding.choose import choice_for, parse_finder
from LIMISLib.finding.frames import Frame, Slices, corner_around, resized
from LIMISLib.finding.intensities import intensities_of
from LIMISLib.finding.network_finder import NetworkFinder
from LIMISLib.finding.prompts import prompt_labels, prompt_text
from LIMISLib.finding.scan import best_slice
from LIMISLib.finding.splitting import CaseName, split_cases

BRIGHT_HU = 400.0


class BrightDetector:
    """Finds the bright pixels of a stack's first slice: what a perfect network would."""

    name, step_mm = "bright", 5.0
    frame = Frame((64, 80), 3.0)
    structures, largest_mm = ("Kidney Left",), ((200.0, 200.0),)

    def detect(self, stacks_hu):
        chances, edges = [], []
        for stack in stacks_hu:
            rows, columns = np.nonzero(stack[0] > BRIGHT_HU)
            chances.append([0.9 if len(rows) else 0.0])
            box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) if len(rows) else (0, 0, 0, 0)
            edges.append([box])
        return np.array(chances, float), np.array(edges, float)


def stored(values, affine, order, flips):
    """The same image with its axes in another order and direction."""
    turned = values.transpose(order)
    changed = affine[:, [*order, 3]].copy()
    for axis, flipped in enumerate(flips):
        if flipped:
            changed[:3, 3] += changed[:3, axis] * (turned.shape[axis] - 1)
            changed[:3, axis] *= -1
            turned = np.flip(turned, axis)
    return np.ascontiguousarray(turned), changed


def patient(spacing=(1.5, 1.2, 4.0), tilt_degrees=0.0):
    """HU and labels along R, A, S: a body of water, in it a bright kidney at the patient's left back."""
    shape = (120, 130, 14)
    hu = np.full(shape, -1000.0, np.float32)
    hu[10:110, 15:115] = 0.0
    labels = np.zeros(shape, np.uint8)
    labels[20:50, 30:60, 4:9] = id_of("Kidney Left")
    labels[20:55, 30:64, 6] = id_of("Kidney Left")  # the largest slice
    hu[labels > 0] = 900.0
    angle = np.radians(tilt_degrees)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = (-80.0, -70.0, 300.0)
    return hu, labels, affine


def iou(one, other):
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    shared = max(0, width) * max(0, height)
    return shared / (one.width * one.height + other.width * other.height - shared)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize(("flips", "tilt_degrees"), [((0, 0, 0), 0), ((1, 1, 0), 12), ((1, 0, 1), -8), ((0, 1, 1), 0)])
def test_a_structure_is_found_where_its_label_is_on_any_grid(order, flips, tilt_degrees):
    hu, labels, affine = patient(tilt_degrees=tilt_degrees)
    values, turned = stored(hu, affine, order, flips)
    known, _ = stored(labels, affine, order, flips)
    grid = Grid(values.shape, turned)
    found = NetworkFinder(Volume(values, grid, "HU"), BrightDetector).find("Kidney Left")
    reference = AtlasBoxFinder(Labelmap(known, grid)).find("Kidney Left", found.slice_number)
    assert iou(found.box, reference.box) > 0.85
    assert abs(found.slice_number - 7) <= 1
    assert found.box.left > 60  # the patient's left is at the right of the screen
    assert (found.finder, found.confidence) == ("bright", 0.9)


def test_a_slice_can_be_asked_for_and_one_without_the_structure_is_refused():
    hu, _, affine = patient()
    finder = NetworkFinder(Volume(hu, Grid(hu.shape, affine), "HU"), BrightDetector)
    assert finder.find("Kidney Left", 5).slice_number == 5
    with pytest.raises(
        StructureNotFound, match=r"no Kidney Left in slice 1 that it is sure of: at most 0 %, but 30 % are needed"
    ):
        finder.find("Kidney Left", 1)
    with pytest.raises(AnatomyGuidedError, match="slices 1 to 14, but slice 15"):
        finder.find("Kidney Left", 15)
    with pytest.raises(StructureNotFound, match="bright knows Kidney Left, but not Spleen"):
        finder.find("Spleen")
    with pytest.raises(UnknownLabel):
        finder.find("Elbow")


def test_an_image_of_air_has_nothing_and_says_so():
    grid = Grid((20, 20, 3), np.diag([2.0, 2.0, 5.0, 1.0]))
    finder = NetworkFinder(Volume(np.full(grid.shape, -1000.0, np.float32), grid, "HU"), BrightDetector)
    with pytest.raises(StructureNotFound, match="in any slice"):
        finder.find("Kidney Left")


@pytest.mark.parametrize("pixel_mm", [0.7, 1.0, 1.5, 2.0, 3.0, 4.5])
def test_a_resized_slice_has_the_values_of_its_places(pixel_mm):
    """On a ramp of one HU a mm each pixel's value is the mm of its middle, whatever is averaged on the way."""
    millimetres = (np.arange(round(90 / pixel_mm)) + 0.5) * pixel_mm
    found = resized(np.tile(millimetres, (40, 1)), (3.0, pixel_mm), 3.0)
    middles = (np.arange(found.shape[1]) + 0.5) * 3.0
    np.testing.assert_allclose(found[20, 3:-3], middles[3:-3], atol=1e-3)


def test_slice_numbers_are_about_the_step_apart_and_none_is_outside():
    for count, spacing in ((1, 5.0), (2, 1.0), (7, 5.0), (100, 0.8), (3, 12.0)):
        grid = Grid((4, 4, count), np.diag([1.0, 1.0, spacing, 1.0]))
        numbers = Slices(Volume(np.zeros(grid.shape, np.float32), grid), Frame()).numbers(5.0)
        assert numbers
        assert 1 <= numbers[0] <= numbers[-1] <= count
        assert {b - a for a, b in itertools.pairwise(numbers)} <= {max(1, round(5.0 / spacing))}


def test_a_cut_out_is_around_the_body_and_a_table_moves_it_little():
    hu = np.full((100, 120), -1000.0, np.float32)
    hu[20:60, 70:110] = 40.0
    without = corner_around(hu, (40, 40))
    hu[95:97, 60:118] = 100.0  # the table
    assert without == (20, 70)
    assert abs(corner_around(hu, (40, 40))[0] - 20) <= 2


def test_normalisation_needs_a_foreground_of_more_than_one_value():
    with pytest.raises(AnatomyGuidedError, match="show none of the structures"):
        intensities_of(np.ones(3), np.zeros(0))
    with pytest.raises(AnatomyGuidedError, match="the same value"):
        intensities_of(np.arange(100.0), np.full(5, 50.0))


def test_augmentation_turns_shifts_and_scales_within_the_thesis_ranges_each_in_a_tenth_of_the_slices():
    rng, drawn = np.random.default_rng(1), Augmentation()
    turned = shifted = scaled = 0
    for _ in range(2000):
        matrix, shift = drawn.drawn(rng)
        size = np.sqrt(abs(np.linalg.det(matrix)))
        angle = np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))
        assert abs(angle) <= 10.3
        assert np.abs(shift).max() <= 10.0
        assert 1 / 1.1 - 1e-9 <= size <= 1 / 0.9 + 1e-9
        turned, shifted, scaled = turned + (angle != 0), shifted + shift.any(), scaled + (abs(size - 1) > 1e-9)
    for count in (turned, shifted, scaled):
        assert 150 < count < 250  # 200 expected, with a standard deviation of 13
    for wrong in ({"probability": 1.5}, {"scale": 1.0}):
        with pytest.raises(UsageError, match="The setting"):
            Augmentation(**wrong)


def test_one_wrong_slice_does_not_win_and_a_lone_one_neither():
    """Chances averaged over three: 0.6 0.47 0.47 0.77 0.9 0.77 0.63; medians of the last five areas: 10 12 13 13 12."""
    chances = np.array([0.9, 0.0, 0.5, 0.9, 0.9, 0.9, 0.5])
    areas = np.array([99.0, 0.0, 10.0, 12.0, 80.0, 13.0, 12.0])  # 80 is an outlier among its neighbours
    plain = np.ones(7, bool)
    assert best_slice(chances, areas, plain, least=0.3) == 4  # 13 x 0.9, above 12 x 0.77 and 13 x 0.77
    grows = np.array([99.0, 0, 10, 12, 13, 40, 41])
    assert best_slice(chances, grows, plain, least=0.3) == 5  # 40 x 0.77, above 41 x 0.63 and 13 x 0.9
    assert best_slice(chances, areas, plain, least=0.95) is None
    assert best_slice(chances, areas, np.zeros(7, bool), least=0.3) is None
    assert best_slice(np.zeros(0), np.zeros(0), np.zeros(0, bool), least=0.3) is None


def test_a_slice_that_is_not_sure_itself_is_never_taken():
    chances = np.array([0.9, 0.1, 0.9])
    assert best_slice(chances, np.array([1.0, 50.0, 2.0]), np.ones(3, bool), least=0.3) in (0, 2)


def test_coco_scores_are_those_worked_out_by_hand():
    """Two livers. One is found with IoU 0.83 (surest), one with 0.63; a third box is wrong.

    IoU 0.5, 0.55, 0.6: both count, precision 1 at every recall: 1. IoU 0.65 to 0.8 (four): the first alone, precision 1
    up to recall 0.5, that is at 51 of COCO's 101 recalls. IoU 0.85 to 0.95: nothing.
    """
    whole = Box(0, 0, 10, 10)
    reference = [[FoundBox("Liver", whole)], [FoundBox("Liver", whole)]]
    predictions = [
        [FoundBox("Liver", Box(0, 0, 10, 8.3), 0.9), FoundBox("Liver", Box(50, 50, 60, 60), 0.7)],
        [FoundBox("Liver", Box(0, 0, 10, 6.3), 0.8)],
    ]
    scores = box_scores(reference, predictions)
    assert scores.mean == pytest.approx((3 * 1 + 4 * 51 / 101) / 10)
    assert scores.at_50 == pytest.approx(1.0)
    assert scores.at_75 == pytest.approx(51 / 101)
    reference[0].append(FoundBox("Spleen", Box(20, 20, 30, 30)))
    halved = box_scores(reference, [*predictions[:1], [*predictions[1], FoundBox("Colon", whole, 1.0)]])
    assert halved.at_50 == pytest.approx(0.5)  # the spleen is missed; a colon that no image shows does not count
    assert halved.by_structure == {"Liver": pytest.approx(scores.mean), "Spleen": 0.0}


def test_scores_without_a_reference_or_with_other_images_are_refused():
    with pytest.raises(NotEvaluable, match="no image has a reference box"):
        box_scores([[]], [[]])
    with pytest.raises(AnatomyGuidedError, match="1 images have reference boxes, but 2 predictions"):
        box_scores([[]], [[], []])
    assert box_scores([[FoundBox("Liver", Box(0, 0, 5, 5))]], [[]]).mean == 0.0


def test_a_prompt_has_the_present_labels_and_so_many_absent_ones_shuffled():
    known = ["Liver", "Spleen", "Colon", "Stomach", "Pancreas"]
    orders = set()
    for seed in range(20):
        labels = prompt_labels(["Liver", "Colon"], known, added=2, rng=np.random.default_rng(seed))
        assert len(labels) == len(set(labels)) == 4
        assert {"Liver", "Colon"} <= set(labels) <= set(known)
        assert labels == prompt_labels(["Liver", "Colon"], known, added=2, rng=np.random.default_rng(seed))
        orders.add(labels)
    assert len(orders) > 10
    assert set(prompt_labels(["Liver"], known, added=8, rng=np.random.default_rng(0))) == set(known)


def test_a_prompt_that_would_be_misread_is_refused():
    with pytest.raises(AnatomyGuidedError, match="at least one label"):
        prompt_text([])
    for label in ("st. liver", "liver?", " "):
        with pytest.raises(AnatomyGuidedError, match="ends a label"):
            prompt_text([label])


def test_each_data_set_is_split_by_itself_and_seen_images_never_judge():
    cases = [CaseName(f"{name}{n}", name) for name, count in (("a", 30), ("b", 10)) for n in range(count)]
    seen = {f"a{n}" for n in range(24)} | {"b0"}
    parts = [split_cases(cases, seen=seen, rng=np.random.default_rng(seed)) for seed in range(10)]
    for split in parts:
        for part in (split.validation, split.test):
            assert [sum(case.dataset == name for case in part) for name in "ab"] == [3, 1]
            assert not seen & {case.name for case in part}
        pooled = [*split.training, *split.validation, *split.test]
        assert sorted(case.name for case in pooled) == sorted(case.name for case in cases)
    assert len({split.test for split in parts}) > 1
    assert parts[0] == split_cases(cases, seen=seen, rng=np.random.default_rng(0))


def test_a_split_that_cannot_be_is_refused():
    cases = [CaseName(f"a{n}", "a") for n in range(10)]
    with pytest.raises(AnatomyGuidedError, match="1 of them not seen by ScribblePrompt"):
        split_cases(cases, seen={f"a{n}" for n in range(9)}, rng=np.random.default_rng(0))
    with pytest.raises(AnatomyGuidedError, match="the same name"):
        split_cases([*cases, cases[0]], rng=np.random.default_rng(0))


def test_finders_are_named_on_the_command_line():
    assert parse_finder("small:a/b").paths == ("a/b",)
    assert parse_finder("groundingdino:C:\\env\\python.exe:D:\\model").paths == ("C:\\env\\python.exe", "D:\\model")
    assert choice_for("", has_anatomy=True).kind == "atlas"
    assert choice_for("", has_anatomy=False).kind == "small"
    for wrong in ("dino", "small:", "grounding-dino", "atlas:x", "groundingdino:python"):
        with pytest.raises(UsageError, match="There is no finder"):
            parse_finder(wrong)
    with pytest.raises(UsageError, match="give one with --anatomy"):
        choice_for("atlas", has_anatomy=False)

"""Refinement by language: thresholds, clicks, windows, components, guided strategies, planes, 3D, and replay."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.io import read_anatomy, read_ct
from AnatomyGuidedLib.labels import id_of
from LIMISLib.box import Box
from LIMISLib.commands import Command
from LIMISLib.planes import PLANES, SliceView
from LIMISLib.prompt import PRESETS, Click, Prompt
from LIMISLib.propagation import propagated
from LIMISLib.random_walk import RandomWalk
from LIMISLib.session import Session
from made_images import ABDOMEN_SHAPE, abdomen, grid, reoriented
from scipy import ndimage


@pytest.fixture
def session() -> Session:
    started = Session(*abdomen())
    assert started.say("segment the liver").done
    return started


def _size(session: Session) -> int:
    assert session.current is not None
    return int(session.current.mask.sum())


@pytest.mark.parametrize("answer", ["keep", "yes", "keep it"])
def test_the_default_adaptation_is_offered_first_and_is_step_1_if_it_is_kept(session: Session, answer: str) -> None:
    first = session.current
    assert "liver window and 10 pixels more on each side" in session.pending.text
    assert session.say(answer).done
    assert session.current.number == session.kept.number == 1
    assert session.current.setup.window == PRESETS["liver"]
    assert session.current.box == first.box.grown(left=10, right=10, top=10, bottom=10)
    assert session.say("keep").text == "Step 1 is kept."


@pytest.mark.parametrize("answer", ["no", "revert", "revert to step 0", "raise the threshold"])
def test_the_default_adaptation_takes_no_number_if_it_is_declined(session: Session, answer: str) -> None:
    session.say(answer)
    count = len(session.states)
    session.say("keep")
    assert len(session.states) == count
    assert session.kept is session.current
    assert all(state.setup.window is None for state in session.states)


def test_a_higher_threshold_never_adds_a_pixel(session: Session) -> None:
    masks = []
    for value in (0.1, 0.3, 0.5, 0.7, 0.9, 1.0):
        assert session.say(f"set the threshold to {value}").done
        masks.append(session.current.mask)
    for wider, narrower in pairwise(masks):
        assert not (narrower & ~wider).any()
    assert masks[0].sum() > masks[-2].sum()


def test_the_threshold_moves_by_a_step_and_stays_from_0_to_1(session: Session) -> None:
    session.say("raise the threshold")
    assert session.current.setup.threshold == pytest.approx(0.6)
    session.say("lower the threshold by 0.25")
    assert session.current.setup.threshold == pytest.approx(0.35)
    assert not session.say("lower the threshold by 0.5").done


def test_a_click_is_certain_where_it_was_made() -> None:
    image = np.full((60, 60), 40, np.float32) + np.random.default_rng(0).normal(0, 5, (60, 60)).astype(np.float32)
    image[:, 30:] = 140
    walk, box = RandomWalk(), Box(5, 5, 55, 55)
    plain = walk.chances(image, Prompt(box), pixel_mm=(1.0, 1.0))
    inside, outside = (
        walk.chances(image, Prompt(box, (Click(30, 45, way),)), pixel_mm=(1.0, 1.0)) for way in (True, False)
    )
    assert inside[30, 45] > 0.99
    assert outside[30, 45] < 0.01
    assert inside[20, 45] > 0.5 > outside[20, 45]  # what is like it follows
    assert plain[:5].max() == inside[:5].max() == 0  # nothing outside the box


def test_grid_cells_are_counted_on_the_screen_row_by_row(session: Session) -> None:
    box = session.current.box
    session.say("background click in cell 4")
    click = session.current.setup.clicks[-1]
    assert (click.row - box.top) / box.height == pytest.approx(1 / 8, abs=0.06)
    assert (click.column - box.left) / box.width == pytest.approx(7 / 8, abs=0.06)
    assert not session.current.mask[click.row, click.column]


def test_components_are_dropped_by_size_and_stay_dropped() -> None:
    image, labels = abdomen()
    values = image.values.copy()
    values[45:47, 20:44] = -100  # two pieces, of 9 and 9 columns at the liver's sides
    values[50:56, 20:30] = -100
    session = Session(Volume(values, image.grid, "HU"), labels)
    session.say("segment the liver")
    session.say("set the threshold to 0.3")
    session.say("foreground click in cell 4")
    session.say("foreground click in cell 1")
    assert session.say("keep only the largest component").done
    assert not session.say("remove the smallest component").done  # one is left
    left = session.current.mask
    assert session.say("set the threshold to 0.4").done
    assert not (session.current.mask & ~left).any()


def test_the_box_may_be_clicked_in_its_middle_and_the_window_changes_what_is_seen(session: Session) -> None:
    assert session.say("center click").done
    before = session.current.chances
    assert session.say("window level 40 width 60").done
    assert session.current.setup.window.width_hu == 60
    assert not np.array_equal(before, session.current.chances)


def test_the_ensemble_is_the_mean_of_three_changes(session: Session) -> None:
    start = session.current
    assert session.say("ensemble").done
    found, parts = session.current.chances, []
    for sentence in ("make the box ten pixels larger", "center click", "liver window"):
        session.say(f"revert to step {start.number}")
        assert session.say(sentence).done
        parts.append(session.current.chances)
    np.testing.assert_allclose(found, np.mean(parts, axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("problem", "answers"),
    [
        ("use the strategy for oversegmentation", ("yes", "yes", "background", "skip", "foreground", "skip")),
        ("the mask is undersegmented", ("yes", "no", "yes", "foreground", "background", "skip")),
        ("wrong part strategy", ("yes", "yes", "foreground", "background")),
        ("low HU strategy", ("yes", "no")),
    ],
)
def test_a_strategy_asks_step_by_step_and_its_log_replays(
    session: Session, problem: str, answers: tuple[str, ...]
) -> None:
    reply = session.say(problem)
    assert reply.done
    assert session.pending is not None
    for answer in answers:
        assert session.pending is not None, answer
        assert session.say(answer).done, answer
    assert session.pending is None
    again = Session(*abdomen())
    for entry in session.entries:
        again.execute(entry.command, sentence=entry.sentence)
    assert [state.digest for state in again.states] == [state.digest for state in session.states]


def test_a_strategy_can_be_left_at_any_step(session: Session) -> None:
    session.say("oversegmented, guide me")
    session.say("yes")
    assert session.say("cancel").done
    assert session.pending is None
    assert session.say("undo").done


def test_points_are_not_asked_about_on_another_structures_slice(session: Session) -> None:
    session.say("segment the left kidney")
    session.say("no")
    assert session.say("critical points").done
    assert session.say("revert to step 0").done
    assert session.current.structure == "Liver"
    assert session.pending is None
    assert not session.say("this point is foreground").done
    assert session.current.setup.clicks == ()


def test_a_revert_that_cannot_be_done_leaves_the_default_adaptation_on_offer(session: Session) -> None:
    assert not session.say("revert to step 9").done
    assert session.say("keep").done
    assert session.current.number == 1


def test_examples_change_nothing(session: Session) -> None:
    before = session.states
    reply = session.say("show me some examples")
    assert "Nothing was changed" in reply.text
    assert "pixels" in reply.text
    assert session.states == before


def test_steps_are_compared_by_their_dice(session: Session) -> None:
    session.say("make the box 3 px smaller")
    one, other = (state.mask for state in session.states)
    dice = 2 * (one & other).sum() / (one.sum() + other.sum())
    assert f"Dice is {dice:.2f}" in session.say("compare steps 0 and 1").text
    assert not session.say("compare steps 0 and 9").done


def test_slices_are_gone_to_and_the_mask_stays(session: Session) -> None:
    assert session.say("next slice").text.startswith("Slice 4 of 8")
    assert session.say("back two slices").text.startswith("Slice 2 of 8")
    assert not session.say("back two slices").done
    assert session.current.slice_number == 3


def test_finish_hands_over_the_step_that_was_named(session: Session) -> None:
    session.say("grow the box by 2 px")
    assert session.say("finish with step 0").done
    assert session.kept.number == session.current.number == 0


@pytest.mark.parametrize("plane", PLANES)
def test_every_plane_gives_the_structure_and_the_same_place_however_the_image_is_stored(plane: str) -> None:
    image, labels = abdomen()
    order, flips = (2, 0, 1), (True, False, True)
    stored = (
        Volume(*reoriented(image.values, image.grid, order, flips), "HU"),
        Labelmap(*reoriented(labels.values, labels.grid, order, flips)),
    )
    results = []
    for session in (Session(image, labels), Session(*stored)):
        assert session.say(f"{plane} plane").done
        assert session.say("segment the right kidney").done
        results.append(session.result().values)
    assert np.array_equal(reoriented(results[0], image.grid, order, flips)[0], results[1])
    inside = results[0][labels.values == id_of("Kidney Right")]
    assert results[0].sum() > 0
    assert inside.sum() == results[0].sum()


@pytest.mark.parametrize(
    ("plane", "lowest", "highest"), [("axial", "I", "S"), ("coronal", "P", "A"), ("sagittal", "R", "L")]
)
def test_slices_count_from_inferior_right_and_posterior(plane: str, lowest: str, highest: str) -> None:
    view = SliceView(grid(ABDOMEN_SHAPE, (2.0, 2.5, 5.0)), PLANES[plane])
    axis = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}[lowest]
    sign = {"R": 1, "L": -1, "A": 1, "P": -1, "S": 1, "I": -1}[highest]
    assert sign * (view.centre_ras(2)[axis] - view.centre_ras(1)[axis]) > 0


def test_propagation_ends_where_the_structure_does(session: Session) -> None:
    assert session.say("propagate").done
    found = session.result().values > 0
    reference = abdomen()[1].values == id_of("Liver")
    assert 2 * (found & reference).sum() / (found.sum() + reference.sum()) > 0.9
    assert found.any(axis=(0, 1)).tolist() == reference.any(axis=(0, 1)).tolist()
    session.say("revert to step 0")
    session.say("propagate up")
    assert not (session.result().values[:, :, :2] > 0).any()


def test_propagation_of_a_true_slice_follows_real_organs_in_every_plane(realdata: Path) -> None:
    ct = read_ct(realdata / "ct_abdomen_3mm.nii.gz")
    anatomy = read_anatomy(f"{realdata / 'ct_abdomen_3mm_totalsegmentator.nii.gz'}@totalsegmentator")
    for plane in PLANES.values():
        view, scores = SliceView(ct.grid, plane), []
        for organ in ("Liver", "Spleen", "Kidney Left", "Kidney Right", "Bladder"):
            reference = anatomy.values == id_of(organ)
            slices = view.turned(reference)
            number = int(slices.sum(axis=(1, 2)).argmax()) + 1
            found = propagated(ct.values, view, slices[number - 1], number) > 0
            scores.append(2 * (found & reference).sum() / (found.sum() + reference.sum()))
        assert np.mean(scores) > 0.8, plane.name


def test_a_thin_vessel_of_its_neighbours_hu_is_followed_through_many_slices(realdata: Path) -> None:
    """The aorta runs through 51 axial slices, the vena cava through 55, in a CT without contrast."""
    ct = read_ct(realdata / "ct_abdomen_3mm.nii.gz")
    anatomy = read_anatomy(f"{realdata / 'ct_abdomen_3mm_totalsegmentator.nii.gz'}@totalsegmentator")
    view = SliceView(ct.grid, PLANES["axial"])
    for vessel in ("Aorta", "Inferior Vena Cava"):
        reference = anatomy.values == id_of(vessel)
        slices = view.turned(reference)
        number = int(slices.sum(axis=(1, 2)).argmax()) + 1
        found = propagated(ct.values, view, slices[number - 1], number) > 0
        assert 2 * (found & reference).sum() / (found.sum() + reference.sum()) > 0.65, vessel


def test_a_bending_tube_in_noise_is_followed_to_its_end() -> None:
    rng = np.random.default_rng(4)
    tube = np.zeros((60, 60, 40), np.bool_)
    rows, columns = np.mgrid[:60, :60]
    for k in range(4, 36):
        tube[:, :, k] = np.hypot(rows - 20 - 0.4 * k, columns - 30 - 3 * np.sin(k / 6)) <= 4
    values = (np.where(tube, 50, 0) + rng.normal(0, 10, tube.shape)).astype(np.float32)
    view = SliceView(grid(tube.shape, (1.0, 1.0, 2.0)), PLANES["axial"])
    found = propagated(values, view, view.turned(tube)[20], 21) > 0
    assert 2 * (found & tube).sum() / (found.sum() + tube.sum()) > 0.8
    assert found[:, :, 5:35].any(axis=(0, 1)).all()


def test_the_border_of_a_bright_vessel_is_not_lost_from_slice_to_slice() -> None:
    rows, columns = np.mgrid[:60, :60]
    disc = np.hypot(rows - 30, columns - 30) <= 6
    blurred = ndimage.gaussian_filter(np.where(disc, 330.0, 50.0), 1.0)
    values = np.repeat(blurred[:, :, np.newaxis], 31, axis=2).astype(np.float32)
    view = SliceView(grid(values.shape, (3.0, 3.0, 3.0)), PLANES["axial"])
    start = view.slice_of(np.repeat(disc[:, :, np.newaxis], 31, axis=2), 16)
    found = view.turned(propagated(values, view, start, 16) > 0)
    assert found.any(axis=(1, 2)).all()
    assert found[0].sum() > 0.8 * start.sum()
    assert found[0].sum() < 1.2 * start.sum()


def test_a_mask_at_the_images_border_is_carried_without_a_fault() -> None:
    values = np.random.default_rng(0).normal(40, 10, (20, 20, 6)).astype(np.float32)
    view = SliceView(grid(values.shape, (1.0, 1.0, 1.0)), PLANES["axial"])
    mask = np.zeros((20, 20), np.bool_)
    mask[0, 0] = True
    assert propagated(values, view, mask, 3).shape == values.shape


_RANDOM = (
    *("segment the liver", "segment the left kidney", "move the box 3 px left", "grow the box by 2 px", "undo", "redo"),
    *("raise the threshold", "lower the threshold by 0.2", "foreground click in cell 6", "background click in cell 1"),
    *("center click", "liver window", "keep only the largest component", "remove the smallest component", "ensemble"),
    *("keep", "revert to step 0", "critical points", "foreground", "skip", "propagate", "next slice", "coronal plane"),
    *("the mask is undersegmented", "yes", "no", "compare steps 0 and 1", "finish", "cancel", "history", "axial plane"),
)


def test_a_hundred_random_sessions_replay_to_identical_masks() -> None:
    rng = np.random.default_rng(7)
    image, labels = abdomen()
    ran = 0
    for _ in range(100):
        session = Session(image, labels)
        session.say("segment the liver")
        for sentence in rng.choice(_RANDOM, 9):
            session.say(str(sentence))
        again = Session(image, labels)
        for entry in session.entries:
            command = json.loads(json.dumps(entry.command.to_json()))
            again.execute(Command(command["intent"], command["slots"]), sentence=entry.sentence)
        assert [state.digest for state in again.states] == [state.digest for state in session.states]
        assert [entry.digest for entry in again.entries] == [entry.digest for entry in session.entries]
        ran += len(session.entries)
    assert ran > 400

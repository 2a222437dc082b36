"""A session: states, undo, questions, refusals; what was said is never lost, and nothing bad changes anything."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import GridMismatch, Labelmap, Volume
from AnatomyGuidedLib.labels import id_of
from LIMISLib.actions.by_command import ACTIONS, NEED_NO_MASK
from LIMISLib.box import Box
from LIMISLib.box_finder import Finding, StructureNotFound
from LIMISLib.commands import INTENTS, Command, InvalidCommand, Question
from LIMISLib.guidance import HELP
from LIMISLib.language.phrases import table
from LIMISLib.session import NoMask, Session
from made_images import abdomen, grid, reoriented


@pytest.fixture
def session() -> Session:
    return Session(*abdomen())


class WholeBox:
    """A segmenter that fills the box, and remembers what it was shown."""

    name = "whole_box"

    def __init__(self) -> None:
        self.seen: list[Box] = []

    def chances(self, pixels_hu, prompt, *, pixel_mm):  # noqa: ARG002
        self.seen.append(prompt.box)
        chances = np.zeros(pixels_hu.shape, dtype=np.float32)
        chances[prompt.box.pixels(pixels_hu.shape)] = 1
        return chances


class OneBox:
    """A finder that knows one box."""

    name = "one_box"

    def find(self, structure, slice_number=None):
        if structure != "Liver":
            raise StructureNotFound("Only the liver is known.")
        return Finding(slice_number or 3, Box(10, 10, 20, 30))


def _drawn(*sentences: str) -> tuple[Session, WholeBox]:
    image, _ = abdomen()
    segmenter = WholeBox()
    session = Session(image, finder=OneBox(), segmenter=segmenter)
    for sentence in ("segment the liver", *sentences):
        assert session.say(sentence).done, sentence
    return session, segmenter


def test_the_result_is_the_structure_on_its_slice_with_value_1(session):
    reply = session.say("segment the liver")
    _, labels = abdomen()
    assert reply.done
    assert reply.text.startswith("Step 0. Liver on slice 3: ")
    result = session.result()
    assert result.grid == session.image.grid
    assert set(np.unique(result.values)) == {0, 1}
    assert not result.values[:, :, [0, 1, 3, 4, 5, 6, 7]].any()
    liver = labels.values == id_of("Liver")
    assert result.values[liver].sum() > 0.85 * liver[:, :, 2].sum()
    assert session.segment().value == 1
    assert session.segment().name == "Liver"


@pytest.mark.parametrize(
    ("sentence", "box"),
    [
        ("move the box left", Box(0, 10, 10, 30)),
        ("move the box 3 px right", Box(13, 10, 23, 30)),
        ("move the box 5 mm up", Box(10, 8, 20, 28)),  # pixels are 2.5 mm high
        ("move the box 5 mm to the patient's left", Box(12.5, 10, 22.5, 30)),  # and 2 mm wide
        ("move the box 2 px posterior", Box(10, 12, 20, 32)),
        ("make the box ten pixels larger", Box(0, 0, 30, 40)),
        ("make the box 5 mm larger", Box(7.5, 8, 22.5, 32)),
        ("shrink the box by 2 px on the right", Box(10, 10, 18, 30)),
        ("make the box 20 percent larger", Box(9, 8, 21, 32)),
        ("make the box 20 percent larger at the top", Box(10, 6, 20, 30)),
    ],
)
def test_the_box_moves_as_the_sentence_says_on_the_screen(sentence, box):
    session, segmenter = _drawn(sentence)
    assert session.current.box == box
    assert segmenter.seen[-1] == box


def test_the_same_sentences_mean_the_same_place_however_the_image_is_stored():
    image, labels = abdomen()
    order, flips = (2, 0, 1), (True, False, True)
    stored_image = Volume(*reoriented(image.values, image.grid, order, flips), "HU")
    stored_labels = Labelmap(*reoriented(labels.values, labels.grid, order, flips))
    one, other = Session(image, labels), Session(stored_image, stored_labels)
    for sentence in ("segment the right kidney", "move the box 4 mm to the patient's right", "grow the box by 2 px"):
        assert one.say(sentence).done
        assert other.say(sentence).done
    assert np.array_equal(reoriented(one.result().values, image.grid, order, flips)[0], other.result().values)


def test_undo_moves_to_the_state_before_and_loses_nothing(session):
    for sentence in ("segment the liver", "make the box 3 px smaller", "undo", "move the box 2 px left"):
        assert session.say(sentence).done
    assert [(state.number, state.parent) for state in session.states] == [(0, None), (1, 0), (2, 0)]
    assert session.current.number == 2
    assert session.say("revert to step 1").done
    assert session.current.number == 1


def test_redo_takes_undo_back_until_something_new_is_done(session):
    for sentence in ("segment the liver", "grow the box by 1 px", "grow the box by 1 px", "undo", "undo", "redo"):
        assert session.say(sentence).done
    assert session.current.number == 1
    session.say("move the box 1 px up")
    assert not session.say("redo").done


def test_keep_marks_the_state_and_changes_nothing(session):
    session.say("segment the liver")
    session.say("no")
    before = session.result().values
    assert session.say("keep").done
    assert session.kept is session.current
    assert np.array_equal(before, session.result().values)
    assert session.history()[0].startswith("> 0: Liver on slice 3")
    assert session.history()[0].endswith("(kept)")


def test_a_question_waits_for_its_answer_and_the_log_holds_what_was_meant(session):
    reply = session.say("segment the kidney")
    assert isinstance(reply.interpretation, Question)
    assert session.pending is not None
    assert session.say("the left one").done
    assert "Keep that?" in session.pending.text
    assert session.entries[-1].command == Command("segment", {"structure": "Kidney Left"})


def test_no_drops_the_question_and_a_new_command_replaces_it(session):
    session.say("show me the liver")
    assert session.say("no").text == "Then nothing was done."
    assert session.pending is None
    session.say("segment the kidney")
    assert session.say("segment the liver").done
    assert "Keep that?" in session.pending.text
    assert not session.say("left").done


def test_an_answer_that_leaves_a_choice_open_is_asked_on(session):
    session.say("segment costa 3")
    reply = session.say("the first one")
    assert reply.text == "Left or right rib 3? (left / right)"
    assert not session.say("yes").done
    assert session.pending is not None


@pytest.mark.parametrize(
    "sentence",
    [
        *("", "x" * 10000, "good morning", "segment the uterus", "segment the liver on slice 1"),
        *("segment the liver on slice 99", "move the box 500 px left", "make the box 40 px smaller"),
        *("move the box 3 mm superior", "redo", "undo", "revert", "revert to step 7", "don't keep it"),
    ],
)
def test_what_cannot_be_done_says_why_and_leaves_the_session_as_it_was(session, sentence):
    session.say("segment the liver")
    session.say("no")
    before = (session.current, session.states, session.entries, session.result().values.copy())
    reply = session.say(sentence)
    assert not reply.done
    assert reply.text.endswith(".")
    assert (session.current, session.states, session.entries) == before[:3]
    assert np.array_equal(session.result().values, before[3])


def test_a_box_outside_the_image_is_refused_before_the_segmenter_sees_it():
    session, segmenter = _drawn()
    for direction in ("left", "right", "up", "down"):
        reply = session.say(f"move the box {direction} by 1000 mm")
        assert "outside the image" in reply.text
    assert len(segmenter.seen) == 2  # the first mask and the default adaptation


@pytest.mark.parametrize("sentence", ["keep", "undo", "redo", "revert", "move the box left", "grow the box by 5"])
def test_before_the_first_mask_there_is_nothing_to_work_on(session, sentence):
    assert "no mask yet" in session.say(sentence).text
    with pytest.raises(NoMask):
        session.result()
    with pytest.raises(NoMask):
        session.result_slice()
    with pytest.raises(NoMask):
        session.segment()


def test_without_an_anatomy_the_sentence_says_what_is_missing():
    assert "give a label map" in Session(abdomen()[0]).say("segment the liver").text


def test_an_anatomy_on_another_grid_is_refused():
    image, labels = abdomen()
    with pytest.raises(GridMismatch):
        Session(image, Labelmap(labels.values[:-1], grid((59, 50, 8))))


def test_an_answer_cannot_be_executed_and_an_invalid_command_cannot_be_made(session):
    with pytest.raises(InvalidCommand, match="nothing was asked"):
        session.execute(Command("answer", {"choice": "left"}))
    with pytest.raises(AnatomyGuidedError):
        session.execute(Command("segment", {"structure": "Uterus"}))


def test_states_and_their_masks_cannot_be_changed(session):
    session.say("segment the liver")
    with pytest.raises(ValueError, match="read-only"):
        session.current.mask[0, 0] = True
    with pytest.raises(AttributeError):
        session.current.number = 5


def test_the_slice_alone_lies_where_the_whole_result_has_it(session):
    session.say("segment the left kidney")
    whole, alone = session.result(), session.result_slice()
    places = [labelmap.grid.ras_from_ijk(np.argwhere(labelmap.values)) for labelmap in (whole, alone)]
    assert np.allclose(*places)


def test_an_empty_mask_is_not_carried_and_handed_over_only_if_that_is_meant(session):
    for sentence in ("segment the liver", "no", "set the threshold to 1"):
        session.say(sentence)
    assert session.current.is_empty
    assert "step 1 is empty, so there is nothing to carry" in session.say("propagate").text
    reply = session.say("finish")
    assert not reply.done
    assert reply.text == "The mask of step 1 is empty. Hand over an empty mask? (yes / no)"
    assert session.say("no").text == "Then nothing was done."
    assert session.kept is None
    session.say("finish with step 1")
    assert session.say("yes").done
    assert session.kept.number == 1
    assert "There is no step 7" in session.say("finish with step 7").text
    assert session.say("finish with step 0").done


def test_a_refinement_of_a_mask_in_3d_says_that_it_is_one_slice_again(session):
    for sentence in ("segment the liver", "propagate"):
        session.say(sentence)
    assert session.current.volume is not None
    reply = session.say("raise the threshold")
    assert 'one slice again, step 1 stays in 3D; say "propagate"' in reply.text
    assert "one slice" not in session.say("raise the threshold").text
    assert "It is one slice; step 1 is in 3D." in session.say("finish").text
    assert session.say("propagate").text.startswith("Step 4. Liver in 3D")
    assert "one slice" not in session.say("finish").text


def test_every_intent_has_its_action_and_its_help():
    assert set(ACTIONS) == set(INTENTS) - {"answer"}
    assert set(HELP) == set(INTENTS)
    assert set(NEED_NO_MASK) <= set(INTENTS)
    assert set(table("guide", "intent_names").values()) <= set(INTENTS)


@pytest.mark.parametrize("sentence", ["the mask is in the wrong part", "show me examples of the grid click"])
def test_where_no_cell_of_the_grid_is_in_the_image_none_is_asked_about(sentence):
    session, _ = _drawn("move the box left by 19 pixels")  # its columns are -9 to 1, the last cells' middle is -0.25
    reply = session.say(sentence)
    while session.pending is not None:
        assert "grid cell" not in session.pending.text
        reply = session.say("no")
    assert reply.text.endswith(".")


class FailsSecond(WholeBox):
    """A segmenter that is gone when it is asked for the second time."""

    def chances(self, pixels_hu, prompt, *, pixel_mm):
        if self.seen:
            raise AnatomyGuidedError("The server is gone.")
        return super().chances(pixels_hu, prompt, pixel_mm=pixel_mm)


def test_a_first_mask_whose_adaptation_fails_leaves_nothing_behind():
    session = Session(abdomen()[0], finder=OneBox(), segmenter=FailsSecond())
    assert session.say("segment the liver").text == "The server is gone."
    assert (session.states, session.entries, session.current) == ((), (), None)


def test_steps_are_compared_where_they_can_be(session):
    for sentence in ("segment the liver on slice 4", "propagate up", "revert to step 0", "propagate down"):
        session.say(sentence)
    one, other = session.states[1].volume > 0, session.states[2].volume > 0
    dice = 2 * (one & other).sum() / (one.sum() + other.sum())
    assert dice < 0.995
    assert f"Their Dice is {dice:.2f}." in session.say("compare steps 1 and 2").text
    assert "or one is in 3D: no Dice" in session.say("compare steps 0 and 1").text
    session.say("coronal")
    session.say("segment the liver")
    assert "different planes" in session.say("compare steps 0 and 3").text


def _asked(session: Session) -> str:
    return session.pending.text if session.pending is not None else ""


def test_a_strategys_step_is_asked_until_it_is_answered_and_again_when_it_is_undone(session):
    for sentence in ("segment the liver", "no", "the mask is undersegmented"):
        session.say(sentence)
    first = "Make the box ten pixels larger?"
    assert _asked(session) == first
    for looking in ("next slice", "show me examples", "history", "perhaps not"):
        assert session.say(looking).text.endswith(f"{first} (yes / no)"), looking
    session.say("yes")
    assert _asked(session) == "Lower the threshold by 0.1?"
    assert session.say("undo").text.endswith(f"{first} (yes / no)")
    session.say("no")
    assert _asked(session) == "Lower the threshold by 0.1?"
    session.say("shrink the box by 2 pixels")
    assert _asked(session) == "Lower the threshold by 0.1?"
    session.say("undo")
    assert _asked(session) == "Lower the threshold by 0.1?"


def test_no_passes_over_a_critical_point_and_an_undone_click_is_asked_about_again(session):
    for sentence in ("segment the liver", "no", "critical points"):
        session.say(sentence)
    points = [session.asked_point]
    session.say("no")
    points.append(session.asked_point)
    session.say("foreground")
    points.append(session.asked_point)
    assert len(set(points)) == 3
    session.say("undo")
    assert session.asked_point == points[1]
    session.say("background")
    assert session.say("no").done
    assert session.asked_point is None
    replayed = Session(*abdomen())
    for entry in session.entries:
        replayed.execute(entry.command)
    assert replayed.current.digest == session.current.digest


def test_a_mask_that_is_carried_one_way_after_the_other_is_whole(session):
    session.say("segment the liver on slice 4")
    session.say("propagate")
    whole = session.result().values
    for sentence in ("revert to step 0", "propagate up"):
        session.say(sentence)
    assert session.result().values.sum() < whole.sum()
    assert session.say("propagate down").text.endswith("What step 2 had in 3D is in it.")
    assert np.array_equal(session.result().values, whole)

"""Sentences that say a command in a roundabout way: what they mean, written by hand, and that nothing else runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from LIMISLib.commands import Command, Question, Rejection
from LIMISLib.language import parse
from LIMISLib.language.second_thoughts import corrected

_DATA = Path(__file__).parents[1] / "data"


def _meant(sentence: str) -> tuple[str, dict[str, object]]:
    meaning = parse(sentence)
    assert isinstance(meaning, Command), meaning
    return meaning.intent, dict(meaning.slots)


@pytest.mark.parametrize(
    ("sentence", "intent", "slots"),
    [
        ("I'd like to have the liver outlined", "segment", {"structure": "Liver"}),
        ("could I get the aorta contoured on slice one twenty", "segment", {"structure": "Aorta", "slice": 120}),
        ("on slice eight I'd like to see the spleen outlined", "segment", {"structure": "Spleen", "slice": 8}),
        ("it is the left kidney that I want outlined", "segment", {"structure": "Kidney Left"}),
        ("the pancreas is what I want segmented", "segment", {"structure": "Pancreas"}),
        ("can I have that undone", "undo", {}),
        ("I want that redone", "redo", {}),
        ("please get the mask propagated upwards", "propagate", {"direction": "up"}),
        ("let us have step two shown next to step five", "compare", {"steps": (2, 5)}),
        ("may I have the next slice shown", "go_to_slice", {"move": "next"}),
        ("I need component three removed", "remove_component", {"component": 3}),
        ("have the threshold set to 0.45 please", "set_threshold", {"value": 0.45}),
        ("could we have the box moved ten pixels left", "shift_box", {"direction": "left", "amount": 10, "unit": "px"}),
        ("I need the box made 5 mm larger", "resize_box", {"amount": 5, "unit": "mm"}),
        ("I'd like the mask of step seven handed over", "finish", {"step": 7}),
    ],
)
def test_what_one_wants_to_have_done_is_done(sentence, intent, slots):
    assert _meant(sentence) == (intent, slots)


@pytest.mark.parametrize(
    ("sentence", "intent", "slots"),
    [
        ("could the spleen be marked", "segment", {"structure": "Spleen"}),
        ("the liver still needs to be segmented", "segment", {"structure": "Liver"}),
        ("let step eleven be restored", "revert", {"step": 11}),
        ("then the sagittal plane gets displayed", "set_plane", {"plane": "sagittal"}),
        ("can the last step be taken back please", "undo", {}),
        ("next the threshold should be raised by 0.1", "change_threshold", {"direction": "up", "amount": 0.1}),
        ("the box could be ten pixels larger", "resize_box", {"amount": 10, "unit": "px"}),
        ("the threshold can be a little lower please", "change_threshold", {"direction": "down"}),
        ("the box needs moving five pixels up", "shift_box", {"direction": "up", "amount": 5, "unit": "px"}),
    ],
)
def test_passives_are_turned(sentence, intent, slots):
    assert _meant(sentence) == (intent, slots)


@pytest.mark.parametrize(
    ("sentence", "intent", "slots"),
    [
        ("outlining the liver would be great", "segment", {"structure": "Liver"}),
        ("I suggest undoing that", "undo", {}),
        ("removing component two is next", "remove_component", {"component": 2}),
        ("keeping only the largest component is what I want", "keep_largest", {}),
        ("going to slice nine now please", "go_to_slice", {"slice": 9}),
        ("could you start by running the ensemble", "ensemble", {}),
        ("how about trying a threshold of 0.3", "set_threshold", {"value": 0.3}),
    ],
)
def test_things_to_do_are_done(sentence, intent, slots):
    assert _meant(sentence) == (intent, slots)


@pytest.mark.parametrize(
    ("sentence", "intent", "slots"),
    [
        ("I was wondering if you could outline the spleen for me", "segment", {"structure": "Spleen"}),
        ("would it be possible for you to undo that", "undo", {}),
        ("be so kind as to go to slice 12", "go_to_slice", {"slice": 12}),
        ("you could keep only the largest component", "keep_largest", {}),
        ("right, run the ensemble", "ensemble", {}),
        ("next remove the smallest piece", "remove_component", {"which": "smallest"}),
        ("I am going to carry the mask to the neighbouring slices", "propagate", {}),
        ("move the box up 5 px so that we can see it", "shift_box", {"direction": "up", "amount": 5, "unit": "px"}),
        ("use the lung window straight away", "set_window", {"preset": "lung"}),
        ("make that box of yours 5 px bigger", "resize_box", {"amount": 5, "unit": "px"}),
        ("make the box like twelve pixels smaller", "resize_box", {"amount": -12, "unit": "px"}),
        ("undo undo", "undo", {}),
        ("undo the undo", "redo", {}),
    ],
)
def test_what_stands_around_a_command_is_left_out(sentence, intent, slots):
    assert _meant(sentence) == (intent, slots)


@pytest.mark.parametrize(
    ("sentence", "intent", "slots"),
    [
        ("give the box a little nudge to the left", "shift_box", {"direction": "left"}),
        ("component four does not belong there, remove it", "remove_component", {"component": 4}),
        ("the smallest component is noise, remove it", "remove_component", {"which": "smallest"}),
        ("a lower threshold please", "change_threshold", {"direction": "down"}),
        ("that made it worse, undo it", "undo", {}),
        ("step two was better, go on from there", "revert", {"step": 2}),
        ("step four is the final one, hand it over", "finish", {"step": 4}),
        ("I changed my mind, cancel", "cancel", {}),
        ("show me steps two and six", "compare", {"steps": (2, 6)}),
        (
            "it is too far left, move the box right by 6 px",
            "shift_box",
            {"direction": "right", "amount": 6, "unit": "px"},
        ),
        ("use the low h u strategy", "strategy", {"problem": "low_hu"}),
        ("I want a three d segment", "propagate", {}),
    ],
)
def test_nouns_and_reasons_are_understood(sentence, intent, slots):
    assert _meant(sentence) == (intent, slots)


@pytest.mark.parametrize(
    ("sentence", "intent", "slots"),
    [
        ("move the box left, no, right by 5 px", "shift_box", {"direction": "right", "amount": 5, "unit": "px"}),
        ("move the box left by 5 px, sorry, right", "shift_box", {"direction": "right", "amount": 5, "unit": "px"}),
        ("make the box ten pixels larger, I mean 20 mm", "resize_box", {"amount": 20, "unit": "mm"}),
        ("go to slice forty, no sorry, fifty", "go_to_slice", {"slice": 50}),
        ("outline the left kidney, sorry, the right one", "segment", {"structure": "Kidney Right"}),
        ("outline the spleen, no wait, the pancreas", "segment", {"structure": "Pancreas"}),
        ("switch to axial, no, coronal", "set_plane", {"plane": "coronal"}),
        ("remove the smallest component, I mean the largest", "remove_component", {"which": "largest"}),
    ],
)
def test_second_thoughts_replace_the_first(sentence, intent, slots):
    assert _meant(sentence) == (intent, slots)


@pytest.mark.parametrize(
    "sentence",
    [
        "go to component no 3",
        "move the box left by 10 no 5 pixels",
        "move the box left no undo that",
        "segment the liver no",
        "the left kidney no it is fine",
        "go to slice forty no don't go to fifty",
        "left no right no left",
    ],
)
def test_no_thought_is_second_without_something_to_replace(sentence):
    assert corrected(sentence.replace("don't", "do not").split()) == []
    assert not isinstance(parse(sentence), Command)


_NEVER_RUN = (_DATA / "never_run.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("sentence", _NEVER_RUN)
def test_what_is_told_denied_or_about_something_else_is_never_run(sentence):
    assert not isinstance(parse(sentence), Command), parse(sentence)


_AROUND = (
    "please {}",
    "could you {}",
    "i would like to have {} please",
    "i want {}",
    "next {}",
    "i was wondering if you could {}",
    "{} would be great",
    "right {}",
    "that is wrong {}",
    "{} no sorry left",
)


def _unrelated() -> list[str]:
    return [
        line for path in sorted(_DATA.glob("voice_*_unrelated.txt")) for line in path.read_text("utf-8").splitlines()
    ]


@pytest.mark.parametrize("around", _AROUND)
def test_talk_is_no_command_whatever_stands_around_it(around):
    run = [said for line in _unrelated() if isinstance(parse(said := around.format(line)), Command)]
    assert run == []


@pytest.mark.parametrize(
    "denied",
    ["don't {}", "do not {} please", "never {}", "you should not {}", "i would not {}", "i was told not to {}"],
)
def test_a_denied_command_never_runs(denied):
    plain = (
        *("segment the liver", "undo that", "move the box left by five pixels", "make the box ten pixels larger"),
        *("keep only the largest component", "propagate the mask", "go to slice five", "hand over the final mask"),
        *("set the threshold to 0.5", "remove component two", "run the ensemble", "go back to step two"),
    )
    for command in plain:
        assert isinstance(parse(command), Command), command
        assert not isinstance(parse(denied.format(command)), Command), denied.format(command)


@pytest.mark.parametrize("sentence", ["five millimeters to the left", "cut off seven pixels at the top", "five px up"])
def test_where_the_box_is_not_named_it_is_asked_about(sentence):
    assert isinstance(parse(sentence), Question)
    assert isinstance(parse("to the left"), Rejection)


@pytest.mark.parametrize(
    ("sentence", "intent", "slots"),
    [
        ("the left humerus please, mark it", "segment", {"structure": "Humerus Left"}),
        ("T7, could you outline that one for me", "segment", {"structure": "Vertebra T7"}),
        ("right kidney, outline it", "segment", {"structure": "Kidney Right"}),
        ("RLL, can you contour that one for me?", "segment", {"structure": "Lung Lower Lobe Right"}),
        (
            "so the left ventricle of the heart, may I have that marked",
            "segment",
            {"structure": "Heart Ventricle Left"},
        ),
        ("component two, please delete it", "remove_component", {"component": 2}),
        ("the threshold, can you raise it a bit", "change_threshold", {"direction": "up"}),
        ("the box is a bit tight, make it 6 px bigger", "resize_box", {"amount": 6, "unit": "px"}),
    ],
)
def test_what_is_named_first_is_what_is_done_to(sentence, intent, slots):
    assert _meant(sentence) == (intent, slots)


@pytest.mark.parametrize(
    ("sentence", "structure"),
    [
        ("segment the right kidney, not the left", "Kidney Right"),
        ("not the left kidney, the right one", "Kidney Right"),
        ("outline the left adrenal gland and not the right one", "Adrenal Gland Left"),
        ("not the right femur but the left", "Femur Left"),
    ],
)
def test_of_two_sides_the_one_that_is_not_denied_is_meant(sentence, structure):
    assert _meant(sentence) == ("segment", {"structure": structure})


@pytest.mark.parametrize(
    ("sentence", "intents"),
    [
        ("maybe finish", ("finish",)),
        ("I guess we are done", ("finish",)),
        ("cancel the last step", ("undo", "cancel")),
        ("go to the last slice", ("go_to_slice",)),
    ],
)
def test_what_is_doubtful_and_ends_or_moves_something_is_asked(sentence, intents):
    asked = parse(sentence)
    assert isinstance(asked, Question)
    assert tuple(command.intent for command in asked.outcomes) == intents

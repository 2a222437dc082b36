"""What the session offers of itself: help, the four guided strategies, critical points (thesis 3.3.2.2)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from LIMISLib.actions.refinements import cell_of
from LIMISLib.commands import Command, Question
from LIMISLib.random_walk import Chances
from LIMISLib.states import State

HELP: Mapping[str, str] = {
    "segment": 'Say a structure: "segment the left kidney", "outline L3 on slice 40".',
    "shift_box": 'Move the box: "move the box 5 pixels left", "shift the box 3 mm towards the patient\'s right".',
    "resize_box": 'Change the box: "make the box ten pixels larger", "shrink the box by 5 mm at the top".',
    "set_threshold": 'Say from which probability on a pixel belongs to the mask: "set the threshold to 0.6".',
    "change_threshold": 'Move the threshold: "raise the threshold", "lower the threshold by 0.05".',
    "grid_click": 'Click in one of 16 cells over the box, row by row: "foreground click in cell 6".',
    "center_click": 'Say "center click": the middle of the box is the structure.',
    "critical_points": 'Say "critical points": the most doubtful places are asked about one by one.',
    "answer_critical": 'While a point is asked about, say "foreground", "background" or "skip".',
    "set_window": 'Choose what HU matter: "liver window", "window level 40 width 400".',
    "remove_component": 'Drop a piece, counted by size: "remove component 2", "delete the smallest component".',
    "keep_largest": 'Say "keep only the largest component".',
    "ensemble": 'Say "ensemble": a larger box, a centre click and another window together.',
    "show_examples": 'Say "show examples": what some steps would do; nothing is changed.',
    "strategy": 'Say what is wrong: "the mask is oversegmented", "undersegmented", "wrong part", "low HU".',
    "keep": 'Say "keep" to mark this step as the one you want.',
    "revert": 'Go on from an earlier step: "revert to step 2"; "revert" alone is the step before.',
    "undo": 'Say "undo".',
    "redo": 'Say "redo" after undo.',
    "compare": 'See two steps beside each other: "compare steps 1 and 3".',
    "show_history": 'Say "history" for all steps.',
    "go_to_slice": 'Move through the slices: "slice 42", "next slice", "back three slices".',
    "propagate": 'Carry the mask to the other slices: "propagate", "propagate up".',
    "finish": 'Hand over the mask: "finish", "finish with step 2".',
    "cancel": 'Say "cancel" to leave what is being asked.',
    "help": 'Say "help", or "help with the threshold".',
    "set_plane": 'Choose the plane before a structure: "coronal", "sagittal", "axial".',
    "answer": "Answer with one of the words in the question.",
    "repeat": 'Say "repeat that".',
}
_FIRST_WORDS = (
    'You can say "segment the liver", move or resize the box, set the threshold or the window, click in the grid, drop '
    'components, "propagate", "undo", "keep", "finish". Say "help with the box size" and so on for more.'
)
_WINDOW_OF = (
    (("Lung", "Bronchus", "Trachea"), "lung"),
    (
        ("Vertebra", "Costa", "Rib", "Hip", "Sacrum", "Femur", "Humerus", "Scapula", "Clavicula", "Sternum", "Skull"),
        "bone",
    ),
    (("Brain",), "brain"),
    (("Liver", "Spleen", "Gallbladder"), "liver"),
    (("Heart", "Thymus", "Esophagus"), "mediastinum"),
    (("Artery", "Vein", "Vena", "Aorta", "Iliac", "Portal", "Celiac", "Pulmonary", "Inferior", "Internal"), "abdomen"),
    (("Spinal",), "spine"),
    (("Kidney", "Pancreas", "Stomach", "Duodenum", "Colon", "Small", "Bladder", "Adrenal"), "abdomen"),
)
_STRATEGIES: Mapping[str, tuple[str, ...]] = {
    "wrong_part": ("center", "window", "grid", "grid"),
    "oversegmented": ("raise", "critical", "grid"),
    "undersegmented": ("grow", "lower", "critical"),
    "low_hu": ("narrow", "window"),
}
_POINTS, _APART = 3, 0.15  # critical points, and their distance as a share of the box


def help_text(intent: str) -> str:
    """What to say for an intent, or in general for none."""
    return HELP.get(intent, _FIRST_WORDS)


def usual_window(structure: str) -> str:
    """The preset in which the structure is read.

    >>> usual_window("Liver"), usual_window("Vertebra L3"), usual_window("Gluteus Maximus Left")
    ('liver', 'bone', 'soft_tissue')
    """
    return next((preset for starts, preset in _WINDOW_OF if structure.startswith(starts)), "soft_tissue")


def steps_of(problem: str) -> list[str]:
    """The steps of a guided strategy, in order."""
    return list(_STRATEGIES[problem])


def question_of(step: str, state: State, asked_cells: int, *, middle_hu: int) -> Question | None:
    """What a step of a strategy asks; its outcomes are commands. None if no cell of the grid is left."""
    if step == "grid":
        cell = next(iter(doubtful_cells(state)[asked_cells:]), None)
        if cell is None:
            return None
        options = ("foreground", "background", "skip")
        clicks = tuple(Command("grid_click", {"cell": cell, "label": label}) for label in options[:2])
        return Question(f"Is the middle of grid cell {cell} foreground or background?", options, clicks)
    preset = usual_window(state.structure)
    text, command = {
        "center": ("Add a click at the centre of the box?", Command("center_click")),
        "window": (f"Use the {preset.replace('_', ' ')} window?", Command("set_window", {"preset": preset})),
        "narrow": (
            f"Use a narrow window around {middle_hu} HU?",
            Command("set_window", {"level": middle_hu, "width": 150}),
        ),
        "raise": ("Raise the threshold by 0.1?", Command("change_threshold", {"direction": "up", "amount": 0.1})),
        "lower": ("Lower the threshold by 0.1?", Command("change_threshold", {"direction": "down", "amount": 0.1})),
        "grow": ("Make the box ten pixels larger?", Command("resize_box", {"amount": 10, "unit": "px"})),
        "critical": ("Go through the most doubtful points?", Command("critical_points")),
    }[step]
    return Question(text, ("yes", "no"), (command,))


def doubtful_cells(state: State) -> list[int]:
    """Cells of the grid, those first whose middle has a probability near the threshold."""
    rows, columns = state.chances.shape
    places = {cell: cell_of(state.box, cell) for cell in range(1, 17)}
    inside = {cell: at for cell, at in places.items() if 0 <= at[0] < rows and 0 <= at[1] < columns}
    return sorted(inside, key=lambda cell: (abs(float(state.chances[inside[cell]]) - state.setup.threshold), cell))


def critical_points(state: State) -> list[tuple[int, int]]:
    """Pixels [row, column] of the box that are nearest to the threshold, apart from each other."""
    inside = state.box.pixels((state.chances.shape[0], state.chances.shape[1]))
    doubt: Chances = np.abs(ndimage.uniform_filter(state.chances, 3)[inside] - np.float32(state.setup.threshold))
    found: list[tuple[int, int]] = []
    apart = max(2.0, _APART * max(state.box.width, state.box.height))
    rows, columns = np.unravel_index(np.argsort(doubt, axis=None, kind="stable"), doubt.shape)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        at = (row + inside[0].start, column + inside[1].start)
        if all(np.hypot(at[0] - other[0], at[1] - other[1]) >= apart for other in found):
            found.append(at)
        if len(found) == _POINTS:
            break
    return found


def examples(intent: str, state: State) -> list[Command]:
    """Commands whose effect is worth a look."""
    some = [
        Command("resize_box", {"amount": 10, "unit": "px"}),
        Command("change_threshold", {"direction": "down"}),
        Command("center_click"),
        Command("set_window", {"preset": usual_window(state.structure)}),
    ]
    more = {
        "resize_box": [some[0], Command("resize_box", {"amount": -10, "unit": "px"})],
        "shift_box": [Command("shift_box", {"direction": way}) for way in ("left", "right", "up", "down")],
        "change_threshold": [some[1], Command("change_threshold", {"direction": "up"})],
        "set_threshold": [Command("set_threshold", {"value": value}) for value in (0.3, 0.7)],
        "center_click": [some[2]],
        "set_window": [Command("set_window", {"preset": preset}) for preset in ("soft_tissue", "liver", "bone")],
        "grid_click": [
            Command("grid_click", {"cell": cell, "label": label})
            for cell in doubtful_cells(state)[:1]
            for label in ("foreground", "background")
        ],
        "ensemble": [Command("ensemble")],
        "keep_largest": [Command("keep_largest")],
    }
    return more.get(intent, some)

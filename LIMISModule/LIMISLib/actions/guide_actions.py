"""What commands do that ask or explain: critical points, strategies, examples, help, cancel, repeat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError

from LIMISLib import guidance
from LIMISLib.actions import mask_actions
from LIMISLib.commands import Command
from LIMISLib.guide import Guide
from LIMISLib.language.wording import in_words
from LIMISLib.prompt import Click
from LIMISLib.workbench import Workbench


def critical_points(bench: Workbench, command: Command) -> str:  # noqa: ARG001
    """The most doubtful places; they are asked about one by one."""
    points = guidance.critical_points(bench.tree.required())
    bench.dialogue.guide.ask_about(points)
    return f"{len(points)} points are doubtful."


def answer_critical(bench: Workbench, command: Command) -> str:
    """The point that is asked about becomes a click, or is skipped."""
    state, guide = bench.tree.required(), bench.dialogue.guide
    if guide.point is None:
        raise AnatomyGuidedError('No point is being asked about; say "critical points" first.')
    text = "The point is skipped."
    number = None
    if command.word("label") != "skip":
        click = Click(*guide.point, command.word("label") == "foreground")
        text = bench.add(command, replace(state.setup, clicks=(*state.setup.clicks, click)))
        number = bench.tree.required().number
    guide.point_is_settled(number)
    return text


def strategy(bench: Workbench, command: Command) -> str:
    """A guided strategy begins; it asks step by step."""
    bench.dialogue.guide = Guide(command.word("problem"))
    problem = command.word("problem").replace("_", " ").replace("hu", "HU")
    return f"Against {problem}, step by step; say no to leave one out."


def show_examples(bench: Workbench, command: Command) -> str:
    """What some steps would change."""
    state = bench.tree.required()
    lines = []
    for example in guidance.examples(command.word("of"), state):
        try:
            mask = mask_actions.preview(bench, example)
        except AnatomyGuidedError:
            continue  # an example that cannot be run here is none
        lines.append(f"{in_words(example)}: {np.count_nonzero(mask) - np.count_nonzero(state.mask):+d} pixels")
    return "; ".join(lines) + ". Nothing was changed." if lines else "None of them can be done here."


def get_help(bench: Workbench, command: Command) -> str:  # noqa: ARG001
    """What can be said."""
    return guidance.help_text(command.word("of"))


def cancel(bench: Workbench, command: Command) -> str:  # noqa: ARG001
    """What was being asked is asked no more."""
    is_asking = bench.dialogue.pending or bench.dialogue.guide.is_active
    return "Nothing is asked any more." if is_asking else "Nothing was running."


def repeat(bench: Workbench, command: Command) -> str:  # noqa: ARG001
    """The last answer again."""
    return bench.said or "Nothing was said yet."

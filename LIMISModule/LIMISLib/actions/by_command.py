"""What each command does: an action a line. To add one, see "Adding a command" in docs/limis.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from LIMISLib.actions import guide_actions, history_actions, mask_actions, view_actions
from LIMISLib.actions.refinements import REFINEMENTS
from LIMISLib.commands import Command
from LIMISLib.workbench import Workbench

Action = Callable[[Workbench, Command], str]  # what was done, in a sentence; if it raises, all is as it was

ACTIONS: Mapping[str, Action] = {
    **dict.fromkeys(REFINEMENTS, mask_actions.refine),
    "segment": mask_actions.segment,
    "ensemble": mask_actions.ensemble,
    "propagate": mask_actions.propagate,
    "critical_points": guide_actions.critical_points,
    "answer_critical": guide_actions.answer_critical,
    "strategy": guide_actions.strategy,
    "show_examples": guide_actions.show_examples,
    "help": guide_actions.get_help,
    "cancel": guide_actions.cancel,
    "repeat": guide_actions.repeat,
    "keep": history_actions.keep,
    "undo": history_actions.undo,
    "redo": history_actions.redo,
    "revert": history_actions.revert,
    "compare": history_actions.compare,
    "show_history": history_actions.show_history,
    "finish": history_actions.finish,
    "go_to_slice": view_actions.go_to_slice,
    "set_plane": view_actions.set_plane,
}

NEED_NO_MASK = ("segment", "go_to_slice", "set_plane", "help", "repeat", "cancel", "show_history")

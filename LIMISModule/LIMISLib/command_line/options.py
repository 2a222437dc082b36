"""Which options each form of `anatomyguided limis` takes, and what several forms make of them."""

from __future__ import annotations

import argparse
from collections.abc import Set
from pathlib import Path

from AnatomyGuidedLib.errors import UsageError

from LIMISLib.language.proposer import CommandProposer, LanguageModelProposer
from LIMISLib.prompt_segmenter import PromptSegmenter
from LIMISLib.segmenters.registry import DEFAULT, SegmenterChoice, open_segmenter, segmenter_choice

SEGMENTER_OPTIONS = ("segmenter", "allow_remote")

_SHOWN = {
    "output": "-o",
    "log": "--log",
    "said": "--say, --script or --wav",
    "recognizer": "--recognizer",
    "anatomy": "--anatomy",
    "finder": "--finder",
    "image": "--image",
    "force": "--force",
    "html": "--html",
    "participant": "--participant",
    "config": "--config",
    "language_model": "--language-model",
    "segmenter": "--segmenter",
    "allow_remote": "--allow-remote",
}


def require_call(
    arguments: argparse.Namespace, name: str, *, needed: Set[str] = frozenset(), allowed: Set[str] = frozenset()
) -> None:
    """Nothing if the call has the options it needs, and no others than these and the allowed ones.

    Raises:
        UsageError: It has not.
    """
    for option, shown in _SHOWN.items():
        given = bool(getattr(arguments, option))
        if option in needed and not given:
            raise UsageError(f"{name}: {shown} is needed (see anatomyguided limis --help).")
        if given and option not in needed | allowed:
            raise UsageError(f"{name} takes no {shown} (see anatomyguided limis --help).")


def only_file(words: list[str], name: str) -> Path:
    """The one file of the call.

    Raises:
        UsageError: There is none, or more than one.
    """
    if len(words) != 1:
        raise UsageError(f"{name}: one file was expected, but {len(words)} were given.")
    return Path(words[0])


def proposer_of(arguments: argparse.Namespace) -> CommandProposer | None:
    """The language model of the call, if it names one."""
    return LanguageModelProposer(arguments.language_model) if arguments.language_model else None


def segmenter_of(arguments: argparse.Namespace) -> tuple[SegmenterChoice, PromptSegmenter]:
    """What was chosen, with its weights' checksum, and the segmenter itself."""
    choice = segmenter_choice(arguments.segmenter or DEFAULT)
    segmenter = open_segmenter(choice, allow_remote=arguments.allow_remote)
    return SegmenterChoice(choice.name, choice.place, segmenter.weights_sha256), segmenter

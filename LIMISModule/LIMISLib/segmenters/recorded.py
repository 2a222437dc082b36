"""The segmenter in a session's log: its name, where its weights lay and their sha256; and opening it again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError

from LIMISLib.prompt_segmenter import PromptSegmenter
from LIMISLib.segmenters.registry import (
    SegmenterChoice,
    lies_in_files,
    open_segmenter,
    require_known,
    segmenter_choice,
)


def choice_to_json(choice: SegmenterChoice, folder: Path) -> dict[str, object]:
    """The choice for a log in `folder`: files by their path relative to it, models by name, no server's address."""
    entry: dict[str, object] = {"name": choice.name, "weights_sha256": choice.weights_sha256}
    if choice.place and lies_in_files(choice):
        place = Path(choice.place)
        entry["place"] = relative_path(place, folder) if place.exists() else choice.place
        entry["is_path"] = place.exists()
    return entry


def choice_from_json(data: object, folder: Path) -> SegmenterChoice:
    """The choice that a log in `folder` tells; the default one where it tells none.

    Raises:
        AnatomyGuidedError: The entry is damaged, or its segmenter is none that is known here.
    """
    if data is None:
        return SegmenterChoice()
    if not isinstance(data, Mapping) or not isinstance(data.get("name"), str):
        raise AnatomyGuidedError("The segmenter in the log's first line is damaged: it has no name.")
    place = str(data.get("place", ""))
    choice = SegmenterChoice(
        str(data["name"]),
        str(folder / place) if data.get("is_path") is True else place,
        str(data.get("weights_sha256", "")),
    )
    require_known(choice.name)
    return choice


def opened_again(recorded: SegmenterChoice, given: str | None, *, allow_remote: bool = False) -> PromptSegmenter:
    """The recorded segmenter with the recorded weights; `given` (`NAME:PLACE`) says where these are now.

    Raises:
        AnatomyGuidedError: Another segmenter was given, its weights are others or gone, or its server was not named.
    """
    now = segmenter_choice(given) if given else recorded
    if now.name != recorded.name:
        raise AnatomyGuidedError(
            f"The session's masks were made by {recorded.name}, but --segmenter {now.name} was given; a replay needs "
            "the same one."
        )
    if not now.place and not lies_in_files(now):
        raise AnatomyGuidedError(
            f"The session's masks were made by a server; say where one is now with --segmenter {now.name}:ADDRESS."
        )
    opened = open_segmenter(SegmenterChoice(now.name, now.place, recorded.weights_sha256), allow_remote=allow_remote)
    if opened.weights_sha256 and not recorded.weights_sha256:
        raise AnatomyGuidedError(f"The log does not tell the sha256 of {recorded.name}'s weights; it is damaged.")
    return opened


def relative_path(path: Path, folder: Path) -> str:
    """The path from the folder, with forward slashes; the absolute one where they lie on different drives."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()

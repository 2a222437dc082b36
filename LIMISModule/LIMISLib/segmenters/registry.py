"""The segmenters by name: `NAME` or `NAME:PLACE`, as the command line and a session's log say them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError

from LIMISLib.prompt_segmenter import PromptSegmenter, SeededGrowth
from LIMISLib.random_walk import RandomWalk
from LIMISLib.segmenters.nninteractive import NNInteractive
from LIMISLib.segmenters.sam import medsam, sam, scribbleprompt_sam
from LIMISLib.segmenters.scribbleprompt import scribbleprompt
from LIMISLib.segmenters.weights import BUNDLED

DEFAULT = "random_walk"


@dataclass(frozen=True)
class SegmenterChoice:
    """A segmenter's name, where its weights or server are (empty: its own), and the weights' sha256 once opened."""

    name: str = DEFAULT
    place: str = ""
    weights_sha256: str = ""

    @property
    def text(self) -> str:
        """As the command line takes it."""
        return f"{self.name}:{self.place}" if self.place else self.name


@dataclass(frozen=True)
class KnownSegmenter:
    """How a segmenter is called, how it is made of a place, and whether that place is a file or folder."""

    usage: str
    make: Callable[[str, bool], PromptSegmenter]
    needs_place: bool = False
    takes_place: bool = True
    lies_in_files: bool = True


_KNOWN: Mapping[str, KnownSegmenter] = {
    "random_walk": KnownSegmenter("random_walk", lambda *_: RandomWalk(), takes_place=False),
    "seeded_growth": KnownSegmenter("seeded_growth", lambda *_: SeededGrowth(), takes_place=False),
    "scribbleprompt": KnownSegmenter(
        "scribbleprompt[:MODEL, FOLDER or FILE]", lambda at, _: scribbleprompt(at or BUNDLED)
    ),
    "scribbleprompt_sam": KnownSegmenter(
        "scribbleprompt_sam:FOLDER or FILE", lambda at, _: scribbleprompt_sam(at), True
    ),
    "sam": KnownSegmenter("sam:FOLDER or FILE", lambda at, _: sam(at), True),
    "medsam": KnownSegmenter("medsam:FOLDER or FILE", lambda at, _: medsam(at), True),
    "nninteractive": KnownSegmenter(
        "nninteractive:ADDRESS",
        lambda at, remote: NNInteractive.at(at, allow_remote=remote),
        needs_place=True,
        lies_in_files=False,
    ),
}


def segmenter_names() -> tuple[str, ...]:
    """The names, in the order in which they are listed."""
    return tuple(_KNOWN)


def listed_segmenters() -> str:
    """How each is called, for a message or help."""
    return ", ".join(known.usage for known in _KNOWN.values())


def segmenter_choice(text: str) -> SegmenterChoice:
    """What `NAME` or `NAME:PLACE` asks for.

    >>> segmenter_choice("nninteractive:http://127.0.0.1:1527").place
    'http://127.0.0.1:1527'

    Raises:
        UsageError: There is no segmenter of that name, it needs a place, or it takes none.
    """
    name, _, place = text.partition(":")
    known = require_known(name)
    if known.needs_place and not place:
        raise UsageError(f"The segmenter {name} needs a place: {known.usage}.")
    if place and not known.takes_place:
        raise UsageError(f"The segmenter {name} takes no place, but {place!r} was given.")
    return SegmenterChoice(name, place)


def require_known(name: str) -> KnownSegmenter:
    """How the segmenter of this name is called and made.

    Raises:
        UsageError: There is none.
    """
    known = _KNOWN.get(name)
    if known is None:
        raise UsageError(f"There is no segmenter {name!r}; there are {listed_segmenters()}.")
    return known


def lies_in_files(choice: SegmenterChoice) -> bool:
    """Whether the place of the choice is, or may be, a file or folder."""
    return _KNOWN[choice.name].lies_in_files


def open_segmenter(choice: SegmenterChoice, *, allow_remote: bool = False) -> PromptSegmenter:
    """The segmenter; with `allow_remote` one on a server may be on another machine, which then gets the image.

    Raises:
        AnatomyGuidedError: Its weights are missing or damaged, its server is elsewhere, or they are not the weights
            whose sha256 the choice demands.
    """
    opened = _KNOWN[choice.name].make(choice.place, allow_remote)
    if choice.weights_sha256 and opened.weights_sha256 != choice.weights_sha256:
        raise AnatomyGuidedError(
            f"The segmenter {choice.name} was used with other weights (sha256 {choice.weights_sha256[:12]}...; those "
            f"here have {opened.weights_sha256[:12]}...), so its masks would differ; name the old ones with "
            f"--segmenter {choice.name}:PLACE."
        )
    return opened

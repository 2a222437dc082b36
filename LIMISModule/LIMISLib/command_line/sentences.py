"""The sentences of a call, typed, in scripts and spoken, in the order in which they are given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError

_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Said:
    """What one --say, --script or --wav says: a sentence, or the file that holds it."""

    text: str
    kind: str

    @property
    def is_spoken(self) -> bool:
        return self.kind == "wav"

    @property
    def shown(self) -> str:
        """The sentence, cut where it is long, or the file's name."""
        if self.kind != "sentence":
            return Path(self.text).name
        return self.text if len(self.text) <= _LONGEST_SHOWN else f"{self.text[: _LONGEST_SHOWN - 3]}..."


def sentence(text: str) -> Said:
    """A typed sentence."""
    return Said(text, "sentence")


def script(text: str) -> Said:
    """A file with a sentence a line."""
    return Said(text, "script")


def wav(text: str) -> Said:
    """A file with a spoken sentence."""
    return Said(text, "wav")


def all_sentences(said: list[Said]) -> list[Said]:
    """Typed and spoken sentences, with a script's in its place.

    Raises:
        UsageError: There are none.
        AnatomyGuidedError: A script is no text.
    """
    found = [one for item in said for one in (_lines(Path(item.text)) if item.kind == "script" else [item])]
    if not found:
        raise UsageError("anatomyguided limis: the script holds no sentence.")
    return found


def _lines(path: Path) -> list[Said]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise AnatomyGuidedError(f"{path.name} is no text in UTF-8, but sentences were expected.") from None
    return [sentence(line.strip()) for line in lines if line.strip() and not line.lstrip().startswith("#")]

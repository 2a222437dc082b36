"""`anatomyguided limis hear`: what is heard in sound files, and what it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import UsageError

from LIMISLib.commands import Command
from LIMISLib.language import parse
from LIMISLib.voice.read_back import needs_read_back
from LIMISLib.voice.recognizer import SURE, Heard, recognizer
from LIMISLib.voice.speech import read_wav


def hear_files(names: list[str], recognizer_name: str, console: Console) -> Mapping[str, object]:
    """What was heard; a line of JSON for each file goes to standard output.

    Raises:
        UsageError: No file was named.
        AnatomyGuidedError: A file cannot be read, or the recogniser is not installed.
    """
    if not names:
        raise UsageError("anatomyguided limis hear: a WAV file was expected.")
    sounds = [read_wav(Path(name)) for name in names]
    hearing = recognizer(recognizer_name)
    found = [_as_json(hearing.recognize(sound)) for sound in sounds]
    for one in found:
        console.line(json.dumps(one))
    return {"recognizer": hearing.name, "heard": found}


def _as_json(heard: Heard) -> dict[str, object]:
    if not heard.text:
        return {**heard.to_json(), "parse": {"rejected": heard.reason}}
    meaning = parse(heard.text)
    asks = isinstance(meaning, Command) and (heard.confidence < SURE or heard.maybe_refused or needs_read_back(meaning))
    return {**heard.to_json(), "parse": meaning.to_json(), "read_back": asks}

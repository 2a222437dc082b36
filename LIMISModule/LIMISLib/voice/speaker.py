"""Answers said aloud by the system's own voice, where it has one; off unless asked for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Protocol

_LONGEST = 300  # characters; longer answers (the history) are to be read
_POWERSHELL = (
    "Add-Type -AssemblyName System.Speech; "
    "(New-Object System.Speech.Synthesis.SpeechSynthesizer).Speak([Console]::In.ReadToEnd())"
)
_PROGRAMS: Sequence[tuple[str, str, tuple[str, ...]]] = (
    ("darwin", "say", ("-f", "-")),
    ("win32", "powershell", ("-NoProfile", "-Command", _POWERSHELL)),
    ("linux", "spd-say", ("--pipe-mode",)),
    ("linux", "espeak-ng", ("--stdin",)),
    ("linux", "espeak", ("--stdin",)),
)  # each takes the text from its standard input, so that no text is ever part of a command line


class Speaker(Protocol):
    """Says answers aloud."""

    def say(self, text: str) -> None: ...

    def stop(self) -> None: ...


class SystemVoice:
    """A program that speaks what it reads. A new answer ends the one before."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._process: subprocess.Popen[str] | None = None

    def say(self, text: str) -> None:
        """Nothing; the text is being said, and this does not wait for its end."""
        self.stop()
        self._process = subprocess.Popen(
            self.words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        if self._process.stdin:
            try:
                self._process.stdin.write(text[:_LONGEST] + "\n")
                self._process.stdin.close()
            except OSError:
                pass  # the voice has no sound device; the answer stands on the screen

    def stop(self) -> None:
        """Nothing; it is quiet."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        if self._process is not None:
            self._process.wait()
        self._process = None


def system_voice(platform: str = sys.platform) -> SystemVoice | None:
    """The system's voice, none where it has none."""
    for system, program, options in _PROGRAMS:
        found = shutil.which(program) if platform.startswith(system) else None
        if found:
            return SystemVoice([found, *options])
    return None

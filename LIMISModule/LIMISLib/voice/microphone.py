"""A microphone that listens only while it is asked to: through sounddevice, else Qt where it runs, else arecord."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError

from LIMISLib.voice.speech import LONGEST_S, RATE_HZ, Speech, from_samples

_END_S = 2.0  # that arecord has to end


class NoMicrophone(AnatomyGuidedError):
    """Nothing can be recorded on this machine."""


class Microphone(Protocol):
    """Records from `start` to `stop`; what was recorded is handed over and kept nowhere."""

    def start(self) -> None: ...

    def stop(self) -> Speech: ...


def microphone(qt_microphone: Callable[[], Microphone] | None = None) -> Microphone:
    """The first way to record that works here; `qt_microphone` makes one of a Qt that is running.

    Raises:
        NoMicrophone: None works; the message says what was tried and what can be done.
    """
    ways: Sequence[Callable[[], Microphone]] = (SoundDevice, *([qt_microphone] if qt_microphone else []), Arecord)
    tried = []
    for way in ways:
        try:
            return way()
        except NoMicrophone as error:
            tried.append(str(error))
    raise NoMicrophone(
        f"No microphone can be used ({'; '.join(tried)}). Plug one in and install one of these, type the sentence, or "
        f"give a recording of it."
    )


class SoundDevice:
    """The default input through PortAudio.

    Raises:
        NoMicrophone: The package, its library or an input is missing.
    """

    def __init__(self) -> None:
        try:
            import sounddevice
        except (ImportError, OSError):
            raise NoMicrophone("sounddevice with PortAudio is not installed") from None
        try:
            device = sounddevice.query_devices(kind="input")
        except (sounddevice.PortAudioError, ValueError):
            raise NoMicrophone("sounddevice finds no input") from None
        self._library: Any = sounddevice
        self._rate_hz = int(device["default_samplerate"])
        self._blocks: list[Any] = []
        self._stream: Any = None

    def start(self) -> None:
        """Nothing; the microphone is recording."""
        self._blocks.clear()
        try:
            self._stream = self._library.InputStream(
                samplerate=self._rate_hz, channels=1, dtype="int16", callback=self._keep
            )
            self._stream.start()
        except self._library.PortAudioError as error:
            raise NoMicrophone(f"The microphone cannot be opened: {error}.") from error

    def stop(self) -> Speech:
        """What was recorded since `start`."""
        self._stream.stop()
        self._stream.close()
        blocks, self._blocks = self._blocks, []
        samples = np.concatenate(blocks) if blocks else np.zeros((0, 1), dtype=np.int16)
        return from_samples(samples, self._rate_hz)

    def _keep(self, block: Any, frames: int, time: object, status: object) -> None:  # noqa: ARG002
        if sum(map(len, self._blocks)) < LONGEST_S * self._rate_hz:
            self._blocks.append(block.copy())


class Arecord:
    """The default input through ALSA's program.

    Raises:
        NoMicrophone: The program is missing.
    """

    def __init__(self) -> None:
        program = shutil.which("arecord")
        if program is None:
            raise NoMicrophone("arecord is not installed")
        self._words = [program, "-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", str(RATE_HZ)]
        self._words += ["-d", str(int(LONGEST_S))]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Nothing; the microphone is recording."""
        self._process = subprocess.Popen(
            self._words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def stop(self) -> Speech:
        """What was recorded since `start`.

        Raises:
            NoMicrophone: The program could not record.
        """
        if self._process is None:
            raise NoMicrophone("The microphone was not started.")
        process, self._process = self._process, None
        process.terminate()
        try:
            sound, complaint = process.communicate(timeout=_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            sound, complaint = process.communicate()
        if not sound:
            said = complaint.decode(errors="replace").strip().splitlines()
            raise NoMicrophone(f"arecord could not record{': ' + said[0] if said else ''}.")
        return from_samples(np.frombuffer(sound[: len(sound) // 2 * 2], dtype="<i2"), RATE_HZ)

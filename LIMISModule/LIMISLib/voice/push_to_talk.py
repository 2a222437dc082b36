"""A button that is held down while one speaks: nothing is recorded before or after, and no sound is kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from LIMISLib.voice.microphone import Microphone, NoMicrophone, microphone
from LIMISLib.voice.speech import LONGEST_S, BadSound, Speech


class PushToTalk:
    """Records from `press` to `release`. `find` is asked each time, so that a microphone may be plugged in later."""

    def __init__(self, find: Callable[[], Microphone] = microphone) -> None:
        self._find = find
        self._recording: Microphone | None = None

    @property
    def is_recording(self) -> bool:
        """Whether the button is down."""
        return self._recording is not None

    def press(self) -> None:
        """Nothing; the microphone records from now on.

        Raises:
            NoMicrophone: There is none, or it cannot be opened.
        """
        if self._recording is None:
            found = self._find()
            found.start()
            self._recording = found

    def release(self) -> Speech:
        """What was said since `press`; the microphone is closed.

        Raises:
            NoMicrophone: The button was not down, or the microphone failed.
            BadSound: The button was down too shortly or too long.
        """
        if self._recording is None:
            raise NoMicrophone("Nothing was recorded; hold the button down while you speak.")
        recording, self._recording = self._recording, None
        try:
            return recording.stop()
        except BadSound as error:
            raise BadSound(
                f"Too little was recorded, or more than {LONGEST_S:.0f} s; hold the button while you say one sentence."
            ) from error

    def drop(self) -> None:
        """Nothing; the microphone is closed, and what it recorded is gone."""
        if self._recording is not None:
            with suppress(NoMicrophone, BadSound):  # the microphone is closed all the same
                self.release()

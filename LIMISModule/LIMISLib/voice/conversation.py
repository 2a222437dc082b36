"""Sessions that are typed and spoken to, and answered aloud where that is wanted: the panel's and the console's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import Outputs

from LIMISLib.session import Session
from LIMISLib.states import Reply
from LIMISLib.voice.push_to_talk import PushToTalk
from LIMISLib.voice.recognizer import DEFAULT, Heard, LearnsVoices, SpeechRecognizer, recognizer
from LIMISLib.voice.speaker import Speaker, system_voice
from LIMISLib.voice.speech import Speech, read_wav
from LIMISLib.voice.spoken_session import SpokenSession
from LIMISLib.voice.voice_file import SUFFIX


class NoSession(AnatomyGuidedError):
    """Something was said, but no session is running."""


class Conversation:
    """One session after the other; recogniser, button and voice stay. `heard` is what the last spoken sentence was."""

    def __init__(self, button: PushToTalk | None = None, hearing: SpeechRecognizer | None = None) -> None:
        self.button = button or PushToTalk()
        self.heard: Heard | None = None
        self._recognizer = hearing
        self._voice: Speaker | None = None
        self._spoken: SpokenSession | None = None

    @property
    def session(self) -> Session | None:
        return self._spoken.session if self._spoken else None

    @property
    def asks_yes_or_no(self) -> bool:
        """Whether "yes" and "no" answer what is being asked."""
        pending = self._spoken.pending if self._spoken else None
        return pending is not None and "yes" in pending.options

    def begin(self, session: Session) -> None:
        """Nothing; it goes on with this session."""
        self.end()
        self._spoken = SpokenSession(session, self._recognizer)

    def end(self) -> None:
        """Nothing; there is no session, and nobody speaks or listens."""
        self.hush()
        self._spoken = self.heard = None

    def say(self, sentence: str) -> Reply:
        """What came of a typed sentence.

        Raises:
            NoSession: No session is running.
        """
        return self._said(self._running().say(sentence))

    def hear_file(self, path: Path) -> Reply:
        """What came of the sentence that is spoken in a WAV file.

        Raises:
            NoSession: No session is running.
            BadSound: The file is no WAV file of a sentence.
            RecognizerMissing: The recogniser is not installed.
        """
        return self._hear(lambda: read_wav(path))

    def press(self) -> None:
        """Nothing; the voice is quiet and the microphone records until `release`.

        Raises:
            NoSession: No session is running.
            NoMicrophone: Nothing can be recorded.
        """
        self._running()
        self.hush()
        self.button.press()

    def release(self) -> Reply:
        """What came of the sentence that was spoken since `press`.

        Raises:
            AnatomyGuidedError: As for `hear_file`, or the microphone failed.
        """
        return self._hear(self.button.release)

    def use_voice(self, path: Path) -> None:
        """Nothing; from now on the speaker is the one whose learned voice is in the file.

        Raises:
            BadVoice: The file holds no learned voice.
            RecognizerMissing: The recogniser is not installed.
        """
        self._recognizer = recognizer(f"{DEFAULT}:{path}")
        if self._spoken is not None:
            self._spoken.recognizer = self._recognizer

    def save_voice(self, path: Path) -> None:
        """Nothing; what was learned of the speaker's voice from spoken commands is in the file.

        Raises:
            AnatomyGuidedError: Nothing was spoken, or the recogniser learns no voices; or the file cannot be written.
        """
        if not isinstance(self._recognizer, LearnsVoices):
            raise AnatomyGuidedError("No voice was learned; speak some commands first, to the default recogniser.")
        with Outputs() as outputs:
            self._recognizer.save_voice(outputs.stage(path, formats=(SUFFIX,)))

    def speak_answers(self, on: bool) -> None:
        """Nothing; from now on the system's voice, if there is one, says the replies, or no longer does."""
        self.hush()
        self._voice = system_voice() if on else None

    def hush(self) -> None:
        """Nothing; nobody speaks or listens."""
        self.button.drop()
        if self._voice is not None:
            self._voice.stop()

    def _running(self) -> SpokenSession:
        if self._spoken is None:
            raise NoSession("No session is running; call start(volumeNode, anatomyNode) first.")
        return self._spoken

    def _hear(self, listen: Callable[[], Speech]) -> Reply:
        spoken = self._running()
        self.heard, reply = spoken.hear(listen())
        self._recognizer = spoken.recognizer
        return self._said(reply)

    def _said(self, reply: Reply) -> Reply:
        if self._voice is not None:
            self._voice.say(reply.text)
        return reply

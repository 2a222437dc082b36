"""A session that is spoken to: what was heard is run, or read back and confirmed first."""

from __future__ import annotations

from dataclasses import dataclass

from LIMISLib.commands import Command, InvalidCommand, Question, Rejection
from LIMISLib.language import parse
from LIMISLib.session import Session
from LIMISLib.states import Reply
from LIMISLib.voice.read_back import needs_read_back, read_back
from LIMISLib.voice.recognizer import SURE, Heard, LearnsVoices, SpeechRecognizer, recognizer
from LIMISLib.voice.speech import Speech

_HOW = "(yes / no)"


@dataclass(frozen=True)
class _Held:
    """A sentence that waits for "yes", with its sound if the voice is learned from it."""

    sentence: str
    question: Question
    speech: Speech | None


class SpokenSession:
    """A session and a recogniser, the default one if none is given.

    Typed sentences may come in between; they are never read back. A recogniser that can learns the speaker's voice from
    the sentences that were confirmed, or sure enough to be run at once, but for those that may have been refusals.
    """

    def __init__(self, session: Session, hearing: SpeechRecognizer | None = None) -> None:
        self.session, self.recognizer = session, hearing
        self._held: _Held | None = None

    @property
    def pending(self) -> Question | None:
        """The question that waits for an answer: whether something was understood rightly, or the session's."""
        return self._held.question if self._held else self.session.pending

    @property
    def is_reading_back(self) -> bool:
        """Whether a sentence waits for its "yes"."""
        return self._held is not None

    def hear(self, speech: Speech) -> tuple[Heard, Reply]:
        """What was heard, and what came of it. The sound is kept for as long as its read-back waits, and no longer.

        Raises:
            RecognizerMissing: The default recogniser is not installed.
        """
        self.recognizer = self.recognizer or recognizer()
        heard = self.recognizer.recognize(speech, pending=self.pending)
        if not heard.text:
            return heard, self._reply(heard.reason, Rejection(heard.reason))
        sure = heard.confidence >= SURE and not heard.maybe_refused
        return heard, self._take(heard.text, sure=sure, speech=speech, learns=not heard.maybe_refused)

    def say(self, sentence: str) -> Reply:
        """What came of a typed sentence; it may answer what a spoken one left open."""
        return self._take(sentence, sure=True, speech=None)

    def _take(self, sentence: str, *, sure: bool, speech: Speech | None, learns: bool = True) -> Reply:
        held, self._held = self._held, None
        if held is not None:
            answered = parse(sentence, held.question)
            if isinstance(answered, Command) and answered.intent == "answer":
                if answered.word("choice") == "yes":
                    return self._run(held.sentence, held.speech)
                return self._reply("Then nothing was done.", answered, done=True)
            if isinstance(answered, Rejection):
                self._held = held
                return self._reply(f"{answered.reason} {held.question.text} {_HOW}", answered)
        if speech is not None and (command := self._dangerous(sentence, sure=sure)):
            question = read_back(command)
            self._held = _Held(sentence, question, speech if learns else None)
            return self._reply(f"{question.text} {_HOW}", question)
        return self._run(sentence, speech if learns else None)

    def _run(self, sentence: str, speech: Speech | None) -> Reply:
        """What came of the sentence; if it was done, its voice is learned."""
        reply = self.session.say(sentence)
        if reply.done and speech is not None and isinstance(self.recognizer, LearnsVoices):
            self.recognizer.learn(speech, sentence)
        return reply

    def _dangerous(self, sentence: str, *, sure: bool) -> Command | None:
        """The command that must be read back, none where the sentence can be run at once or is none."""
        meaning = parse(sentence, self.session.pending)
        if isinstance(meaning, Command) and meaning.intent == "answer" and self.session.pending:
            try:
                outcome = self.session.pending.outcome(meaning.word("choice"))
            except InvalidCommand:
                return None
            return outcome if isinstance(outcome, Command) and needs_read_back(outcome) else None
        if not isinstance(meaning, Command):
            return None
        return None if sure and not needs_read_back(meaning) else meaning

    def _reply(self, text: str, meaning: Command | Question | Rejection, *, done: bool = False) -> Reply:
        return Reply(text, meaning, done, self.session.current)

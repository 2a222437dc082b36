"""What finds boxes and makes masks in a sitting, as its logs name it."""

from __future__ import annotations

from dataclasses import dataclass, field

from AnatomyGuidedLib.errors import AnatomyGuidedError

from LIMISLib.commands import Command
from LIMISLib.participants.plan import PlannedCase
from LIMISLib.prompt_segmenter import PromptSegmenter
from LIMISLib.segmenters.registry import SegmenterChoice
from LIMISLib.session import Session
from LIMISLib.session_log import SessionLog, anatomy_source, open_session, source


@dataclass(frozen=True)
class Tools:
    """A finder ("" for the default), and a segmenter that was opened, or the default one."""

    finder: str = ""
    choice: SegmenterChoice = field(default_factory=SegmenterChoice)
    segmenter: PromptSegmenter | None = None

    def begun(self, case: PlannedCase) -> tuple[Session, str]:
        """A session with the case's first mask, and what it said.

        Raises:
            AnatomyGuidedError: Image or anatomy cannot be read, or the structure is not found.
        """
        anatomy = anatomy_source(case.anatomy) if case.anatomy else None
        try:
            session = open_session(source(case.image), anatomy, finder=self.finder, segmenter=self.segmenter)
            return session, session.execute(Command("segment", {"structure": case.structure}))
        except AnatomyGuidedError as error:
            raise AnatomyGuidedError(f"Case {case.name}: {error}") from error

    def log_of(self, case: PlannedCase, session: Session) -> SessionLog:
        """The session's log, with all that a replay needs."""
        anatomy = anatomy_source(case.anatomy) if case.anatomy else None
        return SessionLog(source(case.image), anatomy, False, session.entries, self.finder, self.choice)

"""What a participant's folder holds: what was said as JSON lines, a log and a mask a case, and `participant.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from AnatomyGuidedLib import __version__
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import write_json
from AnatomyGuidedLib.io import split_scheme, write_labelmap
from AnatomyGuidedLib.render import encode_png

from LIMISLib.participants.case_work import Outcome, Said
from LIMISLib.participants.plan import PlannedCase, Times
from LIMISLib.participants.tools import Tools
from LIMISLib.session import Session
from LIMISLib.session_log import write_log
from LIMISLib.slice_pictures import Marks, slice_picture

FORMAT, VERSION = "anatomyguided-limis-participant", 1

RECORD, EVENTS, VIEW = "participant.json", "events.jsonl", "view.png"


class Records:
    """One participant's folder; every line is on disk when it is said, so a session that breaks off is not lost.

    Raises:
        AnatomyGuidedError: The folder has a participant already.
    """

    def __init__(self, folder: Path, participant: str, times: Times, tools: Tools | None = None) -> None:
        self.folder, self.participant, self.tools, self._times = folder, participant, tools or Tools(), times
        if (folder / RECORD).exists():
            raise AnatomyGuidedError(f"{folder.name} has a participant's session already; choose a new folder.")
        folder.mkdir(parents=True, exist_ok=True)
        self._cases: list[dict[str, object]] = []
        self._answers: Mapping[str, int | None] = {}
        self._comment = ""
        self._write(complete=False)

    @property
    def cases(self) -> tuple[Mapping[str, object], ...]:
        """What `participant.json` says of the cases so far."""
        return tuple(self._cases)

    def note(self, phase: str, case: str, said: Said, started_s: float) -> None:
        """Nothing; the sentence is a line of `events.jsonl`."""
        line = {
            "phase": phase,
            "case": case,
            "at_s": round(said.at_s - started_s, 3),
            "thought_s": round(said.thought_s, 3),
            "computed_s": round(said.computed_s, 3),
            "said": said.sentence,
            "understood": said.reply.interpretation.to_json(),
            "done": said.reply.done,
            "answer": said.reply.text,
            "step": said.step,
        }
        with (self.folder / EVENTS).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")

    def show(self, session: Session) -> None:
        """Nothing; `view.png` shows the current mask, for an image viewer that follows the file."""
        state = session.current
        if state is None:
            return
        view = session.view_of(state)
        marks = Marks(
            state.mask, session.offered_mask, state.box, state.setup.clicks, session.asked_point, state.setup.window
        )
        picture = slice_picture(view.slice_of(session.image.values, state.slice_number), marks, view.pixel_mm)
        part = self.folder / f".{VIEW}.part"
        part.write_bytes(encode_png(picture))
        part.replace(self.folder / VIEW)

    def keep(self, phase: str, case: PlannedCase, session: Session, outcome: Outcome) -> None:
        """Nothing; the case's log, its chosen mask and its line in `participant.json` are written."""
        log, mask = self.folder / f"{case.name}.jsonl", self.folder / f"{case.name}.nii.gz"
        write_log(self.tools.log_of(case, session), log, folder=self.folder.absolute())
        write_labelmap(session.result(), mask, [session.segment()])
        line = {
            "case": case.name,
            "phase": phase,
            "structure": case.structure,
            "log": log.name,
            "mask": mask.name,
            "reference": self._relative(case.reference),
            **asdict(outcome),
        }
        self._cases.append({**line, "seconds": round(outcome.seconds, 3)})
        self._write(complete=False)

    def end(self, answers: Mapping[str, int | None], comment: str, *, complete: bool) -> None:
        """Nothing; the questionnaires' answers are in `participant.json`."""
        self._answers, self._comment = answers, comment
        self._write(complete=complete)

    def _write(self, *, complete: bool) -> None:
        part = self.folder / f".{RECORD}.part"
        write_json(
            part,
            {
                "format": FORMAT,
                "version": VERSION,
                "software_version": __version__,
                "participant": self.participant,
                "complete": complete,
                "settings": asdict(self._times),
                "cases": self._cases,
                "answers": dict(self._answers),
                "comment": self._comment,
            },
        )
        part.replace(self.folder / RECORD)

    def _relative(self, text: str) -> str | None:
        """`PATH[@SCHEME]` with the path from the folder, so that the data can be moved together."""
        if not text:
            return None
        path, scheme = split_scheme(text)
        return f"{Path(os.path.relpath(path, self.folder.absolute())).as_posix()}@{scheme}"

"""What participants reached: the Dice of every step, from their logs run again beside the references."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.io import read_anatomy
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.resample import resample_labelmap

from LIMISLib.participants.case_work import alike
from LIMISLib.participants.records import FORMAT, RECORD, VERSION
from LIMISLib.participants.sitting import WORK
from LIMISLib.session import Session
from LIMISLib.session_log import replay


@dataclass(frozen=True)
class ScoredCase:
    """The Dice by step, each step's parent, the step that was handed over, and how long the work took."""

    participant: str
    case: str
    structure: str
    dice: tuple[float, ...]
    parents: tuple[int | None, ...]
    chosen: int
    interactions: int
    seconds: float

    @property
    def change(self) -> float:
        """How much the chosen step's Dice is above the first one's."""
        return self.dice[self.chosen] - self.dice[0]

    @property
    def adapted(self) -> tuple[int, ...]:
        """Steps that another than the latest one was adapted to, and what was adapted: the stars of Figure 20."""
        off = [step for step, parent in enumerate(self.parents) if parent is not None and parent != step - 1]
        return tuple(sorted({*off, *(parent for step in off if (parent := self.parents[step]) is not None)}))


@dataclass(frozen=True)
class Participant:
    """One folder's record."""

    folder: Path
    sign: str
    answers: Mapping[str, int | None]
    cases: tuple[Mapping[str, object], ...]


def read_participants(folder: Path) -> list[Participant]:
    """The participants whose folders lie in this one, by sign.

    Raises:
        AnatomyGuidedError: There is none, two have one sign, or a record is damaged.
    """
    found = [_participant(path) for path in sorted(folder.glob(f"*/{RECORD}"))]
    if not found:
        raise AnatomyGuidedError(
            f"{folder.name} holds no participant's folder; make them with: anatomyguided limis study CASES.csv "
            f"--participant P1 -o {folder.name}/P1."
        )
    signs = [participant.sign for participant in found]
    twice = next((sign for sign in signs if signs.count(sign) > 1), None)
    if twice:
        raise AnatomyGuidedError(
            f"Two folders in {folder.name} are of participant {twice}; each needs a sign of its own."
        )
    return sorted(found, key=lambda participant: (len(participant.sign), participant.sign))


def scored(participant: Participant) -> list[ScoredCase]:
    """The cases that were worked on and have a reference.

    Raises:
        AnatomyGuidedError: A log cannot be run again, or a reference cannot be read.
    """
    found = []
    for case in participant.cases:
        if case["phase"] != WORK or not case["reference"]:
            continue
        try:
            found.append(_scored(participant, case))
        except AnatomyGuidedError as error:
            raise AnatomyGuidedError(f"{participant.sign}, case {case['case']}: {error}") from error
    return found


def _scored(participant: Participant, case: Mapping[str, object]) -> ScoredCase:
    session = replay(participant.folder / str(case["log"])).session
    reference = _reference(participant.folder, str(case["reference"]), session)
    inside = reference.values == id_of(str(case["structure"]))
    dice = tuple(
        alike(state.mask, session.view_of(state).slice_of(inside, state.slice_number)) for state in session.states
    )
    return ScoredCase(
        participant.sign,
        str(case["case"]),
        str(case["structure"]),
        dice,
        tuple(state.parent for state in session.states),
        int(str(case["chosen"])),
        int(str(case["interactions"])),
        float(str(case["seconds"])),
    )


def _reference(folder: Path, text: str, session: Session) -> Labelmap:
    reference = read_anatomy(str(folder / text))
    grid = session.image.grid
    return reference if reference.grid == grid else resample_labelmap(reference, grid)


def _participant(path: Path) -> Participant:
    damaged = AnatomyGuidedError(f"{RECORD} in {path.parent.name} is no participant's record of version {VERSION}.")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT or data["version"] != VERSION:
            raise damaged
        return Participant(path.parent, str(data["participant"]), dict(data["answers"]), tuple(data["cases"]))
    except (ValueError, KeyError, TypeError) as error:
        raise damaged from error

"""What a participant is asked to do: the cases and the times, checked before anybody sits down."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.io import split_scheme
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.study_options import require_positive
from AnatomyGuidedLib.tables import read_rows

_COLUMNS = ("case", "image", "anatomy", "structure")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_ANONYMOUS = re.compile(r"[A-Za-z]{1,3}[0-9]{1,4}")


@dataclass(frozen=True)
class Times:
    """Minutes to learn, to work and for an image (thesis, 3.3.3.3); and when a step has changed little.

    A step has changed little where its mask and the one before have a Dice of at least `little_dice`. After
    `reminder_after` such steps in a row a person is reminded that the next image waits; no reference is looked at.
    """

    learn_minutes: float = 10.0
    work_minutes: float = 50.0
    image_minutes: float = 5.0
    reminder_after: int = 2
    little_dice: float = 0.99

    def __post_init__(self) -> None:
        require_positive(self, "learn_minutes", "work_minutes", "image_minutes", "reminder_after", "little_dice")


@dataclass(frozen=True)
class PlannedCase:
    """An image and the structure to segment in it; `anatomy` and `reference` are `PATH[@SCHEME]` or ""."""

    name: str
    image: Path
    anatomy: str
    structure: str
    reference: str = ""


def read_plan(path: Path) -> list[PlannedCase]:
    """The cases of a table: columns case, image, anatomy, structure and, where wanted, reference.

    Paths are relative to the table. The anatomy may be empty where a finder needs none. The first case is for learning.

    Raises:
        AnatomyGuidedError: The table cannot be read, a file is missing, a name is unknown, unsafe or there twice, or
            there are fewer than two cases.
    """
    cases = [_case(path, line, row) for line, row in read_rows(path, _COLUMNS, "case")]
    if len(cases) < 2:
        raise AnatomyGuidedError(f"{path.name} names one case; at least two are needed, the first one for learning.")
    names = [case.name.casefold() for case in cases]
    twice = next((case.name for case in cases if names.count(case.name.casefold()) > 1), None)
    if twice is not None:
        raise AnatomyGuidedError(f"{path.name} names the case {twice} twice; give each case a name of its own.")
    return cases


def require_anonymous(participant: str) -> str:
    """The participant's sign, like P1.

    >>> require_anonymous("P12")
    'P12'

    Raises:
        AnatomyGuidedError: It might be a name.
    """
    if not _ANONYMOUS.fullmatch(participant):
        raise AnatomyGuidedError(
            f'A participant has a sign of one to three letters and a number, like P1, but "{participant}" was given; '
            "no names, so that the folder says nothing of the person."
        )
    return participant


def _case(table: Path, line: int, row: dict[str, str]) -> PlannedCase:
    where = f"{table.name}, line {line}"
    if not _SAFE_NAME.fullmatch(row["case"]):
        raise AnatomyGuidedError(
            f'{where}: "{row["case"]}" names files, so it must be of letters, digits, "-" and "_", at most 40.'
        )
    id_of(row["structure"])
    folder = table.absolute().parent
    case = PlannedCase(
        row["case"],
        folder / row["image"],
        _located(folder, row["anatomy"]) if row["anatomy"] else "",
        row["structure"],
        _located(folder, row["reference"]) if row.get("reference") else "",
    )
    files = (case.image, *(split_scheme(text)[0] for text in (case.anatomy, case.reference) if text))
    missing = next((file.name for file in files if not file.exists()), None)
    if missing is not None:
        raise AnatomyGuidedError(f"{where}: {missing} does not exist; paths are relative to the table.")
    return case


def _located(folder: Path, text: str) -> str:
    path, scheme = split_scheme(text)
    return f"{folder / path}@{scheme}"

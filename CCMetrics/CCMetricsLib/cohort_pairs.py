"""The list of a cohort's cases: a CSV with one row a case, its reference, and a column of predictions a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.io import split_scheme
from AnatomyGuidedLib.tables import Rows, read_table

CASE, REFERENCE, PREDICTION, ANATOMY = "case", "reference", "prediction", "anatomy"

_REQUIRED = (CASE, REFERENCE, PREDICTION)


@dataclass(frozen=True)
class Pair:
    """One case's reference and one model's prediction; `anatomy` is PATH[@SCHEME], or empty."""

    case: str
    model: str
    reference: Path
    prediction: Path
    anatomy: str = ""


@dataclass(frozen=True)
class Failure:
    """A case, or one model's part of it, that has no scores, and why; `line` is the CSV's where that is the place."""

    case: str
    model: str
    reason: str
    line: int | None = None


@dataclass(frozen=True)
class Pairs:
    """What a list holds: the models (names of columns, "prediction" first), the pairs, and rows that are unusable.

    `named` are the paths that any cell may stand for, also in rows and columns that are not scored.
    """

    models: tuple[str, ...]
    pairs: tuple[Pair, ...]
    failures: tuple[Failure, ...]
    named: tuple[Path, ...]


def read_pairs(path: Path, *, models: Sequence[str] | None = None) -> Pairs:
    """The list in a CSV; columns other than case, reference and anatomy are models, unless `models` names them.

    Relative paths are relative to the CSV. A row that cannot be used is a failure of its own; no file but the CSV is
    looked at.

    Raises:
        AnatomyGuidedError: The CSV is missing or unreadable, lacks a column or has it twice, or has no row.
        UsageError: `models` names a column that is not there.
    """
    header, rows = _table(path)
    chosen = _models(header, models)
    folder, pairs, failures = path.absolute().parent, [], []
    clashes = _clashes([(line, cells[header.index(CASE)]) for line, cells in rows if len(cells) == len(header)])
    for line, cells in rows:
        row = dict(zip(header, cells, strict=False))
        case = row.get(CASE, "")
        problem = _problem(row, header, cells) or clashes.get(case.casefold(), "")
        if problem:
            failures.append(Failure(case, "", f"Line {line}: {problem}", line))
            continue
        for model in chosen:
            if row[model]:
                pairs.append(_pair(folder, row, model))
            else:
                failures.append(Failure(case, model, f"Line {line}: there is no path under {model}.", line))
    named = (folder / path for _, cells in rows for cell in cells if cell for path in (cell, split_scheme(cell)[0]))
    return Pairs(chosen, tuple(pairs), tuple(failures), tuple(dict.fromkeys(named)))


def _table(path: Path) -> tuple[list[str], Rows]:
    header, rows = read_table(path)
    if not rows:
        raise AnatomyGuidedError(f"{path.name} has no case; expected a header {','.join(_REQUIRED)} and a row a case.")
    _require_columns(path.name, header)
    return header, rows


def _require_columns(name: str, header: Sequence[str]) -> None:
    missing = [column for column in _REQUIRED if column not in header]
    if missing:
        raise AnatomyGuidedError(
            f"{name} lacks the column {' and '.join(missing)}; expected are {', '.join(_REQUIRED)}, then if wanted "
            f"{ANATOMY} and further models, but the header is {', '.join(header)}."
        )


def _models(header: Sequence[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    known = [PREDICTION, *(column for column in header if column not in (*_REQUIRED, ANATOMY))]
    for name in wanted or ():
        if name not in known:
            raise UsageError(f"The list has no column of predictions {name!r}; it has {', '.join(known)}.")
    return tuple(name for name in known if wanted is None or name in wanted)


def _clashes(named: Sequence[tuple[int, str]]) -> Mapping[str, str]:
    """What is wrong with names that stand on several lines, by the name in small letters."""
    lines: dict[str, list[int]] = {}
    for line, case in named:
        lines.setdefault(case.casefold(), []).append(line)
    return {
        name: f"the case stands on lines {', '.join(map(str, where))}; give each line a name of its own, different not "
        "only in capital letters."
        for name, where in lines.items()
        if len(where) > 1
    }


def _problem(row: Mapping[str, str], header: Sequence[str], cells: Sequence[str]) -> str:
    if len(cells) != len(header):
        return f"the header has {len(header)} columns, but this line {len(cells)}."
    if not row[CASE]:
        return "the case has no name."
    return "" if row[REFERENCE] else f"there is no path under {REFERENCE}."


def _pair(folder: Path, row: Mapping[str, str], model: str) -> Pair:
    anatomy = row.get(ANATOMY, "")
    if anatomy:
        path, scheme = split_scheme(anatomy)
        anatomy = f"{folder / path}@{scheme}"
    return Pair(row[CASE], model, folder / row[REFERENCE], folder / row[model], anatomy)

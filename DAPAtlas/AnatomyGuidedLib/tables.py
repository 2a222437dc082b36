"""Tables that people write: CSV as spreadsheets of any country save it, with a header that names the columns."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError

_SEPARATORS = ",;\t"  # a spreadsheet writes the one of its country

Rows = list[tuple[int, list[str]]]


def read_table(path: Path) -> tuple[list[str], Rows]:
    """The header, and the rows that are not blank with their line; all cells without the blanks around them.

    Raises:
        AnatomyGuidedError: The file is missing or no CSV in UTF-8, is empty, or a column has no name or a double one.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise AnatomyGuidedError(f"{path.name} cannot be read ({error.strerror or error}); check the path.") from error
    except UnicodeDecodeError as error:
        raise AnatomyGuidedError(f"{path.name} is no UTF-8 text; save it as CSV in UTF-8.") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)
    try:
        rows = [(line, cells) for line, cells in _cells(text, separator) if any(cells)]
    except csv.Error as error:
        raise AnatomyGuidedError(f"{path.name} is no CSV ({error}); save it as CSV in UTF-8.") from error
    header = rows[0][1] if rows else []
    twice = [column or "(no name)" for column, count in Counter(header).items() if count > 1 or not column]
    if twice:
        raise AnatomyGuidedError(
            f"{path.name} must name each column once, but has {', '.join(twice)} unnamed or twice."
        )
    return header, rows[1:]


def read_rows(path: Path, needed: Sequence[str], what: str) -> list[tuple[int, dict[str, str]]]:
    """The rows by column, each with its line; `what` is that of which a row is expected, for messages.

    Raises:
        AnatomyGuidedError: As `read_table`; or a column that is needed is missing, a row has too few or too many cells,
            or there is none.
    """
    header, rows = read_table(path)
    missing = [name for name in needed if name not in header]
    if missing:
        raise AnatomyGuidedError(f"{path.name} must have the columns {', '.join(needed)}, but lacks {missing[0]}.")
    if not rows:
        raise AnatomyGuidedError(f"{path.name} names no {what}; a line a {what} was expected.")
    for line, cells in rows:
        if len(cells) != len(header):
            raise AnatomyGuidedError(
                f"{path.name}, line {line}: the header has {len(header)} columns, but this line {len(cells)}."
            )
    return [(line, dict(zip(header, cells, strict=True))) for line, cells in rows]


def _cells(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
    for cells in reader:
        yield reader.line_num, [cell.strip() for cell in cells]

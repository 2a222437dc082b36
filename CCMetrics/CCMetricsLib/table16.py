"""Models side by side in the layout of the thesis's Table 16: each metric beside its mean over lesions."""

from __future__ import annotations

from collections.abc import Sequence

from CCMetricsLib.cohort_tables import Row, number, values_of

_PERCENT = 100.0
_SHOWN = {  # the column's title, the score behind it, and what it is multiplied by
    "Dice": ("dice", _PERCENT),
    "CC-Dice": ("cc_dice", _PERCENT),
    "SD": ("nsd", _PERCENT),
    "CC-SD": ("cc_nsd", _PERCENT),
    "HD": ("hd95_mm", 1.0),
    "CC-HD": ("cc_hd95_mm", 1.0),
}
COLUMNS = ("model", "cases", *_SHOWN)


def table16(rows: Sequence[Row]) -> list[Row]:
    """A row a model: means over cases of Dice and surface Dice in percent and HD95 in mm, and of their CC variants.

    `rows` has one row a case and model; `cases` counts those with a lesion in the reference.
    """
    models = dict.fromkeys(row["model"] for row in rows)
    return [_row(str(model), [row for row in rows if row["model"] == model]) for model in models]


def as_markdown(table: Sequence[Row]) -> str:
    """The table for a text, with one decimal; `-` where a metric is undefined or was not asked for.

    >>> print(as_markdown([{"model": "unet", "cases": 2, "Dice": 67.46, "CC-Dice": None}]).splitlines()[2])
    | unet | 2 | 67.5 | - | - | - | - | - |
    """
    lines = [
        COLUMNS,
        ("---", *["---:"] * (len(COLUMNS) - 1)),
        *([_cell(row.get(name)) for name in COLUMNS] for row in table),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def as_text(table: Sequence[Row]) -> list[str]:
    """The table for a terminal: a line a model, in columns."""
    lines = [list(COLUMNS), *([_cell(row.get(name)) for name in COLUMNS] for row in table)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return [
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    ]


def _row(model: str, rows: Sequence[Row]) -> Row:
    means: Row = {title: _mean(values_of(rows, metric), factor) for title, (metric, factor) in _SHOWN.items()}
    return {"model": model, "cases": sum(bool(row["components"]) for row in rows), **means}


def _mean(values: Sequence[float], factor: float) -> float | None:
    return factor * sum(values) / len(values) if values else None


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    return "-" if number(value) is None and not isinstance(value, str) else str(value)

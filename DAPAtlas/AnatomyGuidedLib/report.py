"""A report as one HTML file: sections with a sentence, a table and embedded pictures; no scripts, no network."""

from __future__ import annotations

import base64
import html
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from AnatomyGuidedLib.render import Picture, encode_png

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #16263f; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; border-bottom: 2px solid #d5dce8; }
.note { background: #fff6df; border-left: 4px solid #d99b1c; padding: .6rem 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .2rem .9rem; border-bottom: 1px solid #e3e8f0; }
th { text-align: left; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; }
figure img { max-width: 100%; } figcaption { font-size: .85rem; color: #4a5873; }
"""


@dataclass(frozen=True)
class Figure:
    """A picture [row, column, RGB] and what it shows; the height is in lines of text."""

    picture: Picture
    caption: str
    height_rem: float = 26


@dataclass(frozen=True)
class Drawing:
    """An SVG element and what it shows."""

    svg: str
    caption: str


@dataclass(frozen=True)
class Section:
    """A heading, a sentence, a table (columns and rows, both may be empty) and figures.

    `decimals` is for the columns that hold fractions; the columns in `as_text` are shown as they are.
    """

    title: str
    text: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, object]]
    figures: Sequence[Figure | Drawing]
    decimals: int = 2
    as_text: Collection[str] = ()


def report_page(title: str, note: str, sections: Sequence[Section], not_done: Sequence[str]) -> str:
    """The whole page; `not_done` is listed at its end."""
    body = "\n".join(_section(section) for section in sections)
    missing = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in not_done)
    tail = f"<h2>Not done, and why</h2><ul>{missing}</ul>" if missing else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{html.escape(title)}</h1>"
        f'<p class="note">{html.escape(note)}</p>{body}{tail}</body></html>\n'
    )


def _section(section: Section) -> str:
    figures = "".join(_figure(figure) for figure in section.figures)
    return (
        f"<section><h2>{html.escape(section.title)}</h2><p>{html.escape(section.text)}</p>"
        f'<div class="figures">{figures}</div>{_table(section)}</section>'
    )


def _figure(figure: Figure | Drawing) -> str:
    if isinstance(figure, Drawing):
        return f"<figure>{figure.svg}<figcaption>{html.escape(figure.caption)}</figcaption></figure>"
    data = base64.b64encode(encode_png(figure.picture)).decode("ascii")
    caption = html.escape(figure.caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}" style="height:{figure.height_rem:g}rem">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _table(section: Section) -> str:
    if not section.rows:
        return ""
    columns = [_column(name, section) for name in section.columns]
    lines = "".join(f"<tr>{''.join(cells)}</tr>" for cells in zip(*columns, strict=True))
    return f"<table>{lines}</table>"


def _column(name: str, section: Section) -> list[str]:
    """The cells of a column, its heading first; a heading stands where its numbers do."""
    values = [row.get(name) for row in section.rows]
    if name in section.as_text:
        return [f"<th>{html.escape(_heading(name))}</th>", *(f"<td>{_text(value)}</td>" for value in values)]
    decimals = section.decimals if any("." in str(value) for value in values) else 0
    number = max(_number_class(value) for value in values)
    cells = [f"<td{_number_class(value)}>{_cell(value, decimals)}</td>" for value in values]
    return [f"<th{number}>{html.escape(_heading(name))}</th>", *cells]


def _heading(name: str) -> str:
    """A column's name as words, its unit in brackets.

    >>> _heading("volume_ml"), _heading("display_name")
    ('volume (ml)', 'structure')
    """
    if name == "display_name":
        return "structure"
    words = name.replace("_", " ")
    for suffix, unit in ((" ml", "ml"), (" hu", "HU"), (" mm", "mm")):
        if words.endswith(suffix):
            return f"{words.removesuffix(suffix)} ({unit})"
    return words.replace("suv", "SUV")


def _number_class(value: object) -> str:
    return ' class="number"' if _number(value) is not None else ""


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


def _cell(value: object, decimals: int) -> str:
    number = _number(value)
    if number is None:
        return _text(value)
    return f"{number:.{decimals}f}"


def _text(value: object) -> str:
    return html.escape("" if value is None else str(value))

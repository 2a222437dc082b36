"""The studies' figures. matplotlib is imported when a figure is drawn, and draws into files without a screen."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from AnatomyGuidedLib.errors import AnatomyGuidedError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 200
_STYLE: Any = {  # matplotlib's own type lists each of its hundreds of keys
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
}

Row = Mapping[str, object]


def require_matplotlib() -> None:
    """Nothing, where figures can be drawn.

    Raises:
        AnatomyGuidedError: matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise AnatomyGuidedError(
            "The study's plots need matplotlib; install it with pip install 'slicer-anatomy-guided[plots]'."
        )


@contextmanager
def drawn(
    path: Path, rows: int, columns: int, size_inches: tuple[float, float]
) -> Iterator[tuple[Figure, list[list[Axes]]]]:
    """A figure that needs no screen, and its axes [row][column]; it becomes a PNG that prints well."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as NewFigure

    with mpl.rc_context(_STYLE):
        figure = NewFigure(figsize=size_inches, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure, [list(line) for line in figure.subplots(rows, columns, squeeze=False)]
        figure.savefig(path, dpi=_DOTS_PER_INCH, metadata={"Software": "AnatomyGuided"})


def numbers(rows: Sequence[Row], name: str) -> list[float]:
    """A column of the rows; a missing value is NaN, which matplotlib leaves out.

    >>> numbers([{"step": 1}, {"step": None}], "step")
    [1.0, nan]
    """
    return [float("nan") if row[name] is None else float(str(row[name])) for row in rows]

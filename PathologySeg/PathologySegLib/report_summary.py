"""A report of lesions in a few sentences: what a panel shows beside the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PathologySegLib.lesion_table import counted


def summary(report: Mapping[str, Any], notes: Sequence[str] = ()) -> str:
    """How many lesions there are, their sums, and the notes: these first, then the report's own.

    >>> report = {"lesion_count": 1, "total_volume_ml": 6.5, "total_lesion_glycolysis": 30.0, "notes": ["Look."]}
    >>> summary(report, ["Oh."])
    '1 lesion, 6.5 ml in all, total lesion glycolysis 30. Oh. Look.'
    """
    sums = f", {report['total_volume_ml']:g} ml in all, total lesion glycolysis {report['total_lesion_glycolysis']:g}"
    found = counted(report["lesion_count"], "lesion") + (sums if report["lesion_count"] else "")
    return " ".join([f"{found}.", *filter(None, notes), *report["notes"]])

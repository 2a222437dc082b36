"""Where a data set's files lie in its folder."""

from __future__ import annotations

from pathlib import Path

LABELS, STATISTICS, REPORTS, RESULTS = "labels", "statistics", "reports", "results"


def label_map(folder: Path, name: str) -> Path:
    """The case's label map: the name of section 3.1.4 and nothing else, so that it is found by its CT."""
    return folder / LABELS / f"{name}.nii.gz"


def statistics(folder: Path, name: str) -> Path:
    """The case's table of volumes and HU."""
    return folder / STATISTICS / f"{name}.csv"


def report(folder: Path, name: str) -> Path:
    """The case's provenance, with what every expert and every rule gave."""
    return folder / REPORTS / f"{name}.json"


def files_of(folder: Path, name: str) -> tuple[Path, Path, Path]:
    """All files that a case of the data set has."""
    return label_map(folder, name), statistics(folder, name), report(folder, name)

"""Lesions of the two real sarcoma cases by each classical reading, and by models that are given: Dice and CC-Dice.

python Testing/benchmarks/sts_table.py [--realdata FOLDER] [--model NAME|DIR]... [--anatomy-model NAME]

The images are cropped around the tumour and its mask is a person's (Vallieres et al. 2015, doi
10.7937/K9/TCIA.2015.7GO2GSKS, by IBSI's data sets, CC BY 3.0); they are not part of the repository. Each case is scored
on the PET's grid, as `anatomyguided evaluate` does it. What cannot be evaluated says why.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.io import read_ct, read_labelmap, read_pet
from CCMetricsLib.evaluate import EvaluationParameters, evaluate
from PathologySegLib.finders import read_finder
from PathologySegLib.lesions import find_lesions
from PathologySegLib.model_lesions import DEFAULT_ATLAS, find_lesions_by_model, predicted_anatomy
from PathologySegLib.parameters import READINGS, LesionParameters, ModelChoice

CASES = ("STS_001", "STS_004")
COLUMNS = ("reading", "case", "lesions", "ml", "reference_ml", "dice", "cc_dice", "fpv_ml", "fnv_ml", "note")
THRESHOLDS = (LesionParameters("suv4"), LesionParameters("suv4", 2.5), LesionParameters("suv41"))
_REALDATA = Path(__file__).parents[2].parent / "shared" / "realdata"
_SCORES = EvaluationParameters(metrics=("dice", "fpv_ml", "fnv_ml"))


@dataclass(frozen=True)
class Reader:
    """A name for the table, and what reads a case."""

    name: str
    parameters: LesionParameters


def readers(models: Sequence[str]) -> Iterator[Reader]:
    """The classical readings, SUV 2.5 among them, and the models."""
    for parameters in (*THRESHOLDS, LesionParameters("percist")):
        least = "" if parameters.threshold_suv is None else f" from {parameters.threshold_suv:g}"
        yield Reader(f"{parameters.reading}{least}", parameters)
    for model in models:
        yield Reader(Path(model).name, LesionParameters(model))


def found(reader: Reader, folder: Path, case: str, atlas: str) -> Labelmap:
    """The lesions that a reader finds in a case, on the PET's grid."""
    pet = read_pet(folder / f"{case}_PET_image.nii.gz")
    if reader.parameters.reading in READINGS:
        return find_lesions(pet, reader.parameters).labelmap
    ct = read_ct(folder / f"{case}_CT_image.nii.gz")
    finder = read_finder(reader.parameters.reading, ModelChoice())
    anatomy = predicted_anatomy(ct, atlas, rules=False) if finder.needs_anatomy else None
    return find_lesions_by_model(ct, pet, finder, anatomy=anatomy).labelmap


def row(reader: Reader, folder: Path, case: str, atlas: str) -> dict[str, str]:
    """A line of the table; the note says why there is no score."""
    reference = read_labelmap(folder / f"{case}_PET_mask.nii.gz")
    named = {"reading": reader.name, "case": case}
    try:
        lesions = found(reader, folder, case, atlas)
    except AnatomyGuidedError as error:
        return {**named, "note": str(error)}
    scores = evaluate(reference, lesions, _SCORES).scores
    values = {name: scores[name].value for name in ("dice", "cc_dice", "fpv_ml", "fnv_ml")}
    return {
        **named,
        "lesions": str(int(lesions.values.max())),
        "ml": f"{int((lesions.values > 0).sum()) * lesions.grid.voxel_volume_ml:.1f}",
        "reference_ml": f"{int((reference.values > 0).sum()) * reference.grid.voxel_volume_ml:.1f}",
        **{name: "-" if value is None else f"{value:.3f}" for name, value in values.items()},
    }


def table(folder: Path, models: Sequence[str], atlas: str) -> list[dict[str, str]]:
    """A row for each reader and case."""
    return [row(reader, folder, case, atlas) for reader in readers(models) for case in CASES]


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--realdata", type=Path, default=Path(os.environ.get("ANATOMYGUIDED_REALDATA", _REALDATA)))
    parser.add_argument("--model", action="append", default=[], metavar="NAME|DIR", help="may be given several times")
    parser.add_argument("--anatomy-model", default=DEFAULT_ATLAS, help="for models that take anatomy")
    options = parser.parse_args(words)
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for line in table(options.realdata, options.model, options.anatomy_model):
        print(f"| {' | '.join(line.get(name, '') for name in COLUMNS)} |")


if __name__ == "__main__":
    main()

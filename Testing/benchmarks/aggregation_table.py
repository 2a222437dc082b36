"""What merging makes of five partial experts of each made patient: mean Dice, wrong voxels, and the worth of the doubt.

python Testing/benchmarks/aggregation_table.py [--cases 20] [--spacing 4] [--structures]

Every expert knows a part of the structures, sees a part of the body and has a confusion of its own. Dice is the mean
over the structures that are in the patient (whatever the expert knows); AUC is that of the disagreement map for wrong
voxels of the body. With --structures, Dice of each structure follows.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "DAPAtlas")]

from AnatomyGuidedLib.grid import Labelmap  # noqa: E402
from AnatomyGuidedLib.labels import structures  # noqa: E402
from AnatomyGuidedLib.phantom import PatientOptions, make_patient  # noqa: E402
from AnatomyGuidedLib.phantom.expert_maps import partial_experts  # noqa: E402
from DAPAtlasLib.aggregate import AGGREGATIONS, aggregate  # noqa: E402
from DAPAtlasLib.disagreement import disagreement  # noqa: E402
from DAPAtlasLib.opinions import Opinion  # noqa: E402
from DAPAtlasLib.rules.catalogue import repair  # noqa: E402
from DAPAtlasLib.rules.context import Context  # noqa: E402

Row = dict[str, object]


def main() -> int:
    """0; the tables are on standard output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--spacing", type=float, default=4.0, metavar="MM")
    parser.add_argument("--structures", action="store_true")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.processes) as pool:
        rows = [row for case in pool.map(partial(case_rows, options.spacing), range(options.cases)) for row in case]
    by_map: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_map[str(row["map"])].append(row)
    tell_maps(by_map)
    if options.structures:
        tell_structures(by_map)
    return 0


def case_rows(spacing_mm: float, seed: int) -> list[Row]:
    """A row for each expert and each merged map of one patient."""
    sex = "FM"[seed % 2]
    patient = make_patient(PatientOptions(spacing_mm=spacing_mm, seed=seed, sex=sex))
    made = partial_experts(patient.anatomy, patient.ct, rng=np.random.default_rng([seed, 3]))
    experts = [Opinion(one.name, one.labelmap, one.known) for one in made]
    rows = [row_of(f"expert {one.expert}", one.labelmap, patient.anatomy) for one in experts]
    for method in AGGREGATIONS:
        plain = aggregate(experts, patient.ct, method=method, mend=False, derive=False).merged.labelmap
        merged = aggregate(experts, patient.ct, method=method)
        final = repair(merged.merged.labelmap, Context(sex)).labelmap
        doubt = disagreement(merged.opinions, final)
        rows.append(row_of(method, plain, patient.anatomy))
        rows.append(row_of(f"{method}, mended, after the rules", final, patient.anatomy, doubt.percent))
    return rows


def row_of(name: str, labelmap: Labelmap, true: Labelmap, doubt: np.ndarray | None = None) -> Row:
    """Dice by structure, the share of wrong voxels of the body, and the AUC of the doubt."""
    given, meant = labelmap.values, true.values
    sizes = np.bincount(given.ravel(), minlength=256) + np.bincount(meant.ravel(), minlength=256)
    both = np.bincount(given[given == meant].ravel(), minlength=256)
    present = [label for label in structures() if (meant == label.id).any()]
    body = meant > 0
    wrong = (given != meant)[body]
    area = area_under_curve(doubt[body], wrong) if doubt is not None else None
    dice = {label.name: 2 * both[label.id] / sizes[label.id] for label in present}
    return {"map": name, "dice": dice, "wrong": float(wrong.mean()), "auc": area}


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> float:
    """How often a random wrong voxel has more doubt than a random right one; ties count half."""
    right, wrong = (np.bincount(scores[mask], minlength=101).astype(float) for mask in (~positive, positive))
    below = np.concatenate([[0.0], np.cumsum(right)[:-1]])
    return float(((below + right / 2) * wrong).sum() / (right.sum() * wrong.sum()))


def tell_maps(by_map: dict[str, list[Row]]) -> None:
    """The table of maps."""
    print("| map | cases | mean Dice | wrong voxels | AUC of the doubt: mean (lowest) |\n|---|---|---|---|---|")
    for name, rows in by_map.items():
        dice = np.mean([np.mean([*row["dice"].values()]) for row in rows])
        wrong = np.mean([row["wrong"] for row in rows])
        areas = [row["auc"] for row in rows if row["auc"] is not None]
        area = f"{np.mean(areas):.3f} ({min(areas):.3f})" if areas else ""
        print(f"| {name} | {len(rows)} | {dice:.3f} | {wrong:.2%} | {area} |")


def tell_structures(by_map: dict[str, list[Row]]) -> None:
    """The table of structures: of every map the mean Dice over the patients that have the structure."""
    shown = [name for name in by_map if name.startswith("expert") or "union" in name]
    print("\n| structure | " + " | ".join(shown) + " |\n|---" * 1 + "|---" * len(shown) + "|")
    for label in structures():
        cells = [[row["dice"][label.name] for row in by_map[name] if label.name in row["dice"]] for name in shown]
        if cells[0]:
            print(f"| {label.name} | " + " | ".join(f"{np.mean(cell):.2f}" for cell in cells) + " |")


if __name__ == "__main__":
    sys.exit(main())

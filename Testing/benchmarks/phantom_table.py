"""Every structure of the made patient over many seeds, as a Markdown table: volume against what is published, pieces.

python Testing/benchmarks/phantom_table.py [--seeds 100] [--spacing 4]

So many women and so many men. After the table: in how many patients each neighbourhood is broken, and each fault.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "DAPAtlas"), str(ROOT / "Testing")]

from AnatomyGuidedLib.labels import structures  # noqa: E402
from AnatomyGuidedLib.phantom import make_anatomy  # noqa: E402
from phantom_survey import Findings, findings, neighbours_of, ranges_ml  # noqa: E402


def main() -> int:
    """0 if all that must hold in 99 % of patients does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100, help="women, and as many men (%(default)s)")
    parser.add_argument("--spacing", type=float, default=4.0, metavar="MM")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    jobs = [(sex, seed, options.spacing) for sex in "FM" for seed in range(options.seeds)]
    with ProcessPoolExecutor(options.processes) as pool:
        patients = list(pool.map(surveyed, jobs, chunksize=4))
    tell_structures(patients)
    return tell_failures(patients)


def surveyed(job: tuple[str, int, float]) -> Findings:
    """One patient's findings."""
    sex, seed, spacing_mm = job
    return findings(make_anatomy(spacing_mm=spacing_mm, sex=sex, seed=seed)[0], sex)


def tell_structures(patients: list[Findings]) -> None:
    """Mean and range by sex, the published range, the share of patients inside it, and the most pieces."""
    published = ranges_ml()
    print("| Structure | women, ml | men, ml | published, women | published, men | inside | pieces |")
    print("|---|---|---|---|---|---|---|")
    for label in structures():
        cells, inside = [], []
        for sex in "FM":
            volumes = np.array([p.volumes_ml[label.name] for p in patients if p.sex == sex])
            cells.append(_told(volumes) if volumes.any() else "-")
            low, high, _ = published.get((label.name, sex), (np.nan, np.nan, ""))
            if volumes.any() and low == low:
                inside += ((volumes >= low) & (volumes <= high)).tolist()
        ranges = [_range(published.get((label.name, sex))) for sex in "FM"]
        pieces = Counter(p.pieces[label.name] for p in patients if p.volumes_ml[label.name])
        share = f"{100 * np.mean(inside):.0f} %" if inside else ""
        print(f"| {label.name} | {' | '.join(cells)} | {' | '.join(ranges)} | {share} | {_spread(pieces)} |")


def tell_failures(patients: list[Findings]) -> int:
    """1 if a neighbourhood is broken, or anything out of place, in more than 1 % of patients."""
    broken = Counter(pair for p in patients for pair in p.apart)
    faults = Counter(fault for p in patients for fault in p.faults)
    pairs = {pair for sex in "FM" for pair in neighbours_of(sex)}
    print(f"\n{len(patients)} patients, {len(pairs)} neighbourhoods; broken in:")
    for pair, count in broken.most_common():
        print(f"  {count:4} {' - '.join(pair)}")
    print(f"out of place ({sum(faults.values())}):")
    for fault, count in faults.most_common():
        print(f"  {count:4} {fault}")
    worst = max([0, *broken.values(), *faults.values()])
    return int(worst > 0.01 * len(patients))


def _told(volumes: np.ndarray) -> str:
    digits = 0 if volumes.mean() >= 20 else 1
    return f"{volumes.mean():.{digits}f} ({volumes.min():.{digits}f}-{volumes.max():.{digits}f})"


def _range(row: tuple[float, float, str] | None) -> str:
    return f"{row[0]:g}-{row[1]:g}" if row else ""


def _spread(pieces: Counter[int]) -> str:
    low, high = min(pieces, default=0), max(pieces, default=0)
    return str(low) if low == high else f"{low}-{high}"


if __name__ == "__main__":
    sys.exit(main())

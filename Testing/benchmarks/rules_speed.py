"""All rules and the plausibility report on a whole-body label map, against working label by label with cc3d.

python Testing/benchmarks/rules_speed.py [--shape 512 512 600] [--labels 6]

The map is a made patient with swaps and satellites, drawn at 3 mm and stored at the shape. Label by label means what
the released post-processing does: rule after rule (left-right, vertebra fragments, ribs, area, largest component), for
every label of the rule, the components of the label's mask and their statistics. At the full shape that runs on some
labels of all sizes and is scaled to all by their number; at 3 mm both run on all labels, and their results are
compared. Linux only.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cc3d
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "DAPAtlas")]

from AnatomyGuidedLib.grid import Grid, Labelmap  # noqa: E402
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of, ids_where, label_by_id  # noqa: E402
from AnatomyGuidedLib.phantom import make_anatomy  # noqa: E402
from AnatomyGuidedLib.phantom.faults import inject  # noqa: E402
from DAPAtlasLib.plausibility.assess import assess  # noqa: E402
from DAPAtlasLib.plausibility.case import Case  # noqa: E402
from DAPAtlasLib.rules.catalogue import repair  # noqa: E402
from DAPAtlasLib.rules.context import Context  # noqa: E402

SPACING_MM = 3.0


def main() -> int:
    """0; the figures are on standard output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=3, default=(512, 512, 600))
    parser.add_argument("--labels", type=int, default=6, help="labels of the full-size loop (default %(default)s)")
    options = parser.parse_args()
    small = faulty_map()
    shape = tuple(options.shape)
    jobs = ((ours, small, small.grid.shape), (ours, small, shape), (loop, small, small.grid.shape, 0),
            (loop, small, shape, options.labels))  # fmt: skip
    told = [alone(*job) for job in jobs]
    (ours_s, ours_mib, mended), (full_s, full_mib, _), (loop_s, _, by_label), (scaled_s, loop_mib, _) = told
    print("| map | all rules and report | label by label | ratio | our peak memory | its peak memory |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {size(small.grid.shape)} | {ours_s:.2f} s | {loop_s:.1f} s | {loop_s / ours_s:.0f} | {ours_mib:.0f} MiB | |"
    )
    print(f"| {size(shape)} | {full_s:.1f} s | {scaled_s:.0f} s, from {options.labels} labels | "
          f"{scaled_s / full_s:.0f} | {full_mib:.0f} MiB | {loop_mib:.0f} MiB |")  # fmt: skip
    moved = (by_label != small.values) & (by_label != id_of(UNKNOWN_TISSUE))
    agree = (mended == by_label)[moved].mean()
    print(f"\nOf {moved.sum()} voxels that the loop gives to a structure, ours gives {agree:.1%} the same label.")
    return 0


def alone(job, *arguments):
    """What a job gives in a process of its own: seconds, peak MiB, label map."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(job, *arguments).result()


def faulty_map() -> Labelmap:
    """A woman at 3 mm with swapped sides and satellites."""
    anatomy, _ = make_anatomy(spacing_mm=SPACING_MM, sex="F", seed=2)
    rng = np.random.default_rng(5)
    for fault in ("left-right-swap", "satellites"):
        anatomy = inject(fault, anatomy, rng=rng).labelmap
    return anatomy


def ours(small: Labelmap, shape: tuple[int, int, int]) -> tuple[float, float, np.ndarray | None]:
    """Rules and report on the map at the shape."""
    labelmap = stored_at(small, shape)
    repair(small, Context("F"))  # what is loaded once is loaded
    start = time.perf_counter()
    repaired = repair(labelmap, Context("F"))
    assess(Case(repaired.pieces, "F"))
    seconds = time.perf_counter() - start
    return seconds, peak_mib(), repaired.labelmap.values if shape == small.grid.shape else None


def loop(small: Labelmap, shape: tuple[int, int, int], some: int) -> tuple[float, float, np.ndarray | None]:
    """Label by label; of some labels only, spread over all sizes, if there is a number: then the time is scaled."""
    labelmap = stored_at(small, shape)
    values = labelmap.values.copy()
    sizes = np.bincount(small.values.ravel(), minlength=256)
    present = sorted((label for label in np.flatnonzero(sizes).tolist() if label > 1), key=lambda label: sizes[label])
    chosen = present if not some else [present[n] for n in np.linspace(0, len(present) - 1, some).astype(int)]
    spine = np.isin(small.values, ids_where(lambda label: label.group == "Vertebras"))
    middle_r = small.grid.ras_from_ijk(np.argwhere(spine))[:, 0].mean()
    start = time.perf_counter()
    for rule in (left_right, only_largest, in_area, only_largest_of_once):
        for number in chosen:
            rule(values, number, labelmap.grid, middle_r)
    seconds = (time.perf_counter() - start) * len(present) / len(chosen)
    return seconds, peak_mib(), None if some else values


def left_right(values: np.ndarray, number: int, grid: Grid, middle_r: float) -> None:
    """Components of a paired label across the middle become the partner's."""
    label = label_by_id(number)
    if label.side and label.partner:
        parts, statistics = components(values, number)
        right = grid.ras_from_ijk(statistics["centroids"][1:])[:, 0] > middle_r
        for part in np.flatnonzero(right != (label.side == "right")).tolist():
            values[parts == part + 1] = label.partner


def only_largest(values: np.ndarray, number: int, grid: Grid, middle_r: float) -> None:  # noqa: ARG001
    """Fragments of vertebrae and ribs lose their label."""
    if label_by_id(number).group in ("Vertebras", "Ribs"):
        largest_kept(values, number)


def in_area(values: np.ndarray, number: int, grid: Grid, middle_r: float) -> None:  # noqa: ARG001
    """Components of head and pelvis that lie in the other half of the image lose their label."""
    parts_of_body = label_by_id(number).body_part
    if "whole" in parts_of_body:
        return
    parts, statistics = components(values, number)
    heights = grid.ras_from_ijk(statistics["centroids"][1:])[:, 2]
    middle = grid.ras_from_ijk((np.array(grid.shape) - 1) / 2)[2]
    strange = heights < middle if parts_of_body == ("head-neck",) else heights > middle
    for part in np.flatnonzero(strange & (len(parts_of_body) == 1 and parts_of_body[0] in ("head-neck", "pelvis"))):
        values[parts == part + 1] = id_of(UNKNOWN_TISSUE)


def only_largest_of_once(values: np.ndarray, number: int, grid: Grid, middle_r: float) -> None:  # noqa: ARG001
    """What occurs once keeps its largest component."""
    if label_by_id(number).once:
        largest_kept(values, number)


def largest_kept(values: np.ndarray, number: int) -> None:
    """All components of a label but the largest lose it."""
    parts, statistics = components(values, number)
    if len(statistics["voxel_counts"]) > 2:
        largest = int(np.argmax(statistics["voxel_counts"][1:])) + 1
        values[(parts > 0) & (parts != largest)] = id_of(UNKNOWN_TISSUE)


def components(values: np.ndarray, number: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The components of a label's mask and their statistics."""
    parts = cc3d.connected_components(values == number, connectivity=26)
    return parts, cc3d.statistics(parts)


def stored_at(small: Labelmap, shape: tuple[int, int, int]) -> Labelmap:
    """The map on a grid of the shape over the same space."""
    if shape == small.grid.shape:
        return small
    nearest = [(np.arange(n) * old // n).astype(int) for n, old in zip(shape, small.grid.shape, strict=True)]
    affine = small.grid.affine.copy()
    affine[:3, :3] *= np.array(small.grid.shape) / np.array(shape)
    return Labelmap(small.values[np.ix_(*nearest)], Grid(shape, affine))


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape)


if __name__ == "__main__":
    sys.exit(main())

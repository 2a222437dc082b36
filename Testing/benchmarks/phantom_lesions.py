"""How many lesions each pattern makes, how large, where, and how many healthy voxels are hotter than they are.

python Testing/benchmarks/phantom_lesions.py [--seeds 40] [--spacing 4] [--pattern NAME]

Prints the tables of docs/phantom_pet.md. Women and men take turns. A lesion's heat is the mean SUV of its voxels in the
image; a healthy organ voxel lies in a structure that is neither tissue nor muscle, and not in or beside a lesion.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.labels import ids_where
from AnatomyGuidedLib.phantom import Body, make_body
from AnatomyGuidedLib.phantom.lesion_patterns import PATTERNS
from AnatomyGuidedLib.phantom.lesions import Lesions, make_lesions
from AnatomyGuidedLib.phantom.pet import make_pet
from scipy import ndimage

_LEVELS = (0, 10, 50, 90, 100)


@dataclass(frozen=True)
class Case:
    """One patient's lesions, and the share of healthy organ voxels hotter than the median lesion (None without one)."""

    lesions: Lesions
    hotter: float | None
    visible: int


def case_of(pattern: str, seed: int, spacing_mm: float) -> Case:
    """The patient of a seed with as many lesions as the pattern draws."""
    body = make_body(spacing_mm=spacing_mm, sex="FM"[seed % 2], seed=seed)
    lesions = make_lesions(body, pattern=pattern, rng=np.random.default_rng([seed, 1]))
    suv = make_pet(body, lesions, rng=np.random.default_rng([seed, 4]))
    peaks = ndimage.maximum(suv, lesions.numbers, range(1, len(lesions.each) + 1))
    return Case(lesions, hotter_share(body, lesions, suv), int((np.asarray(peaks) >= 4.0).sum()))


def hotter_share(body: Body, lesions: Lesions, suv: npt.NDArray[np.float32]) -> float | None:
    """The share of healthy organ voxels that are hotter than the median of the lesions' mean SUV."""
    if not lesions.each:
        return None
    heat = np.median(ndimage.mean(suv, lesions.numbers, range(1, len(lesions.each) + 1)))
    organs = np.zeros(256, dtype=np.bool_)
    organs[list(ids_where(lambda label: label.group not in ("", "Tissues", "Musculature")))] = True
    healthy = organs[body.labels] & ~ndimage.binary_dilation(lesions.numbers > 0, np.ones((3, 3, 3), np.bool_))
    return float((suv[healthy] > heat).mean())


def row(name: str, values: Sequence[float], digits: int) -> str:
    """One line of the table: least, tenth, half, nine tenths, most."""
    cells = (f"{value:.{digits}f}" for value in np.percentile(values, _LEVELS))
    return f"| {name} | " + " | ".join(cells) + " |"


def report(pattern: str, cases: Sequence[Case]) -> Iterable[str]:
    """The lines about one pattern."""
    each = [lesion for case in cases for lesion in case.lesions.each]
    yield row(f"{pattern}: lesions a patient", [len(case.lesions.each) for case in cases], 0)
    yield row(f"{pattern}: volume, ml", [lesion.volume_ml for lesion in each], 2)
    yield row(f"{pattern}: diameter, mm", [lesion.diameter_mm for lesion in each], 1)
    yield row(f"{pattern}: SUV", [lesion.suv for lesion in each], 1)
    yield row(f"{pattern}: hotter, %", [100.0 * case.hotter for case in cases if case.hotter is not None], 1)
    seen = sum(case.visible for case in cases) / len(each)
    sites = Counter(lesion.site for lesion in each)
    shares = ", ".join(f"{site} {100 * count / len(each):.0f} %" for site, count in sites.most_common())
    yield f"{pattern}: {len(each)} lesions, {100 * seen:.0f} % reach SUV 4 in the image; {shares}"


def main() -> None:
    """Prints every pattern's lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--spacing", type=float, default=4.0)
    parser.add_argument("--pattern", choices=tuple(PATTERNS))
    options = parser.parse_args()
    print("| over all patients | least | 10 % | median | 90 % | most |\n|---|---|---|---|---|---|")
    for pattern in [options.pattern] if options.pattern else PATTERNS:
        cases = [case_of(pattern, seed, options.spacing) for seed in range(options.seeds)]
        print("\n".join(report(pattern, cases)), flush=True)


if __name__ == "__main__":
    main()

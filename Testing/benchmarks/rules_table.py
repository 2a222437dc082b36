"""What the anatomical rules make of every fault of the made patients, as a Markdown table.

python Testing/benchmarks/rules_table.py [--cases 50] [--spacing 4] [--faults NAME,NAME] [--ct]
python Testing/benchmarks/rules_table.py --labelmap MAP@SCHEME --labelmap-ct CT --sex M

Cases have variants: every orientation, both sexes, all fields of view. "Named" counts cases in which the rule in charge
says what is wrong (of vertebrae and ribs: with one that the fault is about) or that it cannot tell; shares of voxels
are over the cases in which that rule could be evaluated.
"""

from __future__ import annotations

import argparse
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "DAPAtlas")]

from AnatomyGuidedLib.grid import Labelmap, Volume  # noqa: E402
from AnatomyGuidedLib.io import read_anatomy, read_ct  # noqa: E402
from AnatomyGuidedLib.phantom import PatientOptions, make_anatomy, make_patient  # noqa: E402
from AnatomyGuidedLib.phantom.faults import FAULTS, NotPossible, inject  # noqa: E402
from DAPAtlasLib.rules.catalogue import repair  # noqa: E402
from DAPAtlasLib.rules.context import Context  # noqa: E402
from DAPAtlasLib.rules.finding import Finding  # noqa: E402

IN_CHARGE = {
    "left-right-swap": "left-right", "left-right-swap-whole": "left-right", "vertebrae-shifted": "vertebrae",
    "vertebra-fragment": "vertebrae", "ribs-merged": "ribs", "rib-split": "ribs", "rib-missing": "ribs",
    "ribs-shifted": "ribs", "satellites": "single-piece", "colon-in-head": "place", "gonads-in-head": "place",
    "bladder-in-abdomen": "place", "bronchi-above-lungs": "place", "thyroid-in-cheeks": "place", "other-sex": "sex",
}  # fmt: skip

_AT_ONCE = 16


@dataclass(frozen=True)
class Outcome:
    """One case: whether the rule could be evaluated, whether it said anything, and voxels."""

    evaluable: bool
    named: bool
    wrong: int
    lost: int
    back: int
    harmed: int


def main() -> int:
    """0; the table is on standard output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=50)
    parser.add_argument("--spacing", type=float, default=4.0, metavar="MM")
    parser.add_argument("--faults", default=",".join(IN_CHARGE), metavar="LIST")
    parser.add_argument("--ct", action="store_true", help="the rules may look at the CT")
    parser.add_argument("--labelmap", metavar="LABELMAP@SCHEME", help="a real label map in place of made patients")
    parser.add_argument("--labelmap-ct", metavar="CT", help="its CT")
    parser.add_argument("--sex", choices="FM", default="M", help="its patient's")
    parser.add_argument("--clean", type=int, help="clean cases; by default four times the cases")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    print("| fault | cases | not evaluable | named | lost the wrong label | got their own back | harmed voxels |")
    print("|---|---|---|---|---|---|---|")
    with ProcessPoolExecutor(options.processes) as pool:
        for fault in options.faults.split(","):
            tell(fault, cases_of(fault, options, pool))
        number = 4 * options.cases if options.clean is None and not options.labelmap else options.clean or 0
        if number:
            clean(list(pool.map(partial(changed, options.spacing), range(number), chunksize=4)))
    return 0


def cases_of(fault: str, options: argparse.Namespace, pool: ProcessPoolExecutor) -> list[Outcome]:
    """So many cases in which the fault is possible, or as many as six times that number of patients has."""
    found: list[Outcome] = []
    for start in range(0, 6 * options.cases, _AT_ONCE):
        seeds = range(start, start + _AT_ONCE)
        found += [one for one in pool.map(partial(outcome, fault, options), seeds, chunksize=4) if one]
        if len(found) >= options.cases:
            break
    return found[: options.cases]


def outcome(fault: str, options: argparse.Namespace, seed: int) -> Outcome | None:
    """What the rules make of one case; None where the fault is not possible in it."""
    sex = options.sex if options.labelmap else "FM"[seed % 2]
    anatomy, ct = real(options) if options.labelmap else made(options, sex, seed)
    try:
        injected = inject(fault, anatomy, rng=np.random.default_rng([seed, 9]))
    except NotPossible:
        return None
    result = repair(injected.labelmap, Context(sex, ct))
    finding = next(finding for finding in result.findings if finding.rule == IN_CHARGE[fault])
    true, wrong, now = injected.original.values, injected.labelmap.values, result.labelmap.values
    bad = injected.changed
    counts = (bad, bad & (now != wrong), bad & (now == true), ~bad & (now != true))
    return Outcome(
        finding.status not in ("not evaluable", "refused"),
        finding.status in ("not evaluable", "refused") or names(finding, injected.details),
        *(int(np.count_nonzero(mask)) for mask in counts),
    )


def names(finding: Finding, details: object) -> bool:
    """Whether the finding says what is wrong, of vertebrae and ribs with one whose name the fault's details hold."""
    told = " ".join(finding.faults)
    if finding.rule not in ("vertebrae", "ribs"):
        return bool(told)
    held, structures = [details], []
    while held:
        one = held.pop()
        if isinstance(one, str):
            structures.append(one)
        elif isinstance(one, dict | list | tuple):
            held += one.values() if isinstance(one, dict) else one
    return any(re.search(rf"{name}\b", told) for name in structures if name.startswith(("Vertebra ", "Costa ")))


def made(options: argparse.Namespace, sex: str, seed: int) -> tuple[Labelmap, Volume | None]:
    """A made patient with variants, with its CT if the rules may look at it."""
    if options.ct:
        patient = make_patient(PatientOptions(options.spacing, sex, seed, variants=True))
        return patient.anatomy, patient.ct
    return make_anatomy(spacing_mm=options.spacing, sex=sex, seed=seed, variants=True)[0], None


@cache
def _real(labelmap: str, ct: str | None) -> tuple[Labelmap, Volume | None]:
    return repair(read_anatomy(labelmap)).labelmap, read_ct(ct) if ct else None


def real(options: argparse.Namespace) -> tuple[Labelmap, Volume | None]:
    """The real label map after the rules, so that what they find later is the fault; and its CT."""
    return _real(options.labelmap, options.labelmap_ct)


def changed(spacing_mm: float, seed: int) -> tuple[int, int, bool]:
    """Of a clean case: voxels that changed, voxels of the body, and whether a rule said that something is wrong."""
    sex = "FM"[seed % 2]
    anatomy, _ = make_anatomy(spacing_mm=spacing_mm, sex=sex, seed=seed, variants=True)
    result = repair(anatomy, Context(sex))
    warned = any(finding.faults for finding in result.findings if finding.status != "not evaluable")
    return int((result.labelmap.values != anatomy.values).sum()), int((anatomy.values > 0).sum()), warned


def tell(fault: str, found: list[Outcome]) -> None:
    """One row."""
    told = [case for case in found if case.evaluable]
    wrong = max(sum(case.wrong for case in told), 1)
    lost, back = (sum(getattr(case, name) for case in told) / wrong for name in ("lost", "back"))
    named = sum(case.named for case in found) / max(len(found), 1)
    cells = (fault, len(found), len(found) - len(told), f"{named:.0%}", f"{lost:.2%}", f"{back:.2%}",
             sum(case.harmed for case in found))  # fmt: skip
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def clean(found: list[tuple[int, int, bool]]) -> None:
    """The sentence about clean cases."""
    moved, voxels, warned = (sum(column) for column in zip(*found, strict=True))
    print(
        f"\n{len(found)} clean cases: {moved / voxels:.5%} of the body's voxels changed, {warned} cases with a warning."
    )


if __name__ == "__main__":
    assert set(IN_CHARGE) <= set(FAULTS)
    sys.exit(main())

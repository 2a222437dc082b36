"""Every arm on every fold of every data set, kept on disk so that a stopped benchmark goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.cohort_case import file_name
from AnatomyGuidedLib.devices import chosen_device
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.files import sha256_of
from AnatomyGuidedLib.progress import CancelCheck, Progress, part_of, stop_if

from PathologySegLib.benchmark.cohort import folds_of
from PathologySegLib.benchmark.memory import StepMemory, step_memory
from PathologySegLib.benchmark.networks import CHANNELS, arm_loss, network_of
from PathologySegLib.benchmark.nnunet_arm import NnunetArm
from PathologySegLib.benchmark.plan import NNUNET, Arm, DataSet, Plan, Shape
from PathologySegLib.benchmark.prepared import Prepared, prepared
from PathologySegLib.benchmark.trial import Fold, Result, run_arm
from PathologySegLib.data_sets import PetCtCase
from PathologySegLib.splits import Split

Results = dict[str, list[Result]]
Reasons = dict[str, dict[str, str]]

_PREPARING_SHARE = 0.05  # of the progress


@dataclass(frozen=True)
class Benchmark:
    """A plan, the cases of each data set, and the folder that keeps what is done."""

    plan: Plan
    cases: Mapping[DataSet, tuple[PetCtCase, ...]]
    state: Path

    def run(self, progress: Progress, cancelled: CancelCheck) -> tuple[Results, Reasons]:
        """By data set the scores of all models' predictions, and why a model has none.

        Raises:
            UsageError: The cases cannot be split into the folds, or a network cannot take its patch.
            AnatomyGuidedError: A case cannot be read, or a network cannot be trained.
            Cancelled: The user stopped; the next call goes on from there.
        """
        self.networks()  # an arm that cannot start is told now, not after days of the others
        found: Results = {}
        reasons: Reasons = {}
        for number, (data_set, cases) in enumerate(self.cases.items()):
            own = part_of(progress, number / len(self.cases), (number + 1) / len(self.cases))
            found[data_set.name], reasons[data_set.name] = self._data_set(data_set, cases, own, cancelled)
        return found, reasons

    def networks(self) -> dict[str, dict[str, dict[str, Any]]]:
        """By data set and arm: parameters, the patch, and the memory that one training step takes, computed."""
        return {
            data_set.name: {name: described(arm, data_set.name) for name, arm in self.plan.arms.items()}
            for data_set in self.cases
        }

    def _data_set(
        self, data_set: DataSet, cases: tuple[PetCtCase, ...], progress: Progress, cancelled: CancelCheck
    ) -> tuple[list[Result], dict[str, str]]:
        splits = folds_of(cases, data_set, self.plan.settings)
        place = self.state / f"{file_name(data_set.name)}_{_digest(self._identity(data_set, splits))}"
        ready: dict[str, Prepared] = {}
        for number, case in enumerate(cases):
            stop_if(cancelled)
            progress(_PREPARING_SHARE * number / len(cases), f"Preparing {case.name}")
            ready[case.name] = prepared(case, data_set.onto, place / "cases")
        results: list[Result] = []
        reasons: dict[str, str] = {}
        models = self.plan.settings.models
        for number, name in enumerate(models):
            span = (1.0 - _PREPARING_SHARE) / len(models)
            own = part_of(progress, _PREPARING_SHARE + number * span, _PREPARING_SHARE + (number + 1) * span)
            try:
                results += self._model(name, data_set, splits, ready, place, _named(own, name, data_set), cancelled)
            except Cancelled:
                raise
            except AnatomyGuidedError as error:
                if name != NNUNET:
                    raise
                reasons[name] = str(error)  # a program of others; without it the table still says so
        return results, reasons

    def _model(
        self, name: str, data_set: DataSet, splits: Sequence[Split], ready: Mapping[str, Prepared], place: Path,
        progress: Progress, cancelled: CancelCheck,
    ) -> list[Result]:  # fmt: skip
        settings = self.plan.settings
        own = asdict(settings.nnunet) if name == NNUNET else identity_of(self.plan.arms[name])
        folder = place / f"{''.join(filter(str.isalnum, name))}_{_digest(own)}"
        mirrors = "mirrored" if settings.nnunet_mirrors else "plain"
        tries = folder / mirrors if name == NNUNET else folder  # nnU-Net's training does not ask
        results: list[Result] = []
        device = chosen_device("auto")
        for number, (learned, tested) in enumerate(splits):
            told = part_of(progress, number / len(splits), (number + 1) / len(splits))
            one, other = ([ready[case.name] for case in side] for side in (learned, tested))
            fold = Fold(data_set.name, number, one, other, tries / f"fold_{number}", device)
            if name == NNUNET:
                arm = NnunetArm(settings.nnunet, settings.nnunet_mirrors, data_set.onto, folder, device)
                cases = {case.name: case for side in splits[0] for case in side}
                names = [(_names(side), _names(rest)) for side, rest in splits]
                results += arm.run(fold, cases, names, progress=told, cancelled=cancelled)
            else:
                results += run_arm(name, self.plan.arms[name], fold, progress=told, cancelled=cancelled)
        return results

    def _identity(self, data_set: DataSet, splits: Sequence[Split]) -> object:
        """What results of a data set depend on, beside an arm's settings: its grid, and who is in which fold.

        Files are told by size and time, so that a corrected image never meets the results of the one before.
        """
        files = [
            [case.name, *((file.stat().st_size, file.stat().st_mtime_ns) for file in case.files())]
            for side in splits[0]
            for case in side
        ]
        return [data_set.onto, [[case.name for case in tested] for _, tested in splits], files]


def identity_of(arm: Arm) -> dict[str, Any]:
    """What an arm's results depend on: its settings, and what the file holds that it starts from.

    Raises:
        AnatomyGuidedError: The file cannot be read.
    """
    return {**asdict(arm), "weights": sha256_of(Path(arm.weights)) if arm.weights else ""}


def described(arm: Arm, data_set: str) -> dict[str, Any]:
    """Parameters, patch, and GiB of one training step of the arm's batch, and of a quarter of it (four cards).

    Raises:
        UsageError: The network cannot take a step with the patch.
    """
    patch = arm.patch_of(data_set)
    whole, quarter = (_step(arm, patch, batch) for batch in (arm.batch, max(1, arm.batch // 4)))
    return {
        "parameters": whole.parameters,
        "patch": list(patch),
        "step_gib": round(whole.gib, 2),
        "step_gib_of_four_cards": round(quarter.gib, 2),
    }


def _step(arm: Arm, patch: Shape, batch: int) -> StepMemory:
    network = network_of(arm, patch, seed=0)
    loss = arm_loss(replace(arm, even=True))  # the other one counts voxels, which are not there
    try:
        return step_memory(network, (batch, CHANNELS, *patch), loss)
    except (RuntimeError, ValueError) as error:
        sides = " x ".join(map(str, patch))
        raise UsageError(f"{arm.architecture} cannot learn from patches of {sides} voxels: {error}") from error


def _names(cases: Sequence[PetCtCase]) -> list[str]:
    return [case.name for case in cases]


def _named(progress: Progress, name: str, data_set: DataSet) -> Progress:
    return lambda fraction, text: progress(fraction, f"{data_set.name}, {name}: {text}")


def _digest(told: object) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]

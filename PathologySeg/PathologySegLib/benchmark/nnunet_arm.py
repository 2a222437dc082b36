"""nnU-Net as it comes: its own plan, augmentation and trainer in a process of its own, on our folds (E.1.2.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from AnatomyGuidedLib.cohort_case import file_name
from AnatomyGuidedLib.files import write_json
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.io import write_labelmap, write_volume
from AnatomyGuidedLib.predictors.nnunet_v2 import read_nnunet_v2
from AnatomyGuidedLib.progress import CancelCheck, Progress, part_of, stop_if
from DAPAtlasLib.training.nnunet_dataset import NAME, ORIENTATION, turned
from DAPAtlasLib.training.nnunet_settings import NnunetSettings
from DAPAtlasLib.training.nnunet_training import NnunetTraining, require_nnunet

from PathologySegLib.benchmark.plan import NNUNET
from PathologySegLib.benchmark.prepared import Prepared
from PathologySegLib.benchmark.trial import Fold, Result, tried
from PathologySegLib.data_sets import PetCtCase

_CT, _PET, _LABEL = "imagesTr/{}_0000.nii.gz", "imagesTr/{}_0001.nii.gz", "labelsTr/{}.nii.gz"
_TRAINING_SHARE = 0.9  # of the progress


@dataclass(frozen=True)
class NnunetArm:
    """nnU-Net on a data set: planned once over all its cases, as nnU-Net does, then trained fold by fold.

    It takes CT and PET; the empty third channel of the other networks holds nothing and is not given. Healthy cases
    are learned from, too (E.1.2.2).
    """

    settings: NnunetSettings
    mirrors: bool
    onto: str
    folder: Path
    device: str

    def run(
        self, fold: Fold, cases: Mapping[str, PetCtCase], splits: Sequence[tuple[Sequence[str], Sequence[str]]],
        *, progress: Progress, cancelled: CancelCheck,
    ) -> list[Result]:  # fmt: skip
        """The scores of the fold's cases; `splits` are the names of what each fold learns from and is tried on.

        Raises:
            AnatomyGuidedError: nnU-Net is missing, or failed.
            Cancelled: The user stopped; what was done stays.
        """
        require_nnunet()
        training = NnunetTraining(self.settings, Path(), self.folder, self.device)
        self._export(training.raw / NAME, cases, part_of(progress, 0.0, 0.1), cancelled)
        training.plan(cancelled)
        named = [{"train": _files(learned), "val": _files(tested)} for learned, tested in splits]
        write_json(training.preprocessed / NAME / "splits_final.json", named)
        for stage in range(len(self.settings.stages)):
            training.train_fold(str(fold.number), stage, part_of(progress, 0.1, _TRAINING_SHARE), cancelled)
        find = self._finder(training.results_of(len(self.settings.stages) - 1), fold, cases)
        return tried(NNUNET, fold, find, progress=part_of(progress, _TRAINING_SHARE, 1.0), cancelled=cancelled)

    def _finder(self, results: Path, fold: Fold, cases: Mapping[str, PetCtCase]) -> Callable[[Prepared], Labelmap]:
        predictor = read_nnunet_v2(results, folds=(str(fold.number),), mirror=self.mirrors, orientation=ORIENTATION)

        def find(case: Prepared) -> Labelmap:
            study, _ = cases[case.name].read(onto=self.onto)
            return predictor.labelmap([study.ct, study.pet], device=fold.device)[0]

        return find

    def _export(
        self, raw: Path, cases: Mapping[str, PetCtCase], progress: Progress, cancelled: CancelCheck
    ) -> None:  # fmt: skip
        for name in ("imagesTr", "labelsTr"):
            (raw / name).mkdir(parents=True, exist_ok=True)
        for number, case in enumerate(cases.values()):
            stop_if(cancelled)
            progress(number / len(cases), f"Exporting case {number + 1} of {len(cases)}")
            if not (raw / _LABEL.format(file_name(case.name))).is_file():
                self._export_case(case, raw)
        described: Mapping[str, object] = {
            "channel_names": {"0": "CT", "1": "PET"},
            "labels": {"background": 0, "lesion": 1},
            "numTraining": len(cases),
            "file_ending": ".nii.gz",
            "overwrite_image_reader_writer": "SimpleITKIO",
        }
        write_json(raw / "dataset.json", described)

    def _export_case(self, case: PetCtCase, raw: Path) -> None:
        """The label, which comes last, says that a case is complete."""
        study, lesions = case.read(onto=self.onto)
        name = file_name(case.name)
        for pattern, volume in ((_CT, study.ct), (_PET, study.pet)):
            write_volume(Volume(*turned(volume.values, volume.grid), volume.unit), raw / pattern.format(name))
        label = raw / _LABEL.format(name)
        part = raw / f"part_{label.name}"
        write_labelmap(Labelmap(*turned(lesions.values, lesions.grid)), part, [])
        part.replace(label)


def _files(names: Sequence[str]) -> list[str]:
    return [file_name(name) for name in names]

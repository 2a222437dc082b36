"""One study of a data set, as a worker labels it: its label map if it belongs to the data set, else why it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from AnatomyGuidedLib import __version__
from AnatomyGuidedLib.cohort_case import Case
from AnatomyGuidedLib.files import Outputs, full_suffix, sha256_of, write_csv, write_json
from AnatomyGuidedLib.io import dap_segments, write_labelmap
from AnatomyGuidedLib.labels import label_by_id
from AnatomyGuidedLib.progress import CancelCheck

from DAPAtlasLib.build import AtlasResult, build_atlas
from DAPAtlasLib.ct_case import ct_case, ct_of, folder_of, parameters_of
from DAPAtlasLib.dataset.patients import Study
from DAPAtlasLib.dataset.places import label_map, report, statistics
from DAPAtlasLib.dataset.selection import why_not_whole_body
from DAPAtlasLib.dataset.settings import DatasetSettings, Selection
from DAPAtlasLib.parameters import AtlasParameters
from DAPAtlasLib.plausibility.assess import counts, to_look_at
from DAPAtlasLib.statistics import COLUMNS

WORK = "DAPAtlasLib.dataset.case:label_study"
FORMAT, VERSION = "anatomyguided-dataset-report", 1


def cases(studies: Sequence[Study], settings: DatasetSettings, folder: Path) -> list[Case]:
    """What a cohort runs: a case a study."""
    return [_case(study, settings, folder) for study in studies]


def label_study(case: Case, cancelled: CancelCheck) -> Mapping[str, object]:
    """Whether the study is taken, else why not; its label map, statistics and report are in the data set's folder."""
    told = case.settings
    result = build_atlas(ct_of(case), parameters_of(case), cancelled=cancelled)
    reason = _why_not(result, Selection(**told["selection"]), is_strict=told["strict"])
    if not reason:
        _write(result, case, folder_of(case))
    doubts = [f"{label_by_id(row.label).display_name}: {row.sentence}" for row in to_look_at(result.assessments)]
    return {
        "reason": reason,
        "structures": len(result.statistics),
        "share_named": round(result.share_named, 4),
        "verdicts": counts(result.assessments),
        "doubts": doubts,
    }


def _case(study: Study, settings: DatasetSettings, folder: Path) -> Case:
    parameters = AtlasParameters(study.experts, study.sex, settings.rules, settings.aggregation, study.age)
    more = {"strict": settings.strict, "selection": vars(settings.selection)}
    return ct_case(study.name, study.ct, parameters, folder, more)


def _why_not(result: AtlasResult, selection: Selection, *, is_strict: bool) -> str:
    refused = [finding for finding in result.findings if finding.status == "refused"]
    if refused and is_strict:
        return f"The rule {refused[0].rule} was refused: {refused[0].why}."
    if selection.whole_body:
        return why_not_whole_body(result.labelmap, result.known, selection)
    return ""


def _write(result: AtlasResult, case: Case, folder: Path) -> None:
    """Nothing; the three files appear together."""
    provenance = {
        "software_version": __version__,
        "inputs": {role: _checksum(Path(path)) for role, path in case.files.items()},
        "strict": case.settings["strict"],
        "selection": case.settings["selection"],
    }
    with Outputs() as outputs:
        segments = dap_segments([row.label for row in result.statistics])
        write_labelmap(result.labelmap, outputs.stage(label_map(folder, case.name)), segments)
        write_csv(outputs.stage(statistics(folder, case.name)), [row.row() for row in result.statistics], COLUMNS)
        told = {"format": FORMAT, "version": VERSION, "case": case.name, "provenance": provenance}
        write_json(outputs.stage(report(folder, case.name)), {**told, "atlas": result.report()})


def _checksum(path: Path) -> dict[str, str]:
    """The input's checksum; of a .nhdr that of the header, whose voxels lie in files of their own."""
    covers = {"covers": "the header alone"} if full_suffix(path) == ".nhdr" else {}
    return {"sha256": sha256_of(path), **covers}

"""One patient through all four modules: the commands a person would type, then pictures, a scene and a report."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from AnatomyGuidedLib.demo_pictures import atlas_figures, lesion_figures, limis_figures, uptake_figure
from AnatomyGuidedLib.demo_scene import open_scene
from AnatomyGuidedLib.errors import AnatomyGuidedError, NotEvaluable
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.io import read_anatomy, read_labelmap, split_scheme, write_labelmap
from AnatomyGuidedLib.labels import label_by_id
from AnatomyGuidedLib.mrml_available import scene_unavailable_reason
from AnatomyGuidedLib.progress import CancelCheck, Progress, part_of, stop_if
from AnatomyGuidedLib.render_window import RenderingUnavailable
from AnatomyGuidedLib.report import Figure, Section, report_page
from AnatomyGuidedLib.runner import run_in_process

_MADE_PATIENT = (
    "The patient is a phantom made by this program, no real person. The organs come from the phantom's own map, "
    "standing in for another tool's output; skin, fat and muscle come from the rules."
)
_REAL_PATIENT = "The images are yours. No result was checked by a person; none may be used to treat a patient."

_SCORES = {"dice": "Dice", "cc_dice": "CC-Dice"}


@dataclass(frozen=True)
class DemoInputs:
    """The user's CT and PET with experts and a lesion reference, or nothing but a seed for a made patient."""

    ct: str | None = None
    pet: str | None = None
    experts: str | None = None
    reference: str | None = None
    seed: int = 0

    def files(self) -> list[Path]:
        """The user's files, those of experts included."""
        experts = [word.strip().removeprefix("file:") for word in (self.experts or "").split(",") if ":" in word]
        paths = [Path(path) for path in (self.ct, self.pet, self.reference) if path]
        return paths + [split_scheme(expert)[0] for expert in experts]


@dataclass
class DemoResult:
    """The files in the folder, and a sentence for each thing that could not be done."""

    files: list[str] = field(default_factory=list)
    not_done: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Case:
    ct: str
    pet: str
    experts: str
    reference: str | None
    note: str


@dataclass
class _Steps:
    """Runs commands one after another; a step that is not evaluable leaves a sentence and the rest goes on."""

    progress: Progress
    cancelled: CancelCheck
    result: DemoResult

    def run(self, words: Sequence[str], start: float, end: float) -> Mapping[str, object]:
        return run_in_process(words, progress=part_of(self.progress, start, end), cancelled=self.cancelled)

    def attempt(self, what: str, step: Callable[[], Mapping[str, object]]) -> Mapping[str, object] | None:
        try:
            return step()
        except AnatomyGuidedError as error:
            self.result.not_done.append(f"{what}: {error}")
            return None


def run_demo(inputs: DemoInputs, folder: Path, *, progress: Progress, cancelled: CancelCheck) -> DemoResult:
    """What was written into the folder; `report.html` is always among it.

    Raises:
        AnatomyGuidedError: The CT or the PET cannot be used, so that there is nothing to show.
        Cancelled: The user stopped the work.
    """
    result = DemoResult()
    steps = _Steps(progress, cancelled, result)
    case = _made_case(inputs.seed, folder, steps) if inputs.ct is None else _own_case(inputs)
    atlas = str(folder / "atlas.seg.nrrd")
    steps.run(
        ["atlas", case.ct, "--experts", case.experts, "-o", atlas, "--statistics", str(folder / "atlas.csv"),
         "--report", str(folder / "atlas.json")], 0.1, 0.3,
    )  # fmt: skip
    lesions = _run_lesions(case, atlas, folder, steps)
    structure, limis = _run_limis(case, atlas, folder, steps)
    evaluation = _run_evaluation(case, folder, steps)
    stop_if(cancelled)
    figures = _scene_and_pictures(case, folder, structure if limis else None, steps)
    sections = [
        _atlas_section(folder, figures["atlas"]),
        _lesions_section(folder, lesions, figures["lesions"]),
        _limis_section(folder, structure if limis else None, figures["limis"]),
        _evaluation_section(folder, evaluation),
    ]
    page = report_page("AnatomyGuided: one patient through four modules", case.note, sections, result.not_done)
    (folder / "report.html").write_text(page, encoding="utf-8")
    result.files.extend(sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()))
    progress(1.0, "Report complete")
    return result


def _made_case(seed: int, folder: Path, steps: _Steps) -> _Case:
    patient = folder / "patient"
    steps.run(["phantom", str(patient), "--seed", str(seed)], 0.0, 0.1)
    organs = _organs_only(read_anatomy(str(patient / "anatomy.nii.gz")))
    write_labelmap(organs, patient / "organs.nii.gz")
    return _Case(
        str(patient / "ct.nii.gz"),
        str(patient / "pet.nii.gz"),
        f"rules,file:{patient / 'organs.nii.gz'}@dap",
        str(patient / "lesions.nii.gz"),
        _MADE_PATIENT,
    )


def _own_case(inputs: DemoInputs) -> _Case:
    return _Case(str(inputs.ct), str(inputs.pet), inputs.experts or "rules", inputs.reference, _REAL_PATIENT)


def _organs_only(anatomy: Labelmap) -> Labelmap:
    """The map of a tool that knows organs and bones but no tissues."""
    values = anatomy.values.copy()
    for value in sorted(set(values.ravel().tolist()) - {0}):
        if label_by_id(value).group in ("", "Tissues") or label_by_id(value).name == "Muscles":
            values[values == value] = 0
    return Labelmap(values, anatomy.grid)


def _run_lesions(case: _Case, atlas: str, folder: Path, steps: _Steps) -> Mapping[str, object]:
    return steps.run(
        ["lesions", case.ct, case.pet, "--anatomy", atlas, "-o", str(folder / "lesions.seg.nrrd"),
         "--csv", str(folder / "lesions.csv")], 0.3, 0.45,
    )  # fmt: skip


def _run_limis(case: _Case, atlas: str, folder: Path, steps: _Steps) -> tuple[str, Mapping[str, object] | None]:
    structure = _shown_structure(read_labelmap(atlas))
    said = [
        f"segment the {structure}",
        "make the box ten pixels larger",
        "undo",
        "make the box two pixels larger",
        "keep",
    ]
    words = ["limis", case.ct, "--anatomy", atlas, "-o", str(folder / "limis.seg.nrrd"),
             "--log", str(folder / "session.jsonl")]  # fmt: skip
    for sentence in said:
        words += ["--say", sentence]

    def step() -> Mapping[str, object]:
        if not structure:
            raise NotEvaluable("no organ is in the label map that a sentence could name; give --experts.")
        return steps.run(words, 0.45, 0.55)

    return structure, steps.attempt("LIMIS", step)


def _shown_structure(atlas: Labelmap) -> str:
    """The liver, or else the largest organ that is there; "" without any."""
    names = {
        label_by_id(int(value)).name: label_by_id(int(value)) for value in set(atlas.values.ravel().tolist()) - {0}
    }
    if "Liver" in names:
        return "Liver"
    organs = [label for label in names.values() if label.group in ("Digestive", "Urinary", "Immune", "Nervous")]
    return max(organs, key=lambda label: int((atlas.values == label.id).sum())).name if organs else ""


def _run_evaluation(case: _Case, folder: Path, steps: _Steps) -> Mapping[str, object] | None:
    def step() -> Mapping[str, object]:
        if not case.reference:
            raise NotEvaluable("no reference lesions were given; give --reference.")
        return steps.run(
            ["evaluate", case.reference, str(folder / "lesions.seg.nrrd"), "--csv", str(folder / "evaluation.csv"),
             "--json", str(folder / "evaluation.json")], 0.55, 0.6,
        )  # fmt: skip

    return steps.attempt("Evaluation", step)


def _scene_and_pictures(case: _Case, folder: Path, structure: str | None, steps: _Steps) -> dict[str, list[Figure]]:
    """The pictures of each section; `scene.mrb` is in the folder where Slicer's libraries are."""
    figures: dict[str, list[Figure]] = {"atlas": [], "lesions": [uptake_figure(case.pet)], "limis": []}
    reason = scene_unavailable_reason()
    if reason:
        steps.result.not_done.append(f"Scene and slice pictures are missing: {reason}")
        return figures
    steps.progress(0.62, "Writing the scene")
    scene = open_scene(case.ct, case.pet, folder)
    try:
        figures["atlas"] = atlas_figures(scene, part_of(steps.progress, 0.7, 0.85))
        figures["lesions"] += lesion_figures(scene, part_of(steps.progress, 0.85, 0.95))
        figures["limis"] = limis_figures(scene, structure) if structure else []
    except RenderingUnavailable as error:
        steps.result.not_done.append(f"Slice and surface pictures are missing: {error}")
    return figures


def _atlas_section(folder: Path, figures: Sequence[Figure]) -> Section:
    report = json.loads((folder / "atlas.json").read_text(encoding="utf-8"))
    rows = [row for row in report["structures"] if label_by_id(row["id"]).group not in ("Vertebras", "Ribs")]
    rows.sort(key=lambda row: -float(row["volume_ml"]))
    return Section(
        "DAPAtlas: the anatomy",
        f"{report['share_named']:.0%} of the body has a name; {len(report['structures'])} structures, merged from "
        f"{', '.join(report['experts'])}. The largest are below, all in atlas.csv.",
        ("display_name", "volume_ml", "mean_hu"),
        rows[:20],
        figures,
    )


def _lesions_section(folder: Path, lesions: Mapping[str, object], figures: Sequence[Figure]) -> Section:
    reading = json.loads(json.dumps(lesions["reading"]))
    organs = reading["physiological_organs"]
    taken_off = f"uptake of {len(organs)} organs was taken off"
    if not organs:
        taken_off = (
            "no organ with physiological uptake (brain, heart, kidneys, bladder, bowel) was known, "
            "so nothing was taken off and hot spots may be healthy"
        )
    text = f"Hot spots from SUV 4 on: {lesions['lesion_count']}, {lesions['total_volume_ml']} ml; {taken_off}."
    with (folder / "lesions.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return Section(
        "PathologySeg: the lesions", text, ("lesion", "volume_ml", "suv_max", "structure"), rows[:15], figures
    )


def _limis_section(folder: Path, structure: str | None, figures: Sequence[Figure]) -> Section:
    if structure is None:
        return Section("LIMIS: a mask by sentences", "Not evaluable here; see below.", (), (), figures)
    lines = (folder / "session.jsonl").read_text(encoding="utf-8").splitlines()
    said = [json.loads(line).get("sentence") for line in lines]
    rows = [{"step": number, "said": sentence} for number, sentence in enumerate((s for s in said if s), start=1)]
    return Section(
        "LIMIS: a mask by sentences", f"What was typed to outline: {structure}.", ("step", "said"), rows, figures
    )


def _evaluation_section(folder: Path, evaluation: Mapping[str, object] | None) -> Section:
    title = "CCMetrics: lesion by lesion"
    if evaluation is None:
        return Section(title, "Not evaluable here; see below.", (), (), ())
    with (folder / "evaluation.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return Section(title, _scores_sentence(evaluation), ("component", "volume_ml", "missed", "dice"), rows[:20], ())


def _scores_sentence(evaluation: Mapping[str, object]) -> str:
    summary = json.loads(json.dumps(evaluation["summary"]))
    scores = [f"{title} {summary[name]:.3f}" for name, title in _SCORES.items() if summary[name] is not None]
    return (
        f"Against the reference: {', '.join(scores) or 'no score is defined'}; "
        f"{summary['missed_components']} of {summary['components']} lesions missed. "
        "In CC-Dice each reference lesion counts once, whatever its size."
    )

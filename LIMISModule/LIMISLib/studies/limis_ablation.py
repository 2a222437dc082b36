"""The study `limis-ablation`: what the crop, the organ's window and a larger box each do (thesis 3.3.3.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import write_csv
from AnatomyGuidedLib.progress import stop_if
from AnatomyGuidedLib.report import Section, report_page
from AnatomyGuidedLib.study_options import StudyOptions, require_positive, with_settings
from AnatomyGuidedLib.study_result import write_study
from CCMetricsLib.bootstrap import mean_interval

from LIMISLib.guidance import usual_window
from LIMISLib.prompt import PRESETS, Prompt
from LIMISLib.prompt_segmenter import PromptSegmenter
from LIMISLib.segmenters.registry import DEFAULT, open_segmenter, segmenter_choice
from LIMISLib.segmenters.scribbleprompt import ScribblePrompt
from LIMISLib.studies.box_cases import PIXEL_MM, BoxCase, cohort_box_cases, dice, enlarged, made_box_cases, off_box


@dataclass(frozen=True)
class Arm:
    """One way to show a slice: whole or cropped, in the organ's window or not, with a larger box; the thesis's Dice."""

    name: str
    is_cropped: bool
    in_window: bool
    more_px: int
    thesis_percent: int


ARMS = (
    Arm("whole image", False, False, 0, 53),
    Arm("crop to box and margin", True, False, 0, 58),
    Arm("organ window", True, True, 0, 63),
    Arm("box + 10 px", True, True, 10, 66),
    Arm("box + 20 px", True, True, 20, 54),
)  # each adds to the one before; the last has 20 px in place of 10
CASES = ("case", "structure", "segmenter", "arm", "dice")
TABLE = ("segmenter", "arm", "cases", "dice", "low", "high", "change", "change_low", "change_high", "thesis_dice")


@dataclass(frozen=True)
class AblationParameters:
    """Made patients and their voxels, how far a side of the box is off (a share of it), and which segmenters.

    Pixels are resampled to 1 mm, so that ten of them are always 10 mm.
    """

    patients: int = 2
    spacing_mm: float = 2.5
    box_share: float = 0.06
    segmenters: tuple[str, ...] = ("scribbleprompt", DEFAULT)
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "patients", "spacing_mm")


TIERS: Mapping[str, AblationParameters] = {
    "ci": AblationParameters(),
    "cpu": AblationParameters(patients=20, spacing_mm=1.5),
    "gpu": AblationParameters(patients=20, spacing_mm=1.5),
}


def run(options: StudyOptions, folder: Path, console: Console) -> Mapping[str, object]:
    """Mean Dice by segmenter and arm; `cases.csv`, `table.csv`, `ablation.html` and `study.json` are in the folder.

    Raises:
        UsageError: A setting or segmenter is unknown.
        AnatomyGuidedError: The cohort cannot be read, no organ is in view, or a segmenter's weights are missing.
        Cancelled: The user stopped the work.
    """
    parameters = with_settings(TIERS[options.tier], options.settings)
    segmenters = [open_segmenter(segmenter_choice(text)) for text in parameters.segmenters]
    rows: list[dict[str, object]] = []
    for number, case in enumerate(_cases(options, parameters)):
        stop_if(console.cancelled)
        console.progress(min(0.9, 0.9 * number / (11 * parameters.patients)), case.name)
        box = off_box(case.box, parameters.box_share, np.random.default_rng([parameters.seed, number]))
        for segmenter in segmenters:
            rows += scores(replace(case, box=box), segmenter)
    if not rows:
        raise AnatomyGuidedError("No organ of LIMIS is in view in any image of the cohort.")
    table = summary(rows, parameters.seed)
    write_csv(folder / "cases.csv", rows, CASES)
    write_csv(folder / "table.csv", table, TABLE)
    (folder / "ablation.html").write_text(_page(table, options), encoding="utf-8")
    result = write_study(
        folder,
        "limis-ablation",
        tier=options.tier,
        parameters=asdict(parameters),
        weights_sha256={segmenter.name: segmenter.weights_sha256 for segmenter in segmenters},
        findings=table,
        files=["cases.csv", "table.csv", "ablation.html", "study.json"],
    )
    for row in table:
        console.line(f"{row['segmenter']}, {row['arm']}: {row['dice']} (thesis {row['thesis_dice']})")
    console.progress(1.0, "Done")
    return result


def scores(case: BoxCase, segmenter: PromptSegmenter) -> list[dict[str, object]]:
    """The Dice of each arm; a segmenter that looks at the box alone has none for the whole image."""
    rows = []
    for arm in ARMS:
        shown = segmenter if arm.is_cropped else _with_whole_image(segmenter)
        if shown is None:
            continue
        window = PRESETS[usual_window(case.structure)] if arm.in_window else None
        prompt = Prompt(enlarged(case.box, arm.more_px), window=window)
        found = shown.chances(case.pixels_hu, prompt, pixel_mm=(PIXEL_MM, PIXEL_MM)) >= 0.5
        rows.append(
            {
                "case": case.name,
                "structure": case.structure,
                "segmenter": segmenter.name,
                "arm": arm.name,
                "dice": round(dice(found, case.reference), 4),
            }
        )
    return rows


def summary(rows: Sequence[Mapping[str, object]], seed: int) -> list[dict[str, object]]:
    """By segmenter and arm the mean Dice, and the change from the arm before, paired by case, with 95 % intervals."""
    found: list[dict[str, object]] = []
    for segmenter in dict.fromkeys(str(row["segmenter"]) for row in rows):
        before: dict[str, float] = {}
        for arm in ARMS:
            by_case = _by_case(rows, segmenter, arm)
            if not by_case:
                continue
            changes = [value - before[case] for case, value in by_case.items() if case in before]
            found.append(_row(segmenter, arm, list(by_case.values()), changes, seed))
            before = by_case
    return found


def _by_case(rows: Sequence[Mapping[str, object]], segmenter: str, arm: Arm) -> dict[str, float]:
    return {
        str(row["case"]): float(str(row["dice"]))
        for row in rows
        if row["segmenter"] == segmenter and row["arm"] == arm.name
    }


def _row(segmenter: str, arm: Arm, values: list[float], changes: list[float], seed: int) -> dict[str, object]:
    low, high = _interval(values, seed)
    change_low, change_high = _interval(changes, seed)
    return {
        "segmenter": segmenter,
        "arm": arm.name,
        "cases": len(values),
        "dice": round(float(np.mean(values)), 3),
        "low": low,
        "high": high,
        "change": round(float(np.mean(changes)), 3) if changes else None,
        "change_low": change_low,
        "change_high": change_high,
        "thesis_dice": arm.thesis_percent / 100,
    }


def _interval(values: Sequence[float], seed: int) -> tuple[float | None, float | None]:
    found = mean_interval(values, rng=np.random.default_rng(seed))
    return (None, None) if found is None else (round(found[0], 3), round(found[1], 3))


def _with_whole_image(segmenter: PromptSegmenter) -> PromptSegmenter | None:
    return replace(segmenter, whole_image=True) if isinstance(segmenter, ScribblePrompt) else None


def _cases(options: StudyOptions, parameters: AblationParameters) -> Iterator[BoxCase]:
    if options.cohort:
        return cohort_box_cases(options.cohort)
    return made_box_cases(parameters.patients, parameters.spacing_mm, parameters.seed)


def _page(table: Sequence[Mapping[str, object]], options: StudyOptions) -> str:
    where = options.cohort.name if options.cohort else "made patients"
    sections = [
        Section(
            segmenter,
            "Mean Dice with its 95 % bootstrap interval; the change is from the row above, paired by case.",
            TABLE[1:],
            [row for row in table if row["segmenter"] == segmenter],
            (),
            decimals=3,
            as_text=("arm",),
        )
        for segmenter in dict.fromkeys(str(row["segmenter"]) for row in table)
    ]
    note = (
        f"Box to mask on {where}, each organ in its largest axial slice at 1 mm pixels. The thesis's figures are of "
        "the published ScribblePrompt on its own test set, with boxes that Grounding DINO found."
    )
    return report_page("What crop, window and box size do (thesis 3.3.3.2)", note, sections, ())

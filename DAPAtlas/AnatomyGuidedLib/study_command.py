"""`anatomyguided study`: a table of studies, each loaded only when it is run."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import CasesFailed
from AnatomyGuidedLib.files import Outputs, staged_folder
from AnatomyGuidedLib.study_options import StudyOptions, read_settings

STUDIES: Mapping[str, tuple[str, str]] = {
    "cc-spheres": ("CCMetricsLib.studies.cc_spheres", "three spheres, degraded step by step (Figures 28 and 29)"),
    "cc-simulation": ("CCMetricsLib.studies.cc_simulation", "patients with n lesions degraded (Figures 30-33, 42-45)"),
    "limis-loop": ("LIMISLib.studies.limis_loop", "a simulated user refines masks by sentences (Figure 20)"),
    "petct-phantom": ("PathologySegLib.learning.petct_phantom", "what anatomy is worth for lesions (Tables 14 and 15)"),
    "limis-participants": ("LIMISLib.studies.limis_participants", "what participants reached (Figure 20, Table 9)"),
    "limis-ablation": ("LIMISLib.studies.limis_ablation", "what crop, window and box size do to masks (3.3.3.2)"),
    "atlas-insights": ("DAPAtlasLib.insights.study", "volumes and HU by age, sex and data set (Figures 10 and 11)"),
    "lesion-benchmark": ("PathologySegLib.benchmark.study", "five networks on PET/CT by Dice and CC-Dice (Table 16)"),
    "apex-ladder": (
        "PathologySegLib.apex.ladder_study",
        "every way to learn anatomy beside lesions (Tables 10 and 11)",
    ),
    "apex-films": ("PathologySegLib.apex.films_study", "findings of chest films with and without anatomy (Table 12)"),
}


class Study(Protocol):
    """What a study's module offers."""

    def run(self, options: StudyOptions, folder: Path, console: Console) -> Mapping[str, object]: ...


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    listing = "\n".join(f"  {name:18} {summary}" for name, (_, summary) in STUDIES.items())
    parser.epilog = (
        f"studies:\n{listing}\n\nexamples:\n  anatomyguided study cc-spheres -o spheres\n"
        "  anatomyguided study cc-simulation --cohort pairs.csv -o simulation\n"
        "  anatomyguided study atlas-insights --cohort patients.csv -o insights\n\n"
        "docs/studies.md describes each study, its settings and its files."
    )
    parser.add_argument("study", choices=tuple(STUDIES), metavar="STUDY", help="one of the studies below")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="gets tables, plots and study.json"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings that replace the tier's (.json or .toml)")
    parser.add_argument("--cohort", type=Path, metavar="CSV", help="your cases, in place of generated ones")
    parser.add_argument(
        "--tier",
        choices=("ci", "cpu", "gpu"),
        default="ci",
        help="ci: minutes on one core (default); cpu: the thesis's size; gpu: for studies that train",
    )


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:  # noqa: ARG001
    """The study's result, as docs/studies.md describes it; its files are in the folder.

    Raises:
        CasesFailed: Cases of the cohort failed; the folder has the results of the others.
    """
    module, _ = STUDIES[arguments.study]
    study = cast(Study, importlib.import_module(module))
    settings = read_settings(arguments.config) if arguments.config else {}
    where = arguments.config.parent if arguments.config else Path()
    options = StudyOptions(arguments.tier, settings, arguments.cohort, arguments.output, where)
    with staged_folder(arguments.output, inputs=(arguments.config, arguments.cohort)) as folder:
        result = study.run(options, folder, console)
    failed = cast(Mapping[str, str], result.get("failed", {}))
    if failed:
        raise CasesFailed(
            f"{len(failed)} of the cohort's cases failed ({', '.join(sorted(failed))}); "
            f"{arguments.output.name} has the results of the others.",
            result,
        )
    return result

"""From a CT and experts to a label map, its statistics, and a report of what every expert gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.labels import label_by_id
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of, stop_if

from DAPAtlasLib.aggregate import aggregate
from DAPAtlasLib.disagreement import Disagreement, disagreement
from DAPAtlasLib.experts import Expert, RulesExpert, make_expert
from DAPAtlasLib.merge import Contribution
from DAPAtlasLib.opinions import Opinion
from DAPAtlasLib.parameters import AtlasParameters
from DAPAtlasLib.plausibility.assess import Assessment, assess, counts
from DAPAtlasLib.plausibility.case import Case
from DAPAtlasLib.rules import places
from DAPAtlasLib.rules.catalogue import repair
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.finding import Finding
from DAPAtlasLib.statistics import StructureStatistics, structure_statistics

FORMAT, FORMAT_VERSION = "anatomyguided-atlas-report", 1


@dataclass(frozen=True)
class AtlasResult:
    """The label map on the CT's grid, a row a structure, and where the labels come from.

    `known` are the labels that any expert could have named.
    """

    labelmap: Labelmap
    statistics: tuple[StructureStatistics, ...]
    contributions: tuple[Contribution, ...]
    parameters: AtlasParameters
    disagreement: Disagreement
    findings: tuple[Finding, ...] = ()
    mended: tuple[Finding, ...] = ()
    assessments: tuple[Assessment, ...] = ()
    known: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()

    def report(self) -> dict[str, object]:
        """The result without voxels, for JSON."""
        return {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "experts": list(self.parameters.experts_without_folders()),
            "sex": self.parameters.sex,
            "age": self.parameters.age,
            "aggregation": self.parameters.aggregation,
            "mended_experts": [finding.row() for finding in self.mended],
            "rules": {"asked": self.parameters.rules, "findings": [finding.row() for finding in self.findings]},
            "share_named": self.share_named,
            "structures": [row.row() for row in self.statistics],
            "plausibility": {
                "verdicts": counts(self.assessments),
                "structures": [row.details() for row in self.assessments],
            },
            "agreement": [row.row() for row in self.disagreement.structures],
            "contributions": [_contribution_row(entry) for entry in self.contributions],
            "covered": [_contribution_row(entry) for entry in self.contributions if entry.covered_by],
            "notes": ["Labels are computed or taken over from other tools; none was checked by a person.", *self.notes],
        }

    @property
    def share_named(self) -> float:
        """Share of the body's voxels whose label is other than Unknown Tissue."""
        voxels = {row.label: row.voxels for row in self.statistics}
        total = sum(voxels.values())
        unknown = sum(count for label, count in voxels.items() if not label_by_id(label).group)
        return (total - unknown) / total if total else 0.0


def build_atlas(
    ct: Volume,
    parameters: AtlasParameters,
    *,
    experts: Sequence[Expert] | None = None,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> AtlasResult:
    """The CT's label map, merged from the experts that the parameters name (or from those given), coarse to fine.

    Raises:
        AnatomyGuidedError: An expert cannot be used on this CT; the message names it.
        Cancelled: The user stopped the work between two steps.
    """
    chosen = (
        [make_expert(name, device=parameters.device) for name in parameters.experts] if experts is None else experts
    )
    opinions: list[Opinion] = []
    for index, expert in enumerate(chosen):
        stop_if(cancelled)
        progress(0.7 * index / len(chosen), f"Asking the expert {expert.name}")
        told = part_of(progress, 0.7 * index / len(chosen), 0.7 * (index + 1) / len(chosen))
        opinions.append(expert.opinion(ct, cancelled, told))
    if not any(opinion.labelmap.values.any() for opinion in opinions):
        raise AnatomyGuidedError(
            f"No expert named a single voxel ({', '.join(o.expert for o in opinions)}); add rules."
        )
    stop_if(cancelled)
    progress(0.7, "Merging coarse to fine")
    rules = parameters.chosen_rules()
    aggregated = aggregate(
        opinions,
        ct,
        method=parameters.aggregation,
        mend=places.NAME in rules,
        derive=any(isinstance(expert, RulesExpert) for expert in chosen),
        progress=part_of(progress, 0.7, 0.8),
        cancelled=cancelled,
    )
    context = Context(parameters.sex, ct)
    told = part_of(progress, 0.8, 0.88)
    repaired = repair(aggregated.merged.labelmap, context, rules=rules, progress=told, cancelled=cancelled)
    labelmap = repaired.labelmap
    progress(0.88, "Comparing the experts with the label map")
    doubt = disagreement(aggregated.opinions, labelmap)
    progress(0.92, "Measuring volumes and HU")
    statistics = structure_statistics(labelmap, ct)
    known = frozenset[int]().union(*(opinion.knows for opinion in aggregated.opinions))
    case = Case(
        repaired.pieces,
        parameters.sex,
        parameters.age,
        known,
        {row.label: row.mean_hu for row in statistics},
        {row.label: row for row in doubt.structures},
    )
    assessments = assess(case, progress=part_of(progress, 0.94, 1.0), cancelled=cancelled)
    progress(1.0, "Label map complete")
    return AtlasResult(
        labelmap,
        tuple(statistics),
        aggregated.merged.contributions,
        parameters,
        doubt,
        repaired.findings,
        aggregated.findings,
        assessments,
        known,
        tuple(note for opinion in opinions for note in opinion.notes),
    )


def _contribution_row(entry: Contribution) -> dict[str, object]:
    return {
        "expert": entry.expert,
        "id": entry.label,
        "name": label_by_id(entry.label).name,
        "voxels": entry.voxels,
        "kept_voxels": entry.kept_voxels,
        "covered_by": {label_by_id(label).name: voxels for label, voxels in entry.covered_by.items()},
    }

"""All rules by name, in the order in which they are applied: sides and names first, since places need them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.grid import Labelmap, require_same_grid
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if

from DAPAtlasLib.rules import places, ribs, sex, sides, single_pieces, vertebrae
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.finding import Finding, undone
from DAPAtlasLib.rules.pieces import Pieces, in_pieces

Rule = Callable[[Pieces, Context], tuple[Pieces, Finding]]

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        sides.NAME: sides.left_right,
        vertebrae.NAME: vertebrae.vertebra_levels,
        ribs.NAME: ribs.rib_names,
        places.NAME: places.places,
        sex.NAME: sex.sex_consistency,
        single_pieces.NAME: single_pieces.single_pieces,
    }
)


@dataclass(frozen=True, eq=False)
class Repaired:
    """The label map after the rules, what each of them found, and the pieces by which one can be undone."""

    labelmap: Labelmap
    findings: tuple[Finding, ...]
    pieces: Pieces

    @property
    def has_refused(self) -> bool:
        """Whether a rule was refused as implausible: the thesis leaves such cases out of a data set (3.1.3)."""
        return any(finding.status == "refused" for finding in self.findings)

    def without(self, *rules: str) -> Repaired:
        """The same as if these rules had not been applied; the others' changes stay.

        Raises:
            UsageError: A rule was not among them.
        """
        applied = {finding.rule: finding for finding in self.findings}
        unknown = [rule for rule in rules if rule not in applied]
        if unknown:
            raise UsageError(f"There is no rule {unknown[0]!r} to undo; applied were {', '.join(applied)}.")
        pieces = self.pieces
        for rule in reversed(applied):  # the last one first, since it may have moved what another had moved
            if rule in rules:
                pieces = undone(pieces, applied[rule])
        return Repaired(pieces.labelmap(), self.findings, pieces)


def repair(
    labelmap: Labelmap,
    context: Context | None = None,
    *,
    rules: Sequence[str] | None = None,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> Repaired:
    """A label map of DAP ids after the rules, all of them or the named ones in their own order.

    Raises:
        AnatomyGuidedError: The map is empty or holds a value that is no DAP id.
        GridMismatch: The context's CT lies on another grid.
        UsageError: There is no rule of a name.
        Cancelled: `cancelled` came true.
    """
    chosen, context = chosen_rules(rules), context or Context()
    if context.ct is not None:
        require_same_grid(labelmap.grid, context.ct.grid, names=("the label map", "the CT"))
    progress(0.0, "Finding the pieces of the label map")
    pieces = in_pieces(labelmap)
    findings = []
    for place, name in enumerate(chosen):
        stop_if(cancelled)
        progress(0.4 + 0.5 * place / len(chosen), f"Applying the rule {name}")
        pieces, finding = RULES[name](pieces, context)
        findings.append(finding)
    progress(0.95, "Writing the labels")
    return Repaired(pieces.labelmap(), tuple(findings), pieces)


def chosen_rules(names: Sequence[str] | None) -> tuple[str, ...]:
    """The rules in the order in which they are applied.

    Raises:
        UsageError: There is no rule of a name.
    """
    unknown = [name for name in names or () if name not in RULES]
    if unknown:
        raise UsageError(f"There is no rule {unknown[0]!r}; known are {', '.join(RULES)}.")
    return tuple(name for name in RULES if names is None or name in names)

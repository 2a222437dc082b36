"""Lesions weighted by where they lie: a weight a structure or a suspected metastatic pathway (thesis, 7.3).

A table has the columns structure, weight and, if wanted, pathway. A row gives

- a structure its weight (`Liver,3`), and its pathway if one is named (`Liver,3,portal venous`);
- a pathway its weight, with no structure (`,5,portal venous`);
- a structure its pathway's weight, with no weight of its own (`Pancreas,,portal venous`).

Whatever the table does not name weighs 1, so that without a table all lesions are equal, as in CC-Metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import isfinite
from types import MappingProxyType

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import UnknownLabel, ids_by_title, label_by_id, labels

from CCMetricsLib.metrics import NO_COMPONENTS, Score

STRUCTURE, WEIGHT, PATHWAY = "structure", "weight", "pathway"
NO_PATHWAY = ""
ALL_ZERO = "every lesion with a value has the weight 0"


@dataclass(frozen=True)
class AnatomyWeights:
    """The weight of each structure that a table names, and the pathway of those that have one, by DAP name."""

    weights: Mapping[str, float] = field(default_factory=dict)
    pathways: Mapping[str, str] = field(default_factory=dict)

    def of(self, structure: str) -> float:
        """The structure's weight; 1 where the table does not name it."""
        return self.weights.get(structure, 1.0)


EQUAL_WEIGHTS = AnatomyWeights()


@dataclass(frozen=True)
class WeightedMean:
    """A metric's weighted mean over lesions: how many it rests on, and how many were left out as undefined."""

    score: Score
    components: int
    undefined: int
    total_weight: float


def anatomy_weights(rows: Iterable[Mapping[str, object]]) -> AnatomyWeights:
    """The weights that the rows of a table give, with structures by their DAP name or display name.

    >>> table = [{"structure": "Liver", "weight": "3"}, {"structure": "", "weight": "5", "pathway": "haematogenous"},
    ...          {"structure": "Brain", "weight": "", "pathway": "haematogenous"}]
    >>> weights = anatomy_weights(table)
    >>> weights.of("Liver"), weights.of("Brain"), weights.of("Spleen"), weights.pathways["Brain"]
    (3.0, 5.0, 1.0, 'haematogenous')

    Raises:
        UnknownLabel: The table names structures that the DAP Atlas does not have; the message lists all of them.
        AnatomyGuidedError: A weight is lacking or no finite number from 0 upwards, a structure or pathway has two rows,
            or a row names neither.
    """
    table = [_Row(_text(row, STRUCTURE), _text(row, WEIGHT), _text(row, PATHWAY)) for row in rows]
    for line, row in enumerate(table, start=1):
        if not row.structure and not row.pathway:
            raise AnatomyGuidedError(f"Row {line} of the weights names neither a {STRUCTURE} nor a {PATHWAY}.")
    names = _dap_names(row.structure for row in table if row.structure)
    structures = _by_name((names[row.structure], row) for row in table if row.structure)
    pathways = _by_name((row.pathway, row) for row in table if not row.structure)
    # a structure's row without a weight stands for its pathway's row
    giving = {name: row if row.weight else pathways.get(row.pathway, row) for name, row in structures.items()}
    lacking = [name for name, row in [*giving.items(), *pathways.items()] if not row.weight]
    if lacking:
        raise AnatomyGuidedError(
            f"No weight is given for {', '.join(lacking)}: fill it in, or give a structure a {PATHWAY} and that "
            f"{PATHWAY} a row with a weight and no {STRUCTURE}."
        )
    weight_of = {name: _weight(row.weight, name) for name, row in {**pathways, **giving}.items()}
    return AnatomyWeights(
        MappingProxyType({name: weight_of[name] for name in structures}),
        MappingProxyType({name: row.pathway for name, row in structures.items() if row.pathway}),
    )


def weighted_mean(
    scores: Sequence[Score], structures: Sequence[str], weights: AnatomyWeights = EQUAL_WEIGHTS
) -> WeightedMean:
    """The weighted mean of any metric over lesions, given each lesion's score and the structure that it lies in.

    A lesion in no structure has the name "" and the weight 1. Undefined scores are left out and counted. With equal
    weights this is the mean of CC-Metrics.

    >>> weights = anatomy_weights([{"structure": "Brain", "weight": 3}])
    >>> weighted_mean([Score(1.0), Score(0.0), Score(None)], ["Brain", "Liver", "Liver"], weights)
    WeightedMean(score=Score(value=0.75, reason=''), components=2, undefined=1, total_weight=4.0)

    Raises:
        ValueError: There are not as many structures as scores.
        UnknownLabel: Structures that the DAP Atlas does not have; the message lists all of them.
    """
    if len(scores) != len(structures):
        raise ValueError(f"Each score needs a structure, but there are {len(scores)} and {len(structures)}.")
    names = _dap_names(structure for structure in structures if structure)
    defined = [
        (score.value, weights.of(names.get(structure, "")))
        for score, structure in zip(scores, structures, strict=True)
        if score.value is not None
    ]
    undefined = len(scores) - len(defined)
    total = sum(weight for _, weight in defined)
    if total > 0:
        mean = Score(sum(value * weight for value, weight in defined) / total)
    elif defined:
        mean = Score(None, ALL_ZERO)
    else:
        mean = Score(None, scores[0].reason if scores else NO_COMPONENTS)
    return WeightedMean(mean, len(defined), undefined, float(total))


def means_by_pathway(
    scores: Sequence[Score], structures: Sequence[str], weights: AnatomyWeights
) -> dict[str, WeightedMean]:
    """The weighted mean over the lesions of each pathway that has any; "" holds those of no pathway.

    Raises:
        ValueError, UnknownLabel: As `weighted_mean`.
    """
    if len(scores) != len(structures):
        raise ValueError(f"Each score needs a structure, but there are {len(scores)} and {len(structures)}.")
    names = _dap_names(structure for structure in structures if structure)
    lesions: dict[str, list[tuple[Score, str]]] = {}
    for score, structure in zip(scores, structures, strict=True):
        pathway = weights.pathways.get(names.get(structure, ""), NO_PATHWAY)
        lesions.setdefault(pathway, []).append((score, structure))
    return {
        pathway: weighted_mean([score for score, _ in members], [structure for _, structure in members], weights)
        for pathway, members in sorted(lesions.items())
    }


@dataclass(frozen=True)
class _Row:
    structure: str
    weight: str
    pathway: str


def _by_name(rows: Iterable[tuple[str, _Row]]) -> dict[str, _Row]:
    named: dict[str, _Row] = {}
    for name, row in rows:
        if name in named:
            raise AnatomyGuidedError(f"The weights name {name} more than once; keep one row.")
        named[name] = row
    return named


def _dap_names(titles: Iterable[str]) -> dict[str, str]:
    """The DAP name for each structure's name or display name."""
    wanted = dict.fromkeys(titles)
    ids = ids_by_title({title: title for title in wanted})
    unknown = [title for title in wanted if title not in ids]
    if unknown:
        known = [label.name for label in labels()]
        similar = [name for title in unknown for name in get_close_matches(title, known, n=1)]
        hint = f"did you mean {', '.join(similar)}?" if similar else "names are spelled like Kidney Left."
        raise UnknownLabel(f"The DAP Atlas has no {', '.join(unknown)}; {hint}")
    return {title: label_by_id(label_id).name for title, label_id in ids.items()}


def _text(row: Mapping[str, object], column: str) -> str:
    cell = row.get(column)
    return "" if cell is None else str(cell).strip()


def _weight(text: str, name: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = float("nan")
    if not (isfinite(weight) and weight >= 0):
        raise AnatomyGuidedError(f"The weight of {name} must be a finite number from 0 upwards, but is {text!r}.")
    return weight

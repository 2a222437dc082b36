"""Who is trained on, who validates and who tests: each data set is split by itself, then pooled (thesis, 3.3.2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError

_SHARE = 0.1  # of a data set validates, and as much tests


@dataclass(frozen=True)
class CaseName:
    """A case and the data set that it is of."""

    name: str
    dataset: str


@dataclass(frozen=True)
class Split:
    """Cases by use, each in the order of the cohort."""

    training: tuple[CaseName, ...]
    validation: tuple[CaseName, ...]
    test: tuple[CaseName, ...]


def split_cases(cases: Sequence[CaseName], *, seen: AbstractSet[str] = frozenset(), rng: np.random.Generator) -> Split:
    """A tenth of each data set validates and a tenth tests, at least one case each; `seen` ones are trained on.

    `seen` are the names of images that ScribblePrompt was trained on: they must not judge what it makes of boxes.

    >>> cases = [CaseName(f"{dataset}{number}", dataset) for dataset in "ab" for number in range(10)]
    >>> split = split_cases(cases, seen={"a0", "b1"}, rng=np.random.default_rng(0))
    >>> len(split.training), len(split.validation), len(split.test)
    (16, 2, 2)

    Raises:
        AnatomyGuidedError: Two cases have one name, or a data set has too few cases that were not seen.
    """
    if len({case.name for case in cases}) < len(cases):
        raise AnatomyGuidedError("Two cases of the cohort have the same name; each must have its own.")
    uses: dict[str, str] = {}
    for dataset in dict.fromkeys(case.dataset for case in cases):
        own = [case.name for case in cases if case.dataset == dataset]
        count = max(1, round(_SHARE * len(own)))
        unseen = [name for name in own if name not in seen]
        if len(unseen) < 2 * count or len(own) < 2 * count + 1:
            raise AnatomyGuidedError(
                f"The data set {dataset} has {len(own)} cases, {len(unseen)} of them not seen by ScribblePrompt, but "
                f"{count} are needed to validate, {count} to test, and one more to train; add cases."
            )
        drawn = [unseen[number] for number in rng.permutation(len(unseen))]
        uses |= dict.fromkeys(drawn[:count], "validation") | dict.fromkeys(drawn[count : 2 * count], "test")
    return Split(
        *(
            tuple(case for case in cases if uses.get(case.name, "training") == use)
            for use in ("training", "validation", "test")
        )
    )

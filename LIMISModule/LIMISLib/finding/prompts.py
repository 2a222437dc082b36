"""What Grounding DINO is told: the structures as a sequence of names, each ended by a full stop (thesis, 3.3.2.3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from AnatomyGuidedLib.errors import AnatomyGuidedError


def prompt_labels(
    present: Sequence[str], known: Sequence[str], *, added: int, rng: np.random.Generator
) -> tuple[str, ...]:
    """The labels that an image shows and up to `added` that it does not, drawn from the known ones, all shuffled.

    >>> sorted(prompt_labels(["Liver"], ["Liver", "Spleen"], added=8, rng=np.random.default_rng(0)))
    ['Liver', 'Spleen']
    """
    absent = [label for label in known if label not in present]
    drawn = rng.permutation(len(absent))[:added]
    labels = [*present, *(absent[number] for number in drawn)]
    return tuple(labels[number] for number in rng.permutation(len(labels)))


def prompt_text(labels: Sequence[str]) -> str:
    """The prompt of these labels.

    >>> prompt_text(["Kidney Left", "Liver"])
    'kidney left. liver.'

    Raises:
        AnatomyGuidedError: There are none, or one holds a mark that ends a label.
    """
    if not labels:
        raise AnatomyGuidedError("A prompt needs at least one label.")
    marked = [label for label in labels if not label.strip() or set(label) & set(".?")]
    if marked:
        raise AnatomyGuidedError(f"The label {marked[0]!r} is empty or holds a mark that ends a label (. or ?).")
    return " ".join(f"{label.strip().lower()}." for label in labels)

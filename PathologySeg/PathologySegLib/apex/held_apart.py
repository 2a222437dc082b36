"""Whether those whom a network is tried on are others than those whom it learned from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Set
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.progress import CancelCheck, never_cancelled, stop_if


def require_apart(
    learned: Iterable[tuple[str, npt.NDArray[Any]]],
    held_out: Iterable[tuple[str, npt.NDArray[Any]]],
    *,
    cancelled: CancelCheck = never_cancelled,
) -> None:
    """Nothing, if no image (by its case's name) is in both sets.

    Images to learn from may be many and on disk: only those of a held-out one's shape are read.

    >>> image = np.zeros((2, 3), np.float32)
    >>> require_apart([("a", image)], [("b", image + 1)])

    Raises:
        UsageError: One is, under whatever name.
        Cancelled: The user stopped.
    """
    tried = {(image.shape, _content(image)): name for name, image in held_out}
    shapes = {shape for shape, _ in tried}
    for name, image in learned if tried else ():
        stop_if(cancelled)
        twin = tried.get((image.shape, _content(image))) if image.shape in shapes else None
        if twin is not None:
            raise UsageError(
                f"{twin} of test_data is the same image as {name} of data, but a held-out test needs patients whom "
                "nothing was learned from; take it out of one of the two."
            )


def same_names_note(learned: Set[object], held_out: Set[object]) -> str:
    """A warning where patients of both sets are called alike, and may be the same people; otherwise nothing.

    >>> same_names_note({"p1", "p2"}, {"p3"}), same_names_note({"p1", "p2"}, {"p2", "p3"})[:46]
    ('', 'Patients in both data and test_data, by name: ')
    """
    shared = sorted(map(str, learned & held_out))
    if not shared:
        return ""
    some = ", ".join(shared[:3]) + (", ..." if len(shared) > 3 else "")
    return (
        f"Patients in both data and test_data, by name: {some}. If they are the same people, the held-out test is none."
    )


def _content(image: npt.NDArray[Any]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(image).data).digest()

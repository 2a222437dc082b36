"""Whether those whom a network is tried on are others than those whom it learned from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import UsageError


def require_apart(
    learned: Iterable[tuple[str, npt.NDArray[Any]]], held_out: Iterable[tuple[str, npt.NDArray[Any]]]
) -> None:
    """Nothing, if no image (by its case's name) is in both sets.

    >>> image = np.zeros((2, 3), np.float32)
    >>> require_apart([("a", image)], [("b", image + 1)])

    Raises:
        UsageError: One is, under whatever name.
    """
    before = _by_content(learned)
    for name, image in held_out:
        twin = before.get(_content(image))
        if twin is not None:
            raise UsageError(
                f"{name} of test_data is the same image as {twin} of data, but a held-out test needs patients whom "
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


def _by_content(images: Iterable[tuple[str, npt.NDArray[Any]]]) -> Mapping[bytes, str]:
    return {_content(image): name for name, image in images}


def _content(image: npt.NDArray[Any]) -> bytes:
    return hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).digest()

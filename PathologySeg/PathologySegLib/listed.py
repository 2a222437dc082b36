"""Choices that may change while a program runs, such as the installed models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any


class Listed(Sequence[str]):
    """What a function lists, asked anew whenever somebody looks.

    >>> names = ["a"]
    >>> listed = Listed(lambda: names)
    >>> names.append("b")
    >>> list(listed), len(listed), listed[1], "c" in listed
    (['a', 'b'], 2, 'b', False)
    """

    def __init__(self, names: Callable[[], Sequence[str]]) -> None:
        self._names = names

    def __getitem__(self, place: Any) -> Any:
        return self._names()[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

"""Models that others published: where they lie, under which licence, and how they get into the store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from AnatomyGuidedLib.errors import UsageError


@dataclass(frozen=True)
class PublishedModel:
    """A model by name. Without an address it cannot be fetched by a program: `by_hand` says what a person does."""

    name: str
    task: str
    source: str
    licence: str
    address: str
    sha256: str
    by_hand: str


@cache
def published_models() -> tuple[PublishedModel, ...]:
    """All that are known, in the order of the data file."""
    text = (Path(__file__).parent / "data" / "published_models.json").read_text(encoding="utf-8")
    return tuple(PublishedModel(**row) for row in json.loads(text))


def published_model(name: str) -> PublishedModel:
    """The published model of a name.

    Raises:
        UsageError: There is none.
    """
    by_name = {model.name: model for model in published_models()}
    if name not in by_name:
        raise UsageError(f"There is no published model {name!r}; known are {', '.join(by_name)}.")
    return by_name[name]

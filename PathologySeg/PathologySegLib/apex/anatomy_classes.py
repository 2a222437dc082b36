"""Which structures the anatomy branch tells apart: all 142 of the DAP Atlas, or fewer for small networks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.labels import Label, UnknownLabel, structures

CHOICES = ("dap", "merged")
_TISSUES = 0  # the level of those in the label table


@dataclass(frozen=True)
class AnatomyClasses:
    """Names by class, counted from 1, and each structure's class by its DAP id (0 where it has none).

    `tissues` are the classes that are everywhere, and near everything: muscles, fat, skin, ...
    """

    names: tuple[str, ...]
    class_of: tuple[int, ...]
    tissues: frozenset[int] = frozenset()

    def of(self, dap_ids: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """The map in classes."""
        return np.asarray(np.asarray(self.class_of, np.uint8)[dap_ids], np.uint8)

    def name(self, number: int) -> str:
        return self.names[number - 1]


@cache
def anatomy_classes(choice: str) -> AnatomyClasses:
    """`dap`: every structure; `merged`: ribs of a side as one, and vertebrae of a region, which a slice cannot count.

    >>> len(anatomy_classes("dap").names), len(anatomy_classes("merged").names)
    (142, 99)

    Raises:
        UsageError: There is no such choice.
    """
    if choice not in CHOICES:
        raise UsageError(f"The setting anatomy is {choice!r}, but dap or merged was expected.")
    named = {label.id: _merged(label) if choice == "merged" else label.name for label in structures()}
    names = tuple(dict.fromkeys(named.values()))
    class_of = [names.index(named[i]) + 1 if i in named else 0 for i in range(max(named) + 1)]
    tissues = {class_of[label.id] for label in structures() if label.level == _TISSUES}
    return AnatomyClasses(names, tuple(class_of), frozenset(tissues))


def structures_called(name: str) -> tuple[int, ...]:
    """The DAP ids of a class by its name: one structure, or those that `merged` takes together.

    >>> structures_called("Liver"), len(structures_called("Ribs Left"))
    ((13,), 12)

    Raises:
        UnknownLabel: No class has that name.
    """
    for choice in CHOICES:
        classes = anatomy_classes(choice)
        if name in classes.names:
            number = classes.names.index(name) + 1
            return tuple(dap_id for dap_id, own in enumerate(classes.class_of) if own == number)
    raise UnknownLabel(f"No structure of the DAP Atlas is called {name!r}, and no class of several is.")


def _merged(label: Label) -> str:
    if label.anatomical_rib is not None:
        return f"Ribs {label.side.title()}"
    if label.group == "Vertebras":
        return f"Vertebrae {label.name.split()[-1][0]}"
    return label.name

"""The organs that the thesis finds by language (3.3.2.3): those that its three data sets have in common."""

from __future__ import annotations

from AnatomyGuidedLib.labels import id_of

ORGANS = (
    "Esophagus",
    "Stomach",
    "Duodenum",
    "Colon",
    "Gallbladder",
    "Liver",
    "Pancreas",
    "Kidney Left",
    "Kidney Right",
    "Bladder",
    "Spleen",
)


def organ_ids() -> tuple[int, ...]:
    """The DAP ids of `ORGANS`, in their order.

    >>> organ_ids()[5]
    13
    """
    return tuple(id_of(name) for name in ORGANS)

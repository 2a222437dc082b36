"""Which structure each segment of an anatomy is, by its name or by the codes that Slicer keeps with it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of, labels, scheme, structures

_TOTALSEGMENTATOR = ("totalsegmentator-v1", "totalsegmentator")
_SHOWN = 3
_CODED, _MODIFIER = 2, 3  # the places of type and modifier in a terminology entry, between ~


def structures_called(names: Mapping[str, str], terminologies: Mapping[str, str]) -> dict[str, int]:
    """The DAP ids, by segment id, of segments that the DAP Atlas or TotalSegmentator names; others are left out.

    Case, and underscores for blanks, make no difference. A name that nobody knows leaves the segment's codes to tell.
    What TotalSegmentator names and DAP does not is Unknown Tissue, as with @totalsegmentator at the command line.

    >>> structures_called({"a": "Kidney Left", "b": "kidney_right", "c": "vertebrae_S1", "d": "my sketch"}, {})
    {'a': 15, 'b': 16, 'c': 102}

    Args:
        names: The segments' names by segment id.
        terminologies: Their terminology entries, as Slicer writes them, by segment id.

    Raises:
        AnatomyGuidedError: None of them is a structure.
    """
    found = {key: _id(name, terminologies.get(key, "")) for key, name in names.items()}
    known = {key: label for key, label in found.items() if label is not None}
    if not {*known.values()} - {id_of(UNKNOWN_TISSUE)}:
        raise AnatomyGuidedError(
            "The anatomy has no segment with a name that the DAP Atlas or TotalSegmentator gives "
            f"({_had([*names.values()])}); rename its segments (Kidney Left, kidney_left), or choose another or none."
        )
    return known


def left_out(names: Mapping[str, str], known: Mapping[str, int]) -> str:
    """A sentence on the segments that are not known; nothing where all are.

    >>> left_out({"a": "Liver", "b": "my sketch"}, {"a": 13})
    'Not taken as anatomy, since their names are unknown: my sketch.'
    """
    unknown = [name for key, name in names.items() if key not in known]
    return f"Not taken as anatomy, since their names are unknown: {_first(unknown)}." if unknown else ""


def _had(names: list[str]) -> str:
    return f"it has {_first(names)}" if names else "it is empty"


def _first(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _id(name: str, terminology: str) -> int | None:
    return _by_name().get(_plain(name), _by_codes().get(_codes(terminology)))


@cache
def _by_name() -> Mapping[str, int]:
    known: dict[str, int] = {}
    for source in map(scheme, _TOTALSEGMENTATOR):
        known |= {_plain(name): source.to_dap.get(value, id_of(UNKNOWN_TISSUE)) for value, name in source.names.items()}
    return known | {_plain(name): label.id for label in labels()[1:] for name in (label.name, label.display_name)}


@cache
def _by_codes() -> Mapping[tuple[str, str], int]:
    return {(label.code, label.modifier): label.id for label in structures() if label.code}


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").split())


def _codes(terminology: str) -> tuple[str, str]:
    """The codes of type and modifier in `...~scheme^code^meaning~...`; empty where there are none."""
    parts = [*terminology.split("~"), "", "", "", ""]
    type_code, modifier = ([*parts[place].split("^"), "", ""][1] for place in (_CODED, _MODIFIER))
    return type_code, modifier

"""The one label table: what each DAP Atlas id means, and how other tools' label maps arrive in it.

`data/dap_labels.csv` holds Background, Unknown Tissue and the 142 structures of the thesis, Table 4;
`data/schemes/*.csv` hold how other tools number theirs, with the reading of doubtful classes. Where the text is
silent, this is our reading:

- group: a row of Figure 7, such that every row's total is met. Its source columns decide what a name alone would not:
  the body of the sternum counts with Ribs (Bones are full with the manubrium), the pulmonary artery with Respiratory,
  eyeballs with Nervous, thymus with Immune, breasts with Tissues, cheeks with Musculature. Reproductive has two
  places, taken by Uterocervix and Uterus; Prostate and Gonads are in Endocrine with the other glands.
- level: the order of merging, coarse to fine (3.1.3): 0 tissues, 1 muscles and other containers, 2 organs, 3 bones, 4
  vessels, airways and what lies within another structure. A part has a higher level than its container.
- side: the word in the name. partner: the same structure across the midline; heart chambers have a side but no
  partner, because "left" names their circulation and the midplane does not part them.
- once: one connected component in a normal patient. "no" for tissues, for several things under one name (Gonads,
  Skull with its mandible, Bronchus without the trachea, Nasal Cavity, Rib Cartilage), for what remains around the
  named parts (Heart, Heart Tissue), and where thin stretches vanish between voxels (Small Bowel, Colon, Pulmonary
  Artery).
- body_part: every part that the structure reaches, arms up or down; "whole" where that is everywhere. Parts overlap:
  the abdomen begins at the dome of the diaphragm, beside the lungs, and the pelvis at the iliac crests (L4).
- anatomical_rib: Costa 1 is anatomical rib 12 (the author's word).
- code: SNOMED CT from Slicer's DICOM master list, else from SlicerTotalSegmentator's table; empty where neither has
  the structure itself (Gonads, Uterocervix, Spinal Canal, Heart Tissue, both parts of the sternum).
- color: Slicer's anatomical colour (GenericAnatomyColors, recommended display values); SlicerTotalSegmentator's where
  Slicer has none or one too close to a touching structure's; else our own. Ribs wear SlicerTotalSegmentator's rib
  colours moved on by three ribs, because it gives a rib the colour of its vertebra. Pairs share a colour unless the
  two sides touch.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Labelmap

BACKGROUND = "Background"
UNKNOWN_TISSUE = "Unknown Tissue"
DAP_SCHEME = "dap"

_DATA = Path(__file__).with_name("data")
_CATEGORY_CODES = {"Anatomical Structure": "123037004", "Tissue": "85756007"}
_MODIFIER_MEANINGS = {"24028007": "Right", "7771000": "Left"}
_NO_ENTRY = 255  # above every DAP id, so that a lookup table can hold it


class UnknownLabel(AnatomyGuidedError):
    """A label id, name or voxel value that no table holds."""


class UnknownScheme(UsageError):
    """A name of a labelling scheme that is not there."""


@dataclass(frozen=True)
class Label:
    """One row of the label table; the module's text says what each column means."""

    id: int
    name: str
    display_name: str
    group: str
    level: int
    side: str
    partner: int | None
    sex: str
    once: bool
    body_part: tuple[str, ...]
    anatomical_rib: int | None
    category: str
    code: str
    code_meaning: str
    modifier: str
    color: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Scheme:
    """How one tool numbers its structures: its names by value, and the DAP id of each value that has one."""

    name: str
    names: Mapping[int, str]
    to_dap: Mapping[int, int]

    @property
    def unmapped(self) -> tuple[int, ...]:
        """Values of structures that DAP does not name; their voxels become Unknown Tissue."""
        return tuple(sorted(self.names.keys() - self.to_dap.keys()))


@cache
def labels() -> tuple[Label, ...]:
    """All labels by id: Background, Unknown Tissue, then the 142 structures (thesis, Table 4).

    >>> len(labels()), labels()[1].name
    (144, 'Unknown Tissue')
    """
    return tuple(_label(row) for row in _rows(_DATA / "dap_labels.csv"))


def structures() -> tuple[Label, ...]:
    """The 142 structures: every label but Background and Unknown Tissue.

    >>> [label.name for label in structures() if label.sex == "M"]
    ['Prostate']
    """
    return tuple(label for label in labels() if label.group)


def label_by_id(label_id: int) -> Label:
    """The label with this DAP id.

    >>> label_by_id(id_of("Costa 1 Left")).display_name
    'Costa 1 Left (rib 12)'

    Raises:
        UnknownLabel: The table has no such id.
    """
    try:
        return _by_id()[label_id]
    except KeyError:
        raise UnknownLabel(f"{label_id} is no DAP Atlas label; {_range_text(_by_id())}.") from None


def label_by_name(name: str) -> Label:
    """The label with exactly this name, as Table 4 spells it.

    >>> label_by_name("Heart Atrium Left").group
    'Cardiovascular'

    Raises:
        UnknownLabel: The table has no such name; the message proposes similar ones.
    """
    try:
        return _by_name()[name]
    except KeyError:
        similar = get_close_matches(name, _by_name(), n=3)
        hint = f"did you mean {' or '.join(similar)}?" if similar else "names are spelled like Kidney Left."
        raise UnknownLabel(f'"{name}" is no DAP Atlas label; {hint}') from None


def id_of(name: str) -> int:
    """The DAP id of the label with exactly this name.

    >>> label_by_id(id_of("Liver")).name
    'Liver'

    Raises:
        UnknownLabel: The table has no such name.
    """
    return label_by_name(name).id


def ids_of(names: Iterable[str]) -> tuple[int, ...]:
    """The DAP ids of labels given by name, in the order of the names.

    >>> ids_of(["Kidney Left", "Kidney Right"]) == (id_of("Kidney Left"), id_of("Kidney Right"))
    True

    Raises:
        UnknownLabel: The table lacks one of the names.
    """
    return tuple(id_of(name) for name in names)


def ids_by_title(titles: Mapping[str, str]) -> dict[str, int]:
    """The ids for things whose titles are structures' names or display names; other titles are left out.

    >>> ids_by_title({"Segment_7": "Costa 1 Left (rib 12)", "Segment_8": "my sketch", "Segment_9": "Liver"})
    {'Segment_7': 67, 'Segment_9': 13}
    """
    known = {name: label.id for label in labels() for name in (label.name, label.display_name)}
    return {key: known[title] for key, title in titles.items() if title in known}


def ids_where(condition: Callable[[Label], bool]) -> tuple[int, ...]:
    """The ids, ascending, of the structures that meet a condition.

    >>> len(ids_where(lambda label: label.anatomical_rib is not None))
    24
    """
    return tuple(label.id for label in structures() if condition(label))


def terminology_entry(label: Label) -> str:
    """The label's codes in the form in which Slicer stores a segment's terminology.

    A label without a code gets Slicer's own entry for a segment that nobody has described, Tissue.

    >>> terminology_entry(label_by_name("Kidney Left")).split("~")[1:4]
    ['SCT^123037004^Anatomical Structure', 'SCT^64033007^Kidney', 'SCT^7771000^Left']
    """
    category = label.category or "Tissue"
    coded = _triple(label.code, label.code_meaning) if label.code else _triple(_CATEGORY_CODES["Tissue"], "Tissue")
    return "~".join(
        [
            "Segmentation category and type - DICOM master list",
            _triple(_CATEGORY_CODES[category], category),
            coded,
            _triple(label.modifier, _MODIFIER_MEANINGS[label.modifier]) if label.modifier else "^^",
            "Anatomic codes - DICOM master list",
            "^^",
            "^^",
        ]
    )


def scheme_names() -> tuple[str, ...]:
    """The names that `scheme` knows, DAP's own first.

    >>> scheme_names()[0]
    'dap'
    """
    return (DAP_SCHEME, *sorted(path.stem for path in (_DATA / "schemes").glob("*.csv")))


@cache
def scheme(name: str) -> Scheme:
    """The labelling scheme of this name.

    >>> totalsegmentator = scheme("totalsegmentator")
    >>> label_by_id(totalsegmentator.to_dap[26]).name, totalsegmentator.names[26]
    ('Sacrum', 'vertebrae_S1')

    Raises:
        UnknownScheme: There is no such scheme; the message proposes similar ones.
    """
    if name == DAP_SCHEME:
        known = [label for label in labels() if label.name != BACKGROUND]
        return _scheme(name, {label.id: label.name for label in known}, {label.id: label.id for label in known})
    if name not in scheme_names():
        raise UnknownScheme(f'"{name}" is no labelling scheme{_near(name)}; known are {", ".join(scheme_names())}.')
    rows = _rows(_DATA / "schemes" / f"{name}.csv")
    names = {int(row["id"]): row["name"] for row in rows}
    return _scheme(name, names, {int(row["id"]): int(row["dap_id"]) for row in rows if row["dap_id"]})


def to_dap(labelmap: Labelmap, source: Scheme) -> Labelmap:
    """The same voxels under DAP ids (uint8); structures that DAP does not name become Unknown Tissue.

    >>> from AnatomyGuidedLib.grid import Grid
    >>> values = np.array([0, 1, 17], dtype=np.uint16).reshape(3, 1, 1)
    >>> named = to_dap(Labelmap(values, Grid((3, 1, 1), np.eye(4))), scheme("totalsegmentator"))
    >>> [label_by_id(int(value)).name for value in named.values.ravel()]
    ['Background', 'Spleen', 'Unknown Tissue']

    Raises:
        UnknownLabel: The label map holds values that the scheme lacks.
    """
    table = _lookup_table(source)
    ids = np.empty_like(labelmap.values, dtype=np.uint8)
    slowest = int(np.argmax(np.abs(labelmap.values.strides)))
    planes = zip(np.moveaxis(labelmap.values, slowest, 0), np.moveaxis(ids, slowest, 0), strict=True)
    for stored, named in planes:  # plane by plane: numpy widens an array of indices to eight bytes a voxel
        named[...] = table[np.minimum(stored, np.uint64(len(table) - 1)).astype(np.intp)]
    if (ids == _NO_ENTRY).any():
        lacking = np.unique(labelmap.values[ids == _NO_ENTRY]).tolist()
        raise UnknownLabel(
            f'The label map holds {_listed(lacking)}, which the scheme "{source.name}" lacks: '
            f"{_range_text(source.names)}; name the scheme that the map was made with ({', '.join(scheme_names())})."
        )
    return Labelmap(ids, labelmap.grid)


def _label(row: Mapping[str, str]) -> Label:
    red, green, blue = (int(row[f"color_{channel}"]) for channel in "rgb")
    return Label(
        id=int(row["id"]),
        name=row["name"],
        display_name=row["display_name"],
        group=row["group"],
        level=int(row["level"]),
        side=row["side"],
        partner=int(row["partner"]) if row["partner"] else None,
        sex=row["sex"],
        once=row["once"] == "yes",
        body_part=tuple(row["body_part"].split("+")),
        anatomical_rib=int(row["anatomical_rib"]) if row["anatomical_rib"] else None,
        category=row["category"],
        code=row["code"],
        code_meaning=row["code_meaning"],
        modifier=row["modifier"],
        color=(red, green, blue),
    )


@cache
def _by_id() -> Mapping[int, Label]:
    return {label.id: label for label in labels()}


@cache
def _by_name() -> Mapping[str, Label]:
    return {label.name: label for label in labels()}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _scheme(name: str, names: Mapping[int, str], to_dap: Mapping[int, int]) -> Scheme:
    return Scheme(name, MappingProxyType(dict(names)), MappingProxyType(dict(to_dap)))


def _near(name: str) -> str:
    """A question after the schemes that begin with this name or are spelled like it; empty where there are none."""
    wanted = name.lower()
    family = [known for known in scheme_names() if f"{known}-".startswith(f"{wanted}-")]
    near = family or get_close_matches(wanted, scheme_names(), n=3)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def _lookup_table(source: Scheme) -> npt.NDArray[np.uint8]:
    """The DAP id of each value from 0 to one above the scheme's largest; that last place stands for all beyond."""
    table = np.full(max(source.names) + 2, _NO_ENTRY, dtype=np.uint8)
    table[0] = id_of(BACKGROUND)
    table[list(source.names)] = id_of(UNKNOWN_TISSUE)
    table[list(source.to_dap)] = list(source.to_dap.values())
    return table


def _triple(code: str, meaning: str) -> str:
    return f"SCT^{code}^{meaning}"


def _range_text(known: Mapping[int, object]) -> str:
    first, last = min(known), max(known)
    gaps = [str(value) for value in range(first, last) if value not in known]
    return f"known are {first} to {last}" + (f" without {', '.join(gaps)}" if gaps else "")


def _listed(values: list[int]) -> str:
    shown = ", ".join(str(value) for value in values[:10])
    return f"{shown} and {len(values) - 10} more values" if len(values) > 10 else shown

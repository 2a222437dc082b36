"""The anatomy of a film from any 2D model's files: run lengths, a label map with its names, or a mask a structure.

| file | what it holds |
|---|---|
| `STEM.json` | COCO's form with run lengths (lists, or pycocotools' text); the categories' names |
| `STEM.png`, `.nii.gz`, `.nii`, `.nrrd` | one integer a pixel, 0 is none; names in `classes.csv` (`value,name`) or `classes.json` (`{"1": "heart"}`) beside it or in one of the two folders above |
| `STEM/NAME.png` | one mask a structure, in a file of its name |
"""  # noqa: E501

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import full_suffix
from AnatomyGuidedLib.labels import structures
from AnatomyGuidedLib.phantom.xray_files import mask_of

from PathologySegLib.apex.paxray import Mask, from_dap, paxray_classes
from PathologySegLib.films.itk import read_stored
from PathologySegLib.films.placement import placement_on

LABELMAPS = (".png", ".nii.gz", ".nii", ".nrrd")
TABLES = ("classes.csv", "classes.json")
_NONE = "background"


def anatomy_beside(folder: Path, stem: str) -> Path | None:
    """The anatomy of a film of that stem: a file or a folder of masks; none where there is none.

    Raises:
        AnatomyGuidedError: There are several.
    """
    found = [path for suffix in (".json", *LABELMAPS) if (path := folder / f"{stem}{suffix}").is_file()]
    found += [path for path in (folder / stem,) if path.is_dir()]
    if len(found) > 1:
        raise AnatomyGuidedError(
            f"{found[0].name} and {found[1].name} are both the anatomy of one film; leave one of them there."
        )
    return found[0] if found else None


def read_anatomy(path: Path, names: Sequence[str], size: tuple[int, int]) -> dict[str, Mask]:
    """The masks (height, width) of the PAXRay++ classes asked for, as far as the file holds them.

    Structures are called by PAXRay++'s names or by DAP's, whose shadows are joined to the classes that they make;
    capitals and underscores do not matter.

    Raises:
        AnatomyGuidedError: It is damaged or of another form, lacks names or has unknown ones, or another size.
    """
    reader: Callable[[Path], Mapping[str, Mask]] = _of_labelmap
    if path.is_dir():
        reader = _of_masks
    elif full_suffix(path) == ".json":
        reader = _of_coco
    found = {_known(name, path): mask for name, mask in reader(path).items()}
    for mask in found.values():
        if mask.shape != size:
            raise AnatomyGuidedError(
                f"The anatomy {path.name} has {mask.shape[0]} x {mask.shape[1]} pixels, but its film {size[0]} x "
                f"{size[1]}; predict it on the film's own pixels."
            )
    of_paxray = {one.name for one in paxray_classes()}
    direct = {name: found[name] for name in names if name in found and name in of_paxray}
    return {**from_dap(found, [name for name in names if name not in direct]), **direct}


def _of_coco(path: Path) -> dict[str, Mask]:
    """The masks by name; those of one name, as of both clavicles, together."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        names = {entry["id"]: str(entry["name"]) for entry in content["categories"] if entry}
        found: dict[str, Mask] = {}
        for one in filter(None, content["annotations"]):
            name, mask = names[one["category_id"]], _of_lengths(one["segmentation"])
            found[name] = found[name] | mask if name in found else mask
        return found
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AnatomyGuidedError(
            f"{path.name} cannot be read as anatomy ({error}); COCO's form with run lengths was expected."
        ) from error


def _of_lengths(lengths: Mapping[str, Any]) -> Mask:
    """The mask of run lengths as a list, or as the text that pycocotools writes."""
    if not isinstance(lengths["counts"], str):
        return mask_of(lengths)
    try:
        from pycocotools import mask as coco
    except ModuleNotFoundError as error:
        raise AnatomyGuidedError(
            "Run lengths as text need pycocotools, which is not installed: "
            "pip install 'slicer-anatomy-guided[transformers]'."
        ) from error
    return np.asarray(coco.decode({**lengths, "counts": lengths["counts"].encode()}), np.bool_)


def _of_labelmap(path: Path) -> dict[str, Mask]:
    values, table = _plane(path), _table_of(path)
    whole = np.rint(values)
    if not np.array_equal(values, whole) or (whole < 0).any():
        raise AnatomyGuidedError(f"{path.name} holds values that are no whole numbers from 0 on, so no label map.")
    found = {}
    for value in np.unique(whole[whole > 0]).astype(int).tolist():
        if value not in table:
            raise AnatomyGuidedError(
                f"{path.name} holds the value {value}, which its {' or '.join(TABLES)} does not name; add it there."
            )
        found[table[value]] = np.asarray(whole == value)
    return {name: mask for name, mask in found.items() if _plain(name) != _NONE}


def _of_masks(folder: Path) -> dict[str, Mask]:
    paths = sorted(folder.glob("*.png"))
    if not paths:
        raise AnatomyGuidedError(f"The folder {folder.name} holds no PNG; a mask NAME.png a structure was expected.")
    found = {}
    for path in paths:
        values = _plane(path)
        if len(np.unique(values[values != 0])) > 1:
            raise AnatomyGuidedError(
                f"{folder.name}/{path.name} holds several values above 0, but a mask of one structure was expected; a "
                f"label map lies beside the folders, as {folder.name}.png."
            )
        if values.any():
            found[path.stem] = np.asarray(values != 0)
    return found


def _plane(path: Path) -> npt.NDArray[Any]:
    """The values (rows, columns) of a picture, or of a slice as it hangs."""
    stored = read_stored(path)
    if stored.channels > 1:
        raise AnatomyGuidedError(f"{path.name} is a picture in colours, but one number a pixel was expected.")
    return placement_on(stored.grid, path.name).film_of(stored.values)


def _table_of(path: Path) -> Mapping[int, str]:
    """The names of a label map's values."""
    folders = path.parents[:3]
    table = next((own for folder in folders for name in TABLES if (own := folder / name).is_file()), None)
    if table is None:
        raise AnatomyGuidedError(
            f"No file names the values of {path.name}: classes.csv with the columns value and name, or classes.json "
            'such as {"1": "heart"}, was expected beside it or in a folder above.'
        )
    return _read_table(table, table.stat().st_mtime_ns)


@cache
def _read_table(path: Path, changed_ns: int) -> Mapping[int, str]:  # noqa: ARG001  (a table that was changed is read anew)
    try:
        if path.suffix == ".json":
            rows = [(int(value), str(name)) for value, name in json.loads(path.read_text(encoding="utf-8")).items()]
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = [(int(row["value"]), str(row["name"]).strip()) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnatomyGuidedError(
            f"{path.name} cannot be read as names by value ({error}); the columns value and name, or JSON such as "
            '{"1": "heart"}, were expected.'
        ) from error
    table = dict(rows)
    if len(table) < len(rows) or len(set(table.values())) < len(rows):
        raise AnatomyGuidedError(f"{path.name} names a value or a structure twice; each needs one line.")
    if _plain(table.get(0, _NONE)) != _NONE:
        raise AnatomyGuidedError(f"{path.name} calls the value 0 {table[0]!r}, but 0 is no structure; count from 1.")
    for name in table.values():
        if _plain(name) != _NONE:
            _known(name, path)
    return table


def _known(name: str, path: Path) -> str:
    """PAXRay++'s or DAP's own spelling of a name."""
    spellings = _spellings()
    if name in _names():
        return name
    if _plain(name) in spellings:
        return spellings[_plain(name)]
    near = get_close_matches(_plain(name), spellings, n=2)
    hint = f"; did you mean {' or '.join(repr(spellings[one]) for one in near)}?" if near else "."
    raise AnatomyGuidedError(
        f"{path.name} has a structure {name!r}, but PAXRay++'s 159 names (paxray_classes.csv) or DAP's were expected"
        f"{hint}"
    )


@cache
def _spellings() -> Mapping[str, str]:
    """Names by their plain form; PAXRay++'s go before DAP's."""
    return {_plain(name): name for name in _names()}


@cache
def _names() -> tuple[str, ...]:
    return (*(label.name for label in structures()), *(one.name for one in paxray_classes()))


def _plain(name: str) -> str:
    """Without capitals and underscores.

    >>> _plain("Left_Lung")
    'left lung'
    """
    return " ".join(name.replace("_", " ").lower().split())

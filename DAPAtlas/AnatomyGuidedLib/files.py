"""Writing so that nothing is ever half-written: stage beside the target, rename when everything is complete."""

from __future__ import annotations

import csv
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from AnatomyGuidedLib.errors import AnatomyGuidedError

_DOUBLE_SUFFIXES = (".nii.gz", ".seg.nrrd", ".tar.gz")


class Outputs:
    """The files that one run writes: staged under temporary names, all renamed at the end, or all removed.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with Outputs() as outputs:
    ...     _ = outputs.stage(folder / "a.json").write_text("{}")
    ...     (folder / "a.json").exists()
    False
    >>> (folder / "a.json").exists()
    True
    """

    def __init__(self) -> None:
        self._staged: dict[Path, Path] = {}
        self._folders: list[Path] = []

    def stage(self, target: str | Path) -> Path:
        """A temporary path beside the target with the same extension; the file there exists and is empty.

        Raises:
            AnatomyGuidedError: The folder cannot be written to, the target is a folder, or it was staged before.
        """
        target = Path(target)
        if target.is_dir():
            raise AnatomyGuidedError(f"{target.name} is a folder, but a file's name was expected as output.")
        if target.absolute() in {known.absolute() for known in self._staged}:
            raise AnatomyGuidedError(f"{target.name} is named for two outputs; give each its own name.")
        self._make_folder(target.parent)
        temporary = target.with_name(f".{secrets.token_hex(4)}.part{full_suffix(target)}")
        try:
            temporary.touch(exist_ok=False)
        except OSError as error:
            raise cannot_write(target, error) from error
        self._staged[target] = temporary
        return temporary

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                for target, temporary in self._staged.items():
                    os.replace(temporary, target)
                self._folders.clear()
        finally:
            for temporary in self._staged.values():
                temporary.unlink(missing_ok=True)
            for folder in reversed(self._folders):
                _remove_if_empty(folder)
            self._staged.clear()

    def _make_folder(self, folder: Path) -> None:
        missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        for parent in reversed(missing):
            try:
                parent.mkdir()
            except OSError as error:
                raise cannot_write(parent, error) from error
            self._folders.append(parent)


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside the target; its files move there when the work is complete, or are removed.

    Files that the target already holds under the same names are replaced, others stay.

    Raises:
        AnatomyGuidedError: The target is a file, or its parent folder cannot be written to.
    """
    target = target.absolute()
    if target.exists() and not target.is_dir():
        raise AnatomyGuidedError(f"{target.name} is a file, but a folder's name was expected as output.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", suffix=".part", dir=target.parent))
    except OSError as error:
        raise cannot_write(target, error) from error
    try:
        yield folder
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            moved = target / file.relative_to(folder)
            moved.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, moved)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def full_suffix(path: str | Path) -> str:
    """The extension with its first half where it has two: ".nii.gz", ".seg.nrrd".

    >>> full_suffix("a.b.nii.gz"), full_suffix("report.JSON")
    ('.nii.gz', '.json')
    """
    name = Path(path).name.lower()
    return next((suffix for suffix in _DOUBLE_SUFFIXES if name.endswith(suffix)), Path(name).suffix)


def cannot_write(target: Path, error: OSError) -> AnatomyGuidedError:
    """One sentence for a folder that is missing, closed or full."""
    reason = error.strerror or str(error)
    return AnatomyGuidedError(
        f"{target.name} could not be written ({reason}); free some space there or choose a folder you may write to."
    )


def write_json(path: Path, data: object) -> None:
    """Nothing; the file holds the data as indented UTF-8 JSON (NaN and infinity are refused)."""
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_csv(path: Path, rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Nothing; the file holds a header and one line a row, empty where a row has no value."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="", extrasaction="raise", lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)


def _cell(value: object) -> object:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()

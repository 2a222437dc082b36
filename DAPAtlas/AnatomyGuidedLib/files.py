"""Writing so that nothing is ever half-written: stage beside the target, rename when everything is complete."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from AnatomyGuidedLib.errors import AnatomyGuidedError

STAGED_LIST = "ANATOMYGUIDED_STAGED_LIST"  # environment variable: where a worker notes what it would leave if killed

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
        self._inputs: list[Path] = []

    def protect(self, *inputs: str | Path | None) -> None:
        """Nothing; no output may take the place of these files, or lie in these folders of slices.

        Raises:
            AnatomyGuidedError: An output that is already staged would.
        """
        self._inputs += [Path(os.path.realpath(path)) for path in inputs if path]
        for final in self._staged:
            self._require_no_input(final)

    def is_staged(self, final: Path) -> bool:
        """Whether this run writes the file, given as its real path."""
        return final in self._staged

    def stage(self, target: str | Path, *, formats: Sequence[str] = ()) -> Path:
        """A temporary path beside the target with the same extension; the file there exists and is empty.

        Raises:
            AnatomyGuidedError: The folder cannot be written to; the target is an input, a folder, a device or staged
                before; or its extension is none of `formats`.
        """
        if formats and full_suffix(target) not in formats:
            raise AnatomyGuidedError(
                f"{Path(target).name} must end in {', '.join(formats)}, so that its format is known."
            )
        final = Path(os.path.realpath(target))  # the file behind a link is replaced, not the link
        if final.exists() and not final.is_file():
            kind = "folder" if final.is_dir() else "device or pipe"
            raise AnatomyGuidedError(f"{Path(target).name or target} is a {kind}, but a file was expected as output.")
        self._require_no_input(final)
        if final in self._staged:
            raise AnatomyGuidedError(f"{final.name} is named for two outputs; give each its own name.")
        _make_folder(final.parent, self._folders)
        temporary = final.with_name(f".{secrets.token_hex(4)}.part{full_suffix(final)}")
        _announce(temporary)
        try:
            temporary.touch(exist_ok=False)
        except OSError as error:
            raise cannot_write(final, error) from error
        self._staged[final] = temporary
        return temporary

    def _require_no_input(self, final: Path) -> None:
        if any(final == path or (path.is_dir() and path == final.parent) for path in self._inputs):
            raise AnatomyGuidedError(
                f"{final.name} is an input or lies among its slices; give the output another name."
            )

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                for target, temporary in self._staged.items():
                    temporary.replace(target)
                self._folders.clear()
        finally:
            for temporary in self._staged.values():
                temporary.unlink(missing_ok=True)
            _remove_empty(self._folders)
            self._staged.clear()


@contextmanager
def staged_folder(target: Path, *, inputs: Sequence[str | Path | None] = ()) -> Iterator[Path]:
    """A temporary folder beside the target; its files move there when the work is complete, or are removed.

    Files that the target already holds under the same names are replaced, others stay.

    Raises:
        AnatomyGuidedError: The target is a file, its parent folder cannot be written to, or a file would take the place
            of one of the `inputs`.
    """
    protected = {Path(os.path.realpath(path)) for path in inputs if path}
    target = Path(os.path.realpath(target))
    if target.exists() and not target.is_dir():
        raise AnatomyGuidedError(f"{target.name} is a file, but a folder's name was expected as output.")
    made: list[Path] = []
    try:
        _make_folder(target.parent, made)
        folder = target.with_name(f".{target.name}-{secrets.token_hex(4)}.part")
        try:
            _make_temporary(folder, target)
            yield folder
            _move_files(folder, target, protected)
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # also if the user stops the work while it is being made
    finally:
        _remove_empty(made)


def full_suffix(path: str | Path) -> str:
    """The extension with its first half where it has two: ".nii.gz", ".seg.nrrd".

    >>> full_suffix("a.b.nii.gz"), full_suffix("report.JSON")
    ('.nii.gz', '.json')
    """
    name = Path(path).name.lower()
    return next((suffix for suffix in _DOUBLE_SUFFIXES if name.endswith(suffix)), Path(name).suffix)


def sha256_of(path: Path) -> str:
    """The checksum of a file's content; of a folder, that of its files' names and checksums.

    Raises:
        AnatomyGuidedError: It does not exist or cannot be read.
    """
    if not path.exists():
        raise AnatomyGuidedError(f"{path.name} does not exist; check the path.")
    try:
        if not path.is_dir():
            return _digest(path)
        files = sorted(file for file in path.rglob("*") if file.is_file())
        listing = "\n".join(f"{_digest(file)} {file.relative_to(path).as_posix()}" for file in files)
        return hashlib.sha256(listing.encode()).hexdigest()
    except OSError as error:
        raise AnatomyGuidedError(
            f"{path.name} cannot be read ({error.strerror or error}); check that you may use it."
        ) from error


def remove_announced(listing: Path) -> None:
    """Nothing; temporary files and empty folders that a killed worker noted in the list are gone."""
    if not listing.is_file():
        return
    for line in reversed(listing.read_text(encoding="utf-8").splitlines()):
        kind, path = line.split(" ", 1)
        if kind == "made":
            _remove_empty([Path(path)])
        elif Path(path).is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):  # it was noted before it was made, and never came to be
                Path(path).unlink()


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


def write_json_whole(path: Path, data: object) -> None:
    """As `write_json`, but a process that is ended in the middle leaves the file as it was before."""
    part = path.with_name(f"{path.name}.part")
    write_json(part, data)
    part.replace(path)


def write_csv(path: Path, rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Nothing; the file holds a header and one line a row, empty where a row has no value."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="", extrasaction="raise", lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _cell(value: object) -> object:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value


def _make_folder(folder: Path, made: list[Path]) -> None:
    """Nothing; the folder exists, and `made` has those of its parents and itself that did not."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        _announce(parent, kind="made")
        try:
            parent.mkdir(exist_ok=True)  # another process of a batch may have made it meanwhile
        except OSError as error:
            raise cannot_write(parent, error) from error
        made.append(parent)


def _make_temporary(folder: Path, target: Path) -> None:
    _announce(folder)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise cannot_write(target, error) from error


def _move_files(folder: Path, target: Path, protected: Set[Path]) -> None:
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    for file in files:
        if (target / file).is_dir():
            raise AnatomyGuidedError(
                f"{file.name} is a folder in {target.name}, but a file of that name is to be written."
            )
        if Path(os.path.realpath(target / file)) in protected:
            raise AnatomyGuidedError(f"{file.name} in {target.name} is an input; choose another folder for the output.")
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).replace(target / file)


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in reversed(folders):
        with suppress(OSError):  # it holds files by now, or is gone
            folder.rmdir()


def _announce(path: Path, kind: str = "temporary") -> None:
    listing = os.environ.get(STAGED_LIST)
    if listing:
        with Path(listing).open("a", encoding="utf-8") as stream:
            stream.write(f"{kind} {path.absolute()}\n")

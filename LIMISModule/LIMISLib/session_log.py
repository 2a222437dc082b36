"""A session as JSON lines: which image, then every command; and running it again.

The log holds no voxels. `docs/limis.md` describes the format.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from AnatomyGuidedLib import __version__
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, Volume, require_overlap
from AnatomyGuidedLib.io import read_anatomy, read_ct, split_scheme
from AnatomyGuidedLib.resample import resample_labelmap

from LIMISLib.commands import Command, command_from_json
from LIMISLib.finding.choose import choice_for, make_finder, parse_finder
from LIMISLib.prompt_segmenter import PromptSegmenter
from LIMISLib.segmenters.recorded import choice_from_json, choice_to_json, opened_again, relative_path
from LIMISLib.segmenters.registry import SegmenterChoice
from LIMISLib.session import Entry, Session, State

FORMAT = "anatomyguided-limis-session"
VERSION = 1

Watch = Callable[[Session, str, State | None], None]  # the session, the answer to its last command, the state before

_CHUNK_BYTES = 1 << 20


class LogError(AnatomyGuidedError):
    """A session log is damaged, or its image or anatomy is not what it was."""


@dataclass(frozen=True)
class Source:
    """A file (or DICOM folder) that a session used: its path, its content's sha256, and its scheme if it is anatomy."""

    path: Path
    sha256: str
    scheme: str = ""

    @property
    def text(self) -> str:
        """The path as the command line takes it, with the scheme."""
        return f"{self.path}@{self.scheme}" if self.scheme else str(self.path)


@dataclass(frozen=True)
class SessionLog:
    """What a log says: the inputs, whether the image was forced to be a CT, and the commands with their outcome.

    No finder stands for the default one: the anatomy, or without it the bundled network. Without a word on it, the
    segmenter is the default one.
    """

    image: Source
    anatomy: Source | None
    forced: bool
    entries: tuple[Entry, ...]
    finder: str = ""
    segmenter: SegmenterChoice = field(default_factory=SegmenterChoice)


@dataclass(frozen=True)
class Replay:
    """A session that was run again, and what came out differently, a sentence each."""

    session: Session
    notes: tuple[str, ...]


def source(path: Path, scheme: str = "") -> Source:
    """The file with its sha256; a folder's is taken over its files' names and sha256 in order of name.

    Raises:
        LogError: There is no such file.
    """
    if path.is_dir():
        parts = [
            f"{file.relative_to(path).as_posix()} {_sha256(file)}" for file in sorted(path.rglob("*")) if file.is_file()
        ]
        return Source(path, hashlib.sha256("\n".join(parts).encode()).hexdigest(), scheme)
    if not path.exists():
        raise LogError(f"{path.name} does not exist; check the path.")
    return Source(path, _sha256(path), scheme)


def anatomy_source(text: str) -> Source:
    """The anatomy in `PATH[@SCHEME]`, with its sha256."""
    return source(*split_scheme(text))


def open_session(
    image: Source,
    anatomy: Source | None,
    *,
    force: bool = False,
    finder: str = "",
    segmenter: PromptSegmenter | None = None,
) -> Session:
    """A session on the image; the anatomy, where its grid is another, is brought onto the image's.

    Raises:
        AnatomyGuidedError: The image is no CT (`force` overrides), or one of the files cannot be read.
        UsageError: There is no such finder.
    """
    choice = choice_for(finder, has_anatomy=anatomy is not None)
    volume = read_ct(image.path, force=force)
    labels = _on_grid(read_anatomy(anatomy.text), volume) if anatomy else None
    return Session(volume, labels, finder=make_finder(choice, volume), segmenter=segmenter)


def write_log(log: SessionLog, path: Path, *, folder: Path) -> None:
    """Nothing; the file at `path` holds the log, with paths relative to `folder`, where the log will lie."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "software": f"AnatomyGuided {__version__}",
        "image": {**_source_json(log.image, folder), "forced": log.forced},
        "anatomy": {**_source_json(log.anatomy, folder), "scheme": log.anatomy.scheme} if log.anatomy else None,
        **({"finder": _finder_from(log.finder, folder)} if log.finder else {}),
        "segmenter": choice_to_json(log.segmenter, folder),
    }
    lines: Sequence[Mapping[str, object]] = [header, *(_entry_json(entry) for entry in log.entries)]
    text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")


def read_log(path: Path) -> SessionLog:
    """The log in a file; its paths are taken from the file's folder.

    Raises:
        LogError: The file is no session log of this version, or a line of it is damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise LogError(f"{path.name} does not exist; check the path.") from None
    except UnicodeDecodeError:
        raise LogError(f"{path.name} is no session log: it is not text.") from None
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise LogError(f"{path.name} is empty, but a session log was expected.")
    header = _json_object(numbered[0], path)
    if header.get("format") != FORMAT or header.get("version") != VERSION:
        raise LogError(f"{path.name} is no session log of version {VERSION}: its first line does not say so.")
    image, anatomy = header.get("image"), header.get("anatomy")
    return SessionLog(
        _read_source(image, path),
        _read_source(anatomy, path) if anatomy is not None else None,
        isinstance(image, Mapping) and image.get("forced") is True,
        tuple(_read_entry(line, path) for line in numbered[1:]),
        _read_finder(header.get("finder", ""), path),
        _read_segmenter(header.get("segmenter"), path),
    )


def replay(
    path: Path,
    *,
    image: Path | None = None,
    anatomy: str | None = None,
    segmenter: str | None = None,
    allow_remote: bool = False,
    force: bool = False,
    watch: Watch = lambda *_: None,
) -> Replay:
    """The log's commands run again on its image, or on another `image` or `anatomy` (`PATH[@SCHEME]`).

    `segmenter` (`NAME:PLACE`) says where the weights or the server of the log's segmenter are now. `force` takes the
    image for a CT whatever its histogram says. `watch` is called after each command. A mask or state that differs from
    the record becomes a note: the log was edited, or the input is another.

    Raises:
        LogError: The log is damaged, or its image or anatomy has changed or is gone (and no other was given).
        AnatomyGuidedError: The segmenter's weights are others or gone; or a command cannot be run (the message begins
            with its line).
    """
    log = read_log(path)
    notes = [
        *_notes_on_other("image", image.name if image else None),
        *_notes_on_other("anatomy", split_scheme(anatomy)[0].name if anatomy else None),
    ]
    used_image = source(image) if image else _unchanged("image", log.image)
    used_anatomy = anatomy_source(anatomy) if anatomy else _unchanged_or_none("anatomy", log.anatomy)
    session = open_session(
        used_image,
        used_anatomy,
        force=force or log.forced,
        finder=log.finder,
        segmenter=opened_again(log.segmenter, segmenter, allow_remote=allow_remote),
    )
    for number, entry in enumerate(log.entries, start=1):
        before = session.current
        try:
            answer = session.execute(entry.command, sentence=entry.sentence)
        except AnatomyGuidedError as error:
            raise LogError(
                f"Command {number} of {path.name} ({entry.command.intent}) cannot be run: {error}"
            ) from error
        notes += _notes_on_difference(number, entry, session.entries[-1])
        watch(session, answer, before)
    return Replay(session, tuple(notes))


def _on_grid(anatomy: Labelmap, image: Volume) -> Labelmap:
    if anatomy.grid == image.grid:
        return anatomy
    require_overlap(image.grid, anatomy.grid, names=("The image", "the anatomy"))
    return resample_labelmap(anatomy, image.grid)


def _notes_on_other(what: str, name: str | None) -> list[str]:
    return [f"The {what} is {name}, given for this run, instead of the recorded one."] if name else []


def _notes_on_difference(number: int, recorded: Entry, now: Entry) -> list[str]:
    if (recorded.state, recorded.digest) == (now.state, now.digest):
        return []
    said = f' ("{now.sentence}")' if now.sentence else ""
    return [
        f"After command {number}{said} the mask differs from the record: the log was edited or the input is another."
    ]


def _unchanged(what: str, recorded: Source) -> Source:
    try:
        found = source(recorded.path, recorded.scheme)
    except LogError:
        raise LogError(
            f"The session's {what}, {recorded.path.name}, is not where the log says; name it with --{what}."
        ) from None
    if found.sha256 != recorded.sha256:
        raise LogError(
            f"The session's {what}, {recorded.path.name}, has changed since (its sha256 is another); "
            f"bring the old file back, or name a file with --{what} to run the commands on it all the same."
        )
    return found


def _unchanged_or_none(what: str, recorded: Source | None) -> Source | None:
    return _unchanged(what, recorded) if recorded else None


def _source_json(used: Source, folder: Path) -> dict[str, object]:
    return {"path": relative_path(used.path, folder), "sha256": used.sha256}


def _finder_from(finder: str, folder: Path) -> str:
    """The finder's name with the paths that are there taken from the folder; others are names."""
    return (
        parse_finder(finder)
        .with_paths(lambda path: relative_path(Path(path), folder) if Path(path).exists() else path)
        .text
    )


def _finder_at(finder: str, folder: Path) -> str:
    """The finder's name with the paths that are there from the folder on."""
    if not finder:
        return ""
    return parse_finder(finder).with_paths(lambda path: str(folder / path) if (folder / path).exists() else path).text


def _entry_json(entry: Entry) -> dict[str, object]:
    return {
        "sentence": entry.sentence,
        "command": entry.command.to_json(),
        "state": entry.state,
        "mask_sha256": entry.digest,
    }


def _json_object(numbered: tuple[int, str], path: Path) -> Mapping[str, object]:
    number, line = numbered
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):  # no JSON, or a number of thousands of digits
        data = None
    if not isinstance(data, Mapping):
        raise LogError(f"Line {number} of {path.name} is damaged: it is no JSON object.")
    return data


def _read_source(data: object, log: Path) -> Source:
    if (
        not isinstance(data, Mapping)
        or not isinstance(data.get("path"), str)
        or not isinstance(data.get("sha256"), str)
        or not data["path"]
        or "\0" in data["path"]
    ):
        raise LogError(f"The first line of {log.name} is damaged: image and anatomy need a path and a sha256.")
    return Source(log.parent / str(data["path"]), str(data["sha256"]), str(data.get("scheme", "")))


def _read_finder(data: object, log: Path) -> str:
    try:
        return _finder_at(str(data), log.parent)
    except AnatomyGuidedError as error:
        raise LogError(f"The first line of {log.name} is damaged: {error}") from error


def _read_segmenter(data: object, log: Path) -> SegmenterChoice:
    try:
        return choice_from_json(data, log.absolute().parent)
    except AnatomyGuidedError as error:
        raise LogError(f"{log.name}: {error}") from error


def _read_entry(numbered: tuple[int, str], path: Path) -> Entry:
    data = _json_object(numbered, path)
    command: Command
    try:
        command = command_from_json(data.get("command"))
    except AnatomyGuidedError as error:
        raise LogError(f"Line {numbered[0]} of {path.name}: {error}") from error
    state, digest = data.get("state"), data.get("mask_sha256")
    return Entry(
        str(data.get("sentence", "")),
        command,
        state if isinstance(state, int) else -1,
        str(digest or ""),
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()

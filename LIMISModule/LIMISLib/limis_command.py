"""`anatomyguided limis`: a session from sentences, one sentence's meaning, or a session run again."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.files import Outputs
from AnatomyGuidedLib.io import LABELMAP_FORMATS, split_scheme, write_labelmap

from LIMISLib.commands import Question
from LIMISLib.language import parse
from LIMISLib.session import Session
from LIMISLib.session_log import SessionLog, anatomy_source, open_session, read_log, replay, source, write_log
from LIMISLib.voice.hear import hear_files
from LIMISLib.voice.recognizer import DEFAULT, WAYS, SpeechRecognizer, recognizer
from LIMISLib.voice.speech import read_wav
from LIMISLib.voice.spoken_session import SpokenSession

_USAGE = """anatomyguided limis IMAGE [--anatomy LABELMAP[@SCHEME]] [--say "..."]... [--script FILE]... [--wav FILE]...
                           [--recognizer NAME] -o SEG --log LOG.jsonl [--force] [--json FILE]
       anatomyguided limis hear FILE.wav ... [--recognizer NAME] [--json FILE]
       anatomyguided limis parse "..." | - [--json FILE]
       anatomyguided limis replay LOG.jsonl [--image IMAGE] [--anatomy LABELMAP[@SCHEME]] -o SEG [--json FILE]"""

_EPILOG = """Sentences run in the order given. The first one that cannot be run (a question, a rejection, a structure
that is not there) ends the run with exit code 1, and nothing is written: say "left kidney", not "kidney".
The result is the current mask on the image's grid, with value 1; undone steps are not in it, but stay in the log.
Spoken sentences (--wav) that name a side or cannot be taken back are read back; the next sentence says yes or no.
A file called "parse", "hear" or "replay" is given as ./parse.

examples:
  anatomyguided limis ct.nii.gz --anatomy seg.nii.gz@totalsegmentator --say "segment the liver" \\
      --say "make the box ten pixels larger" -o liver.seg.nrrd --log liver.jsonl
  anatomyguided limis replay liver.jsonl -o again.seg.nrrd
  echo "move the box 5 mm left" | anatomyguided limis parse -"""

_OPTIONS = {
    "output": "-o",
    "log": "--log",
    "said": "--say, --script or --wav",
    "recognizer": "--recognizer",
    "anatomy": "--anatomy",
    "image": "--image",
    "force": "--force",
}


@dataclass(frozen=True)
class _Said:
    """What one --say, --script or --wav says: a sentence, or the file that holds it."""

    text: str
    kind: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.usage, parser.epilog = _USAGE, _EPILOG
    parser.add_argument("words", nargs="+", metavar="IMAGE", help="a CT; or parse SENTENCE; or replay LOG.jsonl")
    parser.add_argument("--anatomy", metavar="LABELMAP[@SCHEME]", help="where the structures are (a DAP label map)")
    parser.add_argument("--say", action="append", dest="said", type=_sentence, metavar="SENTENCE", help="a sentence")
    parser.add_argument(
        "--script", action="append", dest="said", type=_script, metavar="FILE", help="sentences, one a line; # comments"
    )
    parser.add_argument("--wav", action="append", dest="said", type=_wav, metavar="FILE", help="a spoken sentence")
    parser.add_argument("--recognizer", metavar="NAME", help=f"{WAYS} (default {DEFAULT})")
    parser.add_argument("-o", "--output", type=Path, metavar="SEG", help=".seg.nrrd, .nii.gz, .nii or .nrrd")
    parser.add_argument("--log", type=Path, metavar="LOG.jsonl", help="the session's log, to be replayed")
    parser.add_argument("--image", type=Path, metavar="IMAGE", help="replay on this image instead of the recorded one")
    parser.add_argument("--force", action="store_true", help="take the image for a CT whatever its histogram says")


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The states of the session, or the meanings of the sentences."""
    first, *rest = arguments.words
    if first == "parse":
        return _parse(rest, arguments, console)
    if first == "hear":
        _require_call(arguments, "anatomyguided limis hear", needed=frozenset(), allowed={"recognizer"})
        return hear_files(rest, arguments.recognizer or DEFAULT, console)
    if first == "replay":
        return _replay(rest, arguments, console, outputs)
    return _session(arguments, console, outputs)


def _sentence(text: str) -> _Said:
    return _Said(text, "sentence")


def _script(text: str) -> _Said:
    return _Said(text, "script")


def _wav(text: str) -> _Said:
    return _Said(text, "wav")


def _parse(sentences: list[str], arguments: argparse.Namespace, console: Console) -> Mapping[str, object]:
    _require_call(arguments, "anatomyguided limis parse", needed=frozenset())
    if not sentences:
        raise UsageError('anatomyguided limis parse: give a sentence, or "-" to read one a line.')
    meanings = []
    for sentence in _lines_of_input() if sentences == ["-"] else sentences:
        meanings.append(parse(sentence).to_json())
        console.line(json.dumps(meanings[-1], ensure_ascii=False))
    return {"meanings": meanings}


def _lines_of_input() -> Iterator[str]:
    try:
        for line in sys.stdin:
            yield line.rstrip("\r\n")
    except UnicodeDecodeError:
        raise AnatomyGuidedError("Standard input is no text in UTF-8, but sentences were expected.") from None


def _session(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    name = "anatomyguided limis IMAGE"
    _require_call(arguments, name, needed={"output", "log", "said"}, allowed={"anatomy", "force", "recognizer"})
    image_path = _only_file(arguments.words, name)
    sentences = _sentences(arguments.said)
    outputs.protect(image_path, arguments.anatomy and split_scheme(arguments.anatomy)[0])
    output, log_path = outputs.stage(arguments.output, formats=LABELMAP_FORMATS), outputs.stage(arguments.log)
    console.progress(0.0, "Reading the image")
    image = source(image_path)
    anatomy = anatomy_source(arguments.anatomy) if arguments.anatomy else None
    session = open_session(image, anatomy, force=arguments.force)
    spoken = SpokenSession(session, _recognizer(sentences, arguments.recognizer))
    for number, said in enumerate(sentences, start=1):
        console.progress(number / (len(sentences) + 1), said.text)
        _say(spoken, number, said, console, is_last=number == len(sentences))
    _write_result(session, output)
    write_log(
        SessionLog(image, anatomy, arguments.force, session.entries), log_path, folder=arguments.log.absolute().parent
    )
    console.progress(1.0, "Done")
    return _result(session, ())


def _replay(
    words: list[str], arguments: argparse.Namespace, console: Console, outputs: Outputs
) -> Mapping[str, object]:
    name = "anatomyguided limis replay"
    _require_call(arguments, name, needed={"output"}, allowed={"image", "anatomy"})
    log_path = _only_file(words, name)
    recorded = read_log(log_path)
    outputs.protect(log_path, recorded.image.path, recorded.anatomy.path if recorded.anatomy else None)
    outputs.protect(arguments.image, arguments.anatomy and split_scheme(arguments.anatomy)[0])
    output = outputs.stage(arguments.output, formats=LABELMAP_FORMATS)
    console.progress(0.0, "Replaying")
    run_again = replay(log_path, image=arguments.image, anatomy=arguments.anatomy)
    for note in run_again.notes:
        console.note(note)
    _write_result(run_again.session, output)
    console.progress(1.0, "Done")
    return _result(run_again.session, run_again.notes)


def _require_call(
    arguments: argparse.Namespace, name: str, *, needed: Set[str], allowed: Set[str] = frozenset()
) -> None:
    """Nothing if the call has the options it needs, and no others than these and the allowed ones.

    Raises:
        UsageError: It has not.
    """
    for option, shown in _OPTIONS.items():
        given = bool(getattr(arguments, option))
        if option in needed and not given:
            raise UsageError(f"{name}: {shown} is needed (see anatomyguided limis --help).")
        if given and option not in needed | allowed:
            raise UsageError(f"{name} takes no {shown} (see anatomyguided limis --help).")


def _only_file(words: list[str], name: str) -> Path:
    if len(words) != 1:
        raise UsageError(f"{name}: one file was expected, but {len(words)} were given.")
    return Path(words[0])


def _recognizer(sentences: list[_Said], name: str | None) -> SpeechRecognizer | None:
    """The recogniser, none where nothing was spoken."""
    spoken = any(said.kind == "wav" for said in sentences)
    if name and not spoken:
        raise UsageError("anatomyguided limis: --recognizer is for spoken sentences; give one with --wav.")
    return recognizer(name or DEFAULT) if spoken else None


def _sentences(said: list[_Said]) -> list[_Said]:
    """All sentences in the order of the call.

    Raises:
        UsageError: There are none.
    """
    sentences = [
        one
        for item in said
        for one in (map(_sentence, _script_lines(Path(item.text))) if item.kind == "script" else [item])
    ]
    if not sentences:
        raise UsageError("anatomyguided limis: the script holds no sentence.")
    return sentences


def _script_lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise AnatomyGuidedError(f"{path.name} is no text in UTF-8, but sentences were expected.") from None
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _say(spoken: SpokenSession, number: int, said: _Said, console: Console, *, is_last: bool) -> None:
    """Nothing; the sentence was done, or, if another one follows, read back for that to confirm.

    Raises:
        AnatomyGuidedError: It was not, with the reason.
    """
    if said.kind == "wav":
        heard, reply = spoken.hear(read_wav(Path(said.text)))
        name = f'{Path(said.text).name} ("{heard.text}")' if heard.text else Path(said.text).name
    else:
        reply = spoken.say(said.text)
        name = said.text if len(said.text) <= 60 else f"{said.text[:57]}..."
    if not reply.done and (is_last or not spoken.is_reading_back):
        what = "is a question" if isinstance(reply.interpretation, Question) else "was not done"
        raise AnatomyGuidedError(f'Sentence {number}, "{name}", {what}: {reply.text} Nothing was written.')
    console.note(f"{name}: {reply.text}")


def _write_result(session: Session, path: Path) -> None:
    write_labelmap(session.result(), path, [session.segment()])


def _result(session: Session, notes: tuple[str, ...]) -> Mapping[str, object]:
    state = session.current
    return {
        "structure": state.structure if state else None,
        "slice": state.slice_number if state else None,
        "state": state.number if state else None,
        "kept": session.kept.number if session.kept else None,
        "states": [
            {"state": known.number, "parent": known.parent, "mask_sha256": known.digest} for known in session.states
        ],
        "notes": list(notes),
    }

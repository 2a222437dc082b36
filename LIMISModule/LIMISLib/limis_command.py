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
from AnatomyGuidedLib.io import LABELMAP_FORMATS, split_scheme

from LIMISLib.commands import Question
from LIMISLib.finding.choose import FORMS, caution, choice_for
from LIMISLib.language import parse
from LIMISLib.participants.command import run_sitting
from LIMISLib.segmenters.registry import (
    DEFAULT,
    SegmenterChoice,
    listed_segmenters,
    open_segmenter,
    segmenter_choice,
)
from LIMISLib.session import Session
from LIMISLib.session_log import SessionLog, Watch, anatomy_source, open_session, read_log, replay, source, write_log
from LIMISLib.session_results import result_json, write_result
from LIMISLib.transcript import Line, line_of, transcript_page

_USAGE = """anatomyguided limis IMAGE [--anatomy LABELMAP[@SCHEME]] [--finder FINDER] [--segmenter NAME[:PLACE]]
                           [--allow-remote] [--say "..."]... [--script FILE]...
                           -o SEG --log LOG.jsonl [--force] [--json FILE]
       anatomyguided limis parse "..." | - [--json FILE]
       anatomyguided limis replay LOG.jsonl [--image IMAGE] [--anatomy LABELMAP[@SCHEME]]
                           [--segmenter NAME:PLACE] [--allow-remote] [-o SEG] [--html PAGE.html] [--json FILE]
       anatomyguided limis study CASES.csv --participant P1 [--config FILE] -o DIR [--json FILE]"""

_EPILOG = """Sentences run in the order given. The first one that cannot be run (a question, a rejection, a structure
that is not there) ends the run with exit code 1, and nothing is written: say "left kidney", not "kidney".
The result is the current mask on the image's grid, with value 1; undone steps are not in it, but stay in the log.
Without an anatomy a small network, a demonstration model, finds eleven organs: check its boxes.
A file called "parse", "replay" or "study" is given as ./parse.
A study reads sentences from standard input, and keeps all of a participant's session in a folder (docs/studies.md).

examples:
  anatomyguided limis ct.nii.gz --anatomy seg.nii.gz@totalsegmentator --say "segment the liver" \\
      --say "make the box ten pixels larger" -o liver.seg.nrrd --log liver.jsonl
  anatomyguided limis replay liver.jsonl -o again.seg.nrrd --html liver.html
  echo "move the box 5 mm left" | anatomyguided limis parse -"""

_OPTIONS = {
    "output": "-o",
    "log": "--log",
    "said": "--say or --script",
    "anatomy": "--anatomy",
    "finder": "--finder",
    "image": "--image",
    "force": "--force",
    "html": "--html",
    "participant": "--participant",
    "config": "--config",
    "segmenter": "--segmenter",
    "allow_remote": "--allow-remote",
}

_SEGMENTER = ("segmenter", "allow_remote")


@dataclass(frozen=True)
class _Said:
    """Sentences from one --say or --script."""

    text: str
    is_script: bool


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.usage, parser.epilog = _USAGE, _EPILOG
    parser.add_argument("words", nargs="+", metavar="IMAGE", help="a CT; or parse SENTENCE; replay LOG; study CSV")
    parser.add_argument("--anatomy", metavar="LABELMAP[@SCHEME]", help="where the structures are (a DAP label map)")
    parser.add_argument("--finder", metavar="FINDER", default="", help=f"what finds boxes: {'; '.join(FORMS.values())}")
    parser.add_argument("--say", action="append", dest="said", type=_sentence, metavar="SENTENCE", help="a sentence")
    parser.add_argument(
        "--script", action="append", dest="said", type=_script, metavar="FILE", help="sentences, one a line; # comments"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="SEG", help=".seg.nrrd, .nii.gz, .nii or .nrrd")
    parser.add_argument("--log", type=Path, metavar="LOG.jsonl", help="the session's log, to be replayed")
    parser.add_argument("--image", type=Path, metavar="IMAGE", help="replay on this image instead of the recorded one")
    parser.add_argument("--html", type=Path, metavar="PAGE.html", help="replay: a transcript with a picture a step")
    parser.add_argument("--participant", metavar="P1", help="study: the participant's sign, no name")
    parser.add_argument("--config", type=Path, metavar="FILE", help="study: settings (.json or .toml)")
    parser.add_argument(
        "--segmenter",
        metavar="NAME[:PLACE]",
        help=f"what makes masks of boxes and clicks: {listed_segmenters()} (default: {DEFAULT})",
    )
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="the segmenter's server may be another machine, which gets the image",
    )
    parser.add_argument("--force", action="store_true", help="take the image for a CT whatever its histogram says")


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The states of the session, or the meanings of the sentences."""
    first, *rest = arguments.words
    if first == "parse":
        return _parse(rest, arguments, console)
    if first == "replay":
        return _replay(rest, arguments, console, outputs)
    if first == "study":
        return _study(rest, arguments, console)
    return _session(arguments, console, outputs)


def _sentence(text: str) -> _Said:
    return _Said(text, is_script=False)


def _script(text: str) -> _Said:
    return _Said(text, is_script=True)


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
    _require_call(
        arguments, name, needed={"output", "log", "said"}, allowed={"anatomy", "finder", "force", *_SEGMENTER}
    )
    choice = choice_for(arguments.finder, has_anatomy=bool(arguments.anatomy))
    image_path = _only_file(arguments.words, name)
    sentences = _sentences(arguments.said)
    outputs.protect(image_path, arguments.anatomy and split_scheme(arguments.anatomy)[0])
    output, log_path = outputs.stage(arguments.output, formats=LABELMAP_FORMATS), outputs.stage(arguments.log)
    made_by = segmenter_choice(arguments.segmenter or DEFAULT)
    segmenter = open_segmenter(made_by, allow_remote=arguments.allow_remote)
    used = SegmenterChoice(made_by.name, made_by.place, segmenter.weights_sha256)
    console.progress(0.0, "Reading the image")
    image = source(image_path)
    anatomy = anatomy_source(arguments.anatomy) if arguments.anatomy else None
    session = open_session(image, anatomy, force=arguments.force, finder=arguments.finder, segmenter=segmenter)
    if caution(choice):
        console.note(caution(choice))
    for number, sentence in enumerate(sentences, start=1):
        console.progress(number / (len(sentences) + 1), sentence)
        _say(session, number, sentence, console)
    write_result(session, output)
    log = SessionLog(image, anatomy, arguments.force, session.entries, arguments.finder, used)
    write_log(log, log_path, folder=arguments.log.absolute().parent)
    console.progress(1.0, "Done")
    return {**result_json(session, ()), "finder": choice.text}


def _replay(
    words: list[str], arguments: argparse.Namespace, console: Console, outputs: Outputs
) -> Mapping[str, object]:
    name = "anatomyguided limis replay"
    _require_call(arguments, name, needed=frozenset(), allowed={"image", "anatomy", "output", "html", *_SEGMENTER})
    if not arguments.output and not arguments.html:
        raise UsageError(f"{name}: -o or --html is needed (see anatomyguided limis --help).")
    log_path = _only_file(words, name)
    recorded = read_log(log_path)
    outputs.protect(log_path, recorded.image.path, recorded.anatomy.path if recorded.anatomy else None)
    outputs.protect(arguments.image, arguments.anatomy and split_scheme(arguments.anatomy)[0])
    output = arguments.output and outputs.stage(arguments.output, formats=LABELMAP_FORMATS)
    page = arguments.html and outputs.stage(arguments.html, formats=(".html",))
    console.progress(0.0, "Replaying")
    lines: list[Line] = []
    watch: Watch = (lambda *step: lines.append(line_of(*step))) if page else (lambda *_: None)
    run_again = replay(
        log_path,
        image=arguments.image,
        anatomy=arguments.anatomy,
        segmenter=arguments.segmenter,
        allow_remote=arguments.allow_remote,
        watch=watch,
    )
    for note in run_again.notes:
        console.note(note)
    if output:
        write_result(run_again.session, output)
    if page:
        page.write_text(transcript_page(f"Session {log_path.stem}", lines, run_again.notes), encoding="utf-8")
    console.progress(1.0, "Done")
    return result_json(run_again.session, run_again.notes)


def _study(words: list[str], arguments: argparse.Namespace, console: Console) -> Mapping[str, object]:
    name = "anatomyguided limis study"
    _require_call(arguments, name, needed={"output", "participant"}, allowed={"config"})
    return run_sitting(_only_file(words, name), arguments.participant, arguments.output, arguments.config, console)


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


def _sentences(said: list[_Said]) -> list[str]:
    """All sentences in the order of the call.

    Raises:
        UsageError: There are none.
    """
    sentences = [line for item in said for line in (_script_lines(Path(item.text)) if item.is_script else [item.text])]
    if not sentences:
        raise UsageError("anatomyguided limis: the script holds no sentence.")
    return sentences


def _script_lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise AnatomyGuidedError(f"{path.name} is no text in UTF-8, but sentences were expected.") from None
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _say(session: Session, number: int, sentence: str, console: Console) -> None:
    """Nothing; the sentence was done.

    Raises:
        AnatomyGuidedError: It was not, with the reason.
    """
    reply = session.say(sentence)
    shown = sentence if len(sentence) <= 60 else f"{sentence[:57]}..."
    if not reply.done:
        what = "is a question" if isinstance(reply.interpretation, Question) else "was not done"
        raise AnatomyGuidedError(f'Sentence {number}, "{shown}", {what}: {reply.text} Nothing was written.')
    console.note(f"{sentence}: {reply.text}")

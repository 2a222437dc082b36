"""`anatomyguided limis`: a session of sentences on an image; its replay; what sentences mean; a participant's study."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.files import Outputs

from LIMISLib.command_line.options import SEGMENTER_OPTIONS, only_file, require_call, segmenter_of
from LIMISLib.command_line.parse_form import run_parse
from LIMISLib.command_line.replay_form import run_replay
from LIMISLib.command_line.sentences import script, sentence, wav
from LIMISLib.command_line.session_form import run_session
from LIMISLib.finding.choose import FORMS
from LIMISLib.participants.command import run_sitting
from LIMISLib.participants.tools import Tools
from LIMISLib.segmenters import registry
from LIMISLib.voice import recognizer
from LIMISLib.voice.enrolment import enrol_files, print_sentences
from LIMISLib.voice.hear import hear_files
from LIMISLib.voice.voice_file import SUFFIX

_USAGE = """anatomyguided limis IMAGE [--anatomy LABELMAP[@SCHEME]] [--finder FINDER] [--segmenter NAME[:PLACE]]
                           [--allow-remote] [--say "..."]... [--script FILE]... [--wav FILE]... [--recognizer NAME]
                           [--language-model FOLDER] -o SEG --log LOG.jsonl [--force] [--json FILE]
       anatomyguided limis hear FILE.wav ... [--recognizer NAME] [--json FILE]
       anatomyguided limis enrol [FILE.wav ... -o VOICE.npz] [--json FILE]
       anatomyguided limis parse "..." | - [--json FILE]
       anatomyguided limis replay LOG.jsonl [--image IMAGE] [--anatomy LABELMAP[@SCHEME]]
                           [--segmenter NAME:PLACE] [--allow-remote] [--force] [-o SEG] [--html PAGE.html]
                           [--json FILE]
       anatomyguided limis study CASES.csv --participant P1 [--config FILE] [--finder FINDER]
                           [--segmenter NAME[:PLACE]] [--allow-remote] -o DIR [--json FILE]"""

_EPILOG = """Sentences run in the order given. The first one that cannot be run (a question, a rejection, a structure
that is not there) ends the run with exit code 1, and nothing is written: say "left kidney", not "kidney".
The result is the current mask on the image's grid, with value 1; undone steps are not in it, but stay in the log.
Spoken sentences (--wav) that name a side or cannot be taken back are read back; the next sentence says yes or no.
Without an anatomy a small network, a demonstration model, finds eleven organs: check its boxes.
Who is often misheard says sixteen sentences once (enrol prints them) and names the voice: --recognizer
pocketsphinx:VOICE.npz. Any session learns its speaker's voice from the sentences that were done, and forgets it after.
A file called "parse", "hear", "enrol", "replay" or "study" is given as ./parse.
A study reads sentences from standard input, and keeps all of a participant's session in a folder (docs/studies.md).

examples:
  anatomyguided limis ct.nii.gz --anatomy seg.nii.gz@totalsegmentator --say "segment the liver" \\
      --say "make the box ten pixels larger" -o liver.seg.nrrd --log liver.jsonl
  anatomyguided limis ct.nii.gz --anatomy seg.nii.gz --wav liver.wav -o liver.seg.nrrd --log liver.jsonl
  anatomyguided limis enrol s01.wav s02.wav ... s16.wav -o my-voice.npz
  anatomyguided limis replay liver.jsonl -o again.seg.nrrd --html liver.html
  echo "move the box 5 mm left" | anatomyguided limis parse -"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing; the parser knows this command's options."""
    parser.usage, parser.epilog = _USAGE, _EPILOG
    parser.add_argument(
        "words", nargs="+", metavar="IMAGE", help="a CT; or hear WAV; enrol WAV; parse SENTENCE; replay LOG; study CSV"
    )
    parser.add_argument("--anatomy", metavar="LABELMAP[@SCHEME]", help="where the structures are (a DAP label map)")
    parser.add_argument("--finder", metavar="FINDER", default="", help=f"what finds boxes: {'; '.join(FORMS.values())}")
    parser.add_argument("--say", action="append", dest="said", type=sentence, metavar="SENTENCE", help="a sentence")
    parser.add_argument(
        "--script", action="append", dest="said", type=script, metavar="FILE", help="sentences, one a line; # comments"
    )
    parser.add_argument("--wav", action="append", dest="said", type=wav, metavar="FILE", help="a spoken sentence")
    parser.add_argument("--recognizer", metavar="NAME", help=f"{recognizer.WAYS} (default {recognizer.DEFAULT})")
    parser.add_argument("-o", "--output", type=Path, metavar="SEG", help=".seg.nrrd, .nii.gz, .nii or .nrrd")
    parser.add_argument("--log", type=Path, metavar="LOG.jsonl", help="the session's log, to be replayed")
    parser.add_argument("--image", type=Path, metavar="IMAGE", help="replay on this image instead of the recorded one")
    parser.add_argument("--html", type=Path, metavar="PAGE.html", help="replay: a transcript with a picture a step")
    parser.add_argument("--participant", metavar="P1", help="study: the participant's sign, no name")
    parser.add_argument("--config", type=Path, metavar="FILE", help="study: settings (.json or .toml)")
    parser.add_argument(
        "--language-model",
        type=Path,
        metavar="FOLDER",
        help="a local causal language model that proposes commands for sentences that are none; each is asked about",
    )
    parser.add_argument(
        "--segmenter",
        metavar="NAME[:PLACE]",
        help=f"what makes masks of boxes and clicks: {registry.listed_segmenters()} (default: {registry.DEFAULT})",
    )
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="the segmenter's server may be another machine, which gets the image",
    )
    parser.add_argument("--force", action="store_true", help="take the image for a CT whatever its histogram says")


def run(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The states of the session, or the meanings of the sentences."""
    form, *rest = arguments.words
    if form == "parse":
        return run_parse(rest, arguments, console)
    if form == "hear":
        require_call(arguments, "anatomyguided limis hear", allowed={"recognizer"})
        return hear_files(rest, arguments.recognizer or recognizer.DEFAULT, console)
    if form == "enrol":
        return _run_enrolment(rest, arguments, console, outputs)
    if form == "replay":
        return run_replay(rest, arguments, console, outputs)
    if form == "study":
        return _run_study(rest, arguments, console)
    return run_session(arguments, console, outputs)


def _run_enrolment(
    words: list[str], arguments: argparse.Namespace, console: Console, outputs: Outputs
) -> Mapping[str, object]:
    if not words:
        require_call(arguments, "anatomyguided limis enrol")
        return print_sentences(console)
    require_call(arguments, "anatomyguided limis enrol", needed={"output"})
    outputs.protect(*map(Path, words))
    return enrol_files(words, outputs.stage(arguments.output, formats=(SUFFIX,)), console)


def _run_study(words: list[str], arguments: argparse.Namespace, console: Console) -> Mapping[str, object]:
    name = "anatomyguided limis study"
    require_call(arguments, name, needed={"output", "participant"}, allowed={"config", "finder", *SEGMENTER_OPTIONS})
    tools = Tools(arguments.finder, *segmenter_of(arguments))
    table, sign = only_file(words, name), arguments.participant
    return run_sitting(table, sign, arguments.output, console, settings=arguments.config, tools=tools)

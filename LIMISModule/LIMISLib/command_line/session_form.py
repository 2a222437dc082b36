"""`anatomyguided limis IMAGE`: a session from the first sentence to the mask and its log."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.files import Outputs
from AnatomyGuidedLib.io import LABELMAP_FORMATS, split_scheme

from LIMISLib.command_line.options import SEGMENTER_OPTIONS, only_file, proposer_of, require_call, segmenter_of
from LIMISLib.command_line.sentences import Said, all_sentences
from LIMISLib.commands import Question
from LIMISLib.finding.choose import caution, choice_for
from LIMISLib.session_log import SessionLog, anatomy_source, open_session, source, write_log
from LIMISLib.session_results import result_json, write_result
from LIMISLib.voice.recognizer import DEFAULT, SpeechRecognizer, recognizer
from LIMISLib.voice.speech import read_wav
from LIMISLib.voice.spoken_session import SpokenSession

_NAME = "anatomyguided limis IMAGE"
_ALLOWED = {"anatomy", "finder", "force", "language_model", "recognizer", *SEGMENTER_OPTIONS}


def run_session(arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]:
    """The states of the session; its mask and log are written.

    Raises:
        AnatomyGuidedError: An input cannot be used, or a sentence cannot be run.
    """
    require_call(arguments, _NAME, needed={"output", "log", "said"}, allowed=_ALLOWED)
    choice = choice_for(arguments.finder, has_anatomy=bool(arguments.anatomy))
    image_path = only_file(arguments.words, _NAME)
    sentences = all_sentences(arguments.said)
    hearing = _recognizer(sentences, arguments.recognizer)
    outputs.protect(image_path, arguments.anatomy and split_scheme(arguments.anatomy)[0])
    output, log_path = outputs.stage(arguments.output, formats=LABELMAP_FORMATS), outputs.stage(arguments.log)
    used, segmenter = segmenter_of(arguments)
    console.progress(0.0, "Reading the image")
    image = source(image_path)
    anatomy = anatomy_source(arguments.anatomy) if arguments.anatomy else None
    session = open_session(image, anatomy, force=arguments.force, finder=arguments.finder, segmenter=segmenter)
    session.proposer = proposer_of(arguments)
    if caution(choice):
        console.note(caution(choice))
    spoken = SpokenSession(session, hearing)
    for number, said in enumerate(sentences, start=1):
        console.progress(number / (len(sentences) + 1), said.shown)
        _say(spoken, number, said, console, is_last=number == len(sentences))
    write_result(session, output)
    log = SessionLog(image, anatomy, arguments.force, session.entries, arguments.finder, used)
    write_log(log, log_path, folder=arguments.log.absolute().parent)
    console.progress(1.0, "Done")
    return {**result_json(session, ()), "finder": choice.text}


def _recognizer(sentences: list[Said], name: str | None) -> SpeechRecognizer | None:
    """The recogniser, none where nothing was spoken."""
    is_spoken = any(said.is_spoken for said in sentences)
    if name and not is_spoken:
        raise UsageError("anatomyguided limis: --recognizer is for spoken sentences; give one with --wav.")
    return recognizer(name or DEFAULT) if is_spoken else None


def _say(spoken: SpokenSession, number: int, said: Said, console: Console, *, is_last: bool) -> None:
    """Nothing; the sentence was done, or, if another one follows, read back for that to confirm.

    Raises:
        AnatomyGuidedError: It was not, with the reason.
    """
    shown = said.shown
    if said.is_spoken:
        heard, reply = spoken.hear(read_wav(Path(said.text)))
        shown = f'{shown} ("{heard.text}")' if heard.text else shown
    else:
        reply = spoken.say(said.text)
    if not reply.done and (is_last or not spoken.is_reading_back):
        what = "is a question" if isinstance(reply.interpretation, Question) else "was not done"
        raise AnatomyGuidedError(f'Sentence {number}, "{shown}", {what}: {reply.text} Nothing was written.')
    console.note(f"{shown}: {reply.text}")

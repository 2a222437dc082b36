"""The command `anatomyguided`: a table of commands, each loaded only when it is called."""

from __future__ import annotations

import argparse
import errno
import importlib
import json
import logging
import os
import re
import signal
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import NoReturn, Protocol, TextIO, cast

from AnatomyGuidedLib import __version__
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, CasesFailed, UsageError
from AnatomyGuidedLib.files import Outputs, write_json
from AnatomyGuidedLib.output_names import output_file
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled
from AnatomyGuidedLib.progress_lines import ProgressLines

COMMANDS: Mapping[str, tuple[str, str]] = {
    "atlas": ("DAPAtlasLib.atlas_command", "name every voxel of a CT with the DAP Atlas labels"),
    "rules": ("DAPAtlasLib.rules_command", "repair a label map with anatomical rules, and say what they found"),
    "plausibility": ("DAPAtlasLib.plausibility_command", "say how far to trust each structure of a label map, and why"),
    "dataset": ("DAPAtlasLib.dataset_command", "label a cohort of CTs: select, label, filter, describe, review"),
    "lesions": (
        "PathologySegLib.lesions_command",
        "find lesions in a PET/CT, or findings on a chest film, and list them",
    ),
    "limis": (
        "LIMISLib.limis_command",
        "correct a mask by typed or spoken language; parse a sentence; replay a session",
    ),
    "evaluate": ("CCMetricsLib.evaluate_command", "score a segmentation lesion by lesion"),
    "study": ("AnatomyGuidedLib.study_command", "run a study of the thesis and plot it"),
    "phantom": ("AnatomyGuidedLib.phantom_command", "make a patient: CT, PET, anatomy and lesions"),
    "train": ("AnatomyGuidedLib.train_command", "train a network by a recipe, and go on where a training was stopped"),
    "evaluate-atlas": ("DAPAtlasLib.evaluate_atlas_command", "score an atlas model on CTs with reference labels"),
    "models": ("AnatomyGuidedLib.models_command", "list the models that are installed"),
    "demo": ("AnatomyGuidedLib.demo_command", "run all four modules and write a report with pictures"),
}

_TAKES_EMPTY_WORDS = ("limis",)  # an empty sentence is answered, not refused

DONE, FAILED, WRONG_CALL, STOPPED = 0, 1, 2, 130


class Command(Protocol):
    """What a command's module offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace, console: Console, outputs: Outputs) -> Mapping[str, object]: ...


@dataclass(frozen=True)
class Console:
    """Where a command speaks: results to standard output; progress and notes to standard error."""

    progress: Progress
    cancelled: CancelCheck = never_cancelled
    note_stream: TextIO | None = None
    result_stream: TextIO | None = None

    def note(self, text: str) -> None:
        """Nothing; the person reads the sentence on standard error."""
        stream = self.note_stream or sys.stderr
        stream.write(text + "\n")
        stream.flush()

    def line(self, text: str) -> None:
        """Nothing; the line goes to standard output, for people and pipes."""
        stream = self.result_stream or sys.stdout
        stream.write(text + "\n")
        stream.flush()


def program() -> int:
    """`main` as a process of its own: what nobody foresaw ends in a sentence too."""
    sys.excepthook = _unexpected
    return main()


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0; 1 an input is bad or a case failed; 2 the call is wrong; 130 stopped by the user."""
    _stop_on_termination()
    _keep_libraries_quiet()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        namespace, command = parse_arguments(words)
        execute(namespace, command, _console(namespace.progress))
    except (Cancelled, KeyboardInterrupt) as stop:
        return _said(str(stop) or "Stopped; nothing was written.", STOPPED)
    except UsageError as error:
        return _said(str(error), WRONG_CALL)
    except AnatomyGuidedError as error:
        return _said(str(error), FAILED)
    return DONE


def execute(namespace: argparse.Namespace, command: Command, console: Console) -> Mapping[str, object]:
    """The command's result; its files appear all together, or none.

    Raises:
        AnatomyGuidedError: An input is bad, the disk is full, or the memory is not enough.
        CasesFailed: Some of many cases failed; the files of the others are there.
    """
    try:
        with Outputs() as outputs:
            staged = [outputs.stage(path) for path in (namespace.json, namespace.result) if path]
            result, failure = _run(command, namespace, console, outputs)
            for path in staged:
                write_json(path, result)
    except MemoryError as error:
        raise AnatomyGuidedError(
            "The machine's memory is not enough for this image; crop it or give it coarser voxels."
        ) from error
    except OSError as error:
        raise AnatomyGuidedError(_os_error_sentence(error)) from error
    if failure:
        raise failure
    return result


def _run(
    command: Command, namespace: argparse.Namespace, console: Console, outputs: Outputs
) -> tuple[Mapping[str, object], CasesFailed | None]:
    """The result; where some cases failed, that of the others and the error to end with."""
    try:
        return command.run(namespace, console, outputs), None
    except CasesFailed as failed:
        return failed.result, failed


def parse_arguments(words: Sequence[str]) -> tuple[argparse.Namespace, Command]:
    """The parsed options and the module of the command that the words name.

    Raises:
        UsageError: The words are no call of this program.
    """
    try:
        return _parsed(list(words))
    except UsageError as error:
        raise UsageError(_without_folders(str(error), words)) from error


def _without_folders(message: str, words: Sequence[str]) -> str:
    """The message with the words' paths cut down to names: a folder may be called after a patient."""
    for word in words:
        for path in (word, word.partition("=")[2]):
            name = re.split(r"[/\\]", path.rstrip("/\\"))[-1]
            message = message.replace(repr(path)[1:-1], name).replace(path, name) if path else message
    return message


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message} (see {self.prog} --help).")


def _parsed(words: list[str]) -> tuple[argparse.Namespace, Command]:
    top = _top_parser()
    name = words[0] if words else "--help"
    if name not in COMMANDS:
        top.parse_args(words or ["--help"])
        raise UsageError(f"anatomyguided: no command was given; choose one of {', '.join(COMMANDS)}.")
    if "" in words and name not in _TAKES_EMPTY_WORDS:
        raise UsageError(f"anatomyguided {name}: an argument is empty, but a name or value was expected.")
    module, summary = COMMANDS[name]
    command = cast(Command, importlib.import_module(module))
    parser = _Parser(
        prog=f"anatomyguided {name}",
        description=f"{summary[0].upper()}{summary[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--json", type=output_file(), metavar="FILE", help="write the machine-readable result here")
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)  # as --json, for a runner
    parser.add_argument("--progress", choices=("text", "json", "none"), default="text", help=argparse.SUPPRESS)
    command.configure(parser)
    return parser.parse_args(words[1:]), command


def _top_parser() -> _Parser:
    listing = "\n".join(f"  {name:14} {summary}" for name, (_, summary) in COMMANDS.items())
    parser = _Parser(
        prog="anatomyguided",
        description="Anatomical knowledge through the whole life of a segmentation.",
        epilog=f"commands:\n{listing}\n\nanatomyguided COMMAND --help shows a command's options and examples.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="anatomyguided COMMAND ...",
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of the commands below")
    parser.add_argument("--version", action="version", version=f"anatomyguided {__version__}")
    return parser


def _console(style: str) -> Console:
    text = _text_progress if sys.stderr.isatty() else ProgressLines(_logged)
    return Console(progress={"text": text, "json": _json_progress, "none": lambda *_: None}[style])


def _text_progress(fraction: float, text: str) -> None:
    sys.stderr.write(f"\r\033[K{fraction:4.0%} {text}" + ("\n" if fraction >= 1 else ""))
    sys.stderr.flush()


def _logged(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()


def _json_progress(fraction: float, text: str) -> None:
    sys.stderr.write(json.dumps({"progress": round(fraction, 4), "text": text}) + "\n")
    sys.stderr.flush()


def _unexpected(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    """Python's last resort: one sentence, and where it happened only when asked, since that shows folders."""
    if os.environ.get("ANATOMYGUIDED_DEBUG"):
        sys.__excepthook__(kind, fault, trace)
        return
    _said(
        f"An unexpected fault stopped the work ({kind.__name__}); nothing was written. Please report it with the "
        "command and what ANATOMYGUIDED_DEBUG=1 shows.",
        FAILED,
    )


def _said(text: str, code: int) -> int:
    start = "\r\033[K" if sys.stderr.isatty() else ""  # over the line that shows progress
    sys.stderr.write(start + " ".join(text.split()) + "\n")
    return code


def _os_error_sentence(error: OSError) -> str:
    name = Path(str(error.filename)).name if error.filename else "the output"
    if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return "The disk is full: the output could not be written and was removed; free some space and run again."
    return (
        f"{name} cannot be read or written ({error.strerror or error}); check that it exists and that you may use it."
    )


def _keep_libraries_quiet() -> None:
    """Nothing; standard error is for our own sentences, since libraries also report what a refusal says better."""
    logging.basicConfig(level=logging.CRITICAL + 1, format="%(message)s")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _stop_on_termination() -> None:
    def stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second request must not disturb the tidying up
        raise Cancelled

    signal.signal(signal.SIGTERM, stop)


if __name__ == "__main__":
    sys.exit(program())

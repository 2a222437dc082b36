"""`anatomyguided limis replay`: a log's commands run again, to the same mask, and a transcript of them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.files import Outputs
from AnatomyGuidedLib.io import LABELMAP_FORMATS, split_scheme

from LIMISLib.command_line.options import SEGMENTER_OPTIONS, only_file, require_call
from LIMISLib.session_log import Watch, read_log, replay
from LIMISLib.session_results import result_json, write_result
from LIMISLib.transcript import Line, line_of, transcript_page

_NAME = "anatomyguided limis replay"


def run_replay(
    words: list[str], arguments: argparse.Namespace, console: Console, outputs: Outputs
) -> Mapping[str, object]:
    """The states of the replayed session; its mask, its transcript or both are written."""
    require_call(arguments, _NAME, allowed={"image", "anatomy", "output", "html", "force", *SEGMENTER_OPTIONS})
    if not arguments.output and not arguments.html:
        raise UsageError(f"{_NAME}: -o or --html is needed (see anatomyguided limis --help).")
    log_path = only_file(words, _NAME)
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
        force=arguments.force,
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

"""`anatomyguided limis parse`: what sentences mean, without an image."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError

from LIMISLib.command_line.options import proposer_of, require_call
from LIMISLib.language import parse
from LIMISLib.language.proposer import with_proposals


def run_parse(sentences: list[str], arguments: argparse.Namespace, console: Console) -> Mapping[str, object]:
    """The meanings of the sentences, or of the lines of standard input; each is also printed as a line of JSON."""
    require_call(arguments, "anatomyguided limis parse", allowed={"language_model"})
    if not sentences:
        raise UsageError('anatomyguided limis parse: give a sentence, or "-" to read one a line.')
    proposer = proposer_of(arguments)
    meanings = []
    for sentence in _lines_of_input() if sentences == ["-"] else sentences:
        meanings.append(with_proposals(sentence, parse(sentence), proposer).to_json())
        console.line(json.dumps(meanings[-1], ensure_ascii=False))
    return {"meanings": meanings}


def _lines_of_input() -> Iterator[str]:
    try:
        for line in sys.stdin:
            yield line.rstrip("\r\n")
    except UnicodeDecodeError:
        raise AnatomyGuidedError("Standard input is no text in UTF-8, but sentences were expected.") from None

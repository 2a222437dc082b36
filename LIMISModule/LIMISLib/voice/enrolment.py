"""`anatomyguided limis enrol`: a new speaker says sixteen sentences once, and is heard better from then on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.progress import stop_if

from LIMISLib.voice.speech import read_wav
from LIMISLib.voice.sphinx import Sphinx

_FILE = Path(__file__).parents[1] / "data" / "enrolment.txt"
_FEWEST = 10
_NAME = "anatomyguided limis enrol"


@cache
def enrolment_sentences() -> tuple[str, ...]:
    """The sentences that a new speaker says: all English phones are in them, and the commonest words of commands.

    >>> enrolment_sentences()[0]
    'segment the left kidney on slice forty two'
    """
    return tuple(_FILE.read_text(encoding="utf-8").splitlines())


def print_sentences(console: Console) -> Mapping[str, object]:
    """The sentences; they go to standard output, one a line."""
    for sentence in enrolment_sentences():
        console.line(sentence)
    return {"sentences": list(enrolment_sentences())}


def enrol_files(names: Sequence[str], output: Path, console: Console) -> Mapping[str, object]:
    """How many sentences the voice was learned from, and which files were left out; the voice is in the output.

    Raises:
        UsageError: There is not one file for each sentence.
        AnatomyGuidedError: A file cannot be read, or in too many of them something else is said.
    """
    wanted = enrolment_sentences()
    if len(names) != len(wanted):
        raise UsageError(
            f"{_NAME}: {len(wanted)} WAV files were expected, one for each sentence in their order, "
            f"but {len(names)} were given; {_NAME} alone prints the sentences."
        )
    sounds = [read_wav(Path(name)) for name in names]
    sphinx, left_out = Sphinx(), []
    for number, (name, sound, sentence) in enumerate(zip(names, sounds, wanted, strict=True)):
        stop_if(console.cancelled)
        console.progress(number / len(wanted), sentence)
        if not sphinx.learn(sound, sentence):
            left_out.append(Path(name).name)
            console.note(f'{left_out[-1]} is left out: it does not sound like "{sentence}".')
    if sphinx.voice.sentences < _FEWEST:
        raise AnatomyGuidedError(
            f"Only {sphinx.voice.sentences} of {len(wanted)} files sound like their sentences, but at least {_FEWEST} "
            "are needed; check their order, and record in a quiet room. Nothing was written."
        )
    sphinx.save_voice(output)
    console.progress(1.0, "Done")
    return {"sentences": sphinx.voice.sentences, "left_out": left_out}

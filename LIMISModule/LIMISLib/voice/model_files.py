"""The files that pocketsphinx reads: a dictionary, the language model, its word classes, and a list of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from LIMISLib.voice.language_model import LanguageModel, class_definitions, class_token
from LIMISLib.voice.pronunciations import dictionary_text, phrase_pronunciations, pronunciations
from LIMISLib.voice.refusals import REFUSING, refusals, refusing_words
from LIMISLib.voice.spoken_sentences import choices, sentences
from LIMISLib.voice.word_classes import word_classes

NAME = "commands"

_DICTIONARY, _MODEL, _CLASSES, _CONTROL = "words.dict", "commands.arpa", "classes.def", "commands.ctl"
_ANSWERS = ("yes", "no", "last", "option", "one")  # words of answers that may be in no command


@dataclass(frozen=True)
class ModelFiles:
    """Where the dictionary and the control file lie, and which words have a pronunciation."""

    dictionary: Path
    control: Path
    words: frozenset[str]


def all_said() -> Mapping[tuple[str, ...], float]:
    """Commands and refusals, each with how often it is said."""
    commands = sentences()
    said = defaultdict(float, commands)
    for line, times in refusals(sum(commands.values())).items():
        said[line] += times
    return said


def write_model(folder: Path, general_dictionary: Path) -> ModelFiles:
    """The model's files, written into the folder; the folder may go once the decoder has read them."""
    texts, known = _texts(general_dictionary)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return ModelFiles(folder / _DICTIONARY, folder / _CONTROL, known)


@cache
def _texts(general_dictionary: Path) -> tuple[Mapping[str, str], frozenset[str]]:
    """What stands in each file, and which words have a pronunciation; made once, since it takes a while."""
    model = LanguageModel(all_said(), choices(), only_first=(f"[{REFUSING}]",))
    classes = {**word_classes(), REFUSING: refusing_words()}
    plain = {word for word in model.words if not word.startswith(("[", "<"))}
    parts = {part for phrases in classes.values() for phrase in phrases for part in phrase.split()}
    known = pronunciations({*plain, *parts, *_ANSWERS}, general_dictionary)
    of_classes = {
        class_token(phrase, name): phrase_pronunciations(phrase, known)
        for name, phrases in classes.items()
        for phrase in phrases
    }
    texts = {
        _DICTIONARY: dictionary_text({**known, **of_classes}),
        _MODEL: model.arpa(),
        _CLASSES: class_definitions(classes),
        _CONTROL: _control(classes),
    }
    return texts, frozenset(known)


def _control(classes: Iterable[str]) -> str:
    """Which files and classes the model has. It is split at white space: the files are named without their folder."""
    names = "\n".join(f"[{name}]" for name in classes)
    return f"{{ {_CLASSES} }}\n{_MODEL} {NAME} {{\n{names}\n}}\n"

"""An optional helper for sentences that are no command: it proposes one, the grammar checks it, the person confirms it.

Nothing of it ever runs by itself. A local language model is one such helper; it is off unless a folder is named.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from AnatomyGuidedLib.errors import AnatomyGuidedError

from LIMISLib.commands import Command, Interpretation, Question
from LIMISLib.language.near_readings import question_between
from LIMISLib.language.parsing import is_no_command, parse

_MOST_ASKED = 2
_LONGEST_ANSWER = 24  # tokens
_EXAMPLES = (
    ("enlarge that rectangle by ten", "make the box 10 pixels larger"),
    ("I would go with the spleen of this patient", "segment the spleen"),
    ("it spills over into the stomach", "the mask is oversegmented"),
    ("take a step back please", "undo"),
    ("a bit more certainty would be nice", "raise the threshold"),
    ("what is the weather like", "none"),
)


class CommandProposer(Protocol):
    """What rewrites a sentence that is no command."""

    @property
    def name(self) -> str: ...

    def propose(self, sentence: str) -> list[str]:
        """Sentences of the language, the likeliest first; none where nothing fits."""
        ...


def with_proposals(sentence: str, reading: Interpretation, proposer: CommandProposer | None) -> Interpretation:
    """The reading; where it is no command and a proposal is one, a question whether that was meant."""
    if proposer is None or not is_no_command(reading):
        return reading
    return _asked(proposer.propose(sentence)) or reading


def _asked(proposals: list[str]) -> Question | None:
    readings = [parse(proposal) for proposal in proposals]
    commands = dict.fromkeys(reading for reading in readings if isinstance(reading, Command))
    return question_between(list(commands)[:_MOST_ASKED])


class LanguageModelProposer:
    """A causal language model in a local folder, read by transformers; nothing is downloaded, no code of it is run.

    Raises:
        AnatomyGuidedError: transformers is not installed, or the folder holds no such model.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from transformers import AutoModelForCausalLM, AutoTokenizer
            from transformers.utils import logging as notes
        except ImportError as error:
            raise AnatomyGuidedError(
                "A language model needs transformers; install it: pip install 'slicer-anatomy-guided[transformers]'."
            ) from error
        if not folder.is_dir():
            raise AnatomyGuidedError(f"{folder.name} is no folder; name one that holds a causal language model.")
        quiet: Any = notes.disable_progress_bar
        quiet()
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
            )
        except (OSError, ValueError, KeyError) as error:
            raise AnatomyGuidedError(
                f"{folder.name} holds no causal language model that transformers can read (config.json, tokenizer and "
                "safetensors were expected)."
            ) from error
        self._model = model.eval()
        self._name = folder.name

    @property
    def name(self) -> str:
        return self._name

    def propose(self, sentence: str) -> list[str]:
        """The likeliest continuation of a prompt with examples: its first line, if it is not "none"."""
        import torch

        given = self._tokenizer(prompt_for(sentence), return_tensors="pt")
        with torch.inference_mode():
            found = self._model.generate(
                input_ids=given["input_ids"],
                attention_mask=given["attention_mask"],
                max_new_tokens=_LONGEST_ANSWER,
                do_sample=False,
                pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id or 0,
            )
        text = str(self._tokenizer.decode(found[0, given["input_ids"].shape[1] :], skip_special_tokens=True))
        line = next((part.strip() for part in text.splitlines() if part.strip()), "")
        return [] if line.casefold() in ("", "none") else [line]


def prompt_for(sentence: str) -> str:
    """The text that a model goes on with.

    >>> prompt_for("make it tiny").splitlines()[-2:]
    ['say: make it tiny', 'command:']
    """
    shown = [f"say: {said}\ncommand: {command}" for said, command in _EXAMPLES]
    told = "Rewrite what is said as one command about a segmentation, or none."
    return "\n".join([told, *shown, f"say: {' '.join(sentence.split())}\ncommand:"])

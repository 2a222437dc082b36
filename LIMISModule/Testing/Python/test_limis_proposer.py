"""A helper that proposes commands: what it says is checked, asked about, and never run by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from LIMISLib.commands import Command, Question, Rejection
from LIMISLib.language import parse
from LIMISLib.language.proposer import LanguageModelProposer, prompt_for, with_proposals
from LIMISLib.session import Session
from made_images import abdomen

_SAID = "I would love a somewhat roomier frame here"
_MEANT = "make the box 10 pixels larger"
Run = Callable[..., tuple[int, str, str]]


class Scripted:
    """A proposer that says what it was told to, and remembers what it was asked."""

    name = "scripted"

    def __init__(self, *proposals: str) -> None:
        self.proposals, self.asked = proposals, []

    def propose(self, sentence: str) -> list[str]:
        self.asked.append(sentence)
        return list(self.proposals)


def _read(sentence: str, proposer: Scripted) -> object:
    return with_proposals(sentence, parse(sentence), proposer)


def test_a_proposal_is_asked_about_and_run_only_after_a_yes() -> None:
    session = Session(*abdomen())
    session.proposer = Scripted(_MEANT)
    for sentence in ("segment the liver", "no"):
        session.say(sentence)
    reply = session.say(_SAID)
    assert not reply.done
    assert reply.text == 'Did you mean "make the box 10 pixels larger"? (yes / no)'
    assert len(session.states) == 1
    assert session.say("yes").done
    assert session.entries[-1].command == Command("resize_box", {"amount": 10, "unit": "px"})
    session.say(_SAID)
    assert session.say("no").text == "Then nothing was done."
    assert len(session.states) == 2


@pytest.mark.parametrize(
    "proposal",
    [
        "",
        "none",
        "rm -rf /",
        "segment everything",
        "segment the kidney",
        "don't undo",
        "x" * 5000,
        '{"intent": "undo"}',
    ],
)
def test_what_is_no_command_of_the_language_is_not_even_asked_about(proposal: str) -> None:
    assert isinstance(_read(_SAID, Scripted(proposal)), Rejection)


def test_two_proposals_are_told_apart_and_doubles_count_once() -> None:
    asked = _read(_SAID, Scripted("undo", "undo", "redo", "keep it"))
    assert isinstance(asked, Question)
    assert asked.options == ("1", "2")
    assert [outcome.intent for outcome in asked.outcomes] == ["undo", "redo"]


@pytest.mark.parametrize(
    "sentence", ["undo", "segment the kidney", "don't segment the liver", "segment the tumour", ""]
)
def test_what_is_understood_or_refused_with_a_reason_is_proposed_nothing_for(sentence: str) -> None:
    proposer = Scripted("segment the liver")
    assert _read(sentence, proposer) == parse(sentence)
    assert proposer.asked == []


@pytest.fixture(scope="module")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A small causal model with a tokenizer of words; `learned` is a text that it knows by heart."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")

    def make(learned: str = "") -> Path:
        folder = tmp_path_factory.mktemp("model")
        words = [*dict.fromkeys(f"{prompt_for(_SAID)} {_MEANT}".replace("\n", " \n ").split(" "))]
        vocabulary = {word: number for number, word in enumerate(["[unk]", "[pad]", *filter(None, words)])}
        core = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[unk]"))
        core.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex(r" +|(?<=\n)|(?=\n)"), "removed")
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_object=core, unk_token="[unk]", pad_token="[pad]", clean_up_tokenization_spaces=False
        )
        torch.manual_seed(0)
        config = transformers.GPT2Config(vocab_size=len(vocabulary), n_positions=256, n_embd=32, n_layer=1, n_head=2,
                                         bos_token_id=1, eos_token_id=1)  # fmt: skip
        model = transformers.GPT2LMHeadModel(config)
        if learned:
            ids = tokenizer(learned, return_tensors="pt")["input_ids"]
            optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
            for _ in range(80):
                optimizer.zero_grad()
                model(input_ids=ids, labels=ids).loss.backward()
                optimizer.step()
        model.save_pretrained(folder, safe_serialization=True)
        tokenizer.save_pretrained(folder)
        return folder

    return make


def test_an_untrained_model_proposes_nothing_that_is_asked_about(make_model: Callable[..., Path]) -> None:
    proposer = LanguageModelProposer(make_model())
    assert isinstance(with_proposals(_SAID, parse(_SAID), proposer), Rejection)


def test_a_model_that_knows_the_answer_leads_to_a_question(make_model: Callable[..., Path], run_command: Run) -> None:
    folder = make_model(f"{prompt_for(_SAID)} {_MEANT} \n")
    assert LanguageModelProposer(folder).propose(_SAID) == [_MEANT]
    run_command("limis", "parse", "undo")  # what training said is not the command's
    code, out, err = run_command("limis", "parse", _SAID, "--language-model", folder)
    assert (code, err) == (0, "")
    assert json.loads(out)["question"] == f'Did you mean "{_MEANT}"?'
    code, out, _ = run_command("limis", "parse", _SAID)
    assert "rejected" in json.loads(out)


def test_a_folder_without_a_model_is_refused(tmp_path: Path, run_command: Run) -> None:
    pytest.importorskip("transformers")
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(AnatomyGuidedError, match=r"is no folder|holds no causal"):
            LanguageModelProposer(folder)
    assert run_command("limis", "parse", "undo", "--language-model", tmp_path)[0] == 1

"""How well spoken commands are understood: made speech in several voices, with noise 30 dB below it.

    python Testing/benchmarks/voice_table.py [--voices en-us,en-gb,en-gb-scotland] [--part fresh|seen|free|denied]
        [--speaker unknown|session|enrolled] [--snr 30] [--every N] [--json FILE] [--errors]

The sentences of voice_fresh_* (LIMISModule/Testing/data) were written by people's habits and nothing is tuned on them;
those of voice_seen_* taught the language model, or limits were chosen on them, those of voice_free_* taught the parser
after they had been met once. Each sentence of an unknown speaker is heard by itself; in a session the voice is learned
from each command that was run; an enrolled speaker has said the sentences of `limis enrol` before, in the same noise. A
command is exact if it is the one that the sentence should be. Read-back is answered rightly: it stops what was misheard
and lets through what was not. Needs espeak-ng.

`denied` are refusals ("don't finish", "no lesion in the spleen") and corrections ("not the liver, the spleen"): how
many ran at once, were read back or asked about, or were rejected. On the seen half the model was developed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from LIMISLib.commands import Command, Question, Rejection
from LIMISLib.language import parse
from LIMISLib.voice.enrolment import enrolment_sentences
from LIMISLib.voice.read_back import needs_read_back
from LIMISLib.voice.recognizer import SURE, Heard
from LIMISLib.voice.speech import RATE_HZ, read_wav
from LIMISLib.voice.sphinx import Sphinx

_DATA = Path(__file__).parents[2] / "LIMISModule" / "Testing" / "data"


def spoken(sentence: str, voice: str, snr_db: float, seed: int) -> np.ndarray:
    """The sentence at 160 words a minute, 0.3 s of silence around it, white noise over all, at half of full scale."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        words = ["espeak-ng", "-v", voice, "-s", "160", "-w", str(path), sentence]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
        wave = read_wav(path).astype(float)
    loud = wave[np.abs(wave) > 0.02 * np.abs(wave).max()]
    wave = np.pad(wave, round(0.3 * RATE_HZ))
    noise = np.random.default_rng(seed).normal(0, np.sqrt(np.mean(loud**2) / 10 ** (snr_db / 10)), len(wave))
    return np.clip((wave + noise) / 2, -32768, 32767).astype(np.int16)


@dataclass(frozen=True)
class Said:
    """A sentence, the command that it is, and the question that it answers, if it answers one."""

    sentence: str
    wanted: object
    pending: Question | None = None


def commands_of(part: str) -> list[Said]:
    return [_with_meaning(json.loads(line)) for line in _lines(f"voice_{part}_commands.jsonl")]


def unrelated_of(part: str) -> list[Said]:
    return [Said(line, None) for line in _lines(f"voice_{part}_unrelated.txt")]


def _with_meaning(line: dict) -> Said:
    asked = parse(line["pending"]) if "pending" in line else None
    return Said(line["say"], Command(**line["expect"]), asked if isinstance(asked, Question) else None)


def _lines(name: str) -> list[str]:
    return (_DATA / name).read_text(encoding="utf-8").splitlines()


def enrol(sphinx: Sphinx, voice: str, snr_db: float) -> None:
    """Nothing; the recogniser knows the voice from the sentences that are asked of a new speaker."""
    for number, sentence in enumerate(enrolment_sentences()):
        sphinx.learn(spoken(sentence, voice, snr_db, 5000 + number), sentence)


def outcome(sphinx: Sphinx, said: Said, sound: np.ndarray, *, learns: bool = False) -> dict[str, object]:
    """What was heard and meant, and what would have been run at once; `learns` the voice from what is run."""
    started_s, cpu_s = time.perf_counter(), time.process_time()
    evidence = sphinx.evidence(sound, pending=said.pending)
    heard = evidence.judged()
    meant = parse(heard.text, said.pending) if heard.text else Rejection(heard.reason)
    elapsed_s, used_s = time.perf_counter() - started_s, time.process_time() - cpu_s
    if learns and not heard.maybe_refused and runs_in_the_end(meant, said.wanted, heard):
        sphinx.learn(sound, heard.text)
    wanted, first = said.wanted, parse(evidence.text, said.pending) if evidence.text else None
    runs = isinstance(meant, Command)
    asks = runs and (heard.confidence < SURE or heard.maybe_refused or needs_read_back(meant))
    return {
        "said": said.sentence,
        "heard": heard.text or f"({evidence.text})",
        "exact": meant == wanted and bool(heard.text),
        "wrong_before": isinstance(first, Command) and first != wanted,
        "wrong_after_rejection": runs and meant != wanted,
        "wrong_after_read_back": runs and not asks and meant != wanted,
        "rejected": not heard.text,
        "asked": asks,
        "elapsed_s": elapsed_s,
        "cpu_s": used_s,
    }


def runs_in_the_end(meant: object, wanted: object, heard: Heard) -> bool:
    """Whether the command is run: at once, or after a read-back that is answered rightly."""
    if not isinstance(meant, Command):
        return False
    return meant == wanted or not (heard.confidence < SURE or needs_read_back(meant))


def share(found: list[dict[str, object]], key: str) -> float:
    return 100 * float(np.mean([bool(one[key]) for one in found]))


def denied(sphinx: Sphinx, half: str, options: argparse.Namespace, voice: str) -> dict[str, object]:
    """What came of the refusals of one half; corrections, which are commands, are counted by themselves."""
    said = [json.loads(line) for line in _lines(f"voice_denied_{half}.jsonl")]
    counted = dict.fromkeys(("ran", "read_back", "question", "rejected", "corrected", "corrected_wrongly"), 0)
    for number, one in enumerate(said[:: options.every]):
        wanted = Command(**one["expect"]) if one["expect"] else None
        heard = sphinx.recognize(spoken(one["say"], voice, options.snr, number))
        came = _came_of(heard)
        right = wanted is not None and bool(heard.text) and parse(heard.text) == wanted
        came = "corrected" if right else "corrected_wrongly" if wanted and came == "read_back" else came
        counted[came] += 1
        if options.errors and came not in ("rejected", "corrected"):
            print(f"    {one['say']} | {heard.text} | {came}")
    return {"half": half, "sentences": len(said[:: options.every]), **counted}


def _came_of(heard: Heard) -> str:
    meant = parse(heard.text) if heard.text else Rejection(heard.reason)
    if isinstance(meant, Command):
        sure = heard.confidence >= SURE and not heard.maybe_refused
        return "ran" if sure and not needs_read_back(meant) else "read_back"
    return "question" if isinstance(meant, Question) else "rejected"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", default="en-us,en-gb,en-gb-scotland")
    parser.add_argument("--part", choices=("fresh", "seen", "free", "denied"), default="fresh")
    parser.add_argument("--speaker", choices=("unknown", "session", "enrolled"), default="unknown")
    parser.add_argument("--snr", type=float, default=30.0)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--errors", action="store_true")
    options = parser.parse_args()
    table = {}
    for voice in options.voices.split(","):
        sphinx, found = Sphinx(), {}
        if options.speaker == "enrolled":
            enrol(sphinx, voice, options.snr)
        if options.part == "denied":
            table[voice] = {half: denied(sphinx, half, options, voice) for half in ("seen", "fresh")}
            for of_half in table[voice].values():
                print(voice, json.dumps(of_half), flush=True)
            continue
        for kind, part_of in (("commands", commands_of), ("unrelated", unrelated_of)):
            found[kind] = [
                outcome(
                    sphinx,
                    said,
                    spoken(said.sentence, voice, options.snr, n),
                    learns=options.speaker == "session",
                )
                for n, said in enumerate(part_of(options.part)[:: options.every])
            ]
        commands, unrelated = found["commands"], found["unrelated"]
        table[voice] = {
            "commands": len(commands),
            "exact_percent": share(commands, "exact"),
            "wrong_before_percent": share(commands, "wrong_before"),
            "wrong_after_rejection_percent": share(commands, "wrong_after_rejection"),
            "wrong_after_read_back_percent": share(commands, "wrong_after_read_back"),
            "read_back_percent": share(commands, "asked"),
            "unrelated": len(unrelated),
            "unrelated_as_commands_before_percent": share(unrelated, "wrong_before"),
            "unrelated_rejected_percent": share(unrelated, "rejected"),
            "unrelated_run_percent": share(unrelated, "wrong_after_read_back"),
            "median_cpu_s": float(np.median([one["cpu_s"] for one in commands])),
            "median_elapsed_s": float(np.median([one["elapsed_s"] for one in commands])),
        }
        print(voice, json.dumps({key: round(value, 3) for key, value in table[voice].items()}), flush=True)
        if options.errors:
            for one in (*commands, *unrelated):
                if one["wrong_after_read_back"] or (one in commands and not one["exact"]):
                    print(f"    {one['said']} | {one['heard']} | asked {one['asked']}")
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

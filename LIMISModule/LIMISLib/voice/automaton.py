"""A grammar without loops as the smallest automaton that accepts its sentences, with the likelihood of each word.

The decoder could read JSGF itself, but it keeps every copy of every rule and all the empty steps between them, so that
it searches ten times as many arcs as there are here and is as much slower.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from dataclasses import dataclass, field

_TOKEN = re.compile(r"/[\d.]+/|<\w+>|[a-z']+|[|()\[\]]")
_RULE = re.compile(r"^(?:public )?<(\w+)> = (.*);$", re.MULTILINE)

Tree = list[tuple[float, list["Part"]]]  # weighted alternatives, each a sequence


@dataclass(frozen=True)
class Part:
    """A word, a reference to a rule ("<name>"), or alternatives; `optional` ones may be left out."""

    said: str = ""
    inner: Tree = field(default_factory=list)
    optional: bool = False


@dataclass(frozen=True)
class Automaton:
    """States by number, from 0, each with the likelihood of every word and the state behind it, and of ending there."""

    arcs: tuple[dict[str, tuple[int, float]], ...]
    ending: tuple[float, ...]

    def transitions(self) -> list[tuple[int, int, float] | tuple[int, int, float, str]]:
        """Source, target, likelihood and word of each arc; those without a word lead to the one final state."""
        steps = [
            (source, target, likelihood, word)
            for source, arcs in enumerate(self.arcs)
            for word, (target, likelihood) in arcs.items()
        ]
        return [*steps, *((state, len(self.arcs), end) for state, end in enumerate(self.ending) if end > 0)]

    def accepts(self, sentence: str) -> bool:
        """Whether the grammar allows the sentence.

        >>> automaton("public <s> = stop [it];").accepts("stop it")
        True
        """
        state = 0
        for word in sentence.split():
            if word not in self.arcs[state]:
                return False
            state = self.arcs[state][word][0]
        return self.ending[state] > 0

    def random_sentence(self, rng: random.Random) -> str:
        """A sentence of the grammar, drawn by its likelihoods."""
        state, said = 0, list[str]()
        while True:
            words = [*self.arcs[state], ""]
            weights = [*(likelihood for _, likelihood in self.arcs[state].values()), self.ending[state]]
            word = rng.choices(words, weights)[0]
            if not word:
                return " ".join(said)
            said.append(word)
            state = self.arcs[state][word][0]


def automaton(jsgf: str) -> Automaton:
    """The smallest automaton of the grammar's last rule.

    >>> [len(found.arcs) for found in (automaton("public <s> = (raise | lower) the box;"),)]
    [4]
    """
    steps = _steps(jsgf)
    arcs, final = _deterministic(steps)
    smallest = _merged(arcs, final)
    return _with_likelihoods(steps, arcs, smallest)


Steps = list[list[tuple[str, float, int]]]  # from each state: a word (or ""), its weight, the state behind; ascending


def _parsed(text: str) -> Tree:
    tokens = _TOKEN.findall(text)
    tree, position = _alternatives(tokens, 0)
    if position != len(tokens):
        raise ValueError(f'A bracket too many in the grammar\'s "{text}".')
    return tree


def _alternatives(tokens: list[str], position: int) -> tuple[Tree, int]:
    tree: Tree = [(1.0, [])]
    while position < len(tokens) and tokens[position] not in ")]":
        token = tokens[position]
        parts = tree[-1][1]
        if token == "|":
            tree.append((1.0, []))
        elif token.startswith("/"):
            tree[-1] = (float(token.strip("/")), parts)
        elif token in "([":
            inner, position = _alternatives(tokens, position + 1)
            parts.append(Part(inner=inner, optional=token == "["))
        else:
            parts.append(Part(token))
        position += 1
    return tree, position


def _steps(jsgf: str) -> Steps:
    """The grammar as steps between states; a step without a word is empty. Every step leads to a later state."""
    trees = {name: _parsed(text) for name, text in _RULE.findall(jsgf)}
    steps: Steps = [[]]

    def grown(tree: Tree, start: int) -> int:
        total, ends = sum(weight for weight, _ in tree), []
        for weight, parts in tree:
            steps.append([])
            steps[start].append(("", weight / total, len(steps) - 1))
            end = len(steps) - 1
            for part in parts:
                end = after(part, end)
            ends.append(end)
        return joined(ends)

    def after(part: Part, start: int) -> int:
        if part.said.startswith("<"):
            return grown(trees[part.said.strip("<>")], start)
        if part.said:
            steps.append([])
            steps[start].append((part.said, 1.0, len(steps) - 1))
            return len(steps) - 1
        if not part.optional:
            return grown(part.inner, start)
        steps.append([])
        steps[start].append(("", 0.5, len(steps) - 1))
        end = grown(part.inner, len(steps) - 1)
        steps.append([])
        steps[start].append(("", 0.5, len(steps) - 1))
        steps[end].append(("", 1.0, len(steps) - 1))
        return len(steps) - 1

    def joined(ends: list[int]) -> int:
        steps.append([])
        for end in ends:
            steps[end].append(("", 1.0, len(steps) - 1))
        return len(steps) - 1

    grown(trees[list(trees)[-1]], 0)
    return steps


def _closed(steps: Steps, states: set[int]) -> frozenset[int]:
    """The states and all that are reached from them without a word."""
    found, open_ = set(states), list(states)
    while open_:
        for word, _, target in steps[open_.pop()]:
            if not word and target not in found:
                found.add(target)
                open_.append(target)
    return frozenset(found)


def _deterministic(steps: Steps) -> tuple[list[dict[str, int]], list[bool]]:
    """For each state the one state behind each word, and whether a sentence may end in it."""
    sets = {_closed(steps, {0}): 0}
    order, arcs = list(sets), list[dict[str, int]]()
    for states in order:
        targets: dict[str, set[int]] = defaultdict(set)
        for state in states:
            for word, _, target in steps[state]:
                if word:
                    targets[word].add(target)
        arcs.append({})
        for word, found in targets.items():
            closed = _closed(steps, found)
            if closed not in sets:
                sets[closed] = len(sets)
                order.append(closed)
            arcs[-1][word] = sets[closed]
    return arcs, [len(steps) - 1 in states for states in order]


def _merged(arcs: list[dict[str, int]], final: list[bool]) -> list[int]:
    """For each state the number of its class: states of a class allow the same words behind them. 0 stays 0."""
    classes: dict[tuple[bool, frozenset[tuple[str, int]]], int] = {}
    found: dict[int, int] = {}

    def class_of(state: int) -> int:
        if state not in found:
            behind = frozenset((word, class_of(target)) for word, target in arcs[state].items())
            found[state] = classes.setdefault((final[state], behind), len(classes))
        return found[state]

    last = class_of(0)  # the start's class is numbered last
    return [last - found[state] for state in range(len(arcs))]


def _with_likelihoods(steps: Steps, arcs: list[dict[str, int]], classes: list[int]) -> Automaton:
    """The classes as an automaton; a word's likelihood is how often random sentences take it there."""
    taken: list[dict[str, float]] = [defaultdict(float) for _ in range(max(classes) + 1)]
    ended = [0.0] * len(taken)
    masses: list[dict[int, float]] = [defaultdict(float) for _ in steps]
    masses[0][0] = 1.0
    for state, behind in enumerate(steps):
        for at, mass in masses[state].items():
            if not behind:
                ended[classes[at]] += mass
            for word, weight, target in behind:
                masses[target][arcs[at][word] if word else at] += mass * weight
                if word:
                    taken[classes[at]][word] += mass * weight
    targets: list[dict[str, int]] = [{} for _ in taken]
    for state, behind_words in enumerate(arcs):
        targets[classes[state]] |= {word: classes[target] for word, target in behind_words.items()}
    totals = [sum(words.values()) + end for words, end in zip(taken, ended, strict=True)]
    return Automaton(
        tuple(
            {word: (targets[one][word], mass / totals[one]) for word, mass in words.items()}
            for one, words in enumerate(taken)
        ),
        tuple(end / total for end, total in zip(ended, totals, strict=True)),
    )

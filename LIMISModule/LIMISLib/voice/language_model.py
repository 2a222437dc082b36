"""Which word follows which in spoken commands: a trigram model with word classes, in the files that pocketsphinx reads.

Probabilities are interpolated after Witten and Bell (doi:10.1109/18.87000): what was seen after few words leaves much
to what was seen after fewer.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping

from LIMISLib.voice.gram_counts import Choices, Gram, counted

_UNSEEN = 0.02  # the share of single words that is kept for the whole vocabulary alike
_SCALE = 0.5  # how many sentences a template stands for
_MISPLACED = 0.02  # of how often it is said, a word that is only first is heard elsewhere
_LEAST = 1e-12
_NO_CHOICES: Choices = {}


class LanguageModel:
    """A trigram model of sentences (words and [classes]) with how often each is said; there must be one at least.

    A word of `choices` stands for any of its ways. Words that are `only_first` are not expected behind words that they
    never followed.
    """

    def __init__(
        self, sentences: Mapping[Gram, float], choices: Choices = _NO_CHOICES, *, only_first: Collection[str] = ()
    ) -> None:
        counts = [{gram: count * _SCALE for gram, count in of.items()} for of in counted(sentences, choices)]
        for word in only_first:
            counts[1][word,] *= _MISPLACED
        words = sorted(gram[0] for gram in counts[1])
        total = sum(counts[1].values())
        single: dict[Gram, float] = {
            (word,): (1 - _UNSEEN) * counts[1][word,] / total + _UNSEEN / len(words) for word in words
        }
        pairs, self._after_one = _interpolated(counts[2], single)
        triples, self._after_two = _interpolated(counts[3], pairs)
        self.words, self.tables = tuple(words), (single, pairs, triples)

    def likelihood(self, word: str, before: Gram = ()) -> float:
        """How likely the word is behind these (at most two) words; "<s>" is the start, "</s>" the end.

        >>> model = LanguageModel({("stop", "it"): 1.0, ("stop",): 1.0})
        >>> model.likelihood("it", ("<s>", "stop")) > model.likelihood("it", ("<s>",))
        True
        """
        single, pairs, triples = self.tables
        if len(before) == 2:
            found = triples.get((*before, word))
            return self._after_two.get(before, 1.0) * self.likelihood(word, before[1:]) if found is None else found
        if len(before) == 1:
            found = pairs.get((*before, word))
            return self._after_one.get(before, 1.0) * single[word,] if found is None else found
        return single[word,]

    def arpa(self) -> str:
        """The model in the ARPA format."""
        single, pairs, triples = self.tables
        lines = ["\\data\\", f"ngram 1={len(single) + 1}", f"ngram 2={len(pairs)}", f"ngram 3={len(triples)}"]
        lines += ["", "\\1-grams:", f"-99 <s> {_log(self._after_one['<s>',])}"]
        lines += [f"{_log(p)} {gram[0]} {_log(self._after_one.get(gram, 1.0))}" for gram, p in single.items()]
        lines += ["", "\\2-grams:"]
        lines += [f"{_log(p)} {' '.join(gram)} {_log(self._after_two.get(gram, 1.0))}" for gram, p in pairs.items()]
        lines += ["", "\\3-grams:"]
        lines += [f"{_log(p)} {' '.join(gram)}" for gram, p in triples.items()]
        return "\n".join([*lines, "", "\\end\\", ""])


def class_token(phrase: str, name: str) -> str:
    """A phrase of a class as one word of the dictionary.

    >>> class_token("gluteus maximus", "paired")
    'gluteus_maximus:paired'
    """
    return f"{phrase.replace(' ', '_')}:{name}"


def plain_words(token: str) -> str:
    """A word of the dictionary as it is said.

    >>> plain_words("gluteus_maximus:paired"), plain_words("box(2)")
    ('gluteus maximus', 'box')
    """
    return token.partition("(")[0].partition(":")[0].replace("_", " ")


def class_definitions(classes: Mapping[str, Mapping[str, float]]) -> str:
    """The members of each class with their likelihood, in pocketsphinx's format."""
    blocks = (
        "\n".join(
            [
                f"LMCLASS [{name}]",
                *(f"{class_token(phrase, name)} {share:.6f}" for phrase, share in phrases.items()),
                f"END [{name}]",
            ]
        )
        for name, phrases in classes.items()
    )
    return "\n".join(blocks) + "\n"


def _interpolated(
    counts: Mapping[Gram, float], shorter: Mapping[Gram, float]
) -> tuple[dict[Gram, float], dict[Gram, float]]:
    """Likelihoods of the grams, and for what stands before their last word the share that is left to shorter grams."""
    totals: dict[Gram, float] = defaultdict(float)
    kinds: dict[Gram, int] = defaultdict(int)
    for gram, count in counts.items():
        totals[gram[:-1]] += count
        kinds[gram[:-1]] += 1
    left = {before: kinds[before] / (totals[before] + kinds[before]) for before in totals}
    likelihoods = {
        gram: (1 - left[gram[:-1]]) * count / totals[gram[:-1]] + left[gram[:-1]] * shorter[gram[1:]]
        for gram, count in counts.items()
    }
    return likelihoods, left


def _log(probability: float) -> str:
    return f"{math.log10(max(probability, _LEAST)):.4f}"

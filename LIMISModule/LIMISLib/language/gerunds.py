"""Commands as things to do: "outlining the liver would be great", "I suggest undoing that", "stopping, please"."""

from __future__ import annotations

import re

from LIMISLib.language.words import NEGATIONS, verb_of_gerund

_AHEAD = re.compile(
    r"(?:(?:i|we) (?:would )?(?:suggest|propose|recommend|appreciate|go on with|continue with|start with|go for)"
    r"(?: you)?|(?:could|can|would) you (?:start|begin) (?:by|with)|"
    r"(?:let us|we) (?:start|begin|go on|continue|try)(?: by| with)?|"
    r"(?:the )?next(?: (?:thing|step|up))? is|would you mind|do you mind|how about|what about|(?:let us )?try) "
    r"(?P<doing>\w+ing)(?P<rest>(?: .*)?)"
)
_BEHIND = re.compile(
    r"(?P<doing>\w+ing)(?P<rest>(?: .*?)?) (?:would (?:be (?:great|good|nice|lovely|helpful|perfect|best)|help)|"
    r"is (?:the )?next(?: thing| step)?|is what (?:i|we) (?:want|need|would like))"
)
_NEEDED = re.compile(
    r"(?P<what>(?!(?:i|we|you|he|she|they)\b).+?) (?:still )?(?:needs|wants|could do with) "
    r"(?P<doing>\w+ing)(?P<rest>(?: .*)?)"
)
_ALONE = re.compile(r"(?P<doing>\w+ing)(?P<rest>(?: .*)?)")


def done(words: list[str], *, asked: bool = False) -> list[list[str]]:
    """The words with the verb of what is to be done; alone only where something else has `asked` for it.

    >>> done("outlining the liver would be great".split()), done("outlining the liver".split())
    ([['outline', 'the', 'liver']], [])
    """
    said = " ".join(words)
    if any(word in NEGATIONS for word in words):
        return []
    found = _AHEAD.fullmatch(said) or _BEHIND.fullmatch(said) or (_ALONE.fullmatch(said) if asked else None)
    found = found or _NEEDED.fullmatch(said)
    if found is None:
        return []
    what = found.groupdict().get("what") or ""
    verb = verb_of_gerund(found["doing"])
    return [] if verb == found["doing"] else [[verb, *what.split(), *found["rest"].split()]]

"""keep, undo, redo and revert: short sentences of a fixed form."""

from __future__ import annotations

import re

from LIMISLib.commands import Command
from LIMISLib.numbers import Token
from LIMISLib.words import spoken

_IT = r"(it|that|this)"
_GOOD = r"(good|fine|great|perfect|better|right|correct|nice|okay|ok)"
_RESULT = r"((my|this|that|last|new|current|latest) )*(result|mask|segmentation|change|step|state|version|one)"
_PRAISE = rf"(({_IT}|result|mask|segmentation) )?(is|looks) (much )?{_GOOD}( now)?|i like {_IT}"
_KEEP = rf"(keep|accept)( ({_IT}|{_RESULT}( of {_RESULT})?)( (as it is|as is|like that|like this))?)?"
_ACTION = r"((my|last|latest|previous|undone) )*(change|action|step|command)"

_FIXED_FORMS: tuple[tuple[str, str], ...] = (
    ("keep", rf"((ok|okay|yes|fine|good|{_PRAISE}) )?{_KEEP}"),
    ("keep", rf"((ok|okay|yes|fine|good) )?({_PRAISE})|ok|okay|fine|good|perfect"),
    ("undo", rf"undo( ({_IT}|{_ACTION}))?( again)?|take ({_IT}|{_ACTION}) back|take back ({_IT}|{_ACTION})"),
    ("redo", rf"redo( ({_IT}|{_ACTION}|what))?( i (just )?undid)?( again)?"),
    ("revert", r"(revert|roll back|go back|return|back|go on|continue) (to|from) (step|state)( number)? (?P<step>\d+)"),
    ("revert", rf"revert( ({_IT}|{_ACTION}))?"),
    ("revert", r"(revert|roll back|go back|return|back) to ((last|previous) (step|state)|(step|state) before)"),
    ("revert", r"go back 1 (step|state)"),
)


def fixed_sentence(tokens: list[Token]) -> Command | None:
    """The command that the whole sentence is a form of."""
    said = spoken(token for token in tokens if token != "please")
    for intent, form in _FIXED_FORMS:
        if matched := re.fullmatch(form, said):
            step = matched.groupdict().get("step")
            return Command(intent, {"step": int(step)} if step else {})
    return None

"""What Slicer and CTK declare about their Qt classes, read from `Testing/slicer_api/qt-classes.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

API_FOLDER = Path(__file__).resolve().parents[1] / "slicer_api"

_CALL = re.compile(r"^(?P<name>[A-Za-z_]\w*)\((?P<arguments>.*)\)$", re.DOTALL)
_ARGUMENT = re.compile(r"^(?P<type>(?:unsigned )?[\w:]+(?:<.*>)?(?: ?\*+)?)(?: ?&)?(?: ?\w+)?(?: ?=.*)?$")
# The parser of the sources took macro calls and calls inside inline bodies for declarations.
_NOT_DECLARATIONS = {"qWarning", "Q_UNUSED", "error", "for", "QStringList"}


@dataclass(frozen=True)
class Signature:
    """A signal's or slot's name and the C++ types of its arguments."""

    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        """The normalized form, as Qt's `SIGNAL` and `SLOT` macros want it."""
        return f"{self.name}({','.join(self.arguments)})"


@dataclass(frozen=True)
class Declaration:
    """What one class adds to its base class."""

    name: str
    base: str
    properties: frozenset[str]
    signals: tuple[Signature, ...]
    methods: tuple[Signature, ...]


def signature(text: str) -> Signature:
    """The signature in a C++ declaration, without argument names, `const` and references.

    >>> str(signature("currentNodeChanged(vtkMRMLNode* node)"))
    'currentNodeChanged(vtkMRMLNode*)'
    >>> str(signature("moduleLoaded(const QString& module)"))
    'moduleLoaded(QString)'
    """
    call = _CALL.match(text.strip())
    if call is None:
        raise ValueError(f"{text!r} is no signature such as clicked() or valueChanged(double).")
    return Signature(call["name"], tuple(_argument_type(part) for part in _split(call["arguments"])))


def _split(arguments: str) -> list[str]:
    return [part for part in re.split(r",(?![^<]*>)", arguments) if part.strip()]


def _argument_type(text: str) -> str:
    plain = re.sub(r"\s+", " ", text.replace("const ", " ")).strip()
    match = _ARGUMENT.match(plain)
    return (match["type"] if match else plain).replace(" *", "*")


@cache
def declarations() -> Mapping[str, Declaration]:
    """All declared classes by name."""
    content = json.loads((API_FOLDER / "qt-classes.json").read_text(encoding="utf-8"))
    decorated = _decorations(content)
    return {name: _declaration(name, entry, decorated.get(name, ())) for name, entry in content.items()}


def _declaration(name: str, entry: Mapping[str, object], decorated: tuple[Signature, ...]) -> Declaration:
    return Declaration(
        name=name,
        base=str(entry["base"]),
        properties=frozenset(entry["properties"]),
        signals=tuple(_signatures(entry["signals"])),
        methods=(*_signatures(entry["slots"]), *_signatures(entry["methods"]), *decorated),
    )


def _signatures(texts: object) -> Iterator[Signature]:
    for text in texts:
        call = _CALL.match(text)
        if call and call["name"] not in _NOT_DECLARATIONS:
            yield signature(text)


def _decorations(content: Mapping[str, Mapping[str, object]]) -> dict[str, tuple[Signature, ...]]:
    """Methods added for Python: `method(Class* self, ...)` and `static_Class_method(...)` of the decorators."""
    found: dict[str, list[Signature]] = {}
    for name, entry in content.items():
        if not name.endswith("PythonQtDecorators"):
            continue
        for declared in _signatures(entry["slots"]):
            static = re.match(r"static_(\w+?)_(\w+)$", declared.name)
            if static:
                found.setdefault(static[1], []).append(Signature(static[2], declared.arguments))
            elif declared.arguments and declared.arguments[0].endswith("*"):
                owner = declared.arguments[0].rstrip("*")
                found.setdefault(owner, []).append(Signature(declared.name, declared.arguments[1:]))
    return {owner: tuple(signatures) for owner, signatures in found.items()}


def lineage(name: str) -> Iterator[Declaration]:
    """The declarations of a class and of its ancestors, up to the first class that is Qt's own."""
    while name in declarations():
        declaration = declarations()[name]
        yield declaration
        name = declaration.base


def qt_ancestor(name: str) -> str:
    """The name of the Qt class that a declared class builds on, after all declared ancestors."""
    for declaration in lineage(name):
        name = declaration.base
    return name

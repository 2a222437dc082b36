"""`slicer.i18n`: texts pass through a translation that changes nothing."""

from __future__ import annotations

from pathlib import Path

import slicer

__all__ = ["getContext", "tr", "translate"]


def getContext(sourceFile: str) -> str:
    """The translation context of a source file: package and file name.

    >>> getContext("/modules/DAPAtlas.py")
    'DAPAtlas'
    """
    path = Path(sourceFile)
    return f"{path.parent.name}.{path.stem}" if (path.parent / "__init__.py").is_file() else path.stem


def translate(context: str, text: str) -> str:
    """The text in the application's language."""
    return slicer.app.translate(context, text)


def tr(text: str) -> str:
    """The text in the application's language.

    Raises:
        TypeError: What came is no text. Slicer's own fails there, too.
    """
    if not isinstance(text, str):
        raise TypeError(f"tr() takes a text, got {text!r}.")
    return text

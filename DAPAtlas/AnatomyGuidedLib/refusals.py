"""Reading somebody's file: whatever goes wrong becomes one of our own errors, with the file's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import InvalidGrid


@contextmanager
def refusing(name: str, unreadable: tuple[type[Exception], ...], damaged: AnatomyGuidedError) -> Iterator[None]:
    """Nothing; inside, `unreadable` errors of a library become `damaged`, and a grid that cannot be has the name.

    Raises:
        AnatomyGuidedError: Something went wrong inside.
    """
    try:
        yield
    except InvalidGrid as error:
        raise AnatomyGuidedError(f"{name}: {error}") from error
    except AnatomyGuidedError:
        raise
    except unreadable as error:
        raise damaged from error

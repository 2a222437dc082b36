"""What a run of the command line leaves of a session: the mask, and the machine-readable result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.io import write_labelmap

from LIMISLib.session import Session


def write_result(session: Session, path: Path) -> None:
    """Nothing; the current mask is at the path.

    Raises:
        AnatomyGuidedError: It is empty, and nobody said that this is meant.
    """
    state = session.current
    meant = any(entry.command.intent == "finish" and entry.digest == state.digest for entry in session.entries if state)
    if state is not None and state.is_empty and not meant:
        raise AnatomyGuidedError(
            f"The mask of step {state.number} is empty, so nothing was written; go on from a step that has a mask, for "
            'example with "undo" or "revert to step 0".'
        )
    write_labelmap(session.result(), path, [session.segment()])


def result_json(session: Session, notes: tuple[str, ...]) -> Mapping[str, object]:
    """What `--json` writes of a session, as docs/limis.md describes it."""
    state = session.current
    return {
        "segmenter": session.segmenter.name,
        "structure": state.structure if state else None,
        "slice": state.slice_number if state else None,
        "state": state.number if state else None,
        "kept": session.kept.number if session.kept else None,
        "states": [
            {"state": known.number, "parent": known.parent, "mask_sha256": known.digest} for known in session.states
        ],
        "notes": list(notes),
    }

"""What a finder's worker is told and answers: one JSON object a line, a slice as 8-bit pixels in base64.

told      {"pixels": BASE64, "shape": [ROWS, COLUMNS], "labels": ["liver", "spleen"]}
answered  {"boxes": [[LEFT, TOP, RIGHT, BOTTOM], ...], "chances": [...]}    one a label, edges as parts of 0 to 1
answered  {"error": "what went wrong"}
at start  {"ready": "name and version of what finds"}
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError


class WorkerFailed(AnatomyGuidedError):
    """The worker ended, said what nobody understands, or reports a fault of its own."""


def request(pixels: npt.NDArray[np.uint8], labels: Sequence[str]) -> str:
    """The line that asks for the boxes of these labels in a slice."""
    coded = base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode("ascii")
    return json.dumps({"pixels": coded, "shape": list(pixels.shape), "labels": list(labels)})


def ready(line: str) -> str:
    """What the worker calls itself.

    >>> ready('{"ready": "groundingdino 0.4.0"}')
    'groundingdino 0.4.0'

    Raises:
        WorkerFailed: It did not say.
    """
    answer = _answer(line)
    if not isinstance(answer.get("ready"), str):
        raise WorkerFailed("The finder's worker did not say that it is ready.")
    return str(answer["ready"])


def boxes(line: str, count: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The chances (count) and boxes (count, 4) of an answer, as parts of the slice's width and height.

    >>> boxes('{"boxes": [[0.25, 0.5, 0.75, 1.0]], "chances": [0.5]}', 1)[1].tolist()
    [[0.25, 0.5, 0.75, 1.0]]

    Raises:
        WorkerFailed: The line is no answer about that many labels.
    """
    answer = _answer(line)
    try:
        chances = np.asarray(answer["chances"], dtype=np.float64)
        edges = np.asarray(answer["boxes"], dtype=np.float64).reshape(-1, 4)
    except (KeyError, ValueError, TypeError) as error:
        raise WorkerFailed("The finder's worker answered without boxes and chances.") from error
    if chances.shape != (count,) or edges.shape != (count, 4) or not np.isfinite(edges).all():
        raise WorkerFailed(f"The finder's worker answered about {len(chances)} labels, but was asked about {count}.")
    return chances, edges


def _answer(line: str) -> dict[str, object]:
    try:
        answer = json.loads(line)
    except ValueError as error:
        raise WorkerFailed(f"The finder's worker said what is no answer: {line.strip()[:80]!r}.") from error
    if not isinstance(answer, dict):
        raise WorkerFailed(f"The finder's worker said what is no answer: {line.strip()[:80]!r}.")
    if "error" in answer:
        raise WorkerFailed(f"The finder's worker failed: {answer['error']}.")
    return answer

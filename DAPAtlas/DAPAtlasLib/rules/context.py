"""What rules know beside the label map."""

from __future__ import annotations

from dataclasses import dataclass

VERTEBRAE = (
    *(f"Vertebra C{number}" for number in range(1, 8)),
    *(f"Vertebra T{number}" for number in range(1, 13)),
    *(f"Vertebra L{number}" for number in range(1, 6)),
)


@dataclass(frozen=True)
class Context:
    """The patient's sex, F or M, if it is known."""

    sex: str | None = None

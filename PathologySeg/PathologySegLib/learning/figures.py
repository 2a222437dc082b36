"""Two figures of the comparison: Dice of all arms with intervals, and Figure 26's similarity over epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from AnatomyGuidedLib.plots import drawn

ARMS_FIGURE, SIMILARITY_FIGURE = "arms.png", "figure26_similarity.png"

Line = Mapping[str, object]


def draw_arms(arms: Mapping[str, Mapping[str, object]], path: Path) -> None:
    """Nothing; the picture has each arm's Dice with its interval, the baseline's mean as a line, oracles open."""
    with drawn(path, 1, 1, (6.5, 0.8 + 0.28 * len(arms))) as (_, [[axes]]):
        for place, (_name, found) in enumerate(arms.items()):
            mean, low, high = (_limit(found["dice"], key) for key in ("mean", "low", "high"))
            axes.plot([low, high], [place, place], color="#4477aa")
            axes.plot([mean], [place], "o", color="#4477aa", fillstyle="none" if found["oracle"] else "full")
        first = next(iter(arms.values()))
        axes.axvline(_limit(first["dice"], "mean"), color="#999999", linewidth=0.8)
        axes.set_yticks(range(len(arms)), list(arms))
        axes.invert_yaxis()
        axes.set_xlabel("Dice, mean over cases and its 95 % interval (open: oracle)")


def draw_similarity(lines: Sequence[Line], epochs: int, path: Path) -> bool:
    """Whether there was a fusion to draw: its features' cosine before and after, the mean over splits, by epoch."""
    curves = _curves(lines, epochs)
    if not curves:
        return False
    with drawn(path, 1, 1, (6.0, 3.5)) as (figure, [[axes]]):
        for name, curve in curves.items():
            axes.plot(list(curve), list(curve.values()), label=name)
        axes.set_xlim(0, epochs)
        axes.set_xlabel("epoch")
        axes.set_ylabel("cosine similarity before and after fusion")
        figure.legend(loc="outside upper center", ncols=2)
    return True


def _curves(lines: Sequence[Line], epochs: int) -> dict[str, dict[float, float]]:
    """By arm and level, by epoch, the mean over splits."""
    last = max((float(str(line["step"])) for line in lines), default=0.0)
    values: dict[str, dict[float, list[float]]] = {}
    for line in lines:
        for key in (key for key in line if key.startswith("similarity_")):
            curve = values.setdefault(f"{line['arm']}, level {key.removeprefix('similarity_')}", {})
            curve.setdefault(float(str(line["step"])) * epochs / last, []).append(float(str(line[key])))
    return {name: {at: sum(own) / len(own) for at, own in sorted(curve.items())} for name, curve in values.items()}


def _limit(value: object, key: str) -> float:
    found = value[key] if isinstance(value, Mapping) else None
    return float("nan") if found is None else float(found)

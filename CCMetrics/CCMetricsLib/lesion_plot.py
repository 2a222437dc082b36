"""The per-lesion plot as SVG: each lesion's Dice against its volume, with Dice and CC-Dice as lines."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from CCMetricsLib.colors import as_hex, score_color
from CCMetricsLib.evaluate import ComponentScore
from CCMetricsLib.maps import dice_of, title_of

_WIDTH, _HEIGHT = 760, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 130, 16, 48
_NEARLY_PERFECT = 0.95
_LABEL_HEIGHT = 16
_STANDARD, _CC = "#d55e00", "#0072b2"


def lesion_plot(
    lesions: Sequence[ComponentScore],
    numbered: Sequence[ComponentScore],
    *,
    dice: float | None,
    cc_dice: float | None,
) -> str:
    """An SVG element; a missed lesion is a cross. Lesions without a Dice are left out.

    Of the `numbered` lesions, those that are nearly perfect still go without: they lie side by side.
    """
    scored = [lesion for lesion in lesions if dice_of(lesion) is not None]
    low, high = _decades([lesion.volume_ml for lesion in scored])
    parts = [
        *_volume_axis(low, high),
        *_score_axis(),
        *_mean_lines(dice, cc_dice),
        *(_point(lesion, low, high, numbered=lesion in numbered) for lesion in scored),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'style="max-width:100%" font-family="system-ui, sans-serif" font-size="12" role="img" '
        f'aria-label="Dice of each lesion against its volume">{"".join(parts)}</svg>'
    )


def _decades(volumes_ml: Sequence[float]) -> tuple[int, int]:
    """The powers of ten that enclose the volumes.

    >>> _decades([0.02, 30.0]), _decades([])
    ((-2, 2), (-1, 1))
    """
    low = math.floor(math.log10(min(volumes_ml, default=0.1)))
    return low, max(low + 1, math.ceil(math.log10(max(volumes_ml, default=10.0))))


def _x(volume_ml: float, low: int, high: int) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (math.log10(volume_ml) - low) / (high - low)


def _y(score: float) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - score)


def _volume_axis(low: int, high: int) -> list[str]:
    parts = []
    for decade in range(low, high + 1):
        x = _x(10.0**decade, low, high)
        parts.append(_line(x, _y(0), x, _y(1), "#e3e8f0"))
        parts.append(_text(x, _y(0) + 18, f"{10.0**decade:g}", "middle"))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    return [*parts, _text(middle, _HEIGHT - 8, "volume of the lesion in the reference (ml)", "middle")]


def _score_axis() -> list[str]:
    parts = []
    for step in range(6):
        y = _y(step / 5)
        parts.append(_line(_LEFT, y, _WIDTH - _RIGHT, y, "#e3e8f0" if step else "#16263f"))
        parts.append(_text(_LEFT - 8, y + 4, f"{step / 5:.1f}", "end"))
    name = f'<text transform="translate(16 {_y(0.5):.1f}) rotate(-90)" text-anchor="middle">Dice of the lesion</text>'
    return [*parts, name]


def _mean_lines(dice: float | None, cc_dice: float | None) -> list[str]:
    """Dashed lines whose names stand beside the plot, moved apart where they would cover each other."""
    lines = [(score, name, color) for score, name, color in (
        (dice, "Dice", _STANDARD), (cc_dice, "CC-Dice", _CC)
    ) if score is not None]  # fmt: skip
    heights = {name: _y(score) + 4 for score, name, _ in lines}
    if len(lines) == 2 and abs(heights["Dice"] - heights["CC-Dice"]) < _LABEL_HEIGHT:
        upper = max(lines)[1]
        for name in heights:
            heights[name] += -_LABEL_HEIGHT / 2 if name == upper else _LABEL_HEIGHT / 2
    parts = []
    for score, name, color in lines:
        parts.append(_line(_LEFT, _y(score), _WIDTH - _RIGHT, _y(score), color, ' stroke-dasharray="6 4"', 1.8))
        parts.append(_text(_WIDTH - _RIGHT + 8, heights[name], f"{name} {score:.3f}", "start", color))
    return parts


def _point(lesion: ComponentScore, low: int, high: int, *, numbered: bool) -> str:
    dice = dice_of(lesion) or 0.0
    x, y = _x(lesion.volume_ml, low, high), _y(dice)
    told = f"{title_of(lesion).lower()}: {lesion.volume_ml:.3g} ml, " + (
        "missed" if lesion.missed else f"Dice {dice:.3f}"
    )
    number = (
        _text(x + 8, y - 6, str(lesion.component), "start", "#4a5873") if numbered and dice < _NEARLY_PERFECT else ""
    )
    if lesion.missed:
        cross = f"M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"
        shape = f'<path d="{cross}" stroke="{as_hex(score_color(0.0))}" stroke-width="2.2" fill="none">'
        return f"{shape}<title>{html.escape(told)}</title></path>{number}"
    fill = as_hex(score_color(dice))
    shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{fill}" stroke="#16263f" stroke-width="0.8">'
    return f"{shape}<title>{html.escape(told)}</title></circle>{number}"


def _line(x1: float, y1: float, x2: float, y2: float, color: str, dashes: str = "", width: float = 1.0) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" '
        f'stroke-width="{width}"{dashes}/>'
    )


def _text(x: float, y: float, text: str, anchor: str, color: str = "#16263f") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{html.escape(text)}</text>'

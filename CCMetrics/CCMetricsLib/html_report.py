"""One case as an HTML page: how it was scored, Dice against CC-Dice, every lesion, and pictures of the worst ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from AnatomyGuidedLib import __version__
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.progress import Progress, no_progress
from AnatomyGuidedLib.render_window import RenderingUnavailable
from AnatomyGuidedLib.report import Drawing, Figure, Section, report_page

from CCMetricsLib.case_pictures import CaseImages, lesion_figures
from CCMetricsLib.evaluate import ComponentScore, Evaluation
from CCMetricsLib.lesion_plot import lesion_plot
from CCMetricsLib.maps import dice_of
from CCMetricsLib.metrics import TABLE
from CCMetricsLib.report import FOREGROUND, RIVAL_TITLES, as_json

_Table = Mapping[str, object]

_LISTED, _PICTURED = 12, 6
_WHOLE, _MEAN = "whole image", "mean over lesions"
_CLASS_SCORES = ("dice", "cc_dice", "components", "missed_components")
_MEANINGS = {
    "distance": "what 'nearest lesion' is measured in",
    "connectivity": "neighbours that join voxels into one lesion",
    "instances": "whose values are lesions' numbers",
    "classes": "values scored as classes of their own",
    "surface": "variant of surfaces, HD95 and surface Dice",
    "tolerance_mm": "of the surface Dice",
    "detection_iou": "a lesion is found above this IoU",
    "inclusion": "share of a component that must lie in its partner, in ccDice",
    "lesion_dice": "what lesion Dice leaves open",
    "boundary_mm": "width of the rim of boundary IoU",
    "anatomy": "whether an atlas names the structures",
    "both_empty": "score where neither has a voxel",
    "no_reference": "score where the reference alone has none",
    "no_prediction": "score where the prediction alone has none",
    "empty_region": "score of a lesion in whose region nothing is predicted",
    "worst": "kind of the worst distance",
    "worst_mm": "distance of what was missed",
}


def case_page(
    evaluation: Evaluation,
    reference: Labelmap,
    prediction: Labelmap,
    *,
    image: Volume | None = None,
    progress: Progress = no_progress,
) -> str:
    """The page; where Slicer cannot draw here, a sentence stands in place of the pictures.

    `reference` and `prediction` are those that were scored; an image on their grid, if there is one, lies under them.
    """
    told = as_json(evaluation)
    figures, not_drawn = _pictures(
        evaluation, CaseImages(reference, prediction, evaluation.parameters, image), progress
    )
    sections = [
        _scores_section(evaluation, told),
        *_class_sections(told),
        _lesions_section(evaluation),
        *_worst_sections(evaluation, figures),
        _settings_section(told),
    ]
    title = f"CC-Metrics: {evaluation.case or 'one case'}"
    return report_page(title, _header(told), sections, [*_reasons(told), *not_drawn])


def worst_lesions(lesions: Sequence[ComponentScore], count: int) -> list[ComponentScore]:
    """The lesions with the lowest Dice, the larger first where it is equal; without a Dice they are left out."""
    scored = [(dice, lesion) for lesion in lesions if (dice := dice_of(lesion)) is not None]
    return [lesion for _, lesion in sorted(scored, key=lambda pair: (pair[0], -pair[1].volume_ml))[:count]]


def _header(told: Mapping[str, object]) -> str:
    """What decides the scores, in a sentence each: parameters with variants, and policies."""
    parameters, policies = (
        "; ".join(_setting_words(name, value) for name, value in _settings(told, group).items())
        for group in ("parameters", "policies")
    )
    return f"Scored by AnatomyGuided {__version__}. Parameters: {parameters}. Policies: {policies}."


def _settings_section(told: Mapping[str, object]) -> Section:
    settings = {**_settings(told, "parameters"), **_settings(told, "policies")}
    rows = [
        {"setting": name, "value": _setting(value), "meaning": _MEANINGS.get(name, "")}
        for name, value in settings.items()
    ]
    text = "docs/evaluation.md defines each of them."
    columns = ("setting", "value", "meaning")
    return Section("Parameters, variants and policies", text, columns, rows, (), as_text=columns)


def _settings(told: Mapping[str, object], group: str) -> _Table:
    """The parameters or policies; which metrics were asked for, the tables show."""
    settings = cast(_Table, told[group])
    return {name: value for name, value in settings.items() if name != "metrics"}


def _setting_words(name: str, value: object) -> str:
    """A setting in a sentence.

    >>> _setting_words("tolerance_mm", 2.0), _setting_words("both_empty", None)
    ('tolerance 2 mm', 'both empty undefined')
    """
    words = name.replace("_", " ")
    if words.endswith(" mm"):
        return f"{words.removesuffix(' mm')} {_setting(value)} mm"
    return f"{words} {_setting(value)}"


def _scores_section(evaluation: Evaluation, told: Mapping[str, object]) -> Section:
    summary = cast(_Table, told["summary"])
    rows = [
        {"metric": _title(name), _WHOLE: _score(summary[name]), _MEAN: _score(summary[f"cc_{name}"])}
        for name in evaluation.parameters.lesion_metrics
    ]
    rows += [
        {"metric": _title(name), _WHOLE: _score(summary[name]), _MEAN: ""}
        for name in evaluation.parameters.rival_metrics
    ]
    text = _scores_sentence(evaluation)
    return Section("Dice against CC-Dice", text, ("metric", _WHOLE, _MEAN), rows, (), decimals=3)


def _scores_sentence(evaluation: Evaluation) -> str:
    volumes = [lesion.volume_ml for lesion in evaluation.components]
    scores = " and ".join(
        f"{title} {value:.3f}"
        for title, value in zip(("Dice", "CC-Dice"), _dice(evaluation), strict=True)
        if value is not None
    )
    outside = f"{evaluation.fp_volume_ml:.3g} ml predicted outside of the reference."
    if not volumes:
        return f"The reference has no lesion, so that only volumes are defined: {outside}"
    share = max(volumes) / sum(volumes)
    without = "No Dice is defined" if "dice" in evaluation.parameters.metrics else "Dice was not asked for"
    if len(evaluation.classes) > 1:
        return (
            f"{scores or without}, each the mean over {len(evaluation.classes)} classes; {evaluation.missed} of "
            f"{len(volumes)} lesions missed; {outside}"
        )
    return (
        f"{scores or without}; {evaluation.missed} of {len(volumes)} lesions missed; {outside} "
        f"Dice counts voxels, and the largest lesion holds {share:.0%} of the reference's; in CC-Dice every lesion, "
        f"scored in the region that is nearer to it than to any other, counts the same, {1 / len(volumes):.0%}."
    )


def _dice(evaluation: Evaluation) -> tuple[float | None, float | None]:
    """Dice and CC-Dice; none where it is undefined or was not asked for."""
    whole, mean = (evaluation.scores.get(name) for name in ("dice", "cc_dice"))
    return whole.value if whole else None, mean.value if mean else None


def _class_sections(told: Mapping[str, object]) -> list[Section]:
    """One row a class, where there are classes."""
    classes = cast(Sequence[_Table], told["classes"])
    if len(classes) < 2:
        return []
    names = [name for name in _CLASS_SCORES if name in cast(_Table, classes[0]["summary"])]
    rows = [
        {"class": entry["class"], **{name: _score(cast(_Table, entry["summary"])[name]) for name in names}}
        for entry in classes
    ]
    return [Section("Class by class", "", ("class", *names), rows, (), decimals=3, as_text=("class",))]


def _lesions_section(evaluation: Evaluation) -> Section:
    if not any(dice_of(lesion) is not None for lesion in evaluation.components):
        return Section("Lesion by lesion", "No lesion has a Dice.", (), (), ())
    dice, cc_dice = _dice(evaluation)
    worst = worst_lesions(evaluation.components, _LISTED)
    plot = lesion_plot(evaluation.components, worst, dice=dice, cc_dice=cc_dice)
    caption = "Each lesion's Dice in its region against its volume. Crosses: missed. Numbers: the worst, listed below."
    return Section("Lesion by lesion", "", (), (), (Drawing(plot, caption),))


def _worst_sections(evaluation: Evaluation, figures: Sequence[Figure]) -> list[Section]:
    """Table and pictures of the worst lesions, where there are any."""
    worst = worst_lesions(evaluation.components, _LISTED)
    rows = [_lesion_row(lesion) for lesion in worst]
    if not rows:
        return []
    columns = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    text = f"The {len(rows)} lesions with the lowest Dice of {len(evaluation.components)}."
    if figures:
        text += " Axial slices; outlined in blue: the reference, in orange: the prediction."
    return [Section("The worst lesions", text, columns, rows, figures, decimals=3)]


def _lesion_row(lesion: ComponentScore) -> dict[str, object]:
    scores = {_title(name): _score(score.value) for name, score in lesion.scores.items()}
    return {
        "class": None if lesion.class_name == FOREGROUND else lesion.class_name,
        "lesion": lesion.component,
        "volume_ml": lesion.volume_ml,
        "missed": "missed" if lesion.missed else "",
        **scores,
        "false positives (ml)": lesion.fp_volume_ml,
        "structure": lesion.structure_name or None,
    }


def _pictures(evaluation: Evaluation, images: CaseImages, progress: Progress) -> tuple[list[Figure], list[str]]:
    worst = worst_lesions(evaluation.components, _PICTURED)
    try:
        return (lesion_figures(images, worst, progress=progress) if worst else []), []
    except RenderingUnavailable as error:
        return [], [f"Pictures of the worst lesions are missing: {error}"]


def _reasons(told: Mapping[str, object]) -> list[str]:
    """A sentence for each reason why scores are undefined."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in cast(Mapping[str, str], told["reasons"]).items():
        by_reason.setdefault(reason, []).append(_title(name))
    return [f"Not evaluable, because {reason}: {', '.join(names)}." for reason, names in by_reason.items()]


def _title(name: str) -> str:
    """A score's name for people, its unit in brackets.

    >>> _title("cc_dice"), _title("hd95_mm")
    ('CC-Dice', 'HD95 (mm)')
    """
    if name in RIVAL_TITLES:
        title = RIVAL_TITLES[name]
    else:
        title = ("CC-" if name.startswith("cc_") else "") + TABLE[name.removeprefix("cc_")].title
    words, comma, unit = title.partition(", ")
    return f"{words} ({unit})" if comma else title


def _setting(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(_setting_words(str(name), inner) for name, inner in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "undefined" if value is None else str(value)


def _score(value: object) -> object:
    return "undefined" if value is None else value

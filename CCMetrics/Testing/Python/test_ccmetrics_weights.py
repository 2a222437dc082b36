"""Anatomy-weighted means by hand, and the tables that they take their weights from."""

from __future__ import annotations

import csv
import io

import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import UnknownLabel, structures
from CCMetricsLib.metrics import Score, mean_over_components
from CCMetricsLib.weights import anatomy_weights, means_by_pathway, weighted_mean
from hypothesis import given, settings
from hypothesis import strategies as st

SOME_STRUCTURES = [label.name for label in structures()][:20]
LESIONS = [Score(0.8), Score(0.2), Score(None, "nothing predicted"), Score(0.5)]
PLACES = ["Liver", "Brain", "Brain", ""]
PORTAL = """structure,weight,pathway
Liver,,portal venous
Pancreas,2,portal venous
,4,portal venous
Brain,0.5,
"""


def weights_of(text: str):
    return anatomy_weights(csv.DictReader(io.StringIO(text)))


def test_without_a_table_the_mean_is_that_of_cc_metrics() -> None:
    mean = weighted_mean(LESIONS, PLACES)
    assert mean.score == mean_over_components(LESIONS)
    assert (mean.components, mean.undefined, mean.total_weight) == (3, 1, 3)


def test_a_table_of_two_columns_weighs_structures() -> None:
    mean = weighted_mean(LESIONS, PLACES, weights_of("structure,weight\nBrain,3\nLiver,0\n"))
    assert mean.score.value == pytest.approx((0 * 0.8 + 3 * 0.2 + 1 * 0.5) / 4)
    assert (mean.components, mean.undefined, mean.total_weight) == (3, 1, 4)


def test_a_structure_without_a_weight_takes_its_pathways() -> None:
    weights = weights_of(PORTAL)
    assert [weights.of(name) for name in ("Liver", "Pancreas", "Brain", "Spleen")] == [4, 2, 0.5, 1]
    assert weights.pathways == {"Liver": "portal venous", "Pancreas": "portal venous"}


def test_each_pathway_has_a_mean_of_its_own() -> None:
    scores = [Score(1.0), Score(0.4), Score(0.0), Score(None, "why"), Score(0.6)]
    means = means_by_pathway(scores, ["Liver", "Pancreas", "Brain", "Brain", ""], weights_of(PORTAL))
    assert list(means) == ["", "portal venous"]
    assert means["portal venous"].score.value == pytest.approx((4 * 1.0 + 2 * 0.4) / 6)
    assert means[""].score.value == pytest.approx((0.5 * 0.0 + 1 * 0.6) / 1.5)
    assert (means[""].components, means[""].undefined) == (2, 1)


def test_display_names_are_understood() -> None:
    weights = weights_of("structure,weight\nCosta 1 Left (rib 12),7\n")
    assert weights.of("Costa 1 Left") == 7
    assert weighted_mean([Score(1.0)], ["Costa 1 Left (rib 12)"], weights).total_weight == 7


def test_a_mean_of_nothing_is_undefined_with_a_reason() -> None:
    assert weighted_mean([], []).score == Score(None, "the reference has no lesion")
    undefined = weighted_mean([Score(None, "why")], ["Liver"])
    assert (undefined.score, undefined.components, undefined.undefined) == (Score(None, "why"), 0, 1)
    assert means_by_pathway([], [], weights_of(PORTAL)) == {}


def test_weights_of_0_alone_leave_nothing_to_average() -> None:
    mean = weighted_mean([Score(0.3)], ["Liver"], weights_of("structure,weight\nLiver,0\n"))
    assert mean.score == Score(None, "every lesion with a value has the weight 0")


def test_unknown_structures_are_all_listed_with_a_proposal() -> None:
    with pytest.raises(UnknownLabel, match=r"has no Livr, Gehirn; did you mean Liver\?"):
        weights_of("structure,weight\nLivr,1\nSpleen,1\nGehirn,2\n")
    with pytest.raises(UnknownLabel, match="has no Gehirnchen; names are spelled like Kidney Left"):
        weighted_mean([Score(1.0)], ["Gehirnchen"])
    with pytest.raises(UnknownLabel, match="Livr"):
        means_by_pathway([Score(1.0)], ["Livr"], weights_of(PORTAL))


@pytest.mark.parametrize("weight", ["-1", "nan", "inf", "heavy"])
def test_a_weight_must_be_a_finite_number_from_0(weight: str) -> None:
    with pytest.raises(AnatomyGuidedError, match=f"The weight of Liver must be .* but is '{weight}'"):
        weights_of(f"structure,weight\nLiver,{weight}\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("structure,weight\nLiver,1\nLiver,2\n", "name Liver more than once"),
        ("structure,weight,pathway\n,1,lymphatic\n,2,lymphatic\n", "name lymphatic more than once"),
        ("structure,weight,pathway\nLiver,1,\n,3,\n", "Row 2 of the weights names neither"),
        ("organ,weight\nLiver,1\n", "Row 1 of the weights names neither"),
        ("structure,weight\nLiver,\n", "No weight is given for Liver"),
        ("structure,weight,pathway\nLiver,,lymphatic\n", "No weight is given for Liver"),
        ("structure,weight,pathway\nLiver,,lymphatic\n,,lymphatic\n", "No weight is given for Liver, lymphatic"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(text: str, words: str) -> None:
    with pytest.raises(AnatomyGuidedError, match=words):
        weights_of(text)


def test_a_display_name_and_its_name_are_one_structure() -> None:
    with pytest.raises(AnatomyGuidedError, match="name Costa 1 Left more than once"):
        weights_of("structure,weight\nCosta 1 Left,1\nCosta 1 Left (rib 12),2\n")


def test_a_pathway_may_bear_a_structures_name() -> None:
    weights = weights_of("structure,weight,pathway\nLiver,2,\nBrain,,Liver\n,9,Liver\n")
    assert (weights.of("Liver"), weights.of("Brain")) == (2, 9)


def test_scores_without_a_structure_each_are_refused() -> None:
    for mean in (weighted_mean, means_by_pathway):
        with pytest.raises(ValueError, match="there are 2 and 1"):
            mean([Score(1.0), Score(0.5)], ["Liver"], weights_of(PORTAL))


@given(
    lesions=st.lists(
        st.tuples(st.one_of(st.none(), st.floats(0, 100)), st.sampled_from(["", *SOME_STRUCTURES])), max_size=20
    ),
    table=st.dictionaries(st.sampled_from(SOME_STRUCTURES), st.floats(0.01, 100)),
    factor=st.floats(0.1, 10),
)
@settings(max_examples=60, deadline=None)
def test_laws_of_weighted_means(
    lesions: list[tuple[float | None, str]], table: dict[str, float], factor: float
) -> None:
    scores, places = [Score(value) for value, _ in lesions], [place for _, place in lesions]
    weights = anatomy_weights({"structure": name, "weight": weight} for name, weight in table.items())
    mean = weighted_mean(scores, places, weights)
    values = [score.value for score in scores if score.value is not None]
    assert mean.components == len(values)
    assert mean.components + mean.undefined == len(lesions)
    if not values:
        assert mean.score.value is None
        return
    assert min(values) - 1e-9 <= mean.score.value <= max(values) + 1e-9
    assert weighted_mean(scores, places).score.value == pytest.approx(sum(values) / len(values))
    everywhere = {name: factor * weights.of(name) for name in SOME_STRUCTURES}
    scaled = anatomy_weights({"structure": name, "weight": weight} for name, weight in everywhere.items())
    if "" not in places:
        assert weighted_mean(scores, places, scaled).score.value == pytest.approx(mean.score.value)
    by_pathway = means_by_pathway(scores, places, weights)
    assert list(by_pathway) == [""]
    assert by_pathway[""] == mean

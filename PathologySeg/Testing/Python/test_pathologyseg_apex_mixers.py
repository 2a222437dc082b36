"""What pathology's queries take over from anatomy's: each mixer beside its formula written out in numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from AnatomyGuidedLib.errors import UsageError
from PathologySegLib.apex.shape import Exchange, Shape

torch = pytest.importorskip("torch", reason="torch is not installed")

from PathologySegLib.apex.mixers import CrossAttention, build_mixer  # noqa: E402

QUERIES, BATCH, HIDDEN, HEADS = 5, 2, 32, 4
SHAPE = Shape(hidden=HIDDEN, heads=HEADS, queries=QUERIES)
Array = npt.NDArray[np.float64]


def queries(seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 1, (QUERIES, BATCH, HIDDEN)).astype(np.float32))


def attended(mixer: CrossAttention, number: int, pathology: Array, anatomy: Array) -> tuple[Array, Array]:
    """Multi-head attention of one image's queries (queries, hidden), head by head; and its weights' mean over heads."""
    attention = mixer.attentions[number]
    weight, bias = (
        value.detach().numpy().astype(float) for value in (attention.in_proj_weight, attention.in_proj_bias)
    )
    q, k, v = (
        rows @ weight[part * HIDDEN : (part + 1) * HIDDEN].T + bias[part * HIDDEN : (part + 1) * HIDDEN]
        for part, rows in enumerate((pathology, anatomy, anatomy))
    )
    size, heads, looks = HIDDEN // HEADS, [], []
    for head in range(HEADS):
        own = slice(head * size, (head + 1) * size)
        scores = np.exp(q[:, own] @ k[:, own].T / np.sqrt(size))
        looks.append(scores / scores.sum(1, keepdims=True))
        heads.append(looks[-1] @ v[:, own])
    out, out_bias = (x.detach().numpy().astype(float) for x in (attention.out_proj.weight, attention.out_proj.bias))
    return np.concatenate(heads, axis=1) @ out.T + out_bias, np.mean(looks, axis=0)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("", lambda a, p: (a, p)),
        ("sum", lambda a, p: (a, a + p)),
        ("mean", lambda a, p: (a, (a + p) / 2)),
        ("sum-two-ways", lambda a, p: (a + p, a + p)),
    ],
)
def test_plain_mixers_are_their_formulas(name, formula) -> None:
    anatomy, pathology = queries(0), queries(1)
    mixed = build_mixer(Exchange(mixer=name), SHAPE)(anatomy, pathology, 0)
    for found, expected in zip(mixed[:2], formula(anatomy.numpy(), pathology.numpy()), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert mixed.attention is None


@pytest.mark.parametrize("name", ["cross-attention", "cross-attention-per-level"])
@pytest.mark.parametrize("layer", [0, 1, 2, 4])
def test_cross_attention_adds_what_was_seen_times_the_levels_gate(name: str, layer: int) -> None:
    torch.manual_seed(3)
    mixer = build_mixer(Exchange(mixer=name), SHAPE)
    with torch.no_grad():
        mixer.gates.copy_(torch.tensor([0.5, -1.0, 2.0]))
        for attention in mixer.attentions:
            attention.in_proj_bias.normal_()
            attention.out_proj.bias.normal_()
    anatomy, pathology = queries(0), queries(1)
    mixed = mixer(anatomy, pathology, layer)
    level = layer % 3
    for image in range(BATCH):
        own, other = pathology[:, image].numpy().astype(float), anatomy[:, image].numpy().astype(float)
        seen, looks = attended(mixer, level if name.endswith("level") else 0, own, other)
        gate = [0.5, -1.0, 2.0][level]
        np.testing.assert_allclose(mixed.pathology[:, image].detach(), own + gate * seen, atol=1e-5)
        np.testing.assert_allclose(mixed.attention[image].detach(), looks, atol=1e-6)
    assert mixed.anatomy is anatomy


def test_per_level_has_an_attention_a_level_and_the_other_one_for_all() -> None:
    counts = [len(build_mixer(Exchange(mixer=f"cross-attention{end}"), SHAPE).attentions) for end in ("", "-per-level")]
    assert counts == [1, 3]


@pytest.mark.parametrize("name", ["sum", "mean", "sum-two-ways", "cross-attention", "cross-attention-per-level"])
@pytest.mark.parametrize("detach", [False, True])
def test_detached_anatomy_gets_no_gradient_from_pathology(name: str, detach: bool) -> None:
    anatomy, pathology = queries(0).requires_grad_(), queries(1).requires_grad_()
    mixed = build_mixer(Exchange(mixer=name, detach=detach), SHAPE)(anatomy, pathology, 0)
    mixed.pathology.square().sum().backward()
    assert pathology.grad is not None
    assert (anatomy.grad is None) == detach


def test_a_mixer_or_sharing_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="cross-attention"):
        Exchange(mixer="product")
    with pytest.raises(UsageError, match="backbone"):
        Exchange(shared="nothing")

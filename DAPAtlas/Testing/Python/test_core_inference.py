"""Streaming inference against whole-volume logits computed the slow way."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

torch = pytest.importorskip("torch", reason="torch is not installed")

from AnatomyGuidedLib.inference.decoding import Largest, Regions  # noqa: E402
from AnatomyGuidedLib.inference.predict import Task, predict  # noqa: E402
from AnatomyGuidedLib.inference.windows import Window, Windows, window_starts  # noqa: E402
from torch import nn  # noqa: E402

CLASSES = 7


def network(seed: int = 0, *, classes: int = CLASSES, channels: int = 1) -> nn.Module:
    """A small network whose output depends on a voxel's surroundings and on the window's border."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv3d(channels, 6, 3, padding=1), nn.LeakyReLU(), nn.InstanceNorm3d(6), nn.Conv3d(6, classes, 3, padding=1)
    )


def image(shape: tuple[int, ...], seed: int = 0, channels: int = 1) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((channels, *shape))
    return np.stack([ndimage.gaussian_filter(part, 1.5) * 5 for part in noise]).astype(np.float32)


def slow_logits(networks: list[nn.Module], values: npt.NDArray[np.float32], window: Window) -> npt.NDArray[np.float64]:
    """Mean logits of the whole volume in double precision, every window and mirror written out."""
    missing = [max(0, side - n) for side, n in zip(window.shape, values.shape[1:], strict=True)]
    padded = np.pad(values, [(0, 0), *((m // 2, m - m // 2) for m in missing)])
    profile = np.ones(window.shape)
    for axis, side in enumerate(window.shape):
        if window.dimensions == 2 and axis == 0:
            continue
        along = [np.exp(-0.5 * ((x - side // 2) / (side / 8)) ** 2) for x in range(side)]
        profile = profile * np.reshape(along, [-1 if a == axis else 1 for a in range(3)])
    total, weight = 0.0, np.zeros(padded.shape[1:])
    starts = [window_starts(n, s, window.overlap) for n, s in zip(padded.shape[1:], window.shape, strict=True)]
    for corner in product(*starts):
        box = tuple(slice(c, c + s) for c, s in zip(corner, window.shape, strict=True))
        patch = padded[(slice(None), *box)]
        found = []
        for net in networks:
            for flips in product((False, True), repeat=len(window.mirror_axes)):
                axes = [axis + 1 for axis, flip in zip(window.mirror_axes, flips, strict=True) if flip]
                given_patch = np.flip(patch, axes).copy()
                with torch.no_grad():
                    tensor = torch.from_numpy(given_patch)[None]
                    out = net(tensor[:, :, 0])[:, :, None] if window.dimensions == 2 else net(tensor)
                found.append(np.flip(out[0].numpy().astype(np.float64), axes))
        if np.isscalar(total):
            total = np.zeros((len(found[0]), *padded.shape[1:]))
        total[(slice(None), *box)] += np.mean(found, axis=0) * profile
        weight[box] += profile
    cropped = tuple(slice(m // 2, m // 2 + n) for m, n in zip(missing, values.shape[1:], strict=True))
    return np.asarray((total / weight)[(slice(None), *cropped)])


def slow_resampled(logits: npt.NDArray[np.float64], shape: tuple[int, ...], order: int = 1) -> npt.NDArray[np.float64]:
    factors = [w / g for w, g in zip(shape, logits.shape[1:], strict=True)]
    return np.stack([ndimage.zoom(part, factors, order=order, mode="nearest", grid_mode=True) for part in logits])


def agree(labels: npt.NDArray[np.integer], logits: npt.NDArray[np.float64]) -> None:
    """Each label is that of the largest logit, but for ties within the rounding of half precision."""
    best = logits.max(0)
    chosen = np.take_along_axis(logits, labels[None].astype(np.int64), 0)[0]
    assert (best - chosen).max() < 8e-3 * max(1.0, np.abs(logits).max())
    assert (labels == logits.argmax(0)).mean() > 0.995


@pytest.mark.parametrize("shape", [(30, 21, 17), (9, 40, 12), (5, 6, 7)])
@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.7])
def test_labels_are_those_of_the_whole_volumes_logits(shape: tuple[int, int, int], overlap: float) -> None:
    window = Window((10, 8, 12), overlap)
    values = image(shape)
    found = predict([network()], values, Task(window, Largest(tuple(range(CLASSES)))))
    agree(found.labels, slow_logits([network()], values, window))
    assert found.labels.shape == shape
    assert found.labels.dtype == np.uint8


@pytest.mark.parametrize("wanted", [(60, 21, 40), (15, 10, 9), (31, 22, 16), (1, 1, 1), (30, 42, 17)])
def test_logits_are_interpolated_to_the_wanted_grid_before_the_largest_is_taken(wanted: tuple[int, int, int]) -> None:
    window, values = Window((10, 8, 12)), image((30, 21, 17), 1)
    found = predict([network()], values, Task(window, Largest(tuple(range(CLASSES))), wanted))
    agree(found.labels, slow_resampled(slow_logits([network()], values, window), wanted))


def test_an_axis_of_thick_slices_takes_the_nearest_slice() -> None:
    window, values = Window((4, 8, 12)), image((6, 21, 17), 2)
    task = Task(window, Largest(tuple(range(CLASSES))), (15, 42, 17), ("nearest", "linear", "linear"))
    logits = slow_logits([network()], values, window)
    in_plane = slow_resampled(logits, (6, 42, 17))
    nearest = np.clip(np.floor((np.arange(15) + 0.5) * 6 / 15 - 0.5 + 0.5).astype(int), 0, 5)
    agree(predict([network()], values, task).labels, in_plane[:, nearest])


def test_several_networks_channels_and_mirrors_are_averaged() -> None:
    networks = [network(seed, channels=2) for seed in range(3)]
    window, values = Window((10, 8, 12), 0.5, (0, 2)), image((20, 17, 15), 3, channels=2)
    found = predict(networks, values, Task(window, Largest(tuple(range(CLASSES)))))
    agree(found.labels, slow_logits(networks, values, window))


@pytest.mark.parametrize(("padding", "outside"), [("zero", 0.0), ("lowest", -3.0), ("edge", None)])
def test_an_image_smaller_than_a_window_is_padded_as_asked(padding: str, outside: float | None) -> None:
    seen: list[torch.Tensor] = []

    class Watch(nn.Module):
        def forward(self, patch: torch.Tensor) -> torch.Tensor:
            seen.append(patch.clone())
            return torch.cat((patch, -patch), 1)

    values = np.full((1, 3, 4, 5), 2.0, np.float32)
    values[0, 1, 1, 1] = -3.0
    found = predict([Watch()], values, Task(Window((5, 4, 5), padding=padding), Largest((0, 1))))
    assert found.labels.shape == (3, 4, 5)
    assert seen[0].shape == (1, 1, 5, 4, 5)
    expected = 2.0 if outside is None else outside
    assert (seen[0][0, 0, [0, 4]] == expected).all()


def test_around_a_small_image_each_channel_has_its_own_lowest_value() -> None:
    """Else the air around a CT would be an uptake far below 0 in the PET beside it."""
    seen: list[torch.Tensor] = []

    class Watch(nn.Module):
        def forward(self, patch: torch.Tensor) -> torch.Tensor:
            seen.append(patch.clone())
            return patch[:, :2]

    values = np.ones((3, 3, 4, 5), np.float32)
    values[0, 1, 1, 1], values[1, 0, 2, 3], values[2, 2, 2, 2] = -1.0, 0.25, 0.0
    predict([Watch()], values, Task(Window((5, 4, 7), padding="lowest"), Largest((0, 1))))
    padded = seen[0][0]
    assert padded.shape == (3, 5, 4, 7)
    for channel, outside in zip(padded, (-1.0, 0.25, 0.0), strict=True):
        assert (channel[[0, 4]] == outside).all()
        assert (channel[:, :, [0, 6]] == outside).all()
    assert (padded[:, 1:4, :, 1:6].numpy() == values).all()


def test_a_2d_network_sees_slices() -> None:
    torch.manual_seed(4)
    flat = nn.Sequential(nn.Conv2d(1, 5, 3, padding=1), nn.LeakyReLU(), nn.Conv2d(5, CLASSES, 3, padding=1))
    window, values = Window((1, 12, 10), 0.5, dimensions=2), image((5, 21, 17), 4)
    found = predict([flat], values, Task(window, Largest(tuple(range(CLASSES)))))
    agree(found.labels, slow_logits([flat], values, window))


@settings(max_examples=20, deadline=None)
@given(
    st.tuples(*[st.integers(1, 14)] * 3), st.tuples(*[st.integers(1, 9)] * 3), st.tuples(*[st.integers(1, 20)] * 3),
    st.sampled_from([0.0, 0.25, 0.5, 0.6]),
)  # fmt: skip
def test_any_shape_window_and_grid(shape, sides, wanted, overlap) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(5)
    point = nn.Sequential(nn.Conv3d(1, 4, 1), nn.LeakyReLU(), nn.Conv3d(4, CLASSES, 1))
    values, window = image(shape, 5), Window(sides, overlap)
    found = predict([point], values, Task(window, Largest(tuple(range(CLASSES))), wanted))
    logits = slow_resampled(slow_logits([point], values, window), wanted)
    best, chosen = logits.max(0), np.take_along_axis(logits, found.labels[None].astype(np.int64), 0)[0]
    assert (best - chosen).max() < 8e-3 * max(1.0, np.abs(logits).max())


@given(st.integers(1, 60), st.integers(1, 20), st.floats(0.0, 0.8))
@settings(deadline=None)
def test_windows_cover_every_voxel_and_their_weights_sum_to_one(voxels: int, side: int, overlap: float) -> None:
    side = min(side, voxels)
    axis = Windows.over((voxels, 5, 5), Window((side, 5, 5), overlap)).axes[0]
    total = np.zeros(voxels)
    for start, weights in zip(axis.starts, axis.weights, strict=True):
        total[start : start + side] += weights
    np.testing.assert_allclose(total, 1.0, atol=1e-5)


def test_probabilities_of_chosen_classes() -> None:
    window, values = Window((10, 8, 12)), image((20, 17, 15), 6)
    task = Task(window, Largest(tuple(range(CLASSES))), (40, 17, 15), chances_of=(2, 5))
    logits = slow_resampled(slow_logits([network()], values, window), (40, 17, 15))
    chances = np.exp(logits - logits.max(0))
    chances /= chances.sum(0)
    found = predict([network()], values, task).chances
    assert sorted(found) == [2, 5]
    for number, volume in found.items():
        np.testing.assert_allclose(volume, chances[number], atol=5e-3)


def test_regions_are_written_one_over_the_other() -> None:
    window, values = Window((10, 8, 12)), image((20, 17, 15), 7)
    logits = slow_logits([network(classes=3)], values, window)
    expected = np.zeros(values.shape[1:], int)
    for value, region in zip((1, 3, 2), logits, strict=True):
        expected[region > 0] = value
    found = predict([network(classes=3)], values, Task(window, Regions((1, 3, 2)))).labels
    assert (found == expected).mean() > 0.995


def test_classes_have_the_values_that_were_asked_for() -> None:
    window, values = Window((10, 8, 12)), image((12, 10, 12), 8)
    names = tuple(range(300, 300 + CLASSES))
    plain = predict([network()], values, Task(window, Largest(tuple(range(CLASSES))))).labels
    found = predict([network()], values, Task(window, Largest(names))).labels
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, plain.astype(int) + 300)


def test_a_class_that_cannot_win_anywhere_is_left_out() -> None:
    logits = torch.zeros(4, 2, 2, 2)
    logits[0], logits[1] = 5.0, 4.0  # 1 is below 0 everywhere; 2 wins at one corner, 3 may win between corners
    logits[2, 0, 0, 0], logits[3] = 9.0, 5.5
    logits[3, 1, 1, 1] = 4.0
    assert Largest((0, 1, 2, 3)).candidates(logits).tolist() == [0, 2, 3]


def test_it_stops_between_windows_and_tells_the_time_left() -> None:
    said: list[tuple[float, str]] = []
    with pytest.raises(Cancelled):
        predict(
            [network()],
            image((30, 21, 17)),
            Task(Window((10, 8, 12)), Largest(tuple(range(CLASSES)))),
            progress=lambda part, text: said.append((part, text)),
            cancelled=lambda: len(said) == 4,
        )
    assert said[0][1].startswith("Window 1 of ")
    assert "s left" in said[-1][1]
    assert 0 < said[-1][0] < 0.5


def test_a_window_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="overlap"):
        Window((4, 4, 4), 1.0)
    with pytest.raises(UsageError, match="padding 'mirror' is unknown"):
        Window((4, 4, 4), padding="mirror")
    with pytest.raises(UsageError, match="2D"):
        Window((2, 4, 4), dimensions=2)


def test_a_device_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(AnatomyGuidedError, match="no CUDA here"):
        predict([network()], image((9, 9, 9)), Task(Window((4, 4, 4)), Largest((0,) * CLASSES)), device="cuda:0")


class Hungry(nn.Module):
    """A network that runs out of memory on windows above a size."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.sizes = most, []  # type: ignore[var-annotated]

    def forward(self, patch: torch.Tensor) -> torch.Tensor:
        self.sizes.append(tuple(patch.shape[2:]))
        if patch[0, 0].numel() > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return torch.cat((patch, -patch), 1)


def test_where_memory_is_short_windows_become_smaller_and_the_notes_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps that a graphics card would go through, taken on the processor, since there is no card to fill here."""
    from AnatomyGuidedLib.inference import predict as module

    task = Task(Window((16, 16, 16)), Largest((0, 1)), divisors=(4, 4, 4))
    steps = module._efforts(task, "cuda")
    assert [step.device for step in steps] == ["cuda", "cuda", "cuda", "cuda", "cpu"]
    assert [step.keeping for step in steps] == ["cuda", "cpu", "cpu", "cpu", "cpu"]
    assert [step.window.shape[0] for step in steps] == [16, 16, 8, 4, 16]
    on_cpu = [module.replace(step, device="cpu", keeping="cpu") for step in steps]
    monkeypatch.setattr(module, "_efforts", lambda *_: on_cpu)
    hungry = Hungry(most=600)
    found = predict([hungry], image((20, 20, 20)), task)
    assert hungry.sizes[:3] == [(16, 16, 16), (16, 16, 16), (8, 8, 8)]
    assert len(found.notes) == 2
    assert "windows of 8 x 8 x 8 voxels" in found.notes[1]
    np.testing.assert_array_equal(found.labels, (image((20, 20, 20))[0] < 0).astype(int))
    with pytest.raises(MemoryError):
        predict([Hungry(most=0)], image((20, 20, 20)), task)

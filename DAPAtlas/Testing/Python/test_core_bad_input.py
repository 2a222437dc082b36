"""Bad input of every kind: one sentence that names the file but not its folder, exit code 1, and no output."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import (
    read_anatomy,
    read_ct,
    read_image,
    read_labelmap,
    read_pet,
    split_scheme,
    write_labelmap,
    write_volume,
)
from testing_data import OBLIQUE, ct_values, everything_in, numbered, refusal, write_nifti, write_nrrd

CT = ct_values()


def with_bad(*bad: float) -> np.ndarray:
    values = CT.astype(np.float32)
    values.flat[: len(bad)] = bad
    return values


def truncated(path: Path, whole: Path) -> Path:
    content = whole.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


FAULTS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "missing": ("does not exist", lambda f: f / "gone.nii.gz"),
    "truncated gzip": ("truncated", lambda f: truncated(f / "a.nii.gz", write_nifti(f / "b.nii.gz", CT))),
    "truncated raw": ("truncated", lambda f: truncated(f / "a.nii", write_nifti(f / "b.nii", CT))),
    "truncated nrrd": ("truncated", lambda f: truncated(f / "a.nrrd", write_nrrd(f / "b.nrrd", CT))),
    "truncated raw nrrd": (
        "truncated",
        lambda f: truncated(f / "a.nrrd", write_nrrd(f / "b.nrrd", CT, encoding="raw")),
    ),
    "header alone": ("truncated", lambda f: written(f / "a.nii", write_nifti(f / "b.nii", CT).read_bytes()[:352])),
    "part of a header": ("truncated", lambda f: written(f / "a.nii", write_nifti(f / "b.nii", CT).read_bytes()[:100])),
    "text": ("another format", lambda f: written(f / "a.nii.gz", b"This is a letter and no image.\n" * 50)),
    "packed text": ("another format", lambda f: written(f / "a.nii.gz", gzip.compress(b"No image.\n" * 50))),
    "text as nrrd": ("another format", lambda f: written(f / "a.nrrd", b"This is a letter and no image.\n" * 50)),
    "empty": ("damaged", lambda f: written(f / "a.nii.gz", b"")),
    "empty nrrd": ("damaged", lambda f: written(f / "a.nrrd", b"")),
    "2D": ("2 axes", lambda f: write_nifti(f / "a.nii.gz", CT[:, :, 0])),
    "4D": ("4 axes", lambda f: write_nifti(f / "a.nii.gz", np.stack([CT, CT], axis=-1))),
    "2D nrrd": (
        "2 axes",
        lambda f: write_nrrd(f / "a.nrrd", CT[:, :, 0], kinds=None, space_directions=np.eye(3)[:2]),
    ),
    "4D nrrd": (
        "4 axes",
        lambda f: write_nrrd(
            f / "a.nrrd",
            np.stack([CT, CT]),
            kinds=["list", "domain", "domain", "domain"],
            space_directions=np.vstack([np.full(3, np.nan), np.eye(3)]),
        ),
    ),
    "NaN": ("1 values that are NaN or infinite", lambda f: write_nifti(f / "a.nii.gz", with_bad(np.nan))),
    "infinite": (
        "3 values that are NaN or infinite",
        lambda f: write_nifti(f / "a.nii.gz", with_bad(np.inf, -np.inf, np.nan)),
    ),
    "NaN in nrrd": ("2 values that are NaN", lambda f: write_nrrd(f / "a.nrrd", with_bad(np.nan, np.nan))),
    "beyond float32": ("NaN or infinite", lambda f: write_nifti(f / "a.nii.gz", np.where(CT > 0, 1e300, 0.0))),
    "constant": ("constant: every voxel is 7", lambda f: write_nifti(f / "a.nii.gz", np.full(CT.shape, 7, np.int16))),
    "folder with an image's name": ("no DICOM image", lambda f: folder(f / "a.nii.gz")),
    "unknown extension": ("none of the formats", lambda f: written(f / "a.mha", b"ObjectType = Image")),
    "no extension": ("none of the formats", lambda f: written(f / "image", b"x")),
    "no DICOM in .dcm": ("cannot be read as DICOM", lambda f: written(f / "a.dcm", b"x" * 500)),
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return folder(tmp_path / "Secret Person")


@pytest.mark.parametrize("read", [read_image, read_ct, read_pet], ids=["image", "ct", "pet"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_image_is_refused_with_its_name_and_not_its_folder(
    fault: str, read: Callable[[Path], Volume], secret: Path
) -> None:
    words, make = FAULTS[fault]
    path = make(secret)
    message = refusal(lambda: read(path))
    assert words in message
    assert message.startswith(path.name)
    assert message.endswith(".")
    assert "\n" not in message
    assert "Secret" not in message
    assert str(secret.parent) not in message


@pytest.mark.parametrize("fault", FAULTS)
def test_the_command_line_says_it_in_one_line_and_writes_nothing(
    fault: str, secret: Path, tmp_path: Path, run_command: Callable[..., tuple[int, str, str]]
) -> None:
    words, make = FAULTS[fault]
    path = make(secret)
    before = everything_in(tmp_path)
    code, out, err = run_command(
        "atlas", path, "--experts", "rules", "-o", tmp_path / "new" / "a.seg.nrrd", "--json", tmp_path / "r.json"
    )
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert words in err
    assert "Secret" not in err
    assert everything_in(tmp_path) == before


def test_the_current_folder_is_called_by_its_name(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(secret)
    assert refusal(lambda: read_image(".")).startswith("Secret Person holds no DICOM image")


# Label maps


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint16])
@pytest.mark.parametrize("write", [write_nifti, write_nrrd], ids=["nii.gz", "nrrd"])
def test_whole_numbers_of_any_type_are_labels(dtype: type, write: Callable[..., Path], tmp_path: Path) -> None:
    path = write(tmp_path / f"a.{'nii.gz' if write is write_nifti else 'nrrd'}", numbered(dtype=dtype))
    labels = read_labelmap(path).values
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, numbered())


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (0.5, "not whole numbers (such as 0.5)"),
        (-1, "negative value -1"),
        (np.nan, "1 values that are NaN"),
        (-0.25, "not whole numbers (such as -0.25)"),
        (1e10, "too large"),
        (1e300, "too large"),
    ],
)
@pytest.mark.parametrize("write", [write_nifti, write_nrrd], ids=["nii.gz", "nrrd"])
def test_what_is_no_label_is_refused(bad: float, words: str, write: Callable[..., Path], secret: Path) -> None:
    values = numbered(dtype=np.float64)
    values[1, 1, 1] = bad
    path = write(secret / f"a.{'nii.gz' if write is write_nifti else 'nrrd'}", values)
    message = refusal(lambda: read_labelmap(path))
    assert words in message
    assert message.startswith(path.name)
    assert "Secret" not in message


@pytest.mark.parametrize("fault", ["missing", "truncated gzip", "text", "2D", "4D", "NaN"])
def test_a_bad_label_map_is_refused_like_an_image(fault: str, secret: Path) -> None:
    words, make = FAULTS[fault]
    path = make(secret)
    message = refusal(lambda: read_anatomy(f"{path}@totalsegmentator"))
    assert words in message
    assert "Secret" not in message


def test_a_value_outside_the_scheme_is_refused_and_an_unknown_scheme_is_a_wrong_call(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", np.where(CT > 0, 200, 0).astype(np.uint8))
    assert "200" in refusal(lambda: read_anatomy(str(path)))
    assert "atlantis" in refusal(lambda: read_anatomy(f"{path}@atlantis"), UsageError)


@pytest.mark.parametrize(
    ("text", "path", "scheme"),
    [
        ("a.nii.gz", "a.nii.gz", "dap"),
        ("a.nii.gz@moose", "a.nii.gz", "moose"),
        ("me@home/a.nii.gz", "me@home/a.nii.gz", "dap"),
        ("me@home/a.nii.gz@moose", "me@home/a.nii.gz", "moose"),
        ("a@b.nii.gz", "a@b.nii.gz", "dap"),
    ],
)
def test_the_scheme_is_what_follows_the_last_at_sign(text: str, path: str, scheme: str) -> None:
    assert split_scheme(text) == (Path(path), scheme)


# Writing


@pytest.mark.parametrize("name", ["a.mha", "a", "a.gz", "a.dcm"])
def test_an_output_of_an_unknown_format_is_refused(name: str, tmp_path: Path) -> None:
    grid = Grid(CT.shape, OBLIQUE)
    labelmap, volume = Labelmap(np.zeros(CT.shape, np.uint8), grid), Volume(CT, grid)
    for call in (lambda: write_labelmap(labelmap, tmp_path / name), lambda: write_volume(volume, tmp_path / name)):
        message = refusal(call)
        assert f"{name} must end in" in message
        assert str(tmp_path) not in message


def test_an_image_is_no_label_map_and_modalities_are_not_mixed_up(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(CT, OBLIQUE), tmp_path / "ct.nii.gz")
    assert "negative value" in refusal(lambda: read_labelmap(tmp_path / "ct.nii.gz"))
    with pytest.raises(AnatomyGuidedError, match="no PET in SUVbw"):
        read_pet(tmp_path / "ct.nii.gz")


@pytest.mark.parametrize("option", ["-o", "--report", "--statistics", "--json"])
def test_an_output_never_takes_the_place_of_an_input(tmp_path, option, run_command):
    from made_images import cylinder_body

    ct = tmp_path / "ct.nii.gz"
    write_volume(cylinder_body(), ct)
    before = ct.read_bytes()
    link = tmp_path / "link.nii.gz"
    link.symlink_to(ct)
    for target in (ct, link, tmp_path / "x" / ".." / "ct.nii.gz"):
        words = ["-o", tmp_path / "a.nii.gz"] if option != "-o" else []
        code, out, err = run_command("atlas", ct, *words, option, target)
        assert (code, out) == (1, "")
        assert "is an input" in err
        assert ct.read_bytes() == before
        assert not (tmp_path / "a.nii.gz").exists()


def test_a_wrong_extension_is_named_before_any_work(tmp_path, run_command):
    code, _, err = run_command("atlas", tmp_path / "missing.nii.gz", "-o", tmp_path / "result")
    assert code == 1
    assert err.startswith("result must end in .seg.nrrd")


@pytest.mark.parametrize("words", [["atlas", "", "-o", "a.nii.gz"], ["phantom", ""], ["demo", "-o", ""]])
def test_an_empty_argument_is_a_wrong_call(words, run_command):
    code, _, err = run_command(*words)
    assert code == 2
    assert "an argument is empty" in err

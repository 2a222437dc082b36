"""Models that come into the store: fetched, added, verified, removed; and files of strangers that are refused."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.archives import unpack_zip
from AnatomyGuidedLib.download import download
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.grid import Grid, Volume
from AnatomyGuidedLib.labels import scheme
from AnatomyGuidedLib.model_store import Addition, add_model, with_scheme
from AnatomyGuidedLib.models import find_model
from AnatomyGuidedLib.predictors.predictor import Labels
from AnatomyGuidedLib.published_models import published_models

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("dynamic_network_architectures", reason="dynamic_network_architectures is not installed")

import nnunet_folders as made  # noqa: E402
from AnatomyGuidedLib.predictors.card import read_predictor  # noqa: E402
from AnatomyGuidedLib.predictors.nnunet_v2 import read_nnunet_v2  # noqa: E402

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path / "store"))
    return tmp_path / "store"


def nnunet(tmp_path: Path, names: list[str] | None = None, classes: int = 4) -> Path:
    network = made.architecture(3, (4, 6), [1, [2, 2, 2]], [[3, 3, 3]] * 2)
    entry = made.configuration((8, 8, 8), (4.0, 4.0, 4.0), network)
    labels = made.organs(classes) if names is None else {"background": 0, **{n: i for i, n in enumerate(names, 1)}}
    return made.write_folder(
        tmp_path / "results" / "nnUNetTrainer__nnUNetPlans__3d_fullres", "3d_fullres", made.plans("3d_fullres", entry),
        made.dataset(labels), classes=classes,
    )  # fmt: skip


def zipped(folder: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for file in sorted(folder.rglob("*")):
            target.write(file, file.relative_to(folder.parent))
    return archive


def ct() -> Volume:
    values = np.random.default_rng(3).normal(0, 200, (14, 12, 10)).astype(np.float32)
    return Volume(values, Grid((14, 12, 10), np.diag([-4.0, -4.0, 5.0, 1.0])), "HU")


def test_an_nnunet_folder_is_kept_in_our_form_and_predicts_the_same(tmp_path: Path, run_command: Run) -> None:
    folder = nnunet(tmp_path)
    code, out, _ = run_command("models", "add", folder, "--name", "mine", "--licence", "CC0-1.0")
    assert (code, out) == (0, "mine\t3 structures from CT\tCC0-1.0\n")
    before, _ = read_nnunet_v2(folder).labelmap([ct()], device="cpu")
    after, _ = read_predictor(find_model("mine").folder).labelmap([ct()], device="cpu")
    np.testing.assert_array_equal(before.values, after.values)
    assert [file.suffix for file in sorted(find_model("mine").folder.iterdir())] == [".json", ".safetensors"]
    assert run_command("models", "verify", "mine")[:2] == (0, "mine: all files are as its card says\n")
    assert run_command("models", "remove", "mine")[0] == 0
    assert not find_any("mine")


def find_any(name: str) -> bool:
    try:
        return bool(find_model(name))
    except UsageError:
        return False


def test_an_archive_is_added_and_a_name_is_not_taken_twice(tmp_path: Path, run_command: Run) -> None:
    archive = zipped(nnunet(tmp_path).parent, tmp_path / "model.zip")
    assert run_command("models", "add", archive, "--name", "mine")[0] == 0
    code, _, said = run_command("models", "add", archive, "--name", "mine")
    assert code == 2
    assert "--force" in said
    assert run_command("models", "add", archive, "--name", "mine", "--force")[0] == 0


def test_a_model_of_ours_is_copied_once_it_is_as_its_card_says(tmp_path: Path) -> None:
    folder = add_model(nnunet(tmp_path), Addition("first")).folder
    assert add_model(folder, Addition("second")).files == find_model("first").files
    weights = folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(AnatomyGuidedError, match="is damaged"):
        add_model(folder, Addition("third"))
    assert not find_any("third")


def test_labels_get_their_schemes_values_by_name_by_order_or_as_they_are() -> None:
    def labels(names: list[str]) -> Labels:
        return Labels(tuple(range(len(names) + 1)), dict(enumerate(names, 1)))

    known = scheme("totalsegmentator")
    by_name = with_scheme(labels(["Liver", "SPLEEN", "kidney-right"]), "totalsegmentator")
    assert [known.names[value] for value in by_name.values[1:]] == ["liver", "spleen", "kidney_right"]
    everything = with_scheme(labels([f"class {n}" for n in range(len(known.names))]), "totalsegmentator")
    assert everything.values == (0, *sorted(known.names))
    dap = with_scheme(labels([f"class {n}" for n in range(144)]), "dap")
    assert dap.values[10:13] == (10, 0, 12)  # there is no structure 11
    assert with_scheme(labels([f"class {n}" for n in range(143)]), "dap").values[10:12] == (10, 12)
    with pytest.raises(AnatomyGuidedError, match="5 classes, but the scheme dap has 143"):
        with_scheme(labels(list("abcde")), "dap")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "../x"}, "letters, digits"),
        ({"scheme": "nobodys"}, "no labelling scheme"),
        ({"orientation": "XYZ"}, "axis codes"),
        ({"orientation": "RRS"}, "axis codes"),
    ],
)
def test_a_wrong_addition_is_refused(change: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Addition(**{"name": "mine", **change})  # type: ignore[arg-type]


def test_a_folder_without_or_with_several_models_is_refused(tmp_path: Path, store: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(AnatomyGuidedError, match="holds no model"):
        add_model(tmp_path / "empty", Addition("mine"))
    folder = nnunet(tmp_path)
    add_model(folder, Addition("a"))
    add_model(folder, Addition("b"))
    with pytest.raises(AnatomyGuidedError, match=r"several models \(a, b\)"):
        add_model(store, Addition("mine"))
    assert sorted(path.name for path in store.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:\\evil.txt"])
def test_an_archive_that_names_a_file_outside_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(name, "x")
    (tmp_path / "in").mkdir()
    with pytest.raises(AnatomyGuidedError, match="outside its folder; nothing was unpacked"):
        unpack_zip(tmp_path / "evil.zip", tmp_path / "in")
    assert not list(tmp_path.rglob("evil.txt"))


def test_an_archive_with_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(AnatomyGuidedError, match="link to another place"):
        unpack_zip(tmp_path / "evil.zip", tmp_path)


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(8 << 20))
    (tmp_path / "in").mkdir()
    with pytest.raises(AnatomyGuidedError, match="far more than it holds"):
        unpack_zip(tmp_path / "bomb.zip", tmp_path / "in")
    with pytest.raises(AnatomyGuidedError, match="over 1 MiB"):
        unpack_zip(_stored(tmp_path), tmp_path / "in", largest_bytes=1 << 20)
    assert not list((tmp_path / "in").iterdir())


def _stored(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "large.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("zeros", bytes(2 << 20))
    return tmp_path / "large.zip"


def test_an_archive_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    """The directory says 100 bytes, the data are a mebibyte."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data", bytes(range(256)) * 4096)
    data = bytearray(buffer.getvalue())
    place = data.rindex(b"PK\x01\x02")
    data[place + 24 : place + 28] = (100).to_bytes(4, "little")
    (tmp_path / "liar.zip").write_bytes(data)
    (tmp_path / "in").mkdir()
    with pytest.raises(AnatomyGuidedError):
        unpack_zip(tmp_path / "liar.zip", tmp_path / "in")
    assert sum(file.stat().st_size for file in (tmp_path / "in").rglob("*") if file.is_file()) <= 100


@pytest.mark.parametrize("damage", ["truncated", "text"])
def test_a_damaged_archive_is_refused(tmp_path: Path, damage: str) -> None:
    archive = zipped(nnunet(tmp_path), tmp_path / "model.zip")
    archive.write_bytes(archive.read_bytes()[:2000] if damage == "truncated" else b"no archive")
    with pytest.raises(AnatomyGuidedError, match="damaged or no zip file"):
        add_model(archive, Addition("mine"))
    assert not find_any("mine")


def test_cancelling_leaves_nothing(tmp_path: Path, store: Path) -> None:
    with pytest.raises(Cancelled):
        add_model(nnunet(tmp_path), Addition("mine"), cancelled=lambda: True)
    assert not list(store.iterdir())


class Server(http.server.BaseHTTPRequestHandler):
    """Gives one file; honours ranges unless told not to; may break off after some bytes."""

    content = b""
    breaks_after: int | None = None
    ranges = True
    asked: list[str | None] = []  # noqa: RUF012

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        type(self).asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if wanted and start >= len(self.content):
            self.send_error(416)
            return
        self.send_response(206 if wanted and self.ranges else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        part = self.content[start:]
        self.wfile.write(part if self.breaks_after is None else part[: self.breaks_after])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, type[Server]]]:
    handler = type("Handler", (Server,), {"asked": [], "content": np.random.default_rng(0).bytes(900_000)})
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}/model.zip", handler
    running.shutdown()
    running.server_close()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_goes_on_where_it_stopped(tmp_path: Path, server: tuple[str, type[Server]], ranges: bool) -> None:
    address, handler = server
    handler.breaks_after, handler.ranges = 400_000, ranges
    with pytest.raises(AnatomyGuidedError, match="what is there already is kept"):
        download(address, tmp_path / "m.zip", digest(handler.content))
    assert not (tmp_path / "m.zip").exists()
    handler.breaks_after = None
    download(address, tmp_path / "m.zip", digest(handler.content))
    assert (tmp_path / "m.zip").read_bytes() == handler.content
    assert handler.asked == [None, "bytes=400000-"]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["m.zip"]


def test_a_download_with_another_checksum_is_removed(tmp_path: Path, server: tuple[str, type[Server]]) -> None:
    address, _ = server
    with pytest.raises(AnatomyGuidedError, match="not the file that was expected"):
        download(address, tmp_path / "m.zip", "0" * 64)
    assert not list(tmp_path.glob("m.zip*"))


def test_cancelling_a_download_keeps_what_is_there(tmp_path: Path, server: tuple[str, type[Server]]) -> None:
    address, handler = server
    calls = iter(range(100))
    with pytest.raises(Cancelled):
        download(address, tmp_path / "m.zip", digest(handler.content), cancelled=lambda: next(calls) >= 2)
    assert 0 < (tmp_path / "m.zip.part").stat().st_size < len(handler.content)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://host/model.zip", "model.zip"])
def test_only_addresses_of_the_web_are_fetched(tmp_path: Path, address: str) -> None:
    with pytest.raises(AnatomyGuidedError, match="https://"):
        download(address, tmp_path / "m.zip", "0" * 64)


def test_a_server_that_is_not_there_ends_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(AnatomyGuidedError, match="could not be fetched"):
        download("http://127.0.0.1:9/model.zip", tmp_path / "m.zip", "0" * 64)


def test_fetching_shows_the_licence_and_waits_for_it_to_be_accepted(
    tmp_path: Path, server: tuple[str, type[Server]], run_command: Run
) -> None:
    address, handler = server
    handler.content = zipped(nnunet(tmp_path), tmp_path / "model.zip").read_bytes()
    words = ["models", "fetch", address, "--name", "mine", "--licence", "CC-BY-4.0"]
    code, _, said = run_command(*words)
    assert (code, "CC-BY-4.0" in said, "--sha256" in said) == (2, True, True)
    words += ["--sha256", digest(handler.content)]
    code, _, said = run_command(*words)
    assert (code, "--accept-licence" in said, handler.asked) == (2, True, [])
    assert run_command(*words, "--accept-licence")[0] == 0
    assert find_model("mine").licence == "CC-BY-4.0"


@pytest.mark.parametrize("model", published_models(), ids=lambda model: model.name)
def test_a_published_model_says_how_to_get_it(model: object, run_command: Run) -> None:
    code, _, said = run_command("models", "fetch", model.name)  # type: ignore[attr-defined]
    assert code == 1
    assert "anatomyguided models add" in said
    assert "Licence:" in said


def test_the_list_names_published_models(run_command: Run, tmp_path: Path) -> None:
    code, _, said = run_command("models", "list", "--json", tmp_path / "m.json")
    assert code == 0
    assert "dap-atlas-v2" in said
    assert "dap-atlas-v2" in json.loads((tmp_path / "m.json").read_text())["published"]


def test_an_action_without_a_model_is_a_wrong_call(run_command: Run) -> None:
    code, _, said = run_command("models", "remove")
    assert code == 2
    assert "needs a model" in said
    code, _, said = run_command("models", "remove", "../other")
    assert code == 2
    assert "no model 'other'" in said

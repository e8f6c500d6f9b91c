"""`seqtool info`, `seqtool models`, and what -m/--model means."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import RunCli
from vector_files import fasttext, put, sample, text

from seqtool import discovery, plugins
from seqtool.errors import SeqtoolError
from seqtool.models import installed_models, resolve_model
from seqtool.vectors import WordVectors, save_vectors

CARD = "English, 10 words.\nMade for a test."


def install(folder: Path, command: str, *names: str) -> None:
    """Let there be a plugin package with models; importing it is an error."""
    package = folder / f"models_of_{command}"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')", encoding="utf-8")
    for name in names:
        path = str(package / "models" / f"{name}.safetensors")
        metadata = {"licence": "CC0", "card": CARD, "seed": 7, "arguments": {"window": 5}}
        save_vectors(path, WordVectors(*sample()), metadata, quantize="int8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two plugins: ``one`` with a model, ``two`` with two."""
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "one", "english")
    install(tmp_path, "two", "a", "b")
    entries = [
        discovery.EntryPoint(name, f"models_of_{name}", f"seqtool-{name}", str(tmp_path))
        for name in ("one", "two", "three")
    ]
    plugins.set_host(plugins.PluginHost(entries))
    monkeypatch.setattr(plugins, "set_host", lambda host: None)  # main() would look again
    return tmp_path


def test_installed_models(site: Path) -> None:
    assert [m.full_name for m in installed_models()] == ["one/english", "two/a", "two/b"]
    assert not [name for name in sys.modules if name.startswith("models_of_")]


def test_resolving(site: Path) -> None:
    (one,) = installed_models("one")
    for name in (None, "english", "one/english", one.path):
        assert resolve_model("one", name) == one.path
    assert resolve_model("two", "one/english") == one.path
    assert resolve_model("two", "b").endswith("b.safetensors")
    for command, name, message in [
        ("two", None, r"use -m \(installed: two/a, two/b\)"),
        ("three", None, r"use -m with a file \(no model is installed\)"),
        ("one", "german", r"'german' \(installed: one/english\)"),
        ("three", "x", r"'x' \(installed: one/english, two/a, two/b\)"),
    ]:
        with pytest.raises(SeqtoolError, match=message):
            resolve_model(command, name)


def test_default_among_several(site: Path) -> None:
    folder = site / "models_of_two" / "models"
    (folder / "a.safetensors").rename(folder / "default.safetensors")
    assert resolve_model("two", None) == str(folder / "default.safetensors")


def test_models(site: Path, run_cli: RunCli) -> None:
    put(site / "models_of_two" / "models", "b.safetensors", b"damaged")
    shown = run_cli("models")
    assert shown.code == 0
    lines = shown.out.split("\n")
    assert lines[0].split()[0] == "one/english"
    assert lines[0].endswith("CC0  English, 10 words.")
    assert "damaged safetensors file" in lines[2]
    rows = json.loads(run_cli("models", "--format", "json").out)["models"]
    assert rows[0]["kind"] == "word-vectors"
    assert rows[0]["error"] is None
    assert rows[2]["error"]


def test_info_of_a_model(site: Path, run_cli: RunCli) -> None:
    result = run_cli("info", "one/english")
    assert result.code == 0
    assert "kind            word-vectors\n" in result.out
    assert "arguments       window=5\n" in result.out
    assert "card            English, 10 words.\n                Made for a test.\n" in result.out
    assert "tensor          matrix  I8  10 x 4\n" in result.out
    fields = json.loads(run_cli("info", "--format", "json", "one/english").out)
    assert fields["metadata"]["seed"] == 7
    assert fields["tensors"]["matrix"] == {"dtype": "I8", "shape": [10, 4]}


def test_info_of_vectors(tmp_path: Path, run_cli: RunCli) -> None:
    words, matrix = sample()
    path = put(tmp_path, "v.vec", text(words, matrix))
    fields = json.loads(run_cli("info", path, "--format", "json").out)
    size = (tmp_path / "v.vec").stat().st_size
    expected = {"format": "word2vec text", "words": 10, "dimensions": 4}
    assert fields == {"file": path, "bytes": size, **expected}
    path = put(tmp_path, "v.txt", text(words, matrix, header=False))
    assert "words           not said\ndimensions      4\n" in run_cli("info", path).out
    path = put(tmp_path, "m.bin", fasttext(words, matrix, np.ones((9, 4), dtype=np.float32)))
    assert "model=skipgram" in run_cli("info", path).out


@pytest.mark.parametrize("name", ["absent.vec", "noise.bin"])
def test_info_of_something_else(tmp_path: Path, run_cli: RunCli, name: str) -> None:
    put(tmp_path, "noise.bin", b"no vectors\n")
    result = run_cli("info", tmp_path / name)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("seqtool info: ")
    assert result.err.count("\n") == 1


def test_no_models(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTOOL_PLUGINS", "")
    assert run_cli("models").out == "no models\n"

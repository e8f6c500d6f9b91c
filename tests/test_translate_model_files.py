"""Files of translation models: what is written comes back, and what is damaged is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import RunCli

from seqtool.errors import SeqtoolError
from seqtool.modelfile import read_model, write_model
from seqtool.models import describe_file
from seqtool.nn.encoder_decoder import EncoderDecoder, EncoderDecoderSettings
from seqtool_translate.model_files import KIND, load, save
from seqtool_translate.pairs import Pairs
from seqtool_translate.text_side import TextSide
from seqtool_translate.vocabulary import make_sides

GERMAN = ["Ein Hund rennt.", "Zwei Katzen.", "Ein Kind spielt Ball."] * 5
ENGLISH = ["A dog runs.", "Two cats.", "A child plays ball."] * 5
Parts = tuple[EncoderDecoder, TextSide, TextSide]


def parts(level: str = "char", joint: bool = False, **shape: Any) -> Parts:
    """A model of random weights with its languages."""
    names = ("vocab_size", "tokenizer", "source_tokenizer", "target_tokenizer")
    settings = {**dict.fromkeys(names), "level": level, "joint": joint, "threads": 1}
    source, target = make_sides(Pairs(GERMAN, ENGLISH, "", 0), settings)
    sizes = {"embedding": 6, "hidden": 8, "shared": joint, **shape}
    model = EncoderDecoder(EncoderDecoderSettings(source.vocab_size, target.vocab_size, **sizes))
    model.initialise(1)
    return model, source, target


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model's file."""
    path = str(tmp_path_factory.mktemp("models") / "m.safetensors")
    save(path, *parts(), "float16", {"seed": 1})
    return path


@pytest.mark.parametrize("precision", ["float16", "float32"])
@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"attention": "none", "feeding": False, "bidirectional": False},
        {"attention": "additive", "coverage": True, "layers": 2, "cell": "gru", "tied": False},
    ],
    ids=["usual", "plain", "all"],
)
def test_what_is_written_comes_back(
    tmp_path: Path, precision: str, joint: bool, shape: dict[str, Any]
) -> None:
    model, source, target = parts("subword" if joint else "char", joint, **shape)
    path = str(tmp_path / "m.safetensors")
    save(path, model, source, target, precision, {"seed": 3, "card": "of a test"})
    loaded = load(path)
    assert loaded.path == path
    assert loaded.model.settings == model.settings
    assert (loaded.metadata["seed"], loaded.metadata["kind"]) == (3, KIND)
    assert (loaded.source is loaded.target) == joint
    assert loaded.source.names == source.names
    assert loaded.target.names == target.names
    assert loaded.source.encode(GERMAN).ids.tolist() == source.encode(GERMAN).ids.tolist()
    for name, weight in model.parameters.items():
        kept = weight.astype(precision).astype(np.float32)
        np.testing.assert_array_equal(loaded.model.parameters[name], kept)
    again = str(tmp_path / "again.safetensors")
    save(
        again,
        loaded.model,
        loaded.source,
        loaded.target,
        precision,
        {"seed": 3, "card": "of a test"},
    )
    assert Path(again).read_bytes() == Path(path).read_bytes()


def test_info_says_what_it_is(written: str) -> None:
    about = describe_file(written)
    assert about["metadata"]["kind"] == KIND
    assert about["metadata"]["model"]["attention"] == "general"


def test_info_shows_no_whole_tokenizer(run_cli: RunCli, written: str) -> None:
    result = run_cli("info", written)
    assert result.code == 0
    assert result.out.count("tokenizer.json of ") == 2
    assert "<unk>" not in result.out


def test_weights_that_float16_cannot_hold(tmp_path: Path) -> None:
    model, source, target = parts()
    model.parameters["source.table"][0, 0] = 1e6
    path = tmp_path / "m.safetensors"
    with pytest.raises(SeqtoolError, match="too large for float16: use float32"):
        save(str(path), model, source, target, "float16", {})
    assert not path.exists()


def refusal(path: object) -> str:
    """The one line that loading says."""
    with pytest.raises(SeqtoolError) as caught:
        load(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_model_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    write_model(str(path), {"x": np.zeros(3)}, {"kind": "language-model"})
    assert refusal(path).startswith(f"{path}: holds 'language-model', not a translation model")
    path.write_text("no model\n", encoding="utf-8")
    assert "damaged safetensors file" in refusal(path)
    assert "no file and no installed model" in refusal(tmp_path / "none.safetensors")


def test_a_file_that_is_cut_off(written: str, tmp_path: Path) -> None:
    whole = Path(written).read_bytes()
    path = tmp_path / "m.safetensors"
    for size in (0, 5, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert str(path) in refusal(path)


def changes() -> list[Any]:
    """Things that may be wrong in the metadata or the tensors."""
    settings: dict[str, list[Any]] = {
        "source_vocab": [0, 10**12, "1", 7],
        "target_vocab": [7, True],
        "embedding": [-1, 10**12, 2.0],
        "hidden": [10**7, 0, 7],
        "layers": [10**6, 2],
        "cell": ["none", 3],
        "bidirectional": [1, False],
        "attention": ["x", "none", "additive"],
        "feeding": [None, False],
        "coverage": [True],
        "shared": [True],
        "tied": [False, "x"],
        "dropout": [1, -0.1, "0", float(2)],
        "smoothing": [1.5],
    }
    found = [
        pytest.param(lambda t, m, n=name, v=value: m["model"].update({n: v}), id=f"{name} {value}")
        for name, values in settings.items()
        for value in values
    ]
    others: dict[str, Callable[[Any, Any], Any]] = {
        "a field too much": lambda t, m: m["model"].update(more=1),
        "a field is missing": lambda t, m: m["model"].pop("tied"),
        "no shape": lambda t, m: m.update(model=7),
        "a damaged tokenizer": lambda t, m: m.update(source_tokenizer="{"),
        "no tokenizer": lambda t, m: m.pop("target_tokenizer"),
        "a tokenizer that is a number": lambda t, m: m.update(target_tokenizer=3),
        "one tokenizer for two": lambda t, m: m.update(tokenizer=m["source_tokenizer"]),
        "a tensor is missing": lambda t, m: t.pop("source.table"),
        "a tensor too much": lambda t, m: t.update(more=np.zeros(3)),
        "too few rows": lambda t, m: t.update({"source.table": t["source.table"][:-1]}),
        "not a number": lambda t, m: t["source.table"].fill(np.nan),
        "whole numbers": lambda t, m: t.update({"source.table": t["source.table"].astype(int)}),
    }
    return found + [pytest.param(change, id=name) for name, change in others.items()]


@pytest.mark.parametrize("change", changes())
def test_a_model_that_is_damaged(written: str, tmp_path: Path, change: Any) -> None:
    tensors, metadata = read_model(written, KIND)
    change(tensors, metadata)
    path = tmp_path / "m.safetensors"
    write_model(str(path), tensors, metadata)
    assert refusal(path).startswith(str(path)) or "recurrent cell" in refusal(path)

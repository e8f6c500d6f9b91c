"""Files of trigger models: what is written comes back, and what is damaged is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trigger_sounds import make_model

from seqtool.errors import SeqtoolError
from seqtool.modelfile import read_model, write_model
from seqtool.nn.acoustic import fewest_numbers
from seqtool_detect_trigger.listening import Listener
from seqtool_detect_trigger.model_files import load, save


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_what_is_written_comes_back(tmp_path: Path, precision: str) -> None:
    path = str(tmp_path / "m.safetensors")
    made = make_model(tmp_path / "a.safetensors", threshold=0.25, delay=0.1, smoothing=5)
    save(path, made, precision, {"seed": 3, "card": "of a test"})
    found = load(path)
    assert (found.path, found.name, found.rule) == (path, "word", made.rule)
    assert (found.features, found.network.settings) == (made.features, made.network.settings)
    assert (found.mean == made.mean).all()
    assert (found.scale == made.scale).all()
    assert (found.metadata["seed"], found.metadata["card"]) == (3, "of a test")
    for name, weight in made.network.parameters.items():
        kept = weight.astype(precision).astype(np.float32)
        assert (found.network.parameters[name] == kept).all()
    if precision == "float32":
        samples = np.random.default_rng(1).standard_normal(16000).astype(np.float32) * 0.1
        heard = [Listener(model).push(samples).probabilities for model in (made, found)]
        assert (heard[0] == heard[1]).all()


def test_steps_and_seconds(tmp_path: Path) -> None:
    model = make_model(tmp_path / "m.safetensors", refractory=1.0)
    assert model.step_seconds == pytest.approx(0.04)
    assert model.heard(0) == pytest.approx(0.055)
    assert model.heard(10) == pytest.approx(0.455)
    assert model.refractory_steps == 25


Damage = Callable[[dict[str, Any], dict[str, Any]], None]


def _without(name: str) -> Damage:
    return lambda tensors, metadata: metadata.pop(name)


def _with(name: str, **fields: Any) -> Damage:
    return lambda tensors, metadata: metadata[name].update(fields)


def _tensor(change: Callable[[np.ndarray], np.ndarray]) -> Damage:
    def damage(tensors: dict[str, Any], metadata: dict[str, Any]) -> None:
        name = sorted(tensors)[0]
        tensors[name] = change(tensors[name])

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        *(_without(name) for name in ("trigger", "model", "features", "mean", "scale", "rule")),
        _with("model", features=13),
        _with("model", hidden=3),
        _with("model", kernel=2),
        _with("model", causal=False),
        _with("model", convolutions=10**6),
        _with("model", channels=10**9),
        _with("model", channels=10**4, kernel=10**4),
        _with("model", channels=0),
        _with("model", dropout=1.0),
        _with("model", symbols=2),
        _with("model", stack="gru"),
        _with("features", hop=0.0),
        _with("features", hop=1e-9),
        _with("features", hop=True),
        _with("features", rate=8000),
        _with("features", mels=10**9),
        _with("features", kind="none"),
        _with("features", window=1e308),
        _with("features", hop=1e308),
        _with("features", hop=0.01001),
        _with("features", pre_emphasis=1e300),
        _with("rule", smoothing=0),
        _with("rule", smoothing=10**12),
        _with("rule", threshold="0.5"),
        _with("rule", threshold=2),
        _with("rule", refractory=-1),
        _with("rule", refractory=1e300),
        _with("rule", delay=1e300),
        lambda tensors, metadata: metadata.update(mean=[0.0]),
        lambda tensors, metadata: metadata.update(mean=["0"] * 12),
        lambda tensors, metadata: metadata.update(mean=[10**400] * 12),
        lambda tensors, metadata: metadata.update(scale=[1e300] * 12),
        lambda tensors, metadata: metadata.update(trigger=""),
        lambda tensors, metadata: metadata.update(trigger="a\tb\n"),
        lambda tensors, metadata: metadata["model"]["stack"].update(hidden=10**6),
        lambda tensors, metadata: metadata["model"]["stack"].update(hidden=0),
        lambda tensors, metadata: metadata["model"]["stack"].update(layers=10**5),
        lambda tensors, metadata: metadata["model"]["stack"].update(cell="none"),
        lambda tensors, metadata: metadata["model"]["stack"].update(bidirectional=True),
        _tensor(lambda array: array[:1]),
        _tensor(lambda array: np.full_like(array, np.nan)),
        _tensor(lambda array: array.astype(np.int32)),
        lambda tensors, metadata: tensors.pop(sorted(tensors)[0]),
        lambda tensors, metadata: tensors.update(more=np.zeros(3, np.float32)),
    ],
)
def test_what_is_damaged_is_one_line(tmp_path: Path, damage: Damage) -> None:
    path = str(tmp_path / "m.safetensors")
    make_model(tmp_path / "m.safetensors")
    tensors, metadata = read_model(path, "trigger-detector")
    damage(tensors, metadata)
    write_model(path, tensors, metadata)
    with pytest.raises(SeqtoolError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_model_that_its_file_cannot_hold_takes_no_memory(tmp_path: Path) -> None:
    path = str(tmp_path / "m.safetensors")
    made = make_model(tmp_path / "m.safetensors")
    numbers = sum(weight.size for weight in made.network.parameters.values())
    assert 0.6 * numbers < fewest_numbers(made.network.settings) <= numbers
    tensors, metadata = read_model(path, "trigger-detector")
    for shape in ({"channels": 10**4, "kernel": 10**4}, {"convolutions": 6, "channels": 10**3}):
        write_model(path, tensors, {**metadata, "model": {**metadata["model"], **shape}})
        with pytest.raises(SeqtoolError, match="too few numbers"):
            load(path)


def test_another_kind_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "m.safetensors")
    write_model(path, {"x": np.zeros(3)}, {"kind": "translation"})
    with pytest.raises(SeqtoolError, match="not a trigger model"):
        load(path)

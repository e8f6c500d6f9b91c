"""Layers and losses against values that PyTorch computed: tools/make_torch_references.py."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from nn_gradients import interpreted

from seqtool.nn.attention_pooling import AttentionPooling
from seqtool.nn.dense import Dense
from seqtool.nn.embedding import Embedding
from seqtool.nn.losses import CrossEntropy
from seqtool.nn.normalise import LayerNorm
from seqtool.nn.optimisers import make_optimiser
from seqtool.nn.parameters import Parameters
from seqtool.nn.pooling import make_pooling
from seqtool.nn.workspace import Workspace

REFERENCES = Path(__file__).parent / "data" / "torch_references.npz"

Values = dict[str, npt.NDArray[Any]]
Precision = type[np.floating[Any]]


@pytest.fixture(scope="module")
def references() -> Values:
    """All that is stored."""
    with np.load(REFERENCES, allow_pickle=False) as stored:
        return dict(stored)


@pytest.fixture(params=[np.float32, np.float64])
def dtype(request: pytest.FixtureRequest) -> Iterator[Precision]:
    """The precision of the weights; for double kernels run interpreted."""
    with interpreted() if request.param is np.float64 else nullcontext():
        yield request.param


def case(references: Values, name: str, dtype: Precision) -> Values:
    """The arrays of one case in this precision, integers as our layers want them."""
    found = {}
    for key, array in references.items():
        if key.startswith(f"{name}/"):
            kind = np.int32 if array.dtype.kind == "i" else dtype
            found[key.removeprefix(f"{name}/")] = array.astype(kind)
    return found


def close(found: Any, wanted: Any, dtype: Precision) -> None:
    """Assert that they are equal, as far as the precision goes."""
    tolerance = 1e-5 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def begun(parameters: Parameters) -> Workspace:
    """A workspace in which a batch has begun."""
    work = Workspace(parameters)
    work.begin(seed=1, scale=1.0)
    return work


def test_embedding(references: Values, dtype: Precision) -> None:
    values, parameters = case(references, "embedding", dtype), Parameters()
    layer = Embedding("words", parameters, *values["weight"].shape)
    parameters.allocate(dtype)
    parameters["words.table"][...] = values["weight"]
    work = begun(parameters)
    close(layer.forward(work, values["inputs"]), values["outputs"], dtype)
    layer.backward(work, values["factors"])
    close(work.gradients["words.table"], values["grad.weight"], dtype)


def test_dense(references: Values, dtype: Precision) -> None:
    values, parameters = case(references, "dense", dtype), Parameters()
    layer = Dense("dense", parameters, *values["weight"].T.shape)
    parameters.allocate(dtype)
    parameters["dense.weight"][...] = values["weight"].T
    parameters["dense.bias"][...] = values["bias"]
    work = begun(parameters)
    close(layer.forward(work, values["inputs"]), values["outputs"], dtype)
    close(layer.backward(work, values["factors"]), values["grad.inputs"], dtype)
    close(work.gradients["dense.weight"], values["grad.weight"].T, dtype)
    close(work.gradients["dense.bias"], values["grad.bias"], dtype)


def test_layer_norm(references: Values, dtype: Precision) -> None:
    values, parameters = case(references, "normalise", dtype), Parameters()
    layer = LayerNorm("normalise", parameters, len(values["weight"]))
    parameters.allocate(dtype)
    parameters["normalise.gain"][...] = values["weight"]
    parameters["normalise.bias"][...] = values["bias"]
    work = begun(parameters)
    close(layer.forward(work, values["inputs"]), values["outputs"], dtype)
    close(layer.backward(work, values["factors"]), values["grad.inputs"], dtype)
    close(work.gradients["normalise.gain"], values["grad.weight"], dtype)
    close(work.gradients["normalise.bias"], values["grad.bias"], dtype)


@pytest.mark.parametrize(("name", "smoothing"), [("loss", 0.0), ("smooth_loss", 0.1)])
def test_cross_entropy(references: Values, dtype: Precision, name: str, smoothing: float) -> None:
    values, parameters = case(references, name, dtype), Parameters()
    parameters.allocate(dtype)
    gradient = values["logits"]
    loss = CrossEntropy("loss", smoothing).forward(
        begun(parameters), gradient, values["targets"], references["lengths"], values["weights"]
    )
    close(loss, values["loss"], dtype)
    close(gradient, values["grad.logits"], dtype)


@pytest.mark.parametrize("kind", ["last", "mean", "max"])
def test_pooling(references: Values, dtype: Precision, kind: str) -> None:
    values, parameters = case(references, kind, dtype), Parameters()
    layer = make_pooling(kind, "pooling", parameters, values["inputs"].shape[-1])
    parameters.allocate(dtype)
    work = begun(parameters)
    close(layer.forward(work, values["inputs"], references["lengths"]), values["outputs"], dtype)
    close(layer.backward(work, values["factors"]), values["grad.inputs"], dtype)


def test_attention_pooling(references: Values, dtype: Precision) -> None:
    values, parameters = case(references, "attention", dtype), Parameters()
    layer = AttentionPooling("pooling", parameters, len(values["query"]))
    parameters.allocate(dtype)
    parameters["pooling.project.weight"][...] = values["weight"].T
    parameters["pooling.project.bias"][...] = values["bias"]
    parameters["pooling.query"][...] = values["query"]
    work = begun(parameters)
    close(layer.forward(work, values["inputs"], references["lengths"]), values["outputs"], dtype)
    close(layer.backward(work, values["factors"]), values["grad.inputs"], dtype)
    close(work.gradients["pooling.project.weight"], values["grad.weight"].T, dtype)
    close(work.gradients["pooling.project.bias"], values["grad.bias"], dtype)
    close(work.gradients["pooling.query"], values["grad.query"], dtype)


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam", "adamw"])
def test_optimisers(references: Values, dtype: Precision, name: str) -> None:
    values, parameters = case(references, name, dtype), Parameters()
    parameters.declare("weight", values["steps"][0].shape)
    parameters.allocate(dtype)
    parameters["weight"][...] = values["steps"][0]
    settings = {"decay": 0.2} if name == "adamw" else {}
    optimiser = make_optimiser(name, parameters, clip_norm=4.0, **settings)
    for gradient, wanted in zip(values["gradients"], values["steps"][1:], strict=True):
        flat = np.zeros_like(parameters.trained)
        parameters.views(flat)["weight"][...] = gradient
        optimiser.step(parameters, [flat], rate=0.1, threads=1)
        # PyTorch adds 1e-6 to the norm by which it clips.
        np.testing.assert_allclose(parameters["weight"], wanted, rtol=0, atol=2e-6)

"""The weights of a model in its file: written in a precision, and read with all checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.modelfile import ModelReader, count_parameters
from seqtool.nn.parameters import Parameters

PRECISIONS = {"float32": np.float32, "float16": np.float16}
MOST_LAYERS = 1000


def weights_as(path: str, parameters: Parameters, precision: str) -> Mapping[str, NDArray[Any]]:
    """The parameters as they are stored; ``precision`` is one of PRECISIONS.

    Raises SeqtoolError, naming the file ``path``, for weights that float16 cannot hold.
    """
    with np.errstate(over="ignore"):
        weights = {name: array.astype(PRECISIONS[precision]) for name, array in parameters.items()}
    if not all(np.isfinite(array).all() for array in weights.values()):
        raise SeqtoolError(f"{path}: a weight is too large for {precision}: use float32")
    return weights


def check_size(file: ModelReader, least: int) -> None:
    """Raise SeqtoolError if the file has fewer numbers than a model has at least.

    To be called before the memory for the model is taken.
    """
    if least > count_parameters(file.tensors):
        raise SeqtoolError(f"{file.path}: damaged: there are too few numbers for its model")


def read_weights(file: ModelReader, parameters: Parameters) -> None:
    """Fill the parameters of a model from its file.

    Raises SeqtoolError for a tensor that is missing, too much, of another shape, of another type
    than float16 and float32, or not finite.
    """
    path = file.path
    if parameters.keys() != file.tensors.keys():
        wrong = sorted(parameters.keys() ^ file.tensors.keys())[0]
        raise SeqtoolError(f"{path}: damaged: the tensor '{wrong}' is missing, or too much")
    for name, weight in parameters.items():
        found = file.tensors[name]
        if found.shape != weight.shape or found.dtype not in ("F16", "F32"):
            raise SeqtoolError(
                f"{path}: damaged: the tensor '{name}' is {found.dtype} {list(found.shape)}, "
                f"not {list(weight.shape)} of float32 or float16"
            )
        weight[...] = file.read_any(name)
        if not np.isfinite(weight).all():
            raise SeqtoolError(f"{path}: damaged: '{name}' holds numbers that are not finite")

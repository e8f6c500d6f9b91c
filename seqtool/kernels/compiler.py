"""From kernel source to native code, by numba. Imported only when something must be compiled."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
import numpy as np
from numba import njit
from numba.core import config

from seqtool.kernels import Kernel, intrinsics, kernels_of
from seqtool.kernels.compiler_target import processor_features, target_machine
from seqtool.kernels.signature import parse

if TYPE_CHECKING:
    from array import array

# What a kernel may call outside itself: the C library's memory and maths functions.
_C_LIBRARY = frozenset(
    ["memset", "memcpy", "memmove", "sqrt", "sqrtf", "floor", "ceil", "fmod", "ldexp", "pow"]
).union(["powf", "exp", "expf", "expm1", "log", "logf", "log1p", "log2", "sin", "cos", "tanh"])

# Without numba's runtime there is no reference counting in the code, and nothing can allocate.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}

# Only the function itself goes into the object file, not its callers from Python and C.
_NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

# Sums may be regrouped and multiply-adds fused, so that they vectorise; NaN and infinity stay.
_RELAXED = frozenset(("nsz", "arcp", "contract", "afn", "reassoc"))

# numba decides how wide vectors are, so it must know, too.
config.CPU_FEATURES = config.CPU_FEATURES or processor_features()  # type: ignore[attr-defined]


def _options(kernel: Kernel[..., Any]) -> dict[str, Any]:
    return {**_OPTIONS, "fastmath": set(_RELAXED)} if kernel.relaxed else _OPTIONS


def object_code(module: str) -> bytes:
    """Compile every kernel of ``module`` and return one relocatable object.

    Each kernel is exported under its Python name with numba's calling convention
    (see `seqtool.kernels.native`). Raises RuntimeError for a kernel that needs numba's
    runtime (it allocates or raises), which a stand-alone object cannot have.
    """
    linked = llvm.parse_assembly("")
    for kernel in kernels_of(module).values():
        options = _options(kernel)
        decorate: Any = njit(kernel.signature, **options, **_NO_WRAPPERS)
        dispatcher = decorate(_Namespace(options).function(kernel.function))
        (types,) = dispatcher.overloads
        part = llvm.parse_assembly(dispatcher.inspect_llvm(types))
        symbol = dispatcher.overloads[types].fndesc.llvm_func_name
        part.get_function(symbol).name = kernel.name
        linked.link_in(part)
    _check_self_contained(module, linked)
    return bytes(target_machine().emit_object(linked))


def checked(kernel: Kernel[..., Any]) -> Callable[..., Any]:
    """The kernel through numba's dispatcher, where NUMBA_BOUNDSCHECK=1 raises IndexError."""
    options = _options(kernel)
    dispatcher = njit(**options)(_Namespace(options).function(kernel.function))
    arguments = parse(kernel.signature).arguments

    def call(*args: Any) -> Any:
        return dispatcher(*(_as_numpy(a, t.code) for a, t in zip(args, arguments, strict=True)))

    return call


def _as_numpy(argument: array[Any] | bytes | int, code: str) -> Any:
    if isinstance(argument, int | float):
        return np.dtype(code).type(argument)
    return np.frombuffer(argument, dtype=code) if len(argument) else np.empty(0, code)


class _Namespace:
    """Copies of functions in which the helpers they call are numba dispatchers."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._of_module: dict[str, dict[str, Any]] = {}

    def function(self, source: FunctionType) -> FunctionType:
        namespace = self._module(sys.modules[source.__module__])
        return FunctionType(source.__code__, namespace, source.__name__, source.__defaults__)

    def _module(self, module: ModuleType) -> dict[str, Any]:
        if module.__name__ in self._of_module:
            return self._of_module[module.__name__]
        namespace = dict(vars(module))
        self._of_module[module.__name__] = namespace
        for name, value in vars(module).items():
            source = value.function if isinstance(value, Kernel) else value
            source = getattr(source, "__seqtool_native__", source)
            if isinstance(value, Kernel) or hasattr(value, "__seqtool_helper__"):
                namespace[name] = njit(forceinline=True, **self._options)(self.function(source))
            elif hasattr(value, "__seqtool_instruction__"):
                namespace[name] = getattr(intrinsics, value.__name__)
        return namespace


def _check_self_contained(module: str, code: llvm.ModuleRef) -> None:
    foreign = [
        function.name
        for function in code.functions
        if function.is_declaration
        and not function.name.startswith("llvm.")
        and function.name not in _C_LIBRARY
    ]
    if foreign:
        raise RuntimeError(
            f"kernels of {module} call {', '.join(foreign)}: a kernel must not allocate or raise"
        )

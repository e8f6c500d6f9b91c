"""Numba kernels that start fast.

A kernel is an ordinary function over flat arrays, marked with its numba signature:

    @kernel("i8(f8[::1], i8)")
    def count_positive(values, n): ...

numba compiles a module's kernels once into native code, which is kept in the user's cache
folder. Later processes load that code without importing numba (0.2 s), so a kernel is also
worth calling from a command that runs for a tenth of a second. The same source runs:

* native: the normal case;
* interpreted: under NUMBA_DISABLE_JIT=1, and for a job too small to be worth compiling for;
* bounds-checked, through numba's own dispatcher: under NUMBA_BOUNDSCHECK=1.

Rules for a kernel: flat C-contiguous arrays and scalars in, results written into arrays;
no allocation, no exceptions, no numpy functions; slices of numpy arrays only (they are views).
Integers stay below 2**63 at every step: a signed overflow is undefined in native code, even
under a mask that would hide it. It runs without the GIL.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast


class Ints(Protocol):
    """A flat array of integers: array.array, bytearray or a numpy array."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...
    def __setitem__(self, index: int, value: int, /) -> None: ...


class Floats(Protocol):
    """A flat array of floats: array.array or a numpy array."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...
    def __setitem__(self, index: int, value: float, /) -> None: ...


P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

# Interpreted Python makes about ten million inner-loop steps a second; compiling takes seconds.
INTERPRETED_STEPS = 4_000_000

_lock = threading.RLock()


class _Policy:
    """What the running command told about itself."""

    small_job = False
    quiet = False


def expect(steps: int) -> None:
    """Tell how many inner-loop steps the job ahead takes, so that a small one never compiles."""
    _Policy.small_job = steps < INTERPRETED_STEPS


def set_quiet(quiet: bool) -> None:
    """Silence (or allow again) the line that announces a compilation."""
    _Policy.quiet = quiet


def announce(message: str) -> None:
    """Tell the user on stderr why this call takes longer than the next ones will."""
    if not _Policy.quiet:
        print(f"seqtool: {message}", file=sys.stderr, flush=True)


def helper(function: F) -> F:
    """Mark a function that kernels call; it is compiled into them."""
    function.__seqtool_helper__ = True  # type: ignore[attr-defined]
    return function


def compiled_as(native: Callable[..., Any]) -> Callable[[F], F]:
    """Mark a helper whose compiled form is another helper, made for vector instructions."""

    def decorate(function: F) -> F:
        function.__seqtool_native__ = native  # type: ignore[attr-defined]
        return helper(function)

    return decorate


def instruction(function: F) -> F:
    """Mark a function that becomes an instruction: see `seqtool.kernels.instructions`."""
    function.__seqtool_instruction__ = True  # type: ignore[attr-defined]
    return function


class Kernel(Generic[P, R]):
    """A function with a numba signature; calling it runs the fastest form available.

    Attributes: ``function`` (the plain Python source), ``signature`` (numba's notation),
    ``relaxed``, ``name`` and ``module``.
    """

    def __init__(self, function: Callable[P, R], signature: str, relaxed: bool) -> None:
        self.function = cast(FunctionType, function)
        self.signature = signature
        self.relaxed = relaxed
        self.name = self.function.__name__
        self.module = function.__module__
        self.__doc__ = function.__doc__
        self.__wrapped__ = function
        self._run: Callable[..., Any] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        run = self._run
        if run is None:
            run = self._choose()
        return cast(R, run(*args, **kwargs))

    def _choose(self) -> Callable[..., Any]:
        with _lock:
            if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
                self._run = self.function
            elif os.environ.get("NUMBA_BOUNDSCHECK", "0") not in ("", "0"):
                from seqtool.kernels.compiler import checked

                self._run = checked(self)
            else:
                from seqtool.kernels.native import bind

                bound = bind(self, compile_missing=not _Policy.small_job)
                if bound is None:
                    return self.function
                self._run = bound
        return self._run


def kernel(signature: str, relaxed: bool = False) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Make a function a kernel. ``signature`` is numba's, e.g. ``"void(u4[::1], i8)"``.

    With ``relaxed`` floating-point sums may be regrouped so that they vectorise; results then
    differ in the last digits between processors, NaN and infinity are kept.
    """

    def decorate(function: Callable[P, R]) -> Kernel[P, R]:
        return Kernel(function, signature, relaxed)

    return decorate


def warmup_modules(names: Iterable[str], report: Callable[[str, float], None]) -> None:
    """Compile all kernels of the packages ``names`` and their sub-modules called ``*kernels``.

    ``report(module, seconds)`` is called after each module; 0 seconds if it was compiled before.
    """
    import importlib
    import pkgutil
    import time

    from seqtool.kernels.native import compile_module

    for name in names:
        package = importlib.import_module(name)
        for info in pkgutil.walk_packages(getattr(package, "__path__", []), f"{name}."):
            if info.name.endswith("kernels") and not info.ispkg:
                importlib.import_module(info.name)
                if not kernels_of(info.name):
                    continue
                start = time.perf_counter()
                compiled = compile_module(info.name)
                report(info.name, time.perf_counter() - start if compiled else 0.0)


def kernels_of(module: str) -> dict[str, Kernel[..., Any]]:
    """The kernels that ``module`` defines, by name. The module must be imported."""
    members = vars(sys.modules[module])
    return {
        name: member
        for name, member in members.items()
        if isinstance(member, Kernel) and member.module == module
    }

"""Loading compiled kernels without numba.

A module's kernels are kept as an object file and, where the machine has a C compiler to link
it, as a shared library, which loads in a millisecond. Without one the object file is linked
into the process by LLVM (llvmlite, which numba brings along), in 35 ms. Either way functions
are called through ctypes, which releases the GIL.

numba's calling convention: ``int32 function(result*, exception**, arguments...)``, where an
array is passed as (meminfo, parent, items, item size, data, shape, stride).
"""

from __future__ import annotations

import ctypes
import os
import sys
from array import array
from collections.abc import Callable
from types import ModuleType
from typing import Any

from seqtool import __version__
from seqtool.kernels import Kernel, announce, cache, kernels_of
from seqtool.kernels.linker import shared_library
from seqtool.kernels.signature import Argument, Signature, parse

_ARRAY_PARTS = [
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int64,
    ctypes.c_int64,
    ctypes.c_void_p,
    ctypes.c_int64,
    ctypes.c_int64,
]

# The modules of this package that decide how kernels are compiled.
_COMPILER = ("compiler", "compiler_target", "instructions", "intrinsics")

# Status of a function that returned a value, or None.
_FINE = (0, -2)

# How the data of a numpy array are found, and type codes by dtype.
_address_of: Callable[[Any], int] | None = None
_codes: dict[Any, str] = {}
_word_at = ctypes.c_size_t.from_address

# The address of a kernel by its name, for each module that is loaded.
_loaded: dict[str, Callable[[str], int]] = {}


def bind(kernel: Kernel[..., Any], compile_missing: bool) -> Callable[..., Any] | None:
    """A callable that runs the native form of ``kernel``.

    None when it is not in the cache and ``compile_missing`` is false.
    """
    address_of = _loaded.get(kernel.module) or _load(kernel.module)
    if address_of is None and compile_missing:
        announce(f"compiling {kernel.module} for this machine; this happens once")
        compile_module(kernel.module)
        address_of = _load(kernel.module)
    if address_of is None:
        return None
    _loaded[kernel.module] = address_of
    return _caller(address_of(kernel.name), parse(kernel.signature))


def compile_module(module: str) -> bool:
    """Compile the kernels of ``module`` unless that is done; returns whether it had to be."""
    path = _path(module)
    if cache.read(path + ".o") is not None:
        return False
    from seqtool.kernels.compiler import object_code

    code = object_code(module)
    if not _keep(path + ".o", code):
        _loaded[module] = _link(code)
    return True


def _load(module: str) -> Callable[[str], int] | None:
    """Load a module's code from the cache; None when it is not there."""
    if module in _loaded:
        return _loaded[module]
    path = _path(module)
    if cache.read(path + ".so") is None:
        code = cache.read(path + ".o")
        if code is None:
            return None
        library = shared_library(code)
        if library is None or not _keep(path + ".so", library):
            return _link(code)
    try:
        loaded = ctypes.CDLL(path + ".so")
    except OSError:  # for example a cache folder from which nothing may be executed
        code = cache.read(path + ".o")
        return None if code is None else _link(code)
    return lambda name: _address(loaded, name)


def _keep(path: str, code: bytes) -> bool:
    """Put code into the cache, or say why that cannot be."""
    try:
        cache.write(path, code)
    except OSError as error:
        announce(f"cannot keep compiled kernels in {cache.cache_folder()}: {error.strerror}")
        return False
    return True


def _address(library: ctypes.CDLL, name: str) -> int:
    address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    assert address is not None
    return address


def _link(code: bytes) -> Callable[[str], int]:
    """Link an object file into the process."""
    import llvmlite.binding as llvm

    from seqtool.kernels.compiler_target import target_machine

    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return lambda name: int(engine.get_function_address(name))


def _path(module: str) -> str:
    """The cache's file for a module without its ending.

    Its name depends on sources and processor, so native code is used only where both are the
    same.
    """
    sources = [
        str(sys.modules[name].__file__) for name in sorted(_source_modules(sys.modules[module]))
    ]
    signatures = [kernel.signature for kernel in kernels_of(module).values()]
    key = cache.cache_key([*sources, *compiler_sources()], f"{__version__} {sorted(signatures)}")
    return f"{cache.cache_folder()}/{module}-{key}"


def compiler_sources() -> list[str]:
    """The files that decide how kernels are compiled."""
    folder = os.path.dirname(__file__)
    return [os.path.join(folder, f"{name}.py") for name in _COMPILER]


def _source_modules(module: ModuleType) -> set[str]:
    """The module and the modules of the helpers that it imports, directly or not."""
    names = {module.__name__}
    for value in list(vars(module).values()):
        if hasattr(value, "__seqtool_helper__") and value.__module__ not in names:
            names |= _source_modules(sys.modules[value.__module__])
    return names


def _caller(address: int, signature: Signature) -> Callable[..., Any]:
    c_types: list[Any] = [ctypes.c_void_p, ctypes.c_void_p]
    for argument in signature.arguments:
        c_types.extend(_ARRAY_PARTS if argument.is_array else [argument.c_type])
    function = ctypes.CFUNCTYPE(ctypes.c_int32, *c_types)(address)
    result_type = signature.result or ctypes.c_int64

    def call(*args: Any) -> Any:
        result = result_type()
        exception = ctypes.c_void_p()
        parts: list[Any] = [ctypes.byref(result), ctypes.byref(exception)]
        for value, argument in zip(args, signature.arguments, strict=True):
            if argument.is_array:
                parts.extend(_array_parts(value, argument))
            else:
                parts.append(value)
        if function(*parts) not in _FINE:
            raise RuntimeError("a kernel raised an exception, which kernels must not do")
        return result.value if signature.result else None

    return call


def _array_parts(value: Any, argument: Argument) -> tuple[Any, ...]:
    """An array.array, bytes, bytearray or C-contiguous numpy array as numba passes it."""
    if isinstance(value, array):
        address, length = value.buffer_info()
        code = _kind(value.typecode) + str(value.itemsize)
    elif isinstance(value, bytes | bytearray):
        length, code = len(value), "u1"
        address = _bytes_address(value)
    else:
        if not value.flags.c_contiguous:
            raise TypeError("a kernel's array must be C-contiguous")
        address, length = (_address_of or _find_address_of(value))(value), value.size
        code = _codes.get(value.dtype) or _codes.setdefault(value.dtype, value.dtype.str[1:])
    if code != argument.code:
        raise TypeError(f"a kernel's argument is an array of {argument.code}, not of {code}")
    size = argument.size
    return (None, None, length, size, address, length, size)


def _find_address_of(sample: Any) -> Callable[[Any], int]:
    """Choose how to find the data of a numpy array.

    The pointer to it is the first field of numpy's array structure, which is a part of its binary
    interface; reading it there takes a quarter of the time. Where it is elsewhere, ask numpy.
    """
    global _address_of
    head = object.__basicsize__

    def read(value: Any) -> int:
        return _word_at(id(value) + head).value

    def ask(value: Any) -> int:
        return int(value.ctypes.data)

    _address_of = read if read(sample) == ask(sample) else ask
    return _address_of


def _kind(typecode: str) -> str:
    """``f``, ``u`` or ``i`` for a type code of the array module."""
    return "f" if typecode in "fd" else "u" if typecode.isupper() else "i"


def _bytes_address(value: bytes | bytearray) -> Any:
    if isinstance(value, bytearray):
        return ctypes.addressof(ctypes.c_char.from_buffer(value)) if value else None
    return ctypes.cast(ctypes.c_char_p(value), ctypes.c_void_p).value

"""``seqtool doctor`` says what this installation runs on; ``seqtool warmup`` compiles kernels."""

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from seqtool import __version__
from seqtool.options import ExamplesFirst, common_options, format_option, usable_cores
from seqtool.output import open_output
from seqtool.plugins import get_host

LIBRARIES = (
    "numpy",
    "numba",
    "llvmlite",
    "click",
    "pluggy",
    "rich",
    "platformdirs",
    "safetensors",
    "zstandard",
)


@click.command(
    cls=ExamplesFirst,
    examples=[
        ("seqtool doctor", "what to put into a bug report"),
        ("seqtool doctor --format json", "the same for a program"),
    ],
)
@format_option("text", "json")
@common_options
def doctor(format: str, quiet: bool, verbose: bool) -> None:
    """Show versions, cores, kernel cache, broken plugins."""
    report = collect()
    with open_output(None) as out:
        if format == "json":
            import json

            out.write(json.dumps(report, ensure_ascii=False, indent=2) + "\n")
        else:
            for section, fields in report.items():
                out.write(f"{section}\n")
                for key, value in fields.items():
                    out.write(f"  {key:<13} {_shown(value)}\n")


@click.command(
    cls=ExamplesFirst,
    examples=[("seqtool warmup", "compile now, so that no later call has to")],
)
@common_options
def warmup(quiet: bool, verbose: bool) -> None:
    """Compile all kernels now."""
    from seqtool.kernels import warmup_modules

    with open_output(None) as out:

        def report(name: str, seconds: float) -> None:
            if not quiet:
                out.write(f"{name}  {seconds:.1f} s\n")
                out.flush()

        warmup_modules(kernel_packages(), report)


def collect() -> dict[str, dict[str, Any]]:
    """Return what ``seqtool doctor`` shows: section -> field -> value fit for JSON."""
    return {
        "versions": _versions(),
        "machine": {
            "platform": sys.platform,
            "machine": os.uname().machine if hasattr(os, "uname") else "unknown",
            "cores": usable_cores(),
            "threads": os.environ.get("SEQTOOL_THREADS") or usable_cores(),
        },
        "blas": _guarded(_blas),
        "kernel cache": _guarded(_cache),
        "cuda": _guarded(_cuda),
        "plugins": _plugins(),
    }


def kernel_packages() -> list[str]:
    """Return the names of the packages that may have kernels: seqtool and all working plugins."""
    names = [getattr(p.module, "__name__", "").partition(".")[0] for p in get_host().load_all()]
    return list(dict.fromkeys(["seqtool", *filter(None, names)]))


def _versions() -> dict[str, Any]:
    from importlib import metadata

    versions: dict[str, Any] = {
        "seqtool": __version__,
        "python": sys.version.split()[0],
        "executable": sys.executable,
    }
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return versions


def _blas() -> dict[str, Any]:
    import numpy

    # The types of numpy do not say that mode="dicts" returns one.
    show: Callable[..., Any] = numpy.show_config
    blas = show(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return {"name": blas.get("name"), "version": blas.get("version"), "found": blas.get("found")}


def _cache() -> dict[str, Any]:
    from seqtool.kernels.cache import cache_folder

    folder = os.fspath(cache_folder())
    if not os.path.isdir(folder):
        return {
            "folder": folder,
            "state": "empty (seqtool warmup fills it)",
            "files": 0,
            "bytes": 0,
        }
    sizes = [
        os.path.getsize(os.path.join(where, name))
        for where, _, names in os.walk(folder)
        for name in names
    ]
    state = "writable" if os.access(folder, os.W_OK) else "read-only: kernels compile every time"
    return {"folder": folder, "state": state, "files": len(sizes), "bytes": sum(sizes)}


def _cuda() -> dict[str, Any]:
    """Ask the driver itself: that needs no CUDA package, and a package can lack the driver."""
    import ctypes

    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return {"found": False, "reason": "no CUDA driver"}
    if driver.cuInit(0) != 0:
        return {"found": False, "reason": "the CUDA driver does not start"}
    count = ctypes.c_int(0)
    driver.cuDeviceGetCount(ctypes.byref(count))
    version = ctypes.c_int(0)
    driver.cuDriverGetVersion(ctypes.byref(version))
    number = f"{version.value // 1000}.{version.value % 1000 // 10}"
    return {"found": count.value > 0, "devices": count.value, "driver api": number}


def _plugins() -> dict[str, Any]:
    plugins = get_host().load_commands()
    broken = [p for p in plugins if p.problems and p.selected]
    fields: dict[str, Any] = {
        "installed": len(plugins),
        "working": sum(p.status == "ok" for p in plugins),
    }
    fields["broken"] = {p.name: p.reason for p in broken}
    return fields


def _guarded(fields: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A doctor that fails because something is missing would be of no use."""
    try:
        return fields()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _shown(value: Any) -> str:
    if value is None:
        return "not installed"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "; ".join(f"{key}: {reason}" for key, reason in value.items()) or "none"
    return str(value)

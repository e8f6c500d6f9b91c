"""What ``seqtool doctor`` reports, and what ``seqtool warmup`` compiles."""

import ctypes
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import RunCli

import seqtool.kernels
from seqtool import __version__, doctor


def test_doctor_as_text(run_cli: RunCli) -> None:
    result = run_cli("doctor")
    assert (result.code, result.err) == (0, "")
    for word in ("seqtool", "python", "numba", "cores", "blas", "kernel cache", "cuda", "plugins"):
        assert word in result.out


def test_doctor_as_json(run_cli: RunCli, make_plugin: Callable[..., Path]) -> None:
    make_plugin("x", "1 / 0")
    report = json.loads(run_cli("doctor", "--format", "json").out)
    assert report["versions"]["seqtool"] == __version__
    assert report["versions"]["python"] == sys.version.split()[0]
    assert report["versions"]["numba"]
    assert report["machine"]["cores"] >= 1
    assert report["kernel cache"]["folder"]
    assert isinstance(report["cuda"]["found"], bool)
    assert report["plugins"]["broken"] == {"x": "ZeroDivisionError: division by zero"}


def test_the_cache_has_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTOOL_CACHE", str(tmp_path))
    assert doctor.collect()["kernel cache"]["state"].startswith("empty")
    folder = Path(doctor.collect()["kernel cache"]["folder"])
    folder.mkdir(parents=True)
    (folder / "a.o").write_bytes(b"12345")
    cache = doctor.collect()["kernel cache"]
    assert (cache["state"], cache["files"], cache["bytes"]) == ("writable", 1, 5)


class Driver:
    """Stands in for the CUDA driver."""

    def __init__(self, status: int) -> None:
        self.status = status

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return self.status

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = 2
        return 0

    def cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802
        version._obj.value = 12040
        return 0


def test_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver(0))
    assert doctor.collect()["cuda"] == {"found": True, "devices": 2, "driver api": "12.4"}
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver(100))
    assert doctor.collect()["cuda"]["found"] is False

    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert doctor.collect()["cuda"] == {"found": False, "reason": "no CUDA driver"}


def test_a_part_that_fails_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, Any]:
        raise RuntimeError("no idea")

    monkeypatch.setattr(doctor, "_blas", broken)
    assert doctor.collect()["blas"] == {"error": "RuntimeError: no idea"}


def test_warmup_compiles_the_kernels_of_plugins(
    run_cli: RunCli,
    make_plugin: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = make_plugin("alpha", "")
    package = folder / "a_package_with_kernels"
    package.mkdir()
    (package / "__init__.py").write_text("")
    points = folder / "seqtool_alpha-1.0.dist-info" / "entry_points.txt"
    points.write_text("[seqtool]\nalpha = a_package_with_kernels\n")
    monkeypatch.setenv("SEQTOOL_PLUGINS", "alpha")
    asked: list[str] = []

    def compile_modules(names: list[str], report: Callable[[str, float], None]) -> None:
        for name in names:
            asked.append(name)
            report(name, 1.25)

    monkeypatch.setattr(seqtool.kernels, "warmup_modules", compile_modules, raising=False)
    result = run_cli("warmup")
    assert asked == ["seqtool", "a_package_with_kernels"]
    assert result.out == "seqtool  1.2 s\na_package_with_kernels  1.2 s\n"
    assert run_cli("warmup", "-q") == (0, "", "")
    sys.modules.pop("a_package_with_kernels")

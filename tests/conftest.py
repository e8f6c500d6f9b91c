"""Fixtures that all tests share."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from seqtool import plugins
from seqtool.cli import main
from seqtool.kernels import INTERPRETED_STEPS, expect

REPOSITORY = Path(__file__).resolve().parent.parent
THIRD_PARTY = REPOSITORY / "tests" / "third_party"


def data_folder() -> Path | None:
    """The folder of real data: SEQTOOL_DATA, or the one beside the repository."""
    named = os.environ.get("SEQTOOL_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    return folder if folder.is_dir() else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests on real data where there is none."""
    if data_folder() is None:
        skip = pytest.mark.skip(reason="no real data: set SEQTOOL_DATA to its folder")
        for item in items:
            if item.get_closest_marker("real"):
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def _kernels_are_compiled() -> None:
    """What a command of an earlier test said about its size does not hold for this test."""
    expect(INTERPRETED_STEPS)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data; the test carries the marker ``real``."""
    folder = data_folder()
    if folder is None:
        pytest.skip("no real data: set SEQTOOL_DATA to its folder")
    return folder


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings of the person who runs the tests do not change what they test."""
    for name in list(os.environ):
        if name.startswith("SEQTOOL_") and name not in ("SEQTOOL_DATA", "SEQTOOL_CACHE"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("NO_COLOR", raising=False)
    yield
    plugins.set_host(None)


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


RunCli = Callable[..., Result]


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunCli:
    """``run_cli("bleu", "ref.txt", "hyp.txt", stdin=...)`` runs a command in this process."""

    def run(*arguments: object, stdin: str | bytes = b"") -> Result:
        content = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run


@pytest.fixture
def make_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """``make_plugin("shout", code)`` installs a one-module plugin for this test.

    The modules are named after the test so that no two tests share one.
    """
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    made: list[str] = []

    def make(name: str, code: str, *, distribution: str | None = None) -> Path:
        distribution = distribution or f"seqtool_{name}"
        module = f"plugin_{distribution}_{name}".replace("-", "_")
        made.append(module)
        sys.modules.pop(module, None)
        (folder / f"{module}.py").write_text(code, encoding="utf-8")
        metadata = folder / f"{distribution}-1.0.dist-info"
        metadata.mkdir(exist_ok=True)
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", encoding="utf-8"
        )
        points = metadata / "entry_points.txt"
        before = points.read_text(encoding="utf-8") if points.exists() else "[seqtool]\n"
        points.write_text(f"{before}{name} = {module}\n", encoding="utf-8")
        return folder

    return make


@pytest.fixture(scope="session")
def third_party(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distributions of tests/third_party, built as wheels and installed into a folder."""
    root = tmp_path_factory.mktemp("third-party")
    sources = root / "sources"
    shutil.copytree(THIRD_PARTY, sources)
    folders = sorted(str(path) for path in sources.iterdir() if path.is_dir())
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", *offline, "--no-build-isolation", "-w", str(root / "wheels"), *folders]
    subprocess.run(build, check=True)
    wheels = sorted(str(path) for path in (root / "wheels").glob("*.whl"))
    target = root / "installed"
    subprocess.run([*pip, "install", *offline, "--target", str(target), *wheels], check=True)
    return target


@pytest.fixture(scope="session")
def seqtool_command() -> list[str]:
    """The command line that starts seqtool as a process of its own."""
    return [sys.executable, "-m", "seqtool"]

"""What is in the repository, what pyproject declares and what is installed are the same."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import REPOSITORY

from seqtool import __version__, discovery

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

PLUGIN_FOLDERS = ("plugins", "corpora")
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def declared() -> dict[str, str]:
    """The plugins that pyproject.toml declares."""
    points: dict[str, str] = PYPROJECT["project"]["entry-points"]["seqtool"]
    return points


def test_folders_declared_and_installed_plugins_are_equal() -> None:
    folders = {
        path.parent.name
        for folder in PLUGIN_FOLDERS
        for path in (REPOSITORY / folder).glob("*/__init__.py")
    }
    installed = {
        point.name: point.value
        for point in discovery.entry_points()
        if point.distribution == "seqtool"
    }
    assert installed == declared(), "an entry point is read at installation: install again"
    assert set(declared().values()) == folders


def test_a_plugin_is_named_after_its_command() -> None:
    for name, module in declared().items():
        assert module == "seqtool_" + name.replace("-", "_")


def test_the_version_is_the_same_everywhere() -> None:
    assert PYPROJECT["project"]["version"] == __version__


def test_every_dependency_has_a_reason() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("\ndependencies = [\n")[2].partition("\n]")[0]
    lines = block.splitlines()
    assert lines
    assert all("# " in line for line in lines)


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build the wheel from a copy; the files in it."""
    root = tmp_path_factory.mktemp("wheel")
    source = root / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    for name in ("seqtool", *PLUGIN_FOLDERS):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(REPOSITORY / name, source / name, ignore=ignore)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel"]
    options = ["--no-deps", "--no-index", "--no-build-isolation", "-w", str(root)]
    subprocess.run([*pip, *options, str(source)], check=True)
    (wheel,) = root.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_has_every_module(wheel_names: set[str]) -> None:
    wanted = set()
    for root in (REPOSITORY, *(REPOSITORY / folder for folder in PLUGIN_FOLDERS)):
        for package in root.glob("seqtool*/"):
            wanted |= {_posix(path, root) for path in package.rglob("*.py")}
            wanted |= {_posix(path, root) for path in package.rglob("py.typed")}
    assert wanted
    assert wanted <= wheel_names


def test_the_wheel_has_nothing_else(wheel_names: set[str]) -> None:
    assert {name.partition("/")[0].partition("-")[0] for name in wheel_names} == {
        "seqtool",
        *declared().values(),
    }
    assert any(name.endswith("LICENSE") for name in wheel_names)


def _posix(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()

"""Maps of words."""

import json
import re
from pathlib import Path

import pytest
from conftest import RunCli

np = pytest.importorskip("numpy")

from seqtool.vectors import WordVectors, save_vectors  # noqa: E402
from seqtool_analogy.clusters import cluster  # noqa: E402
from seqtool_analogy.page import write_page  # noqa: E402
from seqtool_analogy.plot import Map  # noqa: E402

GROUPS = 3


@pytest.fixture
def model(tmp_path: Path) -> str:
    """Sixty words in three bunches; one word would end a script if it were not escaped."""
    generator = np.random.default_rng(0)
    centres = np.eye(GROUPS, 10)
    matrix = centres[np.arange(60) % GROUPS] + generator.normal(0, 0.05, (60, 10))
    path = str(tmp_path / "vectors.bin")
    words = ["</script>", *(f"word{i}" for i in range(1, 60))]
    save_vectors(path, WordVectors(words, matrix.astype(np.float32)))
    return path


def needs_extra() -> None:
    """Skip without the extra."""
    pytest.importorskip("openTSNE", reason="needs the extra: pip install 'seqtool[plot]'")
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'seqtool[plot]'")


def data_of(page: str) -> dict[str, list[object]]:
    """What was put into the page."""
    found = re.search(r"^const data = (\{.*\});$", page, re.MULTILINE)
    assert found
    return dict(json.loads(found[1]))


def test_clusters() -> None:
    generator = np.random.default_rng(1)
    truth = np.repeat([0, 1, 2], [30, 20, 10])
    unit = np.eye(3, 8, dtype=np.float32)[truth]
    unit += generator.normal(0, 0.05, unit.shape).astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    assert cluster(unit, 3, seed=1).tolist() == truth.tolist()
    assert set(cluster(unit, 1, seed=1).tolist()) == {0}
    assert len(set(cluster(unit[:4], 9, seed=1).tolist())) == 4
    assert len(cluster(np.zeros((5, 3), np.float32), 2, seed=1)) == 5


def test_page_needs_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "map.html"
    words = ["</script>", "<!--", "naïve", "\u2028", 'a"b\\']
    write_page(str(path), Map(words, np.linspace(-1, 1, 10).reshape(5, 2), np.arange(5)))
    page = path.read_text("utf-8")
    assert data_of(page)["words"] == words
    assert page.count("</script>") == 1
    assert not re.search(r"https?:|\bsrc=|\bimport\b|\bfetch\b", page)


def test_html(run_cli: RunCli, model: str, tmp_path: Path) -> None:
    needs_extra()
    path = tmp_path / "map.html"
    result = run_cli("analogy", "plot", "-m", model, "-o", path, "--clusters", GROUPS, "-q")
    assert (result.code, result.out, result.err) == (0, "", "")
    data = data_of(path.read_text("utf-8"))
    assert len(data["words"]) == len(data["x"]) == len(data["y"]) == 60
    assert max(abs(float(str(number))) for number in data["x"] + data["y"]) == 1
    numbers = data["cluster"]
    assert len({numbers[i] for i in range(0, 60, GROUPS)}) == 1
    before = path.read_bytes()
    run_cli("analogy", "plot", "-m", model, "-o", path, "--clusters", GROUPS, "-q")
    assert path.read_bytes() == before


def test_png_and_svg(run_cli: RunCli, model: str, tmp_path: Path) -> None:
    needs_extra()
    words = tmp_path / "words.txt"
    words.write_text("word3 word4\nword5\nWORD6\nunknown\n" + "word7\n" * 3, encoding="utf-8")
    ask = ("analogy", "plot", "-m", model)
    png, svg = tmp_path / "map.png", tmp_path / "map.svg"
    assert run_cli(*ask, "-o", png, "--top", "40", "-q").code == 0
    content = png.read_bytes()
    assert content.startswith(b"\x89PNG\r\n")
    assert len(content) > 20_000
    result = run_cli(*ask, "-o", svg, "--words", words, "--lowercase")
    assert result.code == 0
    assert "1 of 6 words" in result.err
    text = svg.read_text("utf-8")
    assert re.findall(r">(word\d)<", text) == ["word3", "word4", "word5", "word6", "word7"]
    before = svg.read_bytes()
    run_cli(*ask, "-o", svg, "--words", words, "--lowercase", "-q")
    assert svg.read_bytes() == before


def test_errors(run_cli: RunCli, model: str, tmp_path: Path) -> None:
    assert run_cli("analogy", "plot", "-m", model, "-o", tmp_path / "map.gif").code == 2
    needs_extra()
    result = run_cli("analogy", "plot", "-m", model, "-o", tmp_path / "a.png", "--top", "3", "-q")
    assert result.code == 1
    assert "at least 4" in result.err
    assert not (tmp_path / "a.png").exists()


def test_without_the_extra(
    run_cli: RunCli, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "openTSNE", None)
    result = run_cli("analogy", "plot", "-m", model, "-o", tmp_path / "map.png")
    assert result.code == 1
    assert "seqtool[plot]" in result.err

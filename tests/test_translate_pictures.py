"""Attention as a picture, and in the terminal."""

import re
import sys
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest

np = pytest.importorskip("numpy")

from seqtool.errors import SeqtoolError  # noqa: E402
from seqtool_translate.attention_plot import write_plot  # noqa: E402
from seqtool_translate.heat_map import SHADES, heat_map  # noqa: E402

SOURCE = ["▁Ein", "▁Hund", "▁rennt", ".", "</s>"]
TARGET = ["▁A", "▁dog", "▁runs", ".", "</s>"]
WEIGHTS = np.array(
    [
        [0.96, 0.04, 0.0, 0.0, 0.0],
        [0.1, 0.6, 0.3, 0.0, 0.0],
        [0.0, 0.0, 0.8, 0.2, 0.0],
        [0.0, 0.0, 0.05, 0.95, 0.0],
        [0.0, 0.0, 0.0, 0.0, 1.0],
    ],
    np.float32,
)

# --- in the terminal ------------------------------------------------------------------------------


def test_a_map_for_the_terminal() -> None:
    assert heat_map(SOURCE, TARGET, WEIGHTS, 80) == [
        "      ▁Ein ▁Hund ▁rennt . </s>",
        "   ▁A ████",
        " ▁dog ░░░░ ▓▓▓▓▓ ▒▒▒▒▒▒",
        "▁runs            ██████ ░",
        "    .            ░░░░░░ █",
        " </s>                     ████",
        "",
        "░ 0.05 and more  ▒ 0.25 and more  ▓ 0.5 and more  █ 0.75 and more",
    ]


def columns_of(line: str) -> int:
    """Columns of a terminal."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


@pytest.mark.parametrize("width", [20, 33, 80, 500])
@pytest.mark.parametrize(
    ("source", "target"),
    [
        (SOURCE * 9, TARGET * 3),
        (["長い", "文", "です", "。"] * 8, ["a" * 50, "▁b", ""]),
        (["x"], ["y"]),
    ],
)
def test_no_line_is_wider_than_the_terminal(
    source: Sequence[str], target: Sequence[str], width: int
) -> None:
    generator = np.random.default_rng(3)
    weights = generator.dirichlet(np.full(len(source), 0.2), len(target))
    *lines, legend = heat_map(source, target, weights, width)
    assert max(map(columns_of, lines)) <= width
    assert all(shade in legend for _, shade in SHADES)
    parts = "\n".join(lines).split("\n\n")
    assert len(parts) == 1 or width < 500
    heads = [line for part in parts for line in [part.strip("\n").split("\n")[0]]]
    assert " ".join(" ".join(heads).split()) == " ".join(source)  # each once, in their order


def test_every_shade_is_where_its_weight_is() -> None:
    weights = np.array([[least for least, _ in SHADES], [least - 0.01 for least, _ in SHADES]])
    lines = heat_map(list("abcd"), list("xy"), weights, 80)
    assert lines[1:3] == ["x ░ ▒ ▓ █", "y   ░ ▒ ▓"]


def test_tokens_cannot_steer_the_terminal() -> None:
    lines = heat_map(["\x1b[31mred", "\r"], ["\x00\x07", "ok"], np.eye(2), 80)
    text = "\n".join(lines)
    assert not [c for c in text if unicodedata.category(c) == "Cc" and c != "\n"]
    assert "[31mred ?" in lines[0]
    assert heat_map([], [], np.empty((0, 0)), 80)[-1].startswith("░")


# --- pictures -------------------------------------------------------------------------------------


def test_other_formats_are_refused(tmp_path: Path) -> None:
    for name in ("a.pdf", "a", "png"):
        with pytest.raises(click.UsageError, match=r"the ending says the format: \.png, \.svg"):
            write_plot(str(tmp_path / name), SOURCE, TARGET, WEIGHTS)


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SeqtoolError, match=r"^pictures need matplotlib.*'seqtool\[plot\]'$"):
        write_plot(str(tmp_path / "a.png"), SOURCE, TARGET, WEIGHTS)
    assert not list(tmp_path.iterdir())


def needs_extra() -> None:
    """Skip without the extra."""
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'seqtool[plot]'")


def texts_of(svg: str) -> list[str]:
    """All text of a picture."""
    root = ET.fromstring(svg)
    return ["".join(node.itertext()) for node in root.iter() if node.tag.endswith("}text")]


def test_a_picture_has_the_tokens_and_is_always_the_same(tmp_path: Path) -> None:
    needs_extra()
    first, again = (tmp_path / name for name in ("a.svg", "b.svg"))
    for path in (first, again):
        write_plot(str(path), [*SOURCE, "$x^2$", "<b>"], TARGET, np.zeros((5, 7)))
    svg = first.read_text(encoding="utf-8")
    assert svg == again.read_text(encoding="utf-8")
    texts = texts_of(svg)
    for token in ("␣Ein", "␣Hund", "␣rennt", "␣A", "␣dog", "␣runs", "$x^2$", "<b>"):
        assert texts.count(token) == 1
    assert texts.count("</s>") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.svg", "b.svg"]


def test_long_tokens_of_the_source_are_turned_and_letters_are_not(tmp_path: Path) -> None:
    needs_extra()

    def turned(source: Sequence[str]) -> set[str]:
        path = tmp_path / "a.svg"
        write_plot(str(path), source, ["T"], np.zeros((1, len(source))))
        root = ET.fromstring(path.read_text(encoding="utf-8"))
        nodes = (node for node in root.iter() if node.tag.endswith("}text"))
        return {
            "".join(node.itertext())
            for node in nodes
            if re.search(r"rotate\(-90", str(node.attrib))
        }

    assert turned(["a", "b", "</s>"]) == {"</s>"}
    assert turned(["ein", "b", "</s>"]) == {"ein", "b", "</s>"}


def pixels(path: Path) -> Any:
    """A picture's grey values, (height, width), 0 to 1."""
    from matplotlib.image import imread

    return imread(path)[..., :3].mean(axis=2)


@pytest.mark.parametrize(
    ("source", "target"),
    [(SOURCE, TARGET), (["</s>"], ["</s>"]), (SOURCE * 8, TARGET * 7), (["字", "🙂"], ["ا"])],
)
def test_pictures_of_all_sizes(
    tmp_path: Path, source: Sequence[str], target: Sequence[str]
) -> None:
    """Scripts that the font lacks are no error."""
    needs_extra()
    path = tmp_path / "a.PNG"
    write_plot(str(path), source, target, np.zeros((len(target), len(source))))
    light = pixels(path)
    write_plot(str(path), source, target, np.ones((len(target), len(source))))
    dark = pixels(path)
    assert light.shape == dark.shape
    assert max(light.shape) < 6000
    cells = (light > 0.9) & (dark < 0.4)
    assert cells.mean() > 0.05  # the weights are to be seen


def test_what_a_cell_shows_is_where_it_belongs(tmp_path: Path) -> None:
    needs_extra()
    path = tmp_path / "a.png"
    weights = np.zeros((5, 5))
    write_plot(str(path), SOURCE, TARGET, weights)
    empty = pixels(path)
    weights[1, 3] = 1.0  # the second row from above, the fourth column from the left
    write_plot(str(path), SOURCE, TARGET, weights)
    rows, columns = np.nonzero(np.abs(pixels(path) - empty) > 0.3)
    weights[:] = 1.0
    write_plot(str(path), SOURCE, TARGET, weights)
    all_rows, all_columns = np.nonzero(np.abs(pixels(path) - empty) > 0.3)

    def place(some: Any, every: Any) -> float:
        low, high = np.percentile(every, [1, 99])
        return float((some.mean() - low) / (high - low))

    assert place(rows, all_rows) == pytest.approx(1.5 / 5, abs=0.05)
    assert place(columns, all_columns) == pytest.approx(3.5 / 5, abs=0.05)

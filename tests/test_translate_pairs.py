"""Parallel text out of files, and the vocabularies that are learned from it."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from seqtool.errors import SeqtoolError
from seqtool_translate.pairs import Files, Pairs, find_files, hold_back, read_pairs, take
from seqtool_translate.text_side import TextSide
from seqtool_translate.vocabulary import make_sides

GERMAN = ["Ein Hund rennt.", "Zwei Katzen.", "Ein Kind spielt Ball."]
ENGLISH = ["A dog runs.", "Two cats.", "A child plays ball."]


def write(path: Path, *lines: str) -> str:
    """A file of these lines."""
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return str(path)


def both(source: list[str], target: list[str]) -> list[str]:
    """Lines of source, tab, target."""
    return [f"{one}\t{other}" for one, other in zip(source, target, strict=True)]


def message(files: Files) -> str:
    """What reading says, in one line."""
    with pytest.raises(SeqtoolError) as caught:
        read_pairs(files, "strict")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_same_pairs_from_files_of_every_kind(tmp_path: Path) -> None:
    plain = find_files([write(tmp_path / "a.de", *GERMAN)], [write(tmp_path / "a.en", *ENGLISH)])
    packed = find_files(
        [write(tmp_path / "b.de.gz", *GERMAN)], [write(tmp_path / "b.en.gz", *ENGLISH)]
    )
    tabs = find_files((), (), [write(tmp_path / "c.tsv.gz", *both(GERMAN, ENGLISH))])
    for number in (0, 1):
        write(tmp_path / f"d{number}.de", *GERMAN[number * 2 :][:2])
        write(tmp_path / f"d{number}.en", *ENGLISH[number * 2 :][:2])
    parts = find_files([str(tmp_path / "d*.de")], [str(tmp_path / "d*.en")])
    assert len(parts.source) == 2
    expected = read_pairs(plain, "strict")
    assert (expected.source, expected.target, expected.empty) == (GERMAN, ENGLISH, 0)
    for files in (packed, tabs, parts):
        assert read_pairs(files, "strict") == expected


def test_pairs_with_an_empty_side_are_counted(tmp_path: Path) -> None:
    source = ["a", "", "b", " \u3000", "c\r", ""]
    target = ["1", "2", "", "4", " 5\r", " "]
    files = Files([write(tmp_path / "a", *source)], [write(tmp_path / "b", *target)])
    pairs = read_pairs(files, "strict")
    assert (pairs.source, pairs.target, pairs.empty) == (["a", "c"], ["1", "5"], 4)
    blank = write(tmp_path / "c", "a\t1", "", "b\t", "c\t3\tfrom a book", "\t2")
    pairs = read_pairs(Files((), (), [blank]), "strict")
    assert (pairs.source, pairs.target, pairs.empty) == (["a", "c"], ["1", "3"], 3)


def test_line_breaks_of_other_kinds_break_no_lines(tmp_path: Path) -> None:
    one = write(tmp_path / "a", "x\u2028y\x0bz")
    assert read_pairs(Files([one], [one]), "strict").source == ["x\u2028y\x0bz"]


def test_the_sum_depends_on_both_sides(tmp_path: Path) -> None:
    one, other = write(tmp_path / "a", "x", "y"), write(tmp_path / "b", "x", "z")
    sums = {
        read_pairs(Files([a], [b]), "strict").sha256 for a in (one, other) for b in (one, other)
    }
    assert len(sums) == 4


def test_lines_that_do_not_match(tmp_path: Path) -> None:
    long, short = write(tmp_path / "a.de", "1", "2", "3"), write(tmp_path / "a.en", "1", "2")
    assert message(Files([long], [short])) == (
        f"{long} has 3 lines, {short} has 2: the files must match line by line"
    )


def test_what_is_no_parallel_text(tmp_path: Path) -> None:
    tabs = write(tmp_path / "a.tsv", "x\ty", "no tab")
    assert message(Files((), (), [tabs])).startswith(f"{tabs}:2: no tab")
    fine = write(tmp_path / "a", *["x"] * 3)
    broken = tmp_path / "b"
    broken.write_bytes(b"x\nx\n\xff\n")
    for files in (Files([fine], [str(broken)]), Files([str(broken)], [fine])):
        assert message(files).startswith(f"{broken}:3: not UTF-8")
        assert len(read_pairs(files, "replace").source) == 3
    broken.write_bytes(b"x\tx\n\xff\tx\n")
    assert message(Files((), (), [str(broken)])).startswith(f"{broken}:2: not UTF-8")
    empty = write(tmp_path / "c", "", "")
    assert "no pairs of lines" in message(Files([empty], [empty]))
    assert "no pairs of lines" in message(Files((), (), [empty]))


def test_files_that_are_not_there(tmp_path: Path) -> None:
    there = write(tmp_path / "a", "x")
    for source, target, both_sides, said in (
        ([there], [str(tmp_path / "none")], [], "none: no such file"),
        ([there, there], [there], [], "2 source files"),
        ([], [], [str(tmp_path / "*.tsv")], "no file matches"),
        (["-"], ["-"], [], "stdin"),
    ):
        with pytest.raises(SeqtoolError, match=said):
            find_files(source, target, both_sides)


def test_a_share_is_held_back_at_random() -> None:
    pairs = Pairs([str(n) for n in range(100)], [str(-n) for n in range(100)], "", 0)
    train, held = hold_back(pairs, 0.2, seed=1)
    assert (len(train.source), len(held.source)) == (80, 20)
    assert sorted(train.source + held.source) == sorted(pairs.source)
    assert held.source == sorted(held.source, key=int) != pairs.source[80:]
    assert held.target == [str(-int(text)) for text in held.source]
    assert hold_back(pairs, 0.2, seed=1) == (train, held)
    assert hold_back(pairs, 0.2, seed=2)[1] != held
    for share, few in ((0.2, 3), (0.001, 100)):
        with pytest.raises(SeqtoolError, match="too few"):
            hold_back(take(pairs, range(few)), share, seed=1)


# --- vocabularies ---------------------------------------------------------------------------------


def sides(level: str, **settings: object) -> tuple[TextSide, TextSide]:
    """What is learned from a few pairs."""
    names = ("vocab_size", "joint", "tokenizer", "source_tokenizer", "target_tokenizer")
    options = {**dict.fromkeys(names), "level": level, "threads": 1, **settings}
    return make_sides(Pairs(GERMAN * 9, ENGLISH * 9, "", 0), options)


@pytest.mark.parametrize("level", ["subword", "word", "char"])
@pytest.mark.parametrize("joint", [None, False, True])
def test_lines_come_back(level: str, joint: bool | None) -> None:
    pair = sides(level, joint=joint)
    assert (pair[0] is pair[1]) == (level == "subword" if joint is None else joint)
    for side, lines in zip(pair, (GERMAN, ENGLISH), strict=True):
        encoded = side.encode([f" {line}\n" for line in lines])
        assert encoded.ids.dtype == np.int32
        assert (encoded.ids[encoded.starts[1:] - 1] == side.end).all()
        assert side.begin not in encoded.ids
        assert side.decode_batch(encoded.ids, encoded.starts) == lines
        ids = encoded.ids[: encoded.starts[1]]
        assert side.decode(np.append(np.int32(side.begin), ids).astype(np.int32)) == lines[0]
        assert len(side.encode([""]).ids) == 1
        assert side.decode(side.encode([""]).ids) == ""
        assert side.vocab_size == len(side.names)
        assert {side.names[i] for i in side.silent()} == {"<s>"}


def test_a_text_has_no_line_break() -> None:
    side = sides("subword")[0]
    ids = side.encode(["a\nb\rc"]).ids
    assert side.decode(ids) == "a b c"


def test_the_size_of_a_vocabulary() -> None:
    assert [side.vocab_size for side in sides("subword", vocab_size=270)] == [270, 270]
    assert [side.vocab_size for side in sides("word", vocab_size=5)] == [5, 5]


def test_dropout_cuts_anew() -> None:
    side = sides("subword")[0]
    plain = side.encode(GERMAN)
    one, two, same = (side.encode(GERMAN, 0.3, seed) for seed in (1, 2, 1))
    assert len(one.ids) > len(plain.ids)
    assert one.ids.tolist() != two.ids.tolist()
    assert one.ids.tolist() == same.ids.tolist()
    for encoded in (one, two):
        assert side.decode_batch(encoded.ids, encoded.starts) == GERMAN
        assert (encoded.ids[encoded.starts[1:] - 1] == side.end).all()


def test_marks_come_behind_a_tokenizer_without_them(tmp_path: Path) -> None:
    from seqtool.tokenizers.load import save
    from seqtool.tokenizers.train import Recipe, train

    corpus = write(tmp_path / "corpus", *GERMAN, *ENGLISH)
    path = str(tmp_path / "tokenizer.json")
    save(path, train(Recipe("bpe", 300, "gpt2", ()), [corpus], {}))
    side, other = sides("subword", tokenizer=path)
    assert side is other
    size = side.tokenizer.vocab_size
    assert (side.begin, side.end, side.vocab_size, side.unknown) == (size, size + 1, size + 2, None)
    encoded = side.encode(GERMAN)
    assert side.decode_batch(encoded.ids, encoded.starts) == GERMAN
    assert side.silent() == [side.begin]
    one, two = sides("subword", source_tokenizer=path, target_tokenizer=path)
    assert one is not two
    assert one.names == two.names

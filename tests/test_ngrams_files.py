"""Files of n-gram models: ARPA both ways, model files, and what is said about damaged ones."""

import gzip
import math
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ngram_models import Texts, letters, model_of

from seqtool.errors import SeqtoolError
from seqtool.modelfile import read_model, write_model
from seqtool.ngrams.arpa import read_arpa, visible_names, write_arpa
from seqtool.ngrams.files import KIND, load_ngrams, save_ngrams
from seqtool.ngrams.levels import Trie
from seqtool.ngrams.model import NgramModel
from seqtool.tokenizers.visible import visible_to_text

SONG = letters("abracadabra\nabba\n\ncab\nbaobab\nabracadabra\ndada\nacab\ncabbage")

# Written by hand: its words are in another order, numbers in other forms, "b c" has no suffix "c
# d" among the 2-grams, fields are separated by spaces and tabs.
FOREIGN = """\
# a comment

\\data\\
ngram 1=6
ngram 2=4
ngram  3 = 2

\\1-grams:
-99\t<s>\t-0.30103
-1.25 c -.5
-1e0\tb\t-25E-2
-0.75\td\t0.125
-1 </s>
-2.000000000000000000001\ta -1e-30

\\2-grams:
-0.5\tb c\t-0.25
-0.25 <s>  b -0.125
-0.125\td </s>
-0.0625 a\tb

\\3-grams:
-0.03125\tb c d
-0.5 <s> b c

\\end\\
"""


def put(path: Path, text: str | bytes) -> str:
    """A file with this content."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def assert_same(one: NgramModel, other: NgramModel) -> None:
    """The same words and the same numbers, bit for bit."""
    assert one.vocabulary == other.vocabulary
    for ours, theirs in zip(one.trie, other.trie, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def with_numbers(model: NgramModel, numbers: list[float]) -> NgramModel:
    """The model with other probabilities and backoffs."""
    count = len(model.trie.probs) - 1
    repeated = np.resize(np.array(numbers, np.float32), count)
    probs = np.append(np.float32(0), -np.abs(repeated)).astype(np.float32)
    backoffs = np.append(np.float32(0), repeated)[: len(model.trie.backoffs)].astype(np.float32)
    trie = model.trie._replace(probs=probs, backoffs=backoffs)
    return NgramModel(model.vocabulary, trie, model.metadata)


@pytest.mark.kernel
@pytest.mark.parametrize("order", [1, 2, 5])
@pytest.mark.parametrize("prune", [(), (0, 1)])
def test_arpa_there_and_back(order: int, prune: tuple[int, ...], tmp_path: Path) -> None:
    model = model_of(SONG, order, prune[:order])
    path = str(tmp_path / "a.arpa")
    write_arpa(path, model)
    assert_same(read_arpa(path), model)
    again = str(tmp_path / "b.arpa")
    write_arpa(again, read_arpa(path))
    assert Path(path).read_bytes() == Path(again).read_bytes()


sizes = st.floats(float(np.float32(1.1e-13)), 1e9, width=32)
numbers = st.lists(
    st.one_of(st.just(0.0), sizes, sizes.map(lambda size: -size)), min_size=1, max_size=40
)


@pytest.mark.kernel
@settings(deadline=None, max_examples=40)
@given(numbers)
def test_every_number_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[float]
) -> None:
    model = with_numbers(model_of(SONG[:4], 3), drawn)
    path = tmp_path_factory.getbasetemp() / "numbers.arpa"
    write_arpa(str(path), model)
    assert_same(read_arpa(str(path)), model)
    for line in path.read_text(encoding="utf-8").split("\n"):
        if "\t" in line:
            first, _, *rest = line.split("\t")
            for text in (first, *rest):  # what Python and numpy read is what the kernel reads
                assert np.float32(text) in (*model.trie.probs, *model.trie.backoffs)
                digits = text.lstrip("-").replace(".", "").lstrip("0")
                shortest = np.format_float_positional(np.float32(text), unique=True, trim="-")
                assert len(digits) <= len(shortest.lstrip("-").replace(".", "").lstrip("0"))


def test_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.arpa"
    model = with_numbers(model_of([["a"]], 2), [-0.5, 0.25, -1.0, 0.0])
    write_arpa(str(path), model)
    assert path.read_text(encoding="utf-8") == (
        "\\data\\\nngram 1=4\nngram 2=2\n\n"
        "\\1-grams:\n-0.5\ta\t-0.5\n-0.25\t<unk>\t0.25\n-1\t<s>\t-1\n0\t</s>\t0\n\n"
        "\\2-grams:\n-0.5\ta </s>\n-0.25\t<s> a\n\n\\end\\\n"
    )


def test_arpa_of_another_program(tmp_path: Path) -> None:
    model = read_arpa(put(tmp_path / "a.arpa", FOREIGN))
    assert model.counts == [7, 4, 2]
    assert model.vocabulary == ["<s>", "c", "b", "d", "</s>", "a", "<unk>"]
    begin, c, b, d, end, a, unknown = range(7)
    assert model.log_prob([begin], b) == -0.25
    assert model.log_prob([begin, b], c) == -0.5
    assert model.log_prob([b, c], d) == -0.03125
    assert model.log_prob([a, b], c) == -0.5  # there is no "a b c", and "a b" has no backoff
    assert model.log_prob([b, c], a) == -0.25 - 0.5 - 2.0
    assert model.log_prob([], unknown) == -100.0
    assert model.log_prob([a], unknown) == -100.0
    # Behind "b c d" the longest known context is "d": "c d" is not there.
    state = model.advance(model.advance(model.advance(0, b), c), d)
    assert state == model.advance(0, d)
    assert model.step(np.array([state], np.int32), np.array([end], np.int32))[0][0] == -0.125
    ids = np.array([b, c, d], np.int32)
    scores = model.score(ids, np.array([0, 3], np.int64))
    assert scores.words.tolist() == [-0.25, -0.5, -0.03125]
    assert scores.ends.tolist() == [-0.125]


DEEP = """\\data\\
ngram 1=7
ngram 2=4
ngram 3=2
ngram 4=1

\\1-grams:
0 <s>
-1 </s>
-2 <unk>
-1.5 a -0.5
-1.5 b -0.25
-1.5 c -0.125
-1.5 d -0.0625

\\2-grams:
-0.5 a b -1
-0.5 b c -2
-0.75 c d -3
-0.25 d a

\\3-grams:
-0.5 a b c -4
-0.125 c d a

\\4-grams:
-0.5 a b c d

\\end\\
"""


def test_backing_off_over_a_gap(tmp_path: Path) -> None:
    """Behind "a b c d" the longest known context is "c d": there is no "b c d"."""
    model = read_arpa(put(tmp_path / "a.arpa", DEEP))
    a, b, c, d = (model.index[word] for word in "abcd")
    found, state = model.walk(0, [a, b, c, d, a])
    assert found.tolist() == [-1.5, -0.5, -0.5, -0.5, -0.125]
    assert model.walk(0, [a, b, c, d])[1] == model.walk(0, [c, d])[1]
    assert model.walk(0, [a, b, c, d, d])[0][-1] == -3 - 0.0625 - 1.5
    assert state == model.walk(0, [c, d, a])[1] != model.walk(0, [d, a])[1]


def test_a_logarithm_next_to_0_is_0(tmp_path: Path) -> None:
    text = DEEP.replace("-0.75 c d -3", "-1e-20 c d 1e-15").replace("-2 <unk>", "-1e-40 <unk>")
    model = read_arpa(put(tmp_path / "a.arpa", text))
    c, d = model.index["c"], model.index["d"]
    assert model.log_prob([c], d) == model.log_prob([], model.unknown) == 0.0
    assert model.log_prob([c, d], model.index["b"]) == -0.0625 - 1.5


def test_upper_case_unknown(tmp_path: Path) -> None:
    text = FOREIGN.replace("-2.000000000000000000001\ta -1e-30", "-3 <UNK>").replace("a\tb", "d b")
    model = read_arpa(put(tmp_path / "a.arpa", text))
    assert model.log_prob([], model.unknown) == -3.0
    assert model.counts == [6, 4, 2]


def test_compressed_and_windows_files(tmp_path: Path) -> None:
    plain = read_arpa(put(tmp_path / "a.arpa", FOREIGN))
    packed = put(tmp_path / "a.arpa.gz", gzip.compress(FOREIGN.encode()))
    assert_same(read_arpa(packed), plain)
    assert_same(read_arpa(put(tmp_path / "b.arpa", FOREIGN.replace("\n", "\r\n"))), plain)
    put(tmp_path / "cut.arpa.gz", gzip.compress(FOREIGN.encode())[:-20])
    with pytest.raises(SeqtoolError, match=r"cut\.arpa\.gz"):
        read_arpa(str(tmp_path / "cut.arpa.gz"))


def test_a_file_of_many_blocks(tmp_path: Path) -> None:
    """Over a block of text and a batch of lines; a line the kernel leaves is in the middle."""
    rng = np.random.default_rng(7)
    text = [[f"w{word}" for word in rng.integers(0, 300, 30_000)]]
    model = model_of(text, 2)
    path = tmp_path / "a.arpa"
    write_arpa(str(path), model)
    lines = path.read_bytes().split(b"\n")
    middle = lines.index(b"\\2-grams:") + 20_000
    prob, _, words = lines[middle].partition(b"\t")
    lines[middle] = prob + b"0" * 30 + b"\t" + words
    lines.insert(middle - 5_000, b"")
    assert_same(read_arpa(put(tmp_path / "b.arpa", b"\n".join(lines))), model)
    lines[middle + 5_000] = b"0.5" + lines[middle + 5_000]
    with pytest.raises(SeqtoolError, match=f"b.arpa:{middle + 5_001}: "):
        read_arpa(put(tmp_path / "b.arpa", b"\n".join(lines)))
    lines[middle + 5_000] = lines[middle + 4_000]
    with pytest.raises(SeqtoolError, match=f"b.arpa:{middle + 5_001}: .* there twice"):
        read_arpa(put(tmp_path / "b.arpa", b"\n".join(lines)))


SAID = {
    "": "ends without '\\end\\'",
    "hello\n": "1: an ARPA file begins with '\\data\\'",
    "\\data\\\n\n\\1-grams:\n": "'ngram 1=' or '\\1-grams:' is expected",
    "\\data\\\nngram 2=4\n": "2: 'ngram 1=' is expected, found 'ngram 2=4'",
    "\\data\\\nngram 1=1\n\\2-grams:\n": "3: 'ngram 1=' or '\\1-grams:' is expected",
    "\\data\\\nngram 1=99999999999999\n\\1-grams:\n-1 a\n\\end\\\n": "promised, but 1 are there",
}


@pytest.mark.parametrize(("text", "expected"), SAID.items())
def test_what_is_said_of_other_files(text: str, expected: str, tmp_path: Path) -> None:
    assert expected in said(put(tmp_path / "a.arpa", text))


CHANGES = {
    ("-1.25 c -.5", "-1.25"): "10: a log10 probability, a word and perhaps a backoff are expected",
    ("-1.25 c", "1.25 c"): "10: not the log10 of a probability",
    ("-1.25 c", "nan c"): "10: 'nan' is not the log10 of a number",
    ("-1.25 c", "-inf c"): "10: '-inf' is not the log10 of a number",
    ("-1.25 c", "-1e10 c"): "10: '-1e10' is not the log10 of a number",
    ("-1.25 c", "-1_0 c"): "10: '-1_0' is not the log10 of a number",
    ("-1.25 c", "-1.25 b"): "11: the word 'b' is there twice",
    ("<s>\t-0.3", "<a>\t-0.3"): "'<s>' is missing among its 1-grams",
    ("1 </s>\n", "1 <z>\n"): "'</s>' is missing among its 1-grams",
    ("b c\t-0.25", "b x\t-0.25"): "17: the word 'x' is not among the 1-grams",
    ("b c\t-0.25", "b c d e"): "17: a log10 probability, 2 words and perhaps a backoff",
    ("-0.5\tb c", "0.5\tb c"): "17: not the log10 of a probability",
    ("-0.5\tb c", "-1e20\tb c"): "17: not the log10 of a probability",
    ("b c\t-0.25", "b c\tnan"): "17: 'nan' is not the log10 of a number",
    ("d </s>", "<s>\tb"): "19: this n-gram is wrong: it is there twice",
    ("b c d", "c b d"): "23: this n-gram is wrong: its first words are not among the 2-grams",
    ("-0.0625 a\tb\n", ""): "4 n-grams of order 2 are promised, but 3 are there",
    ("\\3-grams:", "\\4-grams:"): "22: '\\3-grams:' is expected, found '\\\\4-grams:'",
    ("\\end\\", ""): "ends without '\\end\\'",
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.items())
def test_what_is_said_of_a_damaged_arpa_file(
    change: tuple[str, str], expected: str, tmp_path: Path
) -> None:
    assert change[0] in FOREIGN
    assert expected in said(put(tmp_path / "a.arpa", FOREIGN.replace(*change, 1)))


def test_words_that_are_not_utf8(tmp_path: Path) -> None:
    for old, line in ((b"-1.25 c", 10), (b"-0.5\tb c", 17)):
        damaged = FOREIGN.encode().replace(old, old[:-1] + b"\xff", 1)
        assert f"{line}: the word '\ufffd' is not UTF-8" in said(put(tmp_path / "a", damaged))


def said(path: str) -> str:
    """What is said about an ARPA file, less its folder."""
    with pytest.raises(SeqtoolError) as caught:
        read_arpa(path)
    text = str(caught.value)
    assert text.startswith(path)
    assert "\n" not in text
    return text.removeprefix(path).lstrip(":")


SOUND = FOREIGN.encode()


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_damaged_arpa_files(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    damaged = bytearray(SOUND)
    for place in data.draw(st.lists(st.integers(0, len(SOUND) - 1), max_size=3)):
        damaged[place] = data.draw(st.sampled_from(b"\n\t -1.9ebc\\\xff\0="))
    cut = data.draw(st.one_of(st.just(len(damaged)), st.integers(0, len(damaged))))
    path = put(tmp_path_factory.getbasetemp() / "damaged.arpa", bytes(damaged[:cut]))
    failure = ""
    try:
        walk_everywhere(read_arpa(path))
    except SeqtoolError as error:
        failure = str(error)
    assert "\n" not in failure


def walk_everywhere(model: NgramModel) -> None:
    """What was loaded can be used."""
    for state in range(len(model.trie.backoffs)):
        assert not np.isnan(model.next_log_probs(state)).any()
        assert 0 <= model.advance(state, 0) < len(model.trie.backoffs)


def test_names_an_arpa_file_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.arpa"
    model = model_of([["a b", "c"]], 2)
    for names, expected in (
        (model.vocabulary, "'a b'"),
        (["", *model.vocabulary[1:]], "''"),
        (["c", *model.vocabulary[1:]], "two words of the same name"),
        (["\udc80", *model.vocabulary[1:]], "not valid Unicode"),
    ):
        with pytest.raises(SeqtoolError, match=expected):
            write_arpa(str(path), model, names)
    assert not path.exists()


def test_visible_names(tmp_path: Path) -> None:
    texts: Texts = [list("to be\tor\nnot ▁ to be \v\f\r\0")]
    model = model_of(texts, 3)
    names = visible_names(model.vocabulary)
    assert [visible_to_text(name) for name in names] == model.vocabulary
    assert not any(c.isspace() or c == "\0" for name in names for c in name)
    path = str(tmp_path / "a.arpa")
    write_arpa(path, model, names)
    found = read_arpa(path)
    assert [visible_to_text(word) for word in found.vocabulary] == model.vocabulary
    assert visible_names(["▁to", "be"]) == ["▁to", "be"]


@pytest.mark.parametrize("order", [1, 4])
def test_model_files(order: int, tmp_path: Path) -> None:
    path = str(tmp_path / "m.safetensors")
    model = model_of([list("a\nb 東 a"), ["", "a"]], order)
    save_ngrams(path, model, {"level": "char"})
    found = load_ngrams(path)
    assert_same(found, model)
    assert found.metadata["level"] == "char"
    assert found.metadata["discounts"] == model.metadata["discounts"]
    save_ngrams(str(tmp_path / "n.safetensors"), model, {"level": "char"})
    assert Path(path).read_bytes() == (tmp_path / "n.safetensors").read_bytes()


def test_a_word_that_is_not_unicode_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(SeqtoolError, match="not valid Unicode"):
        save_ngrams(str(tmp_path / "m.safetensors"), model_of([["\udc80"]], 1))


def is_sound(trie: Trie, words: int) -> bool:
    """What the docstring of `seqtool.ngrams.trie_kernels` says, node by node."""
    levels, first_child = trie.levels.tolist(), trie.first_child.tolist()
    inner = len(trie.backoffs)
    if levels[:2] != [0, 1] or levels != sorted(levels) or levels[-2] != inner:
        return False
    if levels[-1] != len(trie.words) or not all(0 <= word < words for word in trie.words):
        return False
    level_of = [n for n in range(len(levels) - 1) for _ in range(levels[n], levels[n + 1])]
    if first_child != sorted(first_child):
        return False
    if (first_child[0], first_child[-1]) != (1, len(trie.words)):
        return False
    for node in range(inner):
        children = range(first_child[node], first_child[node + 1])
        if any(level_of[child] != level_of[node] + 1 for child in children):
            return False
        followers = trie.words[children.start : children.stop].tolist()
        if followers != sorted(set(followers)):
            return False
    return all(
        0 <= suffix < len(level_of) and level_of[suffix] < max(level, 1)
        for suffix, level in zip(trie.suffixes.tolist(), level_of, strict=True)
    )


def test_damaged_model_files(tmp_path: Path) -> None:
    """Every number of every array of links, changed: what is loaded is sound."""
    path = str(tmp_path / "m.safetensors")
    model = model_of(SONG[:2], 3)
    save_ngrams(path, model)
    tensors, metadata = read_model(path, KIND)
    outcomes = set()
    for name in Trie._fields[:4]:
        for place in range(len(tensors[name])):
            old = int(tensors[name][place])
            for value in {-1, 0, old - 1, old + 1, len(model.vocabulary), 2**31 - 1} - {old}:
                changed = tensors[name].copy()
                changed[place] = value
                write_model(path, {**tensors, name: changed}, metadata)
                trie = model.trie._replace(**{name: changed})
                loaded = False
                with suppress(SeqtoolError):
                    walk_everywhere(load_ngrams(path))
                    loaded = True
                marked = {model.unknown, model.start, model.end} <= set(
                    trie.words[1 : model.counts[0] + 1].tolist()
                )
                assert loaded == (is_sound(trie, len(model.vocabulary)) and marked), (name, place)
                outcomes.add((name, loaded))
    assert len(outcomes) >= 5


@pytest.mark.parametrize("name", ["probs", "backoffs"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e10, 1e-20, -1e-20])
def test_damaged_numbers_of_model_files(name: str, value: float, tmp_path: Path) -> None:
    path = str(tmp_path / "m.safetensors")
    save_ngrams(path, model_of(SONG[:3], 3))
    tensors, metadata = read_model(path, KIND)
    changed = tensors[name].copy()
    changed[3] = value
    write_model(path, {**tensors, name: changed}, metadata)
    with pytest.raises(SeqtoolError, match="no log10 probability"):
        load_ngrams(path)


def test_damaged_words_of_model_files(tmp_path: Path) -> None:
    path = str(tmp_path / "m.safetensors")
    save_ngrams(path, model_of([["a", "b"]], 2))
    tensors, metadata = read_model(path, KIND)
    for name, value, expected in (
        ("vocabulary", np.frombuffer(b"bb<unk><s></s>", np.uint8), "there twice"),
        ("vocabulary", np.frombuffer(b"a\xff<unk><s></s>", np.uint8), "not UTF-8"),
        ("vocabulary", np.frombuffer(b"ab<unk><z></s>", np.uint8), "'<s>' is missing"),
        ("vocabulary.ends", tensors["vocabulary.ends"] + 1, "where its words end"),
        ("vocabulary.ends", tensors["vocabulary.ends"][::-1].copy(), "where its words end"),
        ("vocabulary.ends", np.empty(0, np.int64), "where its words end"),
        ("suffixes", tensors["suffixes"][:-1], "do not fit together"),
        ("levels", tensors["levels"][:2], "do not fit together"),
        ("levels", np.append(tensors["levels"], tensors["levels"][-1]), "do not fit together"),
    ):
        write_model(path, {**tensors, name: value}, metadata)
        with pytest.raises(SeqtoolError, match=expected):
            load_ngrams(path)

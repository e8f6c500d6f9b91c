"""What models of `seqtool generate` learn, draw and score."""

import itertools
import json
import math
from pathlib import Path
from typing import Any

import pytest
from conftest import RunCli
from generate_models import COUNTING, NAMES, QUICK, SENTENCES, SMALL, SUMS, grammar, train, write

np = pytest.importorskip("numpy")

from seqtool.decode.sampling import SamplingOptions  # noqa: E402
from seqtool_generate import draw as drawing  # noqa: E402
from seqtool_generate.model_files import load  # noqa: E402
from seqtool_generate.text_side import TextSide  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the texts that models learn from."""
    folder = tmp_path_factory.mktemp("generate")
    write(folder / "grammar.txt", grammar())
    write(folder / "test.txt", grammar(20))
    return folder


@pytest.fixture(scope="module")
def stream(folder: Path) -> str:
    """A neural model of characters of the grammar."""
    return train(folder / "grammar.txt", folder / "stream.safetensors", *QUICK, "--epochs", 60)


@pytest.fixture(scope="module")
def names(folder: Path) -> str:
    """A neural model of single names."""
    options = ("--one-per-line", *QUICK, "--epochs", 5)
    return train(NAMES, folder / "names.safetensors", *options)


@pytest.fixture(scope="module")
def words(folder: Path) -> str:
    """A neural model of words of which some are unknown."""
    corpus = write(folder / "rare.txt", grammar() + "".join(f"rare{i} .\n" for i in range(30)))
    options = ("--level", "word", "--min-count", 2, *QUICK, "--epochs", 4)
    return train(corpus, folder / "words.safetensors", *options)


@pytest.fixture(scope="module")
def ngrams(folder: Path) -> str:
    """n-grams of characters of the grammar."""
    return train(
        folder / "grammar.txt", folder / "n.safetensors", "--model", "ngram", "--order", 12
    )


@pytest.fixture(scope="module")
def name_ngrams(folder: Path) -> str:
    """n-grams of characters of names, as an ARPA file."""
    options = ("--one-per-line", "--model", "ngram", "--order", 3, "--validation", 0)
    return train(NAMES, folder / "names.arpa", *options)


@pytest.fixture(params=["stream", "names", "words", "ngrams", "name_ngrams"])
def model(request: pytest.FixtureRequest) -> str:
    """Each of the models."""
    return str(request.getfixturevalue(request.param))


def records(run_cli: RunCli, *arguments: object, stdin: str = "") -> list[dict[str, Any]]:
    """The objects that a command writes."""
    result = run_cli("generate", *arguments, "--format", "jsonl", stdin=stdin)
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.split("\n")[:-1]]


def figures(run_cli: RunCli, model: str, text: Path) -> dict[str, Any]:
    """What eval says."""
    result = run_cli("generate", "eval", "-m", model, text, "--format", "json")
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


# --- learning -------------------------------------------------------------------------------------


def test_what_is_certain_is_learned_exactly(run_cli: RunCli, tmp_path: Path) -> None:
    corpus = write(tmp_path / "corpus.txt", COUNTING * 60)
    options = ("--level", "word", *QUICK, "--epochs", 30, "--validation", 0)
    model = train(corpus, tmp_path / "m.safetensors", *options)
    result = run_cli("generate", "-m", model, "--greedy", "--prompt", "one two", "--length", 20)
    assert result.out == 2 * COUNTING
    assert figures(run_cli, model, corpus)["perplexity"] < 1.05


def test_sums_are_learned(run_cli: RunCli, tmp_path: Path) -> None:
    options = ("--one-per-line", *QUICK, "--hidden", 64, "--epochs", 120, "--validation", 0)
    model = train(SUMS, tmp_path / "m.safetensors", *options)
    lines = SUMS.read_text(encoding="utf-8")
    prompts = "".join(f"{line.split('=')[0]}=\n" for line in lines.split("\n")[:-1])
    result = run_cli("generate", "-m", model, "--greedy", "--prompt", "-", stdin=prompts)
    right = sum(a == b for a, b in zip(result.out.split("\n"), lines.split("\n"), strict=True))
    assert right >= 96


def test_the_network_beats_n_grams_that_see_less(
    run_cli: RunCli, folder: Path, stream: str
) -> None:
    options = ("--model", "ngram", "--order", 2)
    bigrams = train(folder / "grammar.txt", folder / "bigrams.safetensors", *options)
    neural, counted = (figures(run_cli, m, folder / "test.txt") for m in (stream, bigrams))
    assert neural["tokens"] == counted["tokens"]
    assert neural["nats_per_token"] < 0.5 * counted["nats_per_token"]


def test_both_kinds_learn_the_grammar(run_cli: RunCli, stream: str, ngrams: str) -> None:
    for model in (stream, ngrams):
        out = run_cli("generate", "-m", model, "--length", 400, "--temperature", 0.3).out
        lines = out.split("\n")[:-2]  # the last one may be cut
        assert sum(line in SENTENCES for line in lines) >= 0.5 * len(lines) > 1


@pytest.mark.real
def test_n_grams_of_shakespeare(run_cli: RunCli, data: Path, tmp_path: Path) -> None:
    corpus = data / "text" / "tinyshakespeare.txt"
    text = corpus.read_bytes()
    held = tmp_path / "held.txt"
    held.write_bytes(text[int(len(text) * 0.9) :])  # its characters are single bytes
    model = train(corpus, tmp_path / "m.safetensors", "--model", "ngram", "--order", 7)
    found = figures(run_cli, model, held)
    assert (found["tokens"], found["unknown"]) == (111_540, 0)
    assert found["nats_per_token"] == pytest.approx(1.5165, abs=1e-3)
    metadata = json.loads(run_cli("info", "--format", "json", model).out)["metadata"]
    assert metadata["validation_loss"] == pytest.approx(found["nats_per_token"])


@pytest.mark.parametrize(
    "options",
    [
        ["--cell", "lstm", "--layers", "2", "--dropout", "0.3", "--variational"],
        ["--cell", "rnn", "--layers", "2", "--layer-norm", "--residual"],
        ["--cell", "simple-gru", "--tied", "--label-smoothing", "0.1"],
        ["--cell", "relu-rnn", "--optimizer", "sgd", "--precision", "float32"],
        ["--level", "subword", "--vocab-size", "270"],
        ["--level", "word", "--vocab-size", "8", "--tied", "--embedding", "8"],
    ],
)
def test_all_options_make_models(
    run_cli: RunCli, folder: Path, tmp_path: Path, options: list[str]
) -> None:
    corpus = folder / "grammar.txt"
    model = train(corpus, tmp_path / "m.safetensors", *QUICK, "--epochs", 2, *options)
    before = train(corpus, tmp_path / "0.safetensors", *QUICK, "--epochs", 1, *options)
    after = figures(run_cli, model, corpus)["nats_per_token"]
    assert after < figures(run_cli, before, corpus)["nats_per_token"]
    assert len(run_cli("generate", "-m", model).out) > 20


def test_word_vectors_are_taken_over(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    vectors = write(tmp_path / "v.vec", "2 3\nthe 1 2 3\nzzz 4 5 6\n")
    options = ("--level", "word", "--embeddings", vectors, "--cell", "rnn", "--hidden", 8)
    result = run_cli(
        "generate", "train", folder / "grammar.txt", "-o", tmp_path / "m.safetensors", *options,
        "--epochs", 1, "--learning-rate", 1e-9,
    )  # fmt: skip
    assert result.code == 0
    assert "1 of 12 words have a vector" in result.err
    model = load(str(tmp_path / "m.safetensors"))
    table = model.model.parameters["embedding.table"]  # type: ignore[union-attr]
    assert table[model.text.names.index("the")] == pytest.approx([1, 2, 3], abs=1e-5)


def test_a_cell_of_a_plugin(
    run_cli: RunCli, folder: Path, tmp_path: Path, make_plugin: Any
) -> None:
    make_plugin(
        "mine",
        "from seqtool.hookspecs import hookimpl\n"
        "@hookimpl\n"
        "def register_cells(register):\n"
        "    from seqtool.nn.rnn import RNN\n"
        "    register('mine', type('Mine', (RNN,), {}))\n",
    )
    options = ("--cell", "mine", "--hidden", 8, "--layers", 1, "--epochs", 1)
    model = train(folder / "grammar.txt", tmp_path / "m.safetensors", *options)
    assert run_cli("generate", "-m", model).code == 0


def test_a_tokenizer_of_ones_own(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    for kind in ("bpe", "unigram", "word"):
        tokenizer = tmp_path / f"{kind}.json"
        made = run_cli(
            "tokenize", "train", folder / "grammar.txt", "--model", kind, "--vocab-size", 290,
            "-o", tokenizer,
        )  # fmt: skip
        assert made.code == 0
        options = ("--level", "subword", "--tokenizer", tokenizer, *QUICK)
        more = ("--epochs", 30, "--steps", 8, "--validation", 0)
        target = tmp_path / f"{kind}.safetensors"
        model = train(folder / "grammar.txt", target, *options, *more)
        out = run_cli("generate", "-m", model, "--prompt", "the", "--temperature", 0.3).out
        assert out.startswith("the ")
        assert "\n" in out[:-1]
        assert set(out.split()) <= {*" ".join(SENTENCES).split()} | {out.split()[-1]}


# --- drawing --------------------------------------------------------------------------------------


def test_the_seed_decides(run_cli: RunCli, model: str) -> None:
    def drawn(*options: object) -> str:
        return run_cli("generate", "-m", model, "--length", 60, "--count", 3, *options).out

    assert drawn("--seed", 5) == drawn("--seed", 5)
    assert drawn("--seed", 5) != drawn("--seed", 6)
    assert len({record["text"] for record in records(run_cli, "-m", model, "--count", 4)}) > 1


def test_one_token_is_as_greedy_as_greedy(run_cli: RunCli, model: str) -> None:
    greedy = run_cli("generate", "-m", model, "--greedy", "--prompt", "a", "-q").out
    for options in (["--top-k", "1"], ["--temperature", "0"], ["--min-p", "1"], ["--beam", "1"]):
        assert run_cli("generate", "-m", model, "--prompt", "a", *options, "-q").out == greedy


def test_beam_search_finds_what_is_more_probable(run_cli: RunCli, names: str) -> None:
    greedy = records(run_cli, "-m", names, "--greedy")[0]
    best = records(run_cli, "-m", names, "--beam", 8, "--count", 8)
    scores = [record["log_prob"] for record in best]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] >= greedy["log_prob"] - 1e-6
    longer = records(run_cli, "-m", names, "--beam", 8, "--length-penalty", 2)[0]
    assert longer["tokens"] >= best[0]["tokens"]


def test_a_repetition_penalty(run_cli: RunCli, stream: str) -> None:
    strong = ["--repetition-penalty", "1e9", "--length", "8", "--greedy"]
    text = records(run_cli, "-m", stream, *strong)[0]["text"]
    assert len(set(text)) == 8


def test_stop_texts(run_cli: RunCli, stream: str) -> None:
    record = records(run_cli, "-m", stream, "--stop", "zz", "--stop", " .", "--length", 500)[0]
    assert record["reason"] == "string"
    assert " ." not in record["text"]
    out = run_cli("generate", "-m", stream, "--stop", " .", "--length", 500).out
    assert out == record["text"] + "\n"


def test_length_and_end(run_cli: RunCli, stream: str, names: str) -> None:
    record = records(run_cli, "-m", stream, "--length", 7)[0]
    assert (record["tokens"], len(record["text"]), record["reason"]) == (7, 7, "length")
    for record in records(run_cli, "-m", names, "--count", 20, "--length", 100):
        assert record["reason"] == "end"
        assert record["tokens"] == len(record["text"]) + 1


def test_unknown_words_come_only_when_asked_for(run_cli: RunCli, words: str) -> None:
    options = ("-m", words, "--length", 300, "--temperature", 1)
    assert "<unk>" not in run_cli("generate", *options).out
    assert "<unk>" in run_cli("generate", *options, "--allow-unknown").out


def test_the_log_probability_of_what_was_drawn(run_cli: RunCli, names: str) -> None:
    for record in records(run_cli, "-m", names, "--count", 5, "--temperature", 0.5):
        scored = records(run_cli, "score", "-m", names, stdin=f"{record['text']}\n")[0]
        assert record["log_prob"] == scored["log_prob"]


def test_prompts_stand_before_what_follows(run_cli: RunCli, model: str) -> None:
    lines = model.endswith(("names.safetensors", "names.arpa"))
    prompt = "Ma" if lines else "the bird"
    texts = records(run_cli, "-m", model, "--prompt", prompt, "--count", 2)
    whole = [f"{prompt}{record['text']}" for record in texts]
    expected = ("" if lines else "\n").join(
        text if text.endswith("\n") else f"{text}\n" for text in whole
    )
    out = run_cli("generate", "-m", model, "--prompt", prompt, "--count", 2).out
    assert out == expected
    several = run_cli("generate", "-m", model, "--prompt", "-", stdin=f"{prompt}\n{prompt}\n").out
    assert several == expected


def test_words_are_spaced(run_cli: RunCli, words: str) -> None:
    for prompt in ("", "the", "the ", "the\n"):
        out = run_cli("generate", "-m", words, "--prompt", prompt, "--length", 50).out
        assert out.startswith(prompt)
        assert "  " not in out
        assert " \n" not in out
        assert "\n " not in out
        assert not out.startswith(" ")


def test_a_prompt_that_is_not_known(run_cli: RunCli, stream: str, words: str) -> None:
    result = run_cli("generate", "-m", stream, "--prompt", "the Äpple")
    assert "the vocabulary lacks 'Ä', 'p', 'l': read as <unk>" in result.err
    assert result.out.startswith("the Äpple")
    result = run_cli("generate", "-m", words, "--prompt", "the moose sees")
    assert "the vocabulary lacks 'moose'" in result.err


def test_the_loop_draws_what_steps_draw(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(stream)
    prompt = loaded.text.encode_prompt("the cat\n")
    for seed, top_k in ((1, 0), (2, 5)):
        options = SamplingOptions(seed=seed, top_k=top_k, banned=loaded.text.banned(False))

        def first(count: int, options: SamplingOptions = options) -> list[int]:
            ids: list[int] = []
            for some in drawing.draw(loaded, prompt, options, 3):
                ids += some.tolist()
                if len(ids) >= count:
                    break
            return ids[:count]

        looped = first(40)
        with monkeypatch.context() as patch:
            patch.setattr(drawing, "has_loop", lambda model: False)
            assert first(40) == looped


# --- scoring --------------------------------------------------------------------------------------


def test_a_score_does_not_depend_on_other_lines(run_cli: RunCli, model: str) -> None:
    lines = [*SENTENCES, "", "x", *(f"the {'cat ' * n}." for n in range(1, 90))]
    together = records(run_cli, "score", "-m", model, stdin="\n".join(lines) + "\n")
    backwards = records(run_cli, "score", "-m", model, stdin="\n".join(lines[::-1]) + "\n")
    assert together == backwards[::-1]
    for number in (0, 3, 4, 40, len(lines) - 1):
        alone = records(run_cli, "score", "-m", model, stdin=f"{lines[number]}\n")
        assert alone == [together[number]]
    one = records(run_cli, "score", "-m", model, "--threads", 1, stdin="\n".join(lines) + "\n")
    assert one == together


def test_scores_are_those_of_single_steps(run_cli: RunCli, model: str) -> None:
    loaded = load(model)
    line = "Maria" if loaded.text.tokenizer.form == "text" and loaded.text.lines else SENTENCES[0]
    record = records(run_cli, "score", "-m", model, stdin=f"{line}\n")[0]
    texts = loaded.text.as_sequences(loaded.text.encode_block(f"{line}\n".encode()))
    assert record["log_probs"] == pytest.approx(step_by_step(loaded, texts.ids), rel=1e-4, abs=1e-5)
    assert record["log_prob"] == pytest.approx(sum(record["log_probs"]))
    assert record["perplexity"] == pytest.approx(math.exp(-np.mean(record["log_probs"])))
    assert len(record["pieces"]) == record["tokens"] == len(record["log_probs"])


def step_by_step(loaded: Any, ids: Any) -> list[float]:
    """Log-probabilities of all ids but the first, from the logits of one step after the other."""
    model = drawing._step_model(loaded)
    state, found = model.start(1), []
    for before, after in itertools.pairwise(ids):
        logits, state = model.step(np.array([before], np.int32), state)
        row = logits[0].astype(np.float64)
        found.append(float(row[after] - np.logaddexp.reduce(row)))
    return found


def test_a_stream_is_evaluated_as_a_stream(
    run_cli: RunCli, folder: Path, stream: str, ngrams: str
) -> None:
    text = write(folder / "long.txt", grammar(40))  # longer than a window
    for model in (stream, ngrams):
        loaded = load(model)
        ids = loaded.text.as_stream(loaded.text.encode_block(text.read_bytes()))
        ids = np.concatenate([[loaded.text.start], ids]).astype(np.int32)
        found = figures(run_cli, model, text)
        assert found["tokens"] == found["characters"] == len(text.read_text(encoding="utf-8"))
        assert found["log_prob"] == pytest.approx(sum(step_by_step(loaded, ids)), rel=1e-4)
        bits = -found["log_prob"] / math.log(2) / found["characters"]
        assert found["bits_per_character"] == pytest.approx(bits)
        parts = [write(folder / f"{i}.txt", part) for i, part in enumerate((grammar(40), ""))]
        result = run_cli("generate", "eval", "-m", model, *parts, "--format", "json")
        assert json.loads(result.out) == found


def test_lines_are_evaluated_as_they_are_scored(run_cli: RunCli, names: str, words: str) -> None:
    total = sum(r["log_prob"] for r in records(run_cli, "score", "-m", names, NAMES))
    found = figures(run_cli, names, NAMES)
    assert found["log_prob"] == pytest.approx(total)
    assert found["tokens"] == NAMES.stat().st_size
    assert "by:lines" in found["signature"]


def test_a_long_line_is_scored_in_pieces(
    run_cli: RunCli, tmp_path: Path, stream: str, ngrams: str
) -> None:
    text = write(tmp_path / "long.txt", "the cat sees the bird . " * 60 + "\n")
    for model in (stream, ngrams):
        scored = records(run_cli, "score", "-m", model, text)[0]
        assert scored["log_prob"] == pytest.approx(figures(run_cli, model, text)["log_prob"])
        assert scored["tokens"] == 24 * 60 + 1


def test_unknown_tokens_are_counted(run_cli: RunCli, tmp_path: Path, words: str) -> None:
    text = write(tmp_path / "t.txt", "the moose sees the elk .\n")
    found = figures(run_cli, words, text)
    assert (found["unknown"], found["tokens"], found["unknown_share"]) == (2, 7, 2 / 7)


def test_an_arpa_file_scores_like_the_model_file(
    run_cli: RunCli, folder: Path, tmp_path: Path, ngrams: str
) -> None:
    options = ("--model", "ngram", "--order", 12)
    for name in ("n.arpa", "n.arpa.gz"):
        arpa = train(folder / "grammar.txt", tmp_path / name, *options)
        found, expected = (figures(run_cli, m, folder / "test.txt") for m in (arpa, ngrams))
        assert found == expected
    again = train(folder / "grammar.txt", tmp_path / "again.arpa.gz", *options)
    assert Path(again).read_bytes() == Path(arpa).read_bytes()


def test_n_grams_and_networks_of_words_see_the_same_tokens(
    run_cli: RunCli, folder: Path, tmp_path: Path, words: str
) -> None:
    corpus = folder / "rare.txt"
    options = ("--level", "word", "--min-count", 2, "--model", "ngram", "--order", 3)
    counted = figures(run_cli, train(corpus, tmp_path / "w.safetensors", *options), corpus)
    neural = figures(run_cli, words, corpus)
    for name in ("tokens", "characters", "unknown"):
        assert counted[name] == neural[name]
    vocabularies = [f["signature"].split("|vocabulary:")[1] for f in (counted, neural)]
    assert vocabularies[0] == vocabularies[1]


def test_the_validation_loss_is_in_the_model(run_cli: RunCli, stream: str, ngrams: str) -> None:
    for path in (stream, ngrams):
        metadata = json.loads(run_cli("info", "--format", "json", path).out)["metadata"]
        assert 0 < metadata["validation_loss"] < 3
        assert metadata["corpus_sha256"]
        assert metadata["arguments"]["level"] == "char"
        assert metadata["seed"] == 1


def test_a_share_is_the_end_of_a_text_and_random_lines_of_a_list(tmp_path: Path) -> None:
    from seqtool_generate.corpus import read_corpus, split_corpus

    corpus = write(tmp_path / "c.txt", "".join(f"{chr(97 + i)}\n" for i in range(20)))
    settings = {"errors": "strict", "threads": 1, "one_per_line": True, "seed": 1}
    loaded = load(train(corpus, tmp_path / "m.safetensors", *SMALL, "--epochs", 1))
    text = loaded.text
    assert text.newline_inside
    data = read_corpus([str(corpus)], text, {**settings, "one_per_line": False})
    kept, held = split_corpus(data.texts, text, 0.1, {**settings, "one_per_line": False})
    assert kept.ids.tolist() + held.ids.tolist() == data.texts.ids.tolist()
    assert len(held.ids) == 4
    side = TextSide(text.tokenizer, lines=True)
    data = read_corpus([str(corpus)], side, settings)
    kept, held = split_corpus(data.texts, side, 0.1, settings)
    assert len(held.starts) - 1 == 2
    assert sorted([*kept.ids, *held.ids]) == sorted(data.texts.ids)
    assert held.ids.tolist() != data.texts.ids[-2:].tolist()

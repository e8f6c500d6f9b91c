"""`seqtool translate diagnose`: search errors and model errors, counted."""

import itertools
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import RunCli

np = pytest.importorskip("numpy")

from seqtool.decode.beam import BeamOptions, beam_search  # noqa: E402
from seqtool.decode.types import Ids, Logits, Rows  # noqa: E402
from seqtool.nn.encoder_decoder import EncoderDecoder, EncoderDecoderSettings  # noqa: E402
from seqtool_translate.diagnose import (  # noqa: E402
    Case,
    Diagnosis,
    Kind,
    Scored,
    Tally,
    search_share,
)
from seqtool_translate.forcing import force_rows  # noqa: E402
from seqtool_translate.model_files import save  # noqa: E402
from seqtool_translate.pairs import Pairs  # noqa: E402
from seqtool_translate.vocabulary import make_sides  # noqa: E402

# --- a model with search errors in it -------------------------------------------------------------

VOCAB = 20
BEGIN, END, GOOD, NEXT = 0, 1, 2, 3
FIRST_DECOY = 4
LONGEST = 4
PENALTY = 0.7


class GardenPath:
    """A model that leads the search up the garden path.

    The first id is one of so many decoys, as the input says, that are each a little more probable
    than GOOD; but what follows a decoy is anybody's guess, and GOOD ends at once. A beam of as many
    places as there are decoys holds nothing else; with one more it finds GOOD. NEXT is as GOOD,
    only half as probable.
    """

    vocab_size = VOCAB

    def start(self, decoys: Sequence[int]) -> Rows:
        """State: (decoys, the id before or -1) a row."""
        state: Rows = np.array([[count, -1] for count in decoys], np.int64)
        return state

    def step(self, ids: Ids, state: Rows) -> tuple[Logits, Rows]:
        """What comes next."""
        state = np.stack([state[:, 0], ids], axis=1)
        rows = [self.probabilities(*row) for row in state.tolist()]
        return np.log(np.array(rows)).astype(np.float32), state

    def select(self, state: Rows, rows: Rows) -> Rows:
        """Some of the rows."""
        some: Rows = state[rows]
        return some

    def probabilities(self, decoys: int, before: int) -> list[float]:
        """Of every id behind another one; they depend on nothing else."""
        if before == BEGIN:
            found = {GOOD: 0.1, NEXT: 0.05}
            found |= {FIRST_DECOY + number: 0.11 for number in range(decoys)}
        elif before in (GOOD, NEXT):
            found = {END: 0.9}
        else:
            found = {}
        rest = (1 - sum(found.values())) / (VOCAB - len(found))
        return [found.get(number, rest) for number in range(VOCAB)]


BEST, SECOND, POOR = [GOOD, END], [NEXT, END], [NEXT, 12, 13, END]


class Planted(NamedTuple):
    """An input: how many decoys there are, and which translation is the human one."""

    decoys: int
    human: list[int]

    def kind(self, beam: int) -> Kind:
        """What it is with a beam of this size."""
        lost = beam <= self.decoys
        if self.human == POOR:
            return "model"
        if lost:
            return "search"
        return "same" if self.human == BEST else "model"


def by_length(beam: int) -> BeamOptions:
    """How hypotheses are ranked."""
    return BeamOptions(
        width=beam, normalization="mean", length_penalty=PENALTY, end=END, banned=[BEGIN]
    )


def name(ids: Sequence[int]) -> str:
    """Ids as text."""
    return " ".join(map(str, ids))


def diagnose(planted: Sequence[Planted], beams: Sequence[int], worst: int = 0) -> Diagnosis:
    """Compare the human translations with what beam search finds."""
    model = GardenPath()
    state = model.start([each.decoys for each in planted])
    humans = [np.array(each.human, np.int32) for each in planted]
    scores = force_rows(model, state, BEGIN, humans)
    references = [
        Scored(name(ids), ids, by_length(1).normalized(float(log_probs.sum()), len(ids)))
        for ids, log_probs in zip(humans, scores, strict=True)
    ]

    def search(beam: int) -> list[Scored]:
        first = np.full(len(planted), BEGIN, np.int32)
        found = beam_search(model, state, first, LONGEST, by_length(beam))
        return [Scored(name(best.ids.tolist()), best.ids, best.score) for best, *_ in found]

    found = Diagnosis(beams, worst)
    sources = ["word " * (number % 40 + 1) for number in range(len(planted))]
    found.add(1, sources, references, search)
    return found


def test_the_model_is_as_planted() -> None:
    """By enumeration: which translations are better than which."""
    model = GardenPath()
    for decoys in range(6):
        scores: dict[tuple[int, ...], float] = {}
        for length in (1, 2, 3):
            for ids in itertools.product([*range(1, 8), 12, 13], repeat=length):
                if END in ids:
                    continue
                whole = (*ids, END)
                chances = (
                    model.probabilities(decoys, before)[after]
                    for before, after in itertools.pairwise((BEGIN, *whole))
                )
                scores[whole] = float(np.log(list(chances)).sum()) / len(whole) ** PENALTY
        best, second, *_ = sorted(scores, key=lambda ids: -scores[ids])
        assert (list(best), list(second)) == (BEST, SECOND)
        through_decoys = max(
            (score for ids, score in scores.items() if ids[0] >= FIRST_DECOY), default=-np.inf
        )
        assert scores[tuple(POOR)] < through_decoys - 0.1


@pytest.mark.parametrize("seed", range(3))
def test_planted_search_errors_are_counted_exactly(seed: int) -> None:
    draw = random.Random(seed)
    planted = [Planted(draw.randrange(6), draw.choice([BEST, SECOND, POOR])) for _ in range(120)]
    beams = (1, 2, 3, 5, 6, 10)
    found = diagnose(planted, beams)
    assert found.sentences == 120
    for beam in beams:
        tally = found.tallies[beam]
        wanted = Counter(each.kind(beam) for each in planted)
        assert tally.counts == wanted
        assert tally.counts["search"] == (
            0 if beam > 5 else sum(beam <= p.decoys and p.human != POOR for p in planted)
        )
        for row, (first, last) in enumerate(
            [(1, 5), (6, 10), (11, 15), (16, 20), (21, 30), (31, 40)]
        ):
            inside = [p for n, p in enumerate(planted) if first <= n % 40 + 1 <= last]
            assert tally.rows[row] == Counter(each.kind(beam) for each in inside)
    assert found.tallies[10].counts["search"] == 0
    assert found.tallies[1].counts["search"] > 20


# --- counting -------------------------------------------------------------------------------------


def case(line: int, reference: float, output: float, same: bool = False) -> Case:
    """A sentence with these scores."""
    ids = np.array([5, END], np.int32)
    other = ids if same else np.array([6, END], np.int32)
    return Case(line, "a b", Scored("x", ids, reference), Scored("y", other, output))


def test_kinds() -> None:
    assert case(1, -1.0, -2.0).kind == "search"
    assert case(1, -2.0, -1.0).kind == "model"
    assert case(1, -1.0, -1.0).kind == "model"  # the search missed nothing
    assert case(1, -1.0, -2.0, same=True).kind == "same"
    alike = case(1, -1.0, -2.0)
    assert alike._replace(output=alike.output._replace(text="x")).kind == "same"


def test_the_worst_are_kept() -> None:
    tally = Tally(2)
    for line, (reference, output) in enumerate(
        [(-1, -2), (-1, -4), (-2, -1), (-1, -3), (-1, -4), (-9, -9)], 1
    ):
        tally.add(case(line, reference, output))
    assert [each.line for each in tally.worst["search"]] == [2, 5]
    assert [each.difference for each in tally.worst["search"]] == [3, 3]
    assert [each.line for each in tally.worst["model"]] == [3, 6]
    assert tally.counts == {"search": 4, "model": 2}
    assert search_share(tally.counts) == pytest.approx(4 / 6)
    assert search_share(Counter()) is None


def test_an_empty_side_is_left_out() -> None:
    found = Diagnosis([1], 1)
    some = case(1, -1.0, -2.0)
    blank = some.reference._replace(text=" ")
    found.add(
        5, ["a", " ", "b"], [some.reference, some.reference, blank], lambda _: [some.output] * 3
    )
    assert (found.sentences, found.empty) == (1, 2)
    assert [each.line for each in found.tallies[1].worst["search"]] == [5]


# --- the command ----------------------------------------------------------------------------------

BEAMS = (1, 2, 8)


def translate(run_cli: RunCli, *options: object, stdin: str = "") -> list[dict[str, Any]]:
    """What a job of `seqtool translate` writes as JSON lines."""
    result = run_cli("translate", *options, "--format", "jsonl", "-q", stdin=stdin)
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.split("\n")[:-1]]


@pytest.fixture
def folder(tmp_path: Path, run_cli: RunCli) -> Path:
    """A model of random weights, sentences, and translations: its own by a wide beam, or any."""
    draw = random.Random(5)
    sources = [
        " ".join("".join(draw.choices("abc", k=draw.randint(1, 4))) for _ in range(1 + n % 8))
        for n in range(40)
    ]
    names = ("vocab_size", "tokenizer", "source_tokenizer", "target_tokenizer")
    settings = {**dict.fromkeys(names), "level": "char", "joint": True, "threads": 1}
    side, _ = make_sides(Pairs(sources, ["d e"], "", 0), settings)
    shape = EncoderDecoderSettings(
        side.vocab_size, side.vocab_size, embedding=8, hidden=8, shared=True
    )
    model = EncoderDecoder(shape)
    model.initialise(2)
    for weight in model.parameters.values():
        weight *= 4.0  # so that it is sure of something, and not of the same for every source
    model.parameters["output.bias"][side.end] -= 3.0  # not of the end
    save(str(tmp_path / "m.safetensors"), model, side, side, "float32", {})
    best = translate(
        run_cli, "-m", tmp_path / "m.safetensors", "--beam", 30, stdin="\n".join(sources) + "\n"
    )
    targets = [
        (each["translation"] or "a") if number % 2 else "".join(draw.choices("abcde", k=4))
        for number, each in enumerate(best)
    ]
    sources[10], targets[12] = "", " "
    (tmp_path / "in").write_text("".join(f"{line}\n" for line in sources), encoding="utf-8")
    (tmp_path / "out").write_text("".join(f"{line}\n" for line in targets), encoding="utf-8")
    return tmp_path


def files_of(folder: Path) -> tuple[object, ...]:
    """Options that name the files."""
    pairs = ("--source", folder / "in", "--target", folder / "out")
    return ("-m", folder / "m.safetensors", *pairs)


def test_what_the_command_counts_is_what_the_other_jobs_say(run_cli: RunCli, folder: Path) -> None:
    beams = ",".join(map(str, BEAMS))
    result = run_cli(
        "translate", "diagnose", *files_of(folder), "--beams", beams, "--worst", 99,
        "--format", "json",
    )  # fmt: skip
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert (found["sentences"], found["empty"], found["length_penalty"]) == (38, 2, 0.7)
    assert "|beams:1,2,8|penalty:length[0.7]|" in found["signature"]
    sources, targets = (
        (folder / name).read_text(encoding="utf-8").split("\n")[:-1] for name in ("in", "out")
    )
    forced = translate(run_cli, "score", *files_of(folder))
    everything = Counter[str]()
    for beam, counted in zip(BEAMS, found["beams"], strict=True):
        lines = (folder / "in").read_text(encoding="utf-8")
        outputs = translate(run_cli, "-m", folder / "m.safetensors", "--beam", beam, stdin=lines)
        kinds: dict[int, str] = {}
        for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
            if not source or not target.strip():
                continue
            human = forced[number]["log_prob"] / len(forced[number]["tokens"]) ** 0.7
            if outputs[number]["translation"] == target:
                kinds[number + 1] = "same"
            else:
                kinds[number + 1] = "search" if human > outputs[number]["score"] else "model"
        counts = Counter(kinds.values())
        assert counted["same"] == counts["same"]
        assert counted["search_errors"] == counts["search"]
        assert counted["model_errors"] == counts["model"]
        assert counted["shares"]["same"] == pytest.approx(counts["same"] / 38)
        assert sum(row["sentences"] for row in counted["by_length"]) == 38
        for kind in ("search", "model"):
            worst = counted[f"worst_{kind}_errors"]
            lines_of_kind = {line for line, each in kinds.items() if each == kind}
            assert {row["line"] for row in worst} == lines_of_kind
            for row in worst:
                index = row["line"] - 1
                assert (row["source"], row["reference"]) == (sources[index], targets[index])
                assert row["output"] == outputs[index]["translation"]
                assert row["output_score"] == pytest.approx(outputs[index]["score"], abs=1e-6)
        everything += counts
    assert min(everything[kind] for kind in ("same", "search", "model")) >= 3


def test_threads_change_nothing(run_cli: RunCli, folder: Path) -> None:
    results = [
        run_cli("translate", "diagnose", *files_of(folder), "--threads", threads, "--beams", "1,4")
        for threads in (1, 2)
    ]
    assert results[0].code == 0
    assert results[0] == results[1]


def test_the_page_for_people(run_cli: RunCli, folder: Path) -> None:
    target = folder / "page.txt"
    options = ("--beams", "2, 1,2", "--worst", 1, "-o", target)
    result = run_cli("translate", "diagnose", *files_of(folder), *options)
    assert (result.code, result.out, result.err) == (0, "", "")
    page = target.read_text(encoding="utf-8").split("\n")
    assert page[0] == "38 sentences, 2 with an empty side left out"
    assert page[2].split("  ")[0] == "beam"
    assert [line.split()[:2] for line in page[3:5]] == [["1", "38"], ["2", "38"]]
    assert page.count("beam 1") == page.count("beam 2") == 1
    worst = [line for line in page if line.startswith("worst ")]
    assert worst[0] == (
        "worst search errors: the model prefers the human translation, the search missed it"
    )
    assert sum(line.startswith("  line ") for line in page) == len(worst)
    assert sum(line.startswith("    human  ") for line in page) == len(worst)
    assert not [line for line in page if line != line.rstrip()]
    assert "a wider beam may find it" in "\n".join(page)
    plain = run_cli("translate", "diagnose", *files_of(folder), "--beams", "1", "--worst", 0)
    assert "worst" not in plain.out


def test_a_line_that_is_too_long_is_named(run_cli: RunCli, folder: Path) -> None:
    options = ("--beams", "1", "--max-input", 20)
    result = run_cli("translate", "diagnose", *files_of(folder), *options)
    sources = (folder / "in").read_text(encoding="utf-8").split("\n")
    longer = [number for number, line in enumerate(sources, 1) if len(line) > 20]
    assert result.code == 0
    assert [int(line.split(":")[1]) for line in result.err.split("\n")[:-1]] == longer
    assert longer


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "diagnose needs --source and --target"),
        (["--source", "in"], 2, "--source and --target go together"),
        (["--source", "in", "--target", "out", "--beams", "0"], 2, "numbers from 1 to"),
        (["--source", "in", "--target", "out", "--beams", "a,2"], 2, "numbers from 1 to"),
        (["--source", "in", "--target", "none"], 1, "none: no such file"),
        (["--source", "in", "--target", "short"], 1, "in has 40 lines, short has 1"),
        (["--source", "empty", "--target", "empty"], 1, "empty: no sentences to compare"),
        (["--source", "-", "--target", "-"], 2, "stdin"),
    ],
)
def test_what_cannot_work(
    run_cli: RunCli,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(folder)
    Path("short").write_text("a\n", encoding="utf-8")
    Path("empty").write_text("\n", encoding="utf-8")
    result = run_cli("translate", "diagnose", "-m", "m.safetensors", *options)
    assert (result.code, result.out) == (code, "")
    assert said in result.err

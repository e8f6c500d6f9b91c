"""Results as text, JSON, JSON lines, tables and rows of segments."""

import io
import json
import math
import re
from typing import Any

import pytest

from seqtool_bleu.report import Result, SentenceWriter, write_results

SIGNATURE = "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:seqtool-0.1.0"
TER_SIGNATURE = "nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:seqtool-0.1.0"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def bleu(system: str = "a.txt", score: float = 27.3149, **more: Any) -> Result:
    """A result of BLEU."""
    details = {"precisions": [60.1, 33.0], "hyp_length": 100}
    description = "60.1/33.0 (BP = 0.997 ratio = 0.997 hyp_len = 100 ref_len = 103)"
    return Result(system, "BLEU", score, SIGNATURE, 20, details, description, **more)


def ter(system: str = "a.txt", score: float = 51.5, **more: Any) -> Result:
    """A result of TER, where less is better."""
    return Result(system, "TER", score, TER_SIGNATURE, 20, higher_is_better=False, **more)


def written(results: list[Result], output_format: str = "text", **options: Any) -> str:
    """What `write_results` writes."""
    stream = io.StringIO()
    write_results(results, stream, output_format, **options)
    return stream.getvalue()


def test_one_result_is_one_line() -> None:
    assert written([bleu()]) == (
        f"BLEU|{SIGNATURE} = 27.31 60.1/33.0 "
        "(BP = 0.997 ratio = 0.997 hyp_len = 100 ref_len = 103)\n"
    )


def test_a_line_with_an_interval() -> None:
    line = written([bleu(mean=27.3, ci=0.5249)], width=3)
    assert " = 27.315 (μ = 27.300 ± 0.525) 60.1/33.0 (BP" in line


def test_metrics_are_aligned_at_the_equals_sign() -> None:
    first, second = written([bleu(), ter()]).splitlines()
    assert first.index(" = ") == second.index(" = ")
    assert second.startswith(f"TER|{TER_SIGNATURE} = 51.50")


def test_score_only() -> None:
    results = [bleu(), ter(), bleu("b.txt", 3.14159)]
    assert written(results, score_only=True, width=1) == "27.3\n51.5\n3.1\n"


def test_json_of_one_result_is_an_object() -> None:
    found = json.loads(written([bleu()], "json"))
    assert found == {
        "system": "a.txt",
        "metric": "BLEU",
        "score": 27.3149,
        "signature": SIGNATURE,
        "segments": 20,
        "precisions": [60.1, 33.0],
        "hyp_length": 100,
        "mean": None,
        "ci": None,
        "p_value": None,
    }


def test_json_of_several_results_is_a_list_of_all_digits() -> None:
    score = 0.1 + 0.2
    text = written([bleu(score=score, p_value=0.05), ter()], "json")
    assert [row["score"] for row in json.loads(text)] == [score, 51.5]
    assert json.loads(text)[0]["p_value"] == 0.05


def test_json_has_no_nan() -> None:
    result = bleu(score=math.nan, mean=math.inf)
    result.details = {"precisions": [math.nan, 1.0], "inner": {"x": -math.inf}}
    for output_format in ("json", "jsonl"):
        found = json.loads(written([result], output_format), parse_constant=pytest.fail)
        assert found["score"] is found["mean"] is None
        assert found["precisions"] == [None, 1.0]
        assert found["inner"] == {"x": None}


def test_json_lines() -> None:
    lines = written([bleu("süd.txt"), ter()], "jsonl").splitlines()
    assert [json.loads(line)["metric"] for line in lines] == ["BLEU", "TER"]
    assert "süd.txt" in lines[0]


def test_tsv_has_the_same_columns_always() -> None:
    header, first, second = written([bleu("a\tb.txt"), ter(p_value=0.25)], "tsv").splitlines()
    assert header == "system\tmetric\tscore\tmean\tci\tp_value\tsegments\tsignature"
    assert first == f"a b.txt\tBLEU\t27.3149\t\t\t\t20\t{SIGNATURE}"
    assert second.split("\t")[5] == "0.25"


def compared() -> list[Result]:
    """Three systems by two metrics with p-values."""
    return [
        bleu("base.txt", 27.0, mean=27.1, ci=0.5),
        ter("base.txt", 51.0),
        bleu("systems/other-with-a-long-name.txt", 28.5, mean=28.4, ci=0.51, p_value=0.001),
        ter("systems/other-with-a-long-name.txt", 52.0, p_value=0.05),
        bleu("third.txt", 26.0, mean=26.1, ci=0.4, p_value=0.4321),
        ter("third.txt", 49.0, p_value=0.0499),
    ]


def test_a_table_of_several_systems() -> None:
    lines = written(compared()).splitlines()
    assert lines[:4] == [
        "System                               BLEU    μ ± 95% CI       p   TER ↓       p",
        "base.txt (baseline)                 27.00  27.10 ± 0.50           51.00",
        "systems/other-with-a-long-name.txt  28.50  28.40 ± 0.51  0.0010*  52.00  0.0500",
        "third.txt                           26.00  26.10 ± 0.40  0.4321   49.00  0.0499*",
    ]
    assert lines[5:] == [
        f"BLEU|{SIGNATURE}",
        f"TER|{TER_SIGNATURE}",
        "p: chance of such a difference from base.txt; * below 0.05",
    ]


def test_a_table_takes_results_by_metric_too() -> None:
    results = compared()
    assert written(results[0::2] + results[1::2]) == written(results)


def test_a_table_without_tests_has_no_columns_for_them() -> None:
    lines = written([bleu("a.txt"), bleu("b.txt", 5.0)]).splitlines()
    assert lines[:4] == ["System   BLEU", "a.txt   27.31", "b.txt    5.00", ""]


def test_systems_may_have_the_same_name() -> None:
    assert written([bleu("a.txt"), bleu("a.txt", 5.0)]).splitlines()[1:3] == [
        "a.txt   27.31",
        "a.txt    5.00",
    ]


def test_long_names_are_not_cut_when_piped() -> None:
    name = "x" * 200
    assert name in written([bleu(name), bleu("b.txt")])


def test_a_terminal_gets_a_table_in_bold_and_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    write_results(compared(), stream)
    text = stream.getvalue()
    assert re.search(r"\x1b\[1m *28\.50", text)
    assert re.search(r"\x1b\[1m *49\.00", text)
    assert "\x1b[32m0.0010*" in text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert all(part in plain for part in ("base.txt (baseline)", "TER ↓", f"BLEU|{SIGNATURE}"))


@pytest.mark.parametrize(("columns", "heads"), [("100", 1), ("70", 2)])
def test_a_narrow_terminal_gets_a_table_a_metric(
    columns: str, heads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", columns)
    stream = Terminal()
    write_results(compared(), stream)
    assert stream.getvalue().count("System") == heads
    assert "systems/other-with-a-long-name.txt" in stream.getvalue()


def test_no_ansi_codes_where_there_is_no_terminal() -> None:
    assert "\x1b" not in written(compared())


def test_a_name_cannot_command_the_terminal() -> None:
    assert "\x1b" not in written([bleu("a\x1b[31m.txt"), bleu("b.txt")])


ROWS = [[27.3149], [math.pi]]


@pytest.mark.parametrize(
    ("output_format", "expected"),
    [
        ("text", "27.315\n3.142\n"),
        ("tsv", "segment\tscore\n1\t27.3149\n2\t3.141592653589793\n"),
        (
            "jsonl",
            '{"segment": 1, "score": 27.3149}\n{"segment": 2, "score": 3.141592653589793}\n',
        ),
    ],
)
def test_segments(output_format: str, expected: str) -> None:
    stream = io.StringIO()
    writer = SentenceWriter(stream, ["BLEU"], output_format, width=3)
    writer.write(ROWS[:1])
    writer.write(ROWS[1:])
    writer.close()
    assert stream.getvalue() == expected


def test_segments_as_one_json_list() -> None:
    stream = io.StringIO()
    writer = SentenceWriter(stream, ["BLEU"], "json")
    writer.write(ROWS)
    writer.close()
    assert json.loads(stream.getvalue()) == [
        {"segment": 1, "score": 27.3149},
        {"segment": 2, "score": math.pi},
    ]


def test_no_segments() -> None:
    stream = io.StringIO()
    SentenceWriter(stream, ["BLEU"], "json").close()
    assert json.loads(stream.getvalue()) == []


def test_segments_by_several_metrics() -> None:
    for output_format, expected in (
        ("text", "1.00\t2.50\n"),
        ("tsv", "segment\tBLEU\tTER\n1\t1.0\t2.5\n"),
        ("jsonl", '{"segment": 1, "BLEU": 1.0, "TER": 2.5}\n'),
    ):
        stream = io.StringIO()
        writer = SentenceWriter(stream, ["BLEU", "TER"], output_format)
        writer.write([(1.0, 2.5)])
        writer.close()
        assert stream.getvalue() == expected

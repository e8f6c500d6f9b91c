"""`seqtool corpora`: what it makes is right, without repetitions, and the same for ever."""

import datetime
import json
import re
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from conftest import REPOSITORY, RunCli

from seqtool_corpora.dates import LANGUAGES, NUMBERS, dates, written

COUNT = 60_000


@pytest.fixture(scope="module")
def pairs() -> list[tuple[str, str]]:
    """Many dates and their ISO forms."""
    lines = list(islice(dates(1), COUNT))
    return [(text, iso) for text, _, iso in (line.partition("\t") for line in lines)]


# --- dates ----------------------------------------------------------------------------------------

# Written by hand, from calendars: the day, and a few of its forms.
KNOWN = {
    "1979-05-03": {
        "3 May 1979", "May 3rd, 1979", "Thursday, the 3rd of May 1979", "03-May-1979",
        "Donnerstag, der 3. Mai 1979", "Do, 3. Mai 1979", "le jeudi 3 mai 1979", "jeu. 3 mai 1979",
        "jueves, 3 de mayo de 1979", "03/05/1979", "3.5.1979", "1979-05-03", "03.05.79",
        "Do, 03.05.1979",
    },
    "1998-08-09": {"Sunday, the 9th of August 1998", "9. August 1998", "9/8/98", "9 août 1998"},
    "2011-03-01": {"le 1er mars 2011", "1º de marzo de 2011", "1st March 2011", "1. März 2011"},
    "2004-07-21": {"21 de julio de 2004", "July 21, 2004", "am 21. Juli 2004", "21 juil. 2004"},
    "2009-04-05": {"5 Apr '09", "Apr 5, '09", "5. Apr. '09", "5 avr. '09", "5 abr '09"},
    "2000-02-29": {"Tue Feb 29 2000", "mardi 29 février 2000", "martes 29 de febrero de 2000"},
    "2011-11-11": {"11th November 2011", "11.11.2011", "2011.11.11", "the 11th of November, 2011"},
    "2022-10-22": {"October 22nd, 2022", "Samstag, 22. Oktober 2022",
        "sábado, 22 de octubre de 2022", "22.10.2022"},
}  # fmt: skip


@pytest.mark.parametrize("iso", KNOWN)
def test_known_dates(iso: str) -> None:
    day = datetime.date.fromisoformat(iso)
    forms = {written(day, language, form) for language in LANGUAGES for form in language.forms}
    assert forms >= KNOWN[iso]


def test_what_a_text_means_is_decidable(pairs: list[tuple[str, str]]) -> None:
    meanings: dict[str, set[str]] = {}
    for text, iso in pairs:
        meanings.setdefault(text.casefold(), set()).add(iso)
    assert max(map(len, meanings.values())) == 1
    for language in LANGUAGES:
        for form in language.forms:  # nothing of a date is missing in any form
            assert "{y}" in form or "{yy}" in form
            assert re.search("{(d|dd|nth)}", form)
            assert re.search("{(m|mm|mon|month)}", form)


def test_no_two_days_are_written_alike() -> None:
    """All days of ten years, in all forms, in lower case."""
    seen: dict[str, datetime.date] = {}
    first = datetime.date(1996, 1, 1)
    for number in range(3653):
        day = first + datetime.timedelta(number)
        for language in LANGUAGES:
            for form in language.forms:
                assert seen.setdefault(written(day, language, form).casefold(), day) == day


def test_numbers_are_read_by_the_stated_rule(pairs: list[tuple[str, str]]) -> None:
    """The day first, unless a year of four digits is; 70 to 99 are of the 20th century."""
    checked = Counter[bool]()
    for text, iso in pairs:
        numbers = re.fullmatch(r"(?:\w\w, )?(\d+)[-/.] ?(\d+)[-/.] ?(\d+)", text)
        if numbers is None:
            continue
        parts = numbers.groups()
        day, month, year = parts if len(parts[0]) < 4 else parts[::-1]
        if len(year) == 2:
            year = ("19" if int(year) >= 70 else "20") + year
        assert iso == f"{year}-{int(month):02}-{int(day):02}"
        checked[len(parts[2]) == 2] += 1
    assert min(checked.values()) > 1000


def test_dates_are_spread_over_days_languages_and_cases(pairs: list[tuple[str, str]]) -> None:
    years = Counter(iso[:4] for _, iso in pairs)
    assert set(years) == {str(year) for year in range(1900, 2100)}
    assert len({iso[5:] for _, iso in pairs}) == 366
    september = Counter(
        match[0] for text, _ in pairs for match in re.finditer("(?i)september", text)
    )
    share = {name: count / september.total() for name, count in september.items()}
    assert share["september"] == pytest.approx(1 / 4, abs=0.04)
    assert share["SEPTEMBER"] == pytest.approx(1 / 6, abs=0.04)
    texts = "\n".join(text for text, _ in pairs)
    for language in LANGUAGES:
        for name in (*language.months, *language.weekdays):
            assert texts.count(name) > 50


def test_the_first_dates_of_a_seed_never_change() -> None:
    """Models and examples are made from them."""
    assert list(islice(dates(1), 6)) == [
        "2 févr. 1999\t1999-02-02",
        "10-Oct-1918\t1918-10-10",
        "Saturday, the 15th of June 2052\t2052-06-15",
        "28 avril 1943\t1943-04-28",
        "vendredi 31 juillet 1987\t1987-07-31",
        "lundi 4 octobre 1943\t1943-10-04",
    ]
    assert len(NUMBERS) == len(set(NUMBERS))


# --- the command ----------------------------------------------------------------------------------


def test_the_list(run_cli: RunCli) -> None:
    result = run_cli("corpora")
    assert result.code == 0
    assert result.out.startswith("dates  dates in English, German, French, Spanish")
    listed = json.loads(run_cli("corpora", "--format", "json").out)["corpora"]
    assert [(row["name"], row["columns"]) for row in listed] == [("dates", ["date", "iso"])]


def test_lines_are_different_and_decided_by_the_seed(run_cli: RunCli, tmp_path: Path) -> None:
    def make(*options: object) -> list[str]:
        result = run_cli("corpora", "make", "dates", *options)
        assert (result.code, result.err) == (0, "")
        return result.out.split("\n")[:-1]

    lines = make("--count", 20_000)
    assert len(lines) == len(set(lines)) == 20_000
    assert make("--count", 20_000, "--seed", 1) == lines
    assert make("--count", 500) == lines[:500]
    assert make("--count", 0) == []
    other = make("--count", 20_000, "--seed", 2)
    assert 0 < len(set(other) & set(lines)) < 1000
    target = tmp_path / "dates.tsv"
    assert make("-o", target) == []
    assert target.read_text(encoding="utf-8") == "".join(f"{line}\n" for line in lines[:10_000])


def test_held_out_lines_do_not_come(run_cli: RunCli, tmp_path: Path) -> None:
    train = tmp_path / "train.tsv"
    assert run_cli("corpora", "make", "dates", "--count", 5000, "-o", train).code == 0
    known = set(train.read_text(encoding="utf-8").split("\n"))
    for held_out, stdin in ((train, b""), ("-", train.read_bytes())):
        result = run_cli(
            "corpora", "make", "dates", "--count", 3000, "--held-out", held_out, stdin=stdin
        )
        lines = result.out.split("\n")[:-1]
        assert (result.code, len(set(lines))) == (0, 3000)
        assert not known & set(lines)
        # The same seed goes on behind what is held out.
        more = run_cli("corpora", "make", "dates", "--count", 8000).out.split("\n")[:-1]
        assert lines == more[5000:]


def test_a_closed_pipe_ends_it(seqtool_command: list[str]) -> None:
    import subprocess

    command = [*seqtool_command, "corpora", "make", "dates", "--count", "100000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["make", "times"], 1, "no corpus 'times': there are dates"),
        (["make"], 2, "NAME"),
        (["make", "dates", "--count", "-1"], 2, "--count"),
        (["make", "dates", "--held-out", "none.tsv"], 1, "none.tsv: no such file"),
        (["mkae", "dates"], 2, "no job 'mkae': there are make"),
    ],
)
def test_what_cannot_work(run_cli: RunCli, arguments: list[str], code: int, said: str) -> None:
    result = run_cli("corpora", *arguments)
    assert (result.code, result.out) == (code, "")
    assert said in result.err


# --- corpora of plugins ---------------------------------------------------------------------------

PLUGIN = """
from seqtool.hookspecs import hookimpl

@hookimpl
def register_corpora(register):
    register("squares", lambda seed: (f"{n}\\t{n * n}" for n in range(seed, seed + 3)), "squares")
    register("broken", lambda seed: iter(["a\\nb"]), "lines that are none")
    register("same", lambda seed: iter(lambda: "always", None), "one line")
    register("dates", lambda seed: iter(["no"]), "a name that is taken")
"""


def test_corpora_of_plugins(run_cli: RunCli, make_plugin: Callable[..., Path]) -> None:
    make_plugin("more", PLUGIN)
    assert [line.split()[0] for line in run_cli("corpora").out.split("\n")[:-1]] == [
        "dates",
        "squares",
        "broken",
        "same",
    ]
    squares = run_cli("corpora", "make", "squares", "--seed", 5, "--count", 3)
    assert (squares.code, squares.out) == (0, "5\t25\n6\t36\n7\t49\n")
    assert "1900" <= run_cli("corpora", "make", "dates", "--count", 1).out[-11:-7] <= "2099"


@pytest.mark.parametrize(
    ("name", "count", "said"),
    [
        ("squares", 4, "the corpus 'squares' has no more than 3 such lines: use a smaller --count"),
        ("same", 2, "no more than 1 such lines"),
        ("broken", 1, "a line break in it"),
    ],
)
def test_too_few_lines_leave_no_file(
    run_cli: RunCli,
    make_plugin: Callable[..., Path],
    tmp_path: Path,
    name: str,
    count: int,
    said: str,
) -> None:
    make_plugin("more", PLUGIN)
    target = tmp_path / "out.tsv"
    result = run_cli("corpora", "make", name, "--count", count, "-o", target)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert said in result.err
    assert not target.exists()


def test_the_example_of_the_page(run_cli: RunCli, make_plugin: Callable[..., Path]) -> None:
    page = (REPOSITORY / "docs" / "corpora.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code
    make_plugin("page", f"from seqtool.hookspecs import hookimpl\n\n{code[1]}")
    result = run_cli("corpora", "make", "sums", "--count", 50)
    assert (result.code, result.out.count("\n")) == (0, 50)
    for line in result.out.split("\n")[:-1]:
        terms, result_of_them = line.split("\t")
        assert sum(map(int, terms.split("+"))) == int(result_of_them)

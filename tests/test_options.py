"""The shared options, and the look of help pages."""

from typing import Any

import click
import pytest
from click.testing import CliRunner

from seqtool import options
from seqtool.options import ExamplesFirst


def make(cls: type[click.Command] = ExamplesFirst, **settings: Any) -> click.Command:
    """A command with every shared option, which prints what it got."""

    @click.command(cls=cls, **settings)
    @options.output_option
    @options.format_option("json", "text")
    @options.threads_option
    @options.seed_option(default=12345)
    @options.errors_option
    @options.common_options
    def show(**values: Any) -> None:
        """Show what was given.

        More about it.
        """
        click.echo(repr(sorted(values.items())))

    return show


def invoke(*arguments: str, **environment: str) -> dict[str, Any]:
    """The values that the command gets."""
    result = CliRunner().invoke(make(), arguments, env=environment, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    import ast

    return dict(ast.literal_eval(result.output))


def test_defaults() -> None:
    assert invoke() == {
        "errors": "strict",
        "format": "json",
        "output": None,
        "quiet": False,
        "seed": 12345,
        "threads": options.usable_cores(),
        "verbose": False,
    }


@pytest.mark.parametrize(
    ("option", "variable", "value", "expected"),
    [
        ("output", "SEQTOOL_OUTPUT", "a.txt", "a.txt"),
        ("format", "SEQTOOL_FORMAT", "text", "text"),
        ("threads", "SEQTOOL_THREADS", "3", 3),
        ("seed", "SEQTOOL_SEED", "0", 0),
        ("errors", "SEQTOOL_ERRORS", "replace", "replace"),
    ],
)
def test_every_option_has_a_variable(
    option: str, variable: str, value: str, expected: object
) -> None:
    assert invoke(f"--{option}", value)[option] == expected
    assert invoke(**{variable: value})[option] == expected
    assert invoke(f"--{option}", value, **{variable: "nonsense"})[option] == expected


def test_flags_have_variables_too() -> None:
    assert invoke("-q", "-v", "--debug")["quiet"] is True
    values = invoke(SEQTOOL_QUIET="1", SEQTOOL_VERBOSE="0")
    assert (values["quiet"], values["verbose"]) == (True, False)


@pytest.mark.parametrize("arguments", [("--threads", "0"), ("--seed", "-1"), ("--errors", "drop")])
def test_impossible_values(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(make(), arguments).exit_code == 2


def test_usable_cores_without_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(options.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(options.os, "cpu_count", lambda: None)
    assert options.usable_cores() == 1


def test_sections_group_options() -> None:
    command = make(
        examples=[("show --seed 1", "one " + "very " * 30 + "long line"), ("show", "short")],
        sections={"Randomness": ["seed"], "Empty": ["nothing"]},
    )
    text = CliRunner().invoke(command, ["--help"]).output
    assert text.index("Examples:") < text.index("Randomness:") < text.index("\nOptions:")
    assert text.index("Randomness:") < text.index("--seed N") < text.index("\nOptions:")
    assert "Empty" not in text
    assert "  show --seed 1\n\n  # short\n  show\n" in text
    assert text.endswith("\nMore about it.\n")


def test_a_page_without_examples() -> None:
    text = CliRunner().invoke(make(), ["--help"]).output
    assert "Examples" not in text
    assert "Show what was given." in text


# --- a command with several jobs --------------------------------------------------------------


@click.group("work", cls=options.CommandWithJobs, examples=[("work a b", "the main job")])
@click.argument("words", nargs=-1)
@options.model_option("What to work with")
@click.option("--flag", is_flag=True)
def work(words: tuple[str, ...], model: str | None, flag: bool) -> None:
    """Work on words."""
    click.echo(f"main {words} {model} {flag}")


@work.command("other")
@click.argument("word")
@options.model_option("What to work with")
def other(word: str, model: str | None) -> None:
    """Do something else."""
    click.echo(f"other {word} {model}")


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        ("", "main () None False"),
        ("a b", "main ('a', 'b') None False"),
        ("a other", "main ('a', 'other') None False"),
        ("a -m x b --flag", "main ('a', 'b') x True"),
        ("-m other a", "main ('a',) other False"),
        ("-m=other a", "main ('a',) =other False"),
        ("--model=other a", "main ('a',) other False"),
        ("-- other a", "main ('other', 'a') None False"),
        ("- other", "main ('-', 'other') None False"),
        ("other a", "other a None"),
        ("other a -m x", "other a x"),
        ("-m x other a", "other a x"),
    ],
)
def test_the_first_word_may_name_a_job(arguments: str, output: str) -> None:
    result = CliRunner().invoke(work, arguments.split(), catch_exceptions=False)
    assert (result.exit_code, result.output) == (0, output + "\n")


def test_a_job_fails_under_its_own_name() -> None:
    result = CliRunner().invoke(work, ["other"])
    assert result.exit_code == 2
    assert "Usage: work other [OPTIONS] WORD" in result.output
    assert CliRunner().invoke(work, ["--flag", "other", "a"]).exit_code == 2


def test_jobs_have_a_section() -> None:
    page = CliRunner().invoke(work, ["--help"]).output
    assert page.startswith("Usage: work [OPTIONS] [WORDS]...\n")
    assert page.index("Examples:") < page.index("Other jobs:\n  other") < page.index("Options:")


def test_jobs_complete_in_the_shell() -> None:
    from click.shell_completion import ShellComplete

    complete = ShellComplete(work, {}, "work", "_WORK_COMPLETE")
    assert [item.value for item in complete.get_completions([], "ot")] == ["other"]
    assert "--model" in [item.value for item in complete.get_completions(["other"], "--")]
    assert "--flag" in [item.value for item in complete.get_completions(["a"], "--")]

"""Discovery, isolation and ownership of plugins, and the commands that manage them."""

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, THIRD_PARTY, RunCli

from seqtool import discovery, hookspecs, manage, plugins
from seqtool.cli import main
from seqtool.errors import SeqtoolError

MakePlugin = Callable[..., Path]

GOOD = """
import click
from seqtool.hookspecs import hookimpl

@click.command()
def {name}():
    "Say a name."
    click.echo("{says}")

@hookimpl
def register_commands(register):
    register({name})
"""


NAMED = """
from seqtool.hookspecs import hookimpl

@hookimpl
def register_commands(register):
    register("{target}", name="{name}", help="{help}")
"""


def good(name: str, says: str = "") -> str:
    """Source of a plugin whose command prints ``says``."""
    return GOOD.format(name=name, says=says or name)


def named(name: str, target: str, help: str = "Say a name.") -> str:
    """Source of a plugin whose command is at ``target``."""
    return NAMED.format(name=name, target=target, help=help)


def rows(run_cli: RunCli) -> dict[tuple[str, str], dict[str, Any]]:
    """What ``seqtool plugins`` knows: (distribution, name) -> fields."""
    result = run_cli("plugins", "--format", "json")
    assert result.code == 0, result.err
    listed = json.loads(result.out)["plugins"]
    return {(row["distribution"], row["name"]): row for row in listed}


# --- discovery ---------------------------------------------------------------------------------


def points(path: list[str]) -> set[tuple[str, str, str]]:
    """What the standard library finds."""
    context = importlib.metadata.DistributionFinder.Context(path=path)
    found = set()
    seen = set()
    for distribution in importlib.metadata.MetadataPathFinder.find_distributions(context):
        name = discovery.normalize(distribution.metadata["Name"])
        if name not in seen:
            seen.add(name)
            for point in distribution.entry_points.select(group="seqtool"):
                found.add((name, point.name, point.value))
    return found


def test_discovery_agrees_with_the_standard_library() -> None:
    ours = {(p.distribution, p.name, p.value) for p in discovery.entry_points()}
    theirs = importlib.metadata.entry_points(group="seqtool")
    assert {(p.name, p.value) for p in theirs} == {pair[1:] for pair in ours}
    assert points(sys.path) == ours
    assert ("seqtool", "bleu", "seqtool_bleu") in ours


def write(folder: Path, name: str, text: str | None, metadata: str = "") -> None:
    """Make the metadata folder of a distribution."""
    made = folder / name
    made.mkdir(parents=True)
    # "Name" must be there for the standard library to look at it at all.
    own = name.rsplit(".", 1)[0].split("-")[0]
    (made / "METADATA").write_text(metadata or f"Name: {own}\nVersion: 2.5\n\nVersion: text\n")
    if text is not None:
        (made / "entry_points.txt").write_text(text)


def test_discovery_reads_every_form(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write(first, "Some_Dist-2.5.dist-info", "[seqtool]\n# a remark\n\n x = m:a.b [extra]\ny=n\n")
    write(
        first, "old.egg-info", "[console_scripts]\nz = z:z\n[seqtool]\nold = old_module\n[b]\nq=r"
    )
    write(first, "silent-1.0.dist-info", None)
    write(first, "other-1.0.dist-info", "[seqtool.more]\nx = y\n")
    write(second, "some.dist-9.dist-info", "[seqtool]\nx = shadowed\n")
    write(second, "silent-2.0.dist-info", "[seqtool]\ns = shadowed_too\n")
    write(second, "seqtool-0.1.0.dist-info", "[seqtool]\nbleu = seqtool_bleu\n")
    (first / "notes.txt").write_text("not a distribution")
    path = [str(tmp_path / "not there"), str(first / "notes.txt"), str(first), str(second)]
    found = discovery.entry_points(path)
    assert [(p.distribution, p.name, p.value) for p in found] == [
        ("seqtool", "bleu", "seqtool_bleu"),
        ("old", "old", "old_module"),
        ("some-dist", "x", "m:a.b [extra]"),
        ("some-dist", "y", "n"),
    ]
    assert found[2].version == "2.5"


def test_discovery_survives_broken_metadata(tmp_path: Path) -> None:
    write(tmp_path, "a-1.dist-info", None)
    (tmp_path / "a-1.dist-info" / "entry_points.txt").write_bytes(b"[seqtool]\n\xff = x\n")
    write(tmp_path, "b-1.dist-info", "[seqtool]\nno equals sign\nb = module_b\n")
    (tmp_path / "c-1.dist-info").write_text("a file")
    assert [p.name for p in discovery.entry_points([str(tmp_path)])] == ["b"]


# --- real distributions ------------------------------------------------------------------------


def run_installed(third_party: Path, *arguments: str, **settings: str) -> Any:
    """Run seqtool as a process with the third-party distributions installed."""
    environment = {**os.environ, "PYTHONPATH": str(third_party), **settings}
    return subprocess.run(
        [sys.executable, "-m", "seqtool", *arguments],
        env=environment,
        input="hello\n",
        capture_output=True,
        text=True,
    )


def test_a_third_party_plugin_runs(third_party: Path) -> None:
    done = run_installed(third_party, "shout")
    assert (done.returncode, done.stdout, done.stderr) == (0, "HELLO\n", "")


def test_every_plugin_is_listed_and_none_is_fatal(third_party: Path) -> None:
    done = run_installed(third_party, "plugins", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    found = {
        (row["distribution"], row["name"]): (row["version"], row["status"], row["reason"])
        for row in json.loads(done.stdout)["plugins"]
    }
    assert found["seqtool-shout", "shout"] == ("1.0", "ok", "")
    assert found["seqtool-broken", "broken"] == (
        "1.0",
        "broken",
        "ModuleNotFoundError: No module named 'a_module_that_is_not_installed'",
    )
    assert found["seqtool-dup", "bleu"] == (
        "1.0",
        "broken",
        "the command 'bleu' belongs to seqtool",
    )
    assert found["seqtool-future", "future"] == (
        "1.0",
        "broken",
        "it needs plugin API 99, this seqtool has 1: update seqtool",
    )
    assert found["seqtool", "bleu"][1:] == ("ok", "")


def test_the_owner_of_a_command_keeps_it(third_party: Path) -> None:
    done = run_installed(third_party, "bleu", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Score nothing" not in done.stdout


@pytest.mark.parametrize(
    ("name", "reason"), [("broken", "ModuleNotFoundError"), ("future", "needs plugin API 99")]
)
def test_calling_a_broken_plugin_is_one_line(third_party: Path, name: str, reason: str) -> None:
    done = run_installed(third_party, name)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"seqtool {name}: plugin '{name}' of seqtool-{name} is broken: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_hints_at_broken_plugins(third_party: Path) -> None:
    done = run_installed(third_party, "--help")
    assert done.returncode == 0
    assert "shout" in done.stdout
    assert "Not every plugin works (broken, bleu, future): see 'seqtool plugins'." in done.stdout


def test_strict_raises(third_party: Path) -> None:
    done = run_installed(third_party, "broken", SEQTOOL_STRICT="1", SEQTOOL_DEBUG="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "import a_module_that_is_not_installed" in done.stderr
    done = run_installed(third_party, "plugins", SEQTOOL_STRICT="1")
    assert done.returncode == 1


def test_the_documentation_shows_the_plugin_that_is_tested() -> None:
    page = (REPOSITORY / "docs" / "write-a-plugin.md").read_text(encoding="utf-8")
    for name in ("pyproject.toml", "seqtool_shout/__init__.py", "seqtool_shout/command.py"):
        assert (THIRD_PARTY / "seqtool-shout" / name).read_text(encoding="utf-8") in page


# --- loading -----------------------------------------------------------------------------------


def test_a_command_loads_only_its_plugin(make_plugin: MakePlugin, run_cli: RunCli) -> None:
    make_plugin("alpha", good("alpha"))
    make_plugin("bomb", "raise SystemExit('imported without need')")
    assert run_cli("alpha") == (0, "alpha\n", "")
    host = plugins.get_host()
    assert [p.name for p in host.plugins if p.tried] == ["alpha"]


def test_a_further_command_is_found(make_plugin: MakePlugin, run_cli: RunCli) -> None:
    code = good("alpha") + "    register(alpha, name='alpha-too')\n"
    make_plugin("alpha", code)
    make_plugin("bomb", "raise SystemExit('leave me alone')")
    assert run_cli("alpha-too") == (0, "alpha\n", "")
    assert rows(run_cli)["seqtool-alpha", "alpha"]["commands"] == ["alpha", "alpha-too"]
    assert rows(run_cli)["seqtool-bomb", "bomb"]["reason"] == "SystemExit: leave me alone"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ValueError", "ValueError"),
        ("def broken(:", "SyntaxError: invalid syntax"),
        ("SEQTOOL_API = 2", "it needs plugin API 2, this seqtool has 1: update seqtool"),
        ("SEQTOOL_API = 'one'", "it needs plugin API one, this seqtool has 1: update seqtool"),
        (
            "from seqtool.hookspecs import hookimpl\n"
            "@hookimpl\ndef register_commands(registry): pass",
            "PluginValidationError: Plugin 'x' for hook 'register_commands'",
        ),
        (
            "from seqtool.hookspecs import hookimpl\n@hookimpl\ndef register_comands(): pass",
            "PluginValidationError: unknown hook 'register_comands' in plugin",
        ),
        (
            "from seqtool.hookspecs import hookimpl\n"
            "@hookimpl\ndef register_commands(register): register(print)",
            "TypeError: register wants a click.Command, not builtin_function_or_method",
        ),
        (
            "import click\nfrom seqtool.hookspecs import hookimpl\n"
            "@hookimpl\ndef register_commands(register): register(click.Command(None))",
            "TypeError: register wants a command with a name",
        ),
        (good("x") + "    raise KeyError('late')\n", "KeyError: 'late'"),
        (
            named("x", "no_such_module_x:x"),
            "ModuleNotFoundError: No module named 'no_such_module_x'",
        ),
        (named("x", "json:x"), "AttributeError: module 'json' has no attribute 'x'"),
        (named("x", "json:dumps"), "TypeError: json:dumps is no click.Command but function"),
        (named("x", "json:x", ""), "TypeError: register('json:x') wants a name and the help line"),
        (named("", "json:x"), "TypeError: register('json:x') wants a name and the help line"),
        (
            good("x").replace("(x)\n", "(x, help='Say a name.')\n"),
            "TypeError: register takes help for a command that is named",
        ),
    ],
)
def test_a_broken_plugin_harms_nobody(
    make_plugin: MakePlugin,
    run_cli: RunCli,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    reason: str,
) -> None:
    make_plugin("x", code)
    make_plugin("alpha", good("alpha"))
    row = rows(run_cli)["seqtool-x", "x"]
    assert row["status"] == "broken"
    assert row["commands"] == []
    assert str(row["reason"]).startswith(reason)
    assert run_cli("alpha") == (0, "alpha\n", "")
    result = run_cli("x")
    assert (result.code, result.out) == (1, "")
    assert result.err.count("\n") == 1
    assert reason in result.err
    monkeypatch.setenv("SEQTOOL_STRICT", "1")
    assert run_cli("plugins").code == 1
    assert run_cli("alpha").code == 0


@pytest.fixture
def three_named(make_plugin: MakePlugin) -> None:
    """A plugin that names three commands: ``x``, ``x-two`` and one that is not there."""
    code = named("x", "plugin_x_commands:x") + (
        "    register('plugin_x_commands:x', name='x-two', help='Say it again.')\n"
        "    register('plugin_x_commands:gone', name='x-gone', help='Say nothing.')\n"
    )
    folder = make_plugin("x", code)
    sys.modules.pop("plugin_x_commands", None)
    commands = good("x").replace("register({name})", "register(x)")
    (folder / "plugin_x_commands.py").write_text(commands, encoding="utf-8")


@pytest.mark.usefixtures("three_named")
def test_a_named_command_is_imported_when_it_is_called(run_cli: RunCli) -> None:
    text = run_cli("--help").out
    for line in ("x-gone            Say nothing.", "x-two             Say it again."):
        assert f"  {line}\n" in text
    assert "Not every plugin works" not in text
    assert "plugin_x_commands" not in sys.modules
    assert run_cli("x-two") == (0, "x\n", "")
    assert "plugin_x_commands" in sys.modules
    assert run_cli("x", "--help").out.startswith("Usage: seqtool x [OPTIONS]\n")


@pytest.mark.usefixtures("three_named")
def test_a_named_command_that_is_broken_leaves_the_others(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = rows(run_cli)["seqtool-x", "x"]
    assert (row["status"], row["commands"]) == ("partly", ["x", "x-two"])
    reason = "AttributeError: module 'plugin_x_commands' has no attribute 'gone'"
    assert row["reason"] == reason
    line = f"seqtool x-gone: plugin 'x' of seqtool-x is partly: {reason} (see 'seqtool plugins')\n"
    assert run_cli("x-gone") == (1, "", line)
    assert run_cli("x") == (0, "x\n", "")
    monkeypatch.setenv("SEQTOOL_STRICT", "1")
    assert run_cli("x").code == 0
    assert run_cli("x-gone").err == f"seqtool x-gone: plugin 'x' of seqtool-x: {reason}\n"


def test_help_lines_are_those_of_the_commands() -> None:
    """What `seqtool --help` shows is written down twice; this keeps the two equal."""
    offered: list[tuple[str, Any]] = list(plugins.CORE_COMMANDS.items())
    for plugin in plugins.PluginHost().load_all():
        if plugin.entry.distribution == "seqtool":
            assert plugin.name in plugin.commands
            offered += plugin.commands.items()
    for name, command in offered:
        assert isinstance(command, plugins.NamedCommand), f"{name}: name it, do not make it"
        assert command.help == command.load().get_short_help_str(10_000), name
        assert command.get_short_help_str() == command.load().get_short_help_str(), name


def test_commands_of_the_host_cannot_be_taken(make_plugin: MakePlugin, run_cli: RunCli) -> None:
    make_plugin("doctor", "raise AssertionError('must not be imported')")
    make_plugin("x", good("x") + "    register(x, name='plugins')\n")
    listed = rows(run_cli)
    assert listed["seqtool-doctor", "doctor"]["reason"] == "'doctor' is a command of seqtool itself"
    assert listed["seqtool-x", "x"]["status"] == "partly"
    assert listed["seqtool-x", "x"]["commands"] == ["x"]
    assert listed["seqtool-x", "x"]["reason"] == "'plugins' is a command of seqtool itself"
    assert run_cli("x").out == "x\n"


def test_the_first_distribution_owns_a_command(make_plugin: MakePlugin, run_cli: RunCli) -> None:
    make_plugin("same", good("same", "second"), distribution="b-dist")
    make_plugin("same", good("same", "first"), distribution="a-dist")
    make_plugin("thief", good("thief") + "    register(thief, name='same')\n")
    assert run_cli("same").out == "first\n"
    listed = rows(run_cli)
    assert listed["b-dist", "same"]["reason"] == "the command 'same' belongs to a-dist"
    assert listed["seqtool-thief", "thief"]["reason"] == "the command 'same' belongs to a-dist"
    assert listed["seqtool-thief", "thief"]["commands"] == ["thief"]


def test_seqtool_plugins_names_the_plugins_to_load(
    make_plugin: MakePlugin, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_plugin("alpha", good("alpha"))
    make_plugin("beta", good("beta"))
    monkeypatch.setenv("SEQTOOL_PLUGINS", "alpha, gamma")
    result = run_cli("alpha")
    assert (result.code, result.out) == (0, "alpha\n")
    assert result.err == "seqtool: no plugin 'gamma' (named in SEQTOOL_PLUGINS)\n"
    result = run_cli("beta")
    assert result.code == 1
    assert "is off: not in SEQTOOL_PLUGINS" in result.err
    monkeypatch.setenv("SEQTOOL_PLUGINS", "")
    assert {row["status"] for row in rows(run_cli).values()} == {"off"}


def test_a_plugin_can_be_an_object(make_plugin: MakePlugin, run_cli: RunCli) -> None:
    body = good("alpha").replace("@hookimpl\ndef register_commands(register):\n    ", "")
    body = body.replace("register(alpha)", "class Hooks:\n    pass\n")
    body += "    @staticmethod\n    @hookimpl\n    def register_commands(register):\n"
    body += "        register(alpha)\nclass box:\n    hooks = Hooks()\n"
    folder = make_plugin("alpha", body)
    metadata = folder / "seqtool_alpha-1.0.dist-info" / "entry_points.txt"
    metadata.write_text(metadata.read_text().rstrip() + ":box.hooks\n")
    assert run_cli("alpha") == (0, "alpha\n", "")


HOOKS = """
from seqtool.hookspecs import hookimpl

@hookimpl
def register_metrics(register):
    {body}
"""


def test_call_hook_isolates_each_plugin(
    make_plugin: MakePlugin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_plugin("a", HOOKS.format(body="register('first', dict)"))
    make_plugin("b", HOOKS.format(body="raise RuntimeError('no metric today')"))
    make_plugin("c", HOOKS.format(body="register('third', list); return 3"))
    seen: dict[str, Any] = {}
    plugins.set_host(None)
    results = plugins.call_hook("register_metrics", register=seen.__setitem__)
    assert {"first": dict, "third": list}.items() <= seen.items()
    assert results == [3]
    assert capsys.readouterr().err == "seqtool: plugin 'b': RuntimeError: no metric today\n"
    monkeypatch.setenv("SEQTOOL_STRICT", "1")
    plugins.set_host(None)
    with pytest.raises(SeqtoolError, match=r"'b' of seqtool-b.*no metric today") as raised:
        plugins.call_hook("register_metrics", register=seen.__setitem__)
    assert isinstance(raised.value.__cause__, RuntimeError)


def test_every_hook_is_documented() -> None:
    hooks = [
        value
        for value in vars(hookspecs).values()
        if getattr(value, "seqtool_spec", None) is not None
    ]
    assert hooks
    assert all(hook.__doc__ for hook in hooks)


# --- plugins, install, uninstall -----------------------------------------------------------------


def test_plugins_as_text(make_plugin: MakePlugin, run_cli: RunCli) -> None:
    make_plugin("alpha", good("alpha"))
    make_plugin("x", "1 / 0")
    lines = run_cli("plugins").out.splitlines()
    assert lines[0].split() == ["name", "distribution", "version", "commands", "status", "reason"]
    column = lines[0].index("status")
    state = {line.split()[0]: line[column:].split(maxsplit=1) for line in lines[1:]}
    assert state["alpha"] == ["ok", "-"]
    assert state["x"] == ["broken", "ZeroDivisionError: division by zero"]
    assert "Traceback" in run_cli("plugins", "--verbose").err


class Pip:
    """Stands in for subprocess.run."""

    def __init__(self, code: int) -> None:
        self.returncode = code
        self.command: list[str] = []

    def __call__(self, command: list[str], *, check: bool) -> "Pip":
        assert not check
        self.command = command
        return self


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("install", "a", "b"), ["install", "a", "b"]),
        (("install", "-q", "a"), ["install", "--quiet", "a"]),
        (("uninstall", "a"), ["uninstall", "--yes", "a"]),
    ],
)
def test_install_calls_pip(
    run_cli: RunCli,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    expected: list[str],
) -> None:
    pip = Pip(3)
    monkeypatch.setattr("subprocess.run", pip)
    assert run_cli(*arguments) == (3, "", "")
    assert pip.command == [sys.executable, "-m", "pip", *expected]


def test_install_refuses_options_for_pip(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.run", Pip(0))
    for action in ("install", "uninstall"):
        result = run_cli(action, "--", "--index-url=http://example.org")
        assert result.code == 2
        assert "is not the name of a package" in result.err


def test_install_without_pip(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = run_cli("install", "a")
    assert result.code == 1
    assert "has no pip" in result.err


def test_no_plugins_at_all(monkeypatch: pytest.MonkeyPatch, run_cli: RunCli) -> None:
    monkeypatch.setattr(discovery, "entry_points", list)
    assert run_cli("plugins").out == "no plugins\n"
    assert manage.plugins.name == "plugins"


def test_strict_refuses_a_stolen_command(
    make_plugin: MakePlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_plugin("x", good("x") + "    register(x, name='plugins')\n")
    monkeypatch.setenv("SEQTOOL_STRICT", "1")
    with pytest.raises(SeqtoolError, match="a command of seqtool itself"):
        plugins.PluginHost().command("x")
    assert main(["x"]) == 1

"""Loads plugins so that a broken one harms nobody else, and knows who owns which command."""

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from functools import partial
from typing import Any, TypeVar

import click
import pluggy

from seqtool import discovery, hookspecs
from seqtool.errors import SeqtoolError

T = TypeVar("T")


class NamedCommand:
    """A command that is imported when it is called: until then its place and help line do."""

    hidden = False

    def __init__(self, target: str, help: str) -> None:
        self.target = target  # "module:attribute"
        self.help = help

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the help line, shortened as click shortens that of a command."""
        return click.Command(None, help=self.help).get_short_help_str(limit)

    def load(self) -> click.Command:
        """Import the command; raises whatever the import does, TypeError if it is none."""
        found = _resolve(self.target)
        if not isinstance(found, click.Command):
            raise TypeError(f"{self.target} is no click.Command but {type(found).__name__}")
        return found


# Commands of the host itself.
CORE_COMMANDS = {
    "doctor": NamedCommand(
        "seqtool.doctor:doctor", "Show versions, cores, kernel cache, broken plugins."
    ),
    "info": NamedCommand(
        "seqtool.models:info", "Show what a file of word vectors, a model or a tokenizer is."
    ),
    "install": NamedCommand(
        "seqtool.manage:install", "Install plugins with this environment's pip."
    ),
    "models": NamedCommand(
        "seqtool.models:models", "List the built-in models of installed plugins."
    ),
    "plugins": NamedCommand(
        "seqtool.manage:plugins", "List the installed plugins and their state."
    ),
    "uninstall": NamedCommand(
        "seqtool.manage:uninstall", "Uninstall plugins with this environment's pip."
    ),
    "warmup": NamedCommand("seqtool.doctor:warmup", "Compile all kernels now."),
}


class Plugin:
    """One entry point and what became of it."""

    def __init__(self, entry: discovery.EntryPoint) -> None:
        self.entry = entry
        self.name = entry.name
        self.module: Any = None  # what the entry point names, once imported
        self.commands: dict[str, click.Command | NamedCommand] = {}
        self.problems: list[str] = []  # why it, or a part of it, does not work
        self.error: BaseException | None = None  # the exception behind the first problem
        self.selected = True  # False when SEQTOOL_PLUGINS leaves it out
        self.tried = False

    @property
    def status(self) -> str:
        """``ok``, ``off`` (not in SEQTOOL_PLUGINS), ``broken``, or ``partly`` working."""
        if not self.selected:
            return "off"
        if not self.problems:
            return "ok"
        return "partly" if self.module is not None else "broken"

    @property
    def reason(self) -> str:
        """Why the status is not ``ok``, in one line."""
        return "; ".join(self.problems) if self.selected else "not in SEQTOOL_PLUGINS"


class PluginHost:
    """The plugins of one process.

    Nothing is imported until a command, a list of commands or a hook asks for it.
    """

    def __init__(self, entries: Iterable[discovery.EntryPoint] | None = None) -> None:
        found = discovery.entry_points() if entries is None else entries
        self.plugins = [Plugin(entry) for entry in found]
        self.strict = os.environ.get("SEQTOOL_STRICT", "") not in ("", "0")
        self.manager = pluggy.PluginManager("seqtool")
        self.manager.add_hookspecs(hookspecs)
        self._owners: dict[str, Plugin] = {}  # command name -> the plugin whose it is
        self._select()
        self._claim_main_commands()

    def command(self, name: str) -> click.Command | None:
        """Return the command called ``name``, loading no more plugins than needed.

        Raises SeqtoolError when the plugin that owns it does not work.
        """
        if name not in self._owners:  # perhaps a further command of some plugin
            self.load_all()
        owner = self._owners.get(name)
        if owner is None:
            return None
        self._load(owner)
        command = self._command(owner, name)
        if command is None and owner.status != "ok":
            raise SeqtoolError(
                f"plugin '{owner.name}' of {owner.entry.distribution} is {owner.status}: "
                f"{owner.reason} (see 'seqtool plugins')"
            ) from owner.error
        return command

    def load_all(self) -> list[Plugin]:
        """Load every selected plugin; return all of them, the broken ones too."""
        for plugin in self.plugins:
            self._load(plugin)
        return self.plugins

    def load_commands(self) -> list[Plugin]:
        """Load every plugin and its commands, so that all that is broken is known."""
        for plugin in self.load_all():
            for name in list(plugin.commands):
                self._command(plugin, name)
        return self.plugins

    def commands(self) -> dict[str, click.Command | NamedCommand]:
        """Return the commands of all plugins that work, those that are only named as they are."""
        return {name: found for p in self.load_all() for name, found in p.commands.items()}

    def call_hook(self, name: str, **arguments: Any) -> list[Any]:
        """Call hook ``name`` of every plugin and return what the plugins gave, None left out.

        A plugin that fails is reported on stderr in one line, and the others go on.
        """
        results: list[Any] = []
        for plugin in self.load_all():
            if plugin.module is None:
                continue
            action = partial(self._call, plugin, name, arguments)
            results += self._guard(plugin, action) or []
            if plugin.error is not None and sys.stderr is not None:
                sys.stderr.write(f"seqtool: plugin '{plugin.name}': {plugin.reason}\n")
        return results

    def _select(self) -> None:
        """Apply SEQTOOL_PLUGINS: the names to load, separated by commas; empty means none."""
        wanted = os.environ.get("SEQTOOL_PLUGINS")
        if wanted is None:
            return
        names = [name.strip() for name in wanted.split(",") if name.strip()]
        for plugin in self.plugins:
            plugin.selected = plugin.name in names
        known = {plugin.name for plugin in self.plugins}
        for name in names:
            if name not in known and sys.stderr is not None:
                sys.stderr.write(f"seqtool: no plugin '{name}' (named in SEQTOOL_PLUGINS)\n")

    def _claim_main_commands(self) -> None:
        for plugin in self.plugins:
            if plugin.name in CORE_COMMANDS:
                plugin.problems.append(f"'{plugin.name}' is a command of seqtool itself")
            elif plugin.name in self._owners:
                plugin.problems.append(_taken(plugin.name, self._owners[plugin.name]))
            else:
                self._owners[plugin.name] = plugin

    def _load(self, plugin: Plugin) -> None:
        if plugin.tried or not plugin.selected:
            return
        plugin.tried = True
        if plugin.problems:  # refused before it was imported
            if self.strict:
                raise SeqtoolError(f"plugin '{plugin.name}': {plugin.reason}")
            return
        self._guard(plugin, partial(self._start, plugin))
        if plugin.error is not None:
            self._forget(plugin)

    def _guard(self, plugin: Plugin, action: Callable[[], T]) -> T | None:
        """Run ``action``; an exception becomes the plugin's problem and goes no further."""
        try:
            with redirect_stdout(sys.stderr):  # what a plugin prints is no part of the result
                return action()
        except (Exception, SystemExit) as error:  # sys.exit at import must not end the host
            if self.strict:
                source = f"plugin '{plugin.name}' of {plugin.entry.distribution}"
                raise SeqtoolError(f"{source}: {_reason(error)}") from error
            plugin.problems.append(_reason(error))
            plugin.error = error
            return None

    def _start(self, plugin: Plugin) -> None:
        module = _resolve(plugin.entry.value)
        api = getattr(module, "SEQTOOL_API", 1)
        if not isinstance(api, int) or api > hookspecs.API_VERSION:
            raise SeqtoolError(
                f"it needs plugin API {api}, this seqtool has {hookspecs.API_VERSION}: "
                "update seqtool"
            )
        plugin.module = module
        self.manager.register(module, name=plugin.name)
        self.manager.check_pending()  # a hook that does not exist is a typing mistake
        offered: dict[str, click.Command | NamedCommand] = {}

        def register(
            command: click.Command | str, name: str | None = None, help: str | None = None
        ) -> None:
            key, found = _offer(command, name, help)
            offered[key] = found

        self._call(plugin, "register_commands", {"register": register})
        for name, command in offered.items():
            self._add_command(plugin, name, command)

    def _command(self, plugin: Plugin, name: str) -> click.Command | None:
        """Return a command of a plugin that is loaded; None if there is none that works."""
        found = plugin.commands.get(name)
        if not isinstance(found, NamedCommand):
            return found
        command = self._guard(plugin, found.load)
        if command is not None:
            plugin.commands[name] = command
            return command
        del plugin.commands[name]
        if not plugin.commands:
            self._forget(plugin)
        return None

    def _add_command(
        self, plugin: Plugin, name: str, command: click.Command | NamedCommand
    ) -> None:
        owner = self._owners.get(name)
        if name in CORE_COMMANDS:
            problem = f"'{name}' is a command of seqtool itself"
        elif owner is not None and owner is not plugin:
            problem = _taken(name, owner)
        else:
            self._owners[name] = plugin
            plugin.commands[name] = command
            return
        if self.strict:
            raise SeqtoolError(f"plugin '{plugin.name}': {problem}")
        plugin.problems.append(problem)

    def _call(self, plugin: Plugin, name: str, arguments: dict[str, Any]) -> list[Any]:
        """Call one hook of one plugin."""
        others = [p.module for p in self.plugins if p is not plugin and p.module is not None]
        caller = self.manager.subset_hook_caller(name, remove_plugins=others)
        results = caller(**arguments)
        return results if isinstance(results, list) else [results]

    def _forget(self, plugin: Plugin) -> None:
        """Take a plugin out again that failed half-way."""
        if self.manager.get_plugin(plugin.name) is not None:
            self.manager.unregister(name=plugin.name)
        plugin.module = None
        plugin.commands.clear()


_host: PluginHost | None = None


def get_host() -> PluginHost:
    """Return this process's plugins, found on the first call."""
    global _host
    if _host is None:
        _host = PluginHost()
    return _host


def set_host(host: PluginHost | None) -> None:
    """Replace the process's plugins; None makes the next ``get_host`` look again."""
    global _host
    _host = host


def call_hook(name: str, **arguments: Any) -> list[Any]:
    """Call hook ``name`` of every installed plugin; see ``PluginHost.call_hook``."""
    return get_host().call_hook(name, **arguments)


def core_command(name: str) -> click.Command | None:
    """Return a command of the host itself."""
    named = CORE_COMMANDS.get(name)
    return None if named is None else named.load()


def _offer(
    command: click.Command | str, name: str | None, help: str | None
) -> tuple[str, click.Command | NamedCommand]:
    """Return name and command of what a plugin gave to ``register``."""
    if isinstance(command, str):
        if not name or not help:
            raise TypeError(f"register('{command}') wants a name and the help line, too")
        return name, NamedCommand(command, help)
    if not isinstance(command, click.Command):
        raise TypeError(f"register wants a click.Command, not {type(command).__name__}")
    if help is not None:
        raise TypeError("register takes help for a command that is named; this one has its own")
    name = name or command.name
    if not name:
        raise TypeError("register wants a command with a name")
    return name, command


def _resolve(target: str) -> Any:
    """Import what ``module:attribute.path`` names (an entry point's extras are ignored)."""
    module_name, _, attributes = target.partition("[")[0].strip().partition(":")
    __import__(module_name.strip())
    found: Any = sys.modules[module_name.strip()]
    for attribute in filter(None, attributes.strip().split(".")):
        found = getattr(found, attribute)
    return found


def _taken(name: str, owner: Plugin) -> str:
    return f"the command '{name}' belongs to {owner.entry.distribution}"


def _reason(error: BaseException) -> str:
    lines = str(error).strip().split("\n")
    text = "; ".join(lines) if isinstance(error, pluggy.PluginValidationError) else lines[0]
    if isinstance(error, SeqtoolError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

"""Every hook a plugin can implement.

A plugin is a module (or object) named by an entry point of the group ``seqtool``. It marks the
functions below with ``hookimpl``; see docs/write-a-plugin.md. Hooks change by adding arguments
only: an implementation names the arguments it wants and keeps working. ``API_VERSION`` rises when
that is not enough; a plugin that needs a newer host says so with ``SEQTOOL_API = 2``.
"""

from collections.abc import Callable
from typing import Any

import pluggy

API_VERSION = 1

hookspec = pluggy.HookspecMarker("seqtool")
hookimpl = pluggy.HookimplMarker("seqtool")


@hookspec
def register_commands(register: Callable[..., None]) -> None:
    """Add commands: call ``register("module:attribute", name="shout", help="Write text louder.")``.

    The host imports the ``click.Command`` that the string names when it is called; ``help`` is
    its line in ``seqtool --help`` until then. ``register(command)`` and ``register(command,
    name="other-name")`` take the ``click.Command`` itself. The name of the plugin's entry point is
    its main command and belongs to it; further names go to the first plugin that asks. This runs
    on every start of the plugin's command and for ``seqtool --help``: import nothing heavy.
    """


@hookspec
def register_metrics(register: Callable[[str, Callable[..., Any]], None]) -> None:
    """Add metrics for ``seqtool bleu --metric``: call ``register(name, factory)``.

    ``factory`` makes a metric from the command's settings; what it gets and returns is defined
    by ``seqtool_bleu.metric``. Called only when a metric that is not built in is asked for.
    """


@hookspec
def register_tokenizers(register: Callable[[str, Callable[[str], Any]], None]) -> None:
    """Add formats of tokenizer files: call ``register(ending, loader)``.

    ``loader(path)`` returns a `seqtool.tokenizers.tokenizer.Tokenizer` for files whose name ends
    in ``ending``. The built-in formats are told by what is in the file; others are asked for when
    a name ends in none of .json, .tiktoken and .model.
    """


@hookspec
def register_cells(register: Callable[[str, type[Any]], None]) -> None:
    """Add recurrent cells for ``--cell``: call ``register(name, cell)``.

    ``cell`` is a sub-class of `seqtool.nn.recurrent.RecurrentLayer` that runs over a sequence, and
    back. Called only when a cell that is not built in is asked for.
    """


@hookspec
def register_corpora(register: Callable[..., None]) -> None:
    """Add corpora for ``seqtool corpora``: call ``register(name, lines, about, columns)``.

    ``lines(seed)`` gives lines of text without their ends, for ever or until there are no more;
    the same ones for the same seed, whatever the machine. A line that comes again is left out.
    ``about`` says in a line what it is, and ``columns``, which may be left out, names what tabs
    separate.
    """

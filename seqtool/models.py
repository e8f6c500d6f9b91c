"""Models that plugins bring along, and ``seqtool info``, which says what a file is.

A plugin that is a package may hold built-in models as ``models/NAME.safetensors``, or a tokenizer
as ``models/NAME.json``. Such a model is called ``COMMAND/NAME``, or ``NAME`` by its own command;
the one called ``default``, or the only one, is what a command takes when no model is named.
"""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import click

from seqtool.errors import SeqtoolError
from seqtool.options import ExamplesFirst, common_options, format_option
from seqtool.output import open_output
from seqtool.plugins import get_host

FOLDER = "models"
ENDING = ".safetensors"
TOKENIZER_ENDING = ".json"
DEFAULT = "default"


class InstalledModel(NamedTuple):
    """A model that came with a plugin."""

    command: str
    name: str
    path: str

    @property
    def full_name(self) -> str:
        """What ``-m`` takes everywhere."""
        return f"{self.command}/{self.name}"


def installed_models(command: str | None = None) -> list[InstalledModel]:
    """The models of plugins, or of the one that owns ``command``; imports none of them."""
    found: dict[str, InstalledModel] = {}
    for plugin in get_host().plugins:
        if not plugin.selected or command not in (None, plugin.name):
            continue
        for path in _model_files(plugin.entry.value):
            name = os.path.splitext(os.path.basename(path))[0]
            model = InstalledModel(plugin.name, name, path)
            found.setdefault(model.full_name, model)  # a second plugin of a name is refused
    return [found[name] for name in sorted(found)]


def resolve_model(command: str, name_or_path: str | None) -> str:
    """The file behind ``-m/--model``.

    A file's path is taken as it is; else the name of an installed model, with or without
    ``COMMAND/``. None means the command's default. Raises SeqtoolError, which lists what there
    is, when nothing fits.
    """
    own = installed_models(command)
    if name_or_path is None:
        default = [model for model in own if model.name == DEFAULT or len(own) == 1]
        if default:
            return default[0].path
        raise SeqtoolError(f"no model is named and none is built in: use -m{_choice(own)}")
    if os.path.exists(name_or_path):
        return name_or_path
    for model in own:
        if name_or_path == model.name:
            return model.path
    for model in installed_models():
        if name_or_path == model.full_name:
            return model.path
    raise SeqtoolError(
        f"no file and no installed model '{name_or_path}'{_choice(own or installed_models())}"
    )


def _choice(found: list[InstalledModel]) -> str:
    if not found:
        return " with a file (no model is installed)"
    return f" (installed: {', '.join(model.full_name for model in found)})"


def _model_files(module: str) -> Iterator[str]:
    """Files of models in the package that an entry point names; the package is not imported."""
    from importlib.util import find_spec

    package = module.partition("[")[0].partition(":")[0].strip().partition(".")[0]
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return
    for folder in (spec and spec.submodule_search_locations) or ():
        try:
            names = sorted(os.listdir(os.path.join(folder, FOLDER)))
        except OSError:
            continue
        yield from (
            os.path.join(folder, FOLDER, name)
            for name in names
            if os.path.splitext(name)[1] in (ENDING, TOKENIZER_ENDING)
        )


@click.command(
    cls=ExamplesFirst,
    examples=[
        ("seqtool models", "the models that came with plugins"),
        ("seqtool models --format json", "the same for a program"),
    ],
)
@format_option("text", "json")
@common_options
def models(format: str, quiet: bool, verbose: bool) -> None:
    """List the built-in models of installed plugins."""
    rows = [_model_row(model) for model in installed_models()]
    with open_output(None) as out:
        if format == "json":
            import json

            out.write(json.dumps({"models": rows}, ensure_ascii=False, indent=2) + "\n")
            return
        if not rows:
            out.write("no models\n")
        width = max((len(str(row["name"])) for row in rows), default=0)
        for row in rows:
            what = row["error"] or f"{row['licence'] or 'no licence named'}  {row['card']}"
            out.write(f"{row['name']:<{width}}  {_size(int(row['bytes'])):>9}  {what}".rstrip())
            out.write("\n")


def _model_row(model: InstalledModel) -> dict[str, Any]:
    """One model's row; a damaged file is a row that says so."""
    row: dict[str, Any] = {
        "name": model.full_name,
        "kind": None,
        "bytes": os.path.getsize(model.path),
        "licence": None,
        "card": "",
        "path": model.path,
        "error": None,
    }
    try:
        metadata = _metadata(model.path)
    except SeqtoolError as error:
        row["error"] = str(error)
        return row
    row["kind"] = metadata.get("kind")
    row["licence"] = metadata.get("licence")
    row["card"] = str(metadata.get("card") or "").strip().split("\n")[0]
    return row


def _metadata(path: str) -> dict[str, Any]:
    """What a model file says about itself. Raises SeqtoolError."""
    if path.endswith(TOKENIZER_ENDING):
        from seqtool.tokenizers.load import load

        return {**load(path).metadata, "kind": "tokenizer"}
    from seqtool.modelfile import open_model

    with open_model(path) as opened:
        return opened.metadata


@click.command(
    cls=ExamplesFirst,
    examples=[
        ("seqtool info vectors.bin", "format, words, dimensions"),
        ("seqtool info model.safetensors", "what made it, and its tensors"),
        ("seqtool info tok.json", "a tokenizer"),
        ("seqtool info --format json analogy/english", "a built-in model, for a program"),
    ],
)
@click.argument("file", type=click.Path())
@format_option("text", "json")
@common_options
def info(file: str, format: str, quiet: bool, verbose: bool) -> None:
    """Show what a file of word vectors, a model or a tokenizer is.

    Of vectors only the head is read: the number of words is what the file promises.
    """
    fields = describe_file(_file_of(file))
    with open_output(None) as out:
        if format == "json":
            import json

            out.write(json.dumps(fields, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
            return
        for name, value in fields.items():
            for key, text in _shown(name, value):
                out.write(f"{key:<15} {text}".rstrip() + "\n")


def _file_of(name: str) -> str:
    """A path, or the path of an installed model that is called so."""
    if not os.path.exists(name):
        for model in installed_models():
            if name == model.full_name:
                return model.path
    return name


def describe_file(path: str) -> dict[str, Any]:
    """What a file says about itself, in fields fit for JSON. Raises SeqtoolError."""
    from seqtool.modelfile import count_parameters, is_safetensors, open_model
    from seqtool.text import open_bytes

    with open_bytes(path) as file:
        head = file.read(9) if path.endswith(ENDING) else b""
    size = {"file": path, "bytes": os.path.getsize(path)}
    if path.endswith((TOKENIZER_ENDING, ".tiktoken", ".model")):
        return {**size, **_describe_tokenizer(path)}
    if not is_safetensors(head):
        from seqtool.vectors import describe

        found = describe(path)
        if found["format"] != "safetensors":
            return {**size, **found}
    with open_model(path) as model:
        tensors = {
            name: {"dtype": tensor.dtype, "shape": list(tensor.shape)}
            for name, tensor in model.tensors.items()
        }
        numbers = count_parameters(model.tensors)
        return {**size, "numbers": numbers, "metadata": model.metadata, "tensors": tensors}


def _describe_tokenizer(path: str) -> dict[str, Any]:
    from seqtool.tokenizers.load import load

    tokenizer = load(path)
    return {
        "format": "tokenizer",
        "model": tokenizer.model.kind,
        "pieces": tokenizer.vocab_size,
        "special": [special.text for special in tokenizer.specials],
        "metadata": tokenizer.metadata,
    }


def _shown(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """(label, text) lines of a field."""
    if name == "bytes":
        yield "size", _size(value)
    elif name == "tensors":
        for tensor, about in value.items():
            shape = " x ".join(f"{length:,}" for length in about["shape"])
            yield "tensor", f"{tensor}  {about['dtype']}  {shape}"
    elif name == "metadata":
        for key in sorted(value, key=lambda key: (key == "card", key)):
            yield from _shown(key, value[key])
    elif isinstance(value, dict):
        yield name, " ".join(f"{key}={part}" for key, part in value.items())
    elif name.endswith("tokenizer") and isinstance(value, str) and value.startswith("{"):
        yield name, f"tokenizer.json of {len(value):,} characters: see --format json"
    elif isinstance(value, str):
        first, *rest = value.strip().split("\n")
        yield name, first
        yield from (("", line) for line in rest)
    elif isinstance(value, list):
        yield name, " ".join(map(str, value))
    elif value is None:
        yield name, "not said"
    else:
        yield (
            name,
            f"{value:,}" if name in ("words", "numbers", "dimensions", "pieces") else str(value),
        )


def _size(count: int) -> str:
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count} bytes"

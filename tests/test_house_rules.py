"""Rules of this code base that a reader would otherwise have to remember."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import REPOSITORY

PLUGIN_FOLDERS = ("plugins", "corpora")
HOOKS, COMMANDS = (
    sorted(path for folder in PLUGIN_FOLDERS for path in (REPOSITORY / folder).glob(pattern))
    for pattern in ("*/__init__.py", "*/command.py")
)
MODULES = sorted(
    path
    for folder in ("seqtool", *PLUGIN_FOLDERS)
    for path in (REPOSITORY / folder).rglob("*.py")
    if "build" not in path.parts
)

# What may be imported at the top of the module with a plugin's hooks, for `seqtool --help`.
IMPORTED_ANYWAY = {"__future__", "collections", "seqtool.hookspecs", "typing"}
# What may be imported at the top of the module with its command: it costs well under a millisecond.
LIGHT = {
    "__future__",
    "click",
    "collections",
    "contextlib",
    "functools",
    "itertools",
    "math",
    "os",
    "re",
    "seqtool.audio.raw",
    "seqtool.decode_options",
    "seqtool.errors",
    "seqtool.nn.training_options",
    "seqtool.options",
    "sys",
    "time",
    "typing",
}
CUDA = {"cuda", "cupy", "pycuda"}


def tree_of(path: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name_of(path: Path) -> str:
    """How a failure names the module."""
    return path.relative_to(REPOSITORY).as_posix()


every_module = pytest.mark.parametrize("path", MODULES, ids=name_of)


def imports(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Full names of what is imported."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            # "from seqtool import options" and "from seqtool.options import x" are the same.
            yield from (f"{module}.{alias.name}" for alias in node.names)


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: no function bodies, no type checking."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from at_import(child)


def within(name: str, allowed: set[str]) -> bool:
    """Whether ``name`` is one of ``allowed`` or inside one of them."""
    return any(name == entry or name.startswith(f"{entry}.") for entry in allowed)


def heavy_imports(path: Path, light: set[str], seen: set[Path]) -> list[str]:
    """What importing the module imports that is not light, through modules of its own package."""
    heavy = []
    for name in imports(at_import(tree_of(path))):
        first, *rest = name.split(".")
        own = path.parent / f"{rest[0] if rest else '__init__'}.py"
        if first == path.parent.name and own.exists():
            if own not in seen:
                heavy += heavy_imports(own, light, seen | {own})
        elif not within(name, light):
            heavy.append(name)
    return heavy


@pytest.mark.parametrize("path", HOOKS, ids=name_of)
def test_hooks_import_nothing_that_help_does_not_need(path: Path) -> None:
    assert not heavy_imports(path, IMPORTED_ANYWAY, set()), "import it inside the hook"


@pytest.mark.parametrize("path", COMMANDS, ids=name_of)
def test_a_command_imports_nothing_heavy(path: Path) -> None:
    assert not heavy_imports(path, LIGHT, set()), "import it inside the command"


def test_the_core_imports_no_plugin() -> None:
    for path in MODULES:
        if path.is_relative_to(REPOSITORY / "seqtool"):
            found = list(imports(ast.walk(tree_of(path))))
            assert not [name for name in found if name.startswith("seqtool_")], path


@every_module
def test_no_fastmath(path: Path) -> None:
    """It folds checks for NaN away; a named set of flags is allowed."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.keyword) and node.arg == "fastmath":
            assert not (isinstance(node.value, ast.Constant) and node.value.value is True)


@every_module
def test_nothing_that_runs_data(path: Path) -> None:
    tree = tree_of(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec"), node.lineno
        if isinstance(node, ast.keyword) and node.arg == "shell":
            assert isinstance(node.value, ast.Constant), node.value.lineno
            assert not node.value.value, node.value.lineno
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant), node.value.lineno
            assert not node.value.value, node.value.lineno
    unsafe = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
    assert not [name for name in imports(ast.walk(tree)) if name.partition(".")[0] in unsafe]


@every_module
def test_only_one_module_imports_cuda(path: Path) -> None:
    if name_of(path) == "seqtool/cuda.py":
        return
    for name in imports(ast.walk(tree_of(path))):
        assert name.partition(".")[0] not in CUDA
        assert not name.startswith(("numba.cuda", "numba_cuda"))


def public_functions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Functions and methods without a leading underscore, and public classes.

    Methods of a class with bases are left out: they may inherit what documents them.
    """
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if not node.bases:
                yield from public_functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith(
            "_"
        ):
            yield prefix + node.name, node


@every_module
def test_public_code_is_documented_and_annotated(path: Path) -> None:
    tree = tree_of(path)
    assert not tree.body or ast.get_docstring(tree), "the module has no docstring"
    for name, node in public_functions(tree.body):
        assert isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        assert ast.get_docstring(node), f"{name} has no docstring"
        if isinstance(node, ast.ClassDef) or _is_kernel(node):
            continue
        assert node.returns is not None, f"{name}: what does it return?"
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
        assert not bare, f"{name}: no annotation for {bare}"


def _is_kernel(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A kernel's types are in its signature; what it calls is compiled for them."""
    marks = {"kernel", "helper"}
    return any(
        isinstance(part, ast.Name) and part.id in marks
        for decorator in node.decorator_list
        for part in ast.walk(decorator)
    )


@every_module
def test_modules_and_functions_are_small(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 600, "is it one thing?"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < 80, node.name


@every_module
def test_text_files_are_opened_with_an_encoding(path: Path) -> None:
    """The default depends on the locale."""
    for node in ast.walk(tree_of(path)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "open"
        ):
            mode = node.args[1] if len(node.args) > 1 else None
            binary = isinstance(mode, ast.Constant) and "b" in str(mode.value)
            named = any(k.arg in ("encoding", "mode") for k in node.keywords)
            assert binary or named, node.lineno


def test_lines_are_split_at_newlines_only() -> None:
    """str.splitlines also splits at U+2028 and others, which shifts parallel files."""
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute):
                assert node.attr != "splitlines", f"{path}:{node.lineno}"

"""Kernels: signatures, the three ways to run them, the cache of compiled code."""

import ast
import ctypes
import importlib
import importlib.util
import os
import platform
import subprocess
import sys
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seqtool import kernels
from seqtool.kernels import cache, native
from seqtool.kernels.signature import parse

SHARED = '''
"""What several kernels use."""
from seqtool.kernels import helper

FACTOR = 3


@helper
def scaled(x):
    return FACTOR * x
'''

# SHARED is the module above under the name it gets in the test.
WEIGH = '''
"""Kernels of one test."""
from seqtool.kernels import helper, kernel
from SHARED import scaled


@helper
def middle(values, i):
    return scaled(int(values[i])) - 1


@kernel("i8(u1[::1], i4[::1], f8, i8)")
def weigh(data, out, factor, n):
    """Fill out; return a sum."""
    total = 0
    for i in range(n):
        out[i] = middle(data, i)
        total += out[i]
    return int(total * factor)


@kernel("f8(f4[::1])")
def first(values):
    return values[0] if len(values) > 0 else -1.0
'''

PLAIN = '''
"""A kernel that needs nothing."""
from seqtool.kernels import kernel


@kernel("i8(i8[::1])")
def last(values):
    return values[len(values) - 1]
'''

MakeModule = Callable[..., ModuleType]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty cache, the normal way to run, and nothing that outlives the test."""
    monkeypatch.setenv("SEQTOOL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NUMBA_DISABLE_JIT", raising=False)
    monkeypatch.delenv("NUMBA_BOUNDSCHECK", raising=False)
    monkeypatch.setattr(native, "_loaded", {})
    yield
    kernels.expect(kernels.INTERPRETED_STEPS)
    kernels.set_quiet(False)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeModule]:
    """``make("weigh_kernels", source)`` writes a module of this test and imports it."""
    monkeypatch.syspath_prepend(tmp_path)
    made: list[str] = []

    def module(name: str, source: str, shared: str = SHARED) -> ModuleType:
        (tmp_path / "shared_helpers.py").write_text(shared, encoding="utf-8")
        text = source.replace("SHARED", "shared_helpers")
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        forget()
        made.append(name)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def forget() -> None:
        native._loaded.clear()
        for name in [*made, "shared_helpers"]:
            sys.modules.pop(name, None)

    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a changed source is read again
    yield module
    forget()


def files(tmp_path: Path) -> list[str]:
    """The names in the cache."""
    return sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())


def run_weigh(module: Any) -> tuple[int, list[int], float, float]:
    """Call both kernels of WEIGH; the result does not depend on how they run."""
    out = array("i", [0]) * 4
    total = module.weigh(b"\x01\x02\xff\x00", out, 0.5, 4)
    return total, out.tolist(), module.first(array("f", [1.5])), module.first(array("f"))


WEIGHED = (385, [2, 5, 764, -1], 1.5, -1.0)


def python(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process that finds the test's modules."""
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-B", "-c", code],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


# --- signatures -------------------------------------------------------------------------------


def test_a_signature() -> None:
    signature = parse(" i8( u4[::1] ,f8,i8 )")
    assert signature.result is ctypes.c_int64
    assert [(a.code, a.c_type, a.is_array) for a in signature.arguments] == [
        ("u4", ctypes.c_uint32, True),
        ("f8", ctypes.c_double, False),
        ("i8", ctypes.c_int64, False),
    ]


def test_a_signature_without_result_or_arguments() -> None:
    assert parse("void()") == (None, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("i8", "not a kernel signature: 'i8'"),
        ("i8(i8", "not a kernel signature"),
        ("i8(i8) ", None),
        ("", "not a kernel signature"),
        ("(i8)", "unknown type ''"),
        ("i8(int64)", "unknown type 'int64'"),
        ("i8(i8[:])", "unknown type 'i8[:]'"),
        ("i8(i8[:,::1])", "unknown type 'i8[:'"),
        ("str(i8)", "unknown type 'str'"),
    ],
)
def test_what_is_no_signature(text: str, message: str | None) -> None:
    if message is None:
        assert parse(text).result is ctypes.c_int64
        return
    with pytest.raises(ValueError, match=r"kernel signature") as caught:
        parse(text)
    assert message in str(caught.value)


def test_a_kernel_keeps_what_it_is_made_of(make: MakeModule) -> None:
    module = make("weigh_kernels", WEIGH)
    assert module.weigh.name == "weigh"
    assert module.weigh.module == "weigh_kernels"
    assert module.weigh.__doc__ == "Fill out; return a sum."
    assert not module.weigh.relaxed
    assert sorted(kernels.kernels_of("weigh_kernels")) == ["first", "weigh"]


# --- the ways to run --------------------------------------------------------------------------


def test_native(make: MakeModule, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = make("weigh_kernels", WEIGH)
    assert run_weigh(module) == WEIGHED
    assert run_weigh(module) == WEIGHED
    line = "seqtool: compiling weigh_kernels for this machine; this happens once\n"
    assert capsys.readouterr() == ("", line)
    assert [name.rpartition(".")[2] for name in files(tmp_path)] in (["o", "so"], ["o"])


def test_the_same_result_in_every_way(make: MakeModule, tmp_path: Path) -> None:
    make("weigh_kernels", WEIGH)
    code = (
        "from array import array\nimport sys, weigh_kernels as m\nout = array('i', [0]) * 4\n"
        "total = m.weigh(b'\\x01\\x02\\xff\\x00', out, 0.5, 4)\n"
        "result = (total, out.tolist(), m.first(array('f', [1.5])), m.first(array('f')))\n"
        f"assert result == {WEIGHED}, result\n"
        "print('numba' in sys.modules)\n"
    )
    ways = {
        "interpreted": ({"NUMBA_DISABLE_JIT": "1"}, "False\n"),
        "checked": ({"NUMBA_BOUNDSCHECK": "1"}, "True\n"),
        "compiled": ({}, "True\n"),
        "loaded": ({}, "False\n"),
    }
    for way, (environment, numba) in ways.items():
        done = python(code, tmp_path, **environment)
        assert (way, done.returncode, done.stdout) == (way, 0, numba), done.stderr
        assert bool(files(tmp_path)) == (way in ("compiled", "loaded"))


def test_interpreted_in_this_process(
    make: MakeModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert run_weigh(make("weigh_kernels", WEIGH)) == WEIGHED
    assert not files(tmp_path)


def test_bounds_are_checked(make: MakeModule, tmp_path: Path) -> None:
    make("last_kernels", PLAIN)
    code = "from array import array\nimport last_kernels as m\n"
    good = python(f"{code}print(m.last(array('q', [3, 4])))", tmp_path, NUMBA_BOUNDSCHECK="1")
    assert (good.returncode, good.stdout) == (0, "4\n"), good.stderr
    bad = python(f"{code}m.last(array('q'))", tmp_path, NUMBA_BOUNDSCHECK="1")
    assert bad.returncode == 1
    assert "IndexError" in bad.stderr


FETCH = """
from seqtool.kernels import helper, kernel
from seqtool.kernels.instructions import prefetch


@helper
def fetch(values, i):
    prefetch(values, i)


@kernel("f8(f4[::1], i8[::1], i8)")
def fetched(values, places, i):
    fetch(values, i)
    prefetch(places, i)
    return values[0] + places[0]
"""


def test_prefetching_changes_nothing(
    make: MakeModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where there is nothing to fetch: the processor ignores such a request."""
    arguments = "array('f', [1.5, 2]), array('q', [3])"
    values, places = array("f", [1.5, 2]), array("q", [3])
    module = make("fetch_kernels", FETCH)
    for place in (0, 1, 1 << 40):
        assert module.fetched(values, places, place) == 4.5
    assert (values.tolist(), places.tolist()) == ([1.5, 2], [3])
    code = f"from array import array\nimport fetch_kernels as m\nprint(m.fetched({arguments}, 1))"
    checked = python(code, tmp_path, NUMBA_BOUNDSCHECK="1")
    assert (checked.returncode, checked.stdout) == (0, "4.5\n"), checked.stderr
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert make("fetch_kernels", FETCH).fetched(values, places, 1) == 4.5


def test_prefetching_is_one_instruction(make: MakeModule) -> None:
    from seqtool.kernels import compiler

    make("fetch_kernels", FETCH)
    prefetches = 2 if platform.machine() in ("x86_64", "AMD64") else 0
    code = compiler.object_code("fetch_kernels")
    assert code.count(b"\x0f\x18") >= prefetches  # PREFETCHT0 of x86


def test_relaxed_sums(make: MakeModule) -> None:
    source = """
from seqtool.kernels import kernel


@kernel("f4(f4[::1])", relaxed=True)
def add(values):
    total = 0.0
    for i in range(len(values)):
        total += values[i]
    return total
"""
    module = make("add_kernels", source)
    assert module.add(array("f", range(1000))) == pytest.approx(499_500)
    assert module.add(array("f", [float("inf"), 1])) == float("inf")
    assert str(module.add(array("f", [float("nan"), 1]))) == "nan"


def test_a_kernel_may_call_a_kernel(make: MakeModule) -> None:
    source = f"""{PLAIN}

@kernel("i8(i8[::1])")
def twice(values):
    return 2 * last(values)
"""
    module = make("twice_kernels", source)
    assert module.twice(array("q", [1, 21])) == 42
    assert module.last(array("q", [1, 21])) == 21


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return np.zeros(n)[0]", r"No implementation of function .*zeros"),
        ("return len([1, 2, n])", "NRT required but not enabled"),
        ("return int(math.erf(n))", "kernels of greedy_kernels call erf: a kernel must not"),
    ],
)
def test_a_kernel_that_allocates_is_refused(make: MakeModule, body: str, message: str) -> None:
    source = (
        "import math\nimport numpy as np\nfrom seqtool.kernels import kernel\n\n"
        f'@kernel("i8(i8)")\ndef greedy(n):\n    {body}\n'
    )
    module = make("greedy_kernels", source)
    with pytest.raises(Exception, match=message):
        module.greedy(3)


def test_an_exception_of_a_kernel_is_not_swallowed(make: MakeModule) -> None:
    """Kernels must not raise; one that does is refused, or at least fails when it raises."""
    source = (
        "from seqtool.kernels import kernel\n\n"
        '@kernel("i8(i8)")\ndef angry(n):\n    if n > 3:\n        raise ValueError\n    return n\n'
    )
    module = make("angry_kernels", source)
    with pytest.raises((RuntimeError, ValueError)):
        module.angry(4)


# --- arguments --------------------------------------------------------------------------------


@pytest.fixture
def weigh(make: MakeModule) -> Any:
    """A compiled kernel of (u1 array, i4 array, f8, i8)."""
    return make("weigh_kernels", WEIGH).weigh


@pytest.mark.parametrize("kind", [bytes, bytearray, lambda data: array("B", data)])
def test_kinds_of_arrays(weigh: Any, kind: Callable[[bytes], Any]) -> None:
    np = pytest.importorskip("numpy")
    for out in (array("i", [0, 0]), np.zeros(2, "i4")):
        assert weigh(kind(b"\x01\x02"), out, 1.0, 2) == 7
        assert list(out) == [2, 5]
        assert weigh(np.frombuffer(b"\x01\x02", "u1"), out, 1, 2) == 7


@pytest.mark.parametrize("kind", [bytes, bytearray, lambda data: array("B", data)])
def test_empty_arrays(weigh: Any, kind: Callable[[bytes], Any]) -> None:
    np = pytest.importorskip("numpy")
    assert weigh(kind(b""), array("i"), 1.0, 0) == 0
    assert weigh(kind(b""), np.zeros(0, "i4"), 1.0, 0) == 0


def test_wrong_arguments(weigh: Any) -> None:
    np = pytest.importorskip("numpy")
    out = array("i", [0])
    wrong = [
        (array("b", [1]), out, 1.0, 1),
        (array("I", [1]), out, 1.0, 1),
        (b"\1", array("q", [0]), 1.0, 1),
        (b"\1", array("f", [0]), 1.0, 1),
        (b"\1", np.zeros(1, "i8"), 1.0, 1),
        (b"\1", np.zeros(1, "f4"), 1.0, 1),
        (np.zeros(1, "i1"), out, 1.0, 1),
    ]
    for arguments in wrong:
        with pytest.raises(TypeError, match=r"a kernel's argument is an array of (u1|i4), not of"):
            weigh(*arguments)
    for values in (np.zeros(4, "u1")[::2], np.zeros((2, 2), "u1").T[:1]):
        with pytest.raises(TypeError, match="must be C-contiguous"):
            weigh(values, out, 1.0, 1)
    with pytest.raises((TypeError, ctypes.ArgumentError)):
        weigh(b"\1", out, 1.0, 1.5)
    with pytest.raises((TypeError, ValueError)):
        weigh(b"\1", out, 1.0)
    assert out[0] == 0


# --- the cache --------------------------------------------------------------------------------


def test_the_key_depends_on_every_source(make: MakeModule, tmp_path: Path) -> None:
    make("weigh_kernels", WEIGH)
    before = native._path("weigh_kernels")
    make("weigh_kernels", WEIGH, SHARED.replace("3", "4"))
    changed_helper = native._path("weigh_kernels")
    make("weigh_kernels", WEIGH.replace("- 1", "- 2"))
    changed_kernel = native._path("weigh_kernels")
    make("weigh_kernels", WEIGH)
    assert len({before, changed_helper, changed_kernel}) == 3
    assert native._path("weigh_kernels") == before


def test_a_changed_compiler_compiles_anew(
    make: MakeModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("last_kernels", PLAIN)
    before = native._path("last_kernels")
    for source in native.compiler_sources():
        changed = tmp_path / "changed.py"
        changed.write_text(Path(source).read_text(encoding="utf-8") + "\n", encoding="utf-8")
        sources = [path for path in native.compiler_sources() if path != source]
        with monkeypatch.context() as patch:
            patch.setattr(native, "compiler_sources", lambda s=sources, c=changed: [*s, str(c)])
            assert native._path("last_kernels") != before
    assert native._path("last_kernels") == before


def test_a_changed_helper_compiles_anew(make: MakeModule, tmp_path: Path) -> None:
    assert run_weigh(make("weigh_kernels", WEIGH)) == WEIGHED
    old = files(tmp_path)
    changed = make("weigh_kernels", WEIGH, SHARED.replace("FACTOR = 3", "FACTOR = 1"))
    assert run_weigh(changed)[1] == [0, 1, 254, -1]
    assert len(files(tmp_path)) == 2 * len(old)


def kernel_modules() -> list[str]:
    """Names of the kernel modules of this project's plugins that are installed."""
    plugins = Path(__file__).parents[1] / "plugins"
    return sorted(
        f"{path.parent.name}.{path.stem}"
        for path in plugins.glob("*/*kernels.py")
        if importlib.util.find_spec(path.parent.name)
    )


@pytest.mark.parametrize("name", kernel_modules())
def test_a_kernel_module_is_keyed_by_all_that_it_imports(name: str) -> None:
    """A constant of a module that the key leaves out would stay compiled in when it changes."""
    module = importlib.import_module(name)
    keyed = native._source_modules(module)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    imported = [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)]
    own = name.partition(".")[0]
    assert {source for source in imported if source.startswith(own)} <= keyed
    for value in vars(module).values():
        if isinstance(value, kernels.Kernel):
            assert value.module in keyed, value.name


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda code: b"",
    "short": lambda code: code[:3],
    "truncated": lambda code: code[: len(code) // 2],
    "changed": lambda code: code[:100] + bytes([code[100] ^ 1]) + code[101:],
    "text": lambda code: b"not code\n",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_compiled_anew(make: MakeModule, tmp_path: Path, damage: str) -> None:
    make("last_kernels", PLAIN)
    compiled = compile_last(tmp_path)
    for path in (tmp_path / "cache").rglob("last_kernels*"):
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    module = make("last_kernels", PLAIN)
    assert module.last(array("q", [1, 2])) == 2
    assert all(cache.read(str(path)) is not None for path in compiled)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("ending", ["o", "so"])
def test_one_damaged_file_of_two(
    make: MakeModule, tmp_path: Path, damage: str, ending: str
) -> None:
    make("last_kernels", PLAIN)
    compiled = compile_last(tmp_path)
    for path, content in compiled.items():
        if path.suffix == f".{ending}":
            path.write_bytes(DAMAGES[damage](content))
    module = make("last_kernels", PLAIN)
    assert module.last(array("q", [1, 2])) == 2
    if ending == "so":  # without one every process would pay for loading LLVM
        assert all(cache.read(str(path)) is not None for path in compiled)


def compile_last(tmp_path: Path) -> dict[Path, bytes]:
    """Compile last_kernels in this process without loading it; the files and what is in them."""
    assert native.compile_module("last_kernels")
    assert not native.compile_module("last_kernels")
    return {path: path.read_bytes() for path in (tmp_path / "cache").rglob("last_kernels*")}


def test_a_folder_that_cannot_be_written(
    make: MakeModule,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SEQTOOL_CACHE", str(tmp_path / "file"))
    module = make("weigh_kernels", WEIGH)
    assert run_weigh(module) == WEIGHED
    assert run_weigh(module) == WEIGHED
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("cannot keep compiled kernels in") == 1
    assert err.count("\n") == 2
    assert (tmp_path / "file").read_text() == "in the way"


def test_nothing_is_announced_when_quiet(
    make: MakeModule, capsys: pytest.CaptureFixture[str]
) -> None:
    kernels.set_quiet(True)
    assert make("last_kernels", PLAIN).last(array("q", [5])) == 5
    assert capsys.readouterr() == ("", "")


def test_without_a_c_compiler(
    make: MakeModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_weigh(make("weigh_kernels", WEIGH)) == WEIGHED
    assert [name.rpartition(".")[2] for name in files(tmp_path)] == ["o"]
    code = "import sys, weigh_kernels as m\nfrom array import array\n"
    done = python(
        f"{code}print(m.weigh(b'\\1', array('i', [0]), 1.0, 1), 'numba' in sys.modules)", tmp_path
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 False\n", "")


def test_a_c_compiler_that_fails(
    make: MakeModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "cc").write_text("#!/bin/sh\nexit 1\n")
    (tools / "cc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    assert run_weigh(make("weigh_kernels", WEIGH)) == WEIGHED
    assert [name.rpartition(".")[2] for name in files(tmp_path)] == ["o"]


def test_a_library_that_cannot_be_loaded(make: MakeModule, tmp_path: Path) -> None:
    make("last_kernels", PLAIN)
    for path in compile_last(tmp_path):
        if path.suffix == ".so":
            cache.write(str(path), b"no library, but undamaged")
    assert make("last_kernels", PLAIN).last(array("q", [1, 2])) == 2


def test_writing_leaves_nothing_behind_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        cache.write(str(tmp_path / "cache" / "code.o"), b"code")
    assert not files(tmp_path)


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.cache_folder() == str(tmp_path / "cache" / "kernels")
    monkeypatch.delenv("SEQTOOL_CACHE")
    from platformdirs import user_cache_dir

    for folder in (str(tmp_path / "xdg"), "", " "):
        monkeypatch.setenv("XDG_CACHE_HOME", folder)
        expected = os.path.join(user_cache_dir("seqtool", appauthor=False), "kernels")
        assert cache.cache_folder() == expected


# --- processes --------------------------------------------------------------------------------

CALL = """
import sys
from array import array
from seqtool import kernels
import last_kernels
kernels.expect(int(sys.argv[1]) if len(sys.argv) > 1 else STEPS)
print(last_kernels.last(array("q", [1, 2])))
print(sorted({"numba", "numpy", "llvmlite"} & set(sys.modules)))
"""


def call_with(steps: int) -> str:
    """Code that calls a kernel in a job of so many steps."""
    return CALL.replace("STEPS", str(steps))


def test_small_jobs_do_not_compile(make: MakeModule, tmp_path: Path) -> None:
    make("last_kernels", PLAIN)
    small = python(call_with(kernels.INTERPRETED_STEPS - 1), tmp_path)
    assert (small.returncode, small.stdout, small.stderr) == (0, "2\n[]\n", "")
    assert not files(tmp_path)
    big = python(call_with(kernels.INTERPRETED_STEPS), tmp_path)
    assert (big.returncode, big.stdout) == (0, "2\n['llvmlite', 'numba', 'numpy']\n"), big.stderr
    assert big.stderr.startswith("seqtool: compiling last_kernels")
    assert files(tmp_path)
    for steps in (1, kernels.INTERPRETED_STEPS):
        loaded = python(call_with(steps), tmp_path)
        assert (loaded.returncode, loaded.stdout, loaded.stderr) == (0, "2\n[]\n", "")


def test_a_job_that_turns_out_big_compiles_later(make: MakeModule, tmp_path: Path) -> None:
    module = make("last_kernels", PLAIN)
    kernels.expect(10)
    assert module.last(array("q", [1, 2])) == 2
    assert not files(tmp_path)
    kernels.expect(kernels.INTERPRETED_STEPS)
    assert module.last(array("q", [1, 2])) == 2
    assert files(tmp_path)


def test_two_processes_compile_at_once(make: MakeModule, tmp_path: Path) -> None:
    make("last_kernels", PLAIN)
    command = [sys.executable, "-B", "-c", call_with(kernels.INTERPRETED_STEPS)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    started = [
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in started:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out[:2]) == (0, "2\n"), err
    assert len(files(tmp_path)) <= 2
    assert not [name for name in files(tmp_path) if name.endswith("tmp")]
    loaded = python(call_with(1), tmp_path)
    assert (loaded.returncode, loaded.stdout, loaded.stderr) == (0, "2\n[]\n", "")


# --- warming up -------------------------------------------------------------------------------


def test_warmup_of_modules(
    make: MakeModule, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "warm_package"
    (package / "inner").mkdir(parents=True)
    for folder in (package, package / "inner"):
        (folder / "__init__.py").write_text("")
    (package / "fast_kernels.py").write_text(PLAIN)
    (package / "inner" / "kernels.py").write_text(PLAIN)
    (package / "other.py").write_text("raise RuntimeError('not a kernel module')\n")
    importlib.invalidate_caches()
    reports: list[tuple[str, float]] = []
    for _ in range(2):
        kernels.warmup_modules(["warm_package"], lambda name, took: reports.append((name, took)))
    names = [name for name, _ in reports]
    assert sorted(names[:2]) == ["warm_package.fast_kernels", "warm_package.inner.kernels"]
    assert names[:2] == names[2:]
    assert all(seconds > 0 for _, seconds in reports[:2])
    assert [seconds for _, seconds in reports[2:]] == [0.0, 0.0]
    assert capsys.readouterr() == ("", "")
    for name in [name for name in sys.modules if name.startswith("warm_package")]:
        del sys.modules[name]

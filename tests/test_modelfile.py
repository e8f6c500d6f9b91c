"""Model files: what is written is read, by the safetensors library too; nothing else is."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtool import __version__
from seqtool.errors import SeqtoolError
from seqtool.modelfile import open_model, read_model, write_model

TENSORS = {
    "bytes": np.arange(5, dtype=np.uint8),
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "ids": np.array([[-1], [2**40]]),
    "empty": np.zeros((0, 3), dtype=np.float64),
    "flag": np.array(True),
}
METADATA = {"kind": "test", "seed": 1, "arguments": {"hidden": 3}, "card": "Zeile 1\nZeile ä"}


def raw(header: bytes, data: bytes = b"") -> bytes:
    """A safetensors file with any header."""
    return struct.pack("<Q", len(header)) + header + data


def with_metadata(metadata: Any) -> bytes:
    """A file without tensors that holds this as our metadata."""
    return raw(json.dumps({"__metadata__": {"seqtool": json.dumps(metadata)}}).encode())


def test_round_trip(tmp_path: Path) -> None:
    path = str(tmp_path / "m.safetensors")
    write_model(path, TENSORS, METADATA)
    tensors, metadata = read_model(path, "test")
    assert metadata == {
        **METADATA,
        "format": "seqtool",
        "format_version": 1,
        "seqtool_version": __version__,
    }
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], tensor)
        assert tensors[name].dtype == tensor.dtype


def test_the_same_bytes_whatever_the_order(tmp_path: Path) -> None:
    a, b = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    write_model(str(a), TENSORS, METADATA)
    backwards = dict(reversed(list(TENSORS.items())))
    write_model(str(b), backwards, dict(reversed(list(METADATA.items()))))
    assert a.read_bytes() == b.read_bytes()


def test_slices_and_big_endian_arrays(tmp_path: Path) -> None:
    path = str(tmp_path / "m.safetensors")
    base = np.arange(12, dtype=np.float32).reshape(3, 4)
    write_model(path, {"t": base.T, "b": base.astype(">f4"), "s": base[:, ::2]}, METADATA)
    tensors, _ = read_model(path, None)
    np.testing.assert_array_equal(tensors["t"], base.T)
    np.testing.assert_array_equal(tensors["b"], base)
    np.testing.assert_array_equal(tensors["s"], base[:, ::2])


def test_the_library_reads_ours_and_we_its(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    path = str(tmp_path / "m.safetensors")
    write_model(path, TENSORS, METADATA)
    loaded = load_file(path)
    for name, tensor in TENSORS.items():
        np.testing.assert_array_equal(loaded[name], tensor)
    save_file({"weights": TENSORS["weights"]}, path, {"format": "np"})
    tensors, metadata = read_model(path, None)
    assert metadata == {"format": "np"}
    np.testing.assert_array_equal(tensors["weights"], TENSORS["weights"])
    with pytest.raises(SeqtoolError, match="did not write"):
        read_model(path, "test")


def test_reading_one_tensor_or_its_first_rows(tmp_path: Path) -> None:
    path = str(tmp_path / "m.safetensors")
    write_model(path, TENSORS, METADATA)
    with open_model(path, "test") as model:
        assert model.tensors["weights"] == ("F32", (2, 3))
        assert model.read("weights", "F32", 2, rows=1).tolist() == [[0, 1, 2]]
        with pytest.raises(SeqtoolError, match="'absent' is missing"):
            model.read("absent", "F32", 2)
        with pytest.raises(SeqtoolError, match=r"is F32 \[2, 3\], expected I8 of 1 dim"):
            model.read("weights", "I8", 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "damaged safetensors file"),
        (b"\xff" * 20, "damaged safetensors file"),
        (raw(b"[]"), "damaged safetensors file"),
        (raw(b"{" * 100_000), "damaged safetensors file"),
        (raw(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', bytes(4)), "damaged"),
        (raw(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(5)), "damaged"),
        (raw(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', bytes(8)), "damaged"),
        (
            raw(
                b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},'
                b'"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}',
                bytes(6),
            ),
            "damaged",
        ),
        (raw(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', bytes(4)), "damaged"),
        (raw(b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}', bytes(4)), "BF16"),
        (raw(b'{"__metadata__":{"seqtool":"[]"}}'), "its metadata is damaged"),
        (raw(b'{"__metadata__":{"seqtool":"{"}}'), "its metadata is damaged"),
        (raw(b'{"__metadata__":{"seqtool":"%b"}}' % (b"[" * 50_000)), "its metadata is damaged"),
        (with_metadata({"kind": 1, "format_version": 1}), "its metadata is damaged"),
        (with_metadata({"kind": "a", "format_version": "1"}), r"damaged \(format_version\)"),
        (
            with_metadata({"kind": "a", "format_version": 2, "seqtool_version": "9.0"}),
            "format 2 of seqtool 9.0, known here up to 1: update seqtool",
        ),
    ],
)
def test_damaged_files(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(data)
    with pytest.raises(SeqtoolError, match=message) as caught:
        read_model(str(path), None)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_another_kind(tmp_path: Path) -> None:
    path = str(tmp_path / "m.safetensors")
    write_model(path, {}, METADATA)
    with pytest.raises(SeqtoolError, match="holds 'test', not 'word-vectors'"):
        read_model(path, "word-vectors")
    with pytest.raises(SeqtoolError, match="no such file"):
        read_model(f"{path}.absent", None)
    with pytest.raises(SeqtoolError, match="is a folder"):
        read_model(str(tmp_path), None)


@pytest.mark.parametrize(
    ("tensors", "metadata"),
    [
        ({}, {}),
        ({}, {"kind": "a", "loss": float("nan")}),
        ({"a": np.array(["text"])}, {"kind": "a"}),
        ({"a": np.array([1 + 2j])}, {"kind": "a"}),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, tensors: Any, metadata: Any) -> None:
    with pytest.raises(ValueError, match=r"kind|JSON|cannot hold"):
        write_model(str(tmp_path / "m.safetensors"), tensors, metadata)
    assert not list(tmp_path.iterdir())

"""Where compiled kernels live, and how they are stored: native code and a checksum behind it."""

from __future__ import annotations

import contextlib
import os
import sys
import zlib

_CHECKSUM_BYTES = 4


def cache_folder() -> str:
    """The folder of compiled kernels: below $SEQTOOL_CACHE, or in the user's cache folder."""
    root = os.environ.get("SEQTOOL_CACHE")
    if not root and sys.platform == "linux":  # as platformdirs has it, which takes 9 ms to import
        xdg = os.environ.get("XDG_CACHE_HOME", "").strip()
        root = os.path.join(xdg or os.path.expanduser("~/.cache"), "seqtool")
    if not root:
        from platformdirs import user_cache_dir

        root = user_cache_dir("seqtool", appauthor=False)
    return os.path.join(root, "kernels")


def cache_key(sources: list[str], others: str) -> str:
    """A name for code compiled from these files for this processor, and ``others``."""
    crc, adler = zlib.crc32(others.encode()), 1
    for path in sources:
        with open(path, "rb") as file:
            content = file.read()
        crc, adler = zlib.crc32(content, crc), zlib.adler32(content, adler)
    crc = zlib.crc32(_processor(), crc)
    return f"{crc:08x}{adler:08x}"


def _processor() -> bytes:
    """What tells apart processors that run different code."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", "rb") as file:
        for line in file:
            if line.startswith((b"flags", b"Features")):
                return line
    import platform

    return f"{sys.platform} {platform.processor()}".encode()


def read(path: str) -> bytes | None:
    """The native code in ``path``; None when there is none or the file is damaged."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return None
    code, checksum = content[:-_CHECKSUM_BYTES], content[-_CHECKSUM_BYTES:]
    return code if zlib.crc32(code).to_bytes(_CHECKSUM_BYTES, "little") == checksum else None


def write(path: str, code: bytes) -> None:
    """Store native code; another process sees the whole file or none. Raises OSError."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(code + zlib.crc32(code).to_bytes(_CHECKSUM_BYTES, "little"))
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise

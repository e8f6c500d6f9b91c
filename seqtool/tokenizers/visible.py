"""Pieces as text without spaces or line breaks, and back: what files and people see of them.

Byte-level pieces are any bytes: each byte is shown as one character, the way GPT-2 does it
(Radford et al. 2019, its encoder.py): printable ASCII and Latin-1 as they are, the other 68 bytes
as U+0100 and up, so that a space is "Ġ". Pieces of text are shown as they are, except that a space
is "▁", and what would be mistaken for it or break the line is ``<U+XXXX>``.
"""

from __future__ import annotations

import re

_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
_CHARACTERS = {byte: byte for byte in _PRINTABLE} | {
    byte: 0x100 + place for place, byte in enumerate(_OTHERS)
}
_SHOW = "".join(chr(_CHARACTERS[byte]) for byte in range(256))
_HIDE = {ord(character): byte for byte, character in enumerate(_SHOW)}

SPACE = "▁"
_ESCAPED = re.compile(r"<U\+([0-9A-F]{4,6})>")
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def bytes_to_visible(piece: bytes) -> str:
    """A character a byte."""
    return piece.decode("latin-1").translate(_SHOW)


def visible_to_bytes(text: str) -> bytes | None:
    """What `bytes_to_visible` was given; None if it cannot have made the text."""
    try:
        return text.translate(_HIDE).encode("latin-1") if _is_visible(text) else None
    except UnicodeEncodeError:
        return None


def _is_visible(text: str) -> bool:
    return all(ord(character) in _HIDE for character in text)


def text_to_visible(piece: str) -> str:
    """Text without spaces and line breaks."""
    return "".join(
        SPACE
        if character == " "
        else f"<U+{ord(character):04X}>"
        if character in "\n\r▁"
        else character
        for character in piece
    )


def visible_to_text(text: str) -> str:
    """What `text_to_visible` was given."""
    text = text.replace(SPACE, " ")
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def byte_name(byte: int) -> str:
    """What sentencepiece calls the piece of a single byte that no other piece covers."""
    return f"<0x{byte:02X}>"


def byte_of_name(name: str) -> int | None:
    """The byte of a `byte_name`; None for any other name."""
    match = _BYTE.fullmatch(name)
    return int(match[1], 16) if match else None

"""How texts are normalized, step by step, and what a character of the result comes from."""

import unicodedata
from typing import Literal, cast


def normalize(text: str, form: str, lowercase: bool, strip_accents: bool) -> str:
    """Unicode normalization, lower case character by character, accents off, normalization."""
    if form != "none":
        text = unicodedata.normalize(_form(form), text)
    if lowercase:
        text = "".join(character.lower() for character in text)
    if strip_accents:
        decomposed = unicodedata.normalize("NFD", text)
        text = "".join(c for c in decomposed if unicodedata.category(c) not in ("Mn", "Mc", "Me"))
    if form != "none" and (lowercase or strip_accents):
        text = unicodedata.normalize(_form(form), text)
    if form == "none" and strip_accents:
        text = unicodedata.normalize("NFC", text)
    return text


def _form(name: str) -> Literal["NFC", "NFKC"]:
    return cast(Literal["NFC", "NFKC"], name.upper())

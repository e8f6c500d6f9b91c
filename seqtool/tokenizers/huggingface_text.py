"""How normalizers, pre-tokenizers and decoders of a tokenizer.json are called there and here."""

from __future__ import annotations

import base64
import binascii
from typing import Any, NamedTuple

from seqtool.tokenizers.checked_json import Node
from seqtool.tokenizers.preparation import WordRules

_GPT4_TAIL = r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
# The first of each is what is written.
PATTERNS: dict[str, list[str]] = {
    "gpt2": [
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    ],
    "gpt4": [
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+"
        + _GPT4_TAIL
        + r"|\s+\z|\s*[\r\n]|\s+(?!\S)|\s",
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
        r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    ],
    "gpt4-lines": [
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
        + _GPT4_TAIL
        + r"|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*"
        r"|\s*[\r\n]|\s+(?!\S)|\s+",
    ],
    "whitespace": [r"\s*\S+|\s+"],
}
_NAME_OF = {pattern: name for name, patterns in PATTERNS.items() for pattern in patterns}

_NORMALIZERS = {
    "NFC": "nfc", "NFD": "nfd", "NFKC": "nfkc", "Lowercase": "lowercase",
    "StripAccents": "strip_accents",
}  # fmt: skip
_TYPE_OF = {name: kind for kind, name in _NORMALIZERS.items()}


class TextRules(NamedTuple):
    """What a normalizer does: ``steps`` of `seqtool.tokenizers.normalize`, then sentencepiece's.

    ``charsmap``: a map of characters; ``trim``: no spaces at the ends, one where there are
    several; ``prefix``: "▁" before every text that is not empty.
    """

    steps: tuple[str, ...] = ()
    charsmap: bytes = b""
    trim: bool = False
    prefix: bool = False


_ENDS = {"type": "Replace", "pattern": {"Regex": r"\A +|[ ▁]+\z"}, "content": ""}
_SPACES = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
_MARKS = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
_PREFIX = {"type": "Prepend", "prepend": "▁"}


def read_text_rules(node: Node) -> TextRules:
    """The normalizer. Fails for one that is not supported."""
    parts = _flat(node)
    steps: list[str] = []
    while parts and _type(parts[0]) in _NORMALIZERS:
        steps.append(_NORMALIZERS[_type(parts.pop(0))])
    rules = TextRules(tuple(steps))
    if parts and _type(parts[0]) == "Precompiled":
        rules = rules._replace(charsmap=_base64(parts.pop(0)["precompiled_charsmap"]))
    if [part.value for part in parts[:2]] == [_ENDS, _SPACES]:
        rules = rules._replace(trim=True)
        parts = parts[2:]
    if parts and parts[0].value == _PREFIX:
        rules = rules._replace(prefix=True)
        parts = parts[1:]
    if parts and parts[0].value == _MARKS:
        parts = parts[1:]
    if parts:
        parts[0].fail(f"the normalizer {_type(parts[0])} is not supported here")
    return rules


def _flat(node: Node) -> list[Node]:
    if node.missing:
        return []
    if _type(node) == "Sequence":
        return [part for item in node["normalizers"].items() for part in _flat(item)]
    return [node]


def _base64(node: Node) -> bytes:
    try:
        return base64.b64decode(node.of(str), validate=True)
    except (binascii.Error, ValueError):
        node.fail("damaged base64")


def text_rules_json(rules: TextRules) -> dict[str, Any] | None:
    """Normalizers as tokenizer.json has them."""
    parts: list[dict[str, Any]] = [{"type": _TYPE_OF[name]} for name in rules.steps]
    if rules.charsmap:
        blob = base64.b64encode(rules.charsmap).decode()
        parts.append({"type": "Precompiled", "precompiled_charsmap": blob})
    if rules.trim:
        parts += [_ENDS, _SPACES]
    if rules.prefix:
        parts += [_PREFIX, _MARKS]
    if len(parts) == 1:
        return parts[0]
    return {"type": "Sequence", "normalizers": parts} if parts else None


def read_word_rules(node: Node) -> WordRules:
    """The pre-tokenizer. Fails for one that is not supported."""
    if node.missing:
        return WordRules("none")
    steps = list(node["pretokenizers"].items()) if _type(node) == "Sequence" else [node]
    rules = WordRules("none")
    for place, step in enumerate(steps):
        last = place == len(steps) - 1
        if not last and _type(step) not in ("Split", "WhitespaceSplit"):
            step.fail(f"{_type(step)} before another pre-tokenizer is not supported")
        rules = _add_step(rules, step, place)
    return rules


def _type(node: Node) -> str:
    return node["type"].of(str)


def _add_step(rules: WordRules, step: Node, place: int) -> WordRules:
    kind = _type(step)
    if kind == "ByteLevel":
        step.refuse_others({"add_prefix_space": False})
        if step["use_regex"].flag(True):
            if place:
                step.fail("use_regex behind another pre-tokenizer is not supported")
            rules = rules._replace(kind="gpt2")
        return rules._replace(byte_level=True)
    if kind == "Split" and place == 0:
        return rules._replace(kind=_pattern(step))
    if kind == "WhitespaceSplit":
        if place == 0:
            rules = rules._replace(kind="whitespace")
        return rules._replace(trims=True)
    if kind == "Metaspace" and (place == 0 or (place == 1 and rules.trims)):
        step.refuse_others({"replacement": "▁"})
        scheme = step["prepend_scheme"]
        if scheme.missing:
            before = "always" if step["add_prefix_space"].flag(True) else "never"
        else:
            before = scheme.of(str)
            if before not in ("always", "first", "never"):
                scheme.fail(f"{before!r} is not supported")
        return rules._replace(metaspace=before, splits=step["split"].flag(True))
    step.fail(f"the pre-tokenizer {kind} is not supported here")


def _pattern(step: Node) -> str:
    if step["behavior"].of(str) != "Isolated" or step["invert"].flag():
        step["behavior"].fail("only Split with behavior Isolated and without invert is supported")
    regex = step["pattern"]["Regex"]
    if regex.value not in _NAME_OF:
        regex.fail("this pattern is not one of GPT-2's, GPT-4's and seqtool's: not supported")
    return _NAME_OF[regex.of(str)]


def word_rules_json(rules: WordRules) -> dict[str, Any] | None:
    """A pre-tokenizer as tokenizer.json has it."""
    steps: list[dict[str, Any]] = []
    whole = rules.byte_level and rules.kind == "gpt2"
    if rules.kind != "none" and not whole and not (rules.trims and rules.kind == "whitespace"):
        pattern = {"Regex": PATTERNS[rules.kind][0]}
        steps.append({"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False})
    if rules.trims:
        steps.append({"type": "WhitespaceSplit"})
    if rules.byte_level:
        steps.append(byte_level_json(use_regex=whole))
    if rules.metaspace is not None:
        steps.append(metaspace_json(rules))
    if len(steps) == 1:
        return steps[0]
    return {"type": "Sequence", "pretokenizers": steps} if steps else None


def byte_level_json(use_regex: bool) -> dict[str, Any]:
    """The step that makes bytes visible characters; it is pre-tokenizer and decoder."""
    return {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": use_regex,
    }


def metaspace_json(rules: WordRules) -> dict[str, Any]:
    """The step that makes spaces "▁"; it is pre-tokenizer and decoder."""
    return {
        "type": "Metaspace",
        "replacement": "▁",
        "prepend_scheme": rules.metaspace,
        "split": rules.splits,
    }

"""Hypothesis strategies of text: lines that are awkward, corpora whose two sides match in part."""

from hypothesis import strategies as st

# Every character that str.isspace knows, but the one that ends a line.
WHITE_SPACE = "".join(c for c in map(chr, range(0x3001)) if c.isspace() and c != "\n")

WORDS = ("the", "a", "cat", "sat", "on", "mat", "it's", "Don't", "Straße", "ΣΟΦΟΣ", "İstanbul")
NUMBERS = ("1,000.5", "3.14", "-5", "1990-95", "5.", ".5", ",7", "10,", "٣٫٥", "Ⅷ", "½", "2-")
MARKUP = ("&quot;", "&amp;", "&lt;", "&gt;", "&amp;lt;", "&amp;quot;", "&apos;", "<skipped>")
PUNCTUATION = ("...", "?!", "(hi)", "'s", "--", "“", "”", "…", "«", "¿", "$5", "€", "+", "^", "_")
CJK = (
    "你好",
    "。",
    "日本語テスト",
    "한국어",
    "，",
    "「",
    "」",
    "㐀",
    "𠀀",
    "ｱｲ",
    "㈱",
    "㍿",
    "・",
    "！",
)
COMBINING = ("e\u0301", "\u0301", "n\u0303", "क्ष", "ｶﾞ", "👩\u200d👧", "\u200b", "\ufeff", "\u2028")

_ANY_CHARACTER = st.characters(exclude_categories=["Cs"], exclude_characters="\n")
_ANY_WORD = st.text(_ANY_CHARACTER.filter(lambda c: not c.isspace()), min_size=1, max_size=4)
_SEPARATOR = st.one_of(st.just(" "), st.just(" "), st.just(""), st.text(WHITE_SPACE, max_size=2))


def words() -> st.SearchStrategy[str]:
    """One piece of a line: a word, a number, a mark, or any characters but white space."""
    return st.one_of(
        st.sampled_from(WORDS),
        st.sampled_from(WORDS),
        st.sampled_from(NUMBERS + MARKUP + PUNCTUATION),
        st.sampled_from(CJK + COMBINING),
        _ANY_WORD,
    )


@st.composite
def _join(draw: st.DrawFn, pieces: list[str]) -> str:
    """The pieces with something, mostly a space, between them and around them."""
    if not pieces:
        return draw(st.sampled_from(["", "", " ", "\t\u3000"]))
    return draw(_SEPARATOR) + "".join(piece + draw(_SEPARATOR) for piece in pieces)


@st.composite
def lines(draw: st.DrawFn, max_words: int = 12) -> str:
    """A line without its end: any Unicode but surrogates and a newline; it may be empty."""
    return draw(_join(draw(st.lists(words(), max_size=max_words))))


@st.composite
def noisy(
    draw: st.DrawFn,
    pieces: list[str],
    max_changes: int = 4,
    replacements: st.SearchStrategy[str] | None = None,
) -> list[str]:
    """The pieces with some deleted, repeated, moved (in runs) or replaced."""
    pieces = list(pieces)
    if replacements is None:
        replacements = words()
    for change in draw(
        st.lists(st.sampled_from(["delete", "repeat", "move", "replace"]), max_size=max_changes)
    ):
        if not pieces:
            break
        place = draw(st.integers(0, len(pieces) - 1))
        if change == "delete":
            del pieces[place]
        elif change == "repeat":
            pieces.insert(draw(st.integers(0, len(pieces))), pieces[place])
        elif change == "move":
            stop = draw(st.integers(place, len(pieces)))
            run = pieces[place:stop]
            del pieces[place:stop]
            target = draw(st.integers(0, len(pieces)))
            pieces[target:target] = run
        else:
            pieces[place] = draw(replacements)
    return pieces


@st.composite
def segments(draw: st.DrawFn, references: int = 1, max_words: int = 12) -> tuple[str, list[str]]:
    """(hypothesis, its references): all made from the same words, each with its own changes."""
    base = draw(st.lists(words(), max_size=max_words))
    versions = [draw(_join(draw(noisy(base)))) for _ in range(references + 1)]
    return versions[0], versions[1:]


@st.composite
def corpora(
    draw: st.DrawFn, references: int = 1, min_lines: int = 1, max_lines: int = 5
) -> tuple[list[str], list[list[str]]]:
    """(hypotheses, [lines of reference 1, lines of reference 2, ...]), all of equal length."""
    pairs = draw(st.lists(segments(references), min_size=min_lines, max_size=max_lines))
    streams = [[refs[i] for _, refs in pairs] for i in range(references)]
    return [hypothesis for hypothesis, _ in pairs], streams


@st.composite
def token_pairs(
    draw: st.DrawFn, max_length: int = 30, kinds: int = 4
) -> tuple[list[str], list[str]]:
    """(hypothesis, reference) of a few kinds of token, so that many runs of them match."""
    token = st.sampled_from("abcdefghij"[:kinds])
    tokens = st.lists(token, max_size=max_length)
    reference = draw(tokens)
    return draw(st.one_of(tokens, noisy(reference, 6, token))), reference

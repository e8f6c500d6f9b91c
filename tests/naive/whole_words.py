"""Word and character models the slow way."""

from collections.abc import Sequence

SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)


def word_ids(words: Sequence[str], vocabulary: Sequence[str], unknown: int) -> list[int]:
    """The ids of words without the white space around them; none for white space alone."""
    found = [word.strip(SPACES) for word in words]
    known = {word: number for number, word in enumerate(vocabulary)}
    return [known.get(word, unknown) for word in found if word]


def character_ids(
    text: str, vocabulary: Sequence[str], bytes_ids: dict[int, int], unknown: int
) -> list[int]:
    """The ids of characters, or those of their bytes where they all have one."""
    known = {character: number for number, character in enumerate(vocabulary)}
    ids: list[int] = []
    for character in text:
        spelled = list(character.encode())
        if character in known:
            ids.append(known[character])
        elif all(byte in bytes_ids for byte in spelled):
            ids += [bytes_ids[byte] for byte in spelled]
        else:
            ids.append(unknown)
    return ids

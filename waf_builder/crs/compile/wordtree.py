"""The tree that libmodsecurity makes of a list of words, and what of it no text reaches.

It takes 200 bytes for each letter that a word does not share with others, and more for long words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from waf_builder.crs.compile.words import is_word, letters

_NOTICE = "# Compiled by waf-builder: words end where the engine stops looking.\n"
"""The Apache licence asks for a notice in changed files."""


@lru_cache(maxsize=64)  # of the lists of a rule set
def shortened(text: str) -> str:
    """Return the text of a list without what the engine never looks at."""
    lines = text.split("\n")
    words = iter(_reached([line for line in lines if is_word(line)]))
    kept = [next(words) if is_word(line) else line for line in lines]
    left = "\n".join(line for line in kept if line is not None)
    return text if left == text else _NOTICE + left


class _Node:
    """A letter behind others. ends: whether a word does; stops: whether the engine does."""

    __slots__ = ("after", "ends", "fail", "stops")

    def __init__(self) -> None:
        self.after: dict[str, _Node] = {}
        self.ends = False
        self.stops = False
        self.fail = self


def _reached(words: Sequence[str]) -> Iterator[str | None]:
    """Return each word up to where the engine stops; None for one that is there already."""
    root = _tree(words)
    seen = set()
    for word in words:
        at = root
        read = 0
        for letter in letters(word):
            at = at.after[letter]
            read += 1
            if at.stops:
                break
        yield None if at in seen else word.encode()[:read].decode()
        seen.add(at)


def _tree(words: Sequence[str]) -> _Node:
    """Return the root, with each node's way on where no word goes on with the next letter.

    That is the engine's own and not quite Aho and Corasick's: where the way on of the node before
    does not lead there, it is the root.
    """
    root = _Node()
    for word in words:
        at = root
        for letter in letters(word):
            at = at.after.setdefault(letter, _Node())
        at.ends = True
    level = [(root, letter, node) for letter, node in root.after.items()]
    while level:
        for before, letter, node in level:
            node.fail = root if before is root else before.fail.after.get(letter, root)
            node.stops = node.ends or node.fail.stops
        level = [
            (node, letter, after) for _, _, node in level for letter, after in node.after.items()
        ]
    return root

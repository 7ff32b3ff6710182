"""The tree that libmodsecurity makes of a list of words, and what of it no text reaches.

It takes 200 bytes for each letter that a word does not share with others, and more for long words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache

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


def _reached(words: Sequence[str]) -> Iterator[str | None]:
    """Return each word up to where the engine stops; None for one that is there already."""
    texts = [letters(word) for word in words]
    ends = _shortest(texts)
    tree = _Tree(ends.values())
    stops = {text: tree.stop_of(text) for text in set(ends.values())}
    seen = set()
    for word, text in zip(words, texts, strict=True):
        node = stops[ends[text]]
        yield None if node in seen else word.encode()[: len(node)].decode()
        seen.add(node)


def _shortest(texts: Iterable[str]) -> dict[str, str]:
    """Return the shortest of the texts that each begins with."""
    found = {}
    last = ""
    for text in sorted(set(texts)):
        if not last or not text.startswith(last):
            last = text
        found[text] = last
    return found


class _Tree:
    """The tree of words, none of which another one begins with.

    A node is the letters that lead to it.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)
        self._nodes = {word[:end] for word in self._words for end in range(1, len(word) + 1)}
        self._stops = cache(self._is_stop)

    def stop_of(self, word: str) -> str:
        """Return the node at which the engine stops on its way to a word."""
        return word[: self._stop_before(word) or len(word)]

    def _is_stop(self, node: str) -> bool:
        return node in self._words or self._stop_before(node) > 0

    def _stop_before(self, node: str) -> int:
        """Return how many letters are read until another word ends; 0 where none does.

        From each node the engine goes on to another one where no word goes on with the next letter.
        That one is not quite Aho and Corasick's: where the one of the node before does not lead
        there, it is the root.
        """
        way_on = ""
        for read, letter in enumerate(node, 1):
            way_on += letter
            if read == 1 or way_on not in self._nodes:
                way_on = ""
            elif self._stops(way_on):
                return read
        return 0

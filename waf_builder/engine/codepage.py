"""The part of ModSecurity's unicode.mapping that our rules use: code page 1252, made anew.

`t:urlDecodeUni` turns a character that is not of the code page into one byte: the one that the
file names, else the character's low byte. Servers on Windows replace characters by their best fit
(https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/WindowsBestFit/bestfit1252.txt), so that
U+FF1C, a wide `<`, becomes `<` behind the WAF and has to become one before the rules too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

CODE_PAGE = 1252
_CODEC = "cp1252"

_COMPATIBLE = (
    (0x0100, 0x01F0),  # Latin letters with a mark: the mark goes
    (0x2000, 0x2006),  # wide and narrow spaces
    (0x2070, 0x2089),  # raised and lowered digits
    (0x2100, 0x2134),  # letters as symbols
    (0x3000, 0x3000),  # the ideographic space
    (0xFF01, 0xFF5E),  # wide ASCII
)
"""Where Unicode's own decomposition says what a character is a form of."""

_LIKENESS: Mapping[str, str] = MappingProxyType(
    {
        # What could end a value, start a tag, or lead out of a folder.
        "'": "02b9 02bc 02c8 2032",
        '"': "02ba 030e",
        "`": "02cb 0300 2035",
        "<": "2329 3008",
        ">": "232a 3009",
        "/": "2044 2215",
        "\\": "2216",
        ";": "037e",
        ":": "0589 2236",
        "|": "01c0 2223 2758",
        "%": "066a",
        "=": "2017 2261 2264 2265",
        "(": "2320",
        ")": "2321",
        "[": "301a",
        "]": "301b",
        "!": "01c3",
        "*": "2217",
        "^": "02c4 0302 2303",
        "~": "0303 223c",
        "_": "02cd 0331 0332 2584",
        # Dashes, and boxes drawn of dashes and corners.
        "-": "2010 2011 2212 2500 252c 2534 2550 2564 2565 2566 2567 2568 2569",
        "+": "250c 2510 2514 2518 251c 253c 2552 2553 2554 2555 2556 2557 2558 2559 255a 255b 255c"
        " 255d 256a 256b 256c",
        # Letters that Unicode does not decompose: with a stroke or a hook, without a dot, of
        # other alphabets, and symbols that look like one.
        "a": "03b1",
        "b": "0180",
        "d": "0111 03b4",
        "E": "2107",
        "e": "03b5 212e",
        "F": "03a6",
        "f": "03c6",
        "G": "01e4 0393",
        "g": "01e5 0261",
        "H": "0126",
        "h": "0127 04bb",
        "I": "0197",
        "i": "0131",
        "L": "0141",
        "l": "0142 019a",
        "n": "2229",
        "O": "019f 03a9",
        "P": "20a7 2118",
        "p": "03c0",
        "S": "03a3",
        "s": "03c3",
        "T": "0166 01ae 0398",
        "t": "0167 01ab 03c4",
        "v": "221a",
        "z": "01b6",
        "8": "221e",
    }
)
"""Best fits by look, which no rule gives."""


def unicode_mapping() -> str:
    """Return a file for SecUnicodeMapFile that holds code page 1252, in ModSecurity's format.

    It has what the file that comes with ModSecurity has for this code page, and the few
    characters between those that have the same kind of best fit (a raised 0 besides the raised 4).
    """
    pairs = " ".join(f"{code:04x}:{byte:02x}" for code, byte in sorted(best_fit().items()))
    return f"{CODE_PAGE}  (ANSI - Latin I)\n{pairs}\n"


def best_fit() -> dict[int, int]:
    """Return the ASCII byte for each character that is not of the code page but has one."""
    found = {}
    for first, last in _COMPATIBLE:
        for code in range(first, last + 1):
            byte = _base(chr(code))
            if byte is not None and not _in_code_page(chr(code)):
                found[code] = byte
    for character, codes in _LIKENESS.items():
        found.update(dict.fromkeys((int(code, 16) for code in codes.split()), ord(character)))
    return found


def _base(character: str) -> int | None:
    """Return the one ASCII character that is left when Unicode takes it apart."""
    parts = unicodedata.normalize("NFKD", character)
    bare = [part for part in parts if not unicodedata.combining(part)]
    return ord(bare[0]) if len(bare) == 1 and bare[0].isascii() else None


def _in_code_page(character: str) -> bool:
    try:
        character.encode(_CODEC)
    except UnicodeEncodeError:
        return False
    return True

"""Which characters the bytes of a text stand for, when they are not UTF-8.

Nothing in such a file says so. `chardet` knows how often letters follow each other in languages; a
table holds few words, so what it proposes and the code pages of the usual programs are compared by
how much the words look like words.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

import chardet

NAMES = {
    "cp1252": "Windows-1252 (Western European)",
    "cp1250": "Windows-1250 (Central European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1254": "Windows-1254 (Turkish)",
    "koi8-r": "KOI8-R (Cyrillic)",
    "mac-roman": "Mac Roman",
    "cp437": "the code page 437 of DOS",
    "gb18030": "GB18030 (Chinese)",
    "cp932": "Shift-JIS (Japanese)",
    "big5": "Big5 (Chinese)",
    "cp949": "Windows-949 (Korean)",
}
"""In order of preference where two read a text equally well."""
_WORD = re.compile(r"[^\s,;|\"'()\[\]/0-9_.:=+-]+")


def guess_encoding(lines: bytes) -> str | None:
    """Name of the codec that reads `lines`, those of a file that are not ASCII; None for none."""
    proposed = chardet.detect(lines)["encoding"]
    candidates = list(NAMES)
    if proposed is not None:
        name = codecs.lookup(proposed).name
        candidates = [name, *(each for each in candidates if each != name)]
    best, least = None, float("inf")
    for each in candidates:
        try:
            text = lines.decode(each)
        except (UnicodeDecodeError, LookupError):
            continue
        oddness = _oddness(text)
        if oddness < least:
            best, least = each, oddness
    return best


def described(encoding: str) -> str:
    """What people call a codec."""
    return NAMES.get(encoding, encoding.upper())


def _oddness(text: str) -> float:
    """How little the words of a text look like words, per word with other than ASCII letters."""
    words = {word for word in _WORD.findall(text) if not word.isascii()}
    if not words:
        return 0.0
    return sum(map(_oddness_of_word, words)) / len(words)


def _oddness_of_word(word: str) -> float:
    odd = 0.0
    scripts = set()
    for before, here in zip(" " + word, word, strict=False):
        kind = unicodedata.category(here)
        if kind in ("Cc", "Cn", "Co", "Cs"):
            odd += 3.0
        elif kind[0] == "L":
            scripts.add(unicodedata.name(here, "?").split()[0])
            if kind == "Lu" and unicodedata.category(before) == "Ll":
                odd += 1.0
        elif before.isalpha() and _breaks_a_word(here, word):
            odd += 1.0
        elif kind[0] in "SNP" and not here.isascii() and here not in _USUAL_SIGNS:
            odd += 0.5
    if len(scripts - {"FULLWIDTH", "MICRO"}) > 1 and not scripts <= _JAPANESE:
        odd += 2.0
    return odd


def _breaks_a_word(sign: str, word: str) -> bool:
    """Whether a sign behind a letter belongs to no word; squares and degrees end some."""
    if sign in "²³°":
        return word[-1] != sign
    return not sign.isascii() and unicodedata.category(sign)[0] in "SPNM" and sign != "’"


_USUAL_SIGNS = "°µ€£%‰²³–—«»“”„’…±·×"
_JAPANESE = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}

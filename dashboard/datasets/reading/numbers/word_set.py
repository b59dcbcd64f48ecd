"""Lists of words as people read them: written in lines, kept as a set."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of a text, divided by blanks; "_" within a word stands for a blank."""
    return frozenset(word.replace("_", " ") for word in text.split())

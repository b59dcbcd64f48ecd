"""From a column of text, as it stands in the file, to float64, or the reason why not."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# What stands for "no value" in exports of spreadsheets, R, SQL, SAS and instruments.
MISSING_MARKS = (
    "", "-", "--", ".", "?", "NA", "N/A", "n/a", "na", "<NA>", "#N/A", "#N/A N/A", "#NA", "NaN",
    "nan", "-NaN", "-nan", "NAN", "null", "NULL", "Null", "None", "none", "NONE", "nil",
    "#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NULL!", "#NAME?", "missing",
)  # fmt: skip
_MISSING = pa.array(MISSING_MARKS, pa.string())

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.IGNORECASE)
_GROUPED = r"^[+-]?\d{1,3}([,.' \x{a0}\x{202f}]\d{3})+([.,]\d+)?$"
_DATE = (
    r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([T ]\d{1,2}:\d{2}.*)?$"
    r"|^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$"
)
_BOOLEAN = r"(?i)^(true|false|yes|no|t|f|y|n)$"
_SIGNED = r"^([$€£¥<>~≈]\s*[+-]?[\d.,]+|[+-]?[\d.,]+\s*[%‰°$€£¥*])$"
# Whole numbers of 16 digits and more may lie beyond 2**53, where float64 skips some of them.
_LONG_INTEGER = r"^[+-]?\d{16,}$"


class NotNumeric(Exception):
    """A column holds something other than numbers; the message says what, as a sentence."""


def is_number(cell: str, decimal: str) -> bool:
    """Whether a cell reads as a finite or infinite number with this decimal mark."""
    text = cell.strip()
    if decimal == ",":
        if "." in text:
            return False
        text = text.replace(",", ".")
    return _NUMBER.fullmatch(text) is not None


def is_missing(cell: str) -> bool:
    """Whether a cell stands for "no value"."""
    return cell.strip() in MISSING_MARKS


def parse_text(text: pa.Array, decimal: str) -> tuple[np.ndarray, bool]:
    """Float64 of a text array, NaN where missing, and whether long whole numbers were rounded.

    Raises NotNumeric. ``decimal`` is "." or ","; separators of thousands are never guessed away.
    """
    values = _marked(text)
    if decimal == ",":
        if pc.any(pc.match_substring(values, ".")).as_py():
            raise NotNumeric(describe_text(text, decimal))
        values = pc.replace_substring(values, ",", ".")
    try:
        numbers = pc.cast(values, pa.float64())
    except pa.ArrowInvalid:
        raise NotNumeric(describe_text(text, decimal)) from None
    array = numbers.to_numpy(zero_copy_only=False)
    rounded = bool(np.nanmax(np.abs(array), initial=0.0) >= 2.0**53) and bool(
        pc.any(pc.match_substring_regex(values, _LONG_INTEGER)).as_py()
    )
    return array, rounded


def _marked(text: pa.Array) -> pa.Array:
    """The text without surrounding blanks, null where it stands for no value."""
    trimmed = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.is_in(trimmed, _MISSING), pa.scalar(None, trimmed.type), trimmed)


def describe_text(text: pa.Array, decimal: str) -> str:
    """One short sentence on what a column that is not numeric holds, with an example."""
    values = pc.drop_null(_marked(text))
    if len(values) == 0:
        return "Holds no values"
    if _all(values, _BOOLEAN):
        return "Holds yes/no values"
    if _all(values, _DATE):
        return "Holds dates or times"
    plain = pc.replace_substring(values, ",", ".") if decimal == "," else values
    numeric = pc.match_substring_regex(plain, f"^(?i)({_NUMBER.pattern})$")
    odd = values.filter(pc.invert(numeric))
    if len(odd) == 0:  # in a table with decimal commas, some of these have points
        odd = values.filter(pc.match_substring(values, "."))
        if len(odd) == 0 or not _all(odd, _GROUPED):
            return "Mixes decimal commas and points"
    example = odd[0].as_py()
    shown = example if len(example) <= 24 else example[:23] + "…"
    if _all(odd, _GROUPED):
        return f'Has separators of thousands ("{shown}"): save the numbers without them'
    if decimal == "." and _all(odd, r"^[+-]?\d*,\d+$"):
        return f'Mixes decimal commas ("{shown}") and points'
    if _all(odd, _SIGNED):
        return f'Has signs or units in its cells ("{shown}"): save plain numbers'
    share = len(odd) / len(values)
    if share < 0.5:
        return f'Holds text among its numbers ("{shown}"): leave such cells empty'
    return "Holds text"


def _all(values: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())

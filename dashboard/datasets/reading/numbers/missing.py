"""What stands for "no value" in exports of spreadsheets, databases, statistics and instruments."""

from __future__ import annotations

import re

from dashboard.datasets.reading.numbers.word_set import word_set

_WORDS = word_set(
    """
    na n/a n.a. n.a n/d nd n.d. n.d nv n.v. k.a. s/d s.d. none null nil nan -nan nat <na> (na)
    (null) #n/a #n/a_n/a #na #n/d #nv #n/v #null! #div/0! #div/0_! #div/0 #value! #wert! #valeur!
    #ref! #bezug! #num! #zahl! #nombre! #name? #n/dispo #spill! #calc! %na missing miss fehlt
    manquant bdl <dl <lod <loq bql lod loq nondetect non-detect not_detected trace tr err error
    fail failed bad invalid inv void off over under ovf ovrflw overflow overrange out oor unknown
    unk undefined undef blank empty nodata no_data no-data nr n.r. not_measured keine_angabe
    """
)
"""In lower case, "_" for a blank. Longer sentences are text."""
_MARKS = re.compile(
    r"[-\u2010-\u2015\u2212_.?*~\u2026\u00b7/\\]{0,}"  # dashes, dots, stars, question marks alone
    r"|\\N|\.[A-Za-z_]"  # SQL's NULL; the missing values of SAS and Stata
    r"|[-+]?1\.?#?(?:IND|QNAN|SNAN|INF|NAN)\d*"  # of C programs on Windows
    r"|[#*]{1,}",  # a column that was too narrow
    re.IGNORECASE,
)
_BEYOND = re.compile(r"[<>\u2264\u2265\u2A7D\u2A7E]\s*=?\s*[-+]?\d[\d.,]*\s*\S{0,8}")


def is_missing(cell: str) -> bool:
    """Whether a cell stands for "no value", whatever the column holds."""
    text = cell.strip()
    if not text:
        return True
    return text.lower() in _WORDS or _MARKS.fullmatch(text) is not None


def is_beyond_limit(cell: str) -> bool:
    """Whether a cell says only that a value lies below or above a limit, such as "<0.01"."""
    return _BEYOND.fullmatch(cell.strip()) is not None

"""Files that are no table at all, told by their beginning, each with what to do instead."""

from __future__ import annotations

import re

from dashboard.datasets.model.errors import DatasetError

_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_WEB_PAGE = re.compile(
    r"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_LFS = re.compile(r"version https://git-lfs\.github\.com/spec/\S+.*?\bsize (\d+)", re.DOTALL)
_ANNEX = re.compile(r"\.*[\w./-]*/?annex/objects/\S+\s*")
_FORMATS = (
    (b"%PDF", "a PDF document", "export the table from the program that made it"),
    (b"\x89PNG", "a picture (PNG)", "save the table itself, not a picture of it"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "save the table itself, not a picture of it"),
    (b"SQLite format 3", "an SQLite database", "export the table that you need"),
    (b"\x93NUMPY", "a NumPy array", "save it with numpy.savetxt or as Parquet"),
    (b"\x89HDF", "an HDF5 file", "export the table that you need"),
    (b"Rar!", "a RAR archive", "unpack it and choose the table inside"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it and choose the table inside"),
    (b"BZh", "a bzip2 archive", "unpack it and choose the table inside"),
    (b"\xfd7zXZ", "an xz archive", "unpack it and choose the table inside"),
    (b"RDX", "an R workspace", "save the table in R with write.csv"),
    (b"ARROW1", "an Arrow (Feather) file", "save it as Parquet"),
    (b"$FL2", "an SPSS file", "save it as CSV there"),
    (b"<stata_dta>", "a Stata file", "save it as CSV there (export delimited)"),
    (b"II*\x00", "a TIFF picture", "export its pixels as a table"),
    (b"MM\x00*", "a TIFF picture", "export its pixels as a table"),
)


def refuse_known_binary(start: bytes) -> None:
    """Raises DatasetError `binary` that names the format, when the first bytes tell it."""
    for magic, name, advice in _FORMATS:
        if start.startswith(magic):
            raise DatasetError(
                "binary",
                f"The file is {name}, not a text table. Expected CSV, TSV or Parquet: {advice}.",
            )


def refuse_other_text(beginning: str) -> None:
    """Raises DatasetError for a web page, a pointer to a file kept elsewhere, JSON or XML."""
    if _WEB_PAGE.match(beginning):
        title = _TITLE.search(beginning)
        named = f' ("{" ".join(title[1].split())[:80]}")' if title and title[1].strip() else ""
        raise DatasetError(
            "web_page",
            f"The file is a web page{named}, not a table: the download failed or asked for a "
            "login. Download the table itself and upload that.",
        )
    pointer = _LFS.match(beginning)
    if pointer:
        raise DatasetError(
            "pointer_file",
            f"The file only stands for a table of {int(pointer[1]):,} bytes that is kept "
            'elsewhere (Git LFS). Get it with "git lfs pull", or download it from the '
            "repository's page, and upload that.",
        )
    if _ANNEX.fullmatch(beginning[:2_000]):
        raise DatasetError(
            "pointer_file",
            "The file only stands for a table that is kept elsewhere (git-annex). "
            'Get it with "git annex get" and upload that.',
        )
    start = beginning.lstrip()[:200]
    if re.match(r"[{\[]\s*[{\[\"]", start):
        raise DatasetError(
            "json",
            "The file is JSON, not a table of lines. Save it as CSV (pandas: "
            "read_json(...).to_csv(...)) or Parquet.",
        )
    if start.startswith(("<?xml", "{\\rtf")):
        kind = "XML" if start.startswith("<?xml") else "a text document (RTF)"
        raise DatasetError(
            "other_text", f"The file is {kind}, not a table of lines. Save the table as CSV."
        )

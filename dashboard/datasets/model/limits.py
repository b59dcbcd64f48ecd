"""What a dataset may measure, and why."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one uploaded table; the defaults keep one upload below about 1 GB of memory.

    max_file_mb: size on disk, as uploaded.
    max_unpacked_mb: size of a gzipped table after unpacking; stops a "zip bomb", whose few
        kilobytes unpack to many gigabytes, while it is being read.
    max_columns: a clustering of more columns than this says nothing, and a page cannot offer them.
    max_rows, max_values: rows, and rows times columns; 128 million values are 1 GB as float64.
    max_line_mb: one line of a text table; longer ones mean that it is not a table of lines.
    """

    max_file_mb: int = 256
    max_unpacked_mb: int = 512
    max_columns: int = 500
    max_rows: int = 20_000_000
    max_values: int = 128_000_000
    max_line_mb: int = 1


DEFAULT_LIMITS = Limits()

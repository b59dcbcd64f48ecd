"""What is written beside a table in S3, so that whoever reads a few columns can verify just those.

The table's own id is the hash of everything, which nobody can check who reads two of its thirty
columns. The manifest has a sha256 for each. It is written after the table and so also says that
the table is complete.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import numpy as np

FORMAT = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
_READ_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class ColumnManifest:
    """A column-major float64 .npy: `header_bytes`, then one column of `n_rows` after the other.

    `sha256` has the hash of each column's bytes, 64 hexadecimal digits.
    """

    header_bytes: int
    n_rows: int
    sha256: tuple[str, ...]

    @property
    def column_bytes(self) -> int:
        return 8 * self.n_rows

    @property
    def n_bytes(self) -> int:
        """Size of the whole file."""
        return self.header_bytes + self.column_bytes * len(self.sha256)

    def to_json(self) -> bytes:
        record = {
            "format": FORMAT,
            "header_bytes": self.header_bytes,
            "n_rows": self.n_rows,
            "sha256": list(self.sha256),
        }
        return json.dumps(record).encode("ascii")

    @classmethod
    def from_json(cls, text: bytes) -> ColumnManifest:
        """Raises ValueError when `text` is not a manifest of this format."""
        record = json.loads(text)
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise ValueError(f"no column manifest of format {FORMAT}")
        header_bytes, n_rows = record.get("header_bytes"), record.get("n_rows")
        hashes = record.get("sha256")
        if not (_is_size(header_bytes) and _is_size(n_rows)):
            raise ValueError("sizes that are not positive whole numbers")
        if not isinstance(hashes, list) or not all(map(_is_hash, hashes)):
            raise ValueError("hashes that are not 64 hexadecimal digits")
        return cls(header_bytes, n_rows, tuple(hashes))

    @classmethod
    def of(cls, path: Path) -> ColumnManifest:
        """The manifest of the table in `path`, which is read once.

        Raises OSError, and ValueError when it is not a whole column-major table of float64.
        """
        with path.open("rb") as file:
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError("not an .npy file of version 1.0")
            shape, column_major, dtype = np.lib.format.read_array_header_1_0(file)
            if len(shape) != 2 or dtype != np.dtype("<f8") or not (column_major or 1 in shape):
                raise ValueError(f"a {dtype} array of shape {shape} that is not column-major")
            header_bytes = file.tell()
            n_rows, n_columns = shape
            hashes = []
            for _ in range(n_columns):
                digest, left = hashlib.sha256(), 8 * n_rows
                while chunk := file.read(min(left, _READ_BYTES)):
                    digest.update(chunk)
                    left -= len(chunk)
                if left:
                    raise ValueError("the file ends before its last column")
                hashes.append(digest.hexdigest())
            if file.read(1):
                raise ValueError("the file goes on after its last column")
        return cls(header_bytes, n_rows, tuple(hashes))


def _is_size(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None

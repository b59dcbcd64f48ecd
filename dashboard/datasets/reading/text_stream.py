"""A text table on disk as a stream of UTF-8: unpacked, decoded, checked, never whole in memory."""

from __future__ import annotations

import codecs
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dashboard.datasets.model.errors import DatasetError
from dashboard.datasets.model.limits import MEGABYTE, Limits

_PIECE_BYTES = MEGABYTE
_GZIP_MAGIC = b"\x1f\x8b"
# Control characters that no text table holds; NUL stands for nearly every binary format.
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True)
class TextSource:
    """A checked text file: how to read it as UTF-8, from its first character on.

    ``encoding`` is a Python codec name; ``quoted`` tells whether a double quote occurs anywhere.
    """

    path: Path
    encoding: str
    gzipped: bool
    quoted: bool
    n_unpacked_bytes: int
    notes: tuple[str, ...]

    def pieces(self) -> Iterator[bytes]:
        """The whole text as UTF-8 without a byte order mark, in pieces of about 1 MB."""
        raw = _unpacked(self.path, self.gzipped, None)
        if self.encoding in ("utf-8", "utf-8-sig"):
            first = True
            for piece in raw:
                yield piece.removeprefix(codecs.BOM_UTF8) if first else piece
                first = False
            return
        decoder = codecs.getincrementaldecoder(self.encoding)()
        for piece in raw:
            yield decoder.decode(piece).encode()
        yield decoder.decode(b"", final=True).encode()

    def sample(self, n_bytes: int) -> tuple[str, bool]:
        """The first ``n_bytes`` of the text, or a little more, and whether that is all of it."""
        collected = bytearray()
        for piece in self.pieces():
            collected += piece
            if len(collected) >= n_bytes:
                return collected.decode("utf-8", errors="ignore"), False
        return collected.decode("utf-8", errors="ignore"), True


def open_text(path: Path, limits: Limits) -> TextSource:
    """Reads the file once to find its encoding and size unpacked.

    Raises DatasetError: empty, truncated_gzip, too_large_unpacked, binary, encoding.
    """
    with path.open("rb") as stream:
        start = stream.read(4)
    gzipped = start.startswith(_GZIP_MAGIC)
    pieces = _unpacked(path, gzipped, limits)
    first = next(pieces, b"")
    if not first:
        raise DatasetError("empty", "The file is empty: a table with a header line was expected.")
    encoding = _marked_encoding(first)
    if encoding.startswith("utf-16"):
        return _checked_utf16(path, gzipped, limits, encoding)
    utf8 = codecs.getincrementaldecoder("utf-8")()
    windows = codecs.getincrementaldecoder("cp1252")()
    is_utf8 = True
    quoted = False
    size = 0
    piece: bytes | None = first
    is_windows = True
    while piece is not None:
        size += len(piece)
        if _CONTROL.search(piece):
            raise _binary()
        quoted = quoted or b'"' in piece
        is_utf8 = is_utf8 and _decodes(utf8, piece)
        is_windows = is_windows and (piece.isascii() or _decodes(windows, piece))
        piece = next(pieces, None)
    is_utf8 = is_utf8 and _decodes(utf8, b"", final=True)
    if is_utf8:
        return TextSource(path, encoding, gzipped, quoted, size, ())
    if encoding == "utf-8-sig" or not is_windows:
        raise DatasetError(
            "encoding",
            "The text is neither UTF-8 nor Windows-1252, so its letters cannot be read. "
            "Save the file with the encoding UTF-8 and upload it again.",
        )
    note = "The text is not UTF-8; it was read as Windows-1252 (Western European)."
    return TextSource(path, "cp1252", gzipped, quoted, size, (note,))


def _checked_utf16(path: Path, gzipped: bool, limits: Limits, encoding: str) -> TextSource:
    decoder = codecs.getincrementaldecoder("utf-16")()
    quoted, size = False, 0
    try:
        for piece in _unpacked(path, gzipped, limits):
            size += len(piece)
            text = decoder.decode(piece)
            if "\x00" in text:
                raise _binary()
            quoted = quoted or '"' in text
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise DatasetError(
            "encoding",
            "The file starts like UTF-16 text but does not go on like it. "
            "Save it with the encoding UTF-8 and upload it again.",
        ) from None
    return TextSource(path, encoding, gzipped, quoted, size, ())


def _marked_encoding(start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else "utf-8"


def _decodes(decoder: codecs.IncrementalDecoder, piece: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True


def _binary() -> DatasetError:
    return DatasetError(
        "binary",
        "The file is not a text table: it holds binary data. Expected a CSV, TSV or Parquet file; "
        "export the table from its program as CSV (UTF-8) and upload that.",
    )


def _unpacked(path: Path, gzipped: bool, limits: Limits | None) -> Iterator[bytes]:
    """Raw bytes of the file, gunzipped when it is gzipped (several members too)."""
    size = 0
    with path.open("rb") as stream:
        source = _gunzipped(stream) if gzipped else iter(lambda: stream.read(_PIECE_BYTES), b"")
        for piece in source:
            size += len(piece)
            if limits is not None and size > limits.max_unpacked_mb * MEGABYTE:
                raise DatasetError(
                    "too_large_unpacked",
                    f"The file unpacks to more than {limits.max_unpacked_mb} MB, "
                    "which is the limit. Upload fewer rows or columns.",
                )
            yield piece


def _gunzipped(stream: io.BufferedReader) -> Iterator[bytes]:
    """zlib with a bound on each output piece: memory stays small whatever the file claims."""
    unpacker = zlib.decompressobj(wbits=31)
    pending = b""
    held_back = False  # a full piece may leave output waiting inside zlib, with no input left
    while True:
        if not pending and not held_back:
            pending = stream.read(_PIECE_BYTES)
            if not pending:
                break
        if unpacker.eof:
            if not pending.startswith(_GZIP_MAGIC):
                return  # padding after the last member, as tape and block devices leave it
            unpacker = zlib.decompressobj(wbits=31)
        try:
            piece = unpacker.decompress(pending, _PIECE_BYTES)
        except zlib.error:
            raise _damaged_gzip() from None
        held_back = len(piece) == _PIECE_BYTES and not unpacker.eof
        pending = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        if piece:
            yield piece
    if not unpacker.eof:
        raise _damaged_gzip()


def _damaged_gzip() -> DatasetError:
    return DatasetError(
        "truncated_gzip",
        "The gzip file is cut off or damaged: it cannot be unpacked to its end. "
        "Compress the table again, or upload it without compression.",
    )

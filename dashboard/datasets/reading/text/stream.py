"""A text table on disk as a stream of UTF-8: unpacked, decoded, checked, never whole in memory."""

from __future__ import annotations

import codecs
import io
import itertools
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dashboard.datasets.model.errors import DatasetError
from dashboard.datasets.model.limits import MEGABYTE, Limits
from dashboard.datasets.reading.text.encodings import described, guess_encoding
from dashboard.datasets.reading.text.other_files import refuse_known_binary

_PIECE_BYTES = MEGABYTE
_GZIP_MAGIC = b"\x1f\x8b"
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""Control characters that no text table holds; beside NUL, every binary format has some."""
_PADDING = b"\x00\x1a \t\r\n"
_SURVEYED_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class TextSource:
    """A checked text file: how to read it as UTF-8, from its first character on.

    `encoding` is a Python codec name; `quoted` tells whether a double quote occurs anywhere.
    """

    path: Path
    encoding: str
    gzipped: bool
    quoted: bool
    n_unpacked_bytes: int
    notes: tuple[str, ...]
    padded: bool = False
    """Whether NUL characters, or the end mark of DOS, have to be left out."""

    def pieces(self) -> Iterator[bytes]:
        """The whole text as UTF-8 without a byte order mark, in pieces of about 1 MB."""
        raw = _unpacked(self.path, self.gzipped, None)
        if self.padded:
            raw = (piece.translate(None, b"\x00\x1a") for piece in raw)
        if self.encoding in ("utf-8", "utf-8-sig"):
            first = True
            for piece in raw:
                yield piece.removeprefix(codecs.BOM_UTF8) if first else piece
                first = False
            return
        decoder = codecs.getincrementaldecoder(self.encoding)()
        for piece in raw:
            yield decoder.decode(piece).encode()  # the first without its mark
        yield decoder.decode(b"", final=True).encode()

    def sample(self, n_bytes: int) -> tuple[str, bool]:
        """The first `n_bytes` of the text, or a little more, and whether that is all of it."""
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
        start = stream.read(64)
    gzipped = start.startswith(_GZIP_MAGIC)
    first = next(_unpacked(path, gzipped, limits), b"")
    if not first:
        raise DatasetError("empty", "The file is empty: a table with a header line was expected.")
    refuse_known_binary(first[:64])
    encoding = _marked_encoding(first) or _unmarked_wide(first)
    if encoding.startswith(("utf-16", "utf-32")):
        return _checked_wide(path, gzipped, limits, encoding)
    survey = _Survey()
    for piece in _unpacked(path, gzipped, limits):
        survey.look_at(piece)
    survey.end()
    encoding = encoding or "utf-8"
    if not survey.is_utf8:
        if encoding == "utf-8-sig":
            raise _unreadable("starts like UTF-8 text but does not go on like it")
        guessed = guess_encoding(bytes(survey.foreign))
        if guessed is None or not _decodes_whole(path, gzipped, guessed):
            raise _unreadable("is neither UTF-8 nor in any of the usual code pages")
        encoding = guessed
        survey.notes.append(
            f"The text is not UTF-8; it was read as {described(encoding)}. Where letters look "
            "wrong, save the file as UTF-8."
        )
    return TextSource(
        path, encoding, gzipped, survey.quoted, survey.size, tuple(survey.notes), survey.padded
    )


class _Survey:
    """What one pass over the bytes of a text tells."""

    def __init__(self) -> None:
        self.is_utf8, self.quoted, self.padded = True, False, False
        self.size = self._n_nul = 0
        self.foreign = bytearray()
        self.notes: list[str] = []
        self._ended = False
        self._utf8 = codecs.getincrementaldecoder("utf-8")()

    def look_at(self, piece: bytes) -> None:
        """Raises DatasetError `binary`."""
        self.size += len(piece)
        if b"\x00" in piece:
            self._n_nul += piece.count(b"\x00")
            piece = piece.replace(b"\x00", b"")
        if self._ended and piece.strip(_PADDING):
            raise _binary()
        if b"\x1a" in piece:  # the end of a text on DOS
            self._ended = True
            piece = piece.rstrip(_PADDING)
        if _CONTROL.search(piece):
            raise _binary()
        self.quoted = self.quoted or b'"' in piece
        self.is_utf8 = self.is_utf8 and _decodes(self._utf8, piece)
        if not piece.isascii() and len(self.foreign) < _SURVEYED_BYTES:
            lines = (line for line in piece.splitlines(keepends=True) if not line.isascii())
            for line in itertools.islice(lines, 2_000):
                self.foreign += line

    def end(self) -> None:
        """Raises DatasetError `binary`."""
        self.is_utf8 = self.is_utf8 and _decodes(self._utf8, b"", final=True)
        self.padded = self._ended or self._n_nul > 0
        if self._n_nul > self.size / 2:
            raise _binary()
        if self._n_nul:
            self.notes.append(f"{self._n_nul:,} NUL characters (padding) were left out.")


def _decodes_whole(path: Path, gzipped: bool, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    pieces = _unpacked(path, gzipped, None)
    return all(_decodes(decoder, piece) for piece in pieces) and _decodes(decoder, b"", final=True)


def _unreadable(how: str) -> DatasetError:
    return DatasetError(
        "encoding",
        f"The text {how}, so its letters cannot be read. "
        "Save the file with the encoding UTF-8 and upload it again.",
    )


def _checked_wide(path: Path, gzipped: bool, limits: Limits, encoding: str) -> TextSource:
    decoder = codecs.getincrementaldecoder(encoding)()
    quoted, size = False, 0
    name = encoding.upper()[:6]
    try:
        for piece in _unpacked(path, gzipped, limits):
            size += len(piece)
            text = decoder.decode(piece)
            if "\x00" in text:
                raise _binary()
            quoted = quoted or '"' in text
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise _unreadable(f"starts like {name} but does not go on like it") from None
    notes = () if encoding in ("utf-16", "utf-32") else (f"The text was read as {name}.",)
    return TextSource(path, encoding, gzipped, quoted, size, notes)


def _unmarked_wide(start: bytes) -> str:
    """UTF-16 or UTF-32 without a mark, by where its NUL bytes stand; "" for neither."""
    sample = start[: min(len(start), 65_536) // 4 * 4]
    if len(sample) < 16 or sample.count(0) < len(sample) / 4:
        return ""
    shares = [sample[i::4].count(0) / (len(sample) / 4) for i in range(4)]
    if min(shares[1:]) > 0.9 > shares[0]:
        return "utf-32-le"
    if min(shares[:3]) > 0.9 > shares[3]:
        return "utf-32-be"
    even, odd = (shares[0] + shares[2]) / 2, (shares[1] + shares[3]) / 2
    if odd > 0.4 and even < 0.1 * odd:
        return "utf-16-le"
    if even > 0.4 and odd < 0.1 * even:
        return "utf-16-be"
    return ""


def _marked_encoding(start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # begins like UTF-16
        return "utf-32"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else ""


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

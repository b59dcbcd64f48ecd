"""Encodings, padding, and files that are no tables."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.datasets import DatasetError
from tests.dashboard.datasets.as_people_write.written import EC, PH, N, Reading, lines

LETTERS = {
    "cp1250": ("Działka", "Przewodność", "Łąka"),
    "cp1251": ("Участок", "Электропроводность", "Поле"),
    "cp1252": ("Straße", "Größe", "Köln"),
    "cp1253": ("Αγρός", "Αγωγιμότητα", "Βορράς"),
    "koi8-r": ("Участок", "Электропроводность", "Поле"),
    "cp437": ("Straße", "Größe", "Köln"),
    "mac-roman": ("Straße", "Größe", "Köln"),
    "gb18030": ("地块", "电导率", "田"),
    "cp932": ("地点", "電気伝導度", "圃場"),
}


@pytest.mark.parametrize("encoding", LETTERS)
def test_code_pages(encoding: str, read: Reading) -> None:
    place, name, value = LETTERS[encoding]
    text = f"{place},{name}\n" + lines([f"{value} {i}" for i in range(N)], EC)
    found = read(text.encode(encoding))
    assert found.names == [name]
    assert found.catalogue.rows(found.dataset.dataset_id)[place][0] == f"{value} 0"
    assert found.says("not UTF-8", "Where letters look wrong")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_wide_encodings(encoding: str, read: Reading) -> None:
    found = read(("Größe\tpH\n" + lines(EC, PH, delimiter="\t")).encode(encoding), "t.txt")
    assert found.names == ["Größe", "pH"]
    np.testing.assert_array_equal(found.column("Größe"), EC)


TABLE = ("EC,pH\n" + lines(EC, PH)).encode()


@pytest.mark.parametrize(
    ("content", "n_nul"),
    [
        (TABLE + b"\x00" * 512, 512),
        (TABLE.replace(b"\n", b"\n\x00\x00\x00\n", 1), 3),
        (TABLE.replace(b".", b".\x00", 1), 1),
        (TABLE + b"\x1a", 0),
        (TABLE + b"\x1a" + b"\x00" * 100, 100),
    ],
)
def test_padding(content: bytes, n_nul: int, read: Reading) -> None:
    found = read(content)
    assert found.dataset.n_rows == N
    np.testing.assert_array_equal(found.column("EC"), EC)
    assert found.says(f"{n_nul} NUL characters") == bool(n_nul)


def test_an_end_mark_in_the_middle_is_no_table(read: Reading) -> None:
    with pytest.raises(DatasetError, match="binary"):
        read(TABLE + b"\x1a" + TABLE)


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"<!DOCTYPE html>\n<title>502 Bad\nGateway</title>", "web_page", "502 Bad Gateway"),
        (b"\n <html><head></head></html>", "web_page", "asked for a login"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "pointer_file",
            "12,345 bytes",
        ),
        (b"/annex/objects/SHA256E-s12--abc.csv\n", "pointer_file", "git annex get"),
        (b'[{"EC": 1.5, "pH": 5}]', "json", "JSON"),
        (b'{"a": [1, 2]}', "json", "JSON"),
        (b'<?xml version="1.0"?><a/>', "other_text", "XML"),
        (b"%PDF-1.7 \xe2\xe3", "binary", "PDF"),
        (b"SQLite format 3\x00rest", "binary", "SQLite"),
        (b"\x89PNG\r\n\x1a\n", "binary", "picture"),
    ],
)
def test_files_that_are_no_tables_are_named(
    content: bytes, code: str, words: str, read: Reading
) -> None:
    with pytest.raises(DatasetError) as caught:
        read(content)
    assert (caught.value.code, words in caught.value.message) == (code, True)

"""Remembered fits."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
from flask import Flask

from dashboard.jobs.memo import Memo, file_cache, trim_files
from tests.dashboard.jobs.made_up import fit, result, task_id


def files_in(directory: Path) -> list[Path]:
    return [path for path in directory.iterdir() if path.is_file()]


def test_a_result_comes_back_in_another_process(tmp_path: Path) -> None:
    written = result(task_id(1), fit(bic=0.1 + 0.2, k=2))
    Memo(file_cache(tmp_path)).put(written)
    read = Memo(file_cache(tmp_path)).get(task_id(1))
    assert read is not None
    assert read.to_dict() == written.to_dict()
    np.testing.assert_array_equal(read.fits[0].counts, [5, 5])


def test_what_was_never_put_is_unknown(tmp_path: Path) -> None:
    assert Memo(file_cache(tmp_path)).get(task_id(1)) is None


def test_an_interrupted_fit_is_not_remembered(tmp_path: Path) -> None:
    memo = Memo(file_cache(tmp_path))
    memo.put(dataclasses.replace(result(task_id(1)), resume={"at": 3}))
    assert memo.get(task_id(1)) is None


def test_damaged_entries_are_ignored_and_replaced(tmp_path: Path) -> None:
    memo = Memo(file_cache(tmp_path))
    for damage in (b"", b"\0\0\0\0", b"\0\0\0\0rubbish", b"\0\0\0\0\x80\x05K\x01.", b"\xff" * 40):
        memo.put(result(task_id(1)))
        (entry,) = files_in(tmp_path)
        entry.write_bytes(damage)
        assert memo.get(task_id(1)) is None
    memo.put(result(task_id(1)))
    assert memo.get(task_id(1)) is not None


def test_the_result_of_another_task_is_not_taken(tmp_path: Path) -> None:
    memo = Memo(file_cache(tmp_path))
    memo.put(result(task_id(1)))
    (one,) = files_in(tmp_path)
    memo.put(result(task_id(2)))
    (two,) = set(files_in(tmp_path)) - {one}
    two.write_bytes(one.read_bytes())
    assert memo.get(task_id(2)) is None


def test_it_works_inside_a_request_of_another_application(tmp_path: Path) -> None:
    memo = Memo(file_cache(tmp_path))
    with Flask("page").test_request_context("/"):
        memo.put(result(task_id(1)))
        assert memo.get(task_id(1)) is not None


def test_nothing_is_evicted_at_the_default_threshold(tmp_path: Path) -> None:
    memo = Memo(file_cache(tmp_path))
    for number in range(510):
        memo.put(result(task_id(number)))
    assert len(files_in(tmp_path)) == 510  # and no counter file either
    assert memo.get(task_id(0)) is not None


def test_a_directory_that_cannot_be_written_only_forgets(tmp_path: Path) -> None:
    memo = Memo(file_cache(tmp_path / "cache"))
    (tmp_path / "cache").rmdir()
    (tmp_path / "cache").write_text("a file now")
    memo.put(result(task_id(1)))
    assert memo.get(task_id(1)) is None


def test_trimming_removes_the_oldest(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / f"entry{number}"
        path.write_bytes(b"x" * 1000)
        os.utime(path, (1000.0 + number, 1000.0 + number))
    assert trim_files(tmp_path, 0.01) == 0
    assert trim_files(tmp_path, 0.0025) == 3
    assert sorted(path.name for path in files_in(tmp_path)) == ["entry3", "entry4"]

"""What spreadsheet programs would execute is kept from it; everything else is left alone."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.exports.spreadsheet_text import EXECUTABLE_STARTS, guarded, guarded_frame, to_csv


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+A1", "-1+1", "@SUM(1)", "\t=1", "\r=1", " =1", "\n@x", "\ufeff=1", "-", "-3%2"],
)
def test_executable_text_gets_an_apostrophe(text):
    assert guarded(text) == "'" + text


@pytest.mark.parametrize(
    "text", ["", "a=1", "1-2", "EC1", "'=1", "x@y", "<b>", "-1.5", "+1,5", "-120.669675", "-1e-5"]
)
def test_other_text_is_left_alone(text):
    assert guarded(text) == text


@given(st.text(max_size=20))
def test_nothing_that_is_written_starts_like_a_formula(text):
    written = guarded(text)
    assert not written.startswith(EXECUTABLE_STARTS) or not any(c in "=@(" for c in written)


def test_numbers_stay_numbers_and_headers_are_guarded():
    frame = pd.DataFrame(
        {
            "@x": [-1.5, 2.0],
            "mixed": pd.Series([-3, "=A1"], dtype=object),
            "kind": pd.Categorical(["+a", "b"]),
            "ok": [True, False],
            "n": pd.array([-1, None], dtype="Int32"),
        }
    )
    safe = guarded_frame(frame)
    assert list(safe.columns) == ["'@x", "mixed", "kind", "ok", "n"]
    assert safe["'@x"].tolist() == [-1.5, 2.0]
    assert safe["mixed"].tolist() == [-3, "'=A1"]
    assert safe["kind"].tolist() == ["'+a", "b"]
    assert to_csv(frame).decode("utf-8-sig").splitlines() == [
        "'@x,mixed,kind,ok,n",
        "-1.5,-3,'+a,True,-1",
        "2.0,'=A1,b,False,",
    ]
    assert frame.columns[0] == "@x"


def test_the_byte_order_mark_is_there_only_where_it_is_needed():
    assert to_csv(pd.DataFrame({"a": ["x"]})) == b"a\nx\n"
    assert to_csv(pd.DataFrame({"Höhe": [1]})) == b"\xef\xbb\xbfH\xc3\xb6he\n1\n"


def test_columns_of_the_same_name_are_all_kept():
    frame = pd.DataFrame([[1, "=x"], [2, "y"]], columns=["a", "a"])
    assert to_csv(frame).decode("utf-8-sig") == "a,a\n1,'=x\n2,y\n"


def test_values_survive_the_round_trip_to_the_last_bit():
    values = np.random.default_rng(0).normal(size=50) * 10.0 ** np.arange(-25, 25)
    back = pd.read_csv(io.BytesIO(to_csv(pd.DataFrame({"x": values}))))
    assert np.array_equal(back["x"].to_numpy(), values)

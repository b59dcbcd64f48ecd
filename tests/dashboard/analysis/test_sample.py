"""Which rows are drawn, and how they travel."""

from __future__ import annotations

import base64

import numpy as np

from dashboard.analysis.sample import ShownRows, shown_positions


def test_every_row_is_drawn_up_to_the_limit():
    values = np.random.default_rng(0).normal(size=(500, 2))
    assert np.array_equal(shown_positions(values, limit=500), np.arange(500))


def test_a_sample_is_fixed_distinct_ascending_and_of_the_exact_size():
    values = np.random.default_rng(0).normal(size=(30_000, 3))
    first = shown_positions(values)
    assert first.size == 20_000
    assert (np.diff(first) > 0).all()
    assert np.array_equal(first, shown_positions(values.copy()))


def test_the_extremes_of_every_column_are_always_drawn():
    values = np.random.default_rng(1).normal(size=(10_000, 4))
    drawn = values[shown_positions(values, limit=200)]
    assert np.array_equal(drawn.min(axis=0), values.min(axis=0))
    assert np.array_equal(drawn.max(axis=0), values.max(axis=0))


def test_space_is_drawn_in_proportion():
    # A small far group of 2 % in file order at the end, among 40,000 rows.
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.normal(0, 1, (39_200, 2)), rng.normal(50, 1, (800, 2))])
    drawn = values[shown_positions(values, limit=1_000)]
    # A simple random sample of 1,000 has a standard deviation of 4.4 here.
    assert abs(int((drawn[:, 0] > 25).sum()) - 20) <= 2


def test_a_constant_column_and_many_columns_do_no_harm():
    values = np.ones((50, 400))
    values[:, 0] = np.arange(50)
    assert shown_positions(values, limit=20).size == 20
    wide = np.random.default_rng(3).normal(size=(300, 400))
    assert shown_positions(wide, limit=100).size == 100


def test_json_holds_rows_and_values_column_after_column():
    shown = ShownRows(
        ("a", "b"),
        ("mS/m", ""),
        9,
        np.array([2, 7], dtype=np.int32),
        np.array([[1.5, 3], [2.5, 4]]),
    )
    record = shown.to_json()
    rows = np.frombuffer(base64.b64decode(record.pop("rows")), dtype="<i4")
    values = np.frombuffer(base64.b64decode(record.pop("values")), dtype="<f4")
    assert rows.tolist() == [2, 7]
    assert values.tolist() == [1.5, 2.5, 3.0, 4.0]
    assert record == {"columns": ["a", "b"], "units": ["mS/m", ""], "n_rows": 9, "n_shown": 2}
    assert shown.axis_title("a") == "a (mS/m)"
    assert shown.axis_title("b") == "b"

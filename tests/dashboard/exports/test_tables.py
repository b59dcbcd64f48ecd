"""Tables to take away: fits and labelled rows."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from dashboard.analysis import RowLabels
from dashboard.exports import (
    fits_csv,
    fits_frame,
    labelled_csv,
    labelled_parquet,
    labelled_rows,
)

COLUMNS = [
    "type", "k", "experiment", "bic", "aic", "icl", "log_likelihood", "n_iter", "converged",
    "eligible", "counts",
]  # fmt: skip


@pytest.fixture
def found():
    """Labels of the 41 rows of the table, of which the fourth was left out of the fit."""
    labels = np.repeat([0, 1], [26, 15]).astype(np.int32)
    certainties = np.linspace(0.5, 1.0, 41)
    labels[3], certainties[3] = -1, np.nan
    return RowLabels(labels, certainties)


@pytest.fixture
def labelled(table, found):
    return labelled_rows(table, found)


def test_fits_have_one_row_per_experiment_in_order(view):
    frame = fits_frame(view)
    assert list(frame.columns) == COLUMNS
    assert frame[["k", "type", "experiment"]].to_records(index=False).tolist() == [
        (k, name, e) for k in (1, 2) for name in ("full-tied", "spher-untied") for e in (0, 1)
    ]
    for row in frame.itertuples():
        score = view.cells[row.type, row.k].scores[row.experiment]
        assert (row.bic, row.aic, row.icl) == (score.bic, score.aic, score.icl)
        assert row.counts == " ".join(map(str, score.counts))
    assert frame["counts"].tolist()[:4] == ["40"] * 4
    assert frame["counts"].tolist()[4] == "25 15"


def test_fits_csv_reads_back_the_same(view):
    back = pd.read_csv(io.BytesIO(fits_csv(view)))
    pd.testing.assert_frame_equal(back, fits_frame(view), check_dtype=False)


def test_an_empty_view_still_has_a_header(catalogue, spec):
    from dashboard.analysis import JobView

    assert fits_csv(JobView(catalogue, spec)).decode("utf-8-sig") == ",".join(COLUMNS) + "\n"


def test_labelled_rows_are_the_original_ones_with_their_cluster(labelled, table):
    pd.testing.assert_frame_equal(labelled.drop(columns="cluster"), table)
    expected = np.repeat([1, 2], [26, 15]).astype(object)
    expected[3] = pd.NA
    assert labelled["cluster"].isna().to_numpy().nonzero()[0].tolist() == [3]
    assert labelled["cluster"].fillna(0).tolist() == [0 if v is pd.NA else v for v in expected]
    assert "cluster" not in table.columns


def test_labelled_csv_is_guarded_and_leaves_gaps_empty(labelled, table):
    lines = labelled_csv(labelled).decode("utf-8-sig").splitlines()
    assert lines[0] == "'=SUM(A1),depth,note,cluster"
    assert lines[1].endswith(",fine,1")
    assert lines[2].endswith(",'=HYPERLINK(1),1")
    assert lines[3].endswith(",-3,1")
    assert lines[4] == ",1.0,fine,"
    assert float(lines[41].split(",")[1]) == table["depth"].iloc[-1]


def test_labelled_parquet_has_text_as_it_was(labelled, table):
    back = pd.read_parquet(io.BytesIO(labelled_parquet(labelled)))
    assert list(back.columns) == ["=SUM(A1)", "depth", "note", "cluster"]
    assert back["note"].tolist() == table["note"].tolist()
    assert back["cluster"].isna().sum() == 1
    assert back["cluster"].dropna().astype(int).tolist() == [1] * 25 + [2] * 15


def test_a_table_that_has_a_cluster_column_keeps_it(view, catalogue, spec, table, monkeypatch):
    monkeypatch.setattr(catalogue, "frame", table.assign(cluster="old", cluster_2=0))
    cell = view.cells["full-tied", 2]
    frame = labelled_rows(catalogue, spec, cell.best, cell.preparation)
    assert list(frame.columns)[-3:] == ["cluster", "cluster_2", "cluster_3"]
    assert frame["cluster"].tolist() == ["old"] * 41
    assert frame["cluster_3"].iloc[0] == 1


def test_rows_that_do_not_belong_to_the_table_are_refused(view, catalogue, spec, monkeypatch):
    monkeypatch.setattr(type(catalogue), "rows", lambda self, _: self.frame.head(5))
    cell = view.cells["full-tied", 2]
    with pytest.raises(ValueError, match=r"got 5 and 41\. Upload the file again"):
        labelled_rows(catalogue, spec, cell.best, cell.preparation)

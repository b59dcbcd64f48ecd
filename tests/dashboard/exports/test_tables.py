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


def test_labelled_rows_are_the_original_ones_with_cluster_and_certainty(labelled, table):
    pd.testing.assert_frame_equal(labelled.drop(columns=["cluster", "certainty"]), table)
    assert labelled["cluster"].fillna(0).tolist() == [1, 1, 1, 0, *[1] * 22, *[2] * 15]
    assert labelled["cluster"].isna().to_numpy().nonzero()[0].tolist() == [3]
    assert labelled["certainty"].isna().to_numpy().nonzero()[0].tolist() == [3]
    shown = [round(0.5 + row * 0.0125, 4) for row in range(41) if row != 3]
    assert labelled["certainty"].dropna().tolist() == pytest.approx(shown, abs=1e-12)
    assert list(table.columns) == ["=SUM(A1)", "depth", "note"]


def test_certainties_have_four_decimals(table):
    found = RowLabels(np.zeros(41, dtype=np.int32), np.full(41, 0.123456))
    assert set(labelled_rows(table, found)["certainty"]) == {0.1235}


def test_labelled_csv_is_guarded_and_leaves_gaps_empty(labelled, table):
    lines = labelled_csv(labelled).decode("utf-8-sig").splitlines()
    assert lines[0] == "'=SUM(A1),depth,note,cluster,certainty"
    assert lines[1].endswith(",fine,1,0.5")
    assert lines[2].endswith(",'=HYPERLINK(1),1,0.5125")
    assert lines[3].endswith(",-3,1,0.525")
    assert lines[4] == ",1.0,fine,,"
    assert lines[41].endswith(",fine,2,1.0")
    assert float(lines[41].split(",")[1]) == table["depth"].iloc[-1]


def test_labelled_parquet_has_text_as_it_was(labelled, table):
    back = pd.read_parquet(io.BytesIO(labelled_parquet(labelled)))
    assert list(back.columns) == ["=SUM(A1)", "depth", "note", "cluster", "certainty"]
    assert back["note"].tolist() == table["note"].tolist()
    assert back["cluster"].isna().sum() == 1
    assert back["cluster"].dropna().astype(int).tolist() == [1] * 25 + [2] * 15
    assert back["certainty"].tolist() == pytest.approx(labelled["certainty"].tolist(), nan_ok=True)


def test_a_table_that_has_such_columns_keeps_them(table, found):
    taken = table.assign(cluster="old", cluster_2=0, certainty="sure")
    frame = labelled_rows(taken, found)
    assert list(frame.columns)[-5:] == [
        "cluster", "cluster_2", "certainty", "cluster_3", "certainty_2",
    ]  # fmt: skip
    assert frame["cluster"].tolist() == ["old"] * 41
    assert frame["certainty"].tolist() == ["sure"] * 41
    assert (frame["cluster_3"].iloc[0], frame["certainty_2"].iloc[0]) == (1, 0.5)


def test_rows_that_do_not_belong_to_the_table_are_refused(table, found):
    with pytest.raises(ValueError, match=r"got 5 and 41\. Upload the file again"):
        labelled_rows(table.head(5), found)

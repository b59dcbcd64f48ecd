"""Tables to take away: every experiment's scores, and the original rows with their cluster."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from dashboard.analysis.labelling import ColumnSource, labels
from dashboard.analysis.matching import canonical_order
from dashboard.exports.spreadsheet_text import to_csv
from kmeans_core import ExperimentFit, Preparation

if TYPE_CHECKING:
    from dashboard.analysis.view import JobView
    from dashboard.planning.spec import JobSpec

FITS_COLUMNS = (
    "type",
    "k",
    "experiment",
    "bic",
    "aic",
    "icl",
    "log_likelihood",
    "n_iter",
    "converged",
    "eligible",
    "counts",
)
CLUSTER = "cluster"


class RowSource(ColumnSource, Protocol):
    """What labelled rows need of the dataset catalogue."""

    def rows(self, dataset_id: str) -> pd.DataFrame:
        """The original rows, all columns."""


def fits_frame(view: JobView) -> pd.DataFrame:
    """One row per experiment of every (type, K), by K, type, experiment; columns `FITS_COLUMNS`.

    bic, aic, icl: higher is better. `counts`: rows per cluster, largest first, separated by blanks.
    """
    cells = sorted(view.cells.values(), key=lambda cell: canonical_order(cell.key))
    rows = [
        (
            cell.covariance_type,
            cell.k,
            score.experiment,
            score.bic,
            score.aic,
            score.icl,
            score.log_likelihood,
            score.n_iter,
            score.converged,
            score.eligible,
            " ".join(map(str, score.counts)),
        )
        for cell in cells
        for _, score in sorted(cell.scores.items())
    ]
    return pd.DataFrame(rows, columns=list(FITS_COLUMNS))


def fits_csv(view: JobView) -> bytes:
    """`fits_frame` as CSV; see `to_csv`."""
    return to_csv(fits_frame(view))


def labelled_rows(
    catalogue: RowSource, spec: JobSpec, fit: ExperimentFit, preparation: Preparation
) -> pd.DataFrame:
    """The original rows and their cluster: 1 is the largest, missing for rows left out of the fit.

    The new column is called `cluster`, or `cluster_2`, `cluster_3`, ... where that name is taken.
    """
    frame = catalogue.rows(spec.dataset_id).copy(deep=False)
    found = labels(catalogue, spec, fit, preparation)
    if len(frame) != found.size:
        raise ValueError(
            f"Expected as many original rows as stored ones, got {len(frame):,} and "
            f"{found.size:,}. Upload the file again."
        )
    numbers = pd.array(found + 1, dtype="Int32")
    numbers[np.flatnonzero(found < 0)] = pd.NA
    frame[free_name(frame)] = numbers
    return frame


def free_name(frame: pd.DataFrame) -> str:
    """The name of the added column: `cluster`, numbered when the table has one already."""
    taken = {str(name) for name in frame.columns}
    name, number = CLUSTER, 2
    while name in taken:
        name, number = f"{CLUSTER}_{number}", number + 1
    return name


def labelled_csv(frame: pd.DataFrame) -> bytes:
    """Labelled rows as CSV, guarded against formulas; `cluster` is empty for left-out rows."""
    return to_csv(frame)


def labelled_parquet(frame: pd.DataFrame) -> bytes:
    """Labelled rows as Parquet; text unchanged, `cluster` is null for left-out rows."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()

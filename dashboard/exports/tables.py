"""Tables to take away: every experiment's scores, and the original rows with their cluster."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dashboard.analysis.matching import canonical_order
from dashboard.exports.spreadsheet_text import to_csv

if TYPE_CHECKING:
    from dashboard.analysis.labelling import RowLabels
    from dashboard.analysis.view import JobView

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
CLUSTER, CERTAINTY = "cluster", "certainty"


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


def labelled_rows(rows: pd.DataFrame, found: RowLabels) -> pd.DataFrame:
    """The original rows with two more columns; both are missing for rows left out of the fit.

    `cluster`: 1 is the largest. `certainty`: the probability of that cluster, from 0 to 1, four
    decimals. They are called `cluster_2`, `certainty_2` and so on where the names are taken.
    Raises ValueError when there are not as many labels as rows.
    """
    if len(rows) != found.labels.size:
        raise ValueError(
            f"Expected as many original rows as stored ones, got {len(rows):,} and "
            f"{found.labels.size:,}. Upload the file again."
        )
    frame = rows.copy(deep=False)
    numbers = pd.array(found.labels + 1, dtype="Int32")
    numbers[np.flatnonzero(found.labels < 0)] = pd.NA
    frame[free_name(frame, CLUSTER)] = numbers
    frame[free_name(frame, CERTAINTY)] = np.round(found.certainties, 4)
    return frame


def free_name(frame: pd.DataFrame, wanted: str) -> str:
    """`wanted`, or that with a number when the table has such a column already."""
    taken = {str(name) for name in frame.columns}
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def labelled_csv(frame: pd.DataFrame) -> bytes:
    """Labelled rows as CSV, guarded against formulas; both columns are empty for left-out rows."""
    return to_csv(frame)


def labelled_parquet(frame: pd.DataFrame) -> bytes:
    """Labelled rows as Parquet; text unchanged, both columns are null for left-out rows."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()

"""Exports: everything that can be seen, as files. Pure functions to text, bytes or tables."""

from __future__ import annotations

from dashboard.exports.charts import bic_html, figure_html
from dashboard.exports.models import models_json
from dashboard.exports.tables import (
    fits_csv,
    fits_frame,
    labelled_csv,
    labelled_parquet,
    labelled_rows,
)

__all__ = [
    "bic_html",
    "figure_html",
    "fits_csv",
    "fits_frame",
    "labelled_csv",
    "labelled_parquet",
    "labelled_rows",
    "models_json",
]

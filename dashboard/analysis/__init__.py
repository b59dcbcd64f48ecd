"""From the records of a job to what a person sees. Knows nothing of Dash."""

from __future__ import annotations

from dashboard.analysis.cell import Cell
from dashboard.analysis.labelling import RowLabels
from dashboard.analysis.matching import match_colours
from dashboard.analysis.recommendation import Recommendation, recommend
from dashboard.analysis.updates import cell_records, colour_record, is_current, points, updates
from dashboard.analysis.view import JobView

__all__ = [
    "Cell",
    "JobView",
    "Recommendation",
    "RowLabels",
    "cell_records",
    "colour_record",
    "is_current",
    "match_colours",
    "points",
    "recommend",
    "updates",
]

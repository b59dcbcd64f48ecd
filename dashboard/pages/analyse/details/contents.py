"""What the tabs show of one job, as components and plain rows. Knows no callbacks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc
from dash import html

from dashboard.figures.plain_text import MAX_NAME_LENGTH, number, with_unit
from dashboard.figures.style import Theme, cluster_colour

if TYPE_CHECKING:
    from dashboard.analysis import Cell
    from dashboard.analysis.records import ClusterRecord, ModelRecord

MOST_TABLE_COLUMNS = 24
MOST_SIZES = 12


def clusters_table(
    model: ModelRecord,
    columns: Sequence[str],
    units: Sequence[str],
    slots: Sequence[int],
    theme: Theme,
) -> Any:
    """One row per cluster, largest first: size, share, and per column centre ± spread.

    The spread is the standard deviation of the cluster's covariance in that column's unit.
    """
    clusters = model["clusters"]
    total = sum(cluster["size"] for cluster in clusters) or 1
    shown = list(range(min(len(columns), MOST_TABLE_COLUMNS)))
    decimals = [_decimals(clusters, index) for index in shown]
    head = [
        dmc.TableTh("Cluster"),
        dmc.TableTh("Rows", ta="right"),
        dmc.TableTh("Share", ta="right"),
        *(_column_head(with_unit(columns[i], units[i])) for i in shown),
    ]
    rows = [
        dmc.TableTr(
            [
                dmc.TableTd(_cluster_name(j, slots, theme)),
                dmc.TableTd(f"{cluster['size']:,}", ta="right"),
                dmc.TableTd(f"{100 * cluster['size'] / total:.1f} %", ta="right"),
                *(dmc.TableTd(_centre(cluster, i, decimals[i]), ta="right") for i in shown),
            ]
        )
        for j, cluster in enumerate(clusters)
    ]
    note = "Centre of each cluster, and below it the spread (one standard deviation)."
    if len(columns) > len(shown):
        note += f" The first {len(shown)} of {len(columns)} columns; the JSON export has all."
    return dmc.TableScrollContainer(
        dmc.Table(
            [
                dmc.TableThead(dmc.TableTr(head)),
                dmc.TableTbody(rows),
                dmc.TableCaption(note),
            ],
            tabularNums=True,
            highlightOnHover=True,
            verticalSpacing=6,
            horizontalSpacing=8,
            fz="sm",
        ),
        minWidth=250 + 84 * len(shown),
    )


def fit_rows(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """Every experiment of every cell for the Fits grid; scores: higher is better, None if none."""
    return [
        {
            "type": cell.covariance_type,
            "k": cell.k,
            "experiment": score.experiment,
            "bic": _finite(score.bic),
            "icl": _finite(score.icl),
            "aic": _finite(score.aic),
            "log_likelihood": _finite(score.log_likelihood),
            "n_iter": score.n_iter,
            "converged": "yes" if score.converged else "no",
            "eligible": "yes" if score.eligible else "no",
            "sizes": _sizes(score.counts),
        }
        for cell in cells
        for _, score in sorted(cell.scores.items())
    ]


def empty_note(text: str) -> dmc.Text:
    """What stands where a table will be."""
    return dmc.Text(text, c="dimmed", size="sm", py="xl", ta="center")


def _column_head(name: str) -> dmc.TableTh:
    short = name if len(name) <= MAX_NAME_LENGTH else name[: MAX_NAME_LENGTH - 1] + "…"
    return dmc.TableTh(html.Span(short, title=name), ta="right")


def _cluster_name(j: int, slots: Sequence[int], theme: Theme) -> html.Span:
    slot = slots[j] if j < len(slots) else j
    dot = html.Span(className="size-dot", style={"backgroundColor": cluster_colour(slot, theme)})
    return html.Span([dot, str(j + 1)], className="cluster-name")


def _centre(cluster: ClusterRecord, index: int, decimals: int) -> list[Any]:
    variance = cluster["covariance"][index][index]
    spread = math.sqrt(variance) if variance > 0 else 0.0
    return [
        number(cluster["mean"][index], decimals),
        html.Div(f"± {number(spread, decimals)}", className="spread"),
    ]


def _decimals(clusters: Sequence[ClusterRecord], index: int) -> int:
    """Decimals that show two digits of the smallest spread in this column."""
    spreads = [c["covariance"][index][index] for c in clusters if c["covariance"][index][index] > 0]
    if not spreads:
        return 2
    return min(8, max(0, 1 - math.floor(math.log10(math.sqrt(min(spreads))))))


def _sizes(counts: Sequence[int]) -> str:
    text = ", ".join(f"{count:,}" for count in counts[:MOST_SIZES])
    return text + (", …" if len(counts) > MOST_SIZES else "")


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None

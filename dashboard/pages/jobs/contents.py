"""What the Jobs page shows: one row per job, and the line above the table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.figures.plain_text import number
from dashboard.pages.jobs import ids
from dashboard.pages.parts.aria import aria
from dashboard.planning.amounts import dollars
from dashboard.planning.spending import raised_cap

if TYPE_CHECKING:
    from dashboard.stores.base import JobRecord

STATE_COLOURS = {
    "queued": "gray",
    "running": "blue",
    "done": "teal",
    "cancelled": "yellow",
    "failed": "red",
}
ACTIVE = ("queued", "running")
MOST_ROWS = 500
HEADINGS = ("State", "Dataset", "Settings", "Fits", "Best model", "Duration", "Created", "")


def jobs_note(records: Sequence[JobRecord]) -> str:
    """How many jobs there are and how many of them run."""
    running = sum(record.state in ACTIVE for record in records)
    note = f"{len(records):,} job{'' if len(records) == 1 else 's'}"
    if running:
        note += f", {running} running"
    if len(records) > MOST_ROWS:
        note += f"; the newest {MOST_ROWS} are shown"
    return note


def jobs_table(records: Sequence[JobRecord], now: float) -> Any:
    """`records` newest first; `now` in Unix seconds, for the duration of running jobs."""
    if not records:
        return dmc.Text(
            ["No jobs yet. ", dcc.Link("Analyse a dataset", href="/"), " and it appears here."],
            c="dimmed",
            py="xl",
            ta="center",
        )
    head = dmc.TableThead(
        dmc.TableTr([dmc.TableTh(title or dmc.VisuallyHidden("Actions")) for title in HEADINGS])
    )
    body = dmc.TableTbody([_row(record, now) for record in records[:MOST_ROWS]])
    return dmc.TableScrollContainer(
        dmc.Table([head, body], highlightOnHover=True, verticalSpacing="xs", tabularNums=True),
        minWidth=680,
    )


def shape(records: Sequence[JobRecord]) -> list[list[Any]]:
    """What the rows and buttons depend on; as long as it is the same, only cells need writing.

    Drawing the whole table anew would take the keyboard's focus away from the button it is on.
    """
    return [[r.job_id, r.created_at, r.state, r.n_failed] for r in records[:MOST_ROWS]]


def moving_cells(record: JobRecord, now: float) -> dict[str, str]:
    """Texts of the cells that change while a job runs."""
    fits = f"{record.n_units:,}"
    if record.state != "done":
        fits = f"{record.n_units_done:,} of {fits}"
    lasted = duration(record, now)
    if record.spent.n_requests:
        lasted += f" · {dollars(record.spent.usd)}"
    return {"fits": fits, "best": best_model(record.best), "duration": lasted}


def best_model(best: dict[str, Any] | None) -> str:
    """`full-untied, K = 3 (BIC -6,769.8)`, or a dash while nothing is known."""
    if not best:
        return "–"
    name = f"{best.get('type', best.get('covariance_type'))}, K = {best.get('k')}"
    score = best.get("bic", best.get("score"))
    return name if score is None else f"{name} (BIC {number(score, 1)})"


def duration(record: JobRecord, now: float) -> str:
    """Seconds, or minutes and seconds, from start to end or until `now`."""
    if record.started_at is None:
        return "–"
    seconds = max(0.0, (record.finished_at or now) - record.started_at)
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def _row(record: JobRecord, now: float) -> dmc.TableTr:
    spec = record.analysis
    k_range = f"K {spec.k_min}–{spec.k_max}" if spec.k_min != spec.k_max else f"K {spec.k_min}"
    types = len(spec.covariance_types)
    settings = (
        f"{k_range} · {types} type{'' if types == 1 else 's'} · "
        f"{spec.n_experiments} × {spec.n_restarts}"
    )
    news = moving_cells(record, now)

    def moving(what: str) -> html.Span:
        return html.Span(news[what], id=ids.job_cell(what, record.job_id))

    created = datetime.fromtimestamp(record.created_at, UTC).astimezone()
    return dmc.TableTr(
        [
            dmc.TableTd(
                dmc.Badge(
                    "cap reached" if record.capped else record.state,
                    color="orange" if record.capped else STATE_COLOURS.get(record.state, "gray"),
                    variant="light",
                    miw="max-content",
                )
            ),
            dmc.TableTd(record.dataset_name, className="job-name"),
            dmc.TableTd([settings, html.Div(", ".join(spec.columns), className="job-columns")]),
            dmc.TableTd(
                [moving("fits"), html.Div(f"{record.n_failed} failed", className="job-failed")]
                if record.n_failed
                else moving("fits")
            ),
            dmc.TableTd(moving("best")),
            dmc.TableTd(moving("duration"), className="nowrap"),
            dmc.TableTd(created.strftime("%Y-%m-%d %H:%M"), className="tabular nowrap"),
            dmc.TableTd(_actions(record)),
        ]
    )


def _actions(record: JobRecord) -> dmc.Group:
    def button(action: str, text: str, colour: str = "blue") -> dmc.Button:
        return dmc.Button(
            text,
            id=ids.job_action(action, record.job_id),
            variant="subtle",
            color=colour,
            size="compact-sm",
            n_clicks=0,
            **aria(label=f"{text} job {record.job_id} on {record.dataset_name}"),
        )

    buttons: list[Any] = [
        dcc.Link(
            "Open",
            href=f"/?job={record.job_id}",
            className="job-open",
            title=f"Open job {record.job_id} on {record.dataset_name}",
        )
    ]
    if record.state in ACTIVE:
        buttons.append(button("cancel", "Cancel"))
    elif record.n_failed or record.state == "failed":
        buttons.append(button("rerun", "Rerun failed"))
    elif record.capped:
        cap_usd = raised_cap(record.spending_cap_usd, record.spent.usd)
        buttons.append(button("resume", f"Resume up to {dollars(cap_usd)}"))
    elif record.state == "cancelled":
        buttons.append(button("resume", "Resume"))
    buttons.append(button("delete", "Delete", "red"))
    return dmc.Group(buttons, gap=4, wrap="nowrap", justify="flex-end")

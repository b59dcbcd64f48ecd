"""Component ids of the Jobs page."""

from __future__ import annotations

TABLE = "jobs-table"
POLL = "jobs-poll"
NOTE = "jobs-note"
CONFIRM = "jobs-confirm"
CONFIRM_TEXT = "jobs-confirm-text"
CONFIRM_YES = "jobs-confirm-yes"
CONFIRM_NO = "jobs-confirm-no"
ASKED = "jobs-asked"
SHAPE = "jobs-shape"


def job_action(action: str, job_id: str) -> dict[str, str]:
    """Id of a button in the jobs table; `action` is cancel, rerun, resume or delete."""
    return {"part": "job-action", "action": action, "job": job_id}


def job_cell(what: str, job_id: str) -> dict[str, str]:
    """Id of a cell of the jobs table whose text moves; `what` is fits, best or duration."""
    return {"part": "job-cell", "what": what, "job": job_id}

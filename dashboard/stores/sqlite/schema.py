"""The tables of the SQLite job store, and how a file of an earlier release comes to have them."""

from __future__ import annotations

SCHEMA_VERSION = 3
"""Raised with every change of the tables below; a file with a higher number is refused."""

SCHEMA = """
CREATE TABLE jobs (
    job_id TEXT PRIMARY KEY,
    spec TEXT NOT NULL,
    dataset_name TEXT NOT NULL,
    backend TEXT NOT NULL,
    n_tasks INTEGER NOT NULL,
    n_units INTEGER NOT NULL,
    state TEXT NOT NULL,
    n_done INTEGER NOT NULL DEFAULT 0,
    n_failed INTEGER NOT NULL DEFAULT 0,
    n_units_done INTEGER NOT NULL DEFAULT 0,
    n_running INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    best TEXT,
    owner TEXT,
    lease_expires_at REAL,
    spending_cap_usd REAL,
    usage TEXT,
    kind TEXT NOT NULL DEFAULT 'analysis',
    label_usage TEXT
) STRICT;
CREATE TABLE outcomes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    task_id TEXT NOT NULL,
    status TEXT NOT NULL,
    n_units INTEGER NOT NULL,
    result TEXT,
    error TEXT,
    attempts INTEGER NOT NULL,
    recorded_at REAL NOT NULL,
    UNIQUE (job_id, task_id)
) STRICT;
CREATE INDEX outcomes_by_cursor ON outcomes (job_id, seq);
"""

UPGRADES = {
    1: """
ALTER TABLE jobs ADD COLUMN spending_cap_usd REAL;
ALTER TABLE jobs ADD COLUMN usage TEXT
""",
    2: """
ALTER TABLE jobs ADD COLUMN kind TEXT NOT NULL DEFAULT 'analysis';
ALTER TABLE jobs ADD COLUMN label_usage TEXT;
ALTER TABLE jobs RENAME COLUMN n_fits TO n_units;
ALTER TABLE jobs RENAME COLUMN n_fits_done TO n_units_done;
ALTER TABLE outcomes RENAME COLUMN n_fits TO n_units
""",
}

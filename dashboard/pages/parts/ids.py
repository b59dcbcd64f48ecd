"""Every component id of the page, in one place.

Python callbacks and the scripts in `assets/` both use these names. The scripts cannot import this
module, so the page hands the whole table to them in the `style` store under `"ids"`.

Who fills what:

- The page's Python callbacks fill the sidebar, `LIVE_JOB`, `SELECTION` (when a link is opened),
  the tabs, the Jobs page and every message that comes from the server.
- `assets/live.js` (with `panels.js` and `bic.js`) follows `LIVE_JOB` and fills the progress
  card, the two big graphs, the recommendation card, the K slider's range and `LIVE_STATUS`.
"""

from __future__ import annotations

# --- Stores and plumbing ------------------------------------------------------------------------
URL = "url"
LIVE_JOB = "live-job"
"""`exchange.ShownJob`."""
LIVE_STATUS = "live-status"
"""`exchange.LiveStatus`, written by live.js."""
SCHEME = "scheme"
"""`"light"` or `"dark"`: how the page is drawn now, by choice or by the system's preference."""
SELECTION = "selection"
"""`exchange.Selection`."""
STYLE = "style"
"""`figures.style.style_json()` and, beside it, `ids`, `pages`, `navbar` and what the pages add."""
SETTINGS = "settings"
"""`exchange.SidebarSettings`, written by controls.js."""
SHOWN_DATASET = "shown-dataset"
"""Id of the dataset whose columns the sidebar offers."""
STARTED = "started"
"""Ids of the jobs that this tab has started, kept over a reload: these it may cancel by itself."""
DRAWN = "drawn"
"""What the tab "Selected clustering" shows, so that it is drawn again only when that changes."""
UPLOADED = "uploaded"
"""`exchange.UploadedTable`, written by upload.js."""
NOTIFICATIONS = "notifications"
MANTINE = "mantine"

# --- Top bar ------------------------------------------------------------------------------------
SHELL = "shell"
BURGER = "burger"
BACKEND_BADGE = "backend-badge"
BACKEND_DOT = "backend-dot"  # span whose class says how the backend is
BACKEND_INFO = "backend-info"  # div: data-explanation
BACKEND_POLL = "backend-poll"
BACKEND_PROBLEM = "backend-problem"  # div above the results
THEME = "theme"
HELP_OPEN = "help-open"
HELP = "help"

# --- Sidebar: data ------------------------------------------------------------------------------
DATASET = "dataset"
DATASET_DESCRIPTION = "dataset-description"
DATASET_DELETE = "dataset-delete"  # button, for uploads only
DROP_ZONE = "drop-zone"
DROP_INPUT = "drop-input"
DROP_PROGRESS = "drop-progress"
DROP_MESSAGE = "drop-message"
DROP_CANCEL = "drop-cancel"
PREVIEW = "preview"
PREVIEW_BODY = "preview-body"
PREVIEW_OPEN = "preview-open"
PREVIEW_USE = "preview-use"  # button: analyse the uploaded table
PREVIEW_CLOSE = "preview-close"
PREVIEWED = "previewed"  # store: dataset_id of the table in the preview
ROWS_LINE = "rows-line"
COLUMNS = "columns"
COLUMNS_NOTE = "columns-note"
STANDARDISE = "standardise"

# --- Sidebar: model and effort ------------------------------------------------------------------
K_RANGE = "k-range"
K_RANGE_TEXT = "k-range-text"
TYPES = "types"
TYPES_TEXT = "types-text"
EXPERIMENTS = "experiments"
EXPERIMENTS_TEXT = "experiments-text"
RESTARTS = "restarts"
RESTARTS_TEXT = "restarts-text"
MIN_MEMBERS = "min-members"
SEED = "seed"
DISTANCE = "distance"
MAX_ITER = "max-iter"
REG_COVAR = "reg-covar"
SPENDING_CAP = "spending-cap"  # hidden where jobs have no price
ESTIMATE = "estimate"
SETTINGS_ERROR = "settings-error"
LIVE = "live"
RUN = "run"

# --- Progress card ------------------------------------------------------------------------------
JOB_PROBLEM = "job-problem"
PROGRESS_STATE = "progress-state"  # dmc.Badge: children, color
PROGRESS_FITS = "progress-fits"  # text: "412 of 600 fits"
PROGRESS_DETAIL = "progress-detail"  # text: "3 running · 1 failed · 0.7 s elapsed · ... · $0.00"
PROGRESS_BAR = "progress-bar"  # dmc.Progress: value (0-100), color, animated
PROGRESS_ERRORS = "progress-errors"  # div: children, one sentence per failed task
CANCEL = "cancel"  # disabled unless the job runs
RERUN = "rerun"  # disabled unless something failed
RAISE = "raise"  # shown when the job stopped at its spending cap

# --- Export menu (each item's n_clicks or href) --------------------------------------------------
EXPORT = "export"
EXPORT_BIC_PNG = "export-bic-png"
EXPORT_BIC_SVG = "export-bic-svg"
EXPORT_BIC_HTML = "export-bic-html"
EXPORT_PANELS_PNG = "export-panels-png"
EXPORT_PANELS_SVG = "export-panels-svg"
EXPORT_PANELS_HTML = "export-panels-html"
EXPORT_SELECTED_PNG = "export-selected-png"
EXPORT_SELECTED_SVG = "export-selected-svg"
EXPORT_SELECTED_HTML = "export-selected-html"
EXPORT_LABELS_CSV = "export-labels-csv"
EXPORT_LABELS_PARQUET = "export-labels-parquet"
EXPORT_FITS_CSV = "export-fits-csv"
EXPORT_MODELS_JSON = "export-models-json"

# --- Which model fits best? ----------------------------------------------------------------------
BIC_GRAPH = "bic-graph"
CRITERION = "criterion"  # dmc.SegmentedControl: "bic" | "icl" | "aic"
SCORE_RANGE = "score-range"  # dmc.SegmentedControl: "all" | "top"

# --- Recommended ---------------------------------------------------------------------------------
REC_TITLE = "rec-title"  # "full-untied, K = 3"
REC_SCORE = "rec-score"  # "BIC -6,769.8 · 35 parameters"
REC_EVIDENCE = "rec-evidence"  # the sentence
REC_AGREEMENT_BAR = "rec-agreement-bar"  # dmc.Progress: value (0-100)
REC_AGREEMENT = "rec-agreement"  # "0.97 · 9 of 10 experiments choose it"
REC_SIZES = "rec-sizes"  # div: one .size-row per cluster (colour dot, number, bar)
REC_WARNINGS = "rec-warnings"  # div: one paragraph per warning, hidden when empty
REC_SHOW = "rec-show"  # button: select the recommended clustering again

# --- Compare covariance types --------------------------------------------------------------------
K_SLIDER = "k-slider"  # dmc.Slider: value, min, max, marks
K_VALUE = "k-value"
PLAY = "play"  # button; label "Play" / "Pause"
X_AXIS = "x-axis"  # dmc.Select of the job's columns
Y_AXIS = "y-axis"
ELLIPSES = "ellipses"  # dmc.Switch
PANELS_GRAPH = "panels-graph"
PANELS_NOTE = "panels-note"  # "20,000 of 1,200,000 points drawn"

# --- Tabs ----------------------------------------------------------------------------------------
TABS = "tabs"  # value: "selected" | "fits" | "tasks" | "correlation"
SELECTED_ROW = "selected-row"
SELECTED_TITLE = "selected-title"
SELECTED_GRAPH = "selected-graph"
CLUSTERS_TABLE = "clusters-table"
FITS_GRID = "fits-grid"
FITS_NOTE = "fits-note"
TASKS_GRID = "tasks-grid"
TASKS_NOTE = "tasks-note"
CORRELATION_GRAPH = "correlation-graph"

# --- Question before an uploaded dataset is deleted -----------------------------------------------
REMOVAL = "removal"
REMOVAL_TEXT = "removal-text"
REMOVAL_YES = "removal-yes"
REMOVAL_NO = "removal-no"
REMOVAL_ASKED = "removal-asked"  # store: dataset_id


def page(name: str) -> str:
    """The container of the page called `name`."""
    return f"page-{name}"


def nav(name: str) -> str:
    """The page's link in the top bar."""
    return f"nav-{name}"


def sidebar(name: str) -> str:
    """The page's part of the navigation bar."""
    return f"sidebar-{name}"


def as_dict() -> dict[str, str]:
    """All ids by their constant's name, for the scripts."""
    return {
        name: value
        for name, value in globals().items()
        if name.isupper() and isinstance(value, str)
    }

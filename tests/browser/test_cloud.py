"""The page with the aws backend, on a local cloud: badge, estimate, Run, costs, table of tasks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys
from site_process import Site

from cloud_local.cloud import LocalCloud

WORKERS = 4


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with LocalCloud(concurrency=WORKERS, log_dir=tmp_path / "cloud") as running:
        yield running


@pytest.fixture
def start_site(cloud: LocalCloud, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """``start_site(endpoint)``: a server on that cloud, stopped after the page was left."""
    sites: list[Site] = []

    def start(endpoint: str) -> Site:
        options = ["--backend", "aws", "--endpoint", endpoint, "--region", cloud.region]
        options += ["--bucket", cloud.bucket, "--table", cloud.table, "--max-in-flight", "8"]
        sites.append(Site(tmp_path / "data", options=options, environment=cloud.environment))
        return sites[-1].start()

    yield start
    for site in sites:
        site.stop()


def grid(page) -> list[dict[str, str]]:
    """The rows of the Tasks table that are drawn: column -> text."""
    return list(
        page.script(
            "return Array.from(document.querySelectorAll('#tasks-grid .ag-center-cols-container"
            " [role=row]')).map((row) => Object.fromEntries(Array.from(row.children)"
            ".map((cell) => [cell.getAttribute('col-id'), cell.textContent])))"
        )
    )


def test_a_first_analysis_on_the_cloud_is_run_when_asked_for(cloud, start_site, page_at):
    page = page_at(start_site(cloud.endpoint))
    page.open()
    page.until_text("job-problem", "Nothing has been computed yet")
    badge = page.until_text("backend-badge", "AWS Lambda · eu-central-1 · 8 at once · ")
    # The server's own question at its start found a cold function; nobody has asked since.
    assert badge.endswith("· cold")
    explanation = page.element("backend-info").get_attribute("data-explanation")
    assert re.search(r"\(cold, started in [\d,]+ ms\)\. Kernel \S+, 1,769 MB", explanation)

    page.slide("experiments", Keys.HOME)
    page.slide("restarts", Keys.HOME)
    estimate = page.until_text("estimate", "60 fits")
    predicted_usd = float(estimate.rsplit("$", 1)[1])
    page.click("run")
    page.until_state("done")
    page.until_text("progress-fits", "60 of 60 fits")
    assert len(page.curves()) == 6
    detail = page.text("progress-detail")
    n_requests = int(re.search(r"(\d+) requests", detail)[1])
    spent_usd = float(re.search(r"\$([\d.]+) of at most \$1\.00", detail)[1])
    assert 0 < spent_usd < 100 * predicted_usd

    page.open_tab("Tasks")
    note = page.until_text("tasks-note", "tasks have ended")
    n_tasks, n_cold = (
        int(n) for n in re.match(r"(\d+) of \d+ tasks .*, (\d+) cold", note).groups()
    )
    assert n_tasks <= n_requests
    assert n_cold <= WORKERS
    page.until(lambda: len(grid(page)) >= min(n_tasks, 10), "the rows are drawn")
    rows = grid(page)
    assert {row["start"] for row in rows} <= {"cold", "warm"}
    assert {row["memory_mb"] for row in rows} == {"1,769"}
    assert {row["status"] for row in rows} == {"done"}
    for row in rows:
        busy = [float(row[name].replace(",", "")) for name in ("startup_ms", "read_ms", "run_ms")]
        assert float(row["billed_ms"].replace(",", "")) == pytest.approx(sum(busy), abs=2)


def test_an_endpoint_that_is_away_is_shown_with_what_to_do(start_site, page_at):
    page = page_at(start_site("http://127.0.0.1:9"))
    page.open()
    page.until_text("backend-badge", "· not well")
    said = page.until_text("backend-problem", "The fit function on AWS cannot be used now")
    assert "there is no connection to 127.0.0.1. Check the network" in said

"""Jobs while they run: cancel, rerun, reload, the Jobs page, and a server that is killed."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from dashboard.planning.spec import JobSpec
from tests.waiting import WAIT_S


def row_texts(page) -> list[list[str]]:
    return list(
        page.script(
            "return Array.from(document.querySelectorAll('#jobs-table tbody tr'))"
            ".map((row) => Array.from(row.children).map((cell) => cell.textContent))"
        )
    )


def press(page, action: str) -> None:
    def button():
        found = page.driver.find_elements(By.CSS_SELECTOR, f'#jobs-table [id*="{action}"]')
        return found[0] if found else None

    page.script("arguments[0].click()", page.until(button, f"a {action} button"))


@pytest.fixture
def queued(staged) -> str:
    """A job of 600 fits in 600 tasks on the first built-in dataset, which the server will find."""
    services = staged.services()
    try:
        dataset = services.catalogue.ensure_builtins()[0]
    finally:
        services.close()
    return staged.queue(JobSpec(dataset.dataset_id, dataset.default_columns, n_restarts=1))


def test_cancel_keeps_what_is_done_and_run_goes_on(staged, queued, page_at):
    staged.stage("hold", "70")
    staged.start()
    page = page_at(staged)
    page.open(f"/?job={queued}")
    page.until(lambda: len(page.curves()) == 6, "whole curves early")
    assert page.text("progress-state") == "running"
    page.click("cancel")
    page.until_state("cancelled")
    kept = int(page.text("progress-fits").split(" of ")[0])
    assert 60 <= kept < 600
    staged.stage("hold", None)
    page.click("run")
    page.until_state("done")
    page.until_text("progress-fits", "600 of 600 fits")


def test_a_change_in_the_middle_cancels_the_job_that_this_tab_started(staged, page_at):
    staged.stage("hold", "8")
    staged.start()
    page = page_at(staged)
    page.open()
    page.until(lambda: page.curves(), "a curve")
    superseded = page.query["job"]
    page.driver.refresh()  # the tab remembers what it started
    page.until_text("estimate", "6,000 fits")
    page.slide("restarts", Keys.HOME)
    page.until(lambda: page.query.get("job") not in (None, superseded), "another job")
    services = staged.services()
    try:
        page.until(
            lambda: services.store.job(superseded).state == "cancelled", "the first is cancelled"
        )
        assert services.store.job(page.query["job"]).state == "running"
    finally:
        services.close()
    page.click("cancel")
    page.until_state("cancelled")


def test_failed_tasks_say_why_and_can_be_rerun(staged, queued, page_at):
    staged.stage("fail", "diag-tied 2")
    staged.start()
    page = page_at(staged)
    page.open(f"/?job={queued}")
    page.until_text("progress-errors", "diag-tied, K = 2: The worker ran out of memory")
    page.until_state("done")
    assert "failed" in page.text("progress-detail")
    page.until_text("progress-fits", "590 of 600 fits")
    assert 2 not in page.curves()["diag-tied"]
    staged.stage("fail", None)
    page.click("rerun")
    page.until_text("progress-fits", "600 of 600 fits")
    page.until_state("done")
    page.until(lambda: 2 in page.curves()["diag-tied"], "the missing point is there")
    assert page.text("progress-errors") == ""


def test_reload_and_kill_in_the_middle_of_a_job(staged, queued, page_at):
    """Reload; then SIGKILL with the page still open; the next server finishes it exactly once."""
    staged.stage("hold", "40")
    staged.start()
    page = page_at(staged)
    page.open(f"/?job={queued}")
    page.until(lambda: page.curves(), "a curve")
    page.driver.refresh()
    page.until(lambda: page.curves(), "the curves are back")
    assert page.query["job"] == queued
    assert page.text("progress-state") == "running"

    page.allowed += ["ERR_CONNECTION", "Failed to fetch", "ERR_EMPTY_RESPONSE", "dash-renderer"]
    staged.kill()
    page.until_state("reconnecting")
    staged.let_lease_run_out(queued)
    staged.stage("hold", None)
    staged.start()
    page.until_state("done")
    assert page.query["job"] == queued
    page.until_text("progress-fits", "600 of 600 fits")
    assert len(page.curves()) == 6

    services = staged.services()
    try:
        outcomes = services.store.outcomes(queued, limit=10_000).outcomes
        record = services.store.job(queued)
    finally:
        services.close()
    assert record is not None
    assert len({o.task_id for o in outcomes}) == len(outcomes) == record.n_tasks
    assert {o.status for o in outcomes} == {"done"}


@pytest.mark.usefixtures("queued")
def test_a_running_job_moves_on_the_jobs_page_and_can_be_stopped_there(staged, page_at):
    staged.stage("hold", "10")
    staged.start()
    page = page_at(staged)
    page.open("/jobs")
    page.until(lambda: row_texts(page) and row_texts(page)[0][3].endswith(" of 600"), "it runs")
    page.until(lambda: row_texts(page)[0][3] == "10 of 600", "it is held")
    page.script("document.querySelector('#jobs-table button').focus()")
    staged.stage("hold", "50")
    page.until(lambda: row_texts(page)[0][3] == "50 of 600", "the number moves")
    assert page.script("return document.activeElement.tagName") == "BUTTON"  # focus stays
    assert "1 running" in page.text("jobs-note")
    press(page, "cancel")
    page.until(lambda: row_texts(page)[0][0] == "cancelled", "it is cancelled")
    staged.stage("hold", None)
    press(page, "resume")
    page.until(lambda: row_texts(page)[0][0] == "done", "it goes on to the end")
    assert row_texts(page)[0][3] == "600"


def test_the_jobs_page_lists_opens_and_deletes(page, site, small_job):
    services = site.services()
    try:
        spec = small_job.spec
        other = type(spec)(spec.dataset_id, spec.columns, k_max=2, n_experiments=1, n_restarts=2)
        job_id = services.jobs.submit(other).job_id
        assert services.jobs.wait(job_id, WAIT_S).state == "done"
    finally:
        services.close()
    page.open("/jobs")
    rows = page.until(lambda: row_texts(page), "rows")
    newest = rows[0]
    assert newest[0] == "done"
    assert newest[1] == "three groups.csv"
    assert newest[2] == "K 1–2 · 6 types · 1 × 2clay, pH <b>"
    assert newest[3] == "24"
    assert "K = 2 (BIC" in newest[4]
    page.click_text("#jobs-table a", "Open")
    page.until(lambda: page.query.get("job") == job_id, "it is open")
    page.until_state("done")
    page.until_text("progress-fits", "24 of 24 fits")
    page.click("nav-jobs")
    page.until(lambda: row_texts(page), "rows")
    press(page, "delete")
    page.until_text("jobs-confirm-text", "24 fits")
    page.click("jobs-confirm-yes")
    page.until(lambda: len(row_texts(page)) == len(rows) - 1, "one row less")
    assert site_has_no(site, job_id)


def site_has_no(site, job_id: str) -> bool:
    services = site.services()
    try:
        return services.store.job(job_id) is None
    finally:
        services.close()

"""Where a fit has a price: nothing starts by itself, costs are told, and a job stops at its cap."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

PRICE_USD = 1 / 64
"""Of a task; sums of it are exact."""


def test_a_job_with_a_price_waits_for_run_stops_at_its_cap_and_goes_on(staged, page_at):
    staged.stage("price", str(PRICE_USD))
    staged.start()
    page = page_at(staged)
    page.open()
    page.until_text("job-problem", "Nothing has been computed yet")
    # 60 curve points of 10 experiments, each a task of its own: 600 tasks.
    page.until_text("estimate", "6,000 fits")
    page.until(
        lambda: page.text("estimate").endswith("· $9.38 · more than the cap of $1.00"),
        "#estimate says it",
    )
    assert page.script("return document.getElementById('live').disabled") is True
    assert page.script("return document.getElementById('live').checked") is False

    # A change of the settings only says what it would cost.
    page.slide("experiments", Keys.ARROW_LEFT)
    page.until_text("estimate", "5,400 fits")
    page.until(lambda: page.text("progress-state") == "no job", "#progress-state says it")
    page.slide("experiments", Keys.ARROW_RIGHT)
    page.until_text("estimate", "6,000 fits")

    page.click("run")
    page.until_state("cap reached")
    assert "64 requests · $1.00 of at most $1.00" in page.text("progress-detail")
    page.until_text("progress-fits", "640 of 6,000 fits")
    assert "Stopped at the spending cap of $1" in page.text("progress-errors")
    page.until(lambda: page.text("raise") == "Raise to $2.00 and continue", "#raise says it")

    page.click("raise")
    page.until_text("progress-detail", "128 requests · $2.00 of at most $2.00")
    page.until_state("cap reached")
    page.until(lambda: page.text("raise") == "Raise to $4.00 and continue", "#raise says it")
    assert page.script("return document.getElementById('spending-cap').value") == "$2"

    page.open_tab("Tasks")
    page.until_text("tasks-note", "128 of 600 tasks have ended, 0 cold starts.")

    page.open("/jobs")
    page.until_text("jobs-table", "cap reached")
    assert " · $2.00" in page.text("jobs-table")
    page.click_text("#jobs-table button", "Resume up to $4.00")
    page.until_text("jobs-table", "2,560 of 6,000")
    page.until_text("jobs-table", " · $4.00")


def test_the_local_page_knows_no_money(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    assert page.script("return document.getElementById('spending-cap').offsetParent") is None
    assert page.script("return document.getElementById('raise').offsetParent") is None
    assert page.script("return document.getElementById('live').disabled") is False
    page.until(lambda: page.text("progress-detail").endswith("· $0.00"), "#progress-detail says it")

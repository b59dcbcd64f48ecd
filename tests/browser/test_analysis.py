"""From a table to the answer: upload, settings, the K slider, the tabs."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import write_blobs
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from dashboard.pages.parts.exchange import LiveJob, LiveStatus, Selection, SidebarSettings
from dashboard.planning.spec import JobSpec

STORES = {
    "live-job": LiveJob,
    "live-status": LiveStatus,
    "selection": Selection,
    "settings": SidebarSettings,
}


def test_the_stores_hold_what_the_server_expects(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")

    def held(store: str):
        return page.script("return dash_component_api.getLayout(arguments[0]).props.data", store)

    for store, shape in STORES.items():
        page.until(lambda store=store: held(store), store)
        assert set(held(store)) == shape.__required_keys__, store
    assert JobSpec.from_dict(held("settings")["spec"]) == small_job.spec
    assert page.text("types-text") == "6 of 6"


def test_an_uploaded_table_with_a_known_answer_ends_there(page, tmp_path: Path):
    path = tmp_path / "plots.csv"
    write_blobs(path, seed=8)
    page.open("/jobs")  # nothing else is running while this is measured
    page.click("nav-analyse")
    page.until(lambda: page.query.get("job"), "the default job is open")
    page.upload(path)
    page.until_text("preview-body", "plots.csv")
    preview = page.text("preview-body")
    assert "300 rows, 2 numeric columns" in preview
    assert "pH <b>" in preview  # the header is text, not HTML
    assert page.driver.find_elements(By.CSS_SELECTOR, "#preview-body td b") == []
    before = page.query["job"]
    page.click("preview-use")
    page.until(lambda: page.query["job"] != before, "its own job started by itself")
    page.until_state("done")
    page.until(lambda: page.text("rec-title") == "full-tied, K = 3", "#rec-title says it")
    page.until(lambda: page.shown_k() == 3, "the slider follows the recommendation")
    page.until_text("selected-title", "full-tied, K = 3")
    sizes = page.script(
        "return Array.from(document.querySelectorAll('#clusters-table tbody tr'))"
        ".map((row) => row.children[1].textContent)"
    )
    assert sizes == ["150", "100", "50"]


def test_keys_step_the_k_slider_and_the_selection_follows(page, small_job):
    page.open(f"/?job={small_job.job_id}&type=full-tied&k=3")
    page.until_state("done")
    page.until(lambda: page.shown_k() == 3, "K is 3")
    page.slide("k-slider", Keys.ARROW_RIGHT + Keys.ARROW_RIGHT)
    page.until(lambda: page.shown_k() == 5, "K is 5")
    page.until(lambda: page.query.get("k") == "5", "the address follows")
    page.until_text("selected-title", "full-tied, K = 5")
    page.slide("k-slider", Keys.HOME)
    page.until(lambda: page.shown_k() == 1, "K is 1")
    page.click("rec-show")
    page.until(lambda: page.shown_k() == 3, "back at the recommendation")


def test_the_criterion_changes_the_curves(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    page.until(lambda: len(page.curves()) == 6, "curves")
    bic = page.curves()["full-tied"]
    page.click_text("#criterion label", "AIC")
    page.until(lambda: page.curves()["full-tied"] != bic, "other curves")
    aic = page.curves()["full-tied"]
    assert set(aic) == set(bic) == {1, 2, 3, 4, 5, 6}
    assert all(aic[k] > bic[k] for k in bic)  # AIC charges less, and higher is better
    page.until(lambda: page.text("rec-score").startswith("AIC"), "the card follows")


def test_live_changes_start_the_missing_fits_by_themselves(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    page.slide("k-range", Keys.ARROW_LEFT, thumb=1)
    page.until_text("k-range-text", "1 to 5")
    page.until(lambda: page.query["job"] != small_job.job_id, "another job")
    page.until_state("done")
    page.until_text("progress-fits", "240 of 240 fits")
    page.until(lambda: page.text("estimate").startswith("240 fits · "), "#estimate says it")


def test_without_live_it_waits_for_run(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    page.click("live")
    page.slide("restarts", Keys.ARROW_RIGHT)
    page.until_text("estimate", "360 fits")
    assert page.query["job"] == small_job.job_id
    page.click("run")
    page.until(lambda: page.query["job"] != small_job.job_id, "another job")
    page.until_state("done")
    page.until_text("progress-fits", "360 of 360 fits")


def test_settings_that_cannot_run_say_why(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    for name in small_job.spec.covariance_types:
        page.script(f"document.querySelector('[aria-label^=\"{name}:\"]').click()")
    page.until_text("settings-error", "Expected at least one covariance type")
    assert page.element("run").get_attribute("disabled")
    page.script("document.querySelector('[aria-label^=\"full-tied:\"]').click()")
    page.until(lambda: page.text("settings-error") == "", "the sentence goes away")
    page.until(lambda: page.query["job"] != small_job.job_id, "one type is a job again")
    page.until_state("done")
    page.until_text("progress-fits", "48 of 48 fits")


def test_fits_and_correlation_tabs(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    page.open_tab("Fits")
    page.until_text("fits-note", "72 of 72 experiments")
    script = """
        const row = document.querySelector('#fits-grid [row-index="0"]');
        if (!row) return null;
        const cells = Array.from(row.querySelectorAll('[col-id]'));
        return Object.fromEntries(cells.map((e) => [e.getAttribute('col-id'), e.textContent]));
    """
    best = page.until(lambda: page.script(script), "a row")
    assert (best["type"], best["k"], best["sizes"]) == ("full-tied", "3", "150, 100, 50")
    page.open_tab("Correlation")
    page.until(lambda: len(page.graph("correlation-graph")["data"]) == 2, "two heatmaps")
    overall, within = (trace["z"] for trace in page.graph("correlation-graph")["data"])
    assert overall[0][0] == within[0][0] == pytest.approx(1.0)
    assert within[0][1] == pytest.approx(0.75, abs=0.08)  # what the table was made with
    assert abs(overall[0][1]) < within[0][1]


BAD_FILES = {
    "empty.csv": (b"", "empty"),
    "header.csv": (b"a,b,c\n", "header"),
    "words.csv": (b"a,b\nx,y\nz,w\n", "numeric"),
    "rubbish.csv": (bytes(range(256)) * 40, None),
    "cut.parquet": (b"PAR1" + b"\0" * 50, None),
}


def test_files_that_cannot_be_used_get_a_sentence(page, small_job, tmp_path: Path):
    page.allowed += ["422"]
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    for name, (content, word) in BAD_FILES.items():
        path = tmp_path / name
        path.write_bytes(content)
        page.upload(path)
        text = page.until(lambda: page.text("drop-message"), f"a sentence about {name}")
        assert word is None or word in text.lower(), (name, text)
        assert "Traceback" not in text
        page.script("dash_clientside.set_props('drop-message', {children: null})")
        page.until(lambda: not page.text("drop-message"), "cleared")
    assert page.text("progress-state") == "done"  # everything else is as before


def test_too_large_a_file_is_refused_before_it_is_sent(page, small_job, tmp_path: Path):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(300_000_000)
    page.upload(path)
    page.until_text("drop-message", "at most 256 MB, got 300 MB")


def test_an_upload_shows_its_progress_and_can_be_cancelled(page, small_job, tmp_path: Path):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    path = tmp_path / "slow.csv"
    path.write_bytes(b"a,b\n" + b"1.5,2.5\n" * 500_000)
    page.throttle_uploads(200_000)
    try:
        page.upload(path)
        shown = "return getComputedStyle(document.querySelector('.drop-progress')).display"
        page.until(lambda: page.script(shown) == "flex", "the progress bar is there")
        page.click("drop-cancel")
        page.until_text("drop-message", "Upload cancelled")
        page.until(lambda: page.script(shown) == "none", "the progress bar is gone")
    finally:
        page.throttle_uploads(None)


def test_semicolons_and_decimal_commas_simply_work(page, small_job, tmp_path: Path):
    path = tmp_path / "deutsch.csv"
    path.write_text("Ton;Humus\n" + "".join(f"{i},5;{i % 7},25\n" for i in range(40)))
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    page.upload(path)
    page.until_text("preview-body", "40 rows, 2 numeric columns")
    page.click("preview-close")
    page.until(lambda: not page.driver.find_elements(By.CSS_SELECTOR, "#preview-use"), "closed")
    assert page.query["job"] == small_job.job_id  # nothing ran

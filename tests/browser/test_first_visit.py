"""What somebody sees who has never been here, and what stays when they come back."""

from __future__ import annotations

import json


def test_a_first_visit_shows_curves_and_clusters_with_nothing_to_press(page):
    page.open()
    page.until(page.curves, "a curve is drawn")
    assert page.query["job"]
    page.until(lambda: len(page.curves()) == 6, "all six curves")
    page.until(lambda: "K = " in page.text("rec-title"), "a recommendation")
    page.until(lambda: page.text("rec-score").startswith("BIC"), "#rec-score says it")
    # The panels are drawn in the browser: some of the canvas is coloured.
    script = """
        const canvas = document.querySelector('#panels-graph canvas, .panels-canvas');
        if (!canvas || !canvas.width) return 0;
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        let inked = 0;
        for (let i = 3; i < pixels.length; i += 4) inked += pixels[i] > 0;
        return inked;
    """
    page.until(lambda: page.script(script) > 1000, "points are drawn")
    page.click("cancel")


def test_controls_offer_only_what_can_be_clustered_and_say_why(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    note = page.text("columns-note")
    assert "plot:" in note
    assert page.chosen_columns() == ["clay (%)", "pH <b>"]
    page.until(lambda: page.text("rows-line") == "300 rows", "#rows-line says it")
    page.until_text("estimate", "288 fits · ")
    assert page.query["job"] == small_job.job_id  # the controls say exactly what the job says


def test_no_request_leaves_the_server(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    hosts = page.script(
        "const all = performance.getEntriesByType('resource').map((e) => new URL(e.name).host);"
        "return [...new Set(all)]"
    )
    assert hosts == [page.url.removeprefix("http://")]


def test_a_link_opens_the_same_view_and_sets_the_controls(page, small_job):
    page.open(f"/?job={small_job.job_id}&type=diag-untied&k=5")
    page.until_state("done")
    page.until_text("selected-title", "diag-untied, K = 5")
    page.until(lambda: page.shown_k() == 5, "the slider shows 5")
    page.until(lambda: page.text("k-range-text") == "1 to 6", "#k-range-text says it")
    page.until(lambda: page.text("experiments-text") == "2", "#experiments-text says it")
    page.until(lambda: page.text("restarts-text") == "4", "#restarts-text says it")
    expected = {"job": small_job.job_id, "type": "diag-untied", "k": "5"}
    page.until(lambda: page.query == expected, "the address is as it was")


def test_an_unknown_job_is_a_sentence_with_a_way_out(page):
    page.open("/?job=0123456789abcdef")
    page.until_text("job-problem", "0123456789abcdef")
    page.until(lambda: "fits" in page.text("estimate"), "the settings were looked at")
    assert "there is none called" in page.text("job-problem")
    page.click_text("#job-problem a", "See all jobs")
    page.until_text("jobs-note", "job")


def test_errors_of_routes_have_one_shape(page, small_job):
    page.allowed += ["404", "400"]
    page.open(f"/?job={small_job.job_id}")
    cases = [
        ("/api/jobs/nope/updates", 404, "unknown_job"),
        (f"/api/jobs/{small_job.job_id}/updates?after=x", 400, "bad_cursor"),
        (f"/api/jobs/{small_job.job_id}/export/passwords.csv", 404, "unknown_export"),
        (f"/api/jobs/{small_job.job_id}/export/labels.csv?type=full-tied&k=99", 404, None),
        ("/api/nothing", 404, "unknown_route"),
    ]
    for path, status, code in cases:
        got, text = page.fetch(path)
        assert got == status, path
        error = json.loads(text)["error"]
        assert set(error) == {"code", "message", "details", "request_id"}
        assert code in (None, error["code"]), path

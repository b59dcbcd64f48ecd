"""Every export holds what the page shows."""

from __future__ import annotations

import csv
import io
import json

import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score


def save(page, item: str, suffix: str):
    page.until(lambda: (page.element(item).get_attribute("href") or "#")[-1] != "#", "a link")
    page.click(item)
    return page.downloaded(suffix)


@pytest.fixture
def opened(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    page.until_text("selected-title", "full-tied, K = 3")
    return page


def test_tables_and_models(opened, small_job):
    page = opened
    page.click("export")
    rows = pd.read_csv(save(page, "export-labels-csv", "labels.csv"))
    assert list(rows.columns) == ["clay (%)", "pH <b>", "plot", "cluster", "certainty"]
    assert len(rows) == 300
    assert adjusted_rand_score(rows["cluster"], small_job.truth) == 1.0
    assert sorted(rows["cluster"].value_counts()) == [50, 100, 150]

    table = pd.read_parquet(save(page, "export-labels-parquet", "labels.parquet"))
    assert list(table["cluster"]) == list(rows["cluster"])
    assert list(table["certainty"]) == list(rows["certainty"])
    assert rows["certainty"].between(0.5, 1.0).all()

    text = save(page, "export-fits-csv", "fits.csv").read_text("utf-8-sig")
    fits = list(csv.DictReader(io.StringIO(text)))
    assert len(fits) == 6 * 6 * 2
    best = max(fits, key=lambda fit: float(fit["bic"]))
    assert (best["type"], best["k"]) == ("full-tied", "3")

    models = json.loads(save(page, "export-models-json", "models.json").read_text())
    assert models["settings"]["k_max"] == 6
    assert models["recommended"]["bic"]["k"] == 3


def test_interactive_charts(opened):
    page = opened
    page.click("export")
    for item, suffix, part in (
        ("export-bic-html", "bic.html", "number of clusters K"),
        ("export-panels-html", "panels.html", "spher-untied"),
        ("export-selected-html", "selected.html", "full-tied"),
    ):
        text = save(page, item, suffix).read_text()
        assert "Plotly.newPlot" in text
        assert part in text
        assert '<script src="http' not in text  # self-contained
        assert "pH <b>" not in text.split("Plotly.newPlot")[1]  # a header is never HTML


@pytest.mark.parametrize("chart", ["bic", "panels", "selected"])
def test_pictures(opened, chart):
    page = opened
    page.click(f"export-{chart}-png")
    png = page.downloaded(".png")
    assert png.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert png.stat().st_size > 8_000
    page.click(f"export-{chart}-svg")
    svg = page.downloaded(".svg").read_text()
    assert svg.lstrip().startswith("<svg")
    assert "full-tied" in svg or "clay" in svg

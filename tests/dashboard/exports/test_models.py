"""The JSON document of all models explains itself and holds models in data units."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dashboard.analysis import JobView
from dashboard.exports import models_json


def test_settings_notes_and_versions(view, record, spec):
    document = models_json(view, record)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["format"] == "centaurus-models/1"
    assert document["settings"] == spec.to_dict()
    assert document["job"]["dataset"] == "field"
    assert document["job"]["finished_at"] == "1970-01-01T00:01:00+00:00"
    assert "Higher is better" in document["notes"]["scores"]
    assert document["versions"]["numpy"] == np.__version__
    assert document["n_rows"] == 40
    assert document["columns"] == [
        {"name": "=SUM(A1)", "unit": "mS/m"},
        {"name": "depth", "unit": ""},
    ]
    assert document["recommended"]["bic"]["k"] == 2


def test_models_are_in_data_units_by_column_name(view, record, table):
    models = models_json(view, record)["models"]
    assert [(m["k"], m["type"]) for m in models] == [
        (1, "full-tied"),
        (1, "spher-untied"),
        (2, "full-tied"),
        (2, "spher-untied"),
    ]
    used = table.dropna()
    (cluster,) = models[0]["clusters"]
    assert (cluster["cluster"], cluster["size"], cluster["weight"]) == (1, 40, 1.0)
    assert cluster["mean"]["depth"] == pytest.approx(used["depth"].mean())
    covariance = np.cov(used[["=SUM(A1)", "depth"]].to_numpy().T, bias=True)
    assert cluster["covariance"]["depth"]["=SUM(A1)"] == pytest.approx(covariance[0, 1])
    assert cluster["covariance"]["=SUM(A1)"]["=SUM(A1)"] == pytest.approx(covariance[0, 0])
    assert [c["size"] for c in models[2]["clusters"]] == [25, 15]


def test_preparation_maps_data_to_the_units_of_the_fit(view, record, table):
    preparation = models_json(view, record)["preparation"]
    used = table.dropna()
    assert preparation["standardise"] is True
    assert preparation["shift"]["depth"] == pytest.approx(used["depth"].mean())
    assert preparation["scale"]["depth"] == pytest.approx(used["depth"].std(ddof=0))


def test_a_job_without_results(catalogue, spec, record):
    document = models_json(JobView(catalogue, spec), record)
    assert (document["models"], document["preparation"]) == ([], None)
    assert document["recommended"] == {"bic": None, "icl": None, "aic": None}

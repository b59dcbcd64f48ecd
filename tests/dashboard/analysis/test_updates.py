"""The JSON that the page polls: its exact keys, what is new after a cursor, what a token covers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from dashboard.analysis import cell_records, is_current, points, updates
from dashboard.analysis.records import decode_labels

TWO = ((0.0, 0.0), (8.0, 0.0))


def test_the_whole_payload_has_the_agreed_keys_and_no_nan(finished, record_of):
    payload = updates(finished, record_of(finished), now=130.0)
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload
    assert set(payload) == {"cursor", "token", "job", "cells", "colours", "recommended"}
    assert set(payload["job"]) == {
        "job_id", "state", "n_fits", "n_fits_done", "n_tasks", "n_done", "n_running", "n_failed",
        "elapsed_s", "remaining_s", "cost_usd", "n_requests", "cap_usd", "capped", "error",
        "errors",
    }  # fmt: skip
    assert set(payload["recommended"]) == {"bic", "icl", "aic"}
    assert set(payload["recommended"]["bic"]) == {
        "type", "k", "experiment", "score", "n_parameters", "next", "evidence", "agreement",
        "votes", "n_votes", "sizes", "warnings",
    }  # fmt: skip
    cell = payload["cells"][0]
    assert set(cell) == {
        "type", "k", "n", "n_experiments", "eligible", "n_eligible_experiments", "scores", "model",
    }  # fmt: skip
    assert set(cell["scores"]["icl"]) == {"mean", "low", "high", "best"}
    assert set(cell["model"]) == {
        "version", "experiment", "log_likelihood", "n_iter", "converged", "n_parameters",
        "clusters", "labels",
    }  # fmt: skip
    assert set(cell["model"]["clusters"][0]) == {"size", "weight", "mean", "covariance"}


def test_models_are_in_data_units_with_sizes_that_match_the_labels(finished, catalogue, record_of):
    for cell in updates(finished, record_of(finished))["cells"]:
        labels = decode_labels(cell["model"])
        for j, cluster in enumerate(cell["model"]["clusters"]):
            members = catalogue.values[labels == j]
            assert cluster["size"] == len(members)
            assert cluster["weight"] == pytest.approx(len(members) / 300)
            assert cluster["mean"] == pytest.approx(members.mean(axis=0).tolist(), abs=1e-9)
            if cell["type"] == "full-untied":
                expected = np.cov(members.T, bias=True)
                assert np.allclose(cluster["covariance"], expected, atol=1e-9)
        sizes = [cluster["size"] for cluster in cell["model"]["clusters"]]
        assert sizes == sorted(sizes, reverse=True)


def test_scores_belong_to_the_shown_experiment(finished, record_of):
    for cell in updates(finished, record_of(finished))["cells"]:
        fit = finished.cells[cell["type"], cell["k"]].best
        assert cell["model"]["experiment"] == fit.experiment
        assert cell["scores"]["bic"]["best"] == fit.bic
        assert cell["scores"]["icl"]["best"] == fit.icl


def test_only_what_changed_is_sent_and_models_only_where_they_changed(view, made_up, record_of):
    view.absorb(
        [
            made_up.done(made_up.fit("full-tied", TWO, bic=-5.0)),
            made_up.done(made_up.fit("diag-tied", TWO, bic=-6.0)),
        ]
    )
    first = updates(view, record_of(view))
    assert [(c["type"], c["model"]["version"]) for c in first["cells"]] == [
        ("full-tied", 1),
        ("diag-tied", 2),
    ]
    view.absorb([made_up.done(made_up.fit("diag-tied", TWO, experiment=1, bic=-9.0))])
    second = updates(view, record_of(view), first["cursor"])
    assert [(c["type"], c["n"], c["model"]) for c in second["cells"]] == [("diag-tied", 2, None)]
    assert second["colours"] == {"full-tied|2": [0, 1], "diag-tied|2": [0, 1]}
    view.absorb([made_up.done(made_up.fit("diag-tied", TWO, experiment=2, bic=-1.0))])
    third = updates(view, record_of(view), second["cursor"])
    assert [(c["n"], c["model"]["experiment"]) for c in third["cells"]] == [(3, 2)]
    assert third["cells"][0]["scores"]["bic"]["mean"] == pytest.approx(-16 / 3)
    assert updates(view, record_of(view), third["cursor"])["cells"] == []


def test_a_client_that_missed_a_model_between_two_polls_gets_it(view, made_up, record_of):
    view.absorb([made_up.done(made_up.fit("full-tied", TWO, bic=-5.0))])
    cursor = updates(view, record_of(view))["cursor"]
    view.absorb([made_up.done(made_up.fit("full-tied", TWO, experiment=1, bic=-1.0))])
    view.absorb([made_up.done(made_up.fit("full-tied", TWO, experiment=2, bic=-3.0))])
    (cell,) = updates(view, record_of(view), cursor)["cells"]
    assert (cell["n"], cell["model"]["experiment"]) == (3, 1)


def test_replayed_updates_add_up_to_the_full_answer(catalogue, spec, outcomes, record_of):
    from dashboard.analysis import JobView

    view, cursor, known = JobView(catalogue, spec), 0, {}
    for outcome in outcomes:
        view.absorb([outcome])
        payload = updates(view, record_of(view), cursor)
        cursor = payload["cursor"]
        for cell in payload["cells"]:
            key = cell["type"], cell["k"]
            model = cell["model"] or known[key]["model"]
            known[key] = cell | {"model": model}
    whole = {(c["type"], c["k"]): c for c in updates(view, record_of(view))["cells"]}
    assert known == whole
    assert list(whole.values()) == cell_records(view)


def test_a_cursor_from_another_life_gets_everything(finished, record_of):
    assert len(updates(finished, record_of(finished), 10_000)["cells"]) == 24


def test_an_empty_job(view, record_of):
    payload = updates(view, record_of(view, n_units_done=0), now=100.5)
    assert (payload["cursor"], payload["cells"], payload["colours"]) == (0, [], {})
    assert payload["recommended"] == {"bic": None, "icl": None, "aic": None}
    assert (payload["job"]["elapsed_s"], payload["job"]["remaining_s"]) == (0.5, None)


def test_times(view, record_of):
    running = record_of(view, n_units_done=96)
    job = updates(view, running, now=110.0)["job"]
    assert (job["elapsed_s"], job["remaining_s"]) == (10.0, None)  # nobody said who runs it
    done = replace(running, state="done", n_units_done=384, finished_at=125.0)
    job = updates(view, done, now=900.0)["job"]
    assert (job["elapsed_s"], job["remaining_s"]) == (25.0, None)


@pytest.mark.parametrize(("k_values", "shown"), [((3,), 3), ((6, 7, 8), "6 to 8")])
def test_errors_say_which_fits_failed(view, made_up, record_of, k_values, shown):
    details = {"covariance_type": "diag-tied", "n_clusters": list(k_values), "experiments": [0]}
    view.absorb([made_up.failed("f" * 64, "The worker ran out of memory.", details)])
    job = updates(view, record_of(view, n_failed=1))["job"]
    assert job["errors"] == [
        {
            "task_id": "f" * 64,
            "message": "The worker ran out of memory.",
            "code": "broken",
            "covariance_type": "diag-tied",
            "k": shown,
        }
    ]


def test_an_error_that_says_nothing_about_its_fits_is_still_shown(view, made_up, record_of):
    view.absorb([made_up.failed("f" * 64)])
    (error,) = updates(view, record_of(view, n_failed=1))["job"]["errors"]
    assert (error["message"], error["covariance_type"], error["k"]) == ("It broke.", None, None)


def test_current_means_same_cursor_and_same_progress(finished, record_of):
    record = record_of(finished)
    payload = updates(finished, record, now=120.0)
    assert is_current(finished, record, payload["cursor"], payload["token"])
    assert updates(finished, record, now=500.0)["token"] == payload["token"]
    assert not is_current(finished, record, payload["cursor"] - 1, payload["token"])
    assert not is_current(finished, record, payload["cursor"], None)
    for change in ({"state": "done"}, {"n_running": 2}, {"n_failed": 1}, {"n_units_done": 97}):
        changed = replace(record, **change)
        assert not is_current(finished, changed, payload["cursor"], payload["token"])


def test_points_are_the_shown_rows(finished):
    record = points(finished)
    assert (record["columns"], record["units"]) == (["a", "b"], ["mS/m", ""])
    assert (record["n_rows"], record["n_shown"]) == (300, 300)


def test_infinite_scores_become_null(view, made_up, record_of):
    bad = made_up.fit(bic=float("-inf"), icl=float("nan"), aic=float("inf"))
    view.absorb([made_up.done(bad)])
    payload = updates(view, record_of(view))
    json.dumps(payload, allow_nan=False)
    assert payload["cells"][0]["scores"]["bic"] == dict.fromkeys(("mean", "low", "high", "best"))
    assert payload["recommended"]["bic"] is None

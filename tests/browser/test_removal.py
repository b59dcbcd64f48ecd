"""What a person sees of things that were deleted, here or in another tab."""

from __future__ import annotations

import pytest
from conftest import write_blobs

from dashboard.planning.spec import JobSpec
from tests.waiting import WAIT_S


@pytest.fixture
def own_job(site, tmp_path) -> JobSpec:
    """A finished job on a table that no other test uses."""
    path = tmp_path / "to be deleted.csv"
    write_blobs(path, seed=11)
    services = site.services()
    try:
        dataset = services.catalogue.add_file(path, path.name)
        spec = JobSpec(
            dataset.dataset_id, dataset.default_columns, k_max=3, n_experiments=1, n_restarts=2
        )
        services.jobs.submit(spec)
        assert services.jobs.wait(spec.job_id, WAIT_S).state == "done"
    finally:
        services.close()
    return spec


def datasets_of(site) -> set[str]:
    services = site.services()
    try:
        return {dataset.dataset_id for dataset in services.catalogue.datasets()}
    finally:
        services.close()


def test_an_uploaded_dataset_is_deleted_after_a_question(page, site, own_job):
    page.open(f"/?job={own_job.job_id}")
    page.until_state("done")
    page.until(lambda: page.shows("dataset-delete"), "an upload can be deleted")
    page.click("dataset-delete")
    page.until_text("removal-text", "“to be deleted.csv” with 300 rows will be removed")
    assert "1 job of it stays listed" in page.text("removal-text")
    page.click("removal-no")
    assert own_job.dataset_id in datasets_of(site)
    page.click("dataset-delete")
    page.until(lambda: page.shows("removal-yes"), "it asks again")
    page.click("removal-yes")
    page.until(lambda: page.query.get("job") != own_job.job_id, "another dataset is analysed")
    assert own_job.dataset_id not in datasets_of(site)
    page.until(lambda: not page.shows("dataset-delete"), "built-ins stay")

    page.open(f"/?job={own_job.job_id}")
    page.until_text("job-problem", "The dataset of this job, “to be deleted.csv”, was deleted")
    page.until(lambda: page.text("progress-state") == "no job", "#progress-state says it")


def test_a_job_deleted_elsewhere_says_so_and_can_be_run_again(page, site, own_job):
    page.open(f"/?job={own_job.job_id}")
    page.until_state("done")
    services = site.services()
    try:
        assert services.jobs.delete(own_job.job_id)
    finally:
        services.close()
    page.allowed += ["404"]
    page.script("window.dispatchEvent(new Event('focus'))")
    page.until_text("job-problem", "This job was deleted. Run starts it again")
    page.until(lambda: page.text("progress-state") == "deleted", "#progress-state says it")
    page.click("run")
    page.until_state("done")
    page.until(lambda: not page.text("job-problem"), "the sentence is gone")

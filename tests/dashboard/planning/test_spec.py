"""What can be asked for, and the sentences for what cannot."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.planning.spec import MAX_FITS_PER_JOB, JobSpec, SpecError, check_spec
from kmeans_core import COVARIANCE_TYPES, DISTANCES


@dataclasses.dataclass(frozen=True)
class Column:
    name: str
    role: str = "measurement"
    minimum: float | None = 0.0
    maximum: float | None = 1.0


@dataclasses.dataclass(frozen=True)
class Dataset:
    columns: tuple[Column, ...] = (
        Column("ec1"),
        Column("ec2"),
        Column("same", "constant", 3.0, 3.0),
        Column("flat", "measurement", 3.0, 3.0),
        Column("hollow", "empty", None, None),
        Column("lon", "longitude"),
        Column("vast", "measurement", -1e155, 2.0),
    )
    other_columns: tuple[str, ...] = ("field",)
    dataset_id: str = "ab" * 32
    n_rows: int = 100

    def position(self, name: str, /) -> int:
        return [column.name for column in self.columns].index(name)


DATASET = Dataset()
SPEC = JobSpec(DATASET.dataset_id, ("ec1", "ec2"))

specs = st.builds(
    JobSpec,
    dataset_id=st.text("0123456789abcdef", min_size=64, max_size=64),
    columns=st.lists(st.text(max_size=20), min_size=1, max_size=5, unique=True).map(tuple),
    standardise=st.booleans(),
    k_min=st.integers(1, 8),
    k_max=st.integers(8, 64),
    covariance_types=st.sets(st.sampled_from(COVARIANCE_TYPES), min_size=1).map(
        lambda found: tuple(kind for kind in COVARIANCE_TYPES if kind in found)
    ),
    n_experiments=st.integers(1, 50),
    n_restarts=st.integers(1, 50),
    min_members=st.none() | st.integers(1, 1_000),
    seed=st.integers(0, 2**32 - 1),
    distance=st.sampled_from(DISTANCES),
    reg_covar=st.floats(1e-12, 1),
    max_iter=st.integers(1, 10_000),
)


@settings(deadline=None)
@given(specs)
def test_specs_survive_json(spec: JobSpec) -> None:
    back = JobSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert back == spec
    assert back.job_id == spec.job_id


def test_the_default_job_is_6000_fits() -> None:
    assert SPEC.n_fits == 6_000
    assert SPEC.k_values == tuple(range(1, 11))


def test_job_id_is_the_same_for_ever() -> None:
    assert SPEC.job_id == "7eb3956e253b5417"


def test_job_id_follows_the_settings_alone() -> None:
    assert len(SPEC.job_id) == 16
    reversed_types = dataclasses.replace(SPEC, covariance_types=COVARIANCE_TYPES[::-1])
    assert reversed_types.job_id == SPEC.job_id
    for change in ({"columns": ("ec2", "ec1")}, {"k_max": 9}, {"seed": 1}, {"n_restarts": 9}):
        assert dataclasses.replace(SPEC, **change).job_id != SPEC.job_id  # type: ignore[arg-type]


def test_fields_with_a_default_may_be_left_out() -> None:
    raw = {"dataset_id": DATASET.dataset_id, "columns": ["ec1", "ec2"]}
    assert JobSpec.from_dict(raw) == SPEC


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"columns": []}, "no_column", "Select a numeric column"),
    ({"columns": "ec1"}, "wrong_type", "columns"),
    ({"columns": ["ec1", 5]}, "wrong_type", "columns[1]"),
    ({"columns": ["ec1", "ec1"]}, "repeated_name", '"ec1"'),
    ({"columns": [f"c{i}" for i in range(65)]}, "too_many_columns", "at most 64"),
    ({"columns": [f"c{i}" for i in range(5_000)]}, "too_many_columns", "5,000"),
    ({"columns": ["x" * 1_001]}, "wrong_length", "columns[0]"),
    ({"dataset_id": "x"}, "bad_dataset_id", "dataset_id"),
    ({"k_min": 0}, "out_of_range", "k_min"),
    ({"k_max": 65}, "out_of_range", "k_max"),
    ({"k_min": 7, "k_max": 3}, "empty_k_range", "7 to 3"),
    ({"k_max": 3.0}, "wrong_type", "k_max"),
    ({"covariance_types": []}, "no_covariance_type", "Switch one on"),
    ({"covariance_types": ["full"]}, "not_allowed", "covariance_types[0]"),
    ({"covariance_types": ["full-tied"] * 2}, "repeated_name", "full-tied"),
    ({"n_experiments": 0}, "out_of_range", "n_experiments"),
    ({"n_experiments": 1_001}, "out_of_range", "n_experiments"),
    ({"n_restarts": True}, "wrong_type", "n_restarts"),
    ({"n_experiments": 1_000, "n_restarts": 1_000}, "too_many_fits", "60,000,000"),
    ({"min_members": 0}, "out_of_range", "min_members"),
    ({"seed": -1}, "out_of_range", "seed"),
    ({"standardise": "yes"}, "wrong_type", "standardise"),
    ({"distance": "x"}, "not_allowed", "distance"),
    ({"reg_covar": float("nan")}, "out_of_range", "reg_covar"),
    ({"max_iter": 0}, "out_of_range", "max_iter"),
    ({"speed": 11}, "unknown_field", "speed"),
]


@pytest.mark.parametrize(("change", "code", "named"), BAD)
def test_settings_that_cannot_be(change: dict[str, Any], code: str, named: str) -> None:
    with pytest.raises(SpecError) as caught:
        JobSpec.from_dict({**SPEC.to_dict(), **change})
    assert caught.value.code == code
    assert named in caught.value.message
    assert "xpected" in caught.value.message or "not known" in caught.value.message
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("raw", [None, [], "spec", {}])
def test_something_else_than_a_spec(raw: object) -> None:
    with pytest.raises(SpecError):
        JobSpec.from_dict(raw)


@pytest.mark.parametrize(
    ("spec", "n_finite_rows", "code", "sentence"),
    [
        (
            dataclasses.replace(SPEC, columns=("ec1", "same")),
            100,
            "constant_column",
            'Expected columns that vary, got "same", which has the same value in every row. Leave'
            " it out: it cannot tell groups apart.",
        ),
        (
            dataclasses.replace(SPEC, columns=("flat",)),
            100,
            "constant_column",
            'Expected columns that vary, got "flat", which has the same value in every row. Leave'
            " it out: it cannot tell groups apart.",
        ),
        (
            dataclasses.replace(SPEC, columns=("hollow",)),
            0,
            "empty_column",
            'Expected numbers in every chosen column, got none in "hollow". Leave it out.',
        ),
        (
            dataclasses.replace(SPEC, columns=("field",)),
            100,
            "not_numeric",
            'Expected numeric columns, got "field", which holds text. Leave it out or store its'
            " values as numbers.",
        ),
        (
            dataclasses.replace(SPEC, columns=("ec3",)),
            100,
            "unknown_column",
            'Expected columns of the dataset, got "ec3", which it does not have. Choose among ec1,'
            " ec2, same, flat, hollow, lon, vast.",
        ),
        (
            dataclasses.replace(SPEC, columns=("ec1", "vast")),
            100,
            "too_large",
            'Expected values of at most 1e+150 in size, got 1e+155 in "vast". Leave the column out'
            " or give it in larger units.",
        ),
        (
            SPEC,
            0,
            "no_rows",
            "Expected rows with a number in every chosen column (ec1, ec2), got none among 100"
            " rows. Leave out the column with the most missing values.",
        ),
        (
            dataclasses.replace(SPEC, k_max=1),
            1,
            "one_row",
            "Expected at least 2 rows with a number in every chosen column, got 1: one row cannot"
            " be grouped. Choose fewer columns or a dataset with more rows.",
        ),
        (
            SPEC,
            9,
            "too_many_clusters",
            "Expected K to be at most the number of usable rows, 9, got K up to 10. Lower the"
            " upper end of the K range to 9 or less.",
        ),
        (
            dataclasses.replace(SPEC, columns=()),
            100,
            "no_column",
            "Expected at least one column to fit, got none. Select a numeric column.",
        ),
    ],
)
def test_specs_that_do_not_suit_the_dataset(
    spec: JobSpec, n_finite_rows: int, code: str, sentence: str
) -> None:
    with pytest.raises(SpecError) as caught:
        check_spec(spec, DATASET, n_finite_rows)
    assert (caught.value.code, caught.value.message) == (code, sentence)


def test_specs_that_suit_the_dataset() -> None:
    check_spec(SPEC, DATASET, 10)
    check_spec(dataclasses.replace(SPEC, columns=("lon",)), DATASET, 100)
    largest = dataclasses.replace(SPEC, n_experiments=1_000, n_restarts=16)
    assert largest.n_fits <= MAX_FITS_PER_JOB
    check_spec(largest, DATASET, 100)

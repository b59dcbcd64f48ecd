"""Colours: the rules that `matching` promises, on cases by hand and on random partitions."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dashboard.analysis.matching import N_SLOTS, ColourMatcher, Partition, match_colours
from kmeans_core import COVARIANCE_TYPES


def labels(*sizes: int) -> np.ndarray:
    return np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes)


@st.composite
def some_cells(draw):
    """A few cells over the same 40 rows, every cluster with at least one row."""
    keys = draw(
        st.lists(
            st.tuples(st.sampled_from(COVARIANCE_TYPES), st.integers(1, 6)),
            min_size=1,
            max_size=10,
            unique=True,
        )
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cells = {}
    for key in keys:
        values = np.concatenate([np.arange(key[1]), rng.integers(0, key[1], 40 - key[1])])
        cells[key] = rng.permutation(values).astype(np.uint8)
    return cells


def test_a_split_keeps_the_colour_for_the_bigger_part_and_gives_the_rest_a_new_one():
    before = labels(60, 40)
    # Cluster 0 (60 rows) splits into 20 and 40 rows; sizes order them 40, 40, 20 or otherwise.
    after = np.concatenate([np.full(20, 2), np.full(40, 1), np.full(40, 0)]).astype(np.uint8)
    slots = match_colours({("full-tied", 2): before, ("full-tied", 3): after})
    assert slots["full-tied", 2] == [0, 1]
    assert slots["full-tied", 3] == [1, 0, 2]


def test_hungarian_beats_greedy_by_hand():
    # Overlaps with the coloured cell: [[30, 29], [28, 3]]. Taking the largest first keeps
    # 30 + 3 = 33 rows in their colour, the best assignment 29 + 28 = 57.
    coloured = np.concatenate([np.zeros(58), np.ones(32)]).astype(np.uint8)
    new = np.concatenate([np.zeros(30), np.ones(28), np.zeros(29), np.ones(3)]).astype(np.uint8)
    slots = match_colours({("full-tied", 2): coloured, ("diag-tied", 2): new})
    assert slots["full-tied", 2] == [0, 1]
    assert slots["diag-tied", 2] == [1, 0]


def test_the_first_cell_is_coloured_by_size_whatever_its_numbers():
    by_size = np.concatenate([np.full(3, 2), np.full(5, 0), np.full(4, 1)]).astype(np.uint8)
    assert match_colours({("diag-tied", 3): by_size})["diag-tied", 3] == [0, 1, 2]
    renumbered = np.array([2, 0, 1], dtype=np.uint8)[by_size]
    assert match_colours({("diag-tied", 3): renumbered})["diag-tied", 3] == [1, 2, 0]


def test_a_gap_in_k_is_bridged_by_the_nearest_lower_k():
    slots = match_colours(
        {("full-tied", 2): labels(60, 40), ("full-tied", 4): labels(10, 50, 39, 1)}
    )
    assert slots["full-tied", 4] == [2, 0, 1, 3]


def test_clusters_without_a_drawn_row_get_the_free_slots():
    assert match_colours({("full-tied", 3): np.ones(5, dtype=np.uint8)})["full-tied", 3] == [
        1,
        0,
        2,
    ]


@given(some_cells())
def test_slots_are_unique_inside_a_cell_and_in_the_palette(cells):
    for (_, k), slots in match_colours(cells).items():
        assert len(set(slots)) == k
        assert set(slots) <= set(range(N_SLOTS))


def test_more_clusters_than_slots_are_still_told_apart():
    many = np.arange(64, dtype=np.uint8)
    slots = match_colours({("full-tied", 64): many})["full-tied", 64]
    assert sorted(slots) == list(range(64))


def test_an_unrelated_cluster_takes_no_colour_that_means_something_else():
    # The second type splits group 0 in three and leaves groups 1 and 2 as one. The slot of group 2
    # (50 rows) stays unused, because no part of group 0 has anything to do with it.
    first = labels(150, 100, 50)
    second = np.concatenate([np.zeros(70), np.ones(50), np.full(30, 2), np.full(150, 3)])
    fresh = match_colours({("full-tied", 3): first, ("full-tied", 4): second.astype(np.uint8)})[
        "full-tied", 4
    ]
    assert fresh == [0, 3, 4, 1]


def test_sharing_a_few_rows_is_not_enough_for_a_colour():
    first = labels(100, 100)
    # Cluster 1 of the new cell has 40 rows of group 0 and 5 of group 1, whose colour goes to 2.
    second = np.concatenate([np.zeros(60), np.ones(40), np.ones(5), np.full(95, 2)])
    slots = match_colours({("full-tied", 2): first, ("full-tied", 3): second.astype(np.uint8)})
    assert slots["full-tied", 3] == [0, 2, 1]


@given(some_cells(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(cells, random):
    shuffled = list(cells.items())
    random.shuffle(shuffled)
    assert match_colours(dict(shuffled)) == match_colours(cells)


@given(some_cells())
def test_later_cells_change_nothing(cells):
    everything = match_colours(cells)
    low = {key: value for key, value in cells.items() if key[1] <= 3}
    assert match_colours(low) == {key: everything[key] for key in low}


@given(some_cells(), st.integers(0, 2**32 - 1))
def test_colours_follow_the_rows_not_the_cluster_numbers(cells, seed):
    rng = np.random.default_rng(seed)
    renumbered = {key: rng.permutation(key[1]).astype(np.uint8)[v] for key, v in cells.items()}
    before, after = match_colours(cells), match_colours(renumbered)
    for key, value in cells.items():
        per_row = np.array(before[key])[value]
        assert np.array_equal(np.array(after[key])[renumbered[key]], per_row)


@given(some_cells(), st.data())
def test_the_same_clustering_at_the_same_k_has_the_same_colours(cells, data):
    key = data.draw(st.sampled_from(sorted(cells)))
    twins = {(name, key[1]): cells[key] for name in COVARIANCE_TYPES}
    slots = match_colours(cells | twins)
    assert len({tuple(slots[twin]) for twin in twins}) == 1


def test_kept_overlaps_give_the_same_colours_as_fresh_ones():
    rng = np.random.default_rng(3)
    keys = [(name, k) for k in (1, 2, 3, 4) for name in COVARIANCE_TYPES]
    kept, partitions = ColourMatcher(), {}
    for version, key in enumerate([*keys, *keys], start=1):
        partitions[key] = Partition(rng.integers(0, key[1], 200).astype(np.uint8), version)
        fresh = match_colours({k: p.labels for k, p in partitions.items()})
        assert kept.match(partitions) == fresh

"""Which colour each cluster gets, so that "the same" cluster keeps its colour everywhere.

Cells are coloured in one canonical order (K ascending, covariance types in their usual order), each
from the cells before it: the same type at the next lower K, and the types already coloured at the
same K. Each reference lends its colours by the rows it shares with the new cell's clusters, and
counts the more the more similar it is (squared adjusted Rand index, with a small floor so that a
split of everything still inherits). The assignment that keeps the most rows in their colour is
found with the Hungarian method (Kuhn 1955; `scipy.optimize.linear_sum_assignment`). Two clusters
may share a colour only if they share a fifth of the rows of one of them; whoever finds no such
partner takes the lowest slot that none of the references uses, so that a colour does not mean two
unrelated groups side by side (up to `N_SLOTS`; beyond, the lowest that is free in the cell). Hence

- the result depends on the set of cells alone, not on the order of their arrival;
- cells that come later in the canonical order change nothing that is already coloured;
- the clusters of a cell have different slots, whatever K is;
- a clustering equal to one already coloured at the same K gets exactly its colours;
- how the clusters of a cell are numbered does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from dashboard.analysis.partition_agreement import IntArray, adjusted_rand_index_of, overlap
from dashboard.analysis.records import CellKey, Labels
from kmeans_core import COVARIANCE_TYPES

WEIGHT_FLOOR = 0.01
LEAST_SHARE = 0.2
N_SLOTS = 20


@dataclass(frozen=True, slots=True)
class Partition:
    """A clustering of the drawn rows: labels (m,) uint8, and a version that names its content."""

    labels: Labels
    version: int


class ColourMatcher:
    """Matches colours again and again while cells change; keeps the overlaps that still hold.

    Not thread-safe: its owner holds a lock.
    """

    def __init__(self) -> None:
        self._overlaps: dict[tuple[CellKey, CellKey], tuple[int, int, IntArray]] = {}

    def match(self, partitions: Mapping[CellKey, Partition]) -> dict[CellKey, list[int]]:
        """Palette slot of each cluster of each cell: {(type, K): [slot of cluster 0, ...]}."""
        slots: dict[CellKey, list[int]] = {}
        for key in sorted(partitions, key=canonical_order):
            references = _references(key, slots)
            tables = [self._overlap(key, other, partitions) for other in references]
            order = _numbering_free_order(partitions[key].labels, key[1])
            slots[key] = _colour(tables, [slots[r] for r in references], order)
        return slots

    def _overlap(
        self, key: CellKey, other: CellKey, partitions: Mapping[CellKey, Partition]
    ) -> IntArray:
        here, there = partitions[key], partitions[other]
        known = self._overlaps.get((key, other))
        if known is not None and known[:2] == (here.version, there.version):
            return known[2]
        table = overlap(here.labels, there.labels, key[1], other[1])
        self._overlaps[key, other] = (here.version, there.version, table)
        return table


def match_colours(labels: Mapping[CellKey, Labels]) -> dict[CellKey, list[int]]:
    """Palette slots for a set of cells, given the labels (m,) of the same rows in each."""
    return ColourMatcher().match({key: Partition(value, 0) for key, value in labels.items()})


def canonical_order(key: CellKey) -> tuple[int, int]:
    """Sort key of cells: K ascending, then covariance types in their usual order."""
    return key[1], COVARIANCE_TYPES.index(key[0])


def _references(key: CellKey, coloured: Mapping[CellKey, list[int]]) -> list[CellKey]:
    covariance_type, k = key
    lower = [other for other in coloured if other[0] == covariance_type and other[1] < k]
    nearest = [max(lower, key=lambda other: other[1])] if lower else []
    return nearest + [other for other in coloured if other[1] == k]


def _colour(tables: list[IntArray], slots: list[list[int]], order: list[int]) -> list[int]:
    k = len(order)
    taken = {slot for known in slots for slot in known}
    affinity = np.zeros((k, 1 + max(taken, default=0)))
    for table, known in zip(tables, slots, strict=True):
        if table.shape[1] == k and (copied := _same_partition(table)) is not None:
            return [known[j] for j in copied]
        weight = max(adjusted_rand_index_of(table), 0.0) ** 2 + WEIGHT_FLOOR
        affinity[:, known] += weight * _related(table)
    rows, columns = linear_sum_assignment(affinity[order], maximize=True)
    result = [-1] * k
    for row, slot in zip(rows, columns, strict=True):
        if affinity[order[row], slot] > 0:
            result[order[row]] = int(slot)
    fresh = [slot for slot in range(N_SLOTS) if slot not in taken]
    free = iter([*fresh, *sorted(set(range(N_SLOTS + k)) - set(fresh) - set(result))])
    for cluster in order:
        if result[cluster] < 0:
            result[cluster] = next(free)
    return result


def _related(table: IntArray) -> IntArray:
    """The table without pairs that share less than `LEAST_SHARE` of the smaller one's rows."""
    smaller = np.minimum(table.sum(axis=1, keepdims=True), table.sum(axis=0, keepdims=True))
    return np.where(table >= LEAST_SHARE * smaller, table, 0)


def _same_partition(table: IntArray) -> list[int] | None:
    """For each cluster its equal in the reference, or None when the partitions differ."""
    shared = table > 0
    if (shared.sum(axis=0) == 1).all() and (shared.sum(axis=1) == 1).all():
        return [int(j) for j in shared.argmax(axis=1)]
    return None


def _numbering_free_order(labels: Labels, k: int) -> list[int]:
    """Clusters from the largest to the smallest, ties by their first row: not by their number."""
    sizes = np.bincount(labels, minlength=k)
    first = np.full(k, labels.size)
    seen, at = np.unique(labels, return_index=True)
    first[seen] = at
    return sorted(range(k), key=lambda j: (-int(sizes[j]), int(first[j]), j))

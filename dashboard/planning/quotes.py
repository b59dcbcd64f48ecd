"""The quotes of one installation: made once per change of the settings."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict

from dashboard.planning.job_kinds import Spec, job_kind
from dashboard.planning.quote import Provider, Quote, Tables

REMEMBERED = 4
"""Quotes that are kept: one for the settings in view, and a few for other people."""


class Quotes:
    """The quotes of one catalogue and one backend; the last few are remembered.

    Safe to use from several threads. What costs and concurrency a backend has, and what rows a
    dataset holds, never changes: a remembered quote stays right until its dataset is deleted.
    """

    def __init__(self, tables: Tables, provider: Provider) -> None:
        self._tables, self._provider = tables, provider
        self._lock = threading.Lock()
        self._known: OrderedDict[Spec, Quote] = OrderedDict()

    def of(self, spec: Spec) -> Quote:
        """The quote for `spec`. Raises DatasetError and SpecError when it cannot be run."""
        dataset = self._tables.get(spec.dataset_id)
        with self._lock:
            known = self._known.get(spec)
        if known is None:
            known = job_kind(spec.kind).quote(spec, self._tables, self._provider)
        with self._lock:
            self._known[spec] = known
            self._known.move_to_end(spec)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return dataclasses.replace(known, dataset=dataset)

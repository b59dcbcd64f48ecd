"""One call of the function, and how it can end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

FailureKind = Literal[
    "throttled",  # as many calls in flight as are allowed
    "request_too_large",
    "response_too_large",
    "function_error",  # the handler raised
    "init_error",  # the module could not be imported
    "timed_out",
    "crashed",  # the process ended in the middle
    "stopped",  # this program is ending
]


@dataclass(frozen=True, slots=True)
class Answered:
    """The JSON that the handler returned."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer, and why."""

    kind: FailureKind


Outcome = Answered | Failed


@dataclass(slots=True)
class Invocation:
    """A call that an environment has been given. Times are of the event loop's clock."""

    request_id: str
    payload: bytes
    outcome: asyncio.Future[Outcome]
    began_s: float
    deadline_s: float = 0.0
    timer: asyncio.TimerHandle | None = None

    def settle(self, outcome: Outcome) -> bool:
        """Whether this is the first outcome; later ones change nothing."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.outcome.done():
            return False
        self.outcome.set_result(outcome)
        return True

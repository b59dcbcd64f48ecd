"""How a function of `assets/` is connected to the components whose changes it answers.

All functions live in `window.dash_clientside.centaurus`. Those that only have an effect (they write
with `dash_clientside.set_props`, or touch what Dash knows nothing of) still need an output: a
*sink*, an empty store that exists for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc

NAMESPACE = "centaurus"


@dataclass(frozen=True, slots=True)
class Effect:
    """A browser function without a result: what it is told, and whether at the start as well."""

    name: str
    inputs: tuple[Input, ...]
    states: tuple[State, ...] = ()
    at_start: bool = True

    @property
    def sink(self) -> str:
        """Id of the store that takes the unused output."""
        return f"sink-{self.name}"


def sinks(effects: Iterable[Effect]) -> list[dcc.Store]:
    """The stores that `connect_effects` needs on the page."""
    return [dcc.Store(id=effect.sink) for effect in effects]


def connect_effects(app: Dash, effects: Iterable[Effect]) -> None:
    """Call each function when one of its inputs changes."""
    for effect in effects:
        app.clientside_callback(
            ClientsideFunction(NAMESPACE, effect.name),
            Output(effect.sink, "data"),
            *effect.inputs,
            *effect.states,
            prevent_initial_call=not effect.at_start,
        )


def connect(app: Dash, name: str, outputs: Any, *arguments: Input | State) -> None:
    """Write what the function called `name` answers into `outputs`."""
    duplicate = getattr(outputs, "allow_duplicate", False)
    app.clientside_callback(
        ClientsideFunction(NAMESPACE, name), outputs, *arguments, prevent_initial_call=duplicate
    )

"""Reading fields out of untrusted JSON, with errors that say expected, came, and remedy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from compute_lambda.contract.errors import ContractError

_SHOWN_CHARACTERS = 80


def shown(value: object) -> str:
    """A value as it appears in an error message: its JSON type and a short excerpt."""
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    kinds |= {list: "list", tuple: "list", dict: "object"}
    kind = kinds.get(type(value), type(value).__name__)
    if value is None:
        return "null"
    if isinstance(value, (list, tuple, dict)):
        return f"{kind} of {len(value)}"
    # str() of an int above 4,300 digits raises; nothing that long is worth showing anyway.
    too_long = isinstance(value, int) and value.bit_length() > 256
    text = "a very long one" if too_long else repr(value)
    if len(text) > _SHOWN_CHARACTERS:
        text = text[:_SHOWN_CHARACTERS] + "…"
    return f"{kind} {text}"


class Fields:
    """Typed, range-checked access to the fields of one JSON object.

    Every reader raises ContractError with a code from `wrong_type`, `out_of_range`,
    `missing_field`, `unknown_field`, `not_allowed` and `wrong_length`. `where` is the path of the
    object in the payload ("fits[2].model").
    """

    def __init__(self, raw: object, allowed: Iterable[str], where: str = "") -> None:
        self.where = where
        name = where or "the payload"
        if not isinstance(raw, (dict, Mapping)):  # dict first: the other question is slow
            raise ContractError(
                "wrong_type",
                f"Expected {name} to be a JSON object, got {shown(raw)}. Send an object with the"
                " documented fields.",
                {"field": where, "expected": "object"},
            )
        self.raw: Mapping[str, Any] = raw
        known = tuple(allowed)
        unknown = sorted(map(str, set(raw).difference(known)))
        if unknown:
            field = self.path(unknown[0][:_SHOWN_CHARACTERS])
            raise ContractError(
                "unknown_field",
                f"Field {field} is not known here. Known fields are {', '.join(known)}; remove or"
                " correct it.",
                {"field": field, "known": list(known)},
            )

    def path(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name

    def has(self, name: str) -> bool:
        return name in self.raw

    def value(self, name: str) -> Any:
        if name not in self.raw:
            raise ContractError(
                "missing_field",
                f"Field {self.path(name)} is required and is missing. Add it to the payload.",
                {"field": self.path(name)},
            )
        return self.raw[name]

    def integer(self, name: str, low: int, high: int) -> int:
        return checked_integer(self.value(name), self.path(name), low, high)

    def number(self, name: str, low: float = -math.inf, high: float = math.inf) -> float:
        return checked_number(self.value(name), self.path(name), low, high)

    def boolean(self, name: str) -> bool:
        value = self.value(name)
        if not isinstance(value, bool):
            raise wrong_type(self.path(name), "true or false", value)
        return value

    def text(self, name: str, max_characters: int = 200) -> str:
        value = self.value(name)
        if not isinstance(value, str):
            raise wrong_type(self.path(name), "a string", value)
        if len(value) > max_characters:
            raise wrong_length(self.path(name), f"at most {max_characters} characters", len(value))
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self.value(name)
        if not isinstance(value, str):
            raise wrong_type(self.path(name), "a string", value)
        if value not in allowed:
            raise ContractError(
                "not_allowed",
                f"Expected {self.path(name)} to be one of {', '.join(allowed)}, got {shown(value)}."
                " Choose one of these.",
                {"field": self.path(name), "allowed": list(allowed)},
            )
        return value

    def array(self, name: str, low: int, high: int) -> list[Any]:
        return checked_list(self.value(name), self.path(name), low, high)

    def integers(
        self, name: str, low: int, high: int, *, max_length: int, ascending: bool = False
    ) -> tuple[int, ...]:
        """A list of 1 to `max_length` distinct integers (in ascending order where asked)."""
        path = self.path(name)
        items = self.array(name, 1, max_length)
        numbers = tuple(
            checked_integer(item, f"{path}[{index}]", low, high) for index, item in enumerate(items)
        )
        in_order = numbers == tuple(sorted(numbers)) or not ascending
        if len(set(numbers)) != len(numbers) or not in_order:
            expected = "different integers" + (" in ascending order" if ascending else "")
            raise ContractError(
                "not_allowed",
                f"Expected {path} to hold {expected}, got {list(numbers[:10])}. Remove repeated"
                " values" + (" and sort the list." if ascending else "."),
                {"field": path, "expected": expected},
            )
        return numbers


def wrong_type(field: str, expected: str, value: object) -> ContractError:
    return ContractError(
        "wrong_type",
        f"Expected {field} to be {expected}, got {shown(value)}. Change its type.",
        {"field": field, "expected": expected},
    )


def wrong_length(field: str, expected: str, length: int) -> ContractError:
    return ContractError(
        "wrong_length",
        f"Expected {field} to have {expected}, got {length}. Make it fit.",
        {"field": field, "expected": expected, "length": length},
    )


def checked_integer(value: object, field: str, low: int, high: int) -> int:
    """`value` as int; bool is refused because JSON true would pass as 1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(field, "an integer", value)
    if not low <= value <= high:
        raise out_of_range(field, low, high, value)
    return value


def checked_number(value: object, field: str, low: float, high: float) -> float:
    """`value` as a finite float within [low, high]; bool is refused."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong_type(field, "a number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ContractError(
            "out_of_range",
            f"Expected {field} to be a finite number, got {shown(value)}. Send a finite number.",
            {"field": field, "expected": "a finite number"},
        )
    if not low <= number <= high:
        raise out_of_range(field, low, high, value)
    return number


def checked_list(value: object, field: str, low: int, high: int) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise wrong_type(field, "a list", value)
    if not low <= len(value) <= high:
        expected = f"exactly {low} entries" if low == high else f"{low} to {high} entries"
        raise wrong_length(field, expected, len(value))
    return list(value)


def out_of_range(field: str, low: float, high: float, value: object) -> ContractError:
    if math.isinf(high):
        expected = f"at least {low}"
    elif math.isinf(low):
        expected = f"at most {high}"
    else:
        expected = f"between {low} and {high}"
    return ContractError(
        "out_of_range",
        f"Expected {field} to be {expected}, got {shown(value)}. Choose a value in that range.",
        {"field": field, "expected": expected},
    )

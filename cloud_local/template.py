"""What sam_template.yaml says, with its references resolved for this machine.

Only what the local cloud needs: parameters, conditions and the intrinsic functions that occur in
the properties read here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cloud_local.gateway.payload_format import ACCOUNT_ID

TEMPLATE_PATH = Path(__file__).resolve().parent.parent / "sam_template.yaml"

_NO_VALUE = object()


class TemplateProblem(ValueError):
    """The template holds something that the local cloud cannot read."""


class TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref X` is {"Ref": X}, `!Sub` {"Fn::Sub": ...}."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


TemplateLoader.add_multi_constructor("!", _short_form)


class Template:
    """A SAM template for one stack name, region and choice of parameters.

    Physical names are those that the template gives, else `<stack>-<logical id>` in lower case.
    """

    def __init__(
        self,
        text: str,
        *,
        stack: str = "centaurus-local",
        region: str = "eu-central-1",
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self._source: dict[str, Any] = yaml.load(text, TemplateLoader)
        declared = self._source.get("Parameters") or {}
        unknown = sorted(set(parameters or {}) - set(declared))
        if unknown:
            raise TemplateProblem(f"Expected parameters of the template, got {unknown[0]!r}.")
        self._values: dict[str, Any] = {
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::NoValue": _NO_VALUE,
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackName": stack,
            "AWS::URLSuffix": "amazonaws.com",
            **{name: entry.get("Default", "") for name, entry in declared.items()},
            **(parameters or {}),
        }
        self.stack = stack

    @classmethod
    def read(cls, path: Path = TEMPLATE_PATH, **choices: Any) -> Template:
        return cls(path.read_text(encoding="utf-8"), **choices)

    @property
    def resources(self) -> dict[str, Any]:
        return dict(self._source["Resources"])

    def only(self, resource_type: str) -> tuple[str, dict[str, Any]]:
        """The logical id and the resolved properties of the one resource of this type.

        For a function, what `Globals` says is merged in. Raises TemplateProblem unless there is
        exactly one whose condition holds.
        """
        found = [
            name
            for name, resource in self.resources.items()
            if resource["Type"] == resource_type and self._holds(resource.get("Condition"))
        ]
        if len(found) != 1:
            raise TemplateProblem(f"Expected one {resource_type}, got {found}.")
        section = resource_type.removeprefix("AWS::Serverless::")
        shared = (self._source.get("Globals") or {}).get(section) or {}
        own = self.resources[found[0]].get("Properties") or {}
        return found[0], self.resolved(_merged(shared, own))

    def physical_name(self, logical_id: str) -> str:
        """The name under which the resource exists."""
        properties = self.resources[logical_id].get("Properties") or {}
        for key in ("BucketName", "TableName", "FunctionName", "LogGroupName"):
            if key in properties:
                return str(self.resolved(properties[key]))
        return f"{self.stack}-{logical_id}".lower()

    def resolved(self, value: Any) -> Any:
        """`value` without intrinsic functions; what has no value is left out."""
        if isinstance(value, list):
            items = [self.resolved(item) for item in value]
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name.removeprefix("Fn::"), argument)
        pairs = {key: self.resolved(item) for key, item in value.items()}
        return {key: item for key, item in pairs.items() if item is not _NO_VALUE}

    def _function(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._reference(argument)
        if name == "GetAtt":
            return self._attribute(*argument)
        if name == "Sub":
            return self._substituted(argument)
        if name == "If":
            condition, then, otherwise = argument
            return self.resolved(then if self._holds(condition) else otherwise)
        if name == "Join":
            separator, parts = argument
            return str(separator).join(str(part) for part in self.resolved(parts))
        raise TemplateProblem(f"Expected functions that the local cloud knows, got Fn::{name}.")

    def _reference(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name in self.resources:
            return self.physical_name(name)
        raise TemplateProblem(f"Expected a parameter or resource, got a reference to {name!r}.")

    def _attribute(self, logical_id: str, attribute: str) -> str:
        kind = self.resources[logical_id]["Type"].split("::")[1].lower()
        if attribute != "Arn":
            return f"{logical_id}.{attribute}"
        region = "" if kind == "s3" else self._values["AWS::Region"]
        account = "" if kind == "s3" else ACCOUNT_ID
        return f"arn:aws:{kind}:{region}:{account}:{self.physical_name(logical_id)}"

    def _substituted(self, argument: Any) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})
        own = {name: self.resolved(value) for name, value in given.items()}

        def value_of(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in own:
                return str(own[name])
            logical_id, _, attribute = name.partition(".")
            if attribute and logical_id in self.resources:
                return self._attribute(logical_id, attribute)
            return str(self._reference(name))

        return re.sub(r"\$\{([^}]+)\}", value_of, text)

    def _holds(self, condition: Any) -> bool:
        if condition is None:
            return True
        if isinstance(condition, str):
            return self._holds(self._source["Conditions"][condition])
        ((name, argument),) = condition.items()
        if name == "Condition":
            return self._holds(argument)
        if name == "Fn::Equals":
            left, right = self.resolved(argument)
            return str(left) == str(right)
        if name == "Fn::Not":
            return not self._holds(argument[0])
        if name in ("Fn::And", "Fn::Or"):
            held = [self._holds(part) for part in argument]
            return all(held) if name == "Fn::And" else any(held)
        raise TemplateProblem(f"Expected conditions that the local cloud knows, got {name}.")


def _merged(shared: Any, own: Any) -> Any:
    if isinstance(shared, dict) and isinstance(own, dict):
        names = {*shared, *own}
        both = {
            name: _merged(shared[name], own[name]) for name in names if name in shared.keys() & own
        }
        return {**shared, **own, **both}
    return own

"""What Lambda brings along beside the function: its runtime client and boto3, and nothing else.

A worker runs without this environment's site-packages. A module that the artefact lacks is then
missing here too, and not only after the deployment.
"""

from __future__ import annotations

import os
import re
from importlib.metadata import Distribution, distribution
from pathlib import Path

BROUGHT_ALONG = ("awslambdaric", "boto3")


def link_runtime_root(folder: Path) -> Path:
    """Links in `folder` to the installed packages; the folder is made anew."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for package in _with_requirements(BROUGHT_ALONG):
        for name in _top_level_names(package):
            link = folder / name
            if not link.is_symlink():
                link.symlink_to(Path(str(package.locate_file(name))).resolve())
    return folder


def _with_requirements(names: tuple[str, ...]) -> list[Distribution]:
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = distribution(name)
        for requirement in found[name].requires or ():
            if "extra ==" not in requirement:
                match = re.match(r"[A-Za-z0-9._-]+", requirement)
                if match:
                    waiting.append(re.sub(r"[-_.]+", "-", match[0]).lower())
    return list(found.values())


def _top_level_names(package: Distribution) -> set[str]:
    first_parts = {file.parts[0] for file in package.files or ()}
    return {
        name
        for name in first_parts
        if name not in ("..", "__pycache__") and not name.endswith((".dist-info", os.sep))
    }

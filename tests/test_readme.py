"""What the README says is so: its settings, its commands, its pictures, its code."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from dashboard.settings import markdown_table

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_settings_table_is_the_programs_own() -> None:
    start = README.index("<!-- settings:")
    section = README[README.index("\n", start) : README.index("<!-- end of settings -->")]
    assert section.strip() == markdown_table().strip()


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    named = set(re.findall(r"(?:`|^    )make ([a-z-]+)", README, flags=re.MULTILINE))
    assert {"run", "test"} <= named
    assert named - targets == set()


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert len(pictures) >= 1
    for picture in pictures:
        assert (ROOT / picture).stat().st_size > 10_000, picture


def test_the_example_for_python_runs_as_printed() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    random = np.random.default_rng(0)
    centres = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])
    truth = np.repeat(np.arange(4), 50)
    names: dict[str, object] = {"X": centres[truth] + random.normal(size=(200, 2))}
    exec(code, names)
    model = names["model"]
    assert sorted(np.bincount(model.labels_)) == [50, 50, 50, 50]  # type: ignore[attr-defined]

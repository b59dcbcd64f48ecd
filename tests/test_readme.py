"""What the README says is so: its settings, its commands, its pictures, its code."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from dashboard.planning.prices import Prices
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
    named = set(
        re.findall(r"(?:`|^    (?:[A-Z_]+=\w+ )*)make ([a-z-]+)", README, flags=re.MULTILINE)
    )
    assert {"run", "test"} <= named
    assert named - targets == set()


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert len(pictures) >= 1
    for picture in pictures:
        if picture.endswith(".svg"):
            drawing = ElementTree.parse(ROOT / picture)
            assert len(list(drawing.iter("{http://www.w3.org/2000/svg}text"))) > 10, picture
        else:
            assert (ROOT / picture).stat().st_size > 10_000, picture


def test_the_costs_on_aws_follow_from_the_prices() -> None:
    text = " ".join(README[README.index("**Costs.**") :].split())
    found = re.search(
        r"in (\d+) tasks, ([\d.]+) s of fitting in all\) costs \$([\d.]+) for functions and"
        r" requests, \$([\d.]+) when fifty functions start .* a whole hour costs \$([\d.]+)\."
        r" List prices of us-east-1 on (\w+) with (\d+) MB",
        text,
    )
    assert found is not None
    n_tasks, fit_s, warm, cold, hour = (float(number) for number in found.groups()[:5])
    prices, memory_mb = Prices.of(found[6]), float(found[7])
    # A warm task takes 5 ms beside its fit, a start 250 ms: what the benchmarks hold.
    billed_ms = fit_s * 1e3 + 5 * n_tasks
    assert round(prices.cost_usd(billed_ms, memory_mb, int(n_tasks)), 4) == warm
    assert abs(prices.cost_usd(billed_ms + 50 * 250, memory_mb, int(n_tasks)) - cold) < 0.0001
    assert round(prices.cost_usd(3_600_000, memory_mb, 1), 2) == hour


def test_the_rights_that_are_named_are_outputs_and_prefixes_of_the_stack() -> None:
    template = (ROOT / "sam_template.yaml").read_text(encoding="utf-8")
    section = README[README.index("**Rights.**") : README.index("**Costs.**")]
    assert "DashboardPolicyArn" in section
    for name in ("DashboardPolicyArn:", "/datasets/*", "/results/*"):
        assert name in template
    for name in re.findall(r"(\w+)=", README[README.index('`PARAMETERS="') :].split('"')[1]):
        assert re.search(rf"^  {name}:$", template, flags=re.MULTILINE), name


def test_the_example_for_python_runs_as_printed() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    random = np.random.default_rng(0)
    centres = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])
    truth = np.repeat(np.arange(4), 50)
    names: dict[str, object] = {"X": centres[truth] + random.normal(size=(200, 2))}
    exec(code, names)
    model = names["model"]
    assert sorted(np.bincount(model.labels_)) == [50, 50, 50, 50]  # type: ignore[attr-defined]

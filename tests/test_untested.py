"""The line at the end of a run that says what was not tested."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.untested import untested
from tests.waiting import WAIT_S

ROOT = Path(__file__).resolve().parent.parent
MODULE = """
import pytest

{before}

@pytest.mark.skipif({skipped}, reason="Redis: none here (apt-get install redis-server)")
@pytest.mark.parametrize("n", [1, 2])
def test_with_redis(n):
    pass

def test_on_arm64():
    if {skipped}:
        pytest.skip("arm64: no qemu (apt-get install qemu-user)")
"""


def last_line(folder: Path, *options: str) -> str:
    plain = ("-p", "no:cacheprovider", "-p", "xdist", "-p", "tests.untested", "-c", "/dev/null")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--rootdir", str(folder), *plain, *options, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.rstrip("\n").rpartition("\n")[2]


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["one process", "another process"])
def test_the_last_line_names_what_was_left_out(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "test_some.py").write_text(MODULE.format(before="", skipped=True))
    whole = 'pytest.skip("the kernel: none (make install)", allow_module_level=True)'
    (tmp_path / "test_whole.py").write_text(MODULE.format(before=whole, skipped=False))
    line = last_line(tmp_path, *options)
    head, *rest = line.split("; ")
    assert head == "Not tested: Redis: none here (apt-get install redis-server) [2]"
    assert sorted(rest) == [
        "arm64: no qemu (apt-get install qemu-user)",
        "the kernel: none (make install)",
    ]


def test_a_run_that_left_nothing_out_ends_as_ever(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(MODULE.format(before="", skipped=False))
    assert "3 passed" in last_line(tmp_path)
    assert untested([]) == ""

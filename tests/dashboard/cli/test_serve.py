"""`serve`: the address, its problems, and a graceful end."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dashboard.cli.conftest import PROCESS_S, Cli

Start = Callable[..., subprocess.Popen[str]]


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_serves_and_stops(
    start: Start, data_dir: Path, signal_number: signal.Signals
) -> None:
    process = start("serve", "--port", "0")
    line = first_line(process)
    match = re.match(
        r"(http://127\.0\.0\.1:(\d+))  \(Centaurus, data in (.*), Ctrl-C stops\)", line
    )
    assert match is not None, line
    assert int(match[2]) > 0
    assert match[3] == str(data_dir)
    with urllib.request.urlopen(match[1], timeout=PROCESS_S) as response:
        assert response.status == 200
        assert b"<title>Centaurus</title>" in response.read()
    process.send_signal(signal_number)
    out, err = process.communicate(timeout=PROCESS_S)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_port_in_use(cli: Cli, capsys: pytest.CaptureFixture[str], data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli("serve", "--port", port) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"Cannot listen on port {port} on 127.0.0.1: it is in use. Stop the other program, or "
        "choose another port with --port (0 picks a free one).\n"
    )
    assert not data_dir.exists()  # and no job was touched


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        (
            "no.such.host.invalid",
            'There is no address for the host "no.such.host.invalid". Give one of this machine '
            "with --host, such as 127.0.0.1.\n",
        ),
        (
            "192.0.2.1",
            "Cannot listen on port 0 on 192.0.2.1: this machine does not have that address. Choose "
            "another with --host (127.0.0.1: only this machine; 0.0.0.0: all its addresses).\n",
        ),
    ],
)
def test_a_host_that_is_not_ours(
    cli: Cli, capsys: pytest.CaptureFixture[str], host: str, sentence: str
) -> None:
    assert cli("serve", "--host", host, "--port", "0") == 1
    assert capsys.readouterr().err == sentence


def test_a_data_directory_that_cannot_be_used(start: Start, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    process = start("serve", "--port", "0", "--data-dir", tmp_path / "taken")
    out, err = process.communicate(timeout=PROCESS_S)
    assert (process.returncode, out) == (1, "")
    assert err.count("\n") == 1
    assert "choose another data directory" in err

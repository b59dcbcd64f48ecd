"""Every wrong option, file or setting of `analyse`: one sentence on stderr, nothing on stdout."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashboard.settings import SETTINGS
from dashboard.stores.sqlite.store import SqliteJobStore
from tests.dashboard.cli.conftest import Cli

USAGE = " See python -m dashboard analyse --help."


def fails(cli: Cli, capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 2) -> str:
    """The sentence with which the command line refuses `arguments`."""
    assert cli(*arguments) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err.rstrip("\n")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--k", "5:2"),
            'Argument --k: expected 1 <= A <= B <= 64 in A:B, got "5:2".',
        ),
        (("--k", "0:3"), 'Argument --k: expected 1 <= A <= B <= 64 in A:B, got "0:3".'),
        (
            ("--k", "two"),
            'Argument --k: expected a range such as 1:10, or one number such as 4, got "two".',
        ),
        (
            ("--types", "full,diag"),
            "Argument --types: expected types among full-tied, diag-tied, spher-tied, full-untied,"
            ' diag-untied, spher-untied, got "full".',
        ),
        (
            ("--types", ","),
            "Argument --types: expected at least one covariance type, got none.",
        ),
        (
            ("--columns", " , "),
            "Argument --columns: expected at least one column name, got none.",
        ),
        (
            ("--experiments", "0"),
            'Argument --experiments: expected a whole number from 1 to 1,000, got "0".',
        ),
        (
            ("--restarts", "ten"),
            'Argument --restarts: expected a whole number from 1 to 1,000, got "ten".',
        ),
        (
            ("--seed", "-1"),
            'Argument --seed: expected a whole number from 0 to 4,294,967,295, got "-1".',
        ),
        (("--nonsense",), "Unrecognized arguments: --nonsense."),
    ],
)
def test_options(
    cli: Cli,
    capsys: pytest.CaptureFixture[str],
    blobs: Path,
    options: tuple[str, ...],
    sentence: str,
) -> None:
    said = fails(cli, capsys, "analyse", blobs, *options)
    end = " See python -m dashboard --help." if "Unrecognized" in sentence else USAGE
    assert said == sentence + end


def test_no_file(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    said = fails(cli, capsys, "analyse")
    assert said == "The following arguments are required: FILE." + USAGE


def test_no_command(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    said = fails(cli, capsys)
    assert said == (
        "The following arguments are required: COMMAND. See python -m dashboard --help."
    )


def test_settings(
    cli: Cli, capsys: pytest.CaptureFixture[str], blobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = fails(cli, capsys, "analyse", blobs, "--threads", "0")
    assert said == '--threads: expected a whole number from 1 to 1,024, got "0".'
    monkeypatch.setenv("CENTAURUS_LEASE_S", "soon")
    said = fails(cli, capsys, "analyse", blobs)
    assert said == 'CENTAURUS_LEASE_S: expected seconds from 1 to 600, got "soon".'


def test_redis_without_its_client(
    cli: Cli, capsys: pytest.CaptureFixture[str], blobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    said = fails(cli, capsys, "analyse", blobs, "--cache", "redis://localhost:1/0")
    assert said == (
        'The cache redis://localhost:1/0 needs the Python package "redis": install it with pip '
        "install redis, or leave --cache at files."
    )


class TestFiles:
    def test_missing(self, cli: Cli, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        said = fails(cli, capsys, "analyse", tmp_path / "nope.csv")
        assert said == f'There is no file "{tmp_path / "nope.csv"}". Check the path.'

    def test_a_directory(
        self, cli: Cli, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        said = fails(cli, capsys, "analyse", tmp_path)
        assert said == f'Expected a table, got the directory "{tmp_path}". Give one of its files.'

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("empty.csv", b"", "empty"),
            ("header.csv", b"a,b\n", "row"),
            ("text.csv", b"a,b\nx,y\nz,w\n", "numeric column"),
            ("rubbish.csv", bytes(range(256)) * 40, ""),
            ("cut.parquet", b"PAR1" + b"\0" * 100, "Parquet"),
            ("cut.csv.gz", gzip.compress(b"a,b\n1,2\n" * 100, mtime=0)[:40], ""),
        ],
    )
    def test_not_a_table(
        self,
        cli: Cli,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
        name: str,
        content: bytes,
        words: str,
    ) -> None:
        (tmp_path / name).write_bytes(content)
        said = fails(cli, capsys, "analyse", tmp_path / name)
        assert words in said

    def test_too_large(self, cli: Cli, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        (tmp_path / "big.csv").write_bytes(b"a,b\n" + b"1.5,2.5\n" * 200_000)
        said = fails(cli, capsys, "analyse", tmp_path / "big.csv", "--max-upload-mb", "1")
        assert "1 MB" in said

    def test_out_is_a_file(
        self, cli: Cli, capsys: pytest.CaptureFixture[str], blobs: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "taken").write_text("")
        said = fails(cli, capsys, "analyse", blobs, "--out", tmp_path / "taken")
        assert said == (
            f'Cannot write results to "{tmp_path / "taken"}": File exists. Choose another directory'
            " with --out."
        )

    def test_data_directory_is_a_file(
        self, cli: Cli, capsys: pytest.CaptureFixture[str], blobs: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "taken").write_text("")
        options = ("--data-dir", tmp_path / "taken")
        said = fails(cli, capsys, "analyse", blobs, *options, status=1)
        assert "choose another data directory" in said


class TestData:
    def table(self, tmp_path: Path, **columns: object) -> Path:
        pd.DataFrame(columns).to_csv(tmp_path / "t.csv", index=False)
        return tmp_path / "t.csv"

    def test_unknown_column(
        self, cli: Cli, capsys: pytest.CaptureFixture[str], blobs: Path, data_dir: Path
    ) -> None:
        said = fails(cli, capsys, "analyse", blobs, "--columns", "x,z")
        assert said == (
            'Expected columns of the dataset, got "z", which it does not have. Choose among x, y.'
        )
        assert list(Path.cwd().iterdir()) == []  # no empty directory for results
        store = SqliteJobStore(data_dir / "jobs.sqlite3")
        assert store.jobs() == []
        store.close()

    def test_text_column(self, cli: Cli, capsys: pytest.CaptureFixture[str], blobs: Path) -> None:
        said = fails(cli, capsys, "analyse", blobs, "--columns", "x,truth")
        assert said.startswith('Expected numeric columns, got "truth", which holds text.')

    def test_more_clusters_than_rows(
        self, cli: Cli, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        path = self.table(tmp_path, x=np.array([0.5, 1.25, 3.75, 9.5]))
        said = fails(cli, capsys, "analyse", path, "--columns", "x", "--k", "5")
        assert said.startswith("Expected K to be at most the number of usable rows, 4, got")

    def test_one_row(self, cli: Cli, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        path = self.table(tmp_path, x=[0.5], y=[1.5])
        fails(cli, capsys, "analyse", path, "--columns", "x,y", "--k", "1")

    def test_constant_column(
        self, cli: Cli, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        path = self.table(tmp_path, x=[0.5, 1.5, 2.25], y=[7.0, 7.0, 7.0])
        said = fails(cli, capsys, "analyse", path, "--columns", "x,y", "--k", "1")
        assert said.startswith('Expected columns that vary, got "y"')


def test_help_lists_every_option(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("serve", "analyse"):
        assert cli(command, "--help") == 0
        shown = capsys.readouterr().out
        for setting in SETTINGS:
            assert (f"{setting.flag} {setting.metavar}" in shown) == (command in setting.commands)
            assert (setting.variable in shown) == (command in setting.commands)
        assert "examples:" in shown
    for option in (
        *("--k", "--types", "--columns", "--experiments", "--restarts", "--seed", "--out"),
        *("--no-standardise", "--json", "--criterion", "--distance", "--min-members"),
    ):
        assert f"  {option} " in shown
    for filename in ("fits.csv", "models.json", "labels.csv", "bic.html"):
        assert f"  {filename} " in shown
    assert cli("--help") == 0
    assert "analyse" in capsys.readouterr().out

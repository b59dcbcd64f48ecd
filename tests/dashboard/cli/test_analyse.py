"""`analyse` on a table with a known answer: what it prints, writes and leaves in the store."""

from __future__ import annotations

import csv
import json
import os
import pty
import termios
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from dashboard.backends.local import LocalBackend
from dashboard.stores.sqlite.store import SqliteJobStore
from tests.dashboard.cli.conftest import FORMULA, SIZES, Cli

SMALL = ("--types", "diag-tied,full-tied", "--k", "1:5", "--experiments", "3", "--restarts", "4")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


class TestFiles:
    def test_labels_are_the_truth(self, cli: Cli, blobs: Path, tmp_path: Path) -> None:
        assert cli("analyse", blobs, *SMALL, "--out", tmp_path / "out") == 0
        rows = rows_of(tmp_path / "out" / "labels.csv")
        original = rows_of(blobs)
        assert list(rows[0]) == ["place", "x", "y", "truth", "cluster"]
        assert len(rows) == len(original) == 132
        used = rows[:130]
        labels = [int(row["cluster"]) for row in used]
        assert adjusted_rand_score([row["truth"] for row in used], labels) == 1.0
        # Cluster 1 is the largest.
        assert [labels.count(cluster) for cluster in (1, 2, 3)] == list(SIZES)
        assert [row["cluster"] for row in rows[130:]] == ["", ""]

    def test_original_values_are_kept_and_formulas_defused(
        self, cli: Cli, blobs: Path, tmp_path: Path
    ) -> None:
        assert cli("analyse", blobs, *SMALL, "--out", tmp_path / "out") == 0
        rows, original = rows_of(tmp_path / "out" / "labels.csv"), rows_of(blobs)
        assert rows[0]["place"] == "'" + FORMULA
        assert rows[1]["place"] == original[1]["place"]
        assert rows[131]["place"] == "'-gone"
        numbers = pd.DataFrame(original)[["x", "y"]]
        written = pd.DataFrame(rows)[["x", "y"]]
        pd.testing.assert_frame_equal(written, numbers)
        assert (written["x"].str.startswith("-")).sum() > 30  # negative, and not defused

    def test_every_experiment_has_its_row(self, cli: Cli, blobs: Path, tmp_path: Path) -> None:
        assert cli("analyse", blobs, *SMALL, "--out", tmp_path / "out") == 0
        fits = pd.read_csv(tmp_path / "out" / "fits.csv")
        assert list(fits.columns) == [
            *("type", "k", "experiment", "bic", "aic", "icl", "log_likelihood", "n_iter"),
            *("converged", "eligible", "counts"),
        ]
        cells = [(kind, k) for kind in ("full-tied", "diag-tied") for k in range(1, 6)]
        expected = {(kind, k, number) for kind, k in cells for number in range(3)}
        assert set(fits[["type", "k", "experiment"]].itertuples(index=False, name=None)) == expected
        assert len(fits) == 30
        best = fits.loc[fits["bic"].idxmax()]
        assert (best["type"], best["k"]) == ("diag-tied", 3)
        assert best["counts"] == "60 40 30"
        for row in fits.itertuples():
            counts = [int(count) for count in row.counts.split()]
            assert sum(counts) == 130
            assert len(counts) == row.k
            n_parameters = row.log_likelihood - row.aic
            assert row.bic == pytest.approx(
                row.log_likelihood - n_parameters / 2 * np.log(130), rel=1e-9
            )
        assert fits["converged"].all()

    def test_models_and_chart(self, cli: Cli, blobs: Path, tmp_path: Path) -> None:
        assert cli("analyse", blobs, *SMALL, "--out", tmp_path / "out", "--no-standardise") == 0
        models = json.loads((tmp_path / "out" / "models.json").read_text())
        assert models["settings"]["columns"] == ["x", "y"]
        assert models["settings"]["standardise"] is False
        assert models["recommended"]["bic"]["k"] == 3
        (three,) = [m for m in models["models"] if (m["type"], m["k"]) == ("diag-tied", 3)]
        assert [cluster["size"] for cluster in three["clusters"]] == list(SIZES)
        means = [[cluster["mean"]["x"], cluster["mean"]["y"]] for cluster in three["clusters"]]
        np.testing.assert_allclose(means, [(0, 0), (-50, 20), (40, -30)], atol=0.6)
        chart = (tmp_path / "out" / "bic.html").read_text()
        assert "diag-tied" in chart
        assert "Plotly" in chart
        assert 'src="http' not in chart  # self-contained

    def test_files_are_replaced_and_nothing_else_is_left(
        self, cli: Cli, blobs: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        out.mkdir()
        (out / "fits.csv").write_text("old")
        (out / "mine.txt").write_text("mine")
        assert cli("analyse", blobs, *SMALL, "--out", out) == 0
        assert sorted(path.name for path in out.iterdir()) == [
            *("bic.html", "fits.csv", "labels.csv", "mine.txt", "models.json"),
        ]
        assert len(rows_of(out / "fits.csv")) == 30

    def test_without_out_the_directory_is_named_after_the_file(
        self, cli: Cli, blobs: Path, tmp_path: Path
    ) -> None:
        assert cli("analyse", blobs, *SMALL) == 0
        assert (tmp_path / "cwd" / "blobs_centaurus" / "labels.csv").exists()


class TestOutput:
    def test_for_people(
        self, cli: Cli, blobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cli("analyse", blobs, *SMALL, "--out", tmp_path / "out") == 0
        out, err = capsys.readouterr()
        assert err == ""  # no progress bar where nobody sees it
        lines = out.splitlines()
        assert lines[0] == "blobs.csv: 130 rows (2 left out: missing or infinite values), x, y"
        assert lines[2] == "Recommended: diag-tied with K = 3"
        facts = {line[2:13].strip(): line[13:] for line in lines[3:9]}
        assert facts["BIC"].endswith("(higher is better)")
        assert "lower" in facts["Evidence"]
        assert facts["Agreement"].startswith("1.00 ")
        assert facts["Votes"] == "3 of 3 experiments prefer this model"
        assert facts["Sizes"] == "60, 40, 30"
        written = lines[lines.index("Written:") + 1 :]
        assert [Path(line.strip()).name for line in written] == [
            *("fits.csv", "models.json", "bic.html", "labels.csv"),
        ]
        assert all(Path(line.strip()).exists() for line in written)

    def test_for_programs(
        self, cli: Cli, blobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cli("analyse", blobs, *SMALL, "--out", tmp_path / "out", "--json") == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert out.count("\n") == 1
        report = json.loads(out)
        fits = pd.read_csv(tmp_path / "out" / "fits.csv")
        recommended = report["recommendation"]
        assert (recommended["type"], recommended["k"]) == ("diag-tied", 3)
        assert recommended["score"] == fits["bic"].max()
        assert recommended["sizes"] == list(SIZES)
        assert (report["n_rows_used"], report["n_rows_left_out"]) == (130, 2)
        assert (report["state"], report["n_fits"], report["n_fits_done"]) == ("done", 120, 120)
        assert (report["n_failed"], report["criterion"]) == (0, "bic")
        assert report["files"] == {
            name: str(tmp_path / "out" / filename)
            for name, filename in (
                ("fits", "fits.csv"),
                ("models", "models.json"),
                ("bic", "bic.html"),
                ("labels", "labels.csv"),
            )
        }

    def test_another_criterion(
        self, cli: Cli, blobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        options = ("--criterion", "icl", "--json", "--out", tmp_path / "out")
        assert cli("analyse", blobs, *SMALL, *options) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["criterion"] == "icl"
        fits = pd.read_csv(tmp_path / "out" / "fits.csv")
        assert report["recommendation"]["score"] == fits["icl"].max()

    def test_a_progress_bar_on_a_terminal(
        self, start: Callable[..., object], blobs: Path, tmp_path: Path
    ) -> None:
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 80))
        process = start("analyse", blobs, *SMALL, "--out", tmp_path / "out", stderr=theirs)
        os.close(theirs)
        seen = b""
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
            if not chunk:
                break
            seen += chunk
        os.close(ours)
        assert process.wait(60) == 0  # type: ignore[attr-defined]
        assert b"/120 [" in seen
        assert b"fits/s" in seen
        assert seen.decode().startswith("120 fits · under 1 s · $0.00\r\n")

    def test_where_fits_cost_money_the_price_comes_first(
        self,
        cli: Cli,
        blobs: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(LocalBackend, "cost_usd", lambda *_: 3.25)
        command = ("analyse", blobs, *SMALL, "--out", tmp_path / "out", "--json")
        assert cli(*command, "--spending-cap-usd", "2.5") == 0
        out, err = capsys.readouterr()
        assert err == "120 fits · under 1 s · $3.25 · more than the cap of $2.50\n"
        assert json.loads(out)["state"] == "done"
        assert cli(*command) == 0
        assert capsys.readouterr().err == ""  # done before: nothing to pay


class TestJob:
    def test_it_is_in_the_store_for_the_page(
        self, cli: Cli, blobs: Path, tmp_path: Path, data_dir: Path
    ) -> None:
        options = ("--seed", "5", "--min-members", "7", "--distance", "mahalanobis")
        assert cli("analyse", blobs, *SMALL, *options, "--out", tmp_path / "out") == 0
        store = SqliteJobStore(data_dir / "jobs.sqlite3")
        (record,) = store.jobs()
        assert (record.state, record.dataset_name, record.backend) == ("done", "blobs.csv", "local")
        assert (record.n_units, record.n_units_done) == (120, 120)
        spec = record.spec
        assert (spec.seed, spec.min_members, spec.distance) == (5, 7, "mahalanobis")
        assert (spec.k_min, spec.k_max, spec.n_experiments, spec.n_restarts) == (1, 5, 3, 4)
        assert spec.covariance_types == ("full-tied", "diag-tied")
        assert spec.columns == ("x", "y")
        assert record.best is not None
        assert record.best["k"] == 3
        store.close()

    def test_the_same_command_again_computes_nothing(
        self, cli: Cli, blobs: Path, tmp_path: Path, data_dir: Path
    ) -> None:
        assert cli("analyse", blobs, *SMALL, "--out", tmp_path / "one") == 0
        store = SqliteJobStore(data_dir / "jobs.sqlite3")
        (before,) = store.jobs()
        assert cli("analyse", blobs, *SMALL, "--out", tmp_path / "two") == 0
        assert store.jobs() == [before]
        store.close()
        for name in ("fits.csv", "labels.csv", "models.json"):
            one, two = tmp_path / "one" / name, tmp_path / "two" / name
            assert one.read_bytes() == two.read_bytes()

    def test_the_same_seed_gives_the_same_fits_in_another_place(
        self, cli: Cli, blobs: Path, tmp_path: Path
    ) -> None:
        for place, threads in (("one", 1), ("two", 3)):
            options = ("--data-dir", tmp_path / f"{place}-data", "--threads", threads)
            assert cli("analyse", blobs, *SMALL, *options, "--out", tmp_path / place) == 0
        one, two = tmp_path / "one" / "fits.csv", tmp_path / "two" / "fits.csv"
        assert one.read_bytes() == two.read_bytes()

    def test_semicolons_and_decimal_commas(
        self, cli: Cli, blobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        table = pd.read_csv(blobs)
        table.to_csv(tmp_path / "german.csv", index=False, sep=";", decimal=",")
        options = ("--out", tmp_path / "out", "--json")
        assert cli("analyse", tmp_path / "german.csv", *SMALL, *options) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["recommendation"]["sizes"] == list(SIZES)
        rows = rows_of(tmp_path / "out" / "labels.csv")
        assert rows[1]["x"] == f"{table['x'][1]}".replace(".", ",")

    def test_one_column_whose_name_has_a_comma(
        self, cli: Cli, blobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pd.read_csv(blobs).rename(columns={"x": "x, m"}).to_csv(tmp_path / "t.csv", index=False)
        options = ("--columns", '"x, m"', "--k", "3", "--json", "--out", tmp_path / "out")
        assert cli("analyse", tmp_path / "t.csv", "--experiments", "2", *options) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["columns"] == ["x, m"]
        assert report["recommendation"]["sizes"] == list(SIZES)

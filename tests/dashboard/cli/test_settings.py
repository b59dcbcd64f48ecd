"""The table of settings: one entry each, read once, with sentences for wrong values."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dashboard.settings import SETTINGS, Settings, SettingsError, markdown_table, read_settings


def test_defaults() -> None:
    settings = read_settings({}, {})
    assert (settings.host, settings.port) == ("127.0.0.1", 8050)
    assert settings.data_dir == Path.cwd() / "data"
    assert settings.n_threads >= 1
    assert (settings.backend, settings.cache, settings.max_upload_mb) == ("local", "files", 256)


def test_a_flag_wins_over_the_environment_and_that_over_the_default() -> None:
    environment = {"CENTAURUS_PORT": "1", "CENTAURUS_THREADS": "3", "CENTAURUS_HOST": ""}
    settings = read_settings({"port": "2", "host": None}, environment)
    assert (settings.port, settings.n_threads, settings.host) == (2, 3, "127.0.0.1")


def test_the_data_directory_is_absolute_and_holds_everything(tmp_path: Path) -> None:
    settings = read_settings({"data_dir": str(tmp_path)}, {})
    assert settings.store_path == tmp_path / "jobs.sqlite3"
    assert {settings.datasets_dir.parent, settings.cache_dir.parent} == {tmp_path}
    assert read_settings({"data_dir": "~/x"}, {}).data_dir == Path.home() / "x"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("port", "abc", '--port: expected a whole number from 0 to 65,535, got "abc".'),
        ("port", "65536", '--port: expected a whole number from 0 to 65,535, got "65536".'),
        ("n_threads", "0", '--threads: expected a whole number from 1 to 1,024, got "0".'),
        ("lease_s", "nan", '--lease-s: expected seconds from 1 to 600, got "nan".'),
        ("backend", "moon", '--backend: expected one of local, aws, got "moon".'),
        ("data_dir", " ", '--data-dir: expected the path of a directory, got " ".'),
        ("host", "a b", '--host: expected a host name or address such as 127.0.0.1, got "a b".'),
        (
            "endpoint",
            "http://abc.execute-api.eu-central-1.amazonaws.com",
            "--endpoint: expected the address of the endpoint, such as "
            "https://abc123.execute-api.eu-central-1.amazonaws.com, got "
            '"http://abc.execute-api.eu-central-1.amazonaws.com".',
        ),
        (
            "spending_cap_usd",
            "nan",
            "--spending-cap-usd: expected US dollars, more than 0 and at most 1,000,000, got "
            '"nan".',
        ),
        ("stack", " ", '--stack: expected the name of a CloudFormation stack, got " ".'),
        (
            "cache",
            "disk",
            '--cache: expected "files" or a URL such as redis://localhost:6379/0, got "disk".',
        ),
    ],
)
def test_wrong_values(name: str, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({name: text}, {})
    assert str(caught.value) == sentence


def test_the_aws_backend_needs_a_stack_or_all_three_places() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"backend": "aws", "bucket": "b"}, {})
    assert str(caught.value) == (
        "The aws backend needs to know where it is: expected --stack NAME (`make deploy STACK=NAME`"
        " makes one), or --endpoint, --bucket and --table; --endpoint and --table did not come."
    )
    settings = read_settings({"backend": "aws"}, {"CENTAURUS_STACK": "field"})
    assert settings.stack == "field"
    places = {"endpoint": "http://127.0.0.1:9000/", "bucket": "b", "table": "t"}
    settings = read_settings({"backend": "aws", **places}, {})
    assert (settings.endpoint, settings.spending_cap_usd) == ("http://127.0.0.1:9000", 1.0)


def test_a_stack_without_the_aws_backend_is_a_mistake_when_it_is_typed() -> None:
    with pytest.raises(SettingsError, match=r"^--stack is for fits on AWS, but --backend is local"):
        read_settings({"stack": "field"}, {})
    # In the environment of a machine it may stand for other days.
    assert read_settings({}, {"CENTAURUS_STACK": "field"}).backend == "local"


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(SettingsError, match=r'^CENTAURUS_PORT: expected .*, got "x"\.$'):
        read_settings({}, {"CENTAURUS_PORT": "x"})


def test_every_setting_is_in_the_table_once() -> None:
    assert [setting.name for setting in SETTINGS] == [
        field.name for field in dataclasses.fields(Settings)
    ]
    assert len({setting.flag for setting in SETTINGS}) == len(SETTINGS)
    table = markdown_table().splitlines()
    assert len(table) == len(SETTINGS) + 2
    for setting, row in zip(SETTINGS, table[2:], strict=True):
        assert f"`{setting.flag}`" in row
        assert f"`{setting.variable}`" in row
        assert setting.help in row
        assert row.count("|") == 5


def test_defaults_pass_their_own_checks() -> None:
    for setting in SETTINGS:
        if setting.default != "":
            assert setting.parse(str(setting.default), setting.flag) == setting.default


def test_several_heartbeats_fit_into_a_lease() -> None:
    for lease_s in (1.0, 5.0, 600.0):
        settings = dataclasses.replace(Settings(), lease_s=lease_s)
        assert 0.05 < settings.heartbeat_s <= lease_s / 8

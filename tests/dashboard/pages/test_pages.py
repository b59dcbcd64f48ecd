"""The table of pages: one entry gives a page its link, its container and its callbacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from dash import Dash, Input, Output, html
from dash.development.base_component import Component

from dashboard.pages import app as building
from dashboard.pages.application import Application
from dashboard.pages.parts import ids
from dashboard.pages.parts.page import Page, PageLayout, Site
from dashboard.pages.table import PAGES
from dashboard.services import Services, build_services
from dashboard.settings import Settings


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    directory: Path = tmp_path_factory.mktemp("pages")
    opened = build_services(Settings(data_dir=directory, n_threads=1))
    yield opened
    opened.close()


def toy_page() -> Page:
    """A page with a sidebar, a main part, a dialog and one callback between them."""
    module = ModuleType("somewhere.toy")

    def layout(_site: Site) -> PageLayout:
        return PageLayout(
            main=html.P(id="toy-answer"),
            sidebar=[html.Button(id="toy-button")],
            beside=[html.Dialog(id="toy-dialog")],
        )

    def register(app: Dash, _site: Site) -> None:
        app.callback(Output("toy-answer", "children"), Input("toy-button", "n_clicks"))(str)

    module.layout, module.register = layout, register  # type: ignore[attr-defined]
    return Page("/toy", "Toy", module)  # type: ignore[arg-type]


@pytest.fixture
def app(services: Services, monkeypatch: pytest.MonkeyPatch) -> Application:
    monkeypatch.setattr(building, "PAGES", (*PAGES, toy_page()))
    return building.create_app(services)


def components(app: Application) -> dict[Any, Component]:
    """Everything in the layout that has an id."""
    layout = app.layout()
    found = [layout, *layout._traverse()]
    return {str(item.id): item for item in found if getattr(item, "id", None) is not None}


def test_one_entry_in_the_table_is_a_page(app: Application) -> None:
    there = components(app)
    link = there[ids.nav("toy")]
    assert (link.children, link.href, link.className) == ("Toy", "/toy", "nav")
    assert there[ids.page("toy")].hidden is True
    assert there[ids.page("toy")].children.id == "toy-answer"
    assert [item.id for item in there[ids.sidebar("toy")].children] == ["toy-button"]
    assert "toy-dialog" in there
    assert there[ids.STYLE].data["pages"][-1] == {
        "name": "toy",
        "path": "/toy",
        "label": "Toy",
        "sidebar": True,
    }


def test_its_callbacks_are_registered_and_it_can_be_shown(app: Application) -> None:
    outputs = " ".join(app.callback_map)
    assert "toy-answer.children" in outputs
    (shown,) = [outputs for outputs in app.callback_map if ids.page("toy") in outputs]
    for name in ("analyse", "jobs", "toy"):
        for component in (ids.page(name), ids.nav(name), ids.sidebar(name)):
            assert f"{component}." in shown


def test_the_first_page_is_open_and_only_it(services: Services) -> None:
    there = components(building.create_app(services))
    names = [page.name for page in PAGES]
    assert names == ["analyse", "jobs"]
    assert [there[ids.page(name)].hidden for name in names] == [False, True]
    assert [there[ids.nav(name)].className for name in names] == ["nav active", "nav"]
    assert [page["sidebar"] for page in there[ids.STYLE].data["pages"]] == [True, False]
    assert there[ids.sidebar("jobs")].children == []


@pytest.mark.parametrize(
    ("pathname", "name"),
    [
        ("/", "analyse"),
        (None, "analyse"),
        ("/nowhere", "analyse"),
        ("/jobs", "jobs"),
        ("/jobs/", "jobs"),
        ("/behind/a/prefix/jobs", "jobs"),
    ],
)
def test_an_address_has_one_page(pathname: str | None, name: str) -> None:
    site = Site(SimpleNamespace(), SimpleNamespace(), PAGES)  # type: ignore[arg-type]
    assert site.page_at(pathname).name == name


def test_every_component_that_a_callback_names_is_on_the_page(services: Services) -> None:
    app = building.create_app(services)
    there = components(app)
    named = {
        part["id"]
        for entry in app.callback_map.values()
        for part in [*entry["inputs"], *entry["state"]]
        if not part["id"].startswith("{")
    }
    assert len(named) > 40
    assert named - there.keys() == set()

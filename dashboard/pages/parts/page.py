"""What a page is: an address, a label, and a folder that lays it out and answers for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from dash import Dash

if TYPE_CHECKING:
    from dashboard.services import Services
    from dashboard.services.views import ViewRegistry


@dataclass(frozen=True, slots=True)
class PageLayout:
    """The components of one page.

    `main` is shown while the address is the page's. `sidebar` holds the sections of its navigation
    bar, None where it has none. `beside` are stores and dialogs, which are there on every page.
    `for_scripts` is what the page's scripts find in the store `ids.STYLE`.
    """

    main: Any
    sidebar: Sequence[Any] | None = None
    beside: Sequence[Any] = ()
    for_scripts: Mapping[str, Any] = field(default_factory=dict)


class PageModule(Protocol):
    """What a page's folder offers."""

    @property
    def __name__(self) -> str: ...

    @property
    def layout(self) -> Layout:
        """Makes the components; called once per visit."""
        ...

    @property
    def register(self) -> Register:
        """Connects the page's callbacks; called once."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the table of pages: `path` is its address, `label` its name in the top bar."""

    path: str
    label: str
    module: PageModule

    @property
    def name(self) -> str:
        """The folder's name, which component ids and the style sheet use too."""
        return self.module.__name__.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Site:
    """What pages work with: the services, the views of jobs, and the table of all pages."""

    services: Services
    views: ViewRegistry
    pages: tuple[Page, ...]

    def page_at(self, pathname: str | None) -> Page:
        """The page of an address, the first one when no page has it; as pageAt in controls.js."""
        path = (pathname or "").rstrip("/")
        others = (page for page in self.pages[1:] if path.endswith(page.path))
        return next(others, self.pages[0])


class Layout(Protocol):
    """See `PageModule.layout`."""

    def __call__(self, site: Site) -> PageLayout: ...


class Register(Protocol):
    """See `PageModule.register`."""

    def __call__(self, app: Dash, site: Site) -> None: ...


class PageFacts(TypedDict):
    """A page as the browser knows it, in the table `pages` of the store `ids.STYLE`."""

    name: str
    path: str
    label: str
    sidebar: bool

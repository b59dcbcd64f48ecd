"""The pages, in the order of the links in the top bar; the first one answers unknown addresses.

A further page is a folder that offers `layout` and `register`, and its line here.
"""

from __future__ import annotations

from dashboard.pages import analyse, jobs
from dashboard.pages.parts.page import Page

PAGES: tuple[Page, ...] = (
    Page("/", "Analyse", analyse),
    Page("/jobs", "Jobs", jobs),
)

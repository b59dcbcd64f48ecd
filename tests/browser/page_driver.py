"""What a person does on the page, in terms of the component ids. Every wait has a deadline."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from kmeans_core import COVARIANCE_TYPES
from tests.waiting import WAIT_S, pauses


class Page:
    """Drives one browser tab that shows the dashboard at ``url``."""

    def __init__(self, driver: Any, url: str, downloads: Path, allowed: list[str]) -> None:
        self.driver = driver
        self.url = url
        self.downloads = downloads
        self.allowed = allowed
        """Parts of console errors that the test provokes on purpose."""

    # -- reading ------------------------------------------------------------------------------

    def open(self, path: str = "/") -> None:
        self.driver.get(self.url + path)
        self.until(lambda: self.element("backend-badge"), "the page is drawn")

    def element(self, element_id: str) -> Any:
        found = self.driver.find_elements(By.ID, element_id)
        return found[0] if found else None

    def shows(self, element_id: str) -> bool:
        """Whether it is there and to be seen; React may put another one in its place meanwhile."""
        script = """
            const element = document.getElementById(arguments[0]);
            return Boolean(element?.checkVisibility({visibilityProperty: true}));
        """
        return bool(self.driver.execute_script(script, element_id))

    def text(self, element_id: str) -> str:
        text = self.driver.execute_script(
            "return (document.getElementById(arguments[0]) || {}).textContent || ''", element_id
        )
        return str(text)

    def graph(self, element_id: str) -> dict[str, Any]:
        """Data and layout of a Plotly graph as plain JSON."""
        script = """
            const gd = document.querySelector(`#${CSS.escape(arguments[0])} .js-plotly-plot`);
            if (!gd || !gd.data) return null;
            const plain = (_, v) => (ArrayBuffer.isView(v) ? Array.from(v) : v);
            return JSON.stringify({data: gd.data, layout: gd.layout}, plain);
        """
        text = self.driver.execute_script(script, element_id)
        return json.loads(text) if text else {"data": [], "layout": {}}

    def curves(self) -> dict[str, dict[int, float]]:
        """The lines of the BIC chart: type -> {K: mean score}."""
        return {
            trace["name"]: dict(zip(trace["x"], trace["y"], strict=True))
            for trace in self.graph("bic-graph")["data"]
            if trace.get("name") in COVARIANCE_TYPES and trace.get("x")
        }

    def chosen_columns(self) -> list[str]:
        return list(
            self.script(
                "return Array.from(document.querySelectorAll('.mantine-MultiSelect-pill'))"
                ".map((pill) => pill.textContent)"
            )
        )

    def script(self, text: str, *arguments: Any) -> Any:
        return self.driver.execute_script(text, *arguments)

    @property
    def query(self) -> dict[str, str]:
        script = "return Object.fromEntries(new URLSearchParams(window.location.search))"
        return dict(self.script(script))

    def shown_k(self) -> int:
        return int(self.text("k-value"))

    def fetch(self, path: str) -> tuple[int, str]:
        """GET from inside the page: status and text."""
        script = """
            const done = arguments[arguments.length - 1];
            fetch(arguments[0]).then(async (r) => done([r.status, await r.text()]));
        """
        status, text = self.driver.execute_async_script(script, path)
        return int(status), str(text)

    # -- acting -------------------------------------------------------------------------------

    def click(self, element_id: str) -> None:
        self.until(lambda: self.element(element_id), f"#{element_id} is there")
        element = self.element(element_id)
        self.script("arguments[0].scrollIntoView({block: 'center'})", element)
        self.script("arguments[0].click()", element)

    def click_text(self, css: str, text: str) -> None:
        def found() -> Any:
            elements = self.driver.find_elements(By.CSS_SELECTOR, css)
            return next((e for e in elements if (e.text or "").strip() == text), None)

        self.script("arguments[0].click()", self.until(found, f"{css} says {text!r}"))

    def slide(self, slider_id: str, keys: str, thumb: int = 0) -> None:
        """Send keys to a slider's thumb, as a keyboard user does."""
        thumbs = self.driver.find_elements(By.CSS_SELECTOR, f"#{slider_id} [role=slider]")
        self.script("arguments[0].scrollIntoView({block: 'center'})", thumbs[thumb])
        thumbs[thumb].send_keys(keys)

    def upload(self, path: Path) -> None:
        self.until(lambda: self.element("drop-file"), "the file input is there")
        self.element("drop-file").send_keys(str(path))

    def prefer(self, scheme: str) -> None:
        """The system's colour scheme: "dark", "light", or "" for the browser's own."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def throttle_uploads(self, bytes_per_s: int | None) -> None:
        """Let the browser send at most so much; None lifts the limit."""
        limits = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_s or -1}
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd(
            "Network.emulateNetworkConditions", {"offline": False, **limits}
        )

    def open_tab(self, name: str) -> None:
        self.click_text("[role=tab]", name)

    def escape(self) -> None:
        self.driver.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)

    # -- waiting ------------------------------------------------------------------------------

    def until(self, condition: Callable[[], Any], what: str, timeout_s: float = WAIT_S) -> Any:
        """The first truthy answer of ``condition``; fails with ``what`` after ``timeout_s``."""
        deadline, pause = time.monotonic() + timeout_s, pauses(0.02, 0.25)
        while True:
            answer = condition()
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"Not within {timeout_s:g} s: {what}. Progress: "
                    f"{self.text('progress-state')} {self.text('progress-fits')}; problems: "
                    f"{self.text('job-problem')} {self.text('settings-error')}"
                )
            time.sleep(next(pause))

    def until_text(self, element_id: str, part: str, timeout_s: float = WAIT_S) -> str:
        self.until(
            lambda: part in self.text(element_id),
            f"#{element_id} says {part!r}",
            timeout_s,
        )
        return self.text(element_id)

    def until_state(self, state: str, timeout_s: float = WAIT_S) -> None:
        self.until(lambda: self.text("progress-state") == state, f"the job is {state}", timeout_s)

    def downloaded(self, suffix: str, timeout_s: float = WAIT_S) -> Path:
        """The file that the browser finished downloading, by the end of its name."""

        def complete() -> Path | None:
            if any(self.downloads.glob("*.crdownload")):
                return None
            return next((p for p in self.downloads.iterdir() if p.name.endswith(suffix)), None)

        path: Path = self.until(complete, f"a download ending in {suffix}", timeout_s)
        return path

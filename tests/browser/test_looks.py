"""Light and dark, wide and narrow, with and without a mouse."""

from __future__ import annotations

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from dashboard.figures.style import INK


def scheme(page) -> str:
    return str(page.script("return document.documentElement.dataset.mantineColorScheme"))


def paper(page, graph: str) -> str:
    layout = page.graph(graph)["layout"]
    return str(layout.get("paper_bgcolor") or layout["template"]["layout"]["paper_bgcolor"])


def test_the_theme_is_switched_and_remembered(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    page.until(lambda: page.graph("selected-graph")["data"], "a figure")
    first, light = scheme(page), paper(page, "selected-graph")
    page.click("theme")
    page.until(lambda: scheme(page) != first, "the other scheme")
    page.until(lambda: paper(page, "selected-graph") != light, "its figures follow")
    other = scheme(page)
    assert page.script("return document.body.dataset.agThemeMode") == other
    page.driver.refresh()
    page.until_state("done")
    assert scheme(page) == other
    page.click("theme")
    page.until(lambda: scheme(page) == first, "and back")


def test_a_system_that_prefers_dark_gets_a_dark_page_with_dark_figures(page, small_job):
    page.prefer("dark")
    try:
        page.open(f"/?job={small_job.job_id}")
        page.until_state("done")
        page.until(lambda: scheme(page) == "dark", "a dark page")
        for graph in ("bic-graph", "selected-graph"):
            page.until(lambda graph=graph: page.graph(graph)["data"], "a figure")
            page.until(lambda graph=graph: paper(page, graph) == INK["dark"].background, graph)
        page.prefer("light")  # while the page is open
        page.until(lambda: scheme(page) == "light", "a light page")
        page.until(lambda: paper(page, "selected-graph") == INK["light"].background, "light")
    finally:
        page.prefer("")


def test_at_800_pixels_nothing_is_cut_off_and_the_settings_are_behind_a_button(page, small_job):
    page.driver.set_window_size(800, 900)
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.script(overflow) <= 0
    visible = """
        const box = document.getElementById('run').getBoundingClientRect();
        return box.width > 0 && box.right > 0 && box.left < window.innerWidth;
    """
    assert not page.script(visible)
    page.click("burger")
    page.until(lambda: page.script(visible), "the settings slide in")
    page.click("burger")
    page.until(lambda: not page.script(visible), "and out")


def test_every_control_has_a_name_for_assistive_technology(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    script = """
        const nameless = [];
        const controls = document.querySelectorAll(
            'button, input:not([type=hidden]), textarea, a[href], [role=slider], [role=tab]');
        for (const e of controls) {
            if (e.closest('.js-plotly-plot, .ag-root-wrapper, [aria-hidden=true]')) continue;
            const labelled = (e.getAttribute('aria-labelledby') || '').split(' ')
                .map((id) => (document.getElementById(id) || {}).textContent || '').join('');
            const label = e.labels && e.labels.length ? e.labels[0].textContent : '';
            const own = e.getAttribute('aria-label') || e.textContent || e.title;
            if (!(own || labelled || label).trim()) nameless.push(e.outerHTML.slice(0, 160));
        }
        return nameless;
    """
    assert page.script(script) == []


def test_the_tab_key_reaches_every_part_of_the_page(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.until_state("done")
    wanted = {"skip", "nav", "theme", "dataset", "drop-file", "run", "export", "play", "tab"}
    reached: set[str] = set()
    describe = """
        const e = document.activeElement;
        return [e.id, e.className, e.getAttribute('role')].join(' ').toString();
    """
    for _ in range(90):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        focus = page.script(describe)
        reached |= {part for part in wanted if part in focus}
        if reached == wanted:
            break
    assert reached == wanted


def test_help_explains_the_scores_and_closes_with_escape(page, small_job):
    page.open(f"/?job={small_job.job_id}")
    page.click("help-open")
    page.until(lambda: "log-likelihood" in page.script("return document.body.textContent"), "help")
    page.escape()
    shown = "return !!document.querySelector('.mantine-Drawer-content')"
    page.until(lambda: not page.script(shown), "help is closed")

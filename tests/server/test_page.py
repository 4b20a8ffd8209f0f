"""The page in a real Chromium: type, hear, see, correct, record, download; nothing from elsewhere."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from glmtts.audio.provenance import MARK, synthetic_mark
from tests.server.running import Running

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)")
PATIENCE = 60_000
FLAGS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


@pytest.fixture(scope="module")
def page(server: Running) -> Iterator["playwright.Page"]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1000, "height": 1250})
        page.set_default_timeout(PATIENCE)
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda line: page.problems.append(line.text) if line.type == "error" else None)
        page.on(
            "request", lambda request: page.problems.append(request.url) if _elsewhere(request.url, server) else None
        )
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(server.url)
        yield page
        browser.close()


def _elsewhere(url: str, server: Running) -> bool:
    return not url.startswith((server.url, "data:", "blob:"))


def brightness(page: "playwright.Page", canvas: str) -> int:
    """How many pixels of a canvas are bright."""
    return page.evaluate(
        """id => { const c = document.getElementById(id);
        const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        return d.filter((value, index) => index % 4 === 0 && value > 60).length }""",
        canvas,
    )


def test_speaks_draws_and_downloads(page: "playwright.Page", tmp_path: Path) -> None:
    page.fill("#text", "Good morning, everybody. How are you today?")
    page.click("#speak")
    page.wait_for_selector("#download:enabled")
    assert "s of speech" in page.inner_text("#status")
    assert brightness(page, "waveform") > 500
    assert brightness(page, "spectrogram") > 500
    for format in ("wav", "mp3"):
        page.select_option("#format", format)
        with page.expect_download() as waited:
            page.click("#download")
        path = tmp_path / waited.value.suggested_filename
        waited.value.save_as(path)
        assert soundfile.info(path).duration > 0.5
        assert MARK in (synthetic_mark(path) or "")
    assert not page.problems


def test_a_click_changes_a_reading(page: "playwright.Page") -> None:
    page.fill("#text", "一行人")
    page.click("#characters button:has-text('行')")
    page.click("#popover button:has-text('háng')")
    assert page.input_value("#text") == "一{行|hang2}人"
    page.click("#characters button.fixed")
    page.click("#popover button:has-text('dictionary')")
    assert page.input_value("#text") == "一行人"
    page.wait_for_selector("#tokens .phoneme:has-text('ING2')")
    assert not page.problems


def test_a_voice_is_recorded_added_and_deleted(page: "playwright.Page") -> None:
    page.click("#record")
    page.wait_for_timeout(2000)
    page.click("#record")
    page.wait_for_selector("#preview:visible")
    page.fill("#voice-name", "mine")
    assert page.is_disabled("#add")
    page.check("#consent")
    page.click("#add")
    page.wait_for_selector("#voice option[value=mine]:checked", state="attached")
    page.click("#remove")
    page.wait_for_selector("#voice option[value=default]:checked", state="attached")
    assert not page.problems


def test_escape_gives_the_focus_back(page: "playwright.Page") -> None:
    page.fill("#text", "一行人")
    page.click("#characters button:has-text('行')")
    page.keyboard.press("Escape")
    assert page.is_hidden("#popover")
    assert page.evaluate("document.activeElement.textContent").startswith("行")


def test_text_and_voice_survive_a_reload(page: "playwright.Page") -> None:
    page.fill("#text", "Still here.")
    page.select_option("#voice", "tone")
    page.reload()
    page.wait_for_selector("#voice option[value=tone]:checked", state="attached")
    assert page.input_value("#text") == "Still here."
    assert not page.problems


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_nothing_is_wider_than_a_small_screen(page: "playwright.Page", server: Running, path: str) -> None:
    small = page.context.browser.new_page(viewport={"width": 320, "height": 700})
    small.goto(server.url + path)
    small.wait_for_selector("#voice option, #operations table", state="attached")
    assert small.evaluate("document.documentElement.scrollWidth") == 320
    small.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_axe_finds_nothing(page: "playwright.Page", server: Running, path: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    context = page.context.browser.new_context(bypass_csp=True, color_scheme=scheme)  # axe is put into the page
    tried = context.new_page()
    tried.goto(server.url + path)
    tried.wait_for_selector("#voice option, #operations table", state="attached")
    found = axe.Axe().run(tried)
    assert not [(violation["id"], violation["nodes"]) for violation in found.response["violations"]]
    context.close()


def test_errors_are_shown(page: "playwright.Page") -> None:
    page.fill("#text", "…")
    page.click("#speak")
    page.wait_for_selector("#message:visible")
    assert "nothing to speak" in page.inner_text("#message")
    page.problems.clear()  # Chromium logs the refused request
    page.fill("#text", "Hello.")

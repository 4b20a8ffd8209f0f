"""The page when an answer is stopped, breaks off or fails; and texts in whatever encoding."""

from collections.abc import Iterator

import pytest

from tests.server.running import Running
from tests.server.test_page import CHROMIUM, Page, drop, opened

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)")
# A server that sends ten seconds of audio and then waits until the test says how it goes on.
HELD = """() => {
  window.real ??= window.fetch;
  window.fetch = async (path, options) => {
    if (!path.endsWith("/speech")) return window.real(path, options);
    const line = JSON.stringify({ type: "speech.audio.delta", audio: btoa("\\0".repeat(480000)) }) + "\\n";
    return new Response(new ReadableStream({ start(answer) {
      window.answer = answer;
      answer.enqueue(new TextEncoder().encode(line));
      options.signal?.addEventListener("abort", () => answer.error(options.signal.reason));
    } }));
  };
}"""
BREAKS = {"breaks": "window.answer.error(new TypeError('network error'))", "ends early": "window.answer.close()"}
CHINESE = "从前有一座山，山里有一座庙。"


@pytest.fixture
def page(driver: "playwright.Browser", server: Running) -> Iterator[Page]:
    with opened(driver, server) as page:
        yield page


def speaks(page: Page) -> None:
    page.evaluate(HELD)
    page.fill("#text", "Good morning.")
    page.click("#speak")
    page.wait_for_selector("#play[aria-label=Pause]")
    playwright.expect(page.locator("#speak")).to_have_text("Stop")


def test_stop_stops_the_sound(page: Page) -> None:
    speaks(page)
    page.click("#speak")
    page.wait_for_selector("#play[aria-label=Play]")
    playwright.expect(page.locator("#status")).to_have_text("Stopped.")
    playwright.expect(page.locator("#speak")).to_have_text("Speak")
    assert float(page.input_value("#seek")) < 9  # it was stopped, not at its end
    page.click("#play")  # what was heard can be heard again
    page.wait_for_selector("#play[aria-label=Pause]")


@pytest.mark.parametrize("how", BREAKS)
def test_an_answer_that_breaks_off_is_told(page: Page, how: str) -> None:
    speaks(page)
    page.evaluate(BREAKS[how])
    page.wait_for_selector("#speak-error:visible")
    assert page.inner_text("#speak-error") == "The connection broke off before the end."
    assert page.inner_text("#status") == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
def test_texts_are_dropped_in_whatever_encoding(page: Page, encoding: str) -> None:
    drop(page, "book.txt", "text/plain", CHINESE.encode(encoding))
    playwright.expect(page.locator("#text")).to_have_value(CHINESE)


def test_a_text_in_big5_is_dropped(page: Page) -> None:
    text = "從前有一座山，山裡有一座廟。廟裡有個老和尚。"
    drop(page, "book.txt", "text/plain", text.encode("big5"))
    playwright.expect(page.locator("#text")).to_have_value(text)


@pytest.mark.parametrize("content", [b"caf\xe9 cr\xe8me", b"\x00\x01\x02", b"na\xefve"])
def test_what_cannot_be_read_is_refused(page: Page, content: bytes) -> None:
    page.fill("#text", "Still here.")
    page.wait_for_selector("#characters button:has-text('Still')")  # an answer that comes later clears errors
    drop(page, "book.txt", "text/plain", content)
    page.wait_for_selector("#text-error:visible")
    assert "book.txt is no text in UTF-8, UTF-16, GBK or Big5" in page.inner_text("#text-error")
    assert page.input_value("#text") == "Still here."

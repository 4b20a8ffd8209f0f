"""The page loses nothing: no typed or dragged word, no key; what the browser forbids, it says or does without."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from tests.server.running import Running, running
from tests.server.test_page import CHROMIUM, PATIENCE, Page, drop, focused, gives_a_key, opened
from tests.server.test_voices import recording

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)")
NO_STORAGE = """Object.defineProperty(window, "sessionStorage", {
  get() { throw new DOMException("The user blocks all cookies.", "SecurityError"); } })"""
SLOW_MICROPHONE = """window.asked = 0;
const ask = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = async function (wanted) {
  window.asked += 1;
  await new Promise((go) => setTimeout(go, 500));
  return ask.call(this, wanted);
};"""


@pytest.fixture(scope="module")
def page(driver: "playwright.Browser", server: Running) -> Iterator[Page]:
    with opened(driver, server, SLOW_MICROPHONE) as page:
        yield page


def test_a_reading_is_not_written_over_what_was_typed_since(page: Page) -> None:
    page.fill("#text", "一行人")
    page.wait_for_selector("#characters > :first-child:has-text('一')")
    page.click("#characters button:has-text('行')")
    page.evaluate("""document.getElementById("text").value = "一行人来了" """)  # the server has not read this yet
    page.click("#popover button:has-text('háng') >> nth=0")
    page.wait_for_selector("#text-error:visible")
    assert "changed" in page.inner_text("#text-error") and focused(page) == "text"
    assert page.input_value("#text") == "一行人来了"
    page.wait_for_selector("#characters ruby:has-text('来')")


def test_readings_that_come_late_leave_what_was_wrong_meanwhile(page: Page) -> None:
    held: list[playwright.Route] = []
    page.route("**/v1/text/phonemes", lambda route: held.append(route))
    with page.expect_request("**/v1/text/phonemes"):
        page.fill("#text", "山上")
    drop(page, "book.pdf", "application/pdf", b"%PDF")
    page.wait_for_selector("#text-error:visible")
    held[0].continue_()
    page.unroute("**/v1/text/phonemes")
    page.wait_for_selector("#characters ruby:has-text('山')")
    assert "neither a text nor a recording" in page.inner_text("#text-error:visible")


def test_words_are_dragged_into_the_text(page: Page) -> None:
    taken = page.evaluate("""() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.setData("text/plain", "words");
      return document.getElementById("text").dispatchEvent(
        new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true })) }""")
    assert taken  # the browser puts them there itself, unless the page prevents it


def test_two_clicks_record_once(page: Page) -> None:
    page.dblclick("#record")
    page.wait_for_selector("#record.recording")
    page.click("#record")
    page.wait_for_selector("#preview:visible")
    assert page.evaluate("window.asked") == 1


def test_of_a_long_recording_the_beginning_is_sent(page: Page) -> None:
    drop(page, "long.ogg", "audio/ogg", recording(40, format="OGG"))
    page.wait_for_selector("#preview[src]:visible")
    seconds = page.evaluate("""async () => {
      const preview = document.getElementById("preview");
      while (!(preview.duration > 29)) await new Promise(requestAnimationFrame);
      return preview.duration }""")
    assert seconds == pytest.approx(30, abs=0.1)


def test_why_a_reading_is_not_heard_is_said(page: Page) -> None:
    line = '{"type": "error", "error": {"message": "This took too long.", "param": null}}\n'
    page.route("**/v1/audio/speech", lambda route: route.fulfill(content_type="application/x-ndjson", body=line))
    page.fill("#text", "一行人")
    page.click("#characters button:has-text('行')")
    page.click("#popover .listen >> nth=0")
    page.wait_for_selector("#reading-error:visible")
    assert "took too long" in page.inner_text("#reading-error")
    page.unroute("**/v1/audio/speech")


def test_it_works_without_storage_and_with_any_key(
    driver: "playwright.Browser", engine: Engine, tmp_path: Path
) -> None:
    with running(engine, ServerSettings(voices_folder=tmp_path, api_keys=("ключ-é",))) as guarded:
        page = driver.new_page()
        page.set_default_timeout(PATIENCE)
        page.add_init_script(NO_STORAGE)
        page.goto(guarded.url)
        gives_a_key(page, "ключ-é")
        page.close()


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_without_scripts_it_says_what_is_missing(server: Running, path: str) -> None:
    """Asked of the document: a driven Chromium that runs no scripts still parses as if it did."""
    shown = re.search(r"<noscript>(.*?)</noscript>", server.client.get(path).text, re.DOTALL)
    assert shown is not None and "needs JavaScript" in shown[1]

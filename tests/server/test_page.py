"""The page in a real Chromium: type, hear, see, correct, seek, record, drop, download; nothing from elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from glmtts.audio.provenance import MARK, synthetic_mark
from glmtts.judging.reading import Reading
from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from tests.server.running import CHROMIUM, Running, running
from tests.server.test_voices import recording

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)")
PATIENCE = 60_000
TEXT = "Good morning, everybody. How are you today?"
# Both play and look in the page itself: on a busy machine the speech would end between two requests of the test.
FROM_THE_FOURTH_WORD = """async () => {
  [...document.querySelectorAll("#transcript span")].at(3).click();
  const playing = () => document.querySelector("#transcript .now") && document.querySelector("#play[aria-label=Pause]");
  while (!playing()) await new Promise(requestAnimationFrame);
  playing().click();
}"""
LIT_TO_THE_END = """async () => {
  const words = [...document.querySelectorAll("#transcript span")], lit = [];
  document.querySelector("#play").click();
  while (!document.querySelector("#play[aria-label=Pause]")) await new Promise(requestAnimationFrame);
  while (document.querySelector("#play[aria-label=Pause]")) {
    const word = words.findIndex((one) => one.matches(".now"));
    if (word >= 0 && word !== lit.at(-1)) lit.push(word);
    await new Promise(requestAnimationFrame);
  }
  return lit;
}"""
Page = "playwright.Page"


@contextmanager
def opened(driver: "playwright.Browser", server: Running, script: str = "") -> Iterator[Page]:
    """The page of a server, when its voices are there; `script` runs before it."""
    page = driver.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(script)
    page.goto(server.url)
    page.wait_for_selector("#voice option", state="attached")
    yield page
    page.close()


@pytest.fixture(scope="module", autouse=True)
def aligned() -> Iterator[None]:
    """The tiny recogniser has learnt nothing; here it finds every phoneme, in order, at equal distances."""

    def align(self: Reading, labels: Sequence[str]) -> np.ndarray:
        return np.arange(len(self.log_probs_SV)) * len(labels) // len(self.log_probs_SV)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reading, "align", align)
        yield


@pytest.fixture(scope="module")
def page(driver: "playwright.Browser", server: Running) -> Iterator[Page]:
    page = driver.new_page(viewport={"width": 1000, "height": 1250})
    page.set_default_timeout(PATIENCE)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda line: page.problems.append(line.text) if line.type == "error" else None)
    page.on("request", lambda request: page.problems.append(request.url) if _elsewhere(request.url, server) else None)
    page.goto(server.url)
    page.wait_for_selector("#voice option", state="attached")
    yield page
    page.close()


def _elsewhere(url: str, server: Running) -> bool:
    return not url.startswith((server.url, "data:", "blob:"))


def brightness(page: Page, canvas: str) -> int:
    """How many pixels of a canvas are bright."""
    return page.evaluate(
        """id => { const c = document.getElementById(id);
        const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        return d.filter((value, index) => index % 4 === 0 && value > 60).length }""",
        canvas,
    )


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.id || document.activeElement.textContent")


def speak(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.click("#speak")
    page.wait_for_selector("#download:enabled")


def download(page: Page, format: str, folder: Path) -> Path:
    page.select_option("#format", format)
    with page.expect_download() as waited:
        page.click("#download")
    path = folder / waited.value.suggested_filename
    waited.value.save_as(path)
    return path


def drop(page: Page, name: str, kind: str, content: bytes) -> None:
    """Drop a file onto the page."""
    options = "{ dataTransfer: data, bubbles: true, cancelable: true }"
    page.evaluate(
        f"""([name, type, bytes]) => {{ const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name, {{ type }}));
        for (const kind of ["dragover", "drop"])
          document.body.dispatchEvent(new DragEvent(kind, {options})) }}""",
        [name, kind, list(content)],
    )


def test_speaks_and_draws(page: Page) -> None:
    speak(page, TEXT)
    assert "s of speech" in page.inner_text("#status")
    assert brightness(page, "waveform") > 500
    assert brightness(page, "spectrogram") > 500
    assert not page.problems


def test_a_file_has_what_was_heard(page: Page, tmp_path: Path) -> None:
    speak(page, TEXT)
    page.fill("#text", "Something else altogether.")
    page.fill("#seed", "99")
    heard, rate = soundfile.read(download(page, "wav", tmp_path), dtype="int16")
    kept, _ = soundfile.read(download(page, "flac", tmp_path), dtype="int16")
    assert len(heard) > rate / 2 and np.array_equal(heard, kept)
    for format in ("wav", "mp3"):
        assert MARK in (synthetic_mark(download(page, format, tmp_path)) or "")
    page.fill("#seed", "0")
    assert not page.problems


def test_the_player_pauses_seeks_and_lights_up_the_words(page: Page) -> None:
    speak(page, TEXT)
    seconds = float(page.get_attribute("#seek", "max"))
    assert page.inner_text("#transcript") == TEXT
    times = [
        float(start)
        for start in page.eval_on_selector_all("#transcript [data-start]", "all => all.map(one => one.dataset.start)")
    ]
    assert len(times) == 7 and times == sorted(times) and times[-1] < seconds
    if page.get_attribute("#play", "aria-label") == "Pause":
        page.click("#play")
    page.wait_for_selector("#play[aria-label=Play]")
    page.evaluate(FROM_THE_FOURTH_WORD)  # "How": it plays from there
    stopped = float(page.input_value("#seek"))
    assert times[3] <= stopped <= seconds
    page.wait_for_timeout(200)
    assert float(page.input_value("#seek")) == stopped
    page.focus("#seek")
    page.keyboard.press("Home")
    playwright.expect(page.locator("#time")).to_have_text("0:00.0")
    lit = page.evaluate(LIT_TO_THE_END)
    assert len(lit) > 1 and lit == sorted(lit)
    assert page.query_selector("#transcript .now") is None
    assert not page.problems


def test_numbers_light_up_though_other_words_are_said(page: Page) -> None:
    speak(page, "We have 25 of {read|R EH1 D} five.")
    assert page.inner_text("#transcript") == "We have 25 of read five."
    shown = page.eval_on_selector_all("#transcript [data-start]", "all => all.map(one => one.textContent)")
    assert shown == ["We", "have", "25", "of", "read", "five"]


def test_a_click_changes_a_reading(page: Page) -> None:
    page.fill("#text", "一行人")
    page.click("#characters button:has-text('行')")
    page.click("#popover button:has-text('háng') >> nth=0")
    page.wait_for_selector("#characters button.fixed:focus")
    assert page.input_value("#text") == "一{行|hang2}人"
    page.click("#characters button.fixed")
    page.click("#popover button:has-text('dictionary')")
    page.wait_for_selector("#characters button:not(.fixed):focus")
    assert page.input_value("#text") == "一行人"
    page.click("summary:has-text('language model')")
    page.wait_for_selector("#tokens .phoneme:has-text('ING2')")
    assert not page.problems


def test_an_english_word_is_corrected(page: Page) -> None:
    page.fill("#text", "I read it, Siobhan.")
    page.click("#characters button:has-text('read')")
    page.click("#popover button:has-text('/rid/') >> nth=0")
    page.wait_for_selector("#characters button.fixed:focus")
    assert page.input_value("#text") == "I {read|R IY1 D} it, Siobhan."
    page.click("#characters button:has-text('Siobhan')")
    page.fill("#popover input", "nonsense")
    page.keyboard.press("Enter")
    page.wait_for_selector("#reading-error:visible")
    page.fill("#popover input", "/ʃɪˈvɔːn/")
    with page.expect_response("**/v1/audio/speech") as heard:
        page.click("#popover [aria-label='Hear what is typed']")
    assert heard.value.ok
    page.press("#popover input", "Enter")
    page.wait_for_selector("#popover", state="hidden")
    assert page.input_value("#text") == "I {read|R IY1 D} it, {Siobhan|/ʃɪˈvɔːn/}."
    assert not page.problems


def test_escape_keeps_the_focus(page: Page) -> None:
    page.fill("#text", "一行人 read")
    for shown in ("行", "read"):
        page.click(f"#characters button:has-text('{shown}')")
        assert focused(page) != shown
        page.keyboard.press("Escape")
        assert page.is_hidden("#popover")
        assert focused(page).startswith(shown)
    page.click("#key-box summary")
    page.focus("#key")
    page.keyboard.press("Escape")
    assert page.is_hidden("#key") and focused(page) == "API key"


def test_a_voice_is_recorded_added_and_deleted(page: Page) -> None:
    page.click("#record")
    page.wait_for_timeout(2000)
    page.click("#record")
    page.wait_for_selector("#preview:visible")
    page.fill("#voice-name", "mine")
    page.click("#add")
    assert "statement" in page.inner_text("#consent-error")
    assert focused(page) == "consent"
    page.check("#consent")
    page.evaluate("""() => { window.told = []; new MutationObserver(() =>
        window.told.push(document.getElementById("adding-text").textContent))
        .observe(document.getElementById("adding-text"), { childList: true }) }""")
    page.click("#add")
    page.wait_for_selector("#voice option[value=mine]:checked", state="attached")
    told = page.evaluate("window.told")
    assert told[0] == "Sending the recording…" and told[-1] == "The voice mine is ready."
    assert any(line.startswith("Learning the voice") for line in told)
    for answer, left in (("#confirm-no", "mine"), ("#confirm-yes", "default")):
        page.click("#remove")
        assert "“mine”" in page.inner_text("#confirm-text")
        page.click(answer)
        page.wait_for_selector(f"#voice option[value={left}]:checked", state="attached")
    assert page.is_hidden("#remove") and focused(page) == "voice"
    assert not page.problems


def test_errors_stand_beside_what_caused_them(page: Page) -> None:
    page.fill("#text", "…")
    page.click("#speak")
    page.wait_for_selector("#text-error:visible")
    assert "nothing to speak" in page.inner_text("#text-error") and focused(page) == "text"
    page.fill("#text", "Hello.")
    assert page.is_hidden("#text-error")
    drop(page, "me.wav", "audio/wav", recording())
    page.wait_for_selector("#preview:visible")
    page.fill("#voice-name", "no name!")
    page.check("#consent")
    page.click("#add")
    page.wait_for_selector("#name-error:visible")
    assert "letters, digits" in page.inner_text("#name-error") and focused(page) == "voice-name"
    drop(page, "noise.mp3", "audio/mpeg", b"no sound at all")
    page.wait_for_selector("#recording-error:visible")
    page.fill("#voice-name", "")
    page.problems.clear()  # Chromium logs the refused requests


def test_texts_are_dropped(page: Page) -> None:
    drop(page, "book.txt", "text/plain", "从前有一座山。".encode())
    page.wait_for_selector("#characters ruby:has-text('山')")
    assert page.input_value("#text") == "从前有一座山。"
    drop(page, "book.pdf", "application/pdf", b"%PDF")
    page.wait_for_selector("#text-error:visible")
    assert page.input_value("#text") == "从前有一座山。"


def test_text_and_voice_survive_a_reload(page: Page) -> None:
    page.fill("#text", "Still here.")
    page.select_option("#voice", "tone")
    page.reload()
    page.wait_for_selector("#voice option[value=tone]:checked", state="attached")
    assert page.input_value("#text") == "Still here."
    assert not page.problems


def gives_a_key(page: Page, key: str) -> None:
    """Answer the page's question for a key, after which the voices are there and nothing is asked."""
    page.wait_for_selector("#key-error:visible")
    page.fill("#key", key)
    page.keyboard.press("Tab")
    page.wait_for_selector("#voice option", state="attached")
    assert page.is_hidden("#key-error")


def test_a_key_is_asked_for_beside_its_field(driver: "playwright.Browser", engine: Engine, tmp_path: Path) -> None:
    with running(engine, ServerSettings(voices_folder=tmp_path, api_keys=("secret",))) as guarded:
        page = driver.new_page()
        page.goto(guarded.url)
        page.wait_for_selector("#key-error:visible")
        assert focused(page) == "key"
        gives_a_key(page, "secret")
        page.close()


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_nothing_is_wider_than_a_small_screen(driver: "playwright.Browser", server: Running, path: str) -> None:
    small = driver.new_page(viewport={"width": 320, "height": 700})
    small.goto(server.url + path)
    small.wait_for_selector("#voice option, #operations table", state="attached")
    assert small.evaluate("document.documentElement.scrollWidth") == 320
    if path == "/":
        small.click("#characters button >> nth=-1")
        box = small.locator("#popover").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 320
        assert small.evaluate("document.documentElement.scrollWidth") == 320
    small.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_axe_finds_nothing(driver: "playwright.Browser", server: Running, path: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    context = driver.new_context(bypass_csp=True, color_scheme=scheme)  # axe is put into the page
    tried = context.new_page()

    def check() -> None:
        found = axe.Axe().run(tried)
        assert not [(violation["id"], violation["nodes"]) for violation in found.response["violations"]]

    tried.goto(server.url + path)
    tried.wait_for_selector("#voice option, #operations table", state="attached")
    check()
    if path == "/":
        tried.wait_for_selector("#characters button")
        speak(tried, "Good morning.")
        tried.click("#add")  # shows its errors
        tried.click("#characters button >> nth=0")
        check()
    context.close()

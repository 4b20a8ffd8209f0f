// The text's characters and words with their readings, and the tokens that the model reads. A choice changes a reading by
// a control in the text: 行 becomes {行|hang2}, read becomes {read|R EH1 D}.

import { post, whole } from "/page/api.js";
import { clear, tell } from "/page/errors.js";
import { ipa, marked, shown } from "/page/readings.js";

const HELP = { pinyin: "such as hang2", arpabet: "such as R EH1 D or /rɛd/" };

export class Pronunciation {
  constructor({ text, language, characters, tokens, popover, hear }) {
    Object.assign(this, { text, language, characters, tokens, popover, hear });
    this.latest = 0;
    document.addEventListener("pointerdown", (event) => popover.contains(event.target) || this.#hide());
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.#close());
    popover.addEventListener("focusout", ({ relatedTarget }) =>
      relatedTarget && !popover.contains(relatedTarget) && this.#hide());
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), 250);
  }

  async refresh() {
    clearTimeout(this.timer);
    const turn = ++this.latest, input = this.text.value;
    if (!input.trim()) return this.#show({ characters: [], pieces: [] });
    try {
      const explanation = await this.#explain(input);
      if (turn !== this.latest) return;
      this.#show(explanation);
      if (this.told) clear("text");  // no error of others, which may have come since this was asked
      this.told = false;
    } catch (error) {
      // A text that is being typed is often not whole: what is wrong with it is told when it is to be spoken.
      this.told = turn === this.latest && error.status !== 400;
      if (this.told) tell("text", error);
    }
  }

  async #explain(input) {
    const language = this.language.value || null;
    return whole((await post("/v1/text/phonemes", { input, language })).json());
  }

  #show({ characters, pieces }) {
    this.parts = characters;
    this.characters.replaceChildren(...characters.map((part, index) => this.#part(part, index)));
    this.tokens.replaceChildren(...pieces.map(piece));
  }

  #part(part, index) {
    if (!part.pinyin && !part.arpabet) return document.createTextNode(part.shown);
    const button = element("button", part.arpabet ? "word" : "");
    button.classList.toggle("fixed", part.fixed);
    if (part.arpabet) {
      button.textContent = part.shown;
      button.title = ipa(part.arpabet);
    } else {
      const ruby = element("ruby", "", part.shown);
      ruby.lang = "zh";
      ruby.append(element("rt", "", part.pinyin.split(" ").map(marked).join(" ")));
      button.append(ruby);
    }
    button.addEventListener("click", () => this.#choose(part, index, button));
    return button;
  }

  #choose(part, index, button) {
    const current = part.arpabet ?? part.pinyin;
    const title = element("p", "title", part.shown);
    title.id = "popover-title";
    const rows = [...new Set([current, ...part.candidates])].map((reading) => this.#row(part, index, reading, current));
    this.popover.replaceChildren(title, ...rows, ...this.#other(part, index));
    if (part.fixed) {
      const restore = element("button", "quiet", "As the dictionary says");
      restore.addEventListener("click", () => this.#replace(part, index, part.shown));
      this.popover.append(restore);
    }
    this.origin = index;
    this.popover.hidden = false;
    const box = button.getBoundingClientRect(), widest = document.documentElement.clientWidth;
    this.popover.style.left = `${Math.max(8, Math.min(box.left, widest - this.popover.offsetWidth - 8)) + scrollX}px`;
    this.popover.style.top = `${box.bottom + 6 + scrollY}px`;
    this.popover.querySelector("button").focus();
  }

  #row(part, index, reading, current) {
    const row = element("div", "reading"), said = shown(part, reading);
    const choice = element("button", reading === current ? "chosen" : "", said);
    choice.setAttribute("aria-pressed", String(reading === current));
    choice.addEventListener("click", () => (reading === current ? this.#close() : this.#use(part, index, reading)));
    const listen = element("button", "listen", "Hear");
    listen.setAttribute("aria-label", `Hear ${said}`);
    listen.addEventListener("click", () => this.#try(part, reading));
    row.append(choice, listen);
    return row;
  }

  // A reading that is typed.
  #other(part, index) {
    const form = element("div", "reading"), input = element("input"), listen = element("button", "listen", "Hear");
    const kind = part.arpabet ? "arpabet" : "pinyin", wrong = element("p", "error");
    input.placeholder = HELP[kind];
    input.setAttribute("aria-label", `Another reading, ${HELP[kind]}`);
    input.setAttribute("aria-describedby", "reading-error");
    listen.setAttribute("aria-label", "Hear what is typed");
    wrong.id = "reading-error";
    wrong.hidden = true;
    wrong.setAttribute("role", "alert");
    this.wrong = wrong;
    input.addEventListener("keydown", (event) => event.key === "Enter" && this.#use(part, index, input.value.trim()));
    listen.addEventListener("click", () => this.#try(part, input.value.trim()));
    form.append(input, listen);
    return [form, wrong];
  }

  // Whether the server understands a reading; else says so beside it.
  async #understood(part, reading) {
    const control = `{${part.shown}|${reading}}`;
    try {
      const [found] = reading ? (await this.#explain(control)).characters : [];
      if (found?.fixed && (found.arpabet || found.pinyin)) return control;
      this.wrong.textContent = `This reading is not known. Write one ${HELP[part.arpabet ? "arpabet" : "pinyin"]}.`;
    } catch (error) {
      this.wrong.textContent = error.message;
    }
    this.wrong.hidden = false;
    return null;
  }

  async #try(part, reading) {
    const control = await this.#understood(part, reading);
    if (control) this.hear(control).catch((error) => {
      this.wrong.textContent = error.message;
      this.wrong.hidden = false;
    });
  }

  async #use(part, index, reading) {
    const control = await this.#understood(part, reading);
    if (control) await this.#replace(part, index, control);
  }

  #hide() {
    this.popover.hidden = true;
  }

  #close() {
    if (this.popover.hidden) return;
    this.#hide();
    this.#focus();
  }

  async #replace(part, index, replacement) {
    this.#hide();
    // The parts are of the text as the server read it last. What was typed since must not be written over.
    if (this.parts[index] !== part || this.parts.map(({ text }) => text).join("") !== this.text.value) {
      await this.refresh();
      return tell("text", "The text has changed meanwhile. Choose the reading again.");
    }
    this.text.value = this.parts.map((part, at) => (at === index ? replacement : part.text)).join("");
    this.text.dispatchEvent(new Event("input"));
    await this.refresh();
    this.#focus();
  }

  // The focus goes back to where it came from, though the button may be another one by now.
  #focus() {
    this.characters.childNodes[this.origin]?.focus?.();
  }
}

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

function piece({ text, tokens }) {
  const box = element("div", "piece");
  box.append(element("p", "", text));
  for (const token of tokens) {
    const phoneme = token.match(/^<\|(?:EN_)?(.+)\|>$/)?.[1];
    box.append(element("span", phoneme ? "token phoneme" : "token", phoneme ?? token));
  }
  return box;
}

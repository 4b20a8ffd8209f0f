// The text's characters with their readings, and the tokens that the model reads. A click changes a reading by a
// control in the text: 行 becomes {行|hang2}.

import { post } from "/page/api.js";

const TONES = { a: "āáǎàa", e: "ēéěèe", i: "īíǐìi", o: "ōóǒòo", u: "ūúǔùu", ü: "ǖǘǚǜü" };
const SYLLABLE = /^[a-zü:]+[1-5]$/;

// hang2 → háng: the mark stands on a or e, else on the o of ou, else on the last vowel.
export function marked(pinyin) {
  const letters = pinyin.slice(0, -1).replace("u:", "ü").replace("v", "ü"), tone = Number(pinyin.at(-1));
  const vowel = ["a", "e", "ou"].find((part) => letters.includes(part))?.[0] ?? letters.match(/[iouü](?=[^iouü]*$)/)?.[0];
  return vowel ? letters.slice(0, letters.lastIndexOf(vowel)) + TONES[vowel][tone - 1] + letters.slice(letters.lastIndexOf(vowel) + 1) : letters;
}

export class Pronunciation {
  constructor({ text, language, characters, tokens, popover, onError }) {
    Object.assign(this, { text, language, characters, tokens, popover, onError });
    this.latest = 0;
    document.addEventListener("pointerdown", (event) => popover.contains(event.target) || (popover.hidden = true));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.#close());
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), 250);
  }

  async refresh() {
    const turn = ++this.latest, input = this.text.value;
    if (!input.trim()) return this.#show({ characters: [], pieces: [] });
    try {
      const answer = await post("/v1/text/phonemes", { input, language: this.language.value || null });
      const explanation = await answer.json();
      if (turn === this.latest) this.#show(explanation);
    } catch (error) {
      if (turn === this.latest) this.onError(error);
    }
  }

  #show({ characters, pieces }) {
    this.parts = characters;
    this.characters.replaceChildren(...characters.map((part, index) => this.#part(part, index)));
    this.tokens.replaceChildren(...pieces.map(piece));
  }

  #part(part, index) {
    if (!part.pinyin) return document.createTextNode(part.shown);
    const button = element("button", part.fixed ? "fixed" : "");
    const ruby = element("ruby", "", part.shown);
    ruby.append(element("rt", "", part.pinyin.split(" ").map(marked).join(" ")));
    button.append(ruby);
    button.title = "Change the reading";
    button.addEventListener("click", () => this.#choose(part, index, button));
    return button;
  }

  #choose(part, index, button) {
    const choices = part.candidates.map((pinyin) => {
      const choice = element("button", pinyin === part.pinyin ? "primary" : "", marked(pinyin));
      choice.addEventListener("click", () => this.#replace(index, `{${part.shown}|${pinyin}}`));
      return choice;
    });
    const other = element("input");
    other.placeholder = "e.g. hang2";
    other.setAttribute("aria-label", "Another reading in pinyin with a tone digit");
    other.addEventListener("keydown", (event) => {
      const pinyin = other.value.trim().toLowerCase();
      if (event.key === "Enter" && SYLLABLE.test(pinyin)) this.#replace(index, `{${part.shown}|${pinyin}}`);
    });
    if (part.fixed) {
      const restore = element("button", "", "As the dictionary says");
      restore.addEventListener("click", () => this.#replace(index, part.shown));
      choices.push(restore);
    }
    this.popover.replaceChildren(...choices, other);
    const box = button.getBoundingClientRect();
    this.popover.hidden = false;
    this.popover.style.left = `${Math.min(box.left, innerWidth - this.popover.offsetWidth - 16) + scrollX}px`;
    this.popover.style.top = `${box.bottom + 6 + scrollY}px`;
    this.origin = button;
    this.popover.querySelector("button, input").focus();
  }

  #close() {
    if (this.popover.hidden) return;
    this.popover.hidden = true;
    this.origin?.focus();
  }

  #replace(index, replacement) {
    this.popover.hidden = true;
    this.text.value = this.parts.map((part, at) => (at === index ? replacement : part.text)).join("");
    this.refresh();
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

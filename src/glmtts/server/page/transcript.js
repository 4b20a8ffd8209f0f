// The text that is heard, whose words light up as they are spoken and can be clicked to go there.
//
// The server times the words that are said, "two thousand" for 2000. They are matched with the words that are written by
// their longest common subsequence; what is written between two matches has the times of what is said between them.

const TOKEN = /\p{Script=Han}|[\p{L}\p{M}\p{N}$€£¥%℃°]+(?:['’.,:/-][\p{L}\p{M}\p{N}]+)*/gu;

export class Transcript {
  constructor(element, onChoose) {
    this.element = element;
    element.addEventListener("click", (event) => {
      const start = event.target.closest?.("[data-start]")?.dataset.start;
      if (start) onChoose(Number(start));
    });
    this.show("");
  }

  show(text) {
    const plain = withoutControls(text);
    this.tokens = [...plain.matchAll(TOKEN)].map((match) => ({ text: match[0], at: match.index }));
    this.done = 0;
    this.timed = []; // in the order of time
    this.now = null;
    const nodes = [];
    let end = 0;
    for (const token of this.tokens) {
      token.element = document.createElement("span");
      token.element.textContent = token.text;
      nodes.push(plain.slice(end, token.at), token.element);
      end = token.at + token.text.length;
    }
    this.element.replaceChildren(...nodes, plain.slice(end));
    this.element.hidden = !text;
  }

  // Times of the words of the next piece of text.
  add(words) {
    const tokens = this.tokens.slice(this.done, this.done + 2 * words.length + 12);
    const pairs = matched(tokens, words);
    let token = 0, word = 0;
    for (const [i, j] of [...pairs, [null, words.length]]) {
      const between = words.slice(word, j);
      const last = i ?? (between.length ? Math.min(token + 1, tokens.length) : token); // numbers at the end of a piece
      if (between.length) tokens.slice(token, last).forEach((found) => this.#time(found, between[0], between.at(-1)));
      if (i === null) {
        token = last;
        break;
      }
      this.#time(tokens[i], words[j], words[j]);
      [token, word] = [i + 1, j + 1];
    }
    this.done += token;
  }

  // Lights up what is spoken at this time.
  follow(seconds, lit) {
    const now = lit ? this.timed.findLast(({ start }) => start <= seconds) ?? null : null;
    if (now === this.now) return;
    this.now?.element.classList.remove("now");
    now?.element.classList.add("now");
    this.now = now;
  }

  #time(token, first, last) {
    token.start = first.start;
    token.end = last.end;
    token.element.dataset.start = first.start;
    this.timed.push(token);
  }
}

export function withoutControls(text) {
  return text.replace(/\{([^{}|]*)\|[^{}]*\}/g, "$1").replace(/<[^<>]*>/g, "");
}

// Pairs [token, word] of the longest common subsequence.
function matched(tokens, words) {
  const same = (i, j) => tokens[i].text.toLowerCase() === words[j].text.toLowerCase();
  const length = Array.from({ length: tokens.length + 1 }, () => new Uint16Array(words.length + 1));
  for (let i = tokens.length - 1; i >= 0; i--) {
    for (let j = words.length - 1; j >= 0; j--) {
      length[i][j] = same(i, j) ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < tokens.length && j < words.length; ) {
    if (same(i, j)) pairs.push([i++, j++]);
    else if (length[i + 1][j] >= length[i][j + 1]) i++;
    else j++;
  }
  return pairs;
}

"use strict";
// One trial at a time, in an order that is drawn for each listener; answers stay in this browser until they are saved.
const test = JSON.parse(document.getElementById("test").textContent);
const store = `listening-${test.id}`;
const state = JSON.parse(localStorage.getItem(store) || "null") || begin();

function begin() {
  const order = test.trials.map((_, at) => at);
  for (let at = order.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  const rater = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2);
  return { rater, order, swapped: order.map(() => Math.random() < 0.5), answers: [], headphones: null };
}

function keep() { localStorage.setItem(store, JSON.stringify(state)); }

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function show() {
  const main = document.getElementById("main");
  main.replaceChildren();
  if (state.headphones === null) return start(main);
  const number = state.answers.length;
  if (number === state.order.length) return finish(main);
  const trial = test.trials[state.order[number]];
  const swap = trial.clips.length > 1 && state.swapped[number];
  const clips = swap ? [...trial.clips].reverse() : trial.clips;
  main.append(make("p", `${number + 1} / ${state.order.length}`), make("p", trial.text, { class: "text", lang: "" }));
  const heard = new Set();
  const buttons = answers(trial).map(([value, label]) => {
    const button = make("button", label, { type: "button", disabled: "" });
    button.addEventListener("click", () => answer(trial, value, swap));
    return button;
  });
  clips.forEach((file, place) => {
    const name = clips.length > 1 ? "AB"[place] : "Listen";
    const audio = make("audio", "", { controls: "", preload: "auto", src: file, "aria-label": name });
    audio.addEventListener("ended", () => {
      heard.add(place);
      if (heard.size === clips.length) buttons.forEach((button) => button.removeAttribute("disabled"));
    });
    main.append(make("p", name), audio);
  });
  const group = make("p", "", { role: "group", "aria-label": test.question });
  group.append(...buttons);
  main.append(make("p", test.question), group, make("p", "The buttons open when everything was heard to its end."));
}

function answers(trial) {
  if (trial.clips.length > 1) return [[0, "A"], [0.5, "no preference"], [1, "B"]];
  return [[5, "5 excellent"], [4, "4 good"], [3, "3 fair"], [2, "2 poor"], [1, "1 bad"]];
}

function answer(trial, value, swap) {
  state.answers.push({ trial: trial.id, value: swap ? 1 - value : value, at: new Date().toISOString() });
  keep();
  show();
}

function start(main) {
  main.append(make("p", test.instructions));
  for (const [label, value] of [["I use headphones", true], ["I use loudspeakers", false]]) {
    const button = make("button", label, { type: "button" });
    button.addEventListener("click", () => { state.headphones = value; keep(); show(); });
    main.append(button);
  }
}

function finish(main) {
  const { rater, headphones, answers: given } = state;
  const blob = new Blob([JSON.stringify({ test: test.id, rater, headphones, answers: given }, null, 1)]);
  const link = make("a", "Save the answers", { href: URL.createObjectURL(blob), download: `answers-${rater}.json` });
  main.append(make("p", "Thank you. Save your answers and send the file to whoever asked you."), link);
}

show();

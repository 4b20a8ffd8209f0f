// Wires the page: what is typed and chosen becomes speech that is heard and seen while it is made.

import { json, key, post } from "/page/api.js";
import { Pictures } from "/page/pictures.js";
import { Player, pcm } from "/page/player.js";
import { Pronunciation } from "/page/pronunciation.js";
import { Voices } from "/page/voices.js";
import { wav } from "/page/wav.js";

const $ = (id) => document.getElementById(id);
const RATE = 24000; // of the server's pcm
const player = new Player(RATE);
const pictures = new Pictures($("waveform"), $("spectrogram"));
let model = "", spoken = null, abort = null;

function say(error) {
  if (error?.name === "AbortError") return;
  if (error?.status === 401) $("key-box").open = true;
  $("message").textContent = error ? error.message : "";
  $("message").hidden = !error;
}

const voices = new Voices(
  {
    select: $("voice"), record: $("record"), file: $("file"), preview: $("preview"), name: $("voice-name"),
    text: $("voice-text"), consent: $("consent"), add: $("add"), remove: $("remove"),
  },
  say,
);
const pronunciation = new Pronunciation({
  text: $("text"), language: $("language"), characters: $("characters"), tokens: $("tokens"), popover: $("popover"),
  onError: say,
});

function wanted() {
  return {
    model, input: $("text").value, voice: $("voice").value, speed: Number($("speed").value),
    seed: Number($("seed").value) || 0, language: $("language").value || null,
  };
}

async function speak() {
  say(null);
  abort?.abort();
  const mine = (abort = new AbortController());
  player.open();
  pictures.clear();
  spoken = wanted();
  busy(true);
  const started = performance.now();
  let first = null;
  try {
    const answer = await post("/v1/audio/speech", { ...spoken, response_format: "pcm" }, mine.signal);
    for await (const chunk of pcm(answer.body)) {
      first ??= performance.now() - started;
      player.add(chunk);
      $("empty").hidden = true;
      pictures.draw(player.all);
      $("status").textContent = `first audio after ${(first / 1000).toFixed(2)} s`;
    }
    const taken = (performance.now() - started) / 1000;
    $("status").textContent += `, ${player.seconds.toFixed(1)} s of speech in ${taken.toFixed(1)} s`;
  } catch (error) {
    say(error);
    $("status").textContent = "";
  } finally {
    if (mine === abort) busy(false);
  }
}

function busy(running) {
  $("speak").disabled = running;
  $("stop").disabled = !running;
  $("replay").disabled = $("download").disabled = running || !player.length;
  if (running) $("status").textContent = "speaking…";
}

function stop() {
  abort?.abort();
  player.stop();
}

async function download() {
  const format = $("format").value;
  try {
    const comment = `Synthetic speech, made by glm-tts with the model ${model}.`;
    const blob = format === "wav"
      ? wav(player.all, RATE, comment)
      : await (await post("/v1/audio/speech", { ...spoken, response_format: format })).blob();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `speech.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  } catch (error) {
    say(error);
  }
}

function follow() {
  const position = player.position;
  $("cursor").style.opacity = position === null ? 0 : 0.8;
  if (position !== null) $("cursor").style.left = `${(100 * position) / Math.max(player.seconds, 0.01)}%`;
  $("time").textContent = player.length ? `${(position ?? player.seconds).toFixed(1)} / ${player.seconds.toFixed(1)} s` : "";
  requestAnimationFrame(follow);
}

// What was typed survives a reload, not the tab.
const KEPT = ["text", "voice", "language", "speed", "seed"];
const keep = () => KEPT.forEach((id) => sessionStorage.setItem(`glm-tts-${id}`, $(id).value));
const kept = (id) => sessionStorage.getItem(`glm-tts-${id}`);

async function begin() {
  try {
    model = (await json("/v1/models")).data[0].id;
    $("model").textContent = model;
    await Promise.all([voices.refresh(kept("voice") ?? "default"), pronunciation.refresh()]);
    say(null);
  } catch (error) {
    say(error);
  }
}

$("speak").addEventListener("click", speak);
$("stop").addEventListener("click", stop);
$("replay").addEventListener("click", () => player.replay());
$("download").addEventListener("click", download);
$("speed").addEventListener("input", () => ($("speed-shown").textContent = `${Number($("speed").value).toFixed(1)} ×`));
$("text").addEventListener("input", () => pronunciation.later());
$("text").addEventListener("keydown", (event) => (event.ctrlKey || event.metaKey) && event.key === "Enter" && speak());
$("language").addEventListener("change", () => pronunciation.refresh());
$("key").value = key.get();
$("key").addEventListener("change", () => (key.set($("key").value.trim()), begin()));
window.addEventListener("pagehide", keep);
for (const id of KEPT) if (id !== "voice" && kept(id) !== null) $(id).value = kept(id);
$("speed-shown").textContent = `${Number($("speed").value).toFixed(1)} ×`;
window.addEventListener("resize", () => player.length && pictures.draw(player.all));
requestAnimationFrame(follow);
begin();

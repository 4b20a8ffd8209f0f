// Wires the page: what is typed and chosen becomes speech that is heard, seen and read while it is made.

import { json, key, lines, post, request, whole } from "/page/api.js";
import { textOf } from "/page/encodings.js";
import { clear, tell } from "/page/errors.js";
import { Pictures } from "/page/pictures.js";
import { pcmOf, Player, samplesOf } from "/page/player.js";
import { Pronunciation } from "/page/pronunciation.js";
import { store } from "/page/store.js";
import { Transcript } from "/page/transcript.js";
import { Voices } from "/page/voices.js";
import { wav } from "/page/wav.js";

const $ = (id) => document.getElementById(id);
const RATE = 24000; // of the server's pcm
const PLAY = "M8 5v14l11-7z", PAUSE = "M7 5h4v14H7zM13 5h4v14h-4z";
const PLACES = { input: "text", voice: "voice", seed: "seed" };
const player = new Player(RATE);
const pictures = new Pictures($("waveform"), $("spectrogram"));
const transcript = new Transcript($("transcript"), (seconds) => {
  player.seek(seconds);
  if (!player.playing) player.play();
});
const voices = new Voices(keep);
const pronunciation = new Pronunciation({
  text: $("text"), language: $("language"), characters: $("characters"), tokens: $("tokens"), popover: $("popover"), hear,
});
let model = "", speaking = null;

function wanted() {
  return {
    model, voice: $("voice").value, speed: Number($("speed").value), seed: Number($("seed").value) || 0,
    language: $("language").value || null, response_format: "pcm", stream_format: "json", timestamps: ["word"],
  };
}

async function speak() {
  if (speaking) {
    player.pause();
    return speaking.abort();
  }
  clear("text", "voice", "seed", "speak", "download");
  const mine = (speaking = new AbortController()), asked = { ...wanted(), input: $("text").value };
  player.open();
  pictures.clear();
  transcript.show(asked.input);
  busy(true);
  const begun = performance.now(), passed = () => (performance.now() - begun) / 1000;
  try {
    const answer = await post("/v1/audio/speech", asked, mine.signal);
    for await (const event of lines(answer.body)) take(event, passed);
    $("status").textContent = `${player.seconds.toFixed(1)} s of speech, made in ${passed().toFixed(1)} s`;
  } catch (error) {
    $("status").textContent = error.name === "AbortError" ? "Stopped." : "";
    if (!player.length) transcript.show("");
    tell(PLACES[error.param] ?? "speak", error);
  } finally {
    speaking = null;
    player.complete = true;
    busy(false);
  }
}

function take(event, passed) {
  if (event.type === "speech.audio.delta") {
    if (!player.length) $("status").textContent = `Speaking, first audio after ${passed().toFixed(2)} s`;
    player.add(samplesOf(event.audio));
    show();
  } else if (event.type === "speech.words") {
    transcript.add(event.words);
  } else if (event.type === "speech.warning") {
    $("note").textContent += `${event.message} `;
    $("note").hidden = false;
  }
}

function busy(running) {
  $("speak").textContent = running ? "Stop" : "Speak";
  $("speak").classList.toggle("running", running);
  $("download").disabled = running || !player.length;
  if (!running) return;
  $("status").textContent = "Speaking…";
  $("note").textContent = "";
  $("note").hidden = true;
  $("play").disabled = $("seek").disabled = true;
}

function show() {
  $("empty").hidden = true;
  $("play").disabled = $("seek").disabled = false;
  $("seek").max = player.seconds;
  pictures.draw(player.all);
}

// A word or two by themselves, beside whatever the player holds.
let trial = null;
async function hear(input) {
  trial ??= new Player(RATE);
  trial.open();
  const answer = await post("/v1/audio/speech", { ...wanted(), input, timestamps: null });
  for await (const event of lines(answer.body)) if (event.audio) trial.add(samplesOf(event.audio));
}

// The file has the very samples that were heard.
async function download() {
  clear("download");
  const format = $("format").value;
  try {
    const blob = format === "wav" ? wav(player.all, RATE, `Synthetic speech, made by glm-tts with the model ${model}.`)
      : await whole((await request(`/v1/audio/encode?response_format=${format}`, {
        method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: pcmOf(player.all),
      })).blob());
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `speech.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  } catch (error) {
    tell("download", error.status === 413 ? "This is too long for the server to convert. Choose wav." : error);
  }
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;

function follow() {
  player.ended();
  const { position, seconds, playing } = player;
  if (seconds) {
    $("time").textContent = clock(position);
    $("duration").textContent = clock(seconds);
    $("cursor").style.left = `${(100 * position) / seconds}%`;
    if (document.activeElement !== $("seek") || playing) $("seek").value = position;
    $("seek").setAttribute("aria-valuetext", `${position.toFixed(1)} of ${seconds.toFixed(1)} seconds`);
  }
  $("cursor").hidden = !seconds;
  if ($("play").dataset.playing !== String(playing)) {
    $("play").dataset.playing = playing;
    $("play").setAttribute("aria-label", playing ? "Pause" : "Play");
    $("play-icon").setAttribute("d", playing ? PAUSE : PLAY);
  }
  transcript.follow(position, position > 0 && (playing || position < seconds));
  requestAnimationFrame(follow);
}

function seekTo(event) {
  if (!player.length) return;
  const { left, width } = $("waveform").getBoundingClientRect();
  player.seek((player.seconds * (event.clientX - left)) / width);
}

// What was typed and chosen survives a reload, not the tab.
const KEPT = ["text", "voice", "language", "speed", "seed", "format", "voice-name", "voice-text"];
const kept = (id) => store.get(id);
function keep() {
  for (const id of KEPT) if (id !== "voice" || $(id).value) store.set(id, $(id).value);
}

function drop(event) {
  if (!event.dataTransfer?.types.includes("Files")) return; // words that are dragged are the text field's own business
  event.preventDefault();
  $("drop-hint").hidden = true;
  const file = event.dataTransfer.files[0];
  if (!file) return;
  if (file.type.startsWith("audio/") || file.type.startsWith("video/")) {
    $("new-voice").scrollIntoView({ block: "center" });
    voices.take(file);
  } else if (file.type.startsWith("text/") || /\.(txt|md)$/i.test(file.name)) {
    textOf(file).then(setText, (error) => tell("text", error));
  } else {
    tell("text", `${file.name} is neither a text nor a recording.`);
  }
}

function setText(text) {
  $("text").value = text;
  $("text").dispatchEvent(new Event("input"));
  $("text").focus();
}

function dragging(event) {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  $("drop-hint").hidden = false;
}

async function begin() {
  clear("key");
  try {
    model = (await json("/v1/models")).data[0].id;
    $("model").textContent = model;
    $("model").hidden = false;
    await Promise.all([voices.refresh(kept("voice") ?? "default"), pronunciation.refresh()]);
  } catch (error) {
    tell("speak", error);
  }
}

$("speak").addEventListener("click", speak);
$("play").addEventListener("click", () => (player.playing ? player.pause() : player.play()));
$("seek").addEventListener("input", () => player.seek(Number($("seek").value)));
for (const picture of ["waveform", "spectrogram"]) $(picture).addEventListener("click", seekTo);
$("download").addEventListener("click", download);
$("text").addEventListener("input", () => (clear("text"), pronunciation.later()));
$("text").addEventListener("keydown", (event) => (event.ctrlKey || event.metaKey) && event.key === "Enter" && speak());
$("language").addEventListener("change", () => pronunciation.refresh());
const showSpeed = () => ($("speed-shown").textContent = `${Number($("speed").value).toFixed(1)} ×`);
$("speed").addEventListener("input", showSpeed);
$("key").value = key.get();
$("key").addEventListener("change", () => (key.set($("key").value.trim()), begin()));
$("key-box").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  $("key-box").open = false;
  $("key-box").querySelector("summary").focus();
});
document.addEventListener("dragover", dragging);
document.addEventListener("dragleave", (event) => event.relatedTarget || ($("drop-hint").hidden = true));
document.addEventListener("drop", drop);
for (const id of KEPT) {
  if (id !== "voice" && kept(id) !== null) $(id).value = kept(id);
  $(id).addEventListener("input", keep);
}
showSpeed();
window.addEventListener("pagehide", keep);
window.addEventListener("resize", () => player.length && pictures.draw(player.all));
requestAnimationFrame(follow);
begin();

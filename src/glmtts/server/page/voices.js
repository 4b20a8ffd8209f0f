// The list of voices; a new one from a recording or a file; deleting.

import { json, request, upload } from "/page/api.js";
import { clear, tell } from "/page/errors.js";
import { toWav } from "/page/wav.js";

const $ = (id) => document.getElementById(id);
const LONGEST_SECONDS = 30;
const PLACES = { name: "name", audio_sample: "recording", text: "voice-text", consent: "consent" };

export class Voices {
  constructor(onChange) {
    this.onChange = onChange;
    $("record").addEventListener("click", () => this.#toggle().catch((error) => tell("recording", readable(error))));
    $("choose").addEventListener("click", () => $("file").click());
    $("file").addEventListener("change", () => $("file").files[0] && this.take($("file").files[0]));
    $("add").addEventListener("click", () => (this.adding ? this.adding.abort() : this.#add()));
    $("remove").addEventListener("click", () => this.#ask());
    $("voice").addEventListener("change", () => this.#update());
    $("voice-name").addEventListener("input", () => clear("name", "add"));
    $("voice-text").addEventListener("input", () => clear("voice-text", "add"));
    $("consent").addEventListener("input", () => clear("consent", "add"));
    $("confirm-no").addEventListener("click", () => $("confirm").close());
    $("confirm-yes").addEventListener("click", () => this.#remove());
  }

  async refresh(chosen = $("voice").value) {
    this.known = (await json("/v1/audio/voices")).data;
    $("voice").replaceChildren(...this.known.map(({ id, description }) => {
      const shown = description ? `${id} – ${description}` : id;
      return new Option(shown, id, false, id === chosen);
    }));
    this.#update();
  }

  // A recording: what the browser recorded, a chosen file, or one that was dropped.
  async take(blob) {
    clear("recording", "add");
    $("adding-text").textContent = "";
    try {
      this.recording = await toWav(blob, LONGEST_SECONDS);
    } catch {
      return tell("recording", "The browser cannot read this recording. Choose another file.");
    }
    if ($("preview").src) URL.revokeObjectURL($("preview").src);
    $("preview").src = URL.createObjectURL(this.recording);
    $("preview").hidden = false;
    if (!$("voice-name").value) $("voice-name").focus();
  }

  #update() {
    $("remove").hidden = this.known?.find(({ id }) => id === $("voice").value)?.source !== "added";
    this.onChange();
  }

  async #toggle() {
    if (this.recorder) return this.recorder.stop();
    if (this.asking) return; // a second click, while the browser asks for the microphone, would record a second time
    clear("recording");
    this.asking = true;
    const wanted = { audio: { echoCancellation: false, channelCount: 1 } };
    const stream = await navigator.mediaDevices.getUserMedia(wanted).finally(() => (this.asking = false));
    const parts = [], recorder = new MediaRecorder(stream), begun = performance.now();
    this.recorder = recorder;
    const show = () => ($("record").textContent = `Stop, ${((performance.now() - begun) / 1000).toFixed(0)} s`);
    const clock = setInterval(show, 500);
    $("record").classList.add("recording");
    show();
    recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    recorder.addEventListener("stop", () => {
      stream.getTracks().forEach((track) => track.stop());
      clearTimeout(limit);
      clearInterval(clock);
      this.recorder = null;
      $("record").textContent = "Record again";
      $("record").classList.remove("recording");
      this.take(new Blob(parts));
    });
    recorder.start();
    const limit = setTimeout(() => recorder.stop(), LONGEST_SECONDS * 1000);
  }

  // What is missing, each beside its field; the first of them gets the focus.
  #complete() {
    clear("recording", "name", "voice-text", "consent", "add");
    const missing = [
      [!$("consent").checked, "consent", "Without this statement no voice is made."],
      [!$("voice-name").value.trim(), "name", "Give the voice a name."],
      [!this.recording, "recording", "Record something first, or choose a file."],
    ].filter(([there]) => there);
    for (const [, place, message] of missing) tell(place, message);
    return !missing.length;
  }

  async #add() {
    if (!this.#complete()) return;
    const form = new FormData();
    form.append("name", $("voice-name").value.trim());
    form.append("audio_sample", this.recording, "recording.wav");
    form.append("consent", "true");
    if ($("voice-text").value.trim()) form.append("text", $("voice-text").value.trim());
    this.adding = new AbortController();
    const finished = this.#progress();
    try {
      const voice = await upload("/v1/audio/voices", form, (share) => this.#sent(share), this.adding.signal);
      finished(`The voice ${voice.id} is ready.`);
      $("consent").checked = false;
      await this.refresh(voice.id);
    } catch (error) {
      finished(error.name === "AbortError" ? "Given up." : "");
      tell(PLACES[error.param] ?? "add", error);
    }
  }

  // Shows how it goes; gives what ends that.
  #progress() {
    const begun = performance.now();
    this.learning = false;
    this.#sent(0);
    const clock = setInterval(() => this.learning && this.#learning(performance.now() - begun), 500);
    $("adding").hidden = false;
    $("add").textContent = "Cancel";
    return (message) => {
      clearInterval(clock);
      this.adding = null;
      $("adding").hidden = true;
      $("add").textContent = "Add voice";
      $("adding-text").textContent = message;
    };
  }

  #sent(share) {
    this.learning = share >= 1;
    if (this.learning) return this.#learning(0);
    $("progress").value = share;
    $("adding-text").textContent = "Sending the recording…";
  }

  #learning(milliseconds) {
    $("progress").removeAttribute("value");
    const seconds = Math.round(milliseconds / 1000);
    $("adding-text").textContent = `Learning the voice…${seconds ? ` ${seconds} s` : ""}`;
  }

  #ask() {
    $("confirm-text").textContent = `Delete the voice “${$("voice").value}”? It cannot be brought back.`;
    $("confirm").showModal();
    $("confirm-no").focus();
  }

  async #remove() {
    $("confirm").close();
    clear("voice");
    try {
      await request(`/v1/audio/voices/${encodeURIComponent($("voice").value)}`, { method: "DELETE" });
      await this.refresh("default");
      $("voice").focus();
    } catch (error) {
      tell("voice", error);
    }
  }
}

function readable(error) {
  if (error.name === "NotAllowedError") return "The browser may not use the microphone. Allow it, or choose a file.";
  if (error.name === "NotFoundError" || !navigator.mediaDevices) return "There is no microphone here. Choose a file.";
  return error;
}

// The list of voices; a new one from a recording or a file; deleting.

import { json, request } from "/page/api.js";
import { toWav } from "/page/wav.js";

const LONGEST_SECONDS = 30;

export class Voices {
  constructor(parts, say) {
    Object.assign(this, parts);
    this.say = say;
    this.record.addEventListener("click", () => this.#toggle().catch(say));
    this.file.addEventListener("change", () => this.file.files[0] && this.#take(this.file.files[0]).catch(say));
    this.add.addEventListener("click", () => this.#add().catch(say));
    this.remove.addEventListener("click", () => this.#remove().catch(say));
    this.select.addEventListener("change", () => this.#update());
    for (const input of [this.name, this.consent]) input.addEventListener("input", () => this.#update());
  }

  async refresh(chosen = this.select.value) {
    this.known = (await json("/v1/audio/voices")).data;
    this.select.replaceChildren(...this.known.map(({ id, description }) => {
      const shown = description ? `${id}: ${description}` : id;
      return new Option(shown, id, false, id === chosen);
    }));
    this.#update();
  }

  #update() {
    this.add.disabled = !(this.recording && this.name.value.trim() && this.consent.checked);
    this.remove.disabled = this.known?.find(({ id }) => id === this.select.value)?.source !== "added";
  }

  async #toggle() {
    if (this.recorder) return this.recorder.stop();
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, channelCount: 1 } });
    const parts = [], recorder = new MediaRecorder(stream);
    this.recorder = recorder;
    this.#showRecording(true);
    recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    recorder.addEventListener("stop", () => {
      stream.getTracks().forEach((track) => track.stop());
      clearTimeout(this.limit);
      this.recorder = null;
      this.#showRecording(false);
      this.#take(new Blob(parts)).catch(this.say);
    });
    recorder.start();
    this.limit = setTimeout(() => recorder.stop(), LONGEST_SECONDS * 1000);
  }

  #showRecording(running) {
    this.record.textContent = running ? "■ Stop recording" : "● Record";
    this.record.classList.toggle("recording", running);
  }

  async #take(blob) {
    try {
      this.recording = await toWav(blob);
    } catch {
      throw new Error("The browser cannot read this recording. Choose another file.");
    }
    this.preview.src = URL.createObjectURL(this.recording);
    this.preview.hidden = false;
    this.#update();
  }

  async #add() {
    const form = new FormData();
    form.append("name", this.name.value.trim());
    form.append("audio_sample", this.recording, "recording.wav");
    form.append("consent", String(this.consent.checked));
    if (this.text.value.trim()) form.append("text", this.text.value.trim());
    this.add.disabled = true;
    this.add.textContent = "Adding the voice…";
    try {
      const voice = await json("/v1/audio/voices", { method: "POST", body: form });
      this.consent.checked = false;
      await this.refresh(voice.id);
    } finally {
      this.add.textContent = "Add voice";
      this.#update();
    }
  }

  async #remove() {
    if (!confirm(`Delete the voice “${this.select.value}” for ever?`)) return;
    await request(`/v1/audio/voices/${encodeURIComponent(this.select.value)}`, { method: "DELETE" });
    await this.refresh("default");
  }
}

// Plays samples while they arrive, from any place, and keeps them for playing again.

const LEAD_SECONDS = 0.08; // a little patience before the first chunk, so that the second is never late

export class Player {
  constructor(rate) {
    this.rate = rate;
    this.sources = new Set();
    this.reset();
  }

  // A new utterance. Must be called in a click's handler: browsers let only those begin to play.
  open() {
    this.#halt();
    this.reset();
    this.context ??= new AudioContext({ sampleRate: this.rate });
    this.context.resume();
    this.playing = true;
  }

  reset() {
    this.samples = new Float32Array(0);
    this.length = this.offset = 0;
    this.origin = this.next = null; // of the context's clock: where `offset` plays, and where what comes next will
    this.playing = this.complete = false;
  }

  add(chunk) {
    this.#keep(chunk);
    if (this.playing) this.#schedule(chunk);
  }

  play() {
    if (!this.length) return;
    if (this.complete && this.position >= this.seconds - 0.01) this.offset = 0;
    else this.offset = this.position;
    this.#halt();
    this.context.resume();
    this.origin = this.next = null;
    this.playing = true;
    this.#schedule(this.all.slice(Math.floor(this.offset * this.rate)));
  }

  pause() {
    this.offset = this.position;
    this.playing = false;
    this.#halt();
  }

  seek(seconds) {
    const playing = this.playing;
    this.#halt();
    this.playing = false;
    this.offset = Math.max(0, Math.min(seconds, this.seconds));
    if (playing) this.play();
  }

  // Called with every picture: whether the end was reached.
  ended() {
    if (!this.playing || !this.complete || this.position < this.seconds) return false;
    this.pause();
    return true;
  }

  get all() {
    return this.samples.subarray(0, this.length);
  }

  get seconds() {
    return this.length / this.rate;
  }

  get position() {
    if (!this.playing || this.origin === null) return this.offset;
    const played = Math.max(0, this.context.currentTime - this.origin);
    return Math.min(this.offset + played, this.seconds);
  }

  #schedule(chunk) {
    if (!chunk.length) return;
    const now = this.context.currentTime;
    if (this.origin === null) this.origin = this.next = now + LEAD_SECONDS;
    if (this.next < now) {
      this.origin += now - this.next; // the next chunk was late: the cursor waits too
      this.next = now;
    }
    const buffer = this.context.createBuffer(1, chunk.length, this.rate);
    buffer.copyToChannel(chunk, 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    source.addEventListener("ended", () => this.sources.delete(source));
    source.start(this.next);
    this.sources.add(source);
    this.next += chunk.length / this.rate;
  }

  #halt() {
    for (const source of this.sources) source.stop();
    this.sources.clear();
  }

  #keep(chunk) {
    if (this.length + chunk.length > this.samples.length) {
      const larger = new Float32Array(2 * (this.length + chunk.length));
      larger.set(this.all);
      this.samples = larger;
    }
    this.samples.set(chunk, this.length);
    this.length += chunk.length;
  }
}

// Base64 of 16-bit little-endian samples, as the events have it.
export function samplesOf(audio) {
  const bytes = Uint8Array.from(atob(audio), (letter) => letter.charCodeAt(0));
  return Float32Array.from(new Int16Array(bytes.buffer), (sample) => sample / 32767);
}

// Back to bytes, for a file of what was heard.
export function pcmOf(samples) {
  return Int16Array.from(samples, (sample) => Math.round(Math.max(-1, Math.min(1, sample)) * 32767));
}

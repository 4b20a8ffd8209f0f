// Plays samples as they arrive, one scheduled buffer after the other, and keeps them for playing again.

const LEAD_SECONDS = 0.08; // a little patience before the first chunk, so that the second is never late

export class Player {
  constructor(rate) {
    this.rate = rate;
    this.reset();
  }

  reset() {
    this.context?.close();
    this.context = null;
    this.samples = new Float32Array(0);
    this.length = this.next = 0;
    this.started = null;
  }

  // Must be called in a click's handler: browsers let only those begin to play.
  open() {
    this.reset();
    this.context = new AudioContext({ sampleRate: this.rate });
  }

  add(chunk) {
    this.#keep(chunk);
    const now = this.context.currentTime;
    if (this.started === null) this.started = this.next = now + LEAD_SECONDS;
    if (this.next < now) {
      this.started += now - this.next; // the network was late: the cursor waits too
      this.next = now;
    }
    this.#schedule(chunk, this.next);
    this.next += chunk.length / this.rate;
  }

  replay() {
    const kept = this.all;
    this.open();
    this.add(kept);
  }

  stop() {
    this.context?.close();
    this.context = null;
  }

  get all() {
    return this.samples.subarray(0, this.length);
  }

  get seconds() {
    return this.length / this.rate;
  }

  // Seconds that have been heard; null while nothing plays.
  get position() {
    if (!this.context || this.started === null) return null;
    const position = this.context.currentTime - this.started;
    return position <= this.next - this.started ? Math.max(0, position) : null;
  }

  #schedule(chunk, when) {
    const buffer = this.context.createBuffer(1, chunk.length, this.rate);
    buffer.copyToChannel(chunk, 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    source.start(when);
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

// 16-bit little-endian samples of a response's body, chunk by chunk.
export async function* pcm(body) {
  const reader = body.getReader();
  let rest = new Uint8Array(0);
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const bytes = new Uint8Array(rest.length + value.length);
    bytes.set(rest);
    bytes.set(value, rest.length);
    const whole = bytes.length - (bytes.length % 2);
    rest = bytes.slice(whole);
    if (whole) yield Float32Array.from(new Int16Array(bytes.buffer, 0, whole / 2), (sample) => sample / 32768);
  }
}

import { pcmOf } from "/page/player.js";

// Samples to a WAV file of 16-bit mono, with a comment.

export function wav(samples, rate, comment = "") {
  const text = new TextEncoder().encode(comment);
  const room = comment ? text.length + 1 + ((text.length + 1) % 2) : 0;
  const list = comment ? 20 + room : 0;
  const view = new DataView(new ArrayBuffer(44 + list + 2 * samples.length));
  let at = 0;
  const name = (letters) => [...letters].forEach((letter) => view.setUint8(at++, letter.charCodeAt(0)));
  const number = (value, bytes = 4) => {
    view[bytes === 4 ? "setUint32" : "setUint16"](at, value, true);
    at += bytes;
  };
  name("RIFF"); number(36 + list + 2 * samples.length); name("WAVEfmt "); number(16);
  number(1, 2); number(1, 2); number(rate); number(2 * rate); number(2, 2); number(16, 2);
  if (comment) {
    name("LIST"); number(12 + room); name("INFOICMT"); number(text.length + 1);
    text.forEach((byte, index) => view.setUint8(at + index, byte));
    at += room;
  }
  name("data"); number(2 * samples.length);
  for (const sample of pcmOf(samples)) {
    view.setInt16(at, sample, true);
    at += 2;
  }
  return new Blob([view], { type: "audio/wav" });
}

// Any recording that the browser can decode, as mono WAV, at most so many seconds: the server takes no more of it.
export async function toWav(blob, longest) {
  const context = new AudioContext();
  try {
    const decoded = await context.decodeAudioData(await blob.arrayBuffer());
    const mono = new Float32Array(Math.min(decoded.length, longest * decoded.sampleRate));
    for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
      const samples = decoded.getChannelData(channel).subarray(0, mono.length);
      samples.forEach((value, index) => (mono[index] += value / decoded.numberOfChannels));
    }
    return wav(mono, decoded.sampleRate);
  } finally {
    context.close();
  }
}

// Waveform and spectrogram of audio that grows.

const SIZE = 512, HOP = 128, BINS = 171; // 171 bins of 24 kHz audio reach 8 kHz
const BLOCK = 32; // samples of which the waveform knows the extremes
const FLOOR = -85, CEILING = -10; // dB of full scale
const STOPS = [[11, 15, 26], [38, 23, 88], [122, 31, 112], [205, 62, 78], [248, 149, 64], [252, 244, 190]];
const PALETTE = Array.from({ length: 256 }, (_, level) => {
  const place = (level / 255) * (STOPS.length - 1), low = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[low].map((value, index) => Math.round(value + (place - low) * (STOPS[low + 1][index] - value)));
});
const WINDOW = Float32Array.from({ length: SIZE }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / SIZE));

// In-place radix-2 FFT of SIZE points.
function fft(real, imaginary) {
  for (let i = 1, j = 0; i < SIZE; i++) {
    let bit = SIZE >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let span = 2; span <= SIZE; span <<= 1) {
    for (let k = 0; k < span / 2; k++) {
      const cos = Math.cos((-2 * Math.PI * k) / span), sin = Math.sin((-2 * Math.PI * k) / span);
      for (let even = k; even < SIZE; even += span) {
        const odd = even + span / 2;
        const re = real[odd] * cos - imaginary[odd] * sin, im = real[odd] * sin + imaginary[odd] * cos;
        real[odd] = real[even] - re; imaginary[odd] = imaginary[even] - im;
        real[even] += re; imaginary[even] += im;
      }
    }
  }
}

function column(samples, start) {
  const real = new Float32Array(SIZE), imaginary = new Float32Array(SIZE);
  for (let n = 0; n < SIZE; n++) real[n] = (samples[start + n] ?? 0) * WINDOW[n];
  fft(real, imaginary);
  return Uint8Array.from({ length: BINS }, (_, bin) => {
    const decibels = 20 * Math.log10((4 * Math.hypot(real[bin], imaginary[bin])) / SIZE + 1e-9);
    return Math.max(0, Math.min(255, (255 * (decibels - FLOOR)) / (CEILING - FLOOR)));
  });
}

export class Pictures {
  constructor(waveform, spectrogram) {
    this.waveform = waveform;
    this.spectrogram = spectrogram;
    this.clear();
  }

  clear() {
    this.columns = this.blocks = 0;
    this.extremes = []; // [lowest, highest] of each block
    this.sheet = new OffscreenCanvas(1024, BINS);
    for (const canvas of [this.waveform, this.spectrogram]) canvas.width = canvas.width;
  }

  // Only what came since the last time is computed, so a long text does not become slower to draw.
  draw(samples) {
    this.#measure(samples);
    this.#transform(samples);
    this.#drawWaveform(samples.length / BLOCK);
    this.#drawSpectrogram(Math.max(1, (samples.length - SIZE) / HOP));
  }

  #measure(samples) {
    for (; (this.blocks + 1) * BLOCK <= samples.length; this.blocks++) {
      let low = 0, high = 0;
      for (let n = this.blocks * BLOCK; n < (this.blocks + 1) * BLOCK; n++) {
        low = Math.min(low, samples[n]);
        high = Math.max(high, samples[n]);
      }
      this.extremes.push([low, high]);
    }
  }

  #transform(samples) {
    const count = Math.floor((samples.length - SIZE) / HOP) + 1 - this.columns;
    if (count <= 0) return;
    this.#reserve(this.columns + count);
    const image = new ImageData(count, BINS);
    for (let x = 0; x < count; x++) {
      const levels = column(samples, (this.columns + x) * HOP);
      for (let bin = 0; bin < BINS; bin++) {
        const [red, green, blue] = PALETTE[levels[bin]], at = 4 * ((BINS - 1 - bin) * count + x);
        image.data[at] = red; image.data[at + 1] = green; image.data[at + 2] = blue; image.data[at + 3] = 255;
      }
    }
    this.sheet.getContext("2d").putImageData(image, this.columns, 0);
    this.columns += count;
  }

  #reserve(width) {
    if (width <= this.sheet.width) return;
    const wider = new OffscreenCanvas(2 * width, BINS);
    wider.getContext("2d").drawImage(this.sheet, 0, 0);
    this.sheet = wider;
  }

  #fit(canvas) {
    const scale = window.devicePixelRatio;
    canvas.width = canvas.clientWidth * scale;
    canvas.height = canvas.clientHeight * scale;
    return canvas.getContext("2d");
  }

  #drawWaveform(blocks) {
    const context = this.#fit(this.waveform), { width, height } = this.waveform;
    context.fillStyle = "#5eead4";
    let peak = 0.1; // quiet speech fills the picture too, silence does not
    for (const [low, high] of this.extremes) peak = Math.max(peak, -low, high);
    const scale = 0.92 / peak, step = blocks / width;
    for (let x = 0; x < width; x++) {
      let low = 0, high = 0;
      for (const pair of this.extremes.slice(Math.floor(x * step), Math.max(Math.floor(x * step) + 1, (x + 1) * step))) {
        low = Math.min(low, pair[0]);
        high = Math.max(high, pair[1]);
      }
      context.fillRect(x, (height / 2) * (1 - scale * high), 1, Math.max(1, (height / 2) * scale * (high - low)));
    }
  }

  #drawSpectrogram(columns) {
    const context = this.#fit(this.spectrogram), { width, height } = this.spectrogram;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.sheet, 0, 0, Math.min(columns, this.sheet.width), BINS, 0, 0, width, height);
  }
}

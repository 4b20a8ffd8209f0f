// Waveform and spectrogram of audio that grows.

const SIZE = 512, HOP = 128, BINS = 171; // 171 bins of 24 kHz audio reach 8 kHz
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
    this.columns = [];
    for (const canvas of [this.waveform, this.spectrogram]) canvas.width = canvas.width;
  }

  draw(samples) {
    for (let start = this.columns.length * HOP; start + SIZE <= samples.length; start += HOP) {
      this.columns.push(column(samples, start));
    }
    this.#drawWaveform(samples);
    if (this.columns.length) this.#drawSpectrogram();
  }

  #fit(canvas) {
    const scale = window.devicePixelRatio;
    canvas.width = canvas.clientWidth * scale;
    canvas.height = canvas.clientHeight * scale;
    return canvas.getContext("2d");
  }

  #drawWaveform(samples) {
    const context = this.#fit(this.waveform), { width, height } = this.waveform;
    context.fillStyle = "#5eead4";
    let peak = 0.1; // quiet speech fills the picture too, silence does not
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
    const scale = 0.92 / peak;
    const step = samples.length / width;
    for (let x = 0; x < width; x++) {
      let low = 0, high = 0;
      for (let n = Math.floor(x * step); n < (x + 1) * step; n++) {
        low = Math.min(low, samples[n]);
        high = Math.max(high, samples[n]);
      }
      context.fillRect(x, (height / 2) * (1 - scale * high), 1, Math.max(1, (height / 2) * scale * (high - low)));
    }
  }

  #drawSpectrogram() {
    const image = new ImageData(this.columns.length, BINS);
    this.columns.forEach((levels, x) => levels.forEach((level, bin) => {
      image.data.set([...PALETTE[level], 255], 4 * ((BINS - 1 - bin) * this.columns.length + x));
    }));
    const sheet = new OffscreenCanvas(image.width, BINS);
    sheet.getContext("2d").putImageData(image, 0, 0);
    const context = this.#fit(this.spectrogram);
    context.imageSmoothingQuality = "high";
    context.drawImage(sheet, 0, 0, this.spectrogram.width, this.spectrogram.height);
  }
}

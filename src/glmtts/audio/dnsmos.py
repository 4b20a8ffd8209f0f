"""DNSMOS P.835 and P.808: predicted opinions of speech, background and the whole (Reddy et al., 2022 and 2021).

The models are the ONNX files `sig_bak_ovr.onnx` and `model_v8.onnx` of Microsoft's DNS challenge, which the package
`speechmos` carries; the arithmetic around them is the published script's (dnsmos_local.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from glmtts.backends import backend
from glmtts.errors import AudioError

SAMPLE_RATE = 16000
WINDOW_SECONDS = 9.01
WINDOW = int(WINDOW_SECONDS * SAMPLE_RATE)  # the input of the models
MEL_BANDS, MEL_FFT, MEL_HOP = 120, 321, 160  # as in the script: a transform one longer than its frame of 320
# from the models' raw outputs to P.835 opinions, highest power first
SIG = (-0.08397278, 1.22083953, 0.0052439)
BAK = (-0.13166888, 1.60915514, -0.39604546)
OVR = (-0.06766283, 1.11546468, 0.04602535)
INSTALL = "pip install 'glm-tts[eval]'"


@dataclass(frozen=True)
class DnsMosScore:
    """Predicted mean opinions, 1 to 5: of the speech, the background, the whole (P.835), and of P.808."""

    sig: float
    bak: float
    ovr: float
    p808: float


class DnsMos:
    """The two models; may be called from several threads."""

    def __init__(self, folder: Path | None = None, threads: int = 1) -> None:
        """Load the models from a folder, by default that of the installed package speechmos.

        Raises:
            AudioError: onnxruntime or the models are not installed.
        """
        onnxruntime = backend("onnxruntime", "DNSMOS", INSTALL, AudioError)
        folder = folder or _installed_models()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._p835, self._p808 = (
            _session(onnxruntime, folder / name, options) for name in ("sig_bak_ovr.onnx", "model_v8.onnx")
        )

    def __call__(self, wave: np.ndarray, with_p808: bool = True) -> DnsMosScore:
        """The mean over windows of 9.01 s, one a second; audio shorter than one is repeated.

        Args:
            wave: mono float32 samples (samples,) at 16 kHz, within ±1.
            with_p808: also run the P.808 model; its score is 0 without.

        Raises:
            AudioError: the audio is empty.
        """
        if not len(wave):
            raise AudioError("DNSMOS needs audio that is not empty. Give a longer recording.")
        raw, p808 = [], []
        for window in windows(wave.astype(np.float32)):
            raw.append(self._p835.run(None, {"input_1": window[None]})[0][0])
            if with_p808:
                # the published script drops the last hop here: 900 frames
                features = log_mel(window[:-MEL_HOP])[None]
                p808.append(float(self._p808.run(None, {"input_1": features})[0][0][0]))
        sig, bak, ovr = np.stack(raw).astype(np.float64).T
        return DnsMosScore(
            sig=float(np.polyval(SIG, sig).mean()),
            bak=float(np.polyval(BAK, bak).mean()),
            ovr=float(np.polyval(OVR, ovr).mean()),
            p808=float(np.mean(p808)) if p808 else 0.0,
        )


def windows(wave: np.ndarray) -> Iterator[np.ndarray]:
    """Windows (WINDOW,) at a hop of one second; a short wave is doubled until it fills one.

    The published script computes the end of a window in floating point and leaves out each that comes out a sample
    short: the 8th to the 24th. Published scores are without those, and so are these: with them, BAK of 23 s of speech
    was 0.17 higher.
    """
    while len(wave) < WINDOW:
        wave = np.concatenate([wave, wave])
    for number in range(int(len(wave) // SAMPLE_RATE - WINDOW_SECONDS) + 1):
        window = wave[number * SAMPLE_RATE : int((number + WINDOW_SECONDS) * SAMPLE_RATE)]
        if len(window) == WINDOW:
            yield window


def log_mel(wave: np.ndarray) -> np.ndarray:
    """Decibels below the loudest over 80, as (x + 40) / 40; shape (frames, MEL_BANDS), float32.

    Power mel of Slaney's filters, a periodic Hann window of 321 samples, frames centred, zeros beyond the ends.
    """
    padded = np.pad(wave.astype(np.float64), MEL_FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, MEL_FFT)[::MEL_HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(MEL_FFT) / MEL_FFT)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    # 1e-10, and 80 dB below, are the defaults of librosa, which the script calls
    mel = np.maximum(power @ _mel_filters().T, 1e-10)
    decibels = 10 * np.log10(mel / mel.max())
    return ((np.maximum(decibels, -80) + 40) / 40).astype(np.float32)


def _mel_filters() -> np.ndarray:
    """Slaney's filters for an odd transform, whose highest bin lies below half the rate; (bands, bins)."""
    steps = np.linspace(0, 15 + 27 * np.log(8) / np.log(6.4), MEL_BANDS + 2)
    edges = np.where(steps < 15, steps * 200 / 3, 1000 * np.exp((steps - 15) * np.log(6.4) / 27))
    bins = np.fft.rfftfreq(MEL_FFT, 1 / SAMPLE_RATE)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)).clip(min=0)
    filters: np.ndarray = triangles * 2 / (right - left)
    return filters


def _installed_models() -> Path:
    """The models' folder in the package speechmos, which need not be imported (it asks for much more)."""
    spec = find_spec("speechmos")
    if spec is None or spec.origin is None:
        raise AudioError(f"DNSMOS needs the models of the package speechmos. Install it with: {INSTALL}")
    return Path(spec.origin).parent / "dnsmos_models"


def _session(onnxruntime: Any, path: Path, options: Any) -> Any:
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no base
        raise AudioError(f"{path} is no model of DNSMOS: {str(error)[:80]}. Install speechmos again.") from None

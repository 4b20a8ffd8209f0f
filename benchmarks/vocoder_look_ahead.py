"""What a stream loses where its vocoder does not wait for all that samples depend on.

    python benchmarks/vocoder_look_ahead.py

The mels of the bundled voices' recordings, vocoded whole and as streams whose parts have 13, 24 and 37 frames, for
several look-aheads: how far below the speech the difference is, over all of it and in the worst frame (against the
loudest), in decibels. The distance between the log-mels of both is in nepers, as in `glm-tts eval streaming`.
"""

import math

import torch
from report import environment, write_result
from torch import Tensor
from tqdm import tqdm

import glmtts
from glmtts.audio.mel import LogMel
from glmtts.programs import a_folder, parser_of, run_program
from glmtts.synthesis.vocoding import VocoderStream
from glmtts.vocoder.harmonic import HarmonicVocos

PARTS = (13, 24, 37)
FADED = 2400  # samples: the end of a stream is faded, that of the whole is not


def decibels(error: float, speech: float) -> float:
    """Power of an error against that of speech."""
    return 10 * math.log10(max(error, 1e-20) / speech)


def streamed(vocoder: HarmonicVocos, mel_BMT: Tensor, part: int) -> Tensor:
    """Samples (N,) of a mel that comes in parts."""
    stream = VocoderStream(vocoder, torch.device("cpu"))
    samples = [stream.feed(one_BMT) for one_BMT in mel_BMT.split(part, dim=2)]
    return torch.cat([*samples, stream.feed(mel_BMT[..., :0], ended=True)])


def lost(vocoder: HarmonicVocos, mels: list[Tensor]) -> dict[str, float]:
    """The largest differences over recordings and parts."""
    log_mel, totals, worst, distances = LogMel(vocoder.mel), [], [], []
    for mel_BMT in mels:
        whole_N = vocoder(mel_BMT)[0].clamp(-1, 1)[:-FADED]
        for part in PARTS:
            made_N = streamed(vocoder, mel_BMT, part)[:-FADED]
            error, speech = ((x_N**2).unfold(0, 480, 480).mean(1) for x_N in (made_N - whole_N, whole_N))
            totals.append(decibels(float(error.mean()), float(speech.mean())))
            worst.append(decibels(float(error.max()), float(speech.max())))
            distances.append(float((log_mel(made_N[None]) - log_mel(whole_N[None])).abs().mean()))
    return {
        "difference_db": round(max(totals), 1),
        "worst_frame_db": round(max(worst), 1),
        "log_mel_distance": round(max(distances), 5),
    }


@torch.inference_mode()
def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--model", type=a_folder, help="a bundle with a vocos_harmonic; the embedded one by default")
    tts = glmtts.load(parser.parse_args().model)
    vocoder = tts.bundle.vocoder
    if not isinstance(vocoder, HarmonicVocos):
        raise SystemExit("The vocoder of this bundle waits for all that it sees: there is nothing to measure.")
    mels, shipped = [tts.voice(name).mel[None] for name in tts.voices], vocoder.look_ahead
    sizes = sorted({*range(vocoder.pitch.reach + 1, 17), shipped, vocoder.reach})
    found = {}
    for size in tqdm(sizes, desc="look-aheads"):
        vocoder.config = vocoder.config.model_copy(update={"look_ahead": size})
        found[str(size)] = lost(vocoder, mels)
    write_result("vocoder_look_ahead", {**environment(), "shipped": shipped, "frames": found})


if __name__ == "__main__":
    run_program(main)

"""Takes: pieces of recordings with everything that training and the checks need to know of them, kept on disk.

A long utterance also gives short ones, cut out at the pauses of its clauses: voices that were trained on sentences
alone begin short lines in a wrong timbre.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from glmtts import durable
from glmtts.asr import SpeechRecogniser
from glmtts.audio.f0 import estimate_f0
from glmtts.audio.io import load_audio
from glmtts.audio.loudness import integrated_loudness, to_loudness
from glmtts.audio.mel import LogMel
from glmtts.audio.resample import resample
from glmtts.bundle import Bundle, bundle_digest
from glmtts.data import Utterance
from glmtts.data.readings import Transcripts
from glmtts.errors import AudioError, GlmTtsError, TextError, VoiceError
from glmtts.judging.judge import Judge
from glmtts.judging.reading import Reading
from glmtts.text.frontend import TextFrontend
from glmtts.text.labels import BOUNDARY
from glmtts.voices.recordings import FRAME, Recording, cut_at_pauses, quiet_frames
from glmtts.voices.signal import Signal, measure

LONGEST_SECONDS = 20.0  # longer prompts and utterances leave no room in the language model's positions
ASR_RATE = 16000
CLAUSE = re.compile(r"(?<=[,;:.!?，。；：！？、])\s*")
QUOTES = " \"'“”‘’「」《》"
SILENT_DB = -60.0  # peak relative to full scale
LOUDNESS = (-25.0, -17.0)  # LUFS: of the speech that mini learnt from, and of its own voices (audio/prompt.py)
SHORT_SECONDS = (0.5, 3.0)  # of a clause that becomes a take of its own
EDGE_SECONDS = (
    0.1  # of the pauses around a clause that are kept; where a neighbour is nearer, the clause is not cut out
)


@dataclass(frozen=True)
class Take:
    """One piece: text, measures and features.

    `parent` is the take that a clause was cut from, else its own id. `tokens` (S,) and `alignment` (S,), the phoneme
    that each token speaks, are as training reads them; `mel` (T, M) float16, `f0` (T,) in Hz, `embedding` (D,) of
    length 1. `nll` is the cost of the text in nats a phoneme, None without a recogniser or text. `problem` says why
    the file could not be used at all; all else is then empty.
    """

    id: str
    parent: str
    text: str
    language: str
    signal: Signal
    tokens: Tensor
    alignment: Tensor
    mel: Tensor
    f0: Tensor
    embedding: Tensor
    nll: float | None = None
    problem: str = ""

    def save(self, path: Path) -> None:
        """Write one safetensors file, atomically. Raises OSError or SafetensorError where the disk takes none."""
        tensors = {name: getattr(self, name).contiguous() for name in FEATURES}
        known = {name: getattr(self, name) for name in ("id", "parent", "text", "language", "nll", "problem")}
        with durable.whole(path) as temporary:
            save_file(tensors, temporary, metadata={"take": json.dumps({**known, "signal": vars(self.signal)})})

    @classmethod
    def load(cls, path: Path) -> "Take":
        """Read what `save` wrote.

        Raises:
            VoiceError: it is missing or damaged.
        """
        try:
            with safe_open(str(path), framework="pt") as file:
                known = json.loads(file.metadata()["take"])
                tensors = {name: file.get_tensor(name) for name in FEATURES}
            return cls(**{**known, "signal": Signal(**known["signal"])}, **tensors)
        except (OSError, SafetensorError, ValueError, KeyError, TypeError):
            raise VoiceError(f"{path} is no take. Remove it, and it is made again.") from None


FEATURES = ("tokens", "alignment", "mel", "f0", "embedding")


def levelled(samples_T: Tensor, rate: int) -> Tensor:
    """Samples (T,) at a loudness (ITU-R BS.1770) within `LOUDNESS`; silence, and what lies within, stays as it is.

    A voice speaks as loud as the recordings that it learnt: those of one corpus have -36 LUFS, and what the base learnt
    and clones from (synthesis/voice.py) some -21.
    """
    if not len(samples_T) or float(samples_T.abs().max()) < 10 ** (SILENT_DB / 20):
        return samples_T
    loudness = integrated_loudness(samples_T.numpy(), rate)
    wanted = min(max(loudness, LOUDNESS[0]), LOUDNESS[1])
    return samples_T if wanted == loudness else torch.from_numpy(to_loudness(samples_T.numpy(), rate, wanted))


def unusable(recording: Recording, problem: str, parent: str | None = None) -> Take:
    """What stands for a recording that cannot be read, or for a clause of the recording `parent`."""
    none, silent = torch.zeros(0), Signal(0.0, -90.0, 0.0, 0.0, 0.0, 0.0)
    name, text = recording.id, recording.text or ""
    return Take(name, parent or name, text, "", silent, none, none, none, none, none, None, problem)


class TakeMaker:
    """Makes takes with the stages of a bundle; `recogniser` transcribes recordings that come without a text."""

    def __init__(self, bundle: Bundle, frontend: TextFrontend, recogniser: SpeechRecogniser | None) -> None:
        self.bundle, self.recogniser = bundle, recogniser
        # every word as phonemes: the judge compares sounds, whatever of the text the model will read
        self.transcripts = Transcripts(frontend.with_mode("all"))
        self.judge = Judge(bundle.recogniser, bundle.clock.token_rate)

    @cached_property
    def _mel(self) -> LogMel:
        return LogMel(self.bundle.clock.mel)

    @cached_property
    def made_with(self) -> tuple[str, str]:
        """What takes depend on besides their recording: the bundle's digest, and the name of the recogniser."""
        return bundle_digest(self.bundle.folder), self.recogniser.name if self.recogniser is not None else ""

    def takes(self, recording: Recording) -> list[Take]:
        """The takes of a recording: itself, or its pieces, and short clauses of them."""
        rate = self.bundle.clock.sample_rate
        try:
            # the whole of a recording by one gain: how its pieces differ is the speaker's
            samples = levelled(load_audio(recording.path, rate), rate)
        except AudioError as error:
            return [unusable(recording, str(error))]
        if recording.text is not None:
            if len(samples) > LONGEST_SECONDS * rate:
                return [unusable(recording, f"longer than {LONGEST_SECONDS:.0f} s: cut it and its text")]
            pieces = [(recording.id, samples, recording.text, recording.language or "en")]
        else:
            # cut before it is transcribed: the text of a whole recording could not be cut with it
            pieces = self._transcribed(recording, cut_at_pauses(samples, rate, LONGEST_SECONDS))
        made = []
        for piece in pieces:
            take, wave = self._take(*piece), piece[1]
            made += [take, *self._clauses(take, wave)]
        return made

    def _transcribed(self, recording: Recording, waves: Sequence[Tensor]) -> list[tuple[str, Tensor, str, str]]:
        texts = [("", recording.language or "en")] * len(waves)
        if self.recogniser is not None:
            heard = [resample(wave, self.bundle.clock.sample_rate, ASR_RATE).numpy() for wave in waves]
            found = self.recogniser.transcribe(heard, recording.language)
            texts = [(one.text.strip(), one.language or recording.language or "en") for one in found]
        names = [recording.id] if len(waves) == 1 else [f"{recording.id}-{number:03d}" for number in range(len(waves))]
        return [(name, wave, *text) for name, wave, text in zip(names, waves, texts, strict=True)]

    @torch.inference_mode()
    def _take(self, name: str, samples_T: Tensor, text: str, language: str, parent: str | None = None) -> Take:
        """A take of samples (T,) at the bundle's rate, cut to whole tokens."""
        clock, tokenizer, speaker = self.bundle.clock, self.bundle.speech_tokenizer, self.bundle.speaker
        # tokens, mel and F0 of a take must end together
        samples_T = samples_T[: len(samples_T) // clock.samples_per_token * clock.samples_per_token]
        signal = measure(samples_T, clock.sample_rate) if len(samples_T) else None
        recording = Recording(name, Path(name), text, language)
        if signal is None or signal.seconds < SHORT_SECONDS[0] or signal.peak_db < SILENT_DB:
            silent = signal is not None and signal.peak_db < SILENT_DB
            return unusable(recording, "silent" if silent else f"shorter than {SHORT_SECONDS[0]:g} s", parent)
        if signal.seconds > LONGEST_SECONDS:  # what could not be cut at a pause
            return unusable(recording, f"{signal.seconds:.0f} s without a pause: cut it", parent)
        device, rate = self.bundle.device, clock.sample_rate
        tokens = tokenizer.tokenize(resample(samples_T, rate, tokenizer.sample_rate).to(device)).cpu()
        embedding = speaker.embed(resample(samples_T, rate, speaker.sample_rate).to(device)).cpu()
        frames = round(clock.token_rate * clock.frames_per_token)
        alignment, nll, problem = self._read(name, text, language, signal.seconds, tokens)
        return Take(
            id=name,
            parent=parent or name,
            text=text,
            language=language,
            signal=signal,
            tokens=tokens.int(),
            alignment=alignment,
            mel=self._mel(samples_T[None])[0].T.half(),
            f0=estimate_f0(samples_T, rate, frames),
            embedding=embedding,
            nll=nll,
            problem=problem,
        )

    def _read(
        self, name: str, text: str, language: str, seconds: float, tokens_S: Tensor
    ) -> tuple[Tensor, float | None, str]:
        """The alignment of tokens with phonemes, the cost of the text, and what is wrong with the text."""
        none = torch.zeros(0, dtype=torch.int32)
        if not text:
            return none, None, "no text: give one, or install '.[asr]'"
        try:
            labels = self.transcripts.labels(Utterance(name, text, language, "", seconds))
        except TextError as error:
            return none, None, str(error)
        if not labels:
            return none, None, "its text has digits: write them as they are spoken"
        reading = self.judge.reading(tokens_S.tolist())
        if reading is None:
            # without a recogniser nobody can tell, and no clause is cut out; with one, a text that it has not heard
            # must not pass as one that agrees
            unheard = self.judge.recogniser is not None
            return none, None, "longer than the recogniser of the bundle can read: cut it" if unheard else ""
        return _aligned(reading, labels), reading.nll(labels), ""

    def _clauses(self, take: Take, samples_T: Tensor) -> list[Take]:
        """Short takes: clauses of a longer one that stand between pauses."""
        clauses = [part for part in CLAUSE.split(take.text) if part.strip(QUOTES)]
        # without an alignment nobody knows where a clause lies
        if take.problem or len(clauses) < 2 or not len(take.alignment):
            return []
        rate, token_rate = self.bundle.clock.sample_rate, self.bundle.clock.token_rate
        quiet_N, made = quiet_frames(samples_T, rate), []
        for number, (clause, first, last) in enumerate(_placed(self.transcripts, take, clauses)):
            start, end = _between_pauses(quiet_N, first / token_rate, last / token_rate)
            if SHORT_SECONDS[0] <= end - start <= SHORT_SECONDS[1]:
                # it ends as a sentence does, as short lines will when the voice speaks
                text = re.sub(r"[,;:，；：、]$", "。" if take.language == "zh" else ".", clause.strip(QUOTES))
                wave = samples_T[int(start * rate) : int(end * rate)]
                made.append(self._take(f"{take.id}+{number}", wave, text, take.language, take.parent))
        return made


def _between_pauses(quiet_N: Tensor, start: float, end: float) -> tuple[float, float]:
    """Start and end in seconds of what is spoken between two times, with a little pause; (0, 0) where there is none."""
    edge, first, last = round(EDGE_SECONDS / FRAME), int(start / FRAME), min(int(end / FRAME), len(quiet_N))
    # CTC gives pauses to the phoneme before them: the sound itself says where the clause begins and ends
    loud = (~quiet_N[first:last]).nonzero()
    if not len(loud):
        return 0.0, 0.0
    first, last = first + int(loud.min()), first + int(loud.max()) + 1
    around = quiet_N[max(0, first - edge) : first], quiet_N[last : last + edge]
    # beyond the edge of a recording there are no frames, and none that are loud
    if not all(bool(part.all()) for part in around):
        return 0.0, 0.0
    return max(0, first - edge) * FRAME, min(len(quiet_N), last + edge) * FRAME


def _aligned(reading: Reading, labels: Sequence[str]) -> Tensor:
    """The phoneme that each token speaks, (S,) int32, counted without boundaries; empty where it cannot be."""
    # a boundary belongs to the phoneme before it, one at the front to the first
    phoneme_of_label = np.maximum(0, np.cumsum([label != BOUNDARY for label in labels]) - 1)
    path = reading.align(labels)
    return torch.from_numpy(phoneme_of_label[path].astype(np.int32)) if len(path) else torch.zeros(0, dtype=torch.int32)


def _placed(transcripts: Transcripts, take: Take, clauses: Sequence[str]) -> list[tuple[str, int, int]]:
    """Clauses that stand between pauses, with their first and last token; none where the clauses read otherwise."""

    def phonemes(text: str) -> int:
        labels = transcripts.labels(Utterance(take.id, text, take.language, "", 0.0))
        return sum(label != BOUNDARY for label in labels)

    try:
        counts = [phonemes(clause) for clause in clauses]
        # a clause by itself may be read otherwise than within its sentence, and all places after it would shift
        if sum(counts) != phonemes(take.text):
            return []
    except GlmTtsError:
        return []
    placed, begun = [], 0
    for clause, count in zip(clauses, counts, strict=True):
        # tokens that speak the phonemes of this clause
        spoken = ((take.alignment >= begun) & (take.alignment < begun + count)).nonzero()
        if len(spoken):
            placed.append((clause, int(spoken.min()), int(spoken.max()) + 1))
        begun += count
    return placed

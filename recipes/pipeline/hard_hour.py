"""An hour of difficult recordings whose truth is known, made from a corpus of single utterances.

Conversations of two to four speakers with overlaps, silence, noise and music at 0 to 15 dB, in six sample rates and
formats; one file in twenty is corrupt. `truth.jsonl` says of each file who speaks when and what. `clean/` holds the
speech alone of files with noise or music. Files that are there are not made again.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import typer
from sounds import background
from tqdm import tqdm

from glmtts.audio.io import load_audio
from glmtts.errors import DataError
from glmtts.programs import add_row, read_index, read_rows, recording, run_program

# Sample rate, suffix, channels; Opus takes 48 kHz and AAC is written by PyAV.
FORMATS = (
    (16000, ".wav", 1),
    (22050, ".flac", 1),
    (24000, ".mp3", 2),
    (32000, ".ogg", 1),
    (48000, ".opus", 1),
    (44100, ".m4a", 2),
)
CONDITIONS = (
    ("clean", None),
    ("noise", 0),
    ("music", 15),
    ("noise", 10),
    ("music", 5),
    ("clean", None),
    ("noise", 15),
    ("music", 0),
    ("noise", 5),
    ("music", 10),
)
# Shares of the lines of each language: synthetic voices, natives, and accents, whose lines recognisers get wrong.
FOLDERS = {
    "en": {"en": 0.6, "ljspeech": 0.15, "speechocean762": 0.25},
    "zh": {"zh_daily": 0.55, "aishell": 0.25, "aishell3": 0.2},
}
OVERLAP_SHARE, LONG_SILENCE_SHARE = 0.15, 0.08
FRAME = 0.01  # seconds
MOST_SPEAKERS = 4  # of a recording


@dataclass(frozen=True)
class Line:
    """One utterance of the corpus."""

    id: str
    path: Path
    text: str
    language: str
    speaker: str


@dataclass(frozen=True)
class Turn:
    """A line as it is spoken in a recording; `speech` are its intervals without pauses, all in seconds of the file."""

    speaker: str
    text: str
    line: str
    start: float
    end: float
    speech: list[tuple[float, float]]


@dataclass(frozen=True)
class Truth:
    """What one file holds."""

    file: str
    language: str
    condition: str
    snr: float | None
    rate: int
    channels: int
    seconds: float
    corrupt: str | None = None
    turns: list[Turn] = field(default_factory=list)


Lines = dict[str, dict[str, dict[str, list[Line]]]]  # by language, folder, speaker


def read_lines(corpus: Path) -> Lines:
    """Lines by language, folder and speaker; voices that are mixtures of two are left out, as each says few lines."""
    lines: Lines = {}
    for language, folders in FOLDERS.items():
        for folder in folders:
            by_speaker = lines.setdefault(language, {}).setdefault(folder, {})
            for row in read_index(corpus / folder, ("id", "text", "speaker")):
                if "*" not in row["speaker"]:
                    path = recording(corpus / folder, row)
                    line = Line(row["id"], path, row["text"], language, row["speaker"])
                    by_speaker.setdefault(row["speaker"], []).append(line)
    return {
        language: {
            folder: {who: said for who, said in speakers.items() if len(said) >= 5}
            for folder, speakers in folders.items()
        }
        for language, folders in lines.items()
    }


def cast(lines: dict[str, dict[str, list[Line]]], shares: dict[str, float], rng: np.random.Generator) -> list[str]:
    """Two to four speakers, each as "folder/speaker", none twice."""
    wanted, chosen = int(rng.integers(2, MOST_SPEAKERS + 1)), []
    while len(chosen) < wanted:
        folder = str(rng.choice(list(shares), p=list(shares.values())))
        speakers = sorted(lines[folder])
        name = f"{folder}/{speakers[rng.integers(len(speakers))]}"
        if name not in chosen:
            chosen.append(name)
    return chosen


def speech_intervals(samples: np.ndarray, rate: int) -> list[tuple[float, float]]:
    """Where a line is heard, pauses under 0.2 s included.

    That is 40 dB below its loudest 10 ms, and 12 dB above the room in which it was recorded: the recorded corpora have
    a noise floor at −30 to −45 dB, which is not speech.
    """
    size = int(rate * FRAME)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    power = 10 * np.log10(np.convolve(np.mean(frames**2, axis=1), np.ones(3) / 3, "same") + 1e-10)
    threshold = max(power.max() - 40, min(np.percentile(power, 5) + 12, power.max() - 20))
    intervals: list[tuple[float, float]] = []
    for frame in np.flatnonzero(power > threshold):
        start = frame * FRAME
        if intervals and start - intervals[-1][1] < 0.2:
            intervals[-1] = (intervals[-1][0], start + FRAME)
        else:
            intervals.append((start, start + FRAME))
    return [(start, end) for start, end in intervals if end - start >= 0.05]


def converse(
    lines: dict[str, dict[str, list[Line]]], speakers: list[str], seconds: float, rate: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[Turn]]:
    """Speech (T,) of a conversation of about so many seconds, and its turns, one a line."""
    mix, turns = np.zeros(int((seconds + 60) * rate)), []
    gains = {who: 10 ** (rng.uniform(-8, 2) / 20) for who in speakers}
    left = {who: list(rng.permutation(len(lines[who.split("/")[0]][who.split("/")[1]]))) for who in speakers}
    now, who = float(rng.uniform(1, 4)), speakers[0]
    while now < seconds:
        for _ in range(int(rng.integers(1, 4))):
            folder, name = who.split("/")
            if not left[who] or now >= seconds:
                break
            line = lines[folder][name][left[who].pop()]
            samples = load_audio(line.path, rate).numpy() * 1.0
            spoken = speech_intervals(samples, rate)
            samples = 0.06 * gains[who] * samples / np.sqrt(np.mean(samples**2))
            place = int(max(0.0, now - spoken[0][0]) * rate)
            mix[place : place + len(samples)] += samples
            shifted = [(round(place / rate + a, 3), round(place / rate + b, 3)) for a, b in spoken]
            turns.append(Turn(who, line.text, line.id, shifted[0][0], shifted[-1][1], shifted))
            now = shifted[-1][1] + float(rng.uniform(0.15, 0.6))
        who = str(rng.choice([one for one in speakers if one != who]))
        if rng.random() < OVERLAP_SHARE and turns:
            now -= float(rng.uniform(0.6, 1.8))
        elif rng.random() < LONG_SILENCE_SHARE:
            now += float(rng.uniform(3, 10))
        else:
            now += float(rng.uniform(0.1, 0.9))
    end = max(turn.end for turn in turns) + float(rng.uniform(0.5, 3))
    return mix[: int(end * rate)], turns


def write(path: Path, samples: np.ndarray, rate: int, channels: int) -> None:
    """Write mono samples (T,) to all channels, in the format of the suffix."""
    samples = np.clip(samples, -1, 1).astype(np.float32)
    if path.suffix != ".m4a":
        subtype = {".ogg": "VORBIS", ".opus": "OPUS"}.get(path.suffix)
        container = "OGG" if subtype else None
        with soundfile.SoundFile(str(path), "w", rate, channels, subtype, format=container) as file:
            for start in range(0, len(samples), rate):  # libsndfile crashes on long blocks of Vorbis
                file.write(np.repeat(samples[start : start + rate, None], channels, axis=1))
        return
    import av  # --help needs it not

    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=rate, layout="stereo")
        for start in range(0, len(samples), 1024):
            block = np.repeat(samples[None, start : start + 1024], channels, axis=0)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", "stereo")
            frame.sample_rate = rate
            frame.pts = start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def make(number: int, out: Path, lines: Lines, seconds: float, seed: int, sounds: dict[str, Path | None]) -> Truth:
    """One recording, by its number and the seed alone."""
    rng = np.random.default_rng([seed, number])
    condition, snr = CONDITIONS[number % len(CONDITIONS)]
    rate, suffix, channels = FORMATS[(number + number // len(FORMATS)) % len(FORMATS)]
    language = ("en", "zh")[(number + number // len(CONDITIONS)) % 2]
    speakers = cast(lines[language], FOLDERS[language], rng)
    speech, turns = converse(lines[language], speakers, seconds * float(rng.uniform(0.6, 1.4)), rate, rng)
    name, mix = f"{number:03d}_{language}_{condition}{'' if snr is None else f'_{snr}dB'}", speech
    if snr is not None:
        active = np.concatenate([speech[int(a * rate) : int(b * rate)] for turn in turns for a, b in turn.speech])
        under = background(condition, len(speech) / rate + 1, rate, rng, sounds[condition])
        mix = speech + under[: len(speech)] * np.sqrt(np.mean(active**2)) * 10 ** (-snr / 20)
        scale = min(1.0, 0.95 / np.abs(mix).max())
        mix, speech = mix * scale, speech * scale
        (out / "clean").mkdir(exist_ok=True)
        soundfile.write(out / "clean" / f"{name}.flac", np.clip(speech, -1, 1), rate)
    write(out / "audio" / f"{name}{suffix}", mix, rate, channels)
    return Truth(f"{name}{suffix}", language, condition, snr, rate, channels, len(mix) / rate, None, turns)


def corrupt(number: int, out: Path, seed: int) -> Truth:
    """A file that holds no audio: random bytes, nothing, or the head of a recording."""
    rng = np.random.default_rng([seed, 1_000_000 + number])
    kind, suffix = (("random bytes", ".wav"), ("cut in its head", ".flac"), ("empty", ".mp3"))[number % 3]
    path = out / "audio" / f"corrupt_{number:02d}{suffix}"
    content = {"random bytes": rng.bytes(200_000), "empty": b"", "cut in its head": b"fLaC\0\0\0\x22" + bytes(10)}
    path.write_bytes(content[kind])
    return Truth(path.name, "", "corrupt", None, 0, 0, 0.0, kind)


def main(
    corpus: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="A folder of corpora, each with an index.jsonl.")
    ],
    out: Annotated[Path, typer.Argument(file_okay=False, help="Where the recordings and truth.jsonl are written.")],
    minutes: Annotated[float, typer.Option(min=0.1, help="Length of all readable recordings together, about.")] = 60,
    file_seconds: Annotated[float, typer.Option(min=5, help="Mean length of a recording.")] = 90,
    music: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="A folder of music to lay under speech.")
    ] = None,
    noise: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="A folder of noises to lay under speech.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another one makes another hour.")] = 1,
) -> None:
    """Make the hard hour."""
    lines, truths = read_lines(corpus), out / "truth.jsonl"
    for language, folders in lines.items():
        if sum(map(len, folders.values())) < MOST_SPEAKERS or not all(folders.values()):
            raise DataError(
                f"{corpus} has too few speakers of five lines or more in the corpora of '{language}'. Add some."
            )
    (out / "audio").mkdir(parents=True, exist_ok=True)
    files = max(1, round(minutes * 60 / file_seconds))
    done = read_rows(truths)
    for number in tqdm(range(len(done), files + max(1, round(files / 19))), desc="recordings"):
        if number < files:
            truth = make(number, out, lines, file_seconds, seed, {"music": music, "noise": noise})
        else:
            truth = corrupt(number - files, out, seed)
        add_row(truths, asdict(truth))


if __name__ == "__main__":
    run_program(lambda: typer.run(main))

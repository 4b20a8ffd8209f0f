"""Which utterances of which corpora train `mini`, and which are kept out of it."""

import json
from dataclasses import dataclass
from pathlib import Path

TEACHER = ("zh_daily", "en", "zh", "zh_more", "en_more")
PEOPLE = ("aishell", "aishell3", "speechocean762", "warped")
HELD_OUT_EVERY = 50
EVERY = {"speechocean762": 2}  # for timbre, every second utterance is enough


@dataclass(frozen=True)
class Utterance:
    """One recording and its transcript."""

    id: str
    corpus: str
    path: Path
    text: str
    lang: str
    speaker: str
    seconds: float


def held_out_speaker(corpus: str, speaker: str) -> bool:
    """Speakers kept out of all training, for cloning tests: they may only be spoken with."""
    return corpus == "ljspeech" or speaker == "S0252" or (corpus == "speechocean762" and speaker.endswith("7"))


def read_corpus(folder: Path) -> list[Utterance]:
    """The trainable utterances of one corpus folder, between half a second and twenty seconds long."""
    utterances = []
    lines = (folder / "index.jsonl").read_text(encoding="utf-8").splitlines()
    for line in lines[:: EVERY.get(folder.name, 1)]:
        record = json.loads(line)
        if held_out_speaker(folder.name, record["speaker"]) or not 0.5 <= record["seconds"] <= 20:
            continue
        utterances.append(
            Utterance(
                id=record["id"],
                corpus=folder.name,
                path=folder / record.get("file", f"{record['id']}.opus"),
                text=record["text"],
                lang=record["lang"],
                speaker=f"{folder.name}/{record['speaker']}",
                seconds=record["seconds"],
            )
        )
    return utterances

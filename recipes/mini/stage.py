"""What the training stages of `mini` share: the data, the split, endless batches of like lengths."""

import random
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

from corpora import HELD_OUT_EVERY, THINNED
from prepare import FROZEN_LAYERS
from tqdm import tqdm

from glmtts.features import FeatureStore, write_feature
from glmtts.speech_tokenizer.model import SpeechTokenizer
from glmtts.speech_tokenizer.train import tokens_from_hidden
from glmtts.text.bpe import train_bpe
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.tokenizer import TextTokenizer, mini_tokenizer

BPE_SIZE, AUDIO_CODES = 2000, 2048
Item = TypeVar("Item")
Place = tuple[FeatureStore, int]


def open_stores(features: Path, corpora: Sequence[str], needs: Sequence[str] = ()) -> list[FeatureStore]:
    """The feature stores of the named corpora, as far as they hold the features that a stage needs."""
    stores = (FeatureStore(features / corpus) for corpus in corpora if (features / corpus).is_dir())
    return [store for store in stores if set(needs) <= set(store.names)]


def split(stores: Sequence[FeatureStore]) -> tuple[list[Place], list[Place]]:
    """(training, held-out): about every fiftieth utterance is kept out of training, for the losses that are reported.

    Its name decides, so that it stays out when corpora are added.
    """
    sets: tuple[list[Place], list[Place]] = ([], [])
    for store in stores:
        for number, entry in enumerate(store.entries):
            name = f"{store.folder.name}/{entry['id']}".encode()
            sets[crc32(name) % HELD_OUT_EVERY == 0].append((store, number))
    return sets


def thinned(places: Sequence[Place]) -> list[Place]:
    """The places without most of the corpora that would drown the others."""
    return [place for place in places if place[1] % THINNED.get(place[0].folder.name, 1) == 0]


def sampled(items: Sequence[Item], most: int) -> list[Item]:
    """The same few of the items every time, to evaluate on."""
    return random.Random(0).sample(items, min(most, len(items)))


def seconds(place: Place) -> float:
    """Length of an utterance."""
    return place[0].entries[place[1]]["seconds"]


def language(place: Place) -> str:
    """`zh` or `en`."""
    return place[0].entries[place[1]]["lang"]


def bucketed(
    places: Sequence[Place], batch_seconds: float, load: Callable[[Place], Item], seed: int
) -> Iterator[list[Item]]:
    """Endless batches of about `batch_seconds` of speech, utterances of like length together."""
    rng = random.Random(seed)
    while True:
        ordered = sorted(places, key=lambda place: seconds(place) * rng.uniform(0.9, 1.1))
        batches: list[list[Place]] = [[]]
        for place in ordered:
            if batches[-1] and seconds(place) * (len(batches[-1]) + 1) > batch_seconds:
                batches.append([])
            batches[-1].append(place)
        rng.shuffle(batches)
        for batch in batches:
            yield [load(place) for place in batch]


def text_tokenizer(folder: Path, texts: Sequence[str]) -> TextTokenizer:
    """The vocabulary of `mini`, trained on the transcripts once; of processes that train it together one is kept."""
    if not (folder / "added_tokens.json").exists():
        made = Path(tempfile.mkdtemp(prefix=".text-", dir=folder.parent))
        mini_tokenizer(train_bpe(texts, BPE_SIZE), AUDIO_CODES).save(made)
        try:
            made.rename(folder)
        except OSError:
            shutil.rmtree(made)
    return TextTokenizer.load(folder)


def frontend(work: Path, stores: Sequence[FeatureStore]) -> TextFrontend:
    """The text front end of `mini`, every reading as phonemes."""
    texts = [entry["text"] for store in stores for entry in store.entries]
    return TextFrontend(TextConfig(phoneme_in="all"), text_tokenizer(work / "text", texts))


def spoken_text(front: TextFrontend, entry: dict[str, Any]) -> str:
    """A transcript, normalised; empty where digits leave its reading open."""
    pieces = [] if re.search(r"\d", entry["text"]) else front.prepare(entry["text"], entry["lang"])
    return " ".join(piece.text for piece in pieces)


def hybrid_of(front: TextFrontend, entry: dict[str, Any]) -> str:
    """Hybrid text of a transcript; empty where its reading is open."""
    return front.to_hybrid(spoken_text(front, entry))


def write_tokens(tokenizer: SpeechTokenizer, store: FeatureStore) -> None:
    """Replace the feature `tokens` of a corpus."""
    numbers = tqdm(range(len(store)), desc=f"tokens of {store.folder.name}", mininterval=10)
    tokens = (tokens_from_hidden(tokenizer, FROZEN_LAYERS, store.get(number, "hidden")) for number in numbers)
    write_feature(store.folder, "tokens", tokens)

"""Train the language model of `mini`: phonemes to speech tokens.

python recipes/mini/train_lm.py --work WORK
"""

import argparse
from functools import partial
from pathlib import Path

import torch
from corpora import PEOPLE, TEACHER
from prepare import FROZEN_LAYERS
from stage import AUDIO_CODES, Place, frontend, hybrid_of, open_stores, split
from tqdm import tqdm

from glmtts.lm.model import Llama, LMConfig
from glmtts.lm.prompt import AudioTokens
from glmtts.lm.train import Spoken, batches, collate, example, lm_loss
from glmtts.speech_tokenizer.model import SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import SpeechTokenizerTraining
from glmtts.text.frontend import TextFrontend
from glmtts.text.phonemes import ENGLISH, MANDARIN
from glmtts.training import Trainer, TrainingConfig, load_trained

CORRUPTION, ALIGNMENT_SCALE = 0.1, 0.5


def lm_config(vocab_size: int) -> LMConfig:
    """Sizes of the language model of `mini`."""
    return LMConfig(vocab_size=vocab_size)


def phoneme_ids(front: TextFrontend) -> frozenset[int]:
    """Ids of the phoneme symbols."""
    return frozenset(front.tokenizer.token_id(f"<|{symbol}|>") for symbol in (*MANDARIN, *ENGLISH))


def spoken(front: TextFrontend, phonemes: frozenset[int], place: Place) -> Spoken | None:
    """An utterance as the language model sees it; None where its reading is open."""
    store, number = place
    entry = store.entries[number]
    hybrid = hybrid_of(front, entry)
    if not hybrid:
        return None
    ids = front.encode(hybrid)
    places = [place for place, token in enumerate(ids) if token in phonemes]
    spoken_phonemes = store.get(number, "alignment").tolist()
    same_reading = max(spoken_phonemes, default=-1) + 1 == len(places)
    alignment = [places[phoneme] for phoneme in spoken_phonemes] if same_reading else []
    return Spoken(ids, store.get(number, "tokens").tolist(), entry["speaker"], alignment)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="holds features/; results go beside it")
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--batch-tokens", type=int, default=2000)
    parser.add_argument("--prompt-share", type=float, default=0.4)
    parser.add_argument("--teacher-only", action="store_true", help="leave out the recordings of people")
    parser.add_argument("--max-seconds", type=float, help="stop after this long; a later run goes on")
    arguments = parser.parse_args()
    everything = open_stores(arguments.work / "features", (*TEACHER, *PEOPLE))
    front = frontend(arguments.work, everything)
    stores = [s for s in everything if not arguments.teacher_only or s.folder.name in TEACHER]
    training, held_out = split(stores)
    phonemes = phoneme_ids(front)
    data = [s for place in tqdm(training, desc="texts", mininterval=10) if (s := spoken(front, phonemes, place))]
    layout = AudioTokens.of(front.tokenizer)
    assert layout.count == AUDIO_CODES
    unseen = [s for place in held_out if (s := spoken(front, phonemes, place))]

    @torch.inference_mode()
    def evaluate(model: torch.nn.Module) -> dict[str, float]:
        losses = [lm_loss(model, layout, collate(layout, [example(layout, s, None)])) for s in unseen[:80]]
        return {
            "held_out_loss": sum(float(loss) for loss, _ in losses) / len(losses),
            "held_out_accuracy": sum(metrics["accuracy"] for _, metrics in losses) / len(losses),
        }

    model = Llama(lm_config(front.tokenizer.size))
    model.reset_parameters()
    if not (arguments.work / "lm" / "state.safetensors").exists():
        tokenizer = SpeechTokenizerTraining(SpeechTokenizerConfig(), FROZEN_LAYERS)
        trained = load_trained(tokenizer, arguments.work / "speech_tokenizer")
        model.start_speech_from(trained.tokenizer.codebook.weight, layout.first)
    config = TrainingConfig(
        steps=arguments.steps, learning_rate=1.5e-3, weight_decay=0.05, max_seconds=arguments.max_seconds
    )
    trainer = Trainer(model, partial(_loss, layout), config, arguments.work / "lm")
    stream = batches(layout, data, arguments.batch_tokens, arguments.prompt_share, seed=trainer.seed)
    trainer.fit(stream, evaluate)


def _loss(layout: AudioTokens, model: torch.nn.Module, batch: object) -> tuple:
    return lm_loss(model, layout, batch, corruption=CORRUPTION, alignment_scale=ALIGNMENT_SCALE)


if __name__ == "__main__":
    main()

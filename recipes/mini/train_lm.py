"""Train the language model of `mini`: phonemes to speech tokens.

python recipes/mini/train_lm.py --work WORK
"""

import argparse
import random
from functools import partial
from pathlib import Path

import torch
from corpora import PEOPLE, REPEATS, TEACHER
from prepare import FROZEN_LAYERS
from readings import reading
from stage import AUDIO_CODES, frontend, open_stores, sampled, split
from tqdm import tqdm

from glmtts.lm.model import Llama, LMConfig
from glmtts.lm.train import Spoken, batches, collate, example, lm_loss
from glmtts.speech_tokenizer.model import SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import SpeechTokenizerTraining
from glmtts.text.audio_tokens import AudioTokens
from glmtts.text.hybrid_training import HybridCollate
from glmtts.text.vocabulary import safe_characters
from glmtts.training import Trainer, TrainingConfig, load_trained, on_device

CORRUPTION, ALIGNMENT_SCALE, WEIGHT_DECAY = 0.15, 0.5, 0.1
EVALUATED = 80
NO_PHONEMES = HybridCollate("")


def lm_config(vocab_size: int) -> LMConfig:
    """Sizes of the language model of `mini`."""
    return LMConfig(vocab_size=vocab_size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="holds features/; results go beside it")
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--learning-rate", type=float, default=1.5e-3)
    parser.add_argument("--batch-tokens", type=int, default=2000)
    parser.add_argument("--prompt-share", type=float, default=0.4, help="how often a voice prompt comes before")
    parser.add_argument("--teacher-only", action="store_true", help="leave out the recordings of people")
    parser.add_argument("--max-seconds", type=float, help="stop after this long; a later run goes on")
    arguments = parser.parse_args()
    everything = open_stores(arguments.work / "features", (*TEACHER, *PEOPLE))
    front = frontend(arguments.work, everything)
    stores = [s for s in everything if not arguments.teacher_only or s.folder.name in TEACHER]
    training, held_out = split(stores)
    data = [r for place in tqdm(training, desc="texts", mininterval=10) if (r := reading(front, place))]
    layout = AudioTokens.of(front.tokenizer)
    assert layout.count == AUDIO_CODES
    unseen = sampled([r for place in held_out if (r := reading(front, place))], EVALUATED)
    collate_hybrid = HybridCollate(safe_characters())

    @torch.inference_mode()
    def evaluate(model: torch.nn.Module) -> dict[str, float]:
        measured, device = {}, next(model.parameters()).device
        for name, spoken in (
            ("held_out", [r.as_phonemes() for r in unseen]),
            ("held_out_text", [r.hybrid(NO_PHONEMES) for r in unseen]),
        ):
            lone = [collate(layout, [example(layout, s, None)]) for s in spoken]
            losses = [lm_loss(model, layout, on_device(batch, device)) for batch in lone]
            measured[f"{name}_loss"] = sum(float(loss) for loss, _ in losses) / len(losses)
            measured[f"{name}_accuracy"] = sum(metrics["accuracy"] for _, metrics in losses) / len(losses)
        return measured

    model = Llama(lm_config(front.tokenizer.size))
    model.reset_parameters()
    if not (arguments.work / "lm" / "state.safetensors").exists():
        tokenizer = SpeechTokenizerTraining(SpeechTokenizerConfig(), FROZEN_LAYERS)
        trained = load_trained(tokenizer, arguments.work / "speech_tokenizer")
        model.start_speech_from(trained.tokenizer.codebook.weight, layout.first)
    config = TrainingConfig(
        steps=arguments.steps,
        learning_rate=arguments.learning_rate,
        weight_decay=WEIGHT_DECAY,
        max_seconds=arguments.max_seconds,
    )
    trainer = Trainer(model, partial(_loss, layout), config, arguments.work / "lm")

    def draw(rng: random.Random) -> list[Spoken]:
        return [r.draw(rng, collate_hybrid) for r in data for _ in range(REPEATS.get(r.language, 1))]

    stream = batches(layout, draw, arguments.batch_tokens, arguments.prompt_share, seed=trainer.seed)
    trainer.fit(stream, evaluate)


def _loss(layout: AudioTokens, model: torch.nn.Module, batch: object) -> tuple:
    return lm_loss(model, layout, batch, corruption=CORRUPTION, alignment_scale=ALIGNMENT_SCALE)


if __name__ == "__main__":
    main()

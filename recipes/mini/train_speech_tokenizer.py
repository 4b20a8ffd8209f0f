"""Train the speech tokenizer of `mini`, then write the tokens of every utterance beside its features.

python recipes/mini/train_speech_tokenizer.py --work WORK --whisper whisper-base/model.bin
"""

import argparse
import json
from pathlib import Path

from corpora import ALL, PEOPLE, REPEATS, TEACHER
from prepare import FROZEN_LAYERS
from stage import (
    Place,
    bucketed,
    frontend,
    hybrid_of,
    language,
    open_stores,
    sampled,
    seconds,
    split,
    thinned,
    write_tokens,
)
from torch import nn
from whisper_base import encoder_weights

from glmtts.speech_tokenizer.model import SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import (
    SpeechTokenizerTraining,
    TokenizerExample,
    collate,
    evaluate,
    tokenizer_loss,
)
from glmtts.text.frontend import phonemes_of
from glmtts.training import Trainer, TrainingConfig, load_trained, on_device

WHISPER_LAYERS = 6
EVALUATED = 120


def start(config: SpeechTokenizerConfig, whisper: Path) -> SpeechTokenizerTraining:
    """A model whose layers before the codebook begin as Whisper-base's, and those after it as its last ones."""
    model = SpeechTokenizerTraining(config, FROZEN_LAYERS)
    weights = encoder_weights(whisper)
    own = model.tokenizer.state_dict()
    model.tokenizer.load_state_dict({k: v for k, v in weights.items() if k in own}, strict=False)
    for number, layer in enumerate(model.asr.layers):
        prefix = f"layers.{WHISPER_LAYERS - config.layers_after + number}."
        layer.load_state_dict({k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)})
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="holds features/; results go beside it")
    parser.add_argument("--whisper", type=Path, required=True, help="model.bin of Whisper-base (CTranslate2)")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--batch-seconds", type=float, default=30)
    parser.add_argument("--max-seconds", type=float, help="stop after this long; a later run goes on")
    arguments = parser.parse_args()
    stores = open_stores(arguments.work / "features", (*TEACHER, *PEOPLE), ("hidden", "mel", "f0"))
    front = frontend(arguments.work, stores)
    labels: dict[Place, list[str]] = {}
    for store in stores:
        for number, entry in enumerate(store.entries):
            labels[store, number] = phonemes_of(hybrid_of(front, entry))
    training, held_out = split(stores)
    usable = [place for place in thinned(training) if 0 < len(labels[place]) < 24 * seconds(place)]
    epoch = [place for place in usable for _ in range(REPEATS.get(language(place), 1))]

    def load(place: Place) -> TokenizerExample:
        store, number = place
        hidden, f0, mel, speaker = (store.get(number, name) for name in ("hidden", "f0", "mel", "speaker"))
        return TokenizerExample(hidden, f0, mel, speaker[0], labels[place])

    readable = [place for place in held_out if labels[place]]
    unseen = [collate([load(place)]) for place in sampled(readable, EVALUATED)]

    def evaluation(model: nn.Module) -> dict[str, float]:
        device = next(model.parameters()).device
        return evaluate(model, [on_device(batch, device) for batch in unseen])

    model = start(SpeechTokenizerConfig(), arguments.whisper)
    config = TrainingConfig(
        steps=arguments.steps, learning_rate=arguments.learning_rate, warmup_steps=50, ema_decay=0.0,
        max_seconds=arguments.max_seconds, save_every=200,
    )  # fmt: skip
    trainer = Trainer(model, tokenizer_loss, config, arguments.work / "speech_tokenizer")
    trainer.fit(map(collate, bucketed(epoch, arguments.batch_seconds, load, seed=trainer.seed)), evaluation)
    trainer.accelerator.wait_for_everyone()
    if not trainer.accelerator.is_main_process:
        return
    trained = load_trained(SpeechTokenizerTraining(SpeechTokenizerConfig(), FROZEN_LAYERS), trainer.out)
    for store in open_stores(arguments.work / "features", ALL, ("hidden",)):
        write_tokens(trained.tokenizer, store)
    for kind, names in (("teacher", TEACHER), ("people", PEOPLE)):
        for lang in ("zh", "en"):
            places = [p for p in readable if p[0].folder.name in names and language(p) == lang]
            if not places:
                continue
            measured = evaluate(trained, [collate([load(place)]) for place in places])
            (trainer.out / f"held_out_{kind}_{lang}.json").write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()

"""Train the vocoder of `mini`, on teachers and people.

python recipes/mini/train_vocoder.py --work WORK
"""

import argparse
from pathlib import Path

from corpora import PEOPLE, TEACHER
from stage import open_stores, split

from glmtts.vocoder.train import VocoderTrainer, VocoderTrainingConfig, train_vocoder
from glmtts.vocoder.vocos2d import Vocos2DConfig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="holds features/; results go beside it")
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--gan-start", type=int, default=8000, help="step at which the discriminator joins")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--max-seconds", type=float, help="stop after this long; a later run goes on")
    arguments = parser.parse_args()
    training, held_out = split(open_stores(arguments.work / "features", (*TEACHER, *PEOPLE), ("wave",)))
    config = VocoderTrainingConfig(
        steps=arguments.steps,
        gan_start=arguments.gan_start,
        learning_rate=arguments.learning_rate,
        max_seconds=arguments.max_seconds,
    )
    trainer = VocoderTrainer(Vocos2DConfig(), config, arguments.work / "vocoder")
    waves = [store.get(number, "wave") for store, number in training]
    train_vocoder(trainer, waves, [store.get(number, "wave") for store, number in held_out[:20]])


if __name__ == "__main__":
    main()

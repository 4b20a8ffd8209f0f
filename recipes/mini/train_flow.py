"""Train the flow model of `mini`: speech tokens and a speaker to mels.

python recipes/mini/train_flow.py --work WORK
"""

import argparse
from pathlib import Path

import torch
from corpora import PEOPLE, TEACHER
from prepare import FROZEN_LAYERS
from stage import Place, bucketed, open_stores, split

from glmtts.flow.dit import DiT, FlowConfig
from glmtts.flow.train import batch_loss, collate
from glmtts.speech_tokenizer.model import SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import SpeechTokenizerTraining
from glmtts.training import Trainer, TrainingConfig, load_trained


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="holds features/; results go beside it")
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--batch-seconds", type=float, default=24)
    parser.add_argument("--teacher-only", action="store_true", help="leave out the recordings of people")
    parser.add_argument("--max-seconds", type=float, help="stop after this long; a later run goes on")
    arguments = parser.parse_args()
    names = TEACHER if arguments.teacher_only else (*TEACHER, *PEOPLE)
    training, held_out = split(open_stores(arguments.work / "features", names, ("tokens", "mel", "speaker")))

    def load(place: Place) -> tuple:
        store, number = place
        return store.get(number, "tokens"), store.get(number, "mel"), store.get(number, "speaker")[0]

    unseen = [collate([load(place)]) for place in held_out[:40]]

    @torch.inference_mode()
    def evaluate(model: torch.nn.Module) -> dict[str, float]:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            losses = [float(batch_loss(model, batch)[0]) for batch in unseen]
        return {"held_out_loss": sum(losses) / len(losses)}

    config = TrainingConfig(steps=arguments.steps, learning_rate=8e-4, max_seconds=arguments.max_seconds)
    model = DiT(FlowConfig())
    if not (arguments.work / "flow" / "state.safetensors").exists():
        tokenizer = SpeechTokenizerTraining(SpeechTokenizerConfig(), FROZEN_LAYERS)
        model.prior.start_from(load_trained(tokenizer, arguments.work / "speech_tokenizer"))
    trainer = Trainer(model, batch_loss, config, arguments.work / "flow")
    stream = bucketed(training, arguments.batch_seconds, load, seed=trainer.seed)
    trainer.fit(map(collate, stream), evaluate)


if __name__ == "__main__":
    main()

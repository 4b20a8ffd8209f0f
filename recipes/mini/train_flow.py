"""Train the flow model of `mini`: speech tokens and a speaker to mels.

python recipes/mini/train_flow.py --work WORK
"""

import argparse
from pathlib import Path
from statistics import mean

import torch
from corpora import ALL, TEACHER
from prepare import FROZEN_LAYERS
from stage import Place, bucketed, open_stores, sampled, split, thinned

from glmtts.flow.dit import DiT, FlowConfig
from glmtts.flow.train import batch_loss, collate
from glmtts.speech_tokenizer.model import SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import SpeechTokenizerTraining
from glmtts.training import Trainer, TrainingConfig, load_trained, on_device

EVALUATED = 60
NEEDS = ("tokens", "mel", "speaker", "f0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="holds features/; results go beside it")
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--learning-rate", type=float, default=8e-4)
    parser.add_argument("--batch-seconds", type=float, default=24)
    parser.add_argument("--teacher-only", action="store_true", help="leave out the recordings of people")
    parser.add_argument("--max-seconds", type=float, help="stop after this long; a later run goes on")
    arguments = parser.parse_args()
    names = TEACHER if arguments.teacher_only else ALL
    training, held_out = split(open_stores(arguments.work / "features", names, NEEDS))

    def load(place: Place) -> tuple:
        store, number = place
        tokens, mel, speaker, f0 = (store.get(number, name) for name in NEEDS)
        return tokens, mel, speaker[0], f0

    unseen = [collate([load(place)]) for place in sampled(held_out, EVALUATED)]

    @torch.inference_mode()
    def evaluate(model: torch.nn.Module) -> dict[str, float]:
        device = next(model.parameters()).device
        with torch.random.fork_rng():
            torch.manual_seed(0)
            metrics = [batch_loss(model, on_device(batch, device))[1] for batch in unseen]
        return {f"held_out_{name}": mean(row[name] for row in metrics) for name in ("flow", "prior", "pitch")}

    config = TrainingConfig(
        steps=arguments.steps, learning_rate=arguments.learning_rate, max_seconds=arguments.max_seconds
    )
    model = DiT(FlowConfig())
    if not (arguments.work / "flow" / "state.safetensors").exists():
        tokenizer = SpeechTokenizerTraining(SpeechTokenizerConfig(), FROZEN_LAYERS)
        load_trained(tokenizer, arguments.work / "speech_tokenizer")
        model.prior.start_from(tokenizer.code_vectors(), tokenizer.mel.state_dict())
    trainer = Trainer(model, batch_loss, config, arguments.work / "flow")
    stream = bucketed(thinned(training), arguments.batch_seconds, load, seed=trainer.seed)
    trainer.fit(map(collate, stream), evaluate)


if __name__ == "__main__":
    main()

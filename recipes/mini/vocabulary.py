"""Make the vocabulary of `mini`: train it on the transcripts, or take that of a bundle.

    python recipes/mini/vocabulary.py --work WORK [--bundle src/glmtts/models/mini]

Writes `WORK/text`, where there is none yet, and prints how many ids it has. Language models that go on from a bundle
need the bundle's vocabulary.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from models import AUDIO_CODES, datasets_of

from glmtts.bundle import Bundle
from glmtts.data import Dataset, SourceConfig
from glmtts.errors import TrainingError
from glmtts.programs import a_folder, parser_of, run_program, whole_from
from glmtts.text.bpe import train_bpe
from glmtts.text.tokenizer import TextTokenizer, mini_tokenizer

BPE_SIZE = 2000


def trained(work: Path, size: int, codes: int) -> TextTokenizer:
    """A vocabulary of byte pairs of the transcripts, and of speech tokens."""
    dataset = Dataset.open([SourceConfig(path=folder) for folder in datasets_of(work)])
    return mini_tokenizer(train_bpe([utterance.text for utterance in dataset.utterances()], size), codes)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--work", type=a_folder, required=True, help="holds data/")
    parser.add_argument("--bundle", type=a_folder, help="take the vocabulary of this bundle")
    parser.add_argument("--size", type=whole_from(257), default=BPE_SIZE, help="ids of text")
    parser.add_argument("--codes", type=whole_from(), default=AUDIO_CODES, help="speech tokens")
    chosen = parser.parse_args(arguments)
    folder = chosen.work / "text"
    if folder.exists():
        raise TrainingError(f"{folder} is there already. Move it, and train the language model anew.")
    made = Path(tempfile.mkdtemp(prefix=".text-", dir=chosen.work))
    try:
        bundled = chosen.bundle and Bundle.open(chosen.bundle).frontend().tokenizer
        tokenizer = bundled or trained(chosen.work, chosen.size, chosen.codes)
        tokenizer.save(made)
        made.rename(folder)
        print(f"{folder} has {tokenizer.size} ids: the model.vocab_size of the language model.")
    finally:
        shutil.rmtree(made, ignore_errors=True)


if __name__ == "__main__":
    run_program(main)

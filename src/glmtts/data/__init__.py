"""Speech data for training: utterances in appendable shards on disk, and the batches that are drawn from them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glmtts.data.dataset import Dataset, Item, SourceConfig, UtteranceRef
    from glmtts.data.manifest import FeatureSpec
    from glmtts.data.sampler import BucketSampler
    from glmtts.data.shard import Utterance
    from glmtts.data.writer import ShardWriter, add_feature

__all__ = [
    "BucketSampler",
    "Dataset",
    "FeatureSpec",
    "Item",
    "ShardWriter",
    "SourceConfig",
    "Utterance",
    "UtteranceRef",
    "add_feature",
]

_PLACES = {
    "BucketSampler": "sampler",
    "Dataset": "dataset",
    "FeatureSpec": "manifest",
    "Item": "dataset",
    "ShardWriter": "writer",
    "SourceConfig": "dataset",
    "Utterance": "shard",
    "UtteranceRef": "dataset",
    "add_feature": "writer",
}


def __getattr__(name: str) -> Any:
    # The command line imports this package, and must be quick: numpy and pydantic take 0.2 s.
    if name in _PLACES:
        return getattr(import_module(f"glmtts.data.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'glmtts.data' has no attribute '{name}'")

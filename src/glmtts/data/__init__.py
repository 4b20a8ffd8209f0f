"""Speech data for training: utterances in appendable shards on disk, and the batches that are drawn from them."""

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

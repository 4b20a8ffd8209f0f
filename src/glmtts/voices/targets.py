"""Which layers an adapter trains, and the rank of each, solved for a share of the backbone's parameters.

The report (section 2.5) states how much is trained as a share, not as a rank. Every target is given the same share of
its own weights: a layer of I inputs and O outputs has I · O weights, an adapter of rank r adds r (I + O).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from glmtts.errors import ConfigError

# the backbones: what the report's "core backbone" is of each network; embeddings and output layers are none of it
BACKBONES = {"lm": ("model.layers.",), "flow": ("transformer_blocks.", "prior.head.")}


@dataclass(frozen=True)
class Ranks:
    """`ranks` of the targets, 0 left out; parameters of the adapter and of the backbone, whose ratio is the share."""

    ranks: Mapping[str, int]
    trained: int
    backbone: int

    @property
    def share(self) -> float:
        """What the ranks come to; whole ranks miss the wanted share by less than one."""
        return self.trained / self.backbone


def backbone_parameters(network: nn.Module, kind: str) -> int:
    """Parameters of the backbone of a network that has no adapters yet."""
    # norms and convolutions too: the report's share is of all of the backbone
    return sum(p.numel() for name, p in network.named_parameters() if name.startswith(BACKBONES[kind]))


def targets(network: nn.Module, kind: str) -> dict[str, nn.Linear]:
    """The linear layers of the backbone by name."""
    modules = network.named_modules()
    return {n: m for n, m in modules if n.startswith(BACKBONES[kind]) and isinstance(m, nn.Linear)}


def solve_ranks(network: nn.Module, kind: str, share: float) -> Ranks:
    """The rank of every target such that their adapters have `share` (0 to 1) of the backbone's parameters, or less.

    What rounding a rank down leaves over is carried to the next target. So a share below rank 1 everywhere, as 0.3 %
    of a small model, gives rank 1 to targets spread evenly over the layers.

    Raises:
        ConfigError: the share is not between 0 and 1, or too small for a single rank; or an adapter would be larger
            than the layer itself.
    """
    if not 0 < share < 1:
        raise ConfigError(f"The share is {share:g}. Give a part of the backbone between 0 and 1, such as 0.15.")
    layers, backbone = targets(network, kind), backbone_parameters(network, kind)
    weights = sum(layer.weight.numel() for layer in layers.values())
    each = share * backbone / weights  # of a target's own weights; norms and convolutions have no adapters
    ranks, left = {}, 0.0
    for name, layer in layers.items():
        cost = layer.in_features + layer.out_features
        left += each * layer.weight.numel()
        # a rank above the smaller side of a layer adds parameters and no freedom
        ranks[name] = min(int(left // cost), min(layer.in_features, layer.out_features))
        left -= ranks[name] * cost
    # of whole ranks, so what is told is what is trained
    trained = sum(rank * (layers[name].in_features + layers[name].out_features) for name, rank in ranks.items())
    if not trained:
        raise ConfigError(f"A share of {share:g} is less than one rank of this model. Give more.")
    if trained >= weights:
        raise ConfigError(f"Adapters of a share of {share:g} are as large as the layers. Train all with --method full.")
    return Ranks({name: rank for name, rank in ranks.items() if rank}, trained, backbone)


def describe_ranks(solved: Ranks, kind: str, share: float) -> str:
    """The ranks as lines of text, one a kind of layer."""
    by_layer: dict[str, list[int]] = {}
    for name, rank in solved.ranks.items():
        by_layer.setdefault(".".join(part for part in name.split(".") if not part.isdigit()), []).append(rank)
    lines = [
        f"{kind}: {solved.trained:,} of {solved.backbone:,} parameters of the backbone are trained: "
        f"{100 * solved.share:.2f} % (wanted {100 * share:g} %)"
    ]
    for name, ranks in by_layer.items():
        span = f"rank {ranks[0]}" if len(set(ranks)) == 1 else f"ranks {min(ranks)} to {max(ranks)}"
        lines.append(f"  {name} × {len(ranks)}: {span}")
    return "\n".join(lines)

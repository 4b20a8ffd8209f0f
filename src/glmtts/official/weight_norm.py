"""Weight norm, folded: the released vocoder stores direction and length of each convolution's weights apart."""

from torch import Tensor

LENGTH, DIRECTION = ".parametrizations.weight.original0", ".parametrizations.weight.original1"


def fold_weight_norm(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """w = g · v / ‖v‖, the norm taken over all axes but the first (Salimans and Kingma, 2016)."""
    folded = {}
    for name, value in state.items():
        if name.endswith(DIRECTION):
            prefix = name.removesuffix(DIRECTION)
            axes = tuple(range(1, value.ndim))
            folded[f"{prefix}.weight"] = state[prefix + LENGTH] * value / value.norm(p=2, dim=axes, keepdim=True)
        elif not name.endswith(LENGTH):
            folded[name] = value
    return folded

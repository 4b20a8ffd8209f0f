"""Sizes of the language model."""

from glmtts.config import StrictConfig


class LMConfig(StrictConfig):
    """Sizes of the Llama; the defaults are those of `mini`, the released one is 2048 wide with 28 layers."""

    vocab_size: int
    hidden_size: int = 256
    num_layers: int = 6
    num_heads: int = 4
    num_kv_heads: int = 4
    head_dim: int = 64
    intermediate_size: int = 704
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-5
    max_positions: int = 2048

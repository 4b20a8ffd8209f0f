"""Sizes of the language model."""

from typing import Self

from pydantic import Field, model_validator

from glmtts.config import Count, StrictConfig


class LMConfig(StrictConfig):
    """Sizes of the Llama; the defaults are those of `mini`, the released one is 2048 wide with 28 layers."""

    vocab_size: Count
    hidden_size: Count = 256
    num_layers: Count = 6
    num_heads: Count = 4
    num_kv_heads: Count = 4
    head_dim: Count = 64
    intermediate_size: Count = 704
    rope_theta: float = Field(default=10000.0, gt=0)
    rms_norm_eps: float = Field(default=1e-5, gt=0)
    max_positions: Count = 2048

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.num_heads % self.num_kv_heads:
            raise ValueError(f"num_heads {self.num_heads} is no multiple of num_kv_heads, {self.num_kv_heads}")
        # rotary positions turn the halves of a head against each other
        if self.head_dim % 2:
            raise ValueError(f"head_dim {self.head_dim} is odd")
        return self

"""Vector quantisation with a codebook that follows its vectors by moving averages (van den Oord et al., 2017)."""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn


class Codebook(nn.Module):
    """Nearest code by squared distance; trained by EMA, dead codes restarted from live vectors.

    EMA, decay γ: n_i ← γ n_i + (1 − γ) Σ [c = i],  m_i ← γ m_i + (1 − γ) Σ_{c = i} z,  e_i = m_i / n_i.
    Every `restart_interval` updates, a code that no vector took since the last time takes a random live vector.
    Processes that train together sum over the vectors of all, and take random ones from the first.
    """

    ema_count: Tensor
    ema_weight: Tensor
    hits: Tensor
    updates: Tensor

    def __init__(self, codes: int, width: int, decay: float, restart_interval: int) -> None:
        super().__init__()
        self.decay, self.restart_interval = decay, restart_interval
        self.weight = nn.Parameter(torch.randn(codes, width), requires_grad=False)
        self.register_buffer("ema_count", torch.ones(codes))
        self.register_buffer("ema_weight", self.weight.detach().clone())
        self.register_buffer("hits", torch.zeros(codes), persistent=False)  # counted anew after a resumption
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))

    def nearest(self, vectors_ND: Tensor) -> Tensor:
        """Ids (N,) of the nearest codes of vectors (N, D), in float32."""
        with torch.autocast(vectors_ND.device.type, enabled=False):
            vectors, codes = vectors_ND.float(), self.weight.float()
            distance_NK = vectors.square().sum(1, keepdim=True) - 2 * vectors @ codes.T + codes.square().sum(1)
            return distance_NK.argmin(dim=1)

    def forward(self, vectors_ND: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quantised vectors with straight-through gradient (N, D), ids (N,), commitment loss mean ‖z − sg(e)‖²."""
        with torch.autocast(vectors_ND.device.type, enabled=False):
            vectors = vectors_ND.float()
            ids = self.nearest(vectors.detach())
            codes = F.embedding(ids, self.weight)
            commitment = F.mse_loss(vectors, codes)
            if self.training:
                self._update(vectors.detach(), ids)
            return vectors + (codes - vectors).detach(), ids, commitment

    @torch.no_grad()
    def start_from(self, vectors_ND: Tensor, iterations: int = 10) -> None:
        """Begin as the k-means of real vectors; a centre that loses all of them takes a random one."""
        vectors = vectors_ND.float()
        picks = torch.randperm(len(vectors), device=vectors.device)[: len(self.weight)]
        picks = picks.repeat(-(-len(self.weight) // len(picks)))[: len(self.weight)]
        self.weight.copy_(vectors[picks] + 0.01 * vectors.std() * torch.randn_like(self.weight))
        for _ in range(iterations):
            ids = torch.cat([self.nearest(part) for part in vectors.split(8192)])
            counts = torch.bincount(ids, minlength=len(self.weight))
            sums = torch.zeros_like(self.weight).index_add_(0, ids, vectors)
            self.weight.copy_(sums / counts.clamp(min=1)[:, None])
            empty = counts == 0
            self.weight[empty] = vectors[torch.randint(len(vectors), (int(empty.sum()),), device=vectors.device)]
        _take_from_first(self.weight)
        self.forget()

    @torch.no_grad()
    def forget(self) -> None:
        """Let the moving averages begin anew from the codes as they are."""
        self.ema_weight.copy_(self.weight)
        self.ema_count.fill_(1.0)
        self.hits.zero_()

    @torch.no_grad()
    def _update(self, vectors_ND: Tensor, ids_N: Tensor) -> None:
        counts = torch.bincount(ids_N, minlength=len(self.weight)).float()
        sums = torch.zeros_like(self.ema_weight).index_add_(0, ids_N, vectors_ND)
        if _several_processes():
            dist.all_reduce(counts)
            dist.all_reduce(sums)
        self.ema_count.lerp_(counts, 1 - self.decay)
        self.ema_weight.lerp_(sums, 1 - self.decay)
        self.weight.copy_(self.ema_weight / self.ema_count.clamp(min=1e-5)[:, None])
        self.hits += counts
        self.updates += 1
        if self.updates % self.restart_interval == 0:
            self._restart_dead(vectors_ND)
            self.hits.zero_()

    def _restart_dead(self, vectors_ND: Tensor) -> None:
        dead = self.hits == 0
        picks = torch.randint(len(vectors_ND), (int(dead.sum()),), device=vectors_ND.device)
        live = vectors_ND[picks]
        _take_from_first(live)
        self.weight[dead] = live
        self.ema_weight[dead] = live
        self.ema_count[dead] = 1.0


def _several_processes() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def _take_from_first(values: Tensor) -> None:
    """Make `values` those of the first process on all of them."""
    if _several_processes():
        dist.broadcast(values, 0)

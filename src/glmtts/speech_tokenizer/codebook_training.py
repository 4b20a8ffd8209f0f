"""How a codebook is trained: exponential moving averages of the vectors of each code (van den Oord et al., 2017).

Averages move once a step, after all of its micro-batches on all processes, so that neither their number nor that of
the processes changes what is learnt.
"""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.speech_tokenizer.codebook import Codebook, straight_through

LEAST_COUNT = 1e-5  # of an average, below which m / n is no number to trust
START_VECTORS, MOST_START_VECTORS = 8, 65_536  # a code, and in all, of which k-means begins; 335 MB at 1280 wide


class CodebookTraining(nn.Module):
    """The moving averages of a codebook, and what it needs to begin.

    EMA, decay γ: n_i ← γ n_i + (1 − γ) Σ [c = i],  m_i ← γ m_i + (1 − γ) Σ_{c = i} z,  e_i = m_i / n_i.
    Every `restart_interval` updates, a code that no vector took since the last time takes a random live vector.
    With `warmup` the last vectors before the codebook begins are kept, for the k-means that it begins as.
    """

    ema_count: Tensor
    ema_weight: Tensor
    hits: Tensor
    updates: Tensor
    recent: Tensor
    recent_total: Tensor

    def __init__(self, codes: int, width: int, warmup: bool) -> None:
        super().__init__()
        self.register_buffer("ema_count", torch.ones(codes))
        self.register_buffer("ema_weight", torch.zeros(codes, width))
        self.register_buffer("hits", torch.zeros(codes))
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))
        rows = min(START_VECTORS * codes, MOST_START_VECTORS) if warmup else 0
        self.register_buffer("recent", torch.zeros(rows, width))
        self.register_buffer("recent_total", torch.zeros((), dtype=torch.long))
        self._step: list[tuple[Tensor, Tensor | None]] = []  # vectors and ids of this step's micro-batches

    def quantise(self, codebook: Codebook, vectors_ND: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quantised vectors with straight-through gradient (N, D), ids (N,), commitment loss mean ‖z − sg(e)‖²."""
        with torch.autocast(vectors_ND.device.type, enabled=False):
            codes, ids = straight_through(codebook, vectors_ND)
            vectors = vectors_ND.float()
            if self.training and torch.is_grad_enabled():
                self._step.append((vectors.detach(), ids))
            return codes, ids, F.mse_loss(vectors, codes.detach())

    def remember(self, vectors_ND: Tensor) -> None:
        """Note vectors that pass unquantised, before the codebook begins."""
        if self.training and torch.is_grad_enabled():
            self._step.append((vectors_ND.detach().float(), None))

    @torch.no_grad()
    def keep_recent(self) -> None:
        """After a step of warm-up: keep its vectors, of all processes, in place of the oldest ones."""
        step, self._step = torch.cat([self.recent[:0], *(vectors for vectors, _ in self._step)]), []
        vectors = gathered(step[are_numbers(step)])
        size = len(self.recent)
        vectors = vectors[-size:]
        # a ring: the next free place follows from how many there have been
        places = (torch.arange(len(vectors), device=vectors.device) + self.recent_total) % size
        self.recent[places] = vectors
        self.recent_total += len(vectors)

    @torch.no_grad()
    def start(self, codebook: Codebook, iterations: int = 10) -> None:
        """Begin as the k-means of the vectors that were kept; a centre that loses all of them takes a random one."""
        vectors, count = self.recent[: int(self.recent_total)], len(codebook.weight)
        picks = torch.randperm(len(vectors), device=vectors.device)[:count]
        # of fewer vectors than codes some are picked twice
        picks = picks.repeat(-(-count // len(picks)))[:count]
        # the noise parts codes that were picked twice: of two alike only the first would ever be nearest
        codebook.weight.copy_(vectors[picks] + 0.01 * vectors.std() * torch.randn_like(codebook.weight))
        for _ in range(iterations):
            # in parts, since a distance to every code is held for every vector
            ids = torch.cat([codebook.nearest(part) for part in vectors.split(8192)])
            counts = torch.bincount(ids, minlength=count)
            sums = torch.zeros_like(codebook.weight).index_add_(0, ids, vectors)
            codebook.weight.copy_(sums / counts.clamp(min=1)[:, None])
            empty = counts == 0
            codebook.weight[empty] = vectors[torch.randint(len(vectors), (int(empty.sum()),), device=vectors.device)]
        # processes have drawn other picks and other places for empty codes
        _take_from_first(codebook.weight)
        self.reset_ema(codebook)

    @torch.no_grad()
    def reset_ema(self, codebook: Codebook) -> None:
        """Let the moving averages begin anew from the codes as they are."""
        # as if each code had been taken once, by itself: m / n is the code
        self.ema_weight.copy_(codebook.weight)
        self.ema_count.fill_(1.0)
        self.hits.zero_()

    @torch.no_grad()
    def update(self, codebook: Codebook, decay: float, restart_interval: int) -> None:
        """After a step: move the averages, and the codes with them, to the step's vectors of all processes."""
        step, self._step = [(vectors, ids) for vectors, ids in self._step if ids is not None], []
        counts, sums = torch.zeros_like(self.ema_count), torch.zeros_like(self.ema_weight)
        live = [vectors[are_numbers(vectors)] for vectors, _ in step]
        for (vectors, ids), kept in zip(step, live, strict=True):
            ids = ids[are_numbers(vectors)]
            counts += torch.bincount(ids, minlength=len(counts))
            sums.index_add_(0, ids, kept)
        if _several_processes():
            dist.all_reduce(counts)
            dist.all_reduce(sums)
        self.ema_count.lerp_(counts, 1 - decay)
        self.ema_weight.lerp_(sums, 1 - decay)
        # a code that no vector took for so long that nothing is left of its average stays where it was
        known = self.ema_count[:, None] > LEAST_COUNT
        codebook.weight.copy_(torch.where(known, self.ema_weight / self.ema_count[:, None], codebook.weight))
        self.hits += counts
        self.updates += 1
        if self.updates % restart_interval == 0:
            self._restart_dead(codebook, gathered(torch.cat([self.ema_weight[:0], *live])))
            self.hits.zero_()

    def _restart_dead(self, codebook: Codebook, vectors_ND: Tensor) -> None:
        if not len(vectors_ND):
            return
        dead = self.hits == 0
        live = vectors_ND[torch.randint(len(vectors_ND), (int(dead.sum()),), device=vectors_ND.device)]
        _take_from_first(live)
        codebook.weight[dead] = live
        self.ema_weight[dead] = live
        self.ema_count[dead] = 1.0


def are_numbers(vectors_ND: Tensor) -> Tensor:
    """Whether vectors (N, D) are finite, (N,).

    A step whose gradient is not finite is left out by the optimizer; in an average its vectors would stay for ever.
    """
    return vectors_ND.isfinite().all(dim=1)


def gathered(vectors_ND: Tensor) -> Tensor:
    """The vectors of all processes, those of the first one first; their numbers may differ."""
    if not _several_processes():
        return vectors_ND
    length = torch.tensor([len(vectors_ND)], device=vectors_ND.device)
    lengths = [torch.zeros_like(length) for _ in range(dist.get_world_size())]
    dist.all_gather(lengths, length)
    # `all_gather` takes tensors of one shape
    padded = F.pad(vectors_ND, (0, 0, 0, int(max(lengths)) - len(vectors_ND)))
    parts = [torch.empty_like(padded) for _ in lengths]
    dist.all_gather(parts, padded)
    return torch.cat([part[: int(size)] for part, size in zip(parts, lengths, strict=True)])


def _several_processes() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def _take_from_first(values: Tensor) -> None:
    """Make `values` those of the first process on all of them."""
    if _several_processes():
        dist.broadcast(values, 0)

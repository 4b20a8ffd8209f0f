"""DiffRO (CosyVoice 3, 2025): the token recogniser as a reward that can be differentiated, through Gumbel-softmax.

The recogniser reads speech tokens, so neither flow nor vocoder is needed, and every token gets a gradient of its own:
−log P(wanted phonemes | tokens) of CTC, where each token is a relaxed one-hot vector. Tokens are those of a rollout.
Their Gumbel noise is drawn given the token that it led to (Maddison et al., 2014), so that the relaxed token is the
one that was sampled. What the policy draws at its end, the end of audio, gets no gradient from here; the KL term holds
it where it was.
"""

import math
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from glmtts.errors import RlError
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.lm.model import Llama
from glmtts.rl.base_task import RolloutSource, RolloutTask, as_metrics, zero_loss
from glmtts.rl.guards import GuardConfig
from glmtts.rl.policy import draw_logits
from glmtts.rl.rollout import Answer, DrawBatch, answer_seed, draw_batch
from glmtts.rl.settings import DiffroLoss, PolicySection, RolloutSection
from glmtts.text.labels import LABEL_IDS
from glmtts.training.task import Metrics

ZERO_METRICS = ("reward", "kl", "entropy", "time/forward")


def gumbel_given(log_probs_NC: Tensor, drawn_N: Tensor, generator: torch.Generator) -> Tensor:
    """log-probabilities plus Gumbel noise (N, C), given that their maximum is at `drawn_N`.

    The maximum of log p + Gumbel is Gumbel distributed around log Σ p = 0 whatever its place; the others are Gumbel
    variables truncated below it (Maddison et al., 2014): −log(e^(−g) + e^(−max)) for g = log p + Gumbel.
    """
    exponential_NC = torch.empty_like(log_probs_NC).exponential_(generator=generator).clamp(min=1e-20)
    # −log of an Exp(1) variable is Gumbel; the clamp keeps out an exact 0, whose log is −∞
    free_NC = log_probs_NC - exponential_NC.log()
    top_N1 = -torch.empty_like(log_probs_NC[:, :1]).exponential_(generator=generator).clamp(min=1e-20).log()
    bounded_NC = -torch.logaddexp(-free_NC, -top_N1.expand_as(free_NC))
    bounded_NC = torch.where(torch.isinf(log_probs_NC), -torch.inf, bounded_NC)
    return bounded_NC.scatter(1, drawn_N[:, None], top_N1)


def relaxed(
    log_probs_NC: Tensor, drawn_N: Tensor, softness: float, straight: bool, generator: torch.Generator
) -> Tensor:
    """One-hot vectors of the draws (N, C), relaxed by softmax((log p + noise) / softness).

    `straight` gives the hard vectors with the gradient of the soft ones. The noise is a constant of the draw.
    """
    # NaN is −∞ − (−∞), of an end of audio that was not allowed
    noise_NC = (gumbel_given(log_probs_NC.detach(), drawn_N, generator) - log_probs_NC.detach()).nan_to_num(nan=0.0)
    soft_NC = ((log_probs_NC + noise_NC) / softness).softmax(1)
    if not straight:
        return soft_NC
    hard_NC = F.one_hot(drawn_N, log_probs_NC.shape[1]).to(soft_NC.dtype)
    return hard_NC + soft_NC - soft_NC.detach()  # the value of the first, the gradient of the second


def read_relaxed(recogniser: TokenRecogniser, codes_NC: Tensor, lengths: Sequence[int]) -> Tensor:
    """Log-probabilities of the labels (B, S, V) at relaxed tokens (N, codes), sequences one after another."""
    # an embedding look-up as a product, through which a one-hot vector has a gradient
    vectors_ND = codes_NC @ recogniser.codes.weight
    vectors_BSD = pad_sequence(list(vectors_ND.split(list(lengths))), batch_first=True)
    counts_B = torch.tensor(list(lengths), device=vectors_ND.device)
    mask_BS = torch.arange(vectors_BSD.shape[1], device=vectors_ND.device) < counts_B[:, None]
    # not `log_probs`: that is inference mode, which records no gradient
    return recogniser.head(vectors_BSD, mask_BS).float().log_softmax(-1)


def spelling_loss(log_probs_BSV: Tensor, lengths: Sequence[int], wanted: Sequence[Sequence[str]]) -> Tensor:
    """−log P(wanted labels) of CTC in nats a label (B,).

    Fewer tokens than labels need have no alignment, and no gradient: they cost what chance does, log V.
    """
    labels = [torch.tensor([LABEL_IDS[label] for label in one]) for one in wanted]
    targets_BL = pad_sequence(labels, batch_first=True).to(log_probs_BSV.device)
    counts_B = torch.tensor(list(map(len, wanted)))
    losses_B = F.ctc_loss(
        # (S, B, V); the blank is label 0, as PyTorch takes it
        log_probs_BSV.transpose(0, 1),
        targets_BL,
        torch.tensor(list(lengths)),
        counts_B,
        reduction="none",
        zero_infinity=True,
    )
    # the 0 that `zero_infinity` puts there would be the best cost of all, and the reward rise as answers shrink
    impossible = [_tokens_needed(one) > length for one, length in zip(wanted, lengths, strict=True)]
    chance = math.log(log_probs_BSV.shape[2])
    return (losses_B / counts_B.to(losses_B.device)).masked_fill(torch.tensor(impossible).to(losses_B.device), chance)


def _tokens_needed(labels: Sequence[str]) -> int:
    """The fewest tokens that say labels: one for each, and a blank between two that are alike."""
    return len(labels) + sum(one == other for one, other in pairwise(labels))


class DiffroTask(RolloutTask):
    """`task = "diffro"`."""

    sections: ClassVar = {"model": PolicySection, "data": RolloutSection, "loss": DiffroLoss}
    needs_phonemes = True

    @property
    def guards_config(self) -> GuardConfig:
        """[loss.guards]."""
        return self.section(DiffroLoss).guards

    def source(self) -> RolloutSource:
        """Numbers of rollouts, one update each."""
        self.recogniser()
        # both are opened here, so that a wrong configuration fails before the first step
        assert self.sampling(0)
        return RolloutSource(self.config.optimizer.micro_batches, 1, self.prompts.digest)

    def recogniser(self) -> TokenRecogniser:
        """The bundle's recogniser, frozen.

        Raises:
            RlError: the bundle has none that can be differentiated.
        """
        found = self.synthesizer.bundle.recogniser
        if not isinstance(found, TokenRecogniser):
            raise RlError("DiffRO needs a bundle with a token recogniser. Train with task = grpo instead.")
        return found

    def loss(self, model: nn.Module, batch: Any, step: int, critic: nn.Module | None = None) -> tuple[Tensor, Metrics]:
        """Mean −log P(wanted) a label over answers, plus kl · KL(π ‖ reference) a draw."""
        assert isinstance(model, Llama)
        started, rollout = time.perf_counter(), int(batch["rollout"])
        self.evaluate_start(model, step)
        prompts = self.asked(rollout)
        seeds = [self.seeds(rollout, place, 0) for place in range(len(prompts))]
        groups = self.decoder.with_policy(model, self.sampling(step))(prompts, seeds)
        taken = time.perf_counter() - started
        longest = self.recogniser().longest
        all_answers = [answer for group in groups for answer in group]
        # the recogniser has no positions for more; figures and guards still see all answers
        answers = [answer for answer in all_answers if len(answer.tokens) <= longest]
        if answers:
            started = time.perf_counter()
            # by the rollout's number, so that a resumed run draws the noise of an unbroken one
            noise = torch.Generator(model.device).manual_seed(answer_seed(self.config.run.seed, rollout))
            loss, metrics = self._objective(model, answers, step, noise)
            metrics["time/forward"] = time.perf_counter() - started
        else:
            loss, metrics = zero_loss(model), dict.fromkeys(ZERO_METRICS, 0.0)
        figures = self.watch(step, all_answers, (), metrics["entropy"] if answers else float("nan"))
        return loss, as_metrics({**metrics, **figures, "time/rollout": taken}, model.device)

    def _objective(
        self, model: Llama, answers: Sequence[Answer], step: int, noise: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        config, temperature = self.section(DiffroLoss), self.sampling(step).temperature
        batch = draw_batch(answers, self.layout, model.device)
        log_probs_NC = self._log_probs(model, batch, temperature)
        with torch.no_grad():
            reference_NC = self._log_probs(self.reference(model.device), batch, temperature)
        codes_N = batch.drawn_N < self.layout.count  # the end of audio is nothing to read
        tokens_NC = relaxed(log_probs_NC, batch.drawn_N, config.softness, config.estimator == "straight", noise)
        lengths = [len(answer.tokens) for answer in answers]
        heard_BSV = read_relaxed(self.recogniser(), tokens_NC[codes_N][:, : self.layout.count], lengths)
        spelling = spelling_loss(heard_BSV, lengths, [answer.segment.phonemes for answer in answers]).mean()
        probs_NC = log_probs_NC.exp()
        # the end of audio is −∞ in both where it was not allowed
        difference_NC = torch.where(probs_NC > 0, log_probs_NC - reference_NC, 0.0)
        # exact, over all choices of a draw, where GRPO estimates it from the one that was drawn (k3)
        kl = (probs_NC * difference_NC).sum(1).mean()
        entropy = torch.special.entr(probs_NC.detach()).sum(1).mean()
        found = {"reward": -spelling, "kl": kl, "entropy": entropy}
        # kl alone holds the policy near the reference: unlike GRPO there is no ratio that is clipped
        return spelling + config.kl * kl, {name: float(value.detach()) for name, value in found.items()}

    def _log_probs(self, model: Llama, batch: DrawBatch, temperature: float) -> Tensor:
        """log-softmax (N, C) at the sampling temperature; the end is left out where it was not allowed."""
        logits_NC = draw_logits(model, self.layout, batch) / temperature
        end = torch.zeros_like(logits_NC, dtype=torch.bool)
        end[:, -1] = batch.least_N
        return logits_NC.masked_fill(end, -torch.inf).log_softmax(1)

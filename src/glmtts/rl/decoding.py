"""Where rollouts are decoded: in this process, or by Ray workers that get the policy's weights for every rollout."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from torch import Tensor

from glmtts.errors import RlError
from glmtts.lm.model import Llama
from glmtts.lm.request import SamplingConfig
from glmtts.rl.policy import bundle_of, new_policy, own_device, plain_weights
from glmtts.rl.prompts import Prompt
from glmtts.rl.rollout import Answer, roll_out
from glmtts.rl.settings import PolicySection, RolloutSection
from glmtts.synthesis.segment import Prompter
from glmtts.text.audio_tokens import AudioTokens

Decode = Callable[[Sequence[Prompt], Sequence[Sequence[int]]], list[list[Answer]]]


class Decoder(Protocol):
    """Decodes prompts with a policy as it stands."""

    def with_policy(self, model: Llama, sampling: SamplingConfig) -> Decode:
        """What decodes prompts, with the seeds of their answers, by these weights."""
        ...


class LocalDecoder:
    """Decodes in this process."""

    def __init__(self, prompter: Prompter, layout: AudioTokens, capacity: int) -> None:
        self.prompter, self.layout, self.capacity = prompter, layout, capacity

    def with_policy(self, model: Llama, sampling: SamplingConfig) -> Decode:
        """See `Decoder`."""

        def decode(prompts: Sequence[Prompt], seeds: Sequence[Sequence[int]]) -> list[list[Answer]]:
            return roll_out(model, self.layout, self.prompter, prompts, sampling, seeds, self.capacity)

        return decode


class RayDecoder:
    """Decodes in Ray workers, each with a part of the prompts; a worker that dies is started again.

    Answers depend on prompts, seeds and weights alone, so a lost part is decoded again and is the same.
    """

    def __init__(self, policy: PolicySection, section: RolloutSection) -> None:
        self._ray = _ray()
        worker: Any = self._ray.remote(max_restarts=-1, max_task_retries=3)(RolloutWorker)
        # workers are sent merged weights, so their policy has no adapters to fill
        plain = policy.model_copy(update={"lora_rank": None})
        self._workers: list[Any] = [worker.remote(plain, section.capacity) for _ in range(section.ray_workers)]

    def with_policy(self, model: Llama, sampling: SamplingConfig) -> Decode:
        """See `Decoder`; the weights are put into Ray's store once."""
        weights = self._ray.put(plain_weights(model))

        def decode(prompts: Sequence[Prompt], seeds: Sequence[Sequence[int]]) -> list[list[Answer]]:
            count = len(self._workers)
            parts = [
                worker.roll_out.remote(weights, list(prompts[n::count]), [list(s) for s in seeds[n::count]], sampling)
                for n, worker in enumerate(self._workers)
            ]
            found: list[list[Answer]] = [[] for _ in prompts]
            for number, part in enumerate(self._ray.get(parts)):
                found[number::count] = part  # undoes prompts[n::count]
            return found

        return decode


class RolloutWorker:
    """What a Ray worker holds: a policy that takes the learner's weights."""

    def __init__(self, policy: PolicySection, capacity: int) -> None:
        import glmtts.tasks  # noqa: F401, tells this process how bundles are read

        self._model = new_policy(policy).to(own_device()).eval().requires_grad_(False)
        bundle = bundle_of(policy)
        self._local = LocalDecoder(Prompter(bundle.frontend(), bundle.audio_tokens), bundle.audio_tokens, capacity)

    def roll_out(
        self,
        weights: dict[str, Tensor],
        prompts: Sequence[Prompt],
        seeds: Sequence[Sequence[int]],
        sampling: SamplingConfig,
    ) -> list[list[Answer]]:
        """Answers to prompts by a policy of these weights."""
        self._model.load_state_dict(weights)
        return self._local.with_policy(self._model, sampling)(prompts, seeds) if prompts else []


def decoder(section: RolloutSection, policy: PolicySection, prompter: Prompter, layout: AudioTokens) -> Decoder:
    """What the configuration asks for."""
    if section.ray_workers:
        return RayDecoder(policy, section)
    return LocalDecoder(prompter, layout, section.capacity)


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise RlError("Workers need Ray. Install it with: pip install '.[ray]'") from None
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    return ray

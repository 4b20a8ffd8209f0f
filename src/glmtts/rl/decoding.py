"""Where rollouts are decoded: in this process, or by Ray workers that get the policy's weights for every rollout."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from torch import Tensor

from glmtts.device import chosen_device
from glmtts.errors import BundleError, GlmTtsError, RlError
from glmtts.lm.model import Llama
from glmtts.lm.request import SamplingConfig
from glmtts.rl.policy import bundle_of, new_policy, plain_weights
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
            try:
                return roll_out(model, self.layout, self.prompter, prompts, sampling, seeds, self.capacity)
            except BundleError as error:  # its sentence asks to install the model again
                raise RlError(
                    "The policy computes no finite numbers any more. Begin a new run with a lower "
                    "optimizer.learning_rate."
                ) from error

        return decode


class RayDecoder:
    """Decodes in Ray workers, each with a part of the prompts; a worker that dies is started again.

    Answers depend on prompts, seeds and weights alone, so a lost part is decoded again and is the same.
    """

    def __init__(self, policy: PolicySection, section: RolloutSection, device: str = "auto") -> None:
        """Start the workers, on GPUs where `device` (`distributed.device`) is one, as far as the cluster has any.

        Raises:
            RlError: Ray is not installed, or the run asks for GPUs and the cluster has none.
        """
        self._ray, count = _ray(), section.ray_workers
        gpus = 0.0 if chosen_device(device).type != "cuda" else self._ray.cluster_resources().get("GPU", 0.0)
        if not gpus and device.startswith("cuda"):
            raise RlError("The Ray cluster has no GPU for rollouts. Add machines, or set data.ray_workers = 0.")
        each = gpus_each(gpus, count * int(os.environ.get("WORLD_SIZE", "1")))  # each process has workers of its own
        # restarts without end; a call that its worker took along is made again, three times at most
        worker: Any = self._ray.remote(max_restarts=-1, max_task_retries=3, num_gpus=each)(RolloutWorker)
        # workers are sent merged weights, so their policy has no adapters to fill
        plain = policy.model_copy(update={"lora_rank": None})
        where = "cuda" if each else "cpu"  # Ray shows a worker its own GPU alone, whatever its number
        self._workers: list[Any] = [worker.remote(plain, section.capacity, where) for _ in range(count)]

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
            for number, part in enumerate(self._answers(parts)):
                found[number::count] = part  # undoes prompts[n::count]
            return found

        return decode

    def _answers(self, parts: Sequence[Any]) -> list[list[list[Answer]]]:
        """What the workers found.

        Raises:
            RlError: one failed, or died however often it was started again.
        """
        errors = self._ray.exceptions
        try:
            answers: list[list[list[Answer]]] = self._ray.get(list(parts))
        except errors.RayTaskError as error:
            cause = error.cause
            sentence = str(cause) if isinstance(cause, GlmTtsError) else f"{type(cause).__name__}: {cause}"
            raise RlError(f"A rollout worker failed: {sentence}") from None
        except errors.RayActorError as error:
            raise RlError(
                f"A rollout worker dies again and again ({type(error).__name__}). If memory ran out, set a lower "
                "data.capacity or fewer data.ray_workers; the same command goes on."
            ) from None
        return answers


def gpus_each(gpus: float, workers: int) -> float:
    """What each of some workers asks of a cluster's GPUs: one, or where they are fewer a part, as Ray wants it."""
    if gpus >= workers:
        return 1.0
    if gpus < 1:
        return 0.0
    # Ray would wait for ever for more than there is. A part is of one GPU, and counted in ten thousandths
    sharing = -(-workers // int(gpus))
    return (10_000 // sharing) / 10_000


class RolloutWorker:
    """What a Ray worker holds: a policy on `device` that takes the learner's weights."""

    def __init__(self, policy: PolicySection, capacity: int, device: str) -> None:
        import glmtts.tasks  # noqa: F401, tells this process how bundles are read

        # not `own_device`: the learner's LOCAL_RANK may be in the environment, and counts the learner's GPUs
        self._model = new_policy(policy).to(chosen_device(device)).eval().requires_grad_(False)
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
        # copied: tensors from Ray's store lie in shared memory, which must not be written
        self._model.load_state_dict(weights)
        # resampling may leave fewer prompts than there are workers
        return self._local.with_policy(self._model, sampling)(prompts, seeds) if prompts else []


def decoder(
    section: RolloutSection, policy: PolicySection, prompter: Prompter, layout: AudioTokens, device: str = "auto"
) -> Decoder:
    """What the configuration asks for; `device` is `distributed.device`, where workers decode."""
    if section.ray_workers:
        return RayDecoder(policy, section, device)
    return LocalDecoder(prompter, layout, section.capacity)


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise RlError("Workers need Ray. Install it with: pip install '.[ray]'") from None
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    return ray

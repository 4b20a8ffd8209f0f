"""Whether recordings serve to train a voice, before a minute of training: what is used, what is not, and why.

Limits were set on the corpora that mini was made from and measured with. Each has its margin there: of seven corpora no
recording fails for its signal but those that a telephone codec has cut at 3.4 kHz.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from pydantic import Field

from glmtts.config import StrictConfig
from glmtts.errors import VoiceError
from glmtts.voices.takes import Take

SHOWN = 20  # recordings that the report lists by name
COPIES = "copies of others"
SAME_MEL = 0.1  # of a log-mel, on average: a recording as MP3 has 0.07, 10 ms later 0.3, another 1.8 (ljspeech)


class Limits(StrictConfig):
    """What a recording must be, and how much of them must be left.

    `max_clipped` is a share of samples, `max_nll` in nats a phoneme (right texts of strangers to the model cost 0.1 to
    2.5, wrong ones 5 and more), `min_similarity` the cosine of speaker embeddings to their mean (one speaker 0.7 to
    0.98, two 0.4), `max_steadiness` that of signal.py (speech at most 0.42, 0.63 through a telephone; music mostly 0.7
    and more). Where more than `max_dropped` of the recordings are dropped for one reason, the folder as a whole is
    taken to be wrong.
    """

    min_minutes: float = 3.0
    min_bandwidth_hz: float = 5000.0  # a telephone's codec ends at 3.4 kHz
    max_clipped: float = 0.005
    min_snr_db: float = 15.0
    max_steadiness: float = 0.68  # between speech through a telephone, 0.63, and most music
    max_nll: float = 4.0
    max_clause_nll: float = 1.5
    min_similarity: float = 0.65  # between two speakers, 0.4, and the least of one, 0.7
    max_dropped: float = Field(default=0.3, gt=0, le=1)


@dataclass(frozen=True)
class Dropped:
    """A take that is not used, why, and what to do about it; `kind` is the reason in a word or two."""

    take: Take
    kind: str
    why: str


@dataclass(frozen=True)
class Report:
    """What is used and what is not."""

    used: Sequence[Take]
    dropped: Sequence[Dropped]

    @property
    def minutes(self) -> float:
        """Of the recordings in use; clauses that were cut out of them do not count again."""
        return sum(take.signal.seconds for take in self.used if take.parent == take.id) / 60

    def text(self) -> str:
        """The report in plain text."""
        whole = [take for take in self.used if take.parent == take.id]
        lines = [f"{len(whole)} recordings of {self.minutes:.1f} minutes are used"]
        lines[0] += f", and {len(self.used) - len(whole)} short clauses cut out of them." if whole else "."
        if whole:
            lines.append(_medians(whole))
        main = [one for one in self.dropped if one.take.parent == one.take.id]
        counts = Counter(one.kind for one in main)
        if counts:
            kinds = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
            lines.append(f"{len(main)} are not used: {kinds}.")
        lines += [f"  {one.take.id}: {one.why}" for one in main[:SHOWN]]
        if len(main) > SHOWN:
            lines.append(f"  … and {len(main) - SHOWN} more")
        return "\n".join(lines)


def _medians(takes: Sequence[Take]) -> str:
    def middle(values: list[float]) -> float:
        return float(torch.tensor(values).median())

    signals = [take.signal for take in takes]
    costs = [take.nll for take in takes if take.nll is not None]
    agreement = f", {middle(costs):.2f} nats a phoneme between sound and text" if costs else ""
    return (
        f"Medians: {middle([s.seconds for s in signals]):.1f} s long, {middle([s.snr_db for s in signals]):.0f} dB "
        f"above the noise, sound up to {middle([s.bandwidth_hz for s in signals]):.0f} Hz{agreement}."
    )


def check(takes: Sequence[Take], limits: Limits) -> Report:
    """Divide takes into those that train and those that do not."""
    dropped, left = [], []
    for take in takes:
        found = _fault(take, limits)
        if found is None:
            left.append(take)
        else:
            dropped.append(Dropped(take, *found))
    copies = _copies(left)
    dropped += copies
    single = [take for take in left if take.id not in {one.take.id for one in copies}]
    strangers = _strangers(single, limits)
    dropped += [Dropped(take, "of another speaker", why) for take, why in strangers]
    gone = {one.take.id for one in dropped}
    # a clause goes with the recording that it was cut out of
    kept = [take for take in left if take.id not in gone and take.parent not in gone]
    return Report(kept, dropped)


def _fault(take: Take, limits: Limits) -> tuple[str, str] | None:
    """The first reason against a take by itself, in a word or two and in a sentence."""
    signal, most_nll = take.signal, limits.max_nll if take.parent == take.id else limits.max_clause_nll
    if not len(take.tokens):
        kind = "silent" if take.problem == "silent" else "unreadable, too short or too long"
        return kind, take.problem
    # the signal before the text: bad sound is read badly too, and the sentence should name the cause
    if signal.clipped > limits.max_clipped:
        return (
            "clipped",
            f"{100 * signal.clipped:.1f} % of its samples are cut off; record it at a lower level",
        )
    if signal.steadiness > limits.max_steadiness:
        return "music", f"sounds like music (steadiness {signal.steadiness:.2f}); give speech alone"
    if signal.bandwidth_hz < limits.min_bandwidth_hz:
        return "of a telephone's bandwidth", f"holds nothing above {signal.bandwidth_hz:.0f} Hz; use the original file"
    if signal.snr_db < limits.min_snr_db:
        return "noisy", f"only {signal.snr_db:.0f} dB above its noise; record it in a quieter room, or denoise it"
    if take.problem:
        return "without a readable text", take.problem
    # not (≤) rather than >: a cost that is NaN fails too
    if take.nll is not None and not take.nll <= most_nll:
        return "unlike their texts", f"does not say its text ({take.nll:.1f} nats a phoneme); correct the text"
    return None


def _copies(takes: Sequence[Take]) -> list[Dropped]:
    """Whole recordings whose sound and text another one has, as a file that lies there twice or in two formats.

    One of two that is held out would be learnt by heart with the other, and tell nothing of when to stop.
    """
    known, found = dict[tuple[str, tuple[int, ...]], list[Take]](), []
    for take in takes:
        if take.parent != take.id or not len(take.tokens):
            continue
        alike = known.setdefault((take.text, tuple(take.tokens.tolist())), [])
        # tokens first, which are quick to compare; alone they are the same of some short recordings that are two
        if first := next((one for one in alike if _same_sound(one, take)), None):
            found.append(Dropped(take, COPIES, f"is a copy of {first.id}; leave one of them out"))
        else:
            alike.append(take)
    return found


def _same_sound(one: Take, other: Take) -> bool:
    """Whether the mels of two takes of as many tokens differ by no more than coding without loss makes them."""
    return float((one.mel.float() - other.mel.float()).abs().mean()) < SAME_MEL


def _strangers(takes: Sequence[Take], limits: Limits) -> list[tuple[Take, str]]:
    """Whole recordings whose speaker is not that of most others.

    The centre is the mean of those that are alike the recording which most are alike, so that a second speaker does not
    pull it.
    """
    whole = [take for take in takes if take.parent == take.id]
    if len(whole) < 2:
        return []
    embeddings_ND = torch.stack([take.embedding for take in whole])
    # cosines, as the embeddings have length 1
    alike_NN = embeddings_ND @ embeddings_ND.T
    centre = int((alike_NN > limits.min_similarity).sum(1).argmax())
    mean_D = torch.nn.functional.normalize(embeddings_ND[alike_NN[centre] > limits.min_similarity].mean(0), dim=0)
    found = []
    for take, similarity in zip(whole, (embeddings_ND @ mean_D).tolist(), strict=True):
        if similarity < limits.min_similarity:
            found.append((take, f"sounds unlike most others (similarity {similarity:.2f}); give one speaker alone"))
    return found


def refuse(report: Report, limits: Limits) -> None:
    """Refuse a folder that does not serve as a whole.

    Raises:
        VoiceError: too little is left, or too much fails for one reason; the sentence says which and what to do.
    """
    # recordings alone: clauses are cut out by us, and their faults are none of the user's; copies say little
    main = [one for one in report.dropped if one.take.parent == one.take.id and one.kind != COPIES]
    counts = Counter(one.kind for one in main)
    every = len(main) + sum(take.parent == take.id for take in report.used)
    worst = counts.most_common(1)[0] if counts else ("", 0)
    # before the minutes that are left: that so many fail for one reason says why they are few
    if worst[1] > limits.max_dropped * every:
        example = next(one for one in main if one.kind == worst[0])
        raise VoiceError(
            f"Nothing is trained: {worst[1]} of {every} recordings are {worst[0]}. {example.take.id}: {example.why}."
        )
    if report.minutes < limits.min_minutes:
        raise VoiceError(
            f"Nothing is trained: {60 * report.minutes:.0f} s of recordings can be used, and a voice needs "
            f"{limits.min_minutes:g} minutes or more, better 20 to 60. Add recordings, or clone: say --voice FILE."
        )

"""The account of every source: each of its samples is kept, or dropped at a stage for a reason, exactly once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from glmtts.data.pipeline.clips import Source, Span, merged
from glmtts.data.pipeline.stage import Decision
from glmtts.errors import DataError


@dataclass
class Account:
    """What became of one source: samples kept, and samples dropped by (stage, reason).

    `refused` says why nothing of a file could be read; it then has no samples.
    """

    number: int
    source: Source
    refused: str = ""
    note: str = ""
    kept: int = 0
    dropped: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    spans: list[Span] = field(default_factory=list)

    def drop(self, decision: Decision) -> None:
        """Count a dropped span."""
        self.dropped[decision.stage, decision.reason] += decision.span.samples
        self.spans.append(decision.span)

    def keep(self, spans: Iterable[Span]) -> None:
        """Count the spans of a clip that reached the shards."""
        for span in spans:
            self.kept += span.samples
            self.spans.append(span)

    def check(self) -> None:
        """See that the spans are the whole source, each sample once.

        Raises:
            DataError: names the source and the difference; nothing of its window is published.
        """
        whole = (Span(self.source.id, 0, self.source.samples),) if self.source.samples else ()
        # both: the spans are whole and without overlap, and the sums by reason agree with them
        if merged(sorted(self.spans)) == whole and self.kept + sum(self.dropped.values()) == self.source.samples:
            return
        counted = sum(span.samples for span in self.spans)
        raise DataError(
            f"The ledger of {self.source.path} does not add up: {counted} samples are accounted for, it has "
            f"{self.source.samples}. This is a fault of the pipeline; please report it with the configuration."
        )


class Ledger:
    """The accounts of a window."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self.accounts = list(accounts)
        # files without samples all have the empty id
        self._by_source = {one.source.id: one for one in self.accounts if one.source.samples}

    def of(self, source: str) -> Account:
        """The account of a source by its id."""
        return self._by_source[source]

    def check(self) -> None:
        """Check every account. Raises DataError where one does not add up."""
        for account in self.accounts:
            account.check()

    def drops(self) -> dict[str, dict[str, int]]:
        """Dropped samples by stage and reason."""
        sums: dict[str, dict[str, int]] = {}
        for account in self.accounts:
            for (stage, reason), samples in account.dropped.items():
                reasons = sums.setdefault(stage, {})
                reasons[reason] = reasons.get(reason, 0) + samples
        return sums

    def refused(self) -> dict[str, int]:
        """Files that could not be read, by reason."""
        sums: dict[str, int] = defaultdict(int)
        for account in self.accounts:
            if account.refused and not account.source.samples:
                sums[account.refused] += 1
        return dict(sums)


def added(sums: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    """The sums of several windows as one."""
    total: dict[str, dict[str, int]] = {}
    for one in sums:
        for stage, reasons in one.items():
            mine = total.setdefault(stage, {})
            for reason, samples in reasons.items():
                mine[reason] = mine.get(reason, 0) + samples
    return total

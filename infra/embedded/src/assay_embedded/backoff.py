"""How long to wait before a part that died is started again."""

from dataclasses import dataclass


@dataclass
class Backoff:
    """Doubles with every failure up to a limit; a part that ran for a while starts from the beginning."""

    first_s: float = 0.5
    limit_s: float = 30.0
    forgive_after_s: float = 60.0
    failures: int = 0

    def next_s(self, *, ran_s: float) -> float:
        if ran_s >= self.forgive_after_s:
            self.failures = 0
        delay = min(self.limit_s, self.first_s * 2 ** min(self.failures, 16))
        self.failures += 1
        return delay

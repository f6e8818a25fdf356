"""Shares with their exact intervals."""

from dataclasses import dataclass

from scipy import special


@dataclass(frozen=True, slots=True)
class Share:
    """How often something happened, with its exact 95 % interval (Clopper and Pearson 1934)."""

    times: int
    of: int

    @property
    def share(self) -> float:
        return self.times / self.of

    @property
    def interval(self) -> tuple[float, float]:
        low = float(special.betaincinv(self.times, self.of - self.times + 1, 0.025)) if self.times else 0.0
        high = float(special.betaincinv(self.times + 1, self.of - self.times, 0.975)) if self.times < self.of else 1.0
        return low, high

    def as_json(self) -> dict[str, object]:
        return {"times": self.times, "of": self.of, "share": self.share, "interval": list(self.interval)}

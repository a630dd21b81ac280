"""One measurement."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measurement beside its target and the limit of this machine, in the same unit."""

    name: str
    unit: str
    value: float
    target: float
    limit: float
    limit_is: str

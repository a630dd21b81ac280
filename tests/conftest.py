"""What a network cannot show (`cannot` of its class) is not collected, and stands in a table at the end."""

from __future__ import annotations

import pytest

LEFT_OUT = pytest.StashKey[dict[str, str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = {item: why for item in items if (why := _why_not(item)) is not None}
    config.stash[LEFT_OUT] = {f"{_class(item).__name__}.{item.name}": why for item, why in reasons.items()}
    items[:] = [item for item in items if item not in reasons]
    config.hook.pytest_deselected(items=list(reasons))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(LEFT_OUT, {})
    if left_out:
        terminalreporter.section("what a network cannot show")
        for case, why in left_out.items():
            terminalreporter.line(f"{case}: {why}")


def _class(item: pytest.Item) -> type:
    return getattr(item, "cls", None) or type(None)


def _why_not(item: pytest.Item) -> str | None:
    cannot: dict[str, str] = getattr(_class(item), "cannot", {})
    return next(
        (why for name, why in cannot.items() if item.name == name or item.name.startswith(f"{name}[")), None
    )

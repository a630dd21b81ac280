"""The bridge's figures in the format of Prometheus, gathered when somebody asks for them.

Labels are names of the config (networks, chats) and words of our own: no handle, no post, no secret is ever one.
`docs/operators.md` tells what each is for, and what to be woken by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.process_collector import ProcessCollector

from bridge.chat.state import Arrived, Event
from bridge.model import SECOND, Final, Network, RetryLater, Unclear

if TYPE_CHECKING:
    from bridge.engine import Engine
    from bridge.journal import Batch
    from bridge.outbox import Outbox
    from bridge.supervise import Supervisor

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

STATES = ("ready", "opening", "down", "refused")
# Real seconds until a batch is on disk: from a good SSD to a disk that is about to fail.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types; a second figure for each counter that nobody asked for


class Metrics:
    """The figures of one running bridge. Counters begin with the process."""

    def __init__(self, engine: Engine, outbox: Outbox, supervisor: Supervisor) -> None:
        self._engine = engine
        self._outbox = outbox
        self._supervisor = supervisor
        self._events: Counter[str] = Counter()
        self._outcomes: Counter[tuple[Network, str]] = Counter()
        self._set_aside = 0
        self._registry = CollectorRegistry()
        self._commit = Histogram(
            "chatbridge_commit_seconds",
            "Seconds until a batch of events was on disk",
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    # ------------------------------------------------------------ being told

    def committed(self, batch: Batch, seconds: float) -> None:
        """A batch is on disk; it took so many real seconds."""
        self._commit.observe(seconds)
        self._events.update(_kind(recorded.event) for recorded in batch.events)
        self._set_aside += len(batch.quarantine)

    def came(self, network: Network, outcome: Final | RetryLater | Unclear) -> None:
        """A try, or an order, came to this."""
        self._outcomes[network, _spoken(type(outcome).__name__)] += 1

    # ------------------------------------------------------------ telling

    def text(self) -> bytes:
        """Everything, as `/metrics` gives it."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """For the registry: what is counted, and how things are at this moment."""
        counted = CounterMetricFamily
        yield _filled(
            counted("chatbridge_events", "Events journalled", labels=["kind"]),
            (((kind,), number) for kind, number in self._events.items()),
        )
        yield _filled(
            counted("chatbridge_outcomes", "What orders and tries came to", labels=["network", "kind"]),
            self._outcomes.items(),
        )
        set_aside = counted("chatbridge_set_aside", "Arrivals and events the bridge stumbled over")
        set_aside.add_metric([], self._set_aside)
        yield set_aside
        yield from self._links()
        yield from self._work()

    def _links(self) -> Iterator[Metric]:
        """How the networks are."""
        healths, now = self._supervisor.health(), self._engine.clock.now()
        yield _filled(
            _gauge("link_state", "1 for the state a network's link is in", "network", "state"),
            (((h.network, state), float(h.state == state)) for h in healths for state in STATES),
        )
        yield _filled(
            _gauge("link_since_seconds", "Seconds since a link came into its state", "network"),
            (((h.network,), (now - h.since) / SECOND) for h in healths),
        )
        yield _filled(
            _gauge("lag_seconds", "Seconds since a network was last heard", "network"),
            (((h.network,), (now - h.last) / SECOND) for h in healths if h.last),
        )
        yield _filled(
            _gauge("budget_left", "Requests or points a network still allows", "network", "budget"),
            (
                ((network, name), float(left))
                for network, budgets in self._supervisor.budgets().items()
                for name, left in budgets.items()
            ),
        )

    def _work(self) -> Iterator[Metric]:
        """What waits, and what there is."""
        depth = _gauge("queue_depth", "Arrivals and events that wait to be decided")
        depth.add_metric([], self._engine.depth)
        yield depth
        yield _filled(
            _gauge("orders_waiting", "Orders that are not settled", "network", "lane"),
            self._outbox.depths().items(),
        )
        yield _filled(
            _gauge("entries", "Entries of a chat's timeline", "chat"),
            (((chat.id,), len(chat.timeline.entries)) for chat in self._engine.session.state.chats.values()),
        )
        size = _gauge("journal_bytes", "Size of the journal with its write-ahead log")
        size.add_metric([], _size(self._engine.journal.path))
        yield size


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"chatbridge_{name}", about, labels=list(labels))


def _filled(
    family: CounterMetricFamily | GaugeMetricFamily, samples: Iterable[tuple[tuple[str, ...], float]]
) -> Metric:
    for labels, value in samples:
        family.add_metric(list(labels), value)
    return family


def _kind(event: Event) -> str:
    """What an event is: of an arrival, what arrived."""
    return _spoken(type(event.what if isinstance(event, Arrived) else event).__name__)


def _spoken(name: str) -> str:
    """ "RetryLater" as labels are written: "retry_later"."""
    return "".join(f"_{c.lower()}" if c.isupper() and n else c.lower() for n, c in enumerate(name))


def _size(journal: Path) -> int:
    files = (journal, journal.with_name(f"{journal.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())

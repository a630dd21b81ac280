"""One chat in several processes, over a broker (MQTT 5) that the community already runs.

`link.RemoteAdapter` is an adapter whose real half, `serving.Server`, runs in another process, container or host;
`feed.PublicFeed` puts what the page shows where displays and automations can read it. Importing this does not import
the client library.
"""

from __future__ import annotations

from bridge.model import Network
from bridge.ports import Adapter, Beside, Clock, Mqtt, PublicFeed, SessionStore, Transport, Views


class _Mqtt:
    """`bridge.ports.Transport`."""

    def remote(self, name: Network, mqtt: Mqtt, journal: str, epoch: int, clock: Clock) -> Adapter:
        from adapters.mqtt.link import RemoteAdapter

        return RemoteAdapter(name, mqtt, journal, epoch, clock)

    def beside(
        self, adapter: Adapter, mqtt: Mqtt, sessions: SessionStore, memory: SessionStore, clock: Clock
    ) -> Beside:
        from adapters.mqtt.serving import Server

        return Server(adapter, mqtt, sessions, memory, clock)

    def feed(self, mqtt: Mqtt, views: Views, delay_seconds: float, clock: Clock) -> PublicFeed:
        from adapters.mqtt.feed import PublicFeed

        return PublicFeed(mqtt, views, delay_seconds, clock)


transport: Transport = _Mqtt()

"""One chat in several processes, over a broker (MQTT 5) that the community already runs.

`RemoteAdapter` is an adapter whose real half `serve` runs in another process, container or host; `PublicFeed` puts
what the page shows where displays and automations can read it. Importing this does not import the client library.
"""

from __future__ import annotations

from adapters.mqtt.broker import Mqtt
from adapters.mqtt.feed import PublicFeed
from adapters.mqtt.remote import RemoteAdapter
from adapters.mqtt.serving import serve

__all__ = ["Mqtt", "PublicFeed", "RemoteAdapter", "serve"]

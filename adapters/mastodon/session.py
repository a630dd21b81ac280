"""The HTTP session handed to Mastodon.py: keeps each answer, and knows its sockets."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from adapters.mastodon.rest import Answer, Sockets


class Session(requests.Session):
    """`answer`: the last one, whole; the SDK is shown its status and headers with an empty body.

    `sockets` learns every connection made, so that they can be shut from outside.
    """

    def __init__(self, sockets: Sockets) -> None:
        super().__init__()
        self.answer: Answer | None = None
        self.max_redirects = 3
        adapter = _Adapter(sockets)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        answer = super().request(*args, **kwargs)
        self.answer = Answer(answer.status_code, answer.headers, answer.content)
        if not answer.ok:
            return answer
        shown = requests.Response()
        shown.status_code, shown.reason, shown.request = answer.status_code, answer.reason, answer.request
        shown._content, shown.encoding = b"{}", "utf-8"
        return shown


class _Adapter(HTTPAdapter):
    """Lets every pool tell of its connections. Never retries: that is the bridge's to decide."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        sockets = self._sockets

        class Plain(HTTPConnection):
            def connect(self) -> None:
                sockets.add(self)
                super().connect()

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                sockets.add(self)
                super().connect()

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

"""The real Bluesky as a process of its own, and its accounts."""

from __future__ import annotations

import http.client
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

from tests.peers import installed

HERE = Path(__file__).parent
PATIENCE = 120.0  # real seconds an answer may take on a busy machine

ADMIN = "Basic " + b64encode(b"admin:admin-pass").decode()  # dev-env's

Json = dict[str, Any]


class XrpcError(Exception):
    """What a server refused. `error` is its name for it."""

    def __init__(self, status: int, body: Json) -> None:
        self.status = status
        self.error = str(body.get("error"))
        self.message = str(body.get("message"))
        super().__init__(f"{status} {self.error}: {self.message}")


class Api:
    """One server, spoken to without the bridge's SDK. Blocking: people write while the loop stands still, as
    they do on the stand-ins."""

    def __init__(self, url: str) -> None:
        self._server = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)

    def close(self) -> None:
        """Hang up."""
        self._server.close()

    def query(self, method: str, token: str = "", **params: Any) -> Json:
        """GET /xrpc/METHOD. Raises XrpcError."""
        return _json(self.file(method, token, **params))

    def procedure(self, method: str, token: str = "", **body: Any) -> Json:
        """POST /xrpc/METHOD. Raises XrpcError."""
        return self.send(method, token, json.dumps(body).encode(), "application/json")

    def send(self, method: str, token: str, data: bytes, mime: str) -> Json:
        """`procedure` with any body."""
        return _json(self._ask("POST", method, token, data, {"Content-Type": mime}))

    def file(self, method: str, token: str = "", **params: Any) -> bytes:
        """`query` for any answer."""
        return self._ask("GET", f"{method}?{urlencode(params, doseq=True)}", token, None, {})

    def _ask(self, verb: str, path: str, token: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        if token:
            headers["Authorization"] = token if " " in token else f"Bearer {token}"
        try:
            self._server.request(verb, f"/xrpc/{path}", body, headers)
            response = self._server.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):  # kept open for longer than the server does
            self._server.close()
            self._server.request(verb, f"/xrpc/{path}", body, headers)
            response = self._server.getresponse()
        answer = response.read()
        if response.status != 200:
            raise XrpcError(response.status, _json(answer))
        return answer


def _json(answer: bytes) -> Json:
    """An answer may be empty."""
    return json.loads(answer) if answer.strip() else {}


@dataclass
class Account:
    """An account of the PDS, with a session of its own. `short`: what its people call it."""

    did: str
    handle: str
    short: str
    token: str


class Network:
    """A running Bluesky. `seq`: how far its stream of commits has been read."""

    def __init__(self, pds: str, appview: str) -> None:
        self.pds, self.appview = pds, appview
        self.seq = 0
        self.api, self._public = Api(pds), Api(appview)
        self._serial = 0

    def close(self) -> None:
        """Hang up on both servers."""
        self.api.close()
        self._public.close()

    def account(self, short: str) -> Account:
        """Make an account. Each has another handle, however often it is asked for."""
        self._serial += 1
        name = f"{short.lower()}-{self._serial}"
        body = {"handle": f"{name}.test", "email": f"{name}@mail.example", "password": f"simulated-{name}"}
        made = self.api.procedure("com.atproto.server.createAccount", **body)
        return Account(made["did"], made["handle"], short, made["accessJwt"])

    def app_password(self, account: Account) -> str:
        made = self.api.procedure("com.atproto.server.createAppPassword", account.token, name="chatbridge")
        return str(made["password"])

    def delete_account(self, did: str) -> None:
        """As an account's own deletion, without the letter that confirms it."""
        self.api.procedure("com.atproto.admin.deleteAccount", ADMIN, did=did)

    def put(self, account: Account, collection: str, rkey: str, record: Json) -> Json:
        """Write a record. Raises XrpcError."""
        where = {"repo": account.did, "collection": collection, "rkey": rkey}
        return self.api.procedure("com.atproto.repo.putRecord", account.token, **where, record=record)

    def delete(self, account: Account, collection: str, rkey: str) -> Json:
        """Take a record away."""
        where = {"repo": account.did, "collection": collection, "rkey": rkey}
        return self.api.procedure("com.atproto.repo.deleteRecord", account.token, **where)

    def upload(self, account: Account, picture: bytes) -> Json:
        """Store a PNG; gives what a record holds of it."""
        made = self.api.send("com.atproto.repo.uploadBlob", account.token, picture, "image/png")
        return dict(made["blob"])

    def blob(self, did: str, cid: str) -> bytes:
        """A file that a record of this account refers to."""
        return self.api.file("com.atproto.sync.getBlob", did=did, cid=cid)

    def shown(self, method: str, **params: Any) -> Json:
        """What the AppView answers to somebody who is not logged in."""
        return self._public.query(method, **params)

    def indexed(self, account: Account, name: str) -> None:
        """Until the AppView shows an account under its name."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with suppress(XrpcError):
                seen = self.api.query("app.bsky.actor.getProfile", account.token, actor=account.did)
                if seen.get("displayName") == name:
                    return
            time.sleep(0.02)
        raise TimeoutError(f"The AppView does not know {account.handle}")


@contextmanager
def running() -> Iterator[Network]:
    """A network of the real servers, up in some six seconds."""
    folder = Path(tempfile.mkdtemp(prefix="chatbridge-peers-"))
    try:
        with (folder / "log").open("w+") as log, _process(folder, log) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                process.wait(PATIENCE)
                log.seek(0)
                raise RuntimeError(f"Bluesky's servers did not start:\n{log.read()[-3000:]}")
            network = Network(**json.loads(line))
            try:
                yield network
            finally:
                network.close()
            process.stdin.close()
            process.wait(PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _process(folder: Path, log: IO[str]) -> subprocess.Popen[str]:
    owner = _owner(folder)
    programs = installed.postgres()
    assert programs is not None
    preload = ("--import", str(HERE / "loopback.mjs"))
    command = [installed.node(), *preload, HERE / "network.mjs", installed.MODULES, folder, programs, *owner]
    pipe = subprocess.PIPE
    return subprocess.Popen(list(map(str, command)), stdin=pipe, stdout=pipe, stderr=log, text=True)


def _owner(folder: Path) -> list[int]:
    """Folders for each server, and whom Postgres runs as: never root."""
    for name in ("pds", "socket", "postgres"):
        (folder / name).mkdir()
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    folder.chmod(0o711)
    for name in ("socket", "postgres"):
        os.chown(folder / name, user.pw_uid, user.pw_gid)
    return [user.pw_uid, user.pw_gid]

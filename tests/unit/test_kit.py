"""What small adapters are made of: every failure of a request told as the ports ask, wishes before words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web

from bridge.errors import LinkError, NeedsLogin, Unreachable
from bridge.kit import FRESH, PAUSE, Access, Intake, Kind, Rest, unsettled, wishes
from bridge.model import (
    Author,
    AuthorKnown,
    Capabilities,
    Edited,
    Interest,
    Limits,
    Micros,
    Opened,
    Post,
    Ref,
    RetryLater,
    Text,
    Unclear,
    What,
    Wishes,
    Written,
)
from bridge.ports import Link

SECRET = "s3cret-0123456789"


class Hours:
    """Chat time as a test sets it."""

    def __init__(self) -> None:
        self.time: Micros = 1_000_000

    def now(self) -> Micros:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing waits here")

    def timeout(self, seconds: float) -> float:
        return seconds


class Server:
    """Answers as it is told and keeps what was asked."""

    def __init__(self, status: int, body: str, headers: Mapping[str, str]) -> None:
        self._answer = status, body, headers
        self.asked: list[tuple[str, str]] = []
        self.logins: list[str | None] = []
        self.hung = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.raw_path))
        self.logins.append(request.headers.get("Authorization"))
        status, body, headers = self._answer
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        if status == -1:
            await self.hung.wait()
        return web.Response(status=max(status, 200), text=body, headers=headers)


@asynccontextmanager
async def serving(
    status: int, body: str = "{}", headers: Mapping[str, str] = {}, **login: Any
) -> AsyncIterator[tuple[Server, Rest]]:
    server = Server(status, body, headers)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with Rest.open(f"http://127.0.0.1:{runner.addresses[0][1]}/api/", Hours(), **login) as rest:
            yield server, rest
    finally:
        server.hung.set()
        await runner.cleanup()


async def test_an_answer_is_data_and_a_no_is_an_answer() -> None:
    async with serving(201, '["yes"]') as (_, rest):
        answer = await rest.ask("POST", "posts", body={"words": "hello"})
        assert (answer.ok, answer.data) == (True, ["yes"])
    async with serving(409, '{"error": "conflict"}') as (_, rest):
        answer = await rest.ask("PUT", "posts", "1", body={})
        assert (answer.ok, answer.status, answer.data["error"]) == (False, 409, "conflict")
    async with serving(200, '{"text": "half \\ud83d a pair"}') as (_, rest):
        assert (await rest.ask("GET", "posts", "1")).data == {"text": "half ? a pair"}
    async with serving(204, "") as (_, rest):
        assert (await rest.ask("DELETE", "posts", "1")).data is None


async def test_a_part_of_a_path_stays_one_part() -> None:
    async with serving(200) as (server, rest):
        await rest.ask("GET", "posts", "a/b?c=d#e %2F é", query={"since": "1+2&limit=3"})
        path = "/api/posts/a%2Fb%3Fc%3Dd%23e%20%252F%20%C3%A9?since=1%2B2%26limit%3D3"
        assert server.asked == [("GET", path)]


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "after"),
    [
        (401, f"who is {SECRET}?", {}, NeedsLogin, None),
        (429, "{}", {"Retry-After": "7"}, Unreachable, 7.0),
        (429, "slowly", {}, Unreachable, PAUSE),
        (429, "{}", {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, Unreachable, PAUSE),
        (500, "{}", {}, Unreachable, None),
        (503, "{}", {"Retry-After": "7"}, Unreachable, None),  # it does not say that nothing was done
        (302, "{}", {"Location": "/elsewhere"}, Unreachable, None),
        (200, "<html>", {}, Unreachable, None),
        (200, "[" * 100_000, {}, Unreachable, None),
        (0, "", {}, Unreachable, None),
    ],
)
async def test_every_failure_has_its_name(
    status: int, body: str, headers: dict[str, str], kind: type[LinkError], after: float | None
) -> None:
    async with serving(status, body, headers, bearer=SECRET) as (server, rest):
        with pytest.raises(kind) as failure:
            await rest.ask("PUT", "posts", "1", body={})
        assert len(server.asked) == 1, "no request is made again by itself"
        assert getattr(failure.value, "after", None) == after
        assert "127.0.0.1" in str(failure.value)
        assert SECRET not in f"{failure.value!r} {failure.value.__cause__!r}"


async def test_a_connection_that_was_good_before_is_not_used_twice_for_one_write() -> None:
    async with serving(200) as (server, rest):
        await rest.ask("GET", "posts")
        server._answer = 0, "", {}
        with pytest.raises(Unreachable):
            await rest.ask("PUT", "posts", "1", body={})
        assert [method for method, _ in server.asked] == ["GET", "PUT"]


async def test_patience_ends() -> None:
    async with serving(-1) as (_, rest):
        with pytest.raises(Unreachable, match="TimeoutError"):
            await rest.ask("GET", "posts", patience=0.05)


async def test_nobody_there_and_a_link_that_is_closed() -> None:
    async with serving(200) as (_, rest):
        pass
    with pytest.raises(Unreachable, match="closed"):
        await rest.ask("GET", "posts")
    async with Rest.open("http://127.0.0.1:1", Hours()) as rest:
        with pytest.raises(Unreachable, match="ConnectorError"):
            await rest.ask("GET", "posts")


async def test_the_login_goes_along() -> None:
    for login, header in (
        ({"bearer": SECRET}, f"Bearer {SECRET}"),
        ({"basic": ("ann", "pässword:")}, "Basic YW5uOnDDpHNzd29yZDo="),
        ({}, None),
    ):
        async with serving(200, **login) as (server, rest):
            await rest.ask("GET", "posts")
            assert server.logins == [header]


def test_only_who_was_sent_away_has_done_nothing() -> None:
    assert unsettled(Unreachable("busy", 7.0)) == RetryLater(7.0, "busy")
    assert unsettled(Unreachable("gone")) == Unclear("gone")


# ---------------------------------------------------------------- a platform of its parts


class Settings(msgspec.Struct):
    server: str


class _Open:
    def __init__(self, opened: Opened) -> None:
        self.opened = opened


@asynccontextmanager
async def connect(to: Access[Settings]) -> AsyncIterator[Link]:
    if to.secrets.get("app_token") != SECRET:
        raise NeedsLogin("the password is wrong")
    to.sessions.save(b"a session")
    yield _Open(Opened(to.name, "a", "@ann", Capabilities(Limits(300))))  # type: ignore[misc]  # all that login asks


class Person:
    def __init__(self, answer: str) -> None:
        self._answer = answer
        self.asked: list[tuple[str, bool]] = []
        self.told: list[str] = []

    def say(self, text: str) -> None:
        self.told.append(text)

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        self.asked.append((prompt, secret))
        return self._answer


async def test_logging_in_asks_for_each_secret_and_tries_them() -> None:
    kind = Kind("Notice board", Settings, connect, Limits(300), secrets=("app_token",))
    person = Person(SECRET)
    kept = await kind.login("board", Settings("https://board.example"), person, Hours())
    assert kept == {"app_token": SECRET}
    assert person.asked == [("Notice board, app token: ", True)]
    assert person.told == ["Logged in as @ann."]
    with pytest.raises(NeedsLogin):
        await kind.login("board", Settings("https://board.example"), Person("wrong"), Hours())


async def test_an_adapter_opens_with_what_it_was_made_of() -> None:
    kind = Kind("Notice board", Settings, connect, Limits(300), secrets=("app_token",))
    adapter = kind.create("board", Settings("https://board.example"), {"app_token": SECRET}, Hours())
    assert adapter.name == "board"
    stored: list[bytes] = []

    class Store:
        def load(self) -> bytes | None:
            return None

        def save(self, session: bytes) -> None:
            stored.append(session)

    for _ in range(2):  # the core opens it again whenever the link broke
        async with adapter.open(Store()) as link:
            assert link.opened.network == "board"
    assert stored == [b"a session"] * 2
    to = Access("board", Settings("https://board.example"), {"app_token": SECRET}, Hours(), Store())
    assert SECRET not in repr(to)
    assert SECRET not in repr(adapter)


# ---------------------------------------------------------------- what is told


def post(id_: str, author: str = "nurse-01", text: str = "#tea", **more: Any) -> Post:
    tags = ("tea",) if "#tea" in text else ()
    return Post(Ref("board", id_), id_, Author(author, author), Text(text), 10, 10, tags=tags, **more)


class Profiles:
    def __init__(self) -> None:
        self.words: dict[str, str] = {}
        self.asked: list[str] = []

    async def __call__(self, author: Author) -> Wishes:
        self.asked.append(author.account)
        return wishes(self.words.get(author.account, ""))


async def test_wishes_come_first_and_are_asked_again_after_a_while() -> None:
    profiles, hours = Profiles(), Hours()
    intake = Intake("bridge", profiles, hours)
    await intake.follow(Interest(("tea",)))
    assert await intake.report(post("1")) == [AuthorKnown("nurse-01"), Written(post("1"))]
    assert await intake.report(post("2")) == [Written(post("2"))]
    profiles.words["nurse-01"] = "Ward nurse. #NoBridge"
    hours.time += FRESH
    assert await intake.report(post("3")) == [
        AuthorKnown("nurse-01", Wishes(nobridge=True)),
        Written(post("3")),
    ]
    assert profiles.asked == ["nurse-01"] * 2


async def test_wishes_that_could_not_be_asked_are_not_taken_for_told() -> None:
    async def away(author: Author) -> Wishes:
        raise Unreachable("no answer")

    intake = Intake("bridge", away, Hours())
    await intake.follow(Interest(("tea",)))
    for _ in range(2):
        with pytest.raises(Unreachable):
            await intake.report(post("1"))


async def test_nobody_is_asked_about_what_nobody_wants() -> None:
    profiles = Profiles()
    intake = Intake("bridge", profiles, Hours())
    await intake.follow(Interest(("tea",), (Ref("board", "q"),), since=10))
    unwanted: list[Post] = [post("1", text="no tag"), msgspec.structs.replace(post("2"), at=9)]
    for each in unwanted:
        assert await intake.report(each) == []
    assert profiles.asked == []
    wanted = [
        post("3", text="a reply", reply_to=Ref("board", "q")),
        post("4", text="further down", reply_to=Ref("board", "5"), root=Ref("board", "q")),
        post("6", text="a quote", quotes=(Ref("board", "q"),)),
        post("7", text="stop", reach="direct"),
        post("8", text="stop", mentions=("bridge",)),
        post("q", text="what is followed was edited", edited=11),
    ]
    for each in wanted:
        told = await intake.report(each)
        assert Written(each) in told
        assert (Edited(each) in told) == bool(each.edited)


async def test_what_is_newly_followed_is_named_once() -> None:
    intake = Intake("bridge", Profiles(), Hours())
    one, two = Ref("board", "1"), Ref("board", "2")
    await intake.follow(Interest(threads=(one,)))
    assert intake.newly_followed() == (one,)
    await intake.follow(Interest(threads=(one, two)))
    await intake.follow(Interest(threads=(two, one)))
    assert intake.newly_followed() == (two,)
    assert intake.newly_followed() == ()


async def test_a_field_of_the_wrong_kind_is_a_value_error() -> None:
    intake = Intake("bridge", Profiles(), Hours())
    await intake.follow(Interest(("tea",)))
    wrong: list[dict[str, Any]] = [{"edited": "yesterday"}, {"reply_to": Ref("board", 7)}, {"warning": ["x"]}]  # type: ignore[arg-type]
    for field in wrong:
        with pytest.raises(ValueError, match="Expected"):
            await intake.report(msgspec.structs.replace(post("1"), **field))


def test_wishes_are_words_of_a_profile() -> None:
    assert wishes("Ward nurse. #nobridge, please") == Wishes(nobridge=True)
    assert wishes("#NoBot #tea", ("https://nurse.example",)) == Wishes(
        nobot=True, links=("https://nurse.example",)
    )
    assert wishes("I like nobridge and #nobridges") == Wishes()


def whats(told: list[What]) -> list[str]:
    return [type(what).__name__ for what in told]


async def test_only_so_many_authors_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.kit.AUTHORS", 2)
    profiles = Profiles()
    intake = Intake("bridge", profiles, Hours())
    await intake.follow(Interest(("tea",)))
    for author in ("a", "b", "c", "a"):
        assert whats(await intake.report(post("1", author))) == ["AuthorKnown", "Written"]

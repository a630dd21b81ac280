"""Members of a room who answer what came from elsewhere, and want it sent."""

from __future__ import annotations

from typing import Any

import msgspec

from bridge.model import (
    MINUTE,
    Notice,
    Post,
    Ref,
)
from tests.unit.make import NETS, STARTS, Hour, community, person, post

ANN = person("nurse", "slack", name="Ann Lowe 🩺")
MIDWIFE = "acct:midwife@ward.example"
LEAD = "@midwife@ward.example Ann, on Slack: "


def theirs(id_: str = "1", words: str = "A1: we listen #WardChat", **more: Any) -> Post:
    fields: dict[str, Any] = {"by": "midwife", "at": STARTS + 6 * MINUTE}
    return post(id_, words, **fields | more)


def hour_with(*posts: Post, outward: Any = "asked", public: Any = "ask", **config: Any) -> Hour:
    networks = (*NETS[:2], msgspec.structs.replace(NETS[2], public=public, **config))
    hour = Hour(msgspec.structs.replace(community(networks=networks), outward=outward))
    hour.until(6)
    hour.write(*(posts or (theirs(),)))
    return hour


def under(hour: Hour, no: int = 1) -> Ref:
    """Where an entry stands in the merged timeline."""
    chat = hour.session.state.chats["handovers"]
    name = next(k for k, numbers in chat.shown.items() if k.startswith("slack\n") and no in numbers)
    return Ref("slack", name.partition("\n")[2])


def answer(hour: Hour, id_: str = "s1", words: str = "So do we.", no: int = 1, **more: Any) -> Post:
    """Somebody in Slack answers in the thread under an entry."""
    fields: dict[str, Any] = {"by": ANN, "network": "slack", "at": hour.now, "reply_to": under(hour, no)}
    said = post(id_, words, **fields | more)
    hour.write(said)
    return said


def asked(hour: Hour, **more: Any) -> Post:
    """... and wants it sent: entry 2."""
    said = answer(hour, **more)
    assert send(hour, "2").startswith("Done")
    return said


def send(hour: Hour, text: str = "", by: str = ANN.account, **more: Any) -> str:
    return hour.command("send", text, by=by, **more)


def sent(hour: Hour, network: str = "mastodon") -> list[str]:
    """What goes out in members' names."""
    return [text for text in hour.texts(network) if ", on Slack: " in text]


def last(hour: Hour) -> str:
    """What was whispered last."""
    return hour.whispers[-1][1].text


def buttons(notice: Notice) -> list[tuple[str, str, str | None]]:
    return [(b.label, b.verb, b.item) for b in notice.buttons]

"""Who asked a question that hosts made the chat's is named as they agree to it: in what goes out from now on, and in
what stands already."""

from __future__ import annotations

import msgspec
import pytest

from bridge.chat.erasing import redact
from bridge.delivery import is_empty, silenced
from bridge.model import MINUTE, Author, Cancelled, Held, Order, Publish, Refused, Sent, Update
from bridge.settings import Question
from tests.unit.make import Hour, at, person, post
from tests.unit.test_redacted import replayed, same

ANN = person("ann", name="Ann Lee")
ROOM_ANN = person("ann", "slack", name="Ann Lee")
LONG = "What would help somebody who begins on nights with you? " * 7  # two posts on Bluesky, one on Mastodon


def promoted(
    words: str = "Nights?", *, by: Author = ANN, down: tuple[str, ...] = (), how: str = "name"
) -> Hour:
    hour = at(6)
    room = by is ROOM_ANN
    hour.write(
        post(
            "90",
            "Q: What about nights? #WardChat",
            by=by,
            network="slack" if room else "mastodon",
            at=hour.now,
        )
    )
    if room:
        hour.command("consent", how, by=by.account)
    hour.down.update(down)
    assert hour.reply("promote", f"1 {words}", choice=how) == "Done: entry 1 is asked as Q4."
    return hour


def withdraw(hour: Hour, how: str) -> None:
    match how:
        case "stop" | "forget me":
            hour.write(
                post("91", f"@ours {how}", by=ANN, mentions=("our:mastodon",), reach="direct", at=hour.now)
            )
        case "hide" | "block" | "erase":
            hour.command(how, "1")
        case "no" | "first":
            hour.command("consent", how, by=ROOM_ANN.account)


def said(hour: Hour, network: str) -> list[str]:
    """What stands of Q4 on a network."""
    return [words for words in hour.texts(network) if words.startswith(("Q4", "Asked"))]


def open_orders(hour: Hour) -> list[Order]:
    return [order for order in hour.queued if order.item == "q4"]


@pytest.mark.parametrize("how", ["stop", "forget me", "hide", "block", "erase"])
def test_what_has_not_gone_out_does_not_name_them_any_more(how: str) -> None:
    hour = promoted(down=("mastodon", "bluesky"))
    withdraw(hour, how)
    hour.down.clear()
    hour.deliver()
    assert said(hour, "mastodon") == said(hour, "bluesky") == ["Q4 Nights? #WardChat"]
    assert hour.on("q4") == {"mastodon": "posted", "bluesky": "posted", "slack": "posted"}
    assert hour.went_out["mastodon"][-1] == "q4"
    assert "Ann" not in repr(hour.session.view("handovers", "page", hour.now).questions)
    same(hour, replayed(hour))


def test_what_stands_is_corrected_where_posts_can_be_edited_else_the_hosts_are_told() -> None:
    hour = promoted()
    withdraw(hour, "hide")
    assert said(hour, "mastodon") == ["Q4 Nights? #WardChat"]
    assert said(hour, "slack") == ["Q4 Nights? #WardChat"]
    assert said(hour, "bluesky") == ["Q4 Nights?\nAsked by Ann Lee. #WardChat"]
    assert "Ann" not in repr(hour.session.view("handovers", "page", hour.now).questions)
    told = [n.text for n in hour.notices() if n.text.startswith("Q4")]
    assert told == [
        "Q4 does not name who asked it any more. On Bluesky it stands as it was, since posts cannot be edited there: "
        "delete it there if you have to."
    ]
    hour.command("restore", "1")
    assert said(hour, "mastodon") == ["Q4 Nights? #WardChat"], "nobody is named again unasked"


def test_who_agreed_to_less_is_named_by_less() -> None:
    hour = promoted(by=ROOM_ANN, down=("bluesky",))
    withdraw(hour, "first")
    assert said(hour, "mastodon") == ["Q4 Nights?\nAsked by Ann. #WardChat"]
    hour.down.clear()
    hour.deliver()
    assert said(hour, "bluesky") == ["Q4 Nights?\nAsked by Ann. #WardChat"]
    (item,) = [i for i in hour.sheet.items if i.id == "q4"]
    assert item.text == "Nights?\nAsked by Ann."
    hour.command("consent", "name", by=ROOM_ANN.account)
    assert said(hour, "mastodon") == ["Q4 Nights?\nAsked by Ann. #WardChat"], "nor more fully"
    withdraw(hour, "no")
    assert said(hour, "mastodon") == ["Q4 Nights? #WardChat"]
    hour.command("me", "forget", by=ROOM_ANN.account)
    same(hour, replayed(hour))


def test_a_correction_that_waits_is_overtaken_by_the_next_one() -> None:
    hour = promoted(by=ROOM_ANN)
    hour.down.add("mastodon")
    withdraw(hour, "first")
    (waits,) = open_orders_of(hour, "mastodon")
    assert "Asked by Ann." in repr(waits.op)
    withdraw(hour, "no")
    assert hour.session.outdated(waits.id)
    hour.down.clear()
    hour.deliver()
    assert said(hour, "mastodon") == ["Q4 Nights? #WardChat"]


def open_orders_of(hour: Hour, network: str) -> list[Order]:
    return [o for o in hour.queued if o.network == network and isinstance(o.op, Update) and o.lane == "sheet"]


@pytest.mark.parametrize("network", ["mastodon", "bluesky"])
def test_what_was_on_its_way_is_put_right_as_soon_as_it_stands(network: str) -> None:
    hour = promoted(down=(network,))
    (flying,) = [o for o in open_orders(hour) if o.network == network]
    withdraw(hour, "stop")
    hour.now += 1
    ref = hour._act(flying)
    hour.down.clear()
    hour.settle(flying, Sent(ref, f"{network}:{ref.id}"))
    hour.deliver()
    named = "Q4 Nights?\nAsked by Ann Lee. #WardChat"
    assert said(hour, network) == (["Q4 Nights? #WardChat"] if network == "mastodon" else [named])
    told = [n.text for n in hour.notices() if n.text.startswith("Q4 went out")]
    assert len(told) == (network == "bluesky")


@pytest.mark.parametrize("outcome", [Refused("the post to change is gone"), Held("nobody can tell")])
def test_the_hosts_are_told_of_a_correction_that_failed(outcome: Refused | Held) -> None:
    hour = promoted()
    hour.down.add("mastodon")
    withdraw(hour, "stop")
    (waits,) = open_orders_of(hour, "mastodon")
    hour.settle(waits, outcome)
    hour.deliver()
    told = f"On Mastodon, Q4 may still name who asked it: {outcome.why}. Look there."
    assert told in [n.text for n in hour.notices()]


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_of_a_thread_the_part_that_names_them_is_right(when: str) -> None:
    """On Bluesky the question is two posts, of which the second one names who asked."""
    hour = promoted(LONG, down=("bluesky",))
    first, second = [o for o in open_orders(hour) if o.network == "bluesky"]
    assert "Ann Lee" not in repr(first.op)
    assert "Ann Lee" in repr(second.op)
    if when == "between":
        ref = hour._act(first)
        hour.settle(first, Sent(ref, f"bluesky:{ref.id}"))
    if when == "after":
        hour.down.clear()
        hour.deliver()
    withdraw(hour, "stop")
    hour.down.clear()
    hour.deliver()
    texts = [words for words in hour.texts("bluesky") if "begins on nights" in words]
    assert len(texts) == 2
    assert ("Ann Lee" in texts[1]) is (when == "after")
    replies = [o for o in hour.orders if o.item == "q4" and o.network == "bluesky" and o.part == 1]
    assert all(isinstance(o.op, Publish) and o.op.reply_to == first.id for o in replies)
    assert hour.on("q4")["bluesky"] == "posted"
    withdraw(hour, "forget me")
    same(hour, replayed(hour))


def test_its_posts_are_as_many_whatever_the_name_is() -> None:
    """A replay of a journal that the name has left must order as much."""
    words = "What helps you on nights? " * 9
    hour = promoted(words + "Do say.")
    withdraw(hour, "forget me")
    for event in hour.events:
        assert "Ann Lee" not in repr(redact(hour.session.state, ANN.account, event.event))
    same(hour, replayed(hour))
    hour = promoted(words + "Do say.", by=msgspec.structs.replace(ANN, name="A" * 60))
    withdraw(hour, "forget me")
    same(hour, replayed(hour))


def test_an_open_order_does_not_keep_the_name() -> None:
    hour = promoted(down=("mastodon",))
    (order,) = [o for o in open_orders(hour) if o.network == "mastodon"]
    silent = silenced(order, {ANN.handle})
    assert "Ann" not in repr(silent.op)
    assert is_empty(silent), "it is not sent"
    plain = next(o for o in hour.orders if o.item == "q1")
    assert silenced(plain, {ANN.handle}) is plain


def test_erasing_takes_it_out_of_open_orders_too() -> None:
    hour = promoted(down=("mastodon",))
    (order,) = [o for o in open_orders(hour) if o.network == "mastodon"]
    hour.down.add("slack")
    hour.command("erase", "1")
    (gone,) = hour.session.forgotten()
    assert f"{order.id[0]}.{order.id[1]}" in gone.orders  # type: ignore[union-attr]


def test_a_cancelled_question_of_nobody_in_particular_is_dropped() -> None:
    hour = at(4)
    hour.down.add("mastodon")
    hour.command("ask", "Who is here?")
    (order,) = [o for o in hour.queued if o.network == "mastodon" and o.lane == "sheet"]
    hour.settle(order, Cancelled("nobody wants it"))
    assert hour.on("q4")["mastodon"] == "dropped"


def test_an_edit_of_the_config_does_not_keep_the_name() -> None:
    hour = promoted()
    community = hour.session.state.community
    assert community is not None
    planned = community.chats[0]
    more = (*planned.questions, Question(planned.ends - 2 * MINUTE, "What else?"))
    hour.configure(msgspec.structs.replace(planned, questions=more))
    withdraw(hour, "hide")
    settings = hour.session.state.chats["handovers"].settings
    assert "Nights?" in [question.text for question in settings.questions], "as it was asked"
    assert "Ann" not in repr(settings)

"""Replies that their authors send out of a room: offered, approved by a host, following what they answer and what
their author writes; and telling a room's admins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.chat import alerts
from bridge.chat.session import Session
from bridge.chat.state import Arrived, Configured, Work
from bridge.delivery import silenced
from bridge.model import (
    MINUTE,
    Capabilities,
    Command,
    Form,
    Media,
    Notice,
    Opened,
    Order,
    Post,
    Publish,
    Ref,
    Retract,
    Sent,
    Span,
    Update,
    Words,
)
from bridge.settings import Host
from bridge.text import count
from tests.unit.hosting import button, press
from tests.unit.make import LONG, NETS, SLACK_HOST, STARTS, Hour, community, edited, person, post
from tests.unit.test_forget import files, running, write

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


# ---------------------------------------------------------------- being offered


def test_the_offer_and_the_question_for_the_page_are_one_whisper() -> None:
    hour = hour_with()
    answer(hour)
    ((account, notice),) = hour.whispers
    assert account == ANN.account
    assert "Shall your answers also stand on the page" in notice.text
    assert "Send this as a reply to Midwife on Mastodon?" in notice.text
    assert [b.verb for b in notice.buttons] == ["consent"] * 3 + ["send"]
    assert buttons(notice)[-1] == ("Send my reply", "send", "2")
    assert sent(hour) == []


def test_it_is_offered_once_in_a_while_and_apart_when_the_other_is_settled() -> None:
    hour = hour_with()
    answer(hour)
    hour.command("consent", "no", by=ANN.account)
    answer(hour, "s2")
    assert len(hour.whispers) == 1
    hour.until(17)
    answer(hour, "s3")
    assert buttons(hour.whispers[-1][1]) == [("Send my reply", "send", "4")]
    assert len(hour.whispers) == 2


@pytest.mark.parametrize(
    ("to", "no", "more", "config"),
    [
        (theirs(), None, {"reply_to": None}, {}),
        (theirs(reach="limited"), 1, {}, {}),
        (theirs(words="A1: https://a.example #WardChat"), None, {"reply_to": None, "words": ">1 yes"}, {}),
        (theirs(), 1, {}, {"outward": "none"}),
        (theirs(), 1, {"words": "A1: not this #nobridge"}, {}),
        (
            theirs("x", "A1: here too", network="slack", by="porter"),
            None,
            {"reply_to": Ref("slack", "x")},
            {},
        ),
    ],
)
def test_nothing_is_offered_where_nobody_can_be_answered(
    to: Post, no: int | None, more: dict[str, Any], config: dict[str, Any]
) -> None:
    hour = hour_with(to, **config)
    before = len(hour.whispers)
    fields: dict[str, Any] = {"by": ANN, "network": "slack", "at": hour.now, "words": "So do we."} | more
    if no is not None and "reply_to" not in more:
        fields["reply_to"] = under(hour)
    hour.write(post("s1", **fields))
    assert not [n for _, n in hour.whispers[before:] if "Send this" in n.text]
    words = "nothing that is written here is sent out" if config else "That cannot be sent"
    assert words in send(hour, "2")
    assert hour.notices() == [] or to.reach == "public"


def test_who_names_the_entry_answers_it_too() -> None:
    hour = hour_with()
    answer(hour, words=">1 So do we.", reply_to=None)
    assert "reply to Midwife on Mastodon?" in last(hour)
    send(hour, "2")
    hour.command("approve", "2")
    assert sent(hour) == [f"{LEAD}So do we."], "the number means nothing out there"


def test_who_has_said_it_out_there_themselves_is_not_asked() -> None:
    hour = hour_with()
    words = f"{LONG} #WardChat"
    hour.write(
        post("m", words, by=person("nurse", name="Ann Lowe"), at=hour.now, reply_to=Ref("mastodon", "1"))
    )
    answer(hour, words=words)
    assert len(hour.entries) == 2
    assert "Send this" not in last(hour)
    assert send(hour, "2").startswith("That cannot be sent")


# ---------------------------------------------------------------- only by its author


def test_nobody_sends_what_somebody_else_wrote() -> None:
    hour = hour_with()
    said = answer(hour)
    for by in (SLACK_HOST, person("porter", "slack").account, MIDWIFE):
        assert send(hour, "2", by=by).startswith("That is not an answer of yours")
        assert send(hour, at=said.ref, by=by).startswith("That is not an answer of yours")
    assert send(hour, "1").startswith("That is not an answer of yours")
    assert send(hour, "99").startswith("That is not an answer of yours")
    assert send(hour, by=SLACK_HOST).startswith("Nothing of yours here answers somebody out there")
    assert hour.notices() == []


@pytest.mark.parametrize("how", ["button", "shortcut", "words"])
def test_its_author_does_and_the_hosts_are_asked(how: str) -> None:
    hour = hour_with()
    said = answer(hour)
    match how:
        case "button":
            told = send(hour, item="2", chat="handovers")
        case "shortcut":
            told = send(hour, at=said.ref, forms=True)
        case _:
            told = send(hour, "57 no, 2") and send(hour, "2")
    assert told == "Done: the hosts are asked, and you will be told what came of it."
    (notice,) = hour.notices()
    assert "as a reply to Midwife on Mastodon?" in notice.text
    assert notice.card is not None
    assert (notice.card.no, notice.card.text.plain, notice.card.name) == (2, "So do we.", "Ann Lowe")
    assert buttons(notice) == [("Approve", "approve", "2"), ("Decline", "decline", "2")]
    assert sent(hour) == []
    assert send(hour, "2").startswith("The hosts have been asked already")
    assert len(hour.notices()) == 1
    assert hour.session.state.chats["handovers"].log == [], "what somebody asks for is not the hosts' doing"


def test_who_does_not_say_which_one_is_asked() -> None:
    hour = hour_with()
    answer(hour)
    answer(hour, "s2", "Somebody else's.", by="porter")
    answer(hour, "s3", "For nobody out there.", reply_to=None)
    answer(hour, "s4", "And another one.")
    form = hour.reply("send", by=ANN.account, forms=True)
    assert isinstance(form, Form)
    assert (form.verb, form.chosen) == ("send", "5")
    assert [(c.value, c.label) for c in form.choices] == [
        ("5", "A1 · 5: And another one."),
        ("2", "A1 · 2: So do we."),
    ]
    assert send(hour, choice="2").startswith("Done")
    assert send(hour) == "Say it in one line: send 57"


@pytest.mark.parametrize("verb", ["approve", "decline", "takeback"])
def test_only_hosts_decide(verb: str) -> None:
    hour = hour_with()
    asked(hour)
    if verb == "takeback":
        hour.command("approve", "2")
    before = sent(hour)
    assert hour.command(verb, "2", by=ANN.account).startswith("Only the hosts")
    assert sent(hour) == before
    assert hour.command(verb).startswith("Say which one")


# ---------------------------------------------------------------- approved


def test_approved_it_goes_out_once_as_the_communitys_quiet_reply() -> None:
    hour = hour_with()
    asked(hour)
    assert hour.command("approve", item="2") == "Done: entry 2 goes out as a reply on Mastodon."
    assert hour.command("approve", item="2") == "Entry 2 has been approved already; nothing was done."
    assert hour.command("decline", item="2") == "Entry 2 has been approved already; nothing was done."
    assert sent(hour) == [f"{LEAD}So do we."]
    (order,) = (o for o in hour.orders if isinstance(o.op, Publish) and o.whose)
    assert isinstance(order.op, Publish)
    assert (order.op.reply_to, order.op.reach, order.lane) == (Ref("mastodon", "1"), "quiet", "people")
    assert isinstance(order.op.content, Words)
    assert order.op.content.text.spans == (Span(0, 21, "mention", "midwife@ward.example"),)
    assert hour.whispers[-1][0] == ANN.account
    assert last(hour) == "Your reply is on Mastodon now."
    (notice,) = hour.notices()
    assert notice.text == "Entry 2 goes out as a reply on Mastodon."
    assert buttons(notice) == [("Take it back", "takeback", "2")]
    assert send(hour, "2").startswith("That has been sent already")


def test_where_a_reply_itself_notifies_nobody_is_named() -> None:
    hour = hour_with(theirs(network="bluesky", words="A1: we listen #WardChat"))
    asked(hour)
    hour.command("approve", "2")
    assert sent(hour, "bluesky") == ["Ann, on Slack: So do we."]


def test_who_answers_it_out_there_answers_the_entry() -> None:
    hour = hour_with()
    asked(hour)
    hour.command("approve", "2")
    there = next(
        id_ for id_, c in hour.standing["mastodon"].items() if isinstance(c, Words) and "Ann," in c.text.plain
    )
    reply = post("r", "Good to hear!", by="midwife", reply_to=Ref("mastodon", there))
    hour.write(reply)
    entry = hour.entry(reply)
    assert entry is not None
    assert (entry.reply_to, entry.questions) == (2, (1,))
    assert Ref("mastodon", there) in hour.session.interest("mastodon").threads


def test_declined_it_stays_and_can_be_asked_for_again_once_it_says_something_else() -> None:
    hour = hour_with()
    said = asked(hour)
    assert hour.command("decline", "2").startswith("Done")
    assert last(hour) == "The hosts have decided not to send your reply out. It stays here."
    assert hour.command("approve", "2") == "Entry 2 is not sent out; nothing was done."
    assert [n.buttons for n in hour.notices()] == [()]
    assert send(hour, "2").startswith("The hosts have decided")
    hour.edit(edited(said, "So do we, on Tuesdays."))
    assert send(hour, "2").startswith("Done")
    hour.command("approve", "2")
    assert sent(hour) == [f"{LEAD}So do we, on Tuesdays."]


def test_what_a_network_refuses_is_told_to_both() -> None:
    hour = hour_with()
    asked(hour)
    hour.refusing["mastodon"] = "too fast"
    hour.command("approve", "2")
    assert "could not be sent: too fast" in last(hour)
    texts = [n.text for n in hour.notices()]
    assert "On Mastodon, entry 2 could not go out as a reply: too fast" in texts
    hour.refusing.clear()
    assert send(hour, "2").startswith("Done"), "and it can be tried again"
    hour.command("approve", "2")
    assert len(sent(hour)) == 1


# ---------------------------------------------------------------- its words


@pytest.mark.parametrize(
    ("words", "out"),
    [
        ("Ask @porter@ward.example and #Rota", "Ask porter@ward.example and #Rota"),
        ("two\n\nlines", "two\n\nlines"),
        ("see https://a.example/x", "see https://a.example/x"),
        ("turned \u202eround", "turned round"),
    ],
)
def test_it_notifies_nobody_else_and_deceives_nobody(words: str, out: str) -> None:
    hour = hour_with()
    asked(hour, words=words)
    hour.command("approve", "2")
    assert sent(hour) == [f"{LEAD}{out}"]
    (content,) = (
        c for c in hour.standing["mastodon"].values() if isinstance(c, Words) and "Ann," in c.text.plain
    )
    assert [s.value for s in content.text.spans if s.kind == "mention"] == ["midwife@ward.example"]


@pytest.mark.parametrize("network", ["mastodon", "bluesky"])
def test_one_post_holds_it(network: str) -> None:
    hour = hour_with(theirs(network=network))
    asked(hour, words="é word " * 400)
    hour.command("approve", "2")
    (text,) = sent(hour, network)
    assert text.endswith("…")
    counted = count(text.replace("@midwife@ward.example", "@midwife"))
    assert {"mastodon": 490, "bluesky": 290}[network] < counted <= {"mastodon": 500, "bluesky": 300}[network]


def test_a_name_that_could_be_a_hosts_is_not_said() -> None:
    hour = hour_with()
    said = answer(hour, by=person("porter", "slack", name="Wren Adair"))
    send(hour, at=said.ref, by=said.author.account)
    hour.command("approve", "2")
    assert sent(hour) == ["@midwife@ward.example A member, on Slack: So do we."]


def test_pictures_stay_and_nothing_goes_out_without_words() -> None:
    hour = hour_with()
    picture = (Media("https://files.example/1.png"),)
    answer(hour, media=picture)
    assert send(hour, "2").endswith("Its pictures stay here.")
    answer(hour, "s2", "  ", media=picture)
    assert send(hour, "3") == "That cannot be sent: there are no words in it."


# ---------------------------------------------------------------- edited


def test_the_hosts_are_asked_about_the_words_as_they_are() -> None:
    hour = hour_with()
    said = asked(hour)
    hour.edit(edited(said, "So do we, on Tuesdays."))
    (notice,) = hour.notices()
    assert notice.card is not None
    assert notice.card.text.plain == "So do we, on Tuesdays."
    assert len(notice.buttons) == 2
    hour.command("approve", "2")
    assert sent(hour) == [f"{LEAD}So do we, on Tuesdays."]


def test_an_edit_after_it_went_out_goes_out_and_the_hosts_are_told() -> None:
    hour = hour_with()
    said = asked(hour)
    hour.command("approve", "2")
    hour.edit(edited(said, "So do we, on Tuesdays."))
    assert sent(hour) == [f"{LEAD}So do we, on Tuesdays."]
    assert len([o for o in hour.orders if isinstance(o.op, Update) and o.network == "mastodon"]) == 1
    old, new = hour.notices()
    assert not old.buttons
    assert "was edited by its author" in new.text
    assert buttons(new) == [("Take it back", "takeback", "2")]
    assert new.card is not None
    hour.edit(edited(said, "So do we, on Tuesdays.", edit=2))
    assert len(hour.notices()) == 2, "the same words are no news"
    assert len(hour.whispers) == 2, "the offer, and that it went out"


def test_what_is_edited_before_it_went_out_goes_out_once_as_it_is_then() -> None:
    hour = hour_with()
    said = asked(hour)
    hour.down.add("mastodon")
    hour.command("approve", "2")
    hour.edit(edited(said, "So do we, on Tuesdays."))
    hour.edit(edited(said, "So do we, on Wednesdays.", edit=2))
    hour.down.clear()
    hour.deliver()
    assert sent(hour) == [f"{LEAD}So do we, on Wednesdays."]
    assert last(hour) == "Your reply is on Mastodon now."


def test_a_correction_that_is_a_post_of_its_own_goes_with_it() -> None:
    """As on Bluesky, where a post that was answered is corrected by a reply to it."""
    hour = hour_with(theirs(network="bluesky"))
    said = asked(hour)
    hour.command("approve", "2")
    act = hour._act

    def corrects(order: Order) -> Ref:
        if not isinstance(order.op, Update) or order.network != "bluesky":
            return act(order)
        hour.standing["bluesky"]["correction"] = order.op.content
        return Ref("bluesky", "correction")

    hour._act = corrects  # type: ignore[method-assign]  # this network behaves so
    hour.edit(edited(said, "So do we, on Tuesdays."))
    assert len(sent(hour, "bluesky")) == 2
    hour.remove(said)
    assert sent(hour, "bluesky") == []


# ---------------------------------------------------------------- taken back


@pytest.mark.parametrize("stage", ["asked", "waiting", "sent"])
@pytest.mark.parametrize(
    "how",
    [
        "removed",
        "stop",
        "forget",
        "hide",
        "#nobridge",
        "their stop",
        "their forget",
        "their removal",
        "their hiding",
    ],
)
def test_it_goes_when_anybody_it_concerns_wants_it(how: str, stage: str) -> None:
    answered = theirs()
    hour = hour_with(answered)
    said = asked(hour)
    if stage == "waiting":
        hour.down.add("mastodon")
    if stage != "asked":
        hour.command("approve", "2")
    told = len(hour.whispers)
    direct: dict[str, Any] = {"mentions": ("our:mastodon",), "reach": "direct", "by": "midwife"}
    match how:
        case "removed":
            hour.remove(said)
        case "stop" | "forget":
            hour.command("me", how, by=ANN.account)
        case "hide":
            hour.command("hide", "2")
        case "#nobridge":
            hour.edit(edited(said, "So do we. #nobridge"))
        case "their stop":
            hour.write(post("9", "@ours stop", **direct))
        case "their forget":
            hour.write(post("9", "@ours forget me", **direct))
        case "their removal":
            hour.remove(answered)
        case "their hiding":
            hour.command("hide", "1")
    hour.down.clear()
    hour.deliver()
    assert sent(hour) == []
    assert not [o for o in hour.queued if o.network == "mastodon"]
    assert hour.session.state.chats["handovers"].outward == {}
    asked_of = [n for n in hour.notices() if "entry 2" in n.text or "Send this out" in n.text]
    assert not [b for n in asked_of for b in n.buttons if b.verb in ("approve", "decline", "takeback")]
    assert hour.command("approve", "2").startswith("Entry 2 is not waiting to be sent")
    assert (len(hour.whispers) > told) is how.startswith("their"), "who took it away knows"


def test_a_host_takes_it_back() -> None:
    hour = hour_with()
    asked(hour)
    hour.command("approve", "2")
    assert hour.command("takeback", item="2") == "Done: the reply of entry 2 on Mastodon is taken back."
    assert sent(hour) == []
    assert "have taken your reply on Mastodon back" in last(hour)
    assert hour.command("takeback", item="2") == "Entry 2 is not sent out; nothing was done."
    assert len([o for o in hour.orders if isinstance(o.op, Retract)]) == 1
    assert send(hour, "2").startswith("The hosts have decided")


def test_a_host_takes_back_what_still_waits() -> None:
    hour = hour_with()
    asked(hour)
    hour.down.add("mastodon")
    hour.command("approve", "2")
    (order,) = (o for o in hour.queued if o.network == "mastodon")
    hour.command("takeback", "2")
    hour.down.clear()
    hour.deliver()
    assert sent(hour) == []
    assert order.id not in hour.made, "not even for a moment"
    assert not [n for n in hour.notices() if "could not" in n.text]


def test_what_is_just_going_out_is_taken_back_when_it_is_there() -> None:
    hour = hour_with()
    said = asked(hour)
    hour.down.add("mastodon")
    hour.command("approve", "2")
    (order,) = (o for o in hour.queued if o.network == "mastodon")
    hour.remove(said)
    hour.settle(order, Sent(hour._act(order), "mastodon:late"))
    assert len(sent(hour)) == 1
    hour.down.clear()
    hour.deliver()
    assert sent(hour) == []


def test_a_bridges_copy_of_it_never_enters() -> None:
    hour = hour_with()
    asked(hour)
    hour.command("approve", "2")
    there = next(
        p for p, c in hour.standing["mastodon"].items() if isinstance(c, Words) and "Ann," in c.text.plain
    )
    copy = post("c", "Ann, on Slack: So do we. #WardChat", network="bluesky", original=f"mastodon:{there}")
    hour.write(copy)
    assert hour.entry(copy) is None


def test_the_hosts_are_told_if_it_cannot_be_taken_back() -> None:
    hour = hour_with()
    asked(hour)
    hour.command("approve", "2")
    hour.refusing["mastodon"] = "the server is closed"
    hour.command("takeback", "2")
    texts = [n.text for n in hour.notices()]
    assert (
        "On Mastodon, entry 2 may still have its reply: the server is closed. Take that back there." in texts
    )


def test_other_replies_stand() -> None:
    hour = hour_with()
    asked(hour)
    answer(hour, "s2", "And we.", by="porter")
    send(hour, "3", by=person("porter", "slack").account)
    for no in ("2", "3"):
        hour.command("approve", no)
    hour.command("hide", "2")
    assert sent(hour) == ["@midwife@ward.example Porter, on Slack: And we."]


def test_words_of_who_is_forgotten_leave_an_order_that_waits() -> None:
    hour = hour_with()
    asked(hour)
    hour.down.add("mastodon")
    hour.command("approve", "2")
    (order,) = (o for o in hour.queued if o.network == "mastodon")
    assert "So do we" in repr(order)
    assert "So do we" not in repr(silenced(order, {ANN.handle}))
    assert silenced(order, {"@somebody"}) is order


async def test_who_is_forgotten_leaves_no_words_in_the_journal_either(tmp_path: Path) -> None:
    """Neither in the order that waits, nor in what the hosts were asked."""
    path = tmp_path / "journal.db"
    hedda = person("hedda", "slack", name="Hedda")
    async with running(path) as engine:
        await engine.submit(Configured(community()))
        for net in NETS:
            can = Capabilities(net.limits, mirror=net.mirror, console=net.mirror)
            await engine.submit(Opened(net.name, f"our:{net.name}", "@chat", can))
        await write(engine, theirs(), post("s", ">1 My paper lantern.", by=hedda, network="slack"))
        for verb, by in (("send", hedda.account), ("approve", SLACK_HOST)):
            await engine.submit(Arrived("slack", Command(verb, by, text="2", name=by)))
        assert any("paper lantern" in repr(row.order.op) for row in engine.journal.open_orders())
        assert b"paper lantern" in files(path)
        await engine.submit(Arrived("slack", Command("me", hedda.account, text="forget", name="Hedda")))
        left = files(path)
        live = engine.session.digest()
    for words in (b"paper lantern", b"Hedda"):
        assert words not in left
    async with running(path) as again:
        assert again.session.digest() == live


async def test_nor_does_an_entry_that_is_erased(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as engine:
        await engine.submit(Configured(community()))
        for net in NETS:
            can = Capabilities(net.limits, mirror=net.mirror, console=net.mirror)
            await engine.submit(Opened(net.name, f"our:{net.name}", "@chat", can))
        await write(engine, theirs(), post("s", ">1 My paper lantern.", by=ANN, network="slack"))
        for verb, by in (("send", ANN.account), ("approve", SLACK_HOST), ("erase", SLACK_HOST)):
            await engine.submit(Arrived("slack", Command(verb, by, text="2", name=by)))
        assert b"paper lantern" not in files(path)
        assert engine.session.state.chats["handovers"].outward == {}


def test_what_goes_out_is_what_the_host_has_read() -> None:
    """Edited while the host reads it: the button they press is that of the old words."""
    hour = hour_with()
    said = asked(hour)
    (read,) = hour.notices()
    hour.edit(edited(said, "Mrs T of bed 4 was so funny."))
    (asks,) = hour.notices()
    assert press(hour, button(read, "approve")) == (
        "The author of entry 2 has edited it meanwhile; nothing was done. Read it anew, and decide then."
    )
    assert sent(hour) == []
    assert press(hour, button(asks, "approve")) == "Done: entry 2 goes out as a reply on Mastodon."


# ---------------------------------------------------------------- replay


def test_replay_equals_live() -> None:
    hour = hour_with()
    said = asked(hour)
    hour.command("approve", "2")
    hour.edit(edited(said, "So do we, on Tuesdays."))
    hour.command("takeback", "2")
    again = Session()
    for recorded in hour.events:
        again.decide(recorded)
    assert again.digest() == hour.session.digest()


# ---------------------------------------------------------------- telling the admins


def hidden(admins: tuple[str, ...] = ("UADMIN1", "UADMIN2")) -> tuple[Hour, str]:
    hour = hour_with(theirs("x", "A1: Mrs T of bed 4", network="slack", by="porter"), admins=admins)
    work = Work(hour.session.state, 999, hour.now)
    work.host = Host("Wren Adair")
    found = hour.session.state.chats["handovers"]
    told = alerts.send(work, found, found.timeline.entries[1])
    assert alerts.send(work, found, found.timeline.entries[1]) == "", "once"
    hour.queued += work.effects.orders
    hour.orders += work.effects.orders
    return hour, told


def test_each_admin_of_the_room_is_told_without_the_words() -> None:
    hour, told = hidden()
    orders = [o for o in hour.orders if isinstance(o.op, Publish) and o.op.to]
    assert [o.op.to for o in orders if isinstance(o.op, Publish)] == ["UADMIN1", "UADMIN2"]
    assert {(o.network, o.lane, o.place) for o in orders} == {("slack", "hosts", "hosts")}
    content = orders[0].op.content  # type: ignore[union-attr]  # a Publish
    assert isinstance(content, Notice)
    for words in (
        "Porter",
        "https://slack.example/post/x",
        "Wren Adair did",
        "only its author",
        "Safer handovers",
    ):
        assert words in content.text
    assert "Mrs T" not in repr(orders)
    assert told == "It still stands in Slack: the admins are told, who can delete it there."
    hour.deliver()
    assert hour.notices()


def told_admins(hour: Hour) -> set[str]:
    """What the admins read."""
    return {notice.text for notice in hour.notices() if "in the chat's channel" in notice.text}


@pytest.mark.parametrize("how", ["gone", "forgotten", "erased"])
def test_what_the_admins_read_follows_it(how: str) -> None:
    hour = hour_with(theirs("x", "A1: Mrs T of bed 4", network="slack", by="porter"), admins=("UADMIN1",))
    hour.command("hide", "1")
    (before,) = told_admins(hour)
    assert "Porter porter" in before
    match how:
        case "gone":
            hour.remove(Ref("slack", "x"))
            now = "A message that the hosts of “Safer handovers” hid in the chat's channel is gone."
        case "forgotten":
            hour.command("me", "forget", by=person("porter", "slack").account)
            now = before.replace(" of Porter porter", "").replace(" (Wren Adair did)", "")
        case _:  # the message itself still has to go
            hour.command("erase", "1")
            now = before
    assert told_admins(hour) == {now}


def test_the_hosts_are_told_if_an_admin_could_not_be() -> None:
    hour, _ = hidden()
    hour.refusing["slack/hosts"] = "no such member"
    first = next(o for o in hour.queued if isinstance(o.op, Publish) and o.op.to)
    hour.deliver()
    assert first not in hour.queued
    told = [
        o.op.content.text
        for o in hour.orders
        if isinstance(o.op, Publish) and isinstance(o.op.content, Notice)
    ]
    assert any(
        "entry 1 still stands, and an admin could not be told: no such member" in text for text in told
    )


def test_without_admins_the_hosts_are_told_how_to_name_them() -> None:
    hour, told = hidden(admins=())
    assert not [o for o in hour.orders if isinstance(o.op, Publish) and o.op.to]
    assert "only its author or an admin there can delete it" in told
    assert '[networks.slack] admins = ["U…"]' in told


def test_what_was_written_elsewhere_is_no_matter_of_a_rooms_admins() -> None:
    hour = hour_with()
    work = Work(hour.session.state, 999, hour.now)
    found = hour.session.state.chats["handovers"]
    assert alerts.send(work, found, found.timeline.entries[1]) == ""
    assert work.effects.orders == []

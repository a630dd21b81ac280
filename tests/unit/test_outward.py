"""Replies that their authors send out of a room: offered, approved by a host, and following what they say."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.model import (
    Form,
    Media,
    Order,
    Post,
    Publish,
    Ref,
    Span,
    Update,
    Words,
)
from bridge.text import count
from tests.unit.make import LONG, SLACK_HOST, edited, person, post
from tests.unit.outwards import (
    ANN,
    LEAD,
    MIDWIFE,
    answer,
    asked,
    buttons,
    hour_with,
    last,
    send,
    sent,
    theirs,
    under,
)

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

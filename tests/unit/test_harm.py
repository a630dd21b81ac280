"""After something that should not have been posted: off every screen at once, and then only what a host asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.chat.session import Session
from bridge.chat.verbs import entries
from bridge.model import Endorse, Form, Leaders, Notice, Post, Publish, Ref, Reply, Retract
from bridge.settings import Host, Net
from tests.unit.hosting import at, button, hand_in, hiding, press, react, shortcut
from tests.unit.make import LIMITS, LONG, NETS, Hour, chat, community, post

HARM = "A1: bed nine is called Ignatius #WardChat"


def hour_with(*posts: Post, **config: Any) -> Hour:
    hour = Hour(community(**config))
    hour.until(6)
    hour.write(*posts)
    return hour


def under_ours(hour: Hour, id_: str = "b1") -> Post:
    """A reply on Bluesky to our first question."""
    return post(id_, HARM, network="bluesky", reply_to=hour.copy_of("q1", "bluesky"))


def texts(hour: Hour) -> str:
    return repr(hour.notices())


# ---------------------------------------------------------------- the message to the hosts


@pytest.mark.parametrize("network", ["mastodon", "bluesky", "slack"])
def test_it_is_off_every_screen_and_the_hosts_are_told_without_a_word_of_it(network: str) -> None:
    hour = hour_with(post("1", HARM, network=network))
    assert hour.command("hide", "1") == "Done: entry 1 is hidden."
    title = network.capitalize()
    handle = {"mastodon": "@nurse@ward.example", "bluesky": "nurse.garden.example", "slack": "nurse"}[network]
    notice = hiding(hour)
    assert notice.text.startswith(f"Entry 1 (A1, {handle}, {title}) is off our screens. Wren Adair hid it.")
    assert notice.card is None
    assert "Ignatius" not in texts(hour)
    assert hour.mirrored() == {}
    assert hour.session.entry("handovers", 1, "page") is None
    assert hour.command("hide", "1") == "Entry 1 is already hidden."
    assert len(hour.notices()) == 1


def test_what_hosts_do_and_take_back_again_and_again_is_said_once() -> None:
    hour = hour_with()
    hour.write(under_ours(hour))
    hour.command("hide", "1")
    for _ in range(5):
        for verb in ("conceal", "unconceal", "block", "unblock"):
            assert hour.command(verb, "1").startswith("Done")
    assert hiding(hour).text.endswith(
        "Wren Adair hid it. Wren Adair had it shown again on Bluesky. Wren Adair unblocked the author."
    )


def test_who_opted_out_is_not_named() -> None:
    hour = hour_with(post("1", "A1: private words #nobridge #WardChat"))
    hour.command("hide", "1")
    assert hiding(hour).text == "Entry 1 (A1, Mastodon) is off our screens. Wren Adair hid it."
    assert [b.verb for b in hiding(hour).buttons] == ["restore", "erase", "block"]


def test_what_asked_about_a_held_entry_says_it_now() -> None:
    hour = hour_with(post("1", "A1: look at https://harm.example #WardChat"))
    (held,) = hour.notices()
    assert held.card is not None
    press(hour, button(held, "hide"))
    (notice,) = hour.notices()
    assert notice.text.startswith("Entry 1 (A1, @nurse@ward.example, Mastodon) is off our screens.")
    assert "harm.example" not in texts(hour)
    assert press(hour, button(notice, "restore")) == "Done: entry 1 is shown."
    (notice,) = hour.notices()
    assert notice.buttons == ()


@pytest.mark.parametrize("how", ["removed", "forget me", "stop"])
def test_the_message_follows_what_its_author_does(how: str) -> None:
    what = post("1", HARM)
    hour = hour_with(what)
    hour.command("hide", "1")
    if how == "removed":
        hour.remove(what)
        assert hiding(hour) == Notice("Entry 1 is gone. Wren Adair hid it.")
    else:
        hour.write(post("9", f"@ours {how}", mentions=("our:mastodon",), reach="direct"))
        assert hiding(hour).text == "Entry 1 (A1, Mastodon) is off our screens. Wren Adair hid it."
    assert "@nurse" not in texts(hour)


@pytest.mark.parametrize(
    ("network", "offered"),
    [
        ("mastodon", ["restore", "note", "report", "signpost", "erase", "block"]),
        ("bluesky", ["restore", "note", "report", "conceal", "signpost", "erase", "block"]),
        ("slack", ["restore", "note", "signpost", "erase", "block"]),
    ],
)
def test_what_can_be_done_is_offered_and_never_done_by_itself(network: str, offered: list[str]) -> None:
    hour = hour_with()
    hour.write(under_ours(hour) if network == "bluesky" else post("1", HARM, network=network))
    orders = len(hour.orders)
    hour.command("hide", "1")
    assert [b.verb for b in hiding(hour).buttons] == offered
    assert [b.verb for b in hiding(hour).buttons if b.confirm] == ["erase", "block"]
    assert not any(o.lane == "people" for o in hour.orders[orders:])


def test_each_thing_is_done_once_said_and_offered_no_more() -> None:
    hour = hour_with()
    hour.write(under_ours(hour))
    react(hour, "hide", at(hour, 1))
    for verb, done in (
        ("note", "Wren Adair wrote to the author."),
        ("report", "Wren Adair reported it to Bluesky."),
        ("signpost", "Wren Adair told the author where to find help."),
    ):
        asked = button(hiding(hour), verb)
        form = press(hour, asked)
        assert isinstance(form, Form)
        assert "Ignatius" not in repr(form)
        assert isinstance(said := hand_in(hour, form, "It names a patient"), str)
        assert said.startswith("Done")
        assert hiding(hour).text.endswith(done)
        assert verb not in [b.verb for b in hiding(hour).buttons]
        assert isinstance(again := press(hour, asked), str)
        assert "already" in again
    assert [r.target for r in hour.reported] == [Ref("bluesky", "b1")]
    assert hour.reported[0].why == "It names a patient"


def test_a_reply_is_hidden_where_it_stands_and_comes_back_with_the_entry() -> None:
    hour = hour_with()
    hour.write(under_ours(hour))
    hour.command("hide", "1")
    there = button(hiding(hour), "conceal")
    assert there.label == "Hide the reply on Bluesky"
    assert press(hour, there) == "Done: entry 1 is hidden on Bluesky itself."
    assert list(hour.concealed.values()) == ["b1"]
    assert press(hour, there) == "Entry 1 is already hidden there."
    assert press(hour, button(hiding(hour), "unconceal")) == "Done: entry 1 is shown again on Bluesky itself."
    assert hour.concealed == {}
    assert hour.command("unconceal", "1") == "Entry 1 is not hidden by us where it stands."
    press(hour, there)
    hour.command("restore", "1")
    assert hour.concealed == {}


@pytest.mark.parametrize("waiting", [False, True])
def test_what_has_not_gone_out_when_it_is_restored_never_does(waiting: bool) -> None:
    hour = hour_with()
    hour.write(under_ours(hour))
    hour.command("hide", "1")
    if waiting:
        hour.down.add("bluesky")
    hour.command("report", "1 It names a patient")
    hour.command("conceal", "1")
    hour.command("restore", "1")
    hour.down.clear()
    hour.deliver()
    assert hour.concealed == {}
    assert len(hour.reported) == (0 if waiting else 1)


def test_what_a_network_refused_is_told_and_offered_again() -> None:
    hour = hour_with()
    hour.write(under_ours(hour))
    hour.command("hide", "1")
    hour.refusing["bluesky"] = "no"
    hour.command("report", "1 It names a patient")
    hour.command("conceal", "1")
    hour.refusing.clear()
    assert {"report", "conceal"} <= {b.verb for b in hiding(hour).buttons}
    told = [n.text for n in hour.notices()]
    assert "On Bluesky, entry 1 could not be reported: no" in told
    assert "On Bluesky, entry 1 could not be hidden there: no" in told


@pytest.mark.parametrize("verb", ["report", "conceal"])
def test_where_a_network_cannot_it_is_said(verb: str) -> None:
    hour = hour_with(post("s1", HARM, network="slack"), post("b1", HARM, network="bluesky", by="midwife"))
    assert hour.command(verb, "1 It names a patient").startswith("Entry 1 cannot be ")
    if verb == "conceal":  # it does not stand under anything of ours
        assert hour.command(verb, "2").startswith("Entry 2 cannot be ")


# ---------------------------------------------------------------- a room's own messages


@pytest.mark.parametrize("admins", [(), ("UADMIN",)])
def test_in_a_room_its_author_or_an_admin_has_to_delete_it(admins: tuple[str, ...]) -> None:
    room = Net("slack", "slack", "Slack", LIMITS["slack"], mirror=True, admins=admins)
    hour = hour_with(post("s1", HARM, network="slack"), networks=(*NETS[:2], room))
    react(hour, "hide", Ref("slack", "s1"))
    assert "Slack" in hiding(hour).text
    assert "can delete it" in hiding(hour).text
    alerts = [o.op.to for o in hour.orders if isinstance(o.op, Publish) and o.op.to]
    assert alerts == list(admins)
    hour.command("restore", "1")
    hour.command("hide", "1")
    assert "can delete it" in hiding(hour).text
    assert len([o for o in hour.orders if isinstance(o.op, Publish) and o.op.to]) == len(admins)


# ---------------------------------------------------------------- block


def seen(hour: Hour) -> set[int]:
    return {v.no for v in hour.session.view("handovers", "page", hour.now).entries}


def test_a_block_works_backwards_and_forwards() -> None:
    hour = hour_with(
        post("1", "A1: one #WardChat", by="mallory"),
        post("2", "A1: two #WardChat", by="mallory"),
        post("3", "A1: three #WardChat"),
    )
    hour.command("like", "1")
    assert hour.command("block", "2").startswith("Done: who wrote entry 2 is blocked")
    assert set(hour.mirrored()) == seen(hour) == {3}
    assert hour.endorsed == {}
    hosts = hour.session.view("handovers", "hosts", hour.now)
    assert [v.hidden for v in hosts.entries] == [True, True, False]
    assert hosts.total == 1
    hour.write(post("4", "A1: look at https://four.example #WardChat", by="mallory"))
    assert hour.entries[4].held is None
    assert set(hour.mirrored()) == seen(hour) == {3}
    assert hour.notices() == [], "nobody is asked anything"
    assert hour.command("block", "1") == "Who wrote entry 1 is already blocked."
    assert hour.command("unblock", "1").startswith("Done: who wrote entry 1 is no longer blocked")
    assert set(hour.mirrored()) == seen(hour) == {1, 2, 3, 4}
    assert hour.command("unblock", "1") == "Who wrote entry 1 is not blocked."


def test_a_block_holds_in_every_chat() -> None:
    hour = Hour(community(chat(), chat(id="rounds", hashtag="Rounds")))
    hour.until(6)
    hour.write(post("1", "one #WardChat", by="mallory"), post("2", "two #Rounds", by="mallory"))
    hour.command("block", "1", chat="handovers")
    for name in ("handovers", "rounds"):
        assert hour.session.view(name, "page", hour.now).entries == ()
    assert hour.mirrored() == {}


def test_the_same_words_elsewhere_are_no_way_round_a_block() -> None:
    words = f"A1: {LONG} #WardChat"
    hour = hour_with(post("1", words))
    hour.command("block", "1")
    hour.write(post("2", words, network="bluesky"))
    assert len(hour.entries) == 1
    assert hour.mirrored() == {}
    assert seen(hour) == set()


def test_of_twins_all_authors_are_blocked() -> None:
    words = f"A1: {LONG} #WardChat"
    hour = hour_with(post("1", words), post("2", words, network="bluesky"))
    assert len(hour.entries) == 1
    hour.command("block", "1")
    hour.write(post("3", "A1: again #WardChat"), post("4", "A1: and again #WardChat", network="bluesky"))
    assert hour.mirrored() == {}
    assert seen(hour) == set()


def test_a_bridges_copy_is_no_way_round_a_block() -> None:
    hour = hour_with(post("1", HARM))
    hour.command("block", "1")
    hour.write(post("2", HARM, network="bluesky", by="bridged", original="mastodon:1"))
    assert hour.mirrored() == {}
    assert seen(hour) == set()


def test_in_a_room_nobody_who_is_blocked_is_asked_for_their_consent() -> None:
    hour = hour_with(post("s1", HARM, network="slack"))
    asked = len(hour.whispers)
    assert asked
    hour.command("block", "1")
    hour.now += 3_600_000_000
    hour.write(post("s2", HARM, network="slack"))
    assert len(hour.whispers) == asked


def test_a_held_entry_is_asked_about_no_more() -> None:
    hour = hour_with(post("1", "A1: look at https://harm.example #WardChat"))
    hour.command("block", "1")
    (notice,) = hour.notices()
    assert (notice.text, notice.buttons, notice.card) == ("Entry 1: its author is blocked.", (), None)


def test_a_host_is_not_blocked() -> None:
    hour = hour_with(post("1", "A1: me #WardChat", by="wren"))
    assert hour.command("block", "1") == "Entry 1 is a host's own; nothing was done."


def test_who_may_command_is_not_blocked_either() -> None:
    member = post("s1", "A1: me", network="slack", by="member")
    hour = hour_with(member)
    hour.arrive(Leaders((member.author.account,)), "slack")
    assert hour.command("block", "1") == "Entry 1 is a host's own; nothing was done."


# ---------------------------------------------------------------- every verb, whatever became of the entry


def held(hour: Hour) -> Ref:
    hour.write(post("1", "A1: look at https://harm.example #WardChat"))
    return Ref("mastodon", "1")


def hidden(hour: Hour) -> Ref:
    hour.write(post("1", HARM))
    hour.command("hide", "1")
    return Ref("mastodon", "1")


def blocked(hour: Hour) -> Ref:
    hour.write(post("1", HARM))
    hour.command("block", "1")
    return Ref("mastodon", "1")


def room(hour: Hour) -> Ref:
    hour.write(post("s1", HARM, network="slack"))
    return Ref("slack", "s1")


def wordless(hour: Hour) -> Ref:
    hour.write(post("1", "A1: private #nobridge #WardChat"))
    return Ref("mastodon", "1")


@pytest.mark.parametrize("verb", sorted(entries.VERBS))
@pytest.mark.parametrize("become", [held, hidden, blocked, room, wordless])
def test_no_verb_lets_anybody_see_more_than_they_may(verb: str, become: Callable[[Hour], Ref]) -> None:
    """But for the two that say so. Nothing is said twice, and nothing raises."""
    hour = hour_with()
    ref = become(hour)
    before = set(hour.mirrored()), seen(hour)
    orders = len(hour.orders)
    said: Reply | None = shortcut(hour, verb, ref)
    if isinstance(said, Form):
        said = hand_in(hour, said, "Some words", choice=said.choices[0].value if said.choices else "")
    assert said
    assert not isinstance(said, Notice) or verb == "more"
    shows = (verb in ("show", "restore") and become in (held, hidden)) or (verb, become) == (
        "unblock",
        blocked,
    )
    if not shows:
        assert set(hour.mirrored()) <= before[0]
        assert seen(hour) <= before[1]
    made = hour.orders[orders:]
    if become in (held, hidden, blocked) and not shows:
        assert not any(isinstance(o.op, Endorse) for o in made)
        assert not any(isinstance(o.op, Publish) and o.op.reach == "quiet" for o in made)
    count = len(hour.orders)
    again = shortcut(hour, verb, ref)
    if isinstance(said, str) and said.startswith("Done") and verb not in ("reply", "move"):
        assert isinstance(again, str)
        assert not again.startswith("Done")
        assert not any(o.lane == "people" for o in hour.orders[count:])
    replayed = Session()
    for recorded in hour.events:
        replayed.decide(recorded)
    assert replayed.digest() == hour.session.digest()


def test_two_hosts_at_once_do_one_thing() -> None:
    hosts = (Host("Wren Adair", (("slack", "UHOST"),)), Host("Vanessa Garrity", (("slack", "UHOST2"),)))
    hour = Hour(community(chat(hosts=hosts)))
    hour.until(6)
    hour.write(post("1", HARM))
    for verb in ("like", "boost", "block", "unblock", "hide", "restore", "erase"):
        first = hour.command(verb, "1", by="slack:T1/UHOST")
        second = hour.command(verb, "1", by="slack:T1/UHOST2")
        assert first.startswith("Done"), verb
        assert not second.startswith("Done"), verb
    assert len([o for o in hour.orders if isinstance(o.op, Endorse)]) == 2
    assert len([o for o in hour.orders if isinstance(o.op, Retract) and o.lane == "people"]) == 2

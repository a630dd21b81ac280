"""Controls used on messages: which entries they mean, told once and more than once, by hosts and by others."""

from __future__ import annotations

import pytest

from bridge.chat.session import Session
from bridge.chat.verbs import entries
from bridge.model import Command, Form, Notice, Ref
from bridge.settings import Host
from tests.unit.hosting import (
    OTHER_HOST,
    STRANGER,
    at,
    gathered,
    hand_in,
    hiding,
    press,
    react,
    shortcut,
    three,
    unreact,
    use,
)
from tests.unit.make import SLACK_HOST, Hour, chat, community, post

OURS = "That is ours"
REFUSED = "Only the hosts of this chat can do that."


def two_hosts() -> Hour:
    hosts = (Host("Wren Adair", (("slack", "UHOST"),)), Host("Vanessa Garrity", (("slack", "UHOST2"),)))
    hour = Hour(community(chat(hosts=hosts)))
    hour.until(6)
    return hour


# ---------------------------------------------------------------- which entry


def test_a_copy_and_the_post_itself_mean_their_entry() -> None:
    hour = Hour()
    hour.until(6)
    hour.write(post("1", "A1: one #WardChat"), post("s1", "A1: two", network="slack"))
    assert react(hour, "hide", at(hour, 1)) == "Done: entry 1 is hidden."
    assert react(hour, "hide", Ref("slack", "s1")) == "Done: entry 2 is hidden."


def test_a_gathered_message_is_hidden_whole_and_restored_singly() -> None:
    hour = gathered(*three())
    assert set(hour.mirrored()) == {1, 2, 3}
    assert react(hour, "hide", at(hour, 2)) == "Done: entries 1, 2 and 3 are hidden."
    assert hour.mirrored() == {}
    notice = hiding(hour)
    assert [b.label for b in notice.buttons] == ["Restore all", "Restore 1", "Restore 2", "Restore 3"]
    assert "thing" not in notice.text
    assert "Entry 2 (A1, @nurse-02@ward.example, Mastodon) is off our screens.\n" in notice.text
    assert press(hour, notice.buttons[2]) == "Done: entry 2 is shown."
    assert set(hour.mirrored()) == {2}
    assert [b.label for b in hiding(hour).buttons] == ["Restore all", "Restore 1", "Restore 3"]
    assert "Entry 2 (A1, @nurse-02@ward.example, Mastodon) is shown again." in hiding(hour).text
    for left in notice.buttons[1::2]:
        press(hour, left)
    assert hiding(hour).buttons == ()
    assert press(hour, notice.buttons[1]) == "Entry 1 is already shown."


def test_of_many_that_were_hidden_together_the_newest_are_named_and_all_have_one_button() -> None:
    hour = gathered(*(post(f"{n}", f"A1: thing {n} #WardChat", by=f"nurse-{n:02}") for n in range(1, 31)))
    react(hour, "hide", at(hour, 2))
    notice = hiding(hour)
    assert [b.label for b in notice.buttons] == ["Restore all", *(f"Restore {n}" for n in range(21, 31))]
    assert "Entry 30 (A1, @nurse-30@ward.example, Mastodon) is off our screens." in notice.text
    assert "Entries 1, 2, 3," in notice.text
    assert "and 20 are off our screens too; to show one again: restore 1." in notice.text
    assert len(notice.text) < 1_500
    for n in range(2, 21):
        hour.command("restore", str(n))
    assert "Entry 1 is off our screens too; to show one again: restore 1." in hiding(hour).text
    assert str(press(hour, notice.buttons[0])).startswith("Done: shown again: 1, 21, 22,")
    assert len(hour.mirrored()) == 30
    assert hiding(hour).buttons == ()
    assert press(hour, notice.buttons[0]) == "They are all shown already, or gone."


ONE_BY_ONE = sorted(entries.VERBS.keys() - {"hide", "show", "noticed", "unnoticed"})


@pytest.mark.parametrize("verb", ONE_BY_ONE)
def test_everything_else_asks_which_of_them(verb: str) -> None:
    hour = gathered(*three())
    orders = len(hour.orders)
    form = shortcut(hour, verb, at(hour, 2))
    assert isinstance(form, Form)
    assert [c.value for c in form.choices] == ["1", "2", "3"]
    assert "A1 · 2 @nurse-02@ward.example: A1: thing 2" in form.choices[1].label
    assert all(len(c.label) <= 75 for c in form.choices)
    words = use(hour, Command(verb, SLACK_HOST, at=at(hour, 2)))
    assert isinstance(words, str)
    assert words.startswith("That message shows entries 1, 2 and 3. Say which one: ")
    assert len(hour.orders) == orders
    if verb == "like":
        assert hand_in(hour, form, choice="3") == "Done: entry 3 is liked on Mastodon."


def test_what_is_picked_is_asked_on() -> None:
    """Which entry, then to which question."""
    hour = gathered(*three())
    hour.until(16)
    which = shortcut(hour, "move", at(hour, 2))
    assert isinstance(which, Form)
    where = hand_in(hour, which, choice="3")
    assert isinstance(where, Form)
    assert [c.value for c in where.choices] == ["Q1", "Q2"]
    assert hand_in(hour, where, choice="Q2") == "Done: entry 3 moves to Q2."
    assert hand_in(hour, where, choice="Q2") == "Entry 3 already belongs to Q2."


@pytest.mark.parametrize("verb", ["hide", "like", "boost", "reply", "block", "erase", "move", "more"])
def test_a_message_of_ours_is_ours(verb: str) -> None:
    hour = Hour()
    hour.until(6)
    hour.write(post("s1", "A1: one", network="slack"))
    assert hour.command("reply", "1 thank you") == "Done: entry 1 is answered on Slack."
    answer = next(p for p, c in hour.standing["slack"].items() if "thank you" in repr(c))
    orders = len(hour.orders)
    for ref in (hour.copy_of("q1", "slack"), Ref("slack", answer)):
        said = shortcut(hour, verb, ref)
        assert isinstance(said, str)
        assert said.startswith(OURS)
    assert len(hour.orders) == orders
    assert not any(e.hidden for e in hour.entries.values())


def test_where_nothing_of_the_chat_stands_nothing_is_done() -> None:
    hour = Hour()
    hour.until(6)
    nowhere = Ref("slack", "elsewhere")
    assert (
        react(hour, "hide", nowhere) == "Nothing of the chat stands there, or not any more; nothing was done."
    )
    assert react(hour, "like", nowhere, reaction="heart") is None
    assert react(hour, "noticed", nowhere, reaction="tada") is None
    assert react(hour, "hide", nowhere, by=STRANGER) is None


def test_a_reaction_that_came_too_early_counts_when_it_is_told_again() -> None:
    hour = Hour()
    hour.until(6)
    ref = Ref("slack", "s1")
    react(hour, "hide", ref)
    hour.write(post("s1", "A1: one", network="slack"))
    assert react(hour, "hide", ref) == "Done: entry 1 is hidden."


# ---------------------------------------------------------------- told twice, and taken back


def test_a_reaction_is_obeyed_once_and_written_down_once() -> None:
    hour = Hour()
    hour.until(6)
    hour.write(post("s1", "A1: one", network="slack"))
    ref = Ref("slack", "s1")
    assert react(hour, "hide", ref) == "Done: entry 1 is hidden."
    assert hour.command("restore", "1") == "Done: entry 1 is shown."
    assert react(hour, "hide", ref) is None, "the history tells of it again"
    assert unreact(hour, "restore", ref) == ""
    assert react(hour, "hide", ref) == "Done: entry 1 is hidden."
    assert unreact(hour, "restore", ref) == "Done: entry 1 is shown."
    assert unreact(hour, "restore", ref) is None


@pytest.mark.parametrize("reaction", ["no_entry_sign", "no_entry"])
def test_what_two_hosts_hid_is_restored_by_the_last_of_them(reaction: str) -> None:
    hour = two_hosts()
    hour.write(post("s1", "A1: one", network="slack"))
    ref = Ref("slack", "s1")
    react(hour, "hide", ref)
    assert react(hour, "hide", ref, by=OTHER_HOST, reaction=reaction) == "Entry 1 is already hidden."
    assert react(hour, "hide", ref, by=STRANGER) is not None
    assert unreact(hour, "restore", ref) == "It stays hidden: another host hid it as well."
    assert hour.entries[1].hidden
    assert unreact(hour, "restore", ref, by=OTHER_HOST, reaction=reaction) == "Done: entry 1 is shown."


def test_a_like_stays_while_another_host_stands_by_it() -> None:
    hour = two_hosts()
    hour.write(post("1", "A1: one #WardChat"))
    ref = at(hour, 1)
    react(hour, "like", ref, reaction="heart")
    react(hour, "like", ref, by=OTHER_HOST, reaction="heart")
    assert unreact(hour, "unlike", ref, reaction="heart") == ""
    assert len(hour.endorsed) == 1
    unreact(hour, "unlike", ref, by=OTHER_HOST, reaction="heart")
    assert hour.endorsed == {}


# ---------------------------------------------------------------- other people's reactions


def test_what_others_react_is_not_written_down_but_for_a_wish_to_hide() -> None:
    hour = Hour()
    hour.until(6)
    hour.write(post("1", "A1: one #WardChat"))
    ref = at(hour, 1)
    events = len(hour.events)
    for verb, reaction in (("like", "heart"), ("boost", "star"), ("noticed", "tada")):
        assert react(hour, verb, ref, by=STRANGER, reaction=reaction) is None
    for verb, reaction in (("unlike", "heart"), ("restore", "no_entry_sign"), ("unnoticed", "tada")):
        assert unreact(hour, verb, ref, by=STRANGER, reaction=reaction) is None
    assert len(hour.events) == events
    said = react(hour, "hide", ref, by=STRANGER)
    assert isinstance(said, str)
    assert said.startswith(REFUSED)
    assert react(hour, "hide", ref, by=STRANGER) is None, "once is enough"
    assert not hour.entries[1].hidden
    assert hour.mirrored() == {1: "A1: one #WardChat"}


@pytest.mark.parametrize("verb", sorted(entries.VERBS))
def test_every_verb_is_refused_to_who_is_no_host(verb: str) -> None:
    hour = Hour()
    hour.until(6)
    hour.write(post("1", "A1: one #WardChat"), post("s1", "A1: two", network="slack"))
    before = {no: (e.hidden, e.held, e.questions, e.noticed) for no, e in hour.entries.items()}
    orders = len(hour.orders)
    for text in ("1", "1 Q1", "2 some words"):
        said = hour.command(verb, text, by=STRANGER)
        assert said.startswith("Only the hosts of this chat can do ")
    for ref in (at(hour, 1), Ref("slack", "s1")):
        told = shortcut(hour, verb, ref, by=STRANGER)
        assert isinstance(told, str)
        assert told.startswith("Only the hosts of this chat can do ")
    assert {no: (e.hidden, e.held, e.questions, e.noticed) for no, e in hour.entries.items()} == before
    assert len(hour.orders) == orders
    assert not any(p.blocked for p in hour.session.state.people.all.values())


# ---------------------------------------------------------------- notice


def test_a_reaction_is_notice_taken_and_so_is_every_kindness() -> None:
    hour = two_hosts()
    hour.write(*(post(str(n), f"A1: thing {n} #WardChat", by=f"nurse-0{n}") for n in range(1, 6)))
    assert react(hour, "noticed", at(hour, 1), reaction="tada") == ""
    assert react(hour, "noticed", at(hour, 1), by=OTHER_HOST, reaction="tada") == ""
    for no, verb in enumerate(("like", "boost", "reply", "welcome"), 2):
        hour.command(verb, f"{no} well said")
    assert [e.noticed for e in hour.entries.values()] == [(SLACK_HOST, OTHER_HOST)] + [(SLACK_HOST,)] * 4
    assert unreact(hour, "unnoticed", at(hour, 1), reaction="tada") == ""
    assert hour.entries[1].noticed == (OTHER_HOST,)
    assert hour.command("noticed", "1") == "Done: entry 1 is marked as seen."
    assert hour.command("noticed", "1") == "You have marked entry 1 as seen already."
    assert hour.command("unnoticed", "1") == "Done: entry 1 is no longer marked as seen."
    assert hour.command("unnoticed", "1") == "You had not marked entry 1 as seen."


def test_a_reaction_to_several_is_to_each() -> None:
    hour = gathered(*three())
    assert react(hour, "noticed", at(hour, 2), reaction="tada") == ""
    assert all(e.noticed == (SLACK_HOST,) for e in hour.entries.values())
    assert react(hour, "noticed", hour.copy_of("q1", "slack"), reaction="tada") == ""


@pytest.mark.parametrize("verb", ["like", "boost"])
def test_in_the_room_itself_the_reaction_is_all_there_is(verb: str) -> None:
    hour = Hour()
    hour.until(6)
    hour.write(post("s1", "A1: one", network="slack"))
    assert react(hour, verb, Ref("slack", "s1"), reaction="heart") == ""
    assert hour.entries[1].noticed == (SLACK_HOST,)
    assert hour.endorsed == {}
    assert unreact(hour, f"un{verb}", Ref("slack", "s1"), reaction="heart") == ""


@pytest.mark.parametrize("how", ["words", "button"])
def test_what_a_host_hid_otherwise_does_not_come_back_with_a_reaction(how: str) -> None:
    hour = two_hosts()
    hour.write(post("s1", "A1: one", network="slack"))
    here = Ref("slack", "s1")
    hour.command("hide", "1") if how == "words" else shortcut(hour, "hide", here)
    assert react(hour, "hide", here, by=OTHER_HOST) == "Entry 1 is already hidden."
    assert unreact(hour, "restore", here, by=OTHER_HOST) == (
        "It stays hidden: Wren Adair hid it. To show it again: show 1."
    )
    assert hour.entries[1].hidden
    assert hour.command("show", "1") == "Done: entry 1 is shown."


# ---------------------------------------------------------------- more


def test_more_offers_what_can_be_done() -> None:
    hour = Hour()
    hour.until(6)
    hour.write(post("1", "A1: one #WardChat"))

    def offered() -> list[str]:
        notice = shortcut(hour, "more", Ref("mastodon", "1"))
        assert isinstance(notice, Notice)
        assert notice.text == "Entry 1 (A1, @nurse@ward.example, Mastodon)."
        assert all(b.item == "1" for b in notice.buttons)
        assert [b.verb for b in notice.buttons if b.confirm] == ["erase", "block"]
        return [b.verb for b in notice.buttons]

    kind = ["like", "boost", "reply", "welcome", "promote"]
    assert offered() == ["hide", *kind, "move", "erase", "block"]
    hour.command("like", "1")
    assert offered()[1] == "unlike"
    hour.command("hide", "1")
    assert offered() == ["restore", "note", "report", "signpost", "erase", "block"]


def test_who_wrote_it_is_offered_to_send_it() -> None:
    hour = Hour()
    hour.until(6)
    hour.write(post("s1", "A1: one", network="slack", by="ann"), post("s2", "A1: two", network="slack"))
    notice = shortcut(hour, "more", Ref("slack", "s1"), by=STRANGER)
    assert isinstance(notice, Notice)
    assert [(b.verb, b.item) for b in notice.buttons] == [("send", "1")]
    said = shortcut(hour, "more", Ref("slack", "s2"), by=STRANGER)
    assert isinstance(said, str)
    assert said.startswith("Only the hosts of this chat can do more.")


def test_who_is_no_host_learns_nothing_of_others_words() -> None:
    """Hidden a moment ago, it may still stand in a message of several."""
    hour = gathered(*three())
    place = at(hour, 2)
    hour.down.add("slack")
    hour.command("hide", "2")
    said = shortcut(hour, "more", place, by=STRANGER)
    assert isinstance(said, str)
    assert said.startswith("Only the hosts of this chat can do more.")
    assert isinstance(shortcut(hour, "more", place), Form)


def test_a_replay_knows_what_was_told() -> None:
    hour = gathered(*three())
    react(hour, "hide", at(hour, 2))
    again = Session()
    for recorded in hour.events:
        again.decide(recorded)
    assert again.digest() == hour.session.digest()

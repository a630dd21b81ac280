"""The hosts' room on emulate: forms, Home tabs, pins, answers and reactions, as its server keeps them.

Chat time runs as real time does: a form can be opened for three seconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bridge.model import (
    Board,
    Button,
    Choice,
    Command,
    Count,
    Field,
    Form,
    Line,
    Notice,
    Publish,
    Written,
)
from simulator.stage import Person
from tests.conformance.came import Session
from tests.conformance.rig import Rig
from tests.peers import slack_hands as hands
from tests.peers.slack_peer import ApiError, Json
from tests.peers.slack_stage import EmulateStage
from tests.peers.slack_subject import EmulatedSlack, refused, slack, stage

pytestmark = pytest.mark.peers

FORM = Form(
    "Move an answer",
    "move",
    "tea",
    item="42",
    words="Where does it belong?",
    field=Field("Why", "just so", hint="Nobody else reads it"),
    choices=(Choice("Q1", "Q1 · What is it?"), Choice("Q2", "Q2 · What for?")),
    chosen="Q2",
    buttons=(Button("Preview", "preview", "tea", item="q3"),),
)


@asynccontextmanager
async def room() -> AsyncIterator[tuple[Rig, EmulateStage, Session, Person]]:
    """A link that is read, and a host."""
    async with EmulatedSlack().rig(speed=1.0) as rig, rig.open() as link:
        yield rig, stage(rig), link, rig.person(name="host")


async def heard(link: Session, verb: str, n: int = 1) -> Command:
    """The n-th command with this verb."""
    found: list[Command] = []

    def came() -> bool:
        found[:] = [command for command in link.others(Command) if command.verb == verb]
        return len(found) >= n

    await link.until(came, f"{n} of the command {verb}")
    return found[n - 1]


def board(rig: Rig, title: str = "Tea and tides") -> Board:
    now = rig.time.now()
    counts = (Count("Mastodon", 231, 500), Count("Bluesky", 120, 300, 2))
    lines = (
        Line("q1", "Q1", "What is it?", now, "posted"),
        Line("q2", "Q2", "What for?", now + 60_000_000, "planned", counts=counts, editable=True),
    )
    buttons = (Button("Next", "next", "tea", item="q2"), Button("Hold", "hold", "tea", item="q2"))
    zone = {"zone": "Europe/London", "lines": lines, "current": "q1", "upcoming": "q2", "buttons": buttons}
    return Board("tea", title, "CoastalTea", now, "open", now, now + 3_600_000_000, **zone)  # type: ignore[arg-type]


async def opened(link: Session, command: Command, st: EmulateStage, form: Form = FORM) -> Json:
    """The view of a form that answers a command, as emulate keeps it."""
    await slack(link).answer(command.answer, form)
    answer = st.shim.answers("views.open")[-1]
    assert answer["ok"], answer
    view: Json = answer["view"]
    return view


# ---------------------------------------------------------------- forms


async def test_a_form_opens_on_a_command_and_comes_back() -> None:
    async with room() as (rig, st, link, host):
        hands.types(st, host, "move 42")
        asked = await heard(link, "move")
        assert (asked.text, asked.forms) == ("42", True)
        view = await opened(link, asked, st)
        assert (view["type"], view["callback_id"]) == ("modal", "chatbridge:move")
        assert (view["bot_id"], view["app_id"]) == (st.workspace.bot, st.workspace.app)
        hands.hands_in(st, host, view, words="it says so", choice="Q1")
        done = await heard(link, "move", 2)
        assert (done.chat, done.item, done.text, done.choice) == ("tea", "42", "it says so", "Q1")
        assert done.by == asked.by
        await slack(link).answer(done.answer, "Done: 42 stands under Q1.")
        assert st.shim.answers("chat.postEphemeral")[-1]["ok"]
        assert not refused(rig)


async def test_a_form_opens_from_a_message_s_menu() -> None:
    async with room() as (rig, st, link, host):
        said = rig.says(rig.person(), "an answer")
        await link.expect(Written, said)
        hands.chooses(st, host, "chatbridge:reply", said)
        command = await heard(link, "reply")
        assert command.at is not None
        assert command.at.id == said.id
        await opened(link, command, st)
        assert not refused(rig)


async def test_a_form_is_replaced_in_its_place() -> None:
    async with room() as (rig, st, link, host):
        hands.types(st, host, "move 42")
        view = await opened(link, await heard(link, "move"), st)
        button = next(b for b in view["blocks"] if b["type"] == "actions")["elements"][0]
        hands.presses(st, host, view, button, words="so far", choice="Q1")
        pressed = await heard(link, "preview")
        assert (pressed.text, pressed.choice, pressed.item) == ("so far", "Q1", "q3")
        await slack(link).answer(pressed.answer, FORM)
        updated = st.shim.answers("views.update")[-1]
        assert updated["view"]["id"] == view["id"]
        assert updated["view"]["hash"] != view["hash"]
        assert {b["block_id"] for b in updated["view"]["blocks"] if b["type"] == "input"}.isdisjoint(
            b["block_id"] for b in view["blocks"] if b["type"] == "input"
        )
        await slack(link).answer(pressed.answer, "Done: what an older press asked for.")
        assert st.shim.answers("views.update")[-1]["error"] == "hash_conflict"
        assert not st.shim.answers("chat.postEphemeral")
        hands.presses(st, host, updated["view"], button)
        again = await heard(link, "preview", 2)
        await slack(link).answer(again.answer, Notice("Done."))
        told = st.shim.answers("views.update")[-1]
        assert told["ok"]
        assert told["view"]["id"] == view["id"]
        assert [call.answer["error"] for call in refused(rig)] == ["hash_conflict"]


async def test_a_form_whose_trigger_is_used_up_is_said_in_words() -> None:
    async with room() as (_, st, link, host):
        hands.types(st, host, "move 42")
        command = await heard(link, "move")
        await opened(link, command, st)
        await slack(link).answer(command.answer, FORM)
        assert st.shim.answers("views.open")[-1]["error"] == "exchanged_trigger_id"
        told = next(call.asked for call in st.shim.calls if call.method == "chat.postEphemeral")
        assert told["user"] == host.account
        assert "/chat move 42" in told["text"]


# ---------------------------------------------------------------- the Home tab and the board


async def test_the_home_tab_is_published_and_kept_up_to_date() -> None:
    async with room() as (rig, st, link, host):
        hands.looks_home(st, host)
        command = await heard(link, "home")
        await slack(link).answer(command.answer, board(rig))
        first = st.shim.answers("views.publish")[-1]
        assert (first["ok"], first["view"]["type"]) == (True, "home")
        sent = await link.sent(rig.order(Publish(board(rig)), place="hosts"))
        await slack(link).show(sent.ref, board(rig, "Tides and tea"))
        second = st.shim.answers("views.publish")[-1]
        assert second["view"]["id"] == first["view"]["id"]
        assert second["view"]["hash"] != first["view"]["hash"]
        assert "Tides and tea" in str(second["view"]["blocks"])
        edit = next(b["accessory"] for b in second["view"]["blocks"] if "accessory" in b)
        hands.presses(st, host, second["view"], edit)
        view = await opened(link, await heard(link, "edit"), st, Form("Edit Q2", "edit", "tea", item="q2"))
        assert view["type"] == "modal"
        assert not refused(rig)


async def test_somebody_else_s_home_tab() -> None:
    async with room() as (rig, st, link, _):
        hands.looks_home(st, rig.person())
        await slack(link).answer((await heard(link, "home")).answer, Notice("What the bridge keeps of you"))
        assert st.shim.answers("views.publish")[-1]["ok"]
        assert not refused(rig)


async def test_the_board_is_pinned_once() -> None:
    """By each process; that the one before has done it is no trouble."""
    async with EmulatedSlack().rig(speed=1.0) as rig:
        pins = stage(rig).shim
        async with rig.open(read=False) as link:
            sent = await link.sent(rig.order(Publish(board(rig)), place="hosts"))
            await slack(link).show(sent.ref, board(rig))
            await slack(link).show(sent.ref, board(rig, "Tides and tea"))
            assert pins.answers("pins.add") == [{"ok": True}]
        async with rig.open(read=False) as link:
            await slack(link).show(sent.ref, board(rig))
            assert pins.answers("pins.add")[-1]["error"] == "already_pinned"
            await slack(link).show(sent.ref, board(rig, "Tea once more"))
            assert len(pins.answers("pins.add")) == 2
        channel, ts = sent.ref.id.split("/")
        history = stage(rig).read("conversations.history", channel=channel)["messages"]
        (shown,) = (message for message in history if message["ts"] == ts)
        assert "Tea once more" in str(shown["blocks"])


# ---------------------------------------------------------------- answers


async def test_a_word_back_reaches_its_person_alone() -> None:
    async with room() as (_, st, link, host):
        hands.types(st, host, "status")
        command = await heard(link, "status")
        await slack(link).answer(command.answer, "<!channel> All is *well* & good.")
        call = next(call for call in st.shim.calls if call.method == "chat.postEphemeral")
        assert call.answer["ok"]
        assert (call.asked["channel"], call.asked["user"]) == (st.workspace.hosts, host.account)
        assert call.asked["text"].startswith("&lt;!channel&gt;")


async def test_where_our_app_cannot_whisper_it_writes_directly() -> None:
    """A guest who is not in the room they typed the command in."""
    async with room() as (rig, st, link, _):
        guest = rig.person(name="guest")
        st.ask(guest, "conversations.leave", channel=st.workspace.hosts)
        hands.types(st, guest, "me")
        await slack(link).answer((await heard(link, "me")).answer, "This is what we keep of you.")
        assert st.shim.answers("chat.postEphemeral")[-1]["error"] == "user_not_in_channel"
        sent = st.shim.answers("chat.postMessage")[-1]
        assert sent["channel"].startswith("D")
        held = st.ask(guest, "conversations.history", channel=sent["channel"])["messages"]
        assert "This is what we keep of you." in held[0]["text"]


# ---------------------------------------------------------------- reactions


@pytest.mark.parametrize(
    ("emoji", "added", "removed"),
    [
        ("no_entry_sign", "hide", "restore"),
        ("heart", "like", "unlike"),
        ("star", "boost", "unboost"),
        ("tada", "noticed", "unnoticed"),
    ],
)
async def test_a_reaction_is_a_command_and_is_taken_back(emoji: str, added: str, removed: str) -> None:
    async with room() as (rig, st, link, host):
        said = rig.says(rig.person(), "an answer")
        await link.expect(Written, said)
        st.react(host, said.id, emoji)
        given = await heard(link, added)
        assert given.at is not None
        assert given.at.id == said.id
        assert given.by.endswith(f"/{host.account}")
        st.react(host, said.id, emoji, add=False)
        back = await heard(link, removed)
        assert (back.again, back.at) == (given.once, given.at)


async def test_a_reaction_is_found_in_the_history() -> None:
    """Given while nobody listened, it is told under the same name as live."""
    async with EmulatedSlack().rig() as rig:
        st, host = stage(rig), rig.person(name="host")
        said = rig.says(rig.person(), "an answer")
        async with rig.open() as link:
            await link.expect(Written, said)
            st.react(host, said.id, "no_entry_sign")
            live = await heard(link, "hide")
            last = link.cursor
        async with rig.open(last) as link:
            again = await heard(link, "hide")
            assert (again.once, again.at, again.by) == (live.once, live.at, live.by)
        st.react(rig.person(), said.id, "no_entry_sign")
        async with rig.open(last) as link:
            await heard(link, "hide", 2)
            acts = {command.once for command in link.others(Command)}
            assert live.once in acts
            assert len(acts) == 2


async def test_a_reaction_given_twice_is_refused_and_said_once() -> None:
    async with room() as (rig, st, link, host):
        said = rig.says(rig.person(), "an answer")
        await link.expect(Written, said)
        st.react(host, said.id, "heart")
        with pytest.raises(ApiError, match="already_reacted"):
            st.react(host, said.id, "heart")
        st.react(host, said.id, "star")
        await heard(link, "boost")
        assert [c.verb for c in link.others(Command)] == ["like", "boost"]

"""What people are shown over the real wire: forms, Home tabs, the board, and the word back, whatever Slack says."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.model import (
    MINUTE,
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
    Ref,
)
from simulator.slack.server import SCOPES
from simulator.slack.wire import CHAT, HOSTS
from simulator.stage import Person
from tests.adapters import phone
from tests.adapters.slack_rig import server, slack, subject
from tests.conformance.came import Session
from tests.conformance.rig import Rig

REPLY = Form("Reply", "reply", "tea", "42", words="Signed ^LS.", field=Field("Your reply", text="Thank you!"))
EVIL = "<!channel> <@U1> *bold* :tada:"


def board(**more: Any) -> Board:
    sheet = (
        Line(
            "q1",
            "Q1",
            "Who pours?",
            5 * MINUTE,
            "planned",
            counts=(Count("Slack", 10, 3_500),),
            editable=True,
        ),
    )
    given: dict[str, Any] = {"now": MINUTE, "entries": 3, "lines": sheet, "upcoming": "q1"} | more
    return Board(
        "tea",
        "Tea",
        "CoastalTea",
        phase="open",
        starts=0,
        ends=60 * MINUTE,
        zone="Europe/London",
        **given,
    )


async def commanded(rig: Rig, link: Session, host: Person, text: str, channel: str = HOSTS) -> str:
    """A host types `/chat TEXT`: where it is answered."""
    before = len(link.others(Command))
    assert server(rig).command(host, text, channel)
    return await _next(link, before)


async def pressed(rig: Rig, link: Session, host: Person, verb: str, **entered: str) -> str:
    """A host presses a button of the form they see, or of the Home tab: where it is answered."""
    before = len(link.others(Command))
    assert server(rig).press(host, verb, **entered)
    return await _next(link, before)


async def looked(rig: Rig, link: Session, person: Person) -> str:
    """Somebody looks at the app's Home tab: where it is answered."""
    before = len(link.others(Command))
    assert server(rig).open_home(person)
    return await _next(link, before)


async def _next(link: Session, before: int) -> str:
    await link.until(lambda: len(link.others(Command)) > before, "a Command")
    command: Command = link.others(Command)[before]
    return command.answer


def form(rig: Rig, person: Person) -> str:
    """What somebody's phone shows of the form they see."""
    view = server(rig).modal(person)
    return "" if view is None else phone.modal(view)


def home(rig: Rig, person: Person) -> str:
    """What somebody's phone shows of the Home tab."""
    view = server(rig).home(person)
    return "" if view is None else phone.screen(view["blocks"])


def told(rig: Rig) -> list[tuple[str, str, str]]:
    """Where, to whom and what was said for one person's eyes."""
    return [(w.channel, w.user, w.words) for w in server(rig).whispers]


def directly(rig: Rig) -> list[str]:
    return [s.text for s in rig.stage.said.values() if s.ours and s.place == "direct"]


async def back(rig: Rig) -> None:
    await rig.until(lambda: not server(rig).down(), "Slack to be back")


def calls(rig: Rig, method: str) -> int:
    return [m for m, _ in server(rig).api.calls].count(method)


# ---------------------------------------------------------------- forms


async def test_a_form_opens_and_what_is_handed_in_is_answered_where_it_was_asked_for() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host = rig.person(name="lucy")
        await slack(link).answer(await commanded(rig, link, host, "reply 42"), REPLY)
        assert form(rig, host) == "== Reply ==\nSigned ^LS.\nYour reply: |Thank you!|\n(Cancel)  (Send)"
        assert server(rig).submit(host, "Welcome!")
        await link.until(lambda: len(link.others(Command)) == 2, "the reply")
        command = link.others(Command)[1]
        assert (command.verb, command.chat, command.item, command.text) == ("reply", "tea", "42", "Welcome!")
        await slack(link).answer(command.answer, "Done: entry 42 is answered.")
        assert told(rig) == [(HOSTS, host.account, "Done: entry 42 is answered.")]
        await rig.until(lambda: server(rig).modal(host) is None, "the form to go")


async def test_who_is_in_a_thread_is_told_there() -> None:
    """Where they look: by the menu of a reply, by the form it opened, by a button they were shown."""
    async with subject().rig() as rig, rig.open() as link:
        host, stage = rig.person(name="lucy"), server(rig)
        head = rig.says(host, "A1")
        said = rig.says(host, "and this", reply_to=head.id)
        thread = head.id.partition("/")[2]
        assert stage.shortcut(host, "chatbridge:more", said.id)
        more = Notice("Entry 42.", (Button("Reply…", "reply", "tea", item="42"),))
        await slack(link).answer(await _next(link, 0), more)
        (control,) = stage.find_control("reply")
        assert stage.use_control(host, control)
        await slack(link).answer(await _next(link, 1), REPLY)
        assert stage.submit(host, "Welcome!")
        await slack(link).answer(await _next(link, 2), "Done: entry 42 is answered.")
        assert [(w.words, w.thread) for w in stage.whispers] == [
            ("Entry 42.", thread),
            ("Done: entry 42 is answered.", thread),
        ]


async def test_a_button_in_a_form_is_answered_in_its_place() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host = rig.person(name="lucy")
        usual = Button("The usual words", "reply", "tea", item="42", text="Welcome!")
        hide = Button("Hide", "hide", "tea", item="42")
        first = Form("Reply", "reply", "tea", "42", field=Field("Your reply"), buttons=(usual, hide))
        await slack(link).answer(await commanded(rig, link, host, "reply 42"), first)
        again = Form(
            "Reply", "reply", "tea", "42", field=Field("Your reply", text="Welcome!"), buttons=(hide,)
        )
        await slack(link).answer(await pressed(rig, link, host, "reply", text="typed so far"), again)
        assert form(rig, host) == "== Reply ==\nYour reply: |Welcome!|\n[Hide]\n(Cancel)  (Send)"
        held = [v for block in server(rig).modal(host)["state"]["values"].values() for v in block.values()]  # type: ignore[index]
        assert [v["value"] for v in held] == ["Welcome!"], "not what was typed into the form before"
        answer = await pressed(rig, link, host, "hide")
        note = Notice("Hidden. Tell its author?", (Button("A note…", "note", "tea", "42"),))
        await slack(link).answer(answer, note)
        assert form(rig, host) == "== The chat ==\nHidden. Tell its author?\n[A note…]\n(Close)"
        await slack(link).answer(await pressed(rig, link, host, "note"), "Done: a note is sent.")
        assert form(rig, host) == "== Done ==\nDone: a note is sent.\n(Close)"
        assert told(rig) == []


async def test_an_answer_to_a_form_that_has_changed_since_is_dropped_and_to_one_that_is_gone_is_said() -> (
    None
):
    async with subject().rig() as rig, rig.open() as link:
        host = rig.person(name="lucy")
        hide = (Button("Hide", "hide", "tea", item="42"),)
        await slack(link).answer(
            await commanded(rig, link, host, "more 42"), Form("Entry 42", "more", "tea", "42", buttons=hide)
        )
        first, second = await pressed(rig, link, host, "hide"), await pressed(rig, link, host, "hide")
        await slack(link).answer(first, "Done: entry 42 is hidden.")
        await slack(link).answer(second, "Entry 42 is hidden already.")
        assert form(rig, host) == "== Done ==\nDone: entry 42 is hidden.\n(Close)"
        assert told(rig) == []
        server(rig).close(host)
        await slack(link).answer(second, "Entry 42 is hidden already.")
        assert told(rig) == [(HOSTS, host.account, "Entry 42 is hidden already.")]


async def test_a_form_that_cannot_be_opened_any_more_is_said_in_words() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host = rig.person(name="lucy")
        server(rig).triggers.patience, patience = 0.0, server(rig).triggers.patience
        late = await commanded(rig, link, host, "reply 42")
        server(rig).triggers.patience = patience
        used = await commanded(rig, link, host, "reply 42")
        await slack(link).answer(used, REPLY)
        huge = Form("Move", "move", "t" * 4_000, "42", choices=(Choice("q1", "Q1"),))
        for answer, asked in (
            (late, REPLY),
            (used, REPLY),
            (await commanded(rig, link, host, "move 42"), huge),
        ):
            await slack(link).answer(answer, asked)
        sorry = (
            "The form could not be opened: Slack allows only three seconds for it. "
            "Please try once more, or say it in one line: "
        )
        assert [words for _, _, words in told(rig)] == [
            f"{sorry}/chat reply 42 YOUR WORDS",
            f"{sorry}/chat reply 42 YOUR WORDS",
            f"{sorry}/chat move 42 …. In place of … one of: q1.",
        ]


# ---------------------------------------------------------------- the Home tab


async def test_a_hosts_home_tab_follows_the_chat() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host, other = rig.person(name="lucy"), rig.person(name="nurse")
        sent = await link.sent(rig.order(Publish(board()), lane="hosts", place="hosts"))
        for person in (host, other):
            await slack(link).answer(await looked(rig, link, person), board())
        assert "Who pours?\nSlack 10/3,500  [Edit…]" in home(rig, host)
        await slack(link).show(sent.ref, board(entries=4, now=2 * MINUTE))
        assert calls(rig, "views.publish") == 2, "what is different every minute is no news there"
        await slack(link).answer(await looked(rig, link, other), Notice("Your answers stay in Slack."))
        await slack(link).show(sent.ref, board(lead="Kim"))
        assert "Kim leads" in home(rig, host)
        assert home(rig, other) == "Your answers stay in Slack.", "no host any more"
        assert calls(rig, "views.publish") == 4
        await slack(link).show(sent.ref, Board("another", "Tea", "T", 1, "open", 0, 2, "UTC", lead="Bo"))
        assert calls(rig, "views.publish") == 4, "that is another chat"
        rig.strike("outage")
        await slack(link).show(sent.ref, board(lead="Bo"))
        await back(rig)
        await slack(link).show(sent.ref, board(lead="Bo"))
        assert "Bo leads" in home(rig, host), "what failed is made up for"


async def test_what_a_button_of_the_home_tab_tells_leaves_the_run_sheet_there() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host = rig.person(name="lucy")
        await slack(link).answer(await looked(rig, link, host), board())
        before = home(rig, host)
        await slack(link).answer(await pressed(rig, link, host, "preview"), Notice("Q1 on Slack: Who pours?"))
        assert form(rig, host) == "== The chat ==\nQ1 on Slack: Who pours?\n(Close)"
        server(rig).close(host)
        await slack(link).answer(await pressed(rig, link, host, "edit"), REPLY)
        assert form(rig, host).startswith("== Reply ==")
        server(rig).close(host)
        await slack(link).answer(await pressed(rig, link, host, "say"), "Done: your words go out.")
        assert directly(rig) == ["Done: your words go out."]
        assert home(rig, host) == before
        assert told(rig) == []


async def test_a_home_tab_with_a_word_for_anybody() -> None:
    async with subject().rig() as rig, rig.open() as link:
        nurse = rig.person(name="nurse")
        await slack(link).answer(await looked(rig, link, nurse), "There is no chat at present.")
        assert home(rig, nurse) == "There is no chat at present."
        answer = await looked(rig, link, nurse)
        rig.strike("outage")
        await slack(link).answer(answer, "There is one.")
        await back(rig)
        assert directly(rig) == [], "nobody who only looks is written to"


# ---------------------------------------------------------------- words and boards


async def test_words_a_notice_or_a_board_for_one_persons_eyes() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host = rig.person(name="lucy")
        answer = await commanded(rig, link, host, "status")
        ask = Notice("Q3 is held. Post it?", (Button("Post now", "post", "tea", "q3"),))
        for reply in (f"Entry 42 by {EVIL}", ask, board(lead="Lucy"), ""):
            await slack(link).answer(answer, reply)
        words, notice, status = server(rig).whispers
        assert {(w.channel, w.user) for w in (words, notice, status)} == {(HOSTS, host.account)}
        assert (words.words, phone.screen(words.blocks)) == (f"Entry 42 by {EVIL}",) * 2
        assert {b["type"] for b in words.blocks} == {"rich_text"}, "what somebody is called is no markup"
        assert phone.screen(notice.blocks) == "Q3 is held. Post it?\n[Post now]"
        assert "Lucy leads" in status.words
        assert "Q1 · next · Who pours?" in phone.screen(status.blocks)


@pytest.mark.parametrize("answer", ["", "C0HOSTS/U1", "[]", '{"user":1}'])
async def test_an_answer_to_nobody_is_nobodys_trouble(answer: str) -> None:
    async with subject().rig() as rig, rig.open() as link:
        for reply in ("Done.", REPLY, Notice("x"), board()):
            await slack(link).answer(answer, reply)
        assert calls(rig, "chat.postEphemeral") == 0


async def test_whatever_slack_answers_nothing_is_raised() -> None:
    async with subject().rig() as rig, rig.open() as link:
        host = rig.person(name="lucy")
        sent = await link.sent(rig.order(Publish(board()), lane="hosts", place="hosts"))
        answers = [await looked(rig, link, host), await commanded(rig, link, host, "status")]
        await slack(link).answer(answers[0], board())
        rig.strike("outage")
        for answer in answers:
            for reply in ("Done.", REPLY, Notice("x"), board(lead="Kim")):
                await slack(link).answer(answer, reply)
        await slack(link).show(sent.ref, board(lead="Kim"))


async def test_the_board_is_pinned_once() -> None:
    async with subject().rig() as rig:
        async with rig.open() as link:
            sent = await link.sent(rig.order(Publish(board()), lane="hosts", place="hosts"))
            for entries in range(3):
                await slack(link).show(sent.ref, board(entries=entries))
            pins = server(rig).api.marks.pins[HOSTS]
            assert [message.id for message, _ in pins] == [sent.ref.id]
            assert calls(rig, "pins.add") == 1
        async with rig.open() as link:  # a new process asks again, and hears that it is pinned
            await slack(link).show(sent.ref, board(entries=7))
            assert len(server(rig).api.marks.pins[HOSTS]) == 1
            assert "7 entries" in rig.stage.said[sent.ref.id].text


async def test_a_board_that_may_not_be_pinned_is_shown_all_the_same() -> None:
    async with subject(scopes=[s for s in SCOPES if s != "pins:write"]).rig() as rig, rig.open() as link:
        sent = await link.sent(rig.order(Publish(board()), lane="hosts", place="hosts"))
        for entries in (8, 9):
            await slack(link).show(sent.ref, board(entries=entries))
        assert "9 entries" in rig.stage.said[sent.ref.id].text
        assert calls(rig, "pins.add") == 1
        await slack(link).show(Ref("slack", f"{CHAT}/1.000000"), board())  # gone: nobody minds

"""The merged timeline on a network: whatever happens meanwhile, it ends up showing what it should, once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.chat.copies import LAG, MOST_CARDS, SHORT, Act, Copies, Gather, Message
from bridge.model import SECOND, Ref
from tests.unit.make import STARTS

ENTRIES = st.integers(1, 8)


class Wall:
    """A network that shows messages, and what it should show."""

    def __init__(self, size: int = 100) -> None:
        self.copies = Copies()
        self.wanted: dict[int, int] = {}
        self.revisions: dict[int, int] = {}
        self.standing: dict[int, dict[int, int]] = {}  # message -> entry -> revision, as readers see it
        self.given_up: set[int] = set()
        self.flying: tuple[Message, dict[int, int]] | None = None
        self.now = STARTS
        self.orders = 0
        self.size = size

    def write(self, *entries: int) -> None:
        """These entries are new, or say something else now."""
        for no in entries:
            self.wanted[no] = self.revisions[no] = self.revisions.get(no, 0) + 1
            self.touch(no)

    def hide(self, *entries: int) -> None:
        for no in entries:
            self.wanted.pop(no, None)
            self.touch(no)

    def show(self, no: int) -> None:
        """As it was before it was hidden."""
        if no in self.revisions:
            self.wanted[no] = self.revisions[no]
            self.touch(no)

    def touch(self, no: int) -> None:
        self.copies.touch(no, self.wanted.get, self.now)

    def following(self) -> tuple[Act, tuple[int, ...], int] | None:
        return self.copies.following(
            self.wanted.get, lambda _: self.size, lambda one, other: one % 2 == other % 2, self.now
        )

    def begin(self) -> Gather | None:
        """Take the next step, if there is one."""
        assert self.flying is None
        step = self.following()
        if step is None:
            return None
        act, entries, message = step
        assert len(set(entries)) == len(entries)
        gather = Gather("slack", "handovers", act, entries, message)
        self.orders += 1
        flying = self.copies.begin(gather, (self.orders, 0), self.wanted.get)
        self.flying = flying, {no: self.wanted[no] for no in entries}
        return gather

    def sent(self) -> None:
        assert self.flying is not None
        (message, shows), self.flying = self.flying, None
        if message.act == "retract":
            del self.standing[message.no]
        else:
            self.standing[message.no] = shows
        self.copies.sent(message, Ref("slack", str(message.no)), self.wanted.get, self.now)

    def refused(self) -> None:
        assert self.flying is not None
        (message, _), self.flying = self.flying, None
        if message.act == "retract":
            del self.standing[message.no]  # a host has to see to it: they are told
        self.given_up.update(self.copies.refused(message, "no", self.wanted.get, self.now))

    def dropped(self) -> None:
        assert self.flying is not None
        (message, _), self.flying = self.flying, None
        self.copies.dropped(message, self.wanted.get, self.now)

    def settle(self) -> list[Gather]:
        """Take every step there is; how it went."""
        if self.flying is not None:
            self.sent()
        steps = []
        while step := self.begin():
            steps.append(step)
            self.sent()
            assert len(steps) < 100, "it never comes to rest"
        return steps

    def shown(self) -> dict[int, int]:
        return {no: revision for shows in self.standing.values() for no, revision in shows.items()}


# ---------------------------------------------------------------- step by step


def steps(wall: Wall) -> list[tuple[str, tuple[int, ...], int]]:
    return [(s.act, s.entries, s.message) for s in wall.settle()]


def test_one_entry_one_message() -> None:
    wall = Wall()
    wall.write(1, 2, 3)
    assert steps(wall) == [("publish", (1,), 0), ("publish", (2,), 0), ("publish", (3,), 0)]
    assert wall.begin() is None


def test_a_flood_is_gathered() -> None:
    wall = Wall()
    wall.write(*range(1, 9))
    wall.now += LAG + 1
    assert steps(wall) == [("publish", (1, 3, 5, 7), 0), ("publish", (2, 4, 6, 8), 0)]


def test_gathering_begins_with_the_lag_of_whoever_waits_longest() -> None:
    wall = Wall()
    wall.write(3, 5)
    wall.now += LAG + 1
    wall.write(1)  # waits for nobody yet, and comes first
    assert steps(wall) == [("publish", (1, 3, 5), 0)]


def test_a_message_has_its_bounds() -> None:
    wall = Wall(size=10)
    wall.write(*range(1, 201, 2))
    wall.now += LAG + 1
    assert [len(e) for _, e, _ in steps(wall)] == [MOST_CARDS, MOST_CARDS, 10]
    wall = Wall(size=10 * SHORT)
    wall.write(*range(1, 201, 2))
    wall.now += LAG + 1
    assert sum(len(e) for _, e, _ in steps(wall)) == 100
    assert max(len(m.entries) for m in wall.copies.messages.values()) == 28  # cut to 240, and their frames


def test_edits_update_in_place() -> None:
    wall = Wall()
    wall.write(1)
    wall.settle()
    wall.write(1)
    assert steps(wall) == [("update", (1,), 1)]
    assert wall.shown() == {1: 2}


def test_an_edit_in_flight_follows_once() -> None:
    wall = Wall()
    wall.write(1)
    wall.begin()
    wall.write(1)
    wall.write(1)
    assert wall.following() is None, "one step at a time"
    wall.sent()
    assert steps(wall) == [("update", (1,), 1)]
    assert wall.shown() == {1: 3}


def test_an_edit_undone_needs_nothing() -> None:
    wall = Wall()
    wall.write(1)
    wall.settle()
    wall.hide(1)
    wall.show(1)
    assert steps(wall) == []


def test_what_must_go_goes_before_anything_else() -> None:
    wall = Wall()
    wall.write(1, 2)
    wall.settle()
    wall.write(1, 3)
    wall.hide(2)
    assert steps(wall) == [("retract", (), 2), ("update", (1,), 1), ("publish", (3,), 0)]


def test_a_gathered_message_lives_on_without_one_of_its_entries() -> None:
    wall = Wall()
    wall.write(1, 3, 5)
    wall.now += LAG + 1
    wall.settle()
    wall.hide(3)
    assert steps(wall) == [("update", (1, 5), 1)]
    wall.hide(1, 5)
    assert steps(wall) == [("retract", (), 1)]
    wall.show(3)
    assert steps(wall) == [("publish", (3,), 0)]


def test_hidden_before_it_was_sent() -> None:
    wall = Wall()
    wall.write(1)
    wall.hide(1)
    assert steps(wall) == []


def test_what_cannot_be_updated_goes_and_comes_again() -> None:
    wall = Wall()
    wall.write(1)
    wall.settle()
    wall.write(1)
    wall.begin()
    wall.refused()
    assert steps(wall) == [("retract", (), 1), ("publish", (1,), 0)]
    assert wall.given_up == set()


def test_refused_in_company_they_go_one_by_one() -> None:
    wall = Wall()
    wall.write(1, 3)
    wall.now += LAG + 1
    wall.begin()
    wall.refused()
    wall.now += LAG + 1
    assert steps(wall) == [("publish", (1,), 0), ("publish", (3,), 0)]


def test_refused_alone_is_the_hosts_business() -> None:
    wall = Wall()
    wall.write(1)
    wall.begin()
    wall.refused()
    assert (wall.given_up, wall.copies.failed, steps(wall)) == ({1}, {1: "no"}, [])


@pytest.mark.parametrize("hidden", [True, False])
def test_a_dropped_step_is_looked_at_anew(hidden: bool) -> None:
    wall = Wall()
    wall.write(1)
    wall.begin()
    if hidden:
        wall.hide(1)
    wall.dropped()
    assert steps(wall) == ([] if hidden else [("publish", (1,), 0)])
    assert not wall.copies.failed


# ---------------------------------------------------------------- any interleaving


class Interleaving(RuleBasedStateMachine):
    """Entries are written, hidden and shown, steps begin, succeed and fail, in any order."""

    wall: Wall

    @initialize(size=st.sampled_from([10, 300, 20_000]))
    def start(self, size: int) -> None:
        self.wall = Wall(size)

    @rule(no=ENTRIES)
    def write(self, no: int) -> None:
        self.wall.write(no)

    @rule(no=ENTRIES)
    def hide(self, no: int) -> None:
        self.wall.hide(no)

    @rule(no=ENTRIES)
    def show(self, no: int) -> None:
        self.wall.show(no)

    @rule(seconds=st.integers(0, 8))
    def wait(self, seconds: int) -> None:
        self.wall.now += seconds * SECOND

    @precondition(lambda self: self.wall.flying is None)
    @rule()
    def begin(self) -> None:
        self.wall.begin()

    @precondition(lambda self: self.wall.flying is not None)
    @rule(how=st.sampled_from(["sent", "sent", "sent", "refused", "dropped"]))
    def end(self, how: str) -> None:
        getattr(self.wall, how)()

    @invariant()
    def nothing_twice(self) -> None:
        shown: list[Any] = [no for shows in self.wall.standing.values() for no in shows]
        assert len(set(shown)) == len(shown)

    def teardown(self) -> None:
        wall = self.wall
        wall.settle()
        assert {n: r for n, r in wall.shown().items() if n not in wall.given_up} == {
            n: r for n, r in wall.wanted.items() if n not in wall.given_up
        }
        assert wall.copies.waiting == {}
        held = {no: m.no for m in wall.copies.messages.values() for no in m.entries}
        assert wall.copies.where == held


TestAnyInterleaving = Interleaving.TestCase
TestAnyInterleaving.settings = settings(max_examples=200, stateful_step_count=40)

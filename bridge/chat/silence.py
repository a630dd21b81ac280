"""A network's silence: who leads a chat must know that the people there are not heard, and decide whether to wait.

At most one matter is open for a network. Where the hosts' own room fell silent they read of it when it is back.
"""

from __future__ import annotations

from bridge import when
from bridge.chat import conduct
from bridge.chat.state import ChatState, Fell, Silence, State, Work
from bridge.model import MINUTE, SECOND, Button, Micros, Network, Text
from bridge.text import cut

AFTER = 60 * SECOND  # of silence until the hosts are told
EARLY = 10 * MINUTE  # before the start of a chat from which on they want to know
LONGEST = 200  # graphemes of a reason
FETCHED = "What they write is fetched later."


def minded(state: State, at: Micros) -> Micros | None:
    """The first moment from `at` on at which somebody minds a silence; None while no chat is ahead."""
    times = [
        max(at, chat.sheet.starts - EARLY)
        for chat in state.chats.values()
        if not chat.over and at < chat.sheet.late_until
    ]
    return min(times, default=None)


def _on(work: Work) -> list[ChatState]:
    return [
        chat
        for chat in work.state.chats.values()
        if not chat.over and chat.sheet.starts - EARLY <= work.now < chat.sheet.late_until
    ]


def fell(work: Work, what: Fell) -> None:
    """A network is silent: the hosts of the chats that are on are asked whether to wait."""
    state, network = work.state, what.network
    if network in state.silent or network not in state.nets:
        return
    state.silent[network] = silence = Silence(what.since, what.why, what.refused)
    if all(console == network for console in state.consoles()):
        return  # there is nobody who could read it: `rose` tells them
    words = [f"{_what(state, network, silence)}.", f"People there are not heard. {FETCHED}"]
    if silence.refused:
        words.append(f"Who runs the bridge can get a new login: chatbridge login {network}.")
    for chat in _on(work):
        asks = ["Go on, or wait?"] if chat.sheet.upcoming() else []
        conduct.tell(work, chat, " ".join(words + asks), _choice(chat, network), _about(network))


def rose(work: Work, network: Network) -> None:
    """It is heard again."""
    silence = work.state.silent.pop(network, None)
    if silence is None:
        return
    title = work.state.everywhere[network].title
    back = (
        f"is back after {when.span(work.now - silence.since)}; what was written meanwhile is being fetched."
    )
    for chat in work.state.chats.values():
        if _about(network) in chat.notices:
            conduct.close(work, chat, _about(network), f"{title} {back}")
        elif chat in _on(work):  # the hosts went on without it, or nobody could tell them
            since = when.hour(silence.since, work.state.community.zone if work.state.community else "UTC")
            conduct.tell(work, chat, f"{title} could not be reached from {since} on. It {back}")


def dismiss(work: Work, chat: ChatState, network: Network) -> str:
    """The hosts go on without it."""
    net = work.state.everywhere.get(network)
    if net is None or _about(network) not in chat.notices:
        return "That is settled already; nothing was done."
    conduct.close(work, chat, _about(network), f"{net.title} is silent, and the chat goes on. {FETCHED}")
    return f"Done: the chat goes on without {net.title}."


def _about(network: Network) -> str:
    return f"silence {network}"


def _what(state: State, network: Network, silence: Silence) -> str:
    """ "Mastodon cannot be reached since 20:14 (no answer within 10 s)"."""
    zone = state.community.zone if state.community else "UTC"
    fails = "refuses our login" if silence.refused else "cannot be reached"
    why = cut(Text(silence.why.rstrip(".")), LONGEST).plain
    since = f"{fails} since {when.hour(silence.since, zone)}"
    return f"{state.everywhere[network].title} {since}" + (f" ({why})" if why else "")


def _choice(chat: ChatState, network: Network) -> tuple[Button, ...]:
    """Going on is always a choice; waiting only while something is still to come."""
    go_on = Button("Go on", "dismiss", chat.id, on=network)
    upcoming = chat.sheet.upcoming()
    if upcoming is None:
        return (go_on,)
    hold = Button("Hold the next item", "hold", chat.id, item=upcoming.id)
    longer = Button("Add 5 minutes", "extend", chat.id, item=str(chat.sheet.ends), text="5")
    return hold, longer, go_on

"""Conducting the hour: the run sheet becomes orders, outcomes become states, hosts steer.

Per network the items go out in their order: a question that is held there blocks the questions and the
closing after it until the hosts release or skip it, or until they had time to and the next one is due.
"""

from __future__ import annotations

from bridge.chat import drafts, sightings
from bridge.chat.intake import place_again
from bridge.chat.runsheet import Item, Kind, grace
from bridge.chat.state import ChatState, Purpose, Turn, Work, dotted, noticed, undotted
from bridge.chat.timeline import key
from bridge.chat.wording import Part
from bridge.model import (
    HOUR,
    Button,
    Cancelled,
    Card,
    Final,
    Held,
    Micros,
    Network,
    Notice,
    OrderId,
    Publish,
    Refused,
    Sent,
    Update,
)
from bridge.settings import Net

WAITS: tuple[Kind, ...] = ("question", "closing")  # never overtake a held question
QUIET: tuple[Kind, ...] = ("reminder", "recap")
PATIENT = HOUR  # after the late window, for a network that cannot be read once more
LONG = 3  # so many graces are enough if the hosts could not even be asked


# ---------------------------------------------------------------- items go out


def run_due(work: Work, chat: ChatState) -> None:
    """Whatever the clock asks for now. Of a chat that was taken out of the config nothing more goes out."""
    while not chat.withdrawn and (ready := chat.sheet.due(work.now)):
        chat.turn = Turn(ready[0].id, work.now)
        fire(work, chat, ready[0])
    for net in drafts.posting(work.state):
        advance(work, chat, net)
    if not chat.ending and work.now >= chat.sheet.late_until:
        chat.ending = True
        work.effects.sheet.add(chat.id)
    if chat.ending and work.now >= chat.sheet.late_until + PATIENT:
        finish(work, chat)


def finish(work: Work, chat: ChatState) -> None:
    """Nothing new is taken in any more; edits and removals still are."""
    if not chat.over:
        chat.over = True
        work.effects.sheet.add(chat.id)
        work.effects.follow.update(work.state.opened)


def reconciled(work: Work, chat: ChatState, network: Network) -> None:
    """A network was read once more after the late window; with the last one the chat is over. Or it was read again
    later: what that told is decided already."""
    chat.reconciled[network] = True
    chat.reread[network] = work.now
    if chat.ending and all(chat.reconciled.get(n) for n in work.state.nets):
        finish(work, chat)


def deadline(chat: ChatState, now: Micros) -> Micros | None:
    """When `run_due` has something to do next; may be in the past."""
    times = [chat.sheet.deadline()] if not chat.withdrawn else []
    if not chat.over:
        times.append(chat.sheet.late_until + (PATIENT if chat.ending else 0))
    for item in chat.sheet.items if not chat.withdrawn else ():
        for network, on in item.on.items():
            if on == "held" and (until := _patience(item, network, chat.settings.stale)) > now:
                times.append(until)
    return min((t for t in times if t is not None), default=None)


def fire(work: Work, chat: ChatState, item: Item) -> None:
    """An item's time has come on every network."""
    item.step("fire")
    item.fired = work.now
    for net in drafts.posting(work.state):
        item.on[net.name] = "pending"
    for net in drafts.posting(work.state):
        advance(work, chat, net)
    work.effects.sheet.add(chat.id)


def advance(work: Work, chat: ChatState, net: Net) -> None:
    """Send on `net` what may go now, in the order of the sheet. A question waits until the one before it has
    been posted there, refused or given up, so that none can be overtaken by a later one."""
    blocked = freed = False
    for place, item in enumerate(chat.sheet.items) if not chat.withdrawn else ():
        match item.on.get(net.name):
            case "held" if item.kind == "question":
                waiting = any(
                    i.on.get(net.name) == "pending" and i.kind in WAITS for i in chat.sheet.items[place + 1 :]
                )
                if waiting and work.now >= _patience(item, net.name, chat.settings.stale):
                    item.on[net.name] = "skipped"
                    conclude(item)
                    answered(work, chat, item, net.name, "skipped, since the next one was due")
                    freed = True
                else:
                    blocked = True
            case "pending" if not (blocked and item.kind in WAITS):
                _publish(work, chat, item, net, freed)
                blocked = blocked or item.kind in WAITS
            case "queued" if item.kind in WAITS:
                blocked = True


def overtaken(chat: ChatState, item: Item, network: Network) -> Item | None:
    """The question or closing after `item` that is on its way or stands there already, if there is one."""
    place = chat.sheet.items.index(item)
    later = (i for i in chat.sheet.items[place + 1 :] if i.kind in WAITS)
    return next((i for i in later if i.on.get(network) in ("queued", "posted")), None)


def conclude(item: Item) -> None:
    """An item that no network took, or still waits to take, is skipped."""
    if item.state == "due" and all(on in ("refused", "dropped", "skipped") for on in item.on.values()):
        item.step("drop")


def _patience(item: Item, network: Network, stale: Micros) -> Micros:
    """Until when a held item waits for its hosts though the next one is due."""
    asked = item.asked_at.get(network)
    return item.held_at[network] + LONG * stale if asked is None else asked + stale


def _publish(work: Work, chat: ChatState, item: Item, net: Net, freed: bool) -> None:
    """The item's posts on one network: one, or the parts of a thread. `freed`: it waited for a held one, and
    that alone must not make it too late; what was so when its time came is asked about all the same."""
    figures = drafts.figures(work.state, chat, item, work.now)
    posts = drafts.posts(work.state, chat, item, net, figures)
    late = grace(item, chat.settings.stale)
    freed = freed and (late is None or item.fired <= item.due + late)
    base = work.now if freed or net.name in item.held_at else min(item.fired, item.due)
    orders: list[OrderId] = []
    for part, post in enumerate(posts):
        reply_to = _announcement(chat, item, net.name) if post.after is None else orders[post.after]
        not_after = None if late is None or part else base + late
        orders.append(
            publish_part(work, chat, item, net.name, part, post=post, reply_to=reply_to, not_after=not_after)
        )
    chat.first[f"{item.id}/{net.name}"] = dotted(orders[0])
    item.on[net.name] = "queued"


def publish_part(
    work: Work,
    chat: ChatState,
    item: Item,
    network: Network,
    part: int,
    *,
    post: Part,
    reply_to: OrderId | None,
    not_after: Micros | None = None,
) -> OrderId:
    """One of an item's posts on one network."""
    order = work.order(
        network,
        "sheet",
        Publish(
            post.words,
            reply_to=reply_to,
            orphan="alone" if post.after is None else "cancel",
            reach="quiet" if item.kind in QUIET else "public",
        ),
        Purpose("item", network, chat.id, item=item.id, part=part, message=item.naming if post.credit else 0),
        not_after=not_after,
        late="hold" if item.kind in ("question", "say") else "drop",
        whose=item.whose if post.credit else "",
    )
    if post.credit:
        item.crediting[network] = dotted(order)
    return order


def _announcement(chat: ChatState, item: Item, network: Network) -> OrderId | None:
    """Reminders are replies to the announcement where there is one."""
    if item.kind != "reminder":
        return None
    first = chat.first.get(f"announcement/{network}")
    return undotted(first) if first else None


# ---------------------------------------------------------------- what came of it


def settled(work: Work, chat: ChatState, purpose: Purpose, outcome: Final) -> None:
    """An order for an item is final."""
    item = chat.sheet.get(purpose.item)
    if item is None:
        return
    network = purpose.network
    work.effects.sheet.add(chat.id)
    if isinstance(outcome, Sent):
        chat.items[key(outcome.ref)] = item.id
        sightings.settled(work, chat, item, outcome.uri)
        work.effects.follow.add(network)
        if purpose.part == 0:
            _posted(work, chat, item, network, outcome)
            _go_on(work, chat, network)
        return
    if purpose.part:
        if isinstance(outcome, Refused):
            tell(work, chat, f"{item.label} on {_title(work, network)}: a part was refused: {outcome.why}")
        return
    match outcome:
        case Held(why):
            item.on[network] = "held"
            item.held_at[network] = work.now
            item.asked_at.pop(network, None)
            _ask(work, chat, item, network, why)
        case Refused(why):
            item.on[network] = "refused"
            _ask(work, chat, item, network, f"refused: {why}")
        case Cancelled() if item.misnames(purpose.message):  # it goes out as who asked is named by now
            item.on[network] = "pending"
        case Cancelled() if chat.withdrawn:  # if the chat is put back it goes out, or the hosts are asked
            item.on[network] = "pending"
        case Cancelled():
            item.on[network] = "dropped"
    conclude(item)
    _go_on(work, chat, network)


def _go_on(work: Work, chat: ChatState, network: Network) -> None:
    net = work.state.nets.get(network)
    if net is not None:
        advance(work, chat, net)


def _posted(work: Work, chat: ChatState, item: Item, network: Network, sent: Sent) -> None:
    item.on[network] = "posted"
    item.posted_at[network] = at = sent.at or work.now
    if item.state in ("due", "skipped"):
        item.step("sent")
    answered(work, chat, item, network, "posted")
    if not item.number:
        return
    times = chat.posted.setdefault(network, [])
    times.append((at, item.number))
    times.sort()
    place_again(work, chat, since=item.fired)


# ---------------------------------------------------------------- asking the hosts


def _title(work: Work, network: Network) -> str:
    net = work.state.nets.get(network)
    return net.title if net else network


def _ask(work: Work, chat: ChatState, item: Item, network: Network, why: str) -> None:
    """A held or refused item: post it now, or skip it there?"""
    buttons = (
        Button("Post now", "post", chat.id, item=item.id, on=network, style="primary"),
        Button("Skip", "skip", chat.id, item=item.id, on=network),
    )
    tell(work, chat, f"{item.label} on {_title(work, network)}: {why}", buttons, f"{item.id}/{network}")


def tell(
    work: Work,
    chat: ChatState,
    text: str,
    buttons: tuple[Button, ...] = (),
    about: str = "",
    *,
    card: Card | None = None,
) -> None:
    """A message in the hosts' room, wherever there is one. `about` names the matter it can be closed by; `card`:
    the entry it is about."""
    for console in work.state.consoles():
        purpose = Purpose("notice", console, chat.id, item=about)
        order = work.order(console, "hosts", Publish(Notice(text, buttons, card)), purpose, place="hosts")
        if about:
            chat.notices[about] = f"{console}/{dotted(order)}"


def told(work: Work, chat: ChatState, purpose: Purpose) -> None:
    """The hosts can read a message: from now on they were asked."""
    item_id, _, network = purpose.item.partition("/")
    item = chat.sheet.get(item_id)
    if item is not None and network and item.on.get(network) == "held":
        item.asked_at.setdefault(network, work.now)


def answered(work: Work, chat: ChatState, item: Item, network: Network, what: str) -> None:
    """What the hosts were asked is decided: the message says so and loses its buttons."""
    close(work, chat, f"{item.id}/{network}", f"{item.label} on {_title(work, network)}: {what}.")


def close(work: Work, chat: ChatState, about: str, words: str) -> None:
    """The message to the hosts about something now only says what came of it."""
    where = chat.notices.pop(about, None)
    if where is None:
        return
    console, order = noticed(where)
    op = Update(order, Notice(words))
    work.order(console, "hosts", op, Purpose("notice", console, chat.id), place="hosts")

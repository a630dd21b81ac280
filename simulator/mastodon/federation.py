"""What one server makes of what was written on another: a copy with an id of its own and the same uri."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.mastodon import markup
from simulator.mastodon.media import Attachment
from simulator.mastodon.wire import Account, Status

if TYPE_CHECKING:
    from simulator.mastodon.store import Store


def account(theirs: Account, here: Store) -> Account | None:
    """A person of another server as this one knows them; None if they lived here and are gone."""
    known = here.names.get((theirs.username, theirs.host))
    if known is not None or theirs.host == here.domain or theirs.gone:
        return known
    account = here.register(theirs.username, theirs.host, theirs.name, theirs.note)
    account.bot, account.handle = theirs.bot, theirs.handle
    return account


def deliver(status: Status, there: Store, here: Store) -> Status:
    """A status that was written `there` arrives `here`."""
    author = account(status.account, here)
    assert author is not None, "who is gone writes nothing"
    parent = there.statuses.get(status.parent or "")
    copy = Status(
        id=here.new_id(status.created),
        account=author,
        text=status.text,
        created=status.created,
        visibility=status.visibility,
        base=status.base,
        uri=status.uri,
        page=status.page,
        parent=_local(parent, here),
        quote=None if status.quote is None else here.uris.get(status.quote.uri),
        poll=status.poll,
        bare=status.bare,
    )
    _tell(status, copy, there, here)
    here.place(copy)
    return copy


def update(status: Status, there: Store, here: Store) -> None:
    """A status that was written `there` was edited."""
    copy = here.uris.get(status.uri)
    if copy is None or copy.deleted:
        return
    before = here.streams(copy)
    copy.edited = status.edited
    _tell(status, copy, there, here)
    here.changed(copy, before)


def _tell(status: Status, copy: Status, there: Store, here: Store) -> None:
    """Everything that an edit may change."""
    local = [a.username for a in status.mentions if a.host == there.domain]
    copy.text = markup.completed(status.text, local, there.domain)
    copy.mentions = [found for a in status.mentions if (found := account(a, here)) is not None]
    copy.tags, copy.language = status.tags, status.language
    copy.spoiler, copy.sensitive = status.spoiler, status.sensitive
    copy.media = [_cached(a, copy, here) for a in status.media]
    copy.emoji = {name: f"http://{here.address}/emoji/{name}.png" for name in status.emoji}


def _cached(theirs: Attachment, copy: Status, here: Store) -> Attachment:
    """A picture as this server keeps it: at an address of its own, once."""
    known = next((a for a in copy.media if a.remote == theirs.url), None)
    if known is None:
        id_ = here.new_id(here.clock.now())
        url = f"http://{here.address}/media/{id_}.png"
        known = here.media[id_] = replace(theirs, id=id_, url=url, remote=theirs.url, status=copy)
    known.description = theirs.description
    return known


def _local(status: Status | None, here: Store) -> str | None:
    """What a status is called here, if it is known."""
    known = None if status is None else here.uris.get(status.uri)
    return None if known is None or known.deleted else known.id

"""Text is kept for a while, figures for good: what `bridge.chat.expiry` decided about a chat, done to the journal's
tables. Its events, its orders, and what was set aside; nothing of it can be brought back."""

from __future__ import annotations

import sqlite3

import msgspec

from bridge.chat.expiry import Clearing
from bridge.chat.state import Event, Expired
from bridge.delivery import FINAL, Trace, silenced
from bridge.model import Order, OrderId

_event = msgspec.json.Decoder(Event)
_order = msgspec.json.Decoder(Order)
_encode = msgspec.json.Encoder().encode


def clear(db: sqlite3.Connection, clearing: Clearing) -> tuple[int, frozenset[Trace]]:
    """Take a chat's people out of the journal, in the caller's transaction. Gives how many events are different, or
    gone, and which orders have no words any more."""
    last = _expired(db, clearing.step.chat)
    done, silent = _clear_orders(db, clearing.step.chat, last)
    clearing.orders = done
    for _, body in db.execute("SELECT seq, body FROM events WHERE seq <= ?", (last,)):
        clearing.look(_event.decode(body))
    gone: list[tuple[int]] = []
    changed: list[tuple[bytes, int]] = []
    for seq, body in db.execute("SELECT seq, body FROM events WHERE seq <= ?", (last,)):
        event = _event.decode(body)
        left = clearing.left(event)
        if left is None:
            gone.append((seq,))
        elif left != event:
            changed.append((_encode(left), seq))
    db.executemany("DELETE FROM events WHERE seq = ?", gone)
    db.executemany("UPDATE events SET body = ? WHERE seq = ?", changed)
    db.execute("DELETE FROM quarantine WHERE at <= (SELECT at FROM events WHERE seq = ?)", (last,))
    return len(gone) + len(changed), silent


def _expired(db: sqlite3.Connection, chat: str) -> int:
    """The number of the event with which a chat's words left."""
    query = """SELECT seq, body FROM events WHERE instr(body, '"type":"Expired"')"""
    found = ((seq, _event.decode(body)) for seq, body in db.execute(query))
    return next(int(seq) for seq, event in found if event == Expired(chat))


def _clear_orders(
    db: sqlite3.Connection, chat: str, last: int
) -> tuple[frozenset[OrderId], frozenset[Trace]]:
    """Orders of a chat without anybody's handle or words. Gives those beside the run sheet that are done, and those
    that are not."""
    done: set[OrderId] = set()
    silent: set[Trace] = set()
    for seq, idx, state, body in db.execute(
        "SELECT seq, idx, state, body FROM orders WHERE seq < ?", (last,)
    ).fetchall():
        order = _order.decode(body)
        if order.chat != chat:
            continue
        sheet = order.lane == "sheet"
        if state in FINAL and not sheet:
            done.add(order.id)
            db.execute("UPDATE orders SET outcome = NULL WHERE seq = ? AND idx = ?", (seq, idx))
        elif not sheet:
            silent.add(order.id)
        left = msgspec.structs.replace(silenced(order, {order.id}), whose="")
        if left != order:
            db.execute("UPDATE orders SET body = ? WHERE seq = ? AND idx = ?", (_encode(left), seq, idx))
    return frozenset(done), frozenset(silent)

"""Reactions to a message of ours that we do not know yet: it is out, and what became of its order is not heard.

They wait for that, since a host who hides what they see must not have to do it again.
"""

from __future__ import annotations

from bridge.chat.belonging import part_of
from bridge.chat.state import State
from bridge.model import Command, Final, Network, Sent

MOST = 100  # acts that wait


def waits(state: State, network: Network, command: Command) -> bool:
    """Whether an act has to wait; then it is kept, until it is taken back."""
    at = command.at
    if is_kept(state, command.again):
        state.early = [act for act in state.early if act[1].once != command.again]
        return True
    if not command.once or at is None or any(part_of(chat, at) for chat in state.chats.values()):
        return False
    if not any(purpose.network == at.network for purpose in state.purposes.values()):
        return False
    state.early = [*state.early[1 - MOST :], (network, command)]
    return True


def is_kept(state: State, once: str) -> bool:
    """Whether an act waits, by what `Command.once` names it."""
    return bool(once) and any(command.once == once for _, command in state.early)


def ready(state: State, network: Network, outcome: Final) -> list[tuple[Network, Command]]:
    """The acts on a message whose order is final now, oldest first. With the last order of a network those go that
    nothing can be found for."""
    at = outcome.ref if isinstance(outcome, Sent) else None
    found = [act for act in state.early if act[1].at == at]
    going_on = any(purpose.network == network for purpose in state.purposes.values())
    state.early = [a for a in state.early if a not in found and (going_on or a[0] != network)]
    return found

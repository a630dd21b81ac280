"""A stand-in Mastodon server: REST and websocket streaming as Mastodon 4 speaks them, on loopback."""

from simulator.mastodon.server import Server

__all__ = ["Server"]

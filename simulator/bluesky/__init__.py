"""A stand-in Bluesky: an account's server (PDS) with its AppView behind it, and Jetstream, on loopback."""

from simulator.bluesky.server import Server

__all__ = ["Server"]

"""A Slack workspace on loopback: Web API, Socket Mode, and people who write in its channels."""

from simulator.slack.server import Server

__all__ = ["Server"]

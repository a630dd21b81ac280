"""Stand-in networks that speak the real wire protocols on loopback, with simulated people and hosts.

A process of its own (`python -m simulator`), told what to do by JSON lines on stdin, so that the bridge can be
killed under it. It imports nothing of the bridge and the bridge nothing of it: what one of them gets wrong the
other does not repeat.
"""

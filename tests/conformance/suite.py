"""The contract of `bridge.ports.Link`, written once: every adapter is put through it against its stage.

A platform subclasses `LinkConformance` in 25 lines, saying where its stage and its adapter are;
`reference.py` is the worked example, and `test_suite_can_fail.py` shows that what is broken is caught.
"""

from __future__ import annotations

from tests.conformance.closing import Closing
from tests.conformance.reading import Reading
from tests.conformance.trouble import Trouble
from tests.conformance.writing import Writing


class LinkConformance(Reading, Writing, Trouble, Closing):
    """Everything a link promises."""

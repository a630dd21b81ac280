"""The page: the timeline for anybody, live."""

from bridge.web.app import make_app
from bridge.web.operations import watched, watching
from bridge.web.views import Settings, Views

__all__ = ["Settings", "Views", "make_app", "watched", "watching"]

"""A chat as something to keep: transcript, tables, picture and figures. Pure: a view in, text out."""

from bridge.report.layout import Statistics, statistics
from bridge.report.picture import svg
from bridge.report.render import html
from bridge.report.tables import csv, document
from bridge.report.transcript import markdown

__all__ = ["Statistics", "csv", "document", "html", "markdown", "statistics", "svg"]

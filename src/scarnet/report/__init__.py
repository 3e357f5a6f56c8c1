"""The two-page report of a case, and the drawing of the 17 segments."""

from scarnet.report.bullseye import draw_bullseye
from scarnet.report.pdf import write_report

__all__ = ["draw_bullseye", "write_report"]

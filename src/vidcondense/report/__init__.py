"""One self-contained HTML page about one or more run folders (docs/report.md)."""

from vidcondense.report.page import write_report

__all__ = ["write_report"]

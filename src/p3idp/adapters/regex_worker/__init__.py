"""Patterns that no check could prove harmless, run in a process of their own that can be killed."""

from p3idp.adapters.regex_worker.parent import RegexWorker

__all__ = ["RegexWorker"]

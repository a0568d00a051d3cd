"""Running a regular expression that may never end. Owns the port; the engine that asks is core/keystone_rules.

``re`` cannot be stopped from within its process, so whoever implements this must be able to end what it started.
The shape of the question is the engine's own, ``core.keystone_rules.search.Search``.
"""

from p3idp.core.keystone_rules.search import BrokenPattern, Search

__all__ = ["BrokenPattern", "Search"]

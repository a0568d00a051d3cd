"""Lint: what is wrong with a mapping, a policy or a catalogue, each defect with a login that shows it and a fix.

Owns the defects. Nothing is claimed of a login that the imitated engine (core/keystone_rules) or the policy's own
decision (core/policy) does not answer: a finding carries ``login`` and ``shows``, and lint asks before it speaks.
Reading files is an adapter's; what Keystone holds at the moment comes in as a ``Live``.

    lint_rules(written, version, search)              # a Keystone mapping, raw; read_written(file, bytes) reads it
    lint_live(written, version, live, provider)       # the same beside what Keystone holds
    lint_objects(live)                                # Keystone's own identity providers, protocols and mappings
    lint_policy(policy, now, search)                  # a policy, and the mapping it compiles to
    lint_catalogue(catalogue)                         # the entitlements of many communities
"""

from p3idp.core.mappings.lint.catalogue import CATALOGUE, SECTIONS, Severity, Words
from p3idp.core.mappings.lint.finding import Finding, LintReport, Login, report
from p3idp.core.mappings.lint.live import Live, LiveProvider
from p3idp.core.mappings.lint.live_objects import lint_live, lint_objects
from p3idp.core.mappings.lint.policy import compiled_rules, lint_policy, written_verbatim
from p3idp.core.mappings.lint.rules import lint_rules
from p3idp.core.mappings.lint.shows import Shown, Shows
from p3idp.core.mappings.lint.vo_catalogue import lint_catalogue
from p3idp.core.mappings.lint.written import MAX_BYTES, Written, read_written

__all__ = [
    "CATALOGUE",
    "MAX_BYTES",
    "SECTIONS",
    "Finding",
    "LintReport",
    "Live",
    "LiveProvider",
    "Login",
    "Severity",
    "Shown",
    "Shows",
    "Words",
    "Written",
    "compiled_rules",
    "lint_catalogue",
    "lint_live",
    "lint_objects",
    "lint_policy",
    "lint_rules",
    "read_written",
    "report",
    "written_verbatim",
]

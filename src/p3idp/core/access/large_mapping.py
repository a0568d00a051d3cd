"""A mapping that outgrows what Keystone takes as it is usually installed. Owns this finding.

Whoever holds such a mapping already has raised the limit: then nothing is said.
"""

from collections.abc import Iterator, Sequence

from p3idp.core.access.plan import Change, Finding
from p3idp.core.access.resources import Kind
from p3idp.core.access.rule_changes import rules_of
from p3idp.core.mappings.size import MOST_AT_REST, MOST_SENT, at_rest, sent


def large_mapping(changes: Sequence[Change]) -> Iterator[Finding]:
    """The mappings that would be larger for the first time than one of the limits."""
    for change in changes:
        if change.resource.kind is not Kind.MAPPING or change.after is None:
            continue
        old, new = ([*rules_of(side)] for side in (change.before, change.after))
        limits = []
        if sent(new) > MOST_SENT >= sent(old):
            limits.append(
                f"Keystone refuses requests of more than {MOST_SENT // 1024} KiB unless [oslo_middleware] "
                "max_request_body_size says otherwise; `p3idp site config` writes what this policy needs"
            )
        if at_rest(new) > MOST_AT_REST >= at_rest(old):
            limits.append(
                "on MariaDB and MySQL Keystone keeps no more than 64 KiB of rules unless the column mapping.rules is "
                "made a MEDIUMTEXT"
            )
        if limits:
            told = f"The mapping {change.resource.name} has {len(new):,} rules, {at_rest(new) // 1024:,} KiB at rest"
            yield Finding("large-mapping", change.resource.name, f"{told}: {'; '.join(limits)}.")

"""Lint a policy: its own rules, names and examples, the mapping it compiles to, and its rules for Keystone alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from p3idp.core.keystone_rules import NO_SEARCH, Search
from p3idp.core.mappings.compile import SCHEMA_VERSION, compile_mapping
from p3idp.core.mappings.json_lines import JsonMistaken
from p3idp.core.mappings.lint.catalogue import PEOPLE
from p3idp.core.mappings.lint.check_policy import check_policy
from p3idp.core.mappings.lint.finding import Finding
from p3idp.core.mappings.lint.rules import lint_rules
from p3idp.core.mappings.lint.written import Lines, Written, read_written
from p3idp.core.policy.model import IdentityProvider, Policy, VerbatimRules

# The compiler writes one rule a group, and one that nobody meets where nothing is valid; and which claim names people
# the site says itself, so that it is not suspected of holding several.
_ON_PURPOSE = frozenset({"condition-repeated", "condition-empty", "user-splits"})
_SITE = ("site.yaml", 1)


def lint_policy(
    policy: Policy, now: datetime, search: Search = NO_SEARCH, providers: Sequence[IdentityProvider] | None = None
) -> list[Finding]:
    """The findings of a policy as it holds at ``now``, with the mappings of ``providers``: of all unless given."""
    chosen = policy.site.identity_providers if providers is None else providers
    found = list(check_policy(policy, now))
    for provider in chosen:
        found += _compiled(policy, provider, now, search)
    for verbatim in (each for provider in chosen for each in policy.verbatim_of(provider.id)):
        found += lint_rules(written_verbatim(policy, verbatim), SCHEMA_VERSION, search)
    return found


def compiled_rules(policy: Policy, provider: IdentityProvider, now: datetime) -> Written:
    """What a provider's communities compile to, without the rules for Keystone alone."""
    compiled = compile_mapping(replace(policy, verbatim=()), provider, now)
    data = {"rules": list(compiled.rules), "schema_version": compiled.schema_version}
    return Written(f"(compiled for {provider.id})", data)


def _compiled(policy: Policy, provider: IdentityProvider, now: datetime, search: Search) -> Iterator[Finding]:
    """What is wrong with the compiled rules is put down to the rules of the policy that they come from."""
    written = compiled_rules(policy, provider, now)
    places = {rule.group: rule.place for rule in policy.rules_at(now)}
    of_site: dict[str, Finding] = {}
    for finding in lint_rules(written, search=search):
        if finding.code in _ON_PURPOSE:
            continue
        group = _group(written.data["rules"][finding.rules[-1]]) if finding.rules else ""
        file, line = places.get(group, _SITE)
        placed = replace(finding, file=file, line=line, rules=())
        if finding.code in PEOPLE:  # the same for every rule: the site's subject claim
            of_site.setdefault(finding.code, replace(placed, file=_SITE[0], line=_SITE[1]))
        else:
            yield placed
    yield from of_site.values()


def _group(rule: dict[str, list[dict[str, dict[str, str]]]]) -> str:
    return rule["local"][0].get("group", {}).get("name", "").replace("{{", "{").replace("}}", "}")


def written_verbatim(policy: Policy, verbatim: VerbatimRules) -> Written:
    """The rules of keystone/<provider>.json, with the lines of their file."""
    text = policy.texts.get(verbatim.file)
    if text is not None:
        try:
            return read_written(verbatim.file, text.encode())
        except JsonMistaken:
            pass  # read once already; if the file changed since, its rules are as they were read
    return Written(verbatim.file, list(verbatim.rules), _lines_of(verbatim))


def _lines_of(verbatim: VerbatimRules) -> Callable[[], Lines]:
    return lambda: {(number,): line for number, line in enumerate(verbatim.lines)}

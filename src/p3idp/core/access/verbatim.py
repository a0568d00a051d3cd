"""What is to be said of rules that the policy hands to Keystone unread. Owns those findings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from p3idp.core.access.plan import Finding
from p3idp.core.access.resources import Kind, Snapshot
from p3idp.core.mappings.compile import attribute, mapping_id
from p3idp.core.policy.model import Policy, VerbatimRules


def verbatim_findings(policy: Policy, observed: Snapshot) -> Iterator[Finding]:
    """One for each provider that has such rules: blocking where Keystone does not hold them yet, else a note.

    Another one where such a rule names people by something else than the policy does: a second person in Keystone
    for everybody who comes in by that rule alone.
    """
    held = observed.of(Kind.MAPPING)
    for verbatim in policy.verbatim:
        provider = policy.site.provider(verbatim.provider)
        mapping = held.get((mapping_id(provider),))
        present: Any = (mapping.attributes.get("rules") if mapping else None) or []
        new = [number for number, rule in enumerate(verbatim.rules) if rule not in present]
        yield _rules(verbatim, new)
        subject, domain = attribute(provider.claims.subject), policy.site.domain
        otherwise = [n for n, rule in enumerate(verbatim.rules) if not _names_as_policy(rule, subject, domain)]
        if otherwise:
            told = (
                f"{_places(verbatim, otherwise)}: names people otherwise than by the claim {provider.claims.subject} "
                f"in the domain {domain}. Who comes in by such a rule alone is another person than by the policy."
            )
            yield Finding("verbatim-people", verbatim.provider, told, blocking=bool(set(otherwise) & set(new)))


def _rules(verbatim: VerbatimRules, new: Sequence[int]) -> Finding:
    whose = "No decision, page, exchange or explanation of p3idp knows them: they open Keystone's own door alone."
    if not new:
        told = (
            f"{verbatim.file}: Keystone holds {len(verbatim.rules)} rules that the policy does not understand. {whose}"
        )
        return Finding("verbatim-rules", verbatim.provider, told, blocking=False)
    told = f"{_places(verbatim, new)}: new or changed rules that the policy does not understand. {whose}"
    return Finding("verbatim-rules", verbatim.provider, told)


def _places(verbatim: VerbatimRules, numbers: Sequence[int]) -> str:
    lines = [str(verbatim.lines[number]) for number in numbers if number < len(verbatim.lines)]
    return f"{verbatim.file}:{','.join(lines[:20])}{' and more' if len(lines) > 20 else ''}"


def _names_as_policy(rule: Mapping[str, Any], subject: str, domain: str) -> bool:
    handed = [entry for entry in rule["remote"] if not {"any_one_of", "not_any_of"} & set(entry)]
    numbers = [number for number, entry in enumerate(handed) if entry == {"type": subject}]
    user: Mapping[str, Any] = next((local["user"] for local in rule["local"] if local.get("user")), {})
    fields = {f"{{{number}}}" for number in numbers}
    return (
        user.get("id", user.get("name")) in fields
        and user.get("name", user.get("id")) in fields
        and user.get("domain") == {"name": domain}
        and user.get("type", "ephemeral") == "ephemeral"
    )

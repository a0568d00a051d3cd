"""The answer of `p3idp why`, for people and for machines. Owns both forms.

Claims are strangers' words: whatever is shown of them is one printable line, and not long.
"""

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from p3idp.core.policy.decision import Granted, Reason, Refused
from p3idp.core.policy.explanation import Explanation, Need
from p3idp.core.policy.model import NamedPerson, Rule
from p3idp.core.policy.quoted import harmless
from p3idp.core.policy.sentence import NEARNESS, unmet, until
from p3idp.core.policy.sentence import moment as said
from p3idp.ops.why import Why

MOST_MISSES = 10
MOST_NEAR = 3
_WIDTH = 80
_FURTHER_IN = 5  # `p3idp mapping test` shows traces so far from the margin
# Conditions on values; the others are moments, or come with words of their own.
_LISTED = frozenset({Reason.ASSURANCE, Reason.ISSUING_CLIENT, Reason.IDENTITY_PROVIDER})


def why_lines(why: Why, *, show_all: bool = False) -> Iterator[str]:
    """Who, each rule, groups, projects, what else to know, and last the sentence, in one line to be copied."""
    yield from _person(why)
    yield ""
    yield from trace_lines(why.explanation, why.decision.granted, show_all=show_all)
    yield from ("", *_access(why))
    for note in why.notes:
        yield from wrapped(note, "  ")
    yield from ("", click.style("For the help desk:", bold=True), why.sentence)


def _person(why: Why) -> Iterator[str]:
    claims = why.claims
    word = "verified" if why.token_end else "as given; nobody verified them"
    counted = f"{_count(claims.entitlements, 'entitlement')}, {_count(claims.assurance, 'assurance value')}"
    yield f"Policy {why.policy.site.id}, as of {said(why.at)}"
    yield f"Who:     {harmless(claims.subject) or '(nobody named)'}"
    yield f"From:    {harmless(claims.issuer)}"
    yield f"Client:  {harmless(claims.client) or '(none named)'}"
    yield f"Claims:  {counted}, {word}"


def trace_lines(explanation: Explanation, granted: Sequence[Granted], *, show_all: bool = False) -> Iterator[str]:
    """The verdict on each rule: hits, then misses, the nearest first and so many of them."""
    if explanation.refusal is not None:
        told = f"Refused before any rule was looked at ({explanation.refusal.reason}): {explanation.refusal.detail}"
        yield from (click.style(line, fg="red") for line in wrapped(told, ""))
        return
    misses = explanation.misses
    yield f"Rules: {len(granted):,} of {len(granted) + len(misses):,} give{'s' if len(granted) == 1 else ''} access"
    for hit in granted:
        yield from _hit(hit)
    shown = misses if show_all else misses[:MOST_MISSES]
    for miss in shown:
        yield from _miss(miss)
    if rest := misses[len(shown) :]:
        near = "some come near" if any(need.is_near for need in rest) else "no entitlement comes near them"
        yield f"  and {len(rest):,} more give nothing: {near} (p3idp why --all shows them)"


def _hit(hit: Granted) -> Iterator[str]:
    yield click.style(f"  + {_place(hit)}", fg="green")
    for project, roles in hit.rule.grants:
        yield from wrapped(f"gives {', '.join(roles)} on {project} {until(hit.until)}", "      ")
    yield _value("through", hit.held)


def _miss(need: Need) -> Iterator[str]:
    miss = need.miss
    yield click.style(f"  - {_place(miss)}", fg="yellow" if need.is_near else None, dim=not need.is_near)
    yield _value("wants", miss.rule.wanted)
    if need.holds:
        yield _value("held:", need.holds)
    yield from _condition(need)
    for near in need.near[:MOST_NEAR]:
        yield _value("near:", near.held)
        yield from wrapped(NEARNESS[near.how], "        ")
    if more := need.near[MOST_NEAR:]:
        yield f"      and {len(more):,} more come near"
    if miss.reason is Reason.ENTITLEMENT and not need.near:
        yield "      entitlement: none comes near"


def _value(label: str, value: str) -> str:
    """A value in a line of its own, in one piece, so that it can be copied."""
    return f"      {label} {harmless(value)}"


def _condition(need: Need) -> Iterator[str]:
    """What besides the entitlement is not met: what it wants and what was found, a value a line."""
    miss = need.miss
    if miss.reason not in _LISTED:
        if miss.reason is not Reason.ENTITLEMENT:
            yield from wrapped(f"{miss.reason}: {unmet(need)}", "      ")
        return
    for word, value in zip(("wants", *["or"] * len(miss.wanted)), miss.wanted, strict=False):
        yield _value(f"{miss.reason}: {word}", value)
    for value in need.found[:MOST_NEAR] or ("nothing",):
        yield _value("found:", value)
    if more := need.found[MOST_NEAR:]:
        yield f"      found: and {len(more):,} more"


def _access(why: Why) -> Iterator[str]:
    for group in why.groups:
        yield from wrapped(f"Group:   {harmless(group)} in domain {harmless(why.policy.site.domain)}", "", "         ")
    for gift in why.explanation.gifts:
        told = f"Project: {gift.project}: {', '.join(gift.roles)}, {until(gift.until)}"
        yield from wrapped(told, "", "         ")
    if not why.has_access:
        yield "Project: none"


def _place(verdict: Granted | Refused) -> str:
    file, line = verdict.rule.place
    return f"{file}:{line}" if file else verdict.community.name


def _count(values: Sequence[str], word: str) -> str:
    return f"{len(values):,} {word}{'' if len(values) == 1 else 's'}"


def wrapped(text: str, margin: str, after: str | None = None) -> list[str]:
    """Lines as wide as the terminal; a word is not broken."""
    width = max(40, shutil.get_terminal_size((_WIDTH, 24)).columns) - _FURTHER_IN
    rest = margin if after is None else after
    return textwrap.wrap(
        text, width, initial_indent=margin, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def why_json(why: Why) -> dict[str, object]:
    """All of it, every rule included. The entitlements stand there once, not with each rule that misses them."""
    claims, refusal = why.claims, why.decision.refusal
    return {
        "policy": why.policy.site.id,
        "policy_digest": why.policy.digest,
        "at": why.at.isoformat(),
        "subject": claims.subject,
        "identity_provider": claims.provider,
        "issuer": claims.issuer,
        "client": claims.client,
        "entitlements": list(claims.entitlements),
        "assurance": list(claims.assurance),
        "verified": why.token_end is not None,
        "token_ends": _iso(why.token_end),
        "refusal": refusal and {"reason": refusal.reason, "claim": refusal.claim, "value": refusal.value,
                                "detail": refusal.detail},
        "rules": rules_json(why.decision.trace, why.explanation.misses),
        "groups": [{"name": group, "domain": why.policy.site.domain} for group in why.groups],
        "access": [
            {"project": gift.project.name, "domain": gift.project.domain, "roles": list(gift.roles),
             "until": _iso(gift.until)}
            for gift in why.explanation.gifts
        ],
        "notes": list(why.notes),
        "sentence": why.sentence,
    }  # fmt: skip


def rules_json(trace: Sequence[Granted | Refused], misses: Sequence[Need]) -> list[dict[str, object]]:
    """The verdicts in the policy's order, each miss with what comes near."""
    needs = {id(need.miss): need for need in misses}
    return [_rule_json(verdict, needs.get(id(verdict))) for verdict in trace]


def _rule_json(verdict: Granted | Refused, need: Need | None) -> dict[str, object]:
    file, line = verdict.rule.place
    rule: dict[str, object] = {
        "community": verdict.community.name,
        "file": file,
        "line": line,
        **_asked(verdict.rule),
        "group": verdict.rule.group,
    }
    if isinstance(verdict, Granted):
        return {**rule, "verdict": "hit", "through": verdict.held, "until": _iso(verdict.until)}
    found = [] if verdict.reason is Reason.ENTITLEMENT else list(verdict.found)
    near = [{"held": miss.held, "how": miss.how} for miss in need.near] if need else []
    more = {"reason": verdict.reason, "detail": verdict.detail, "wanted": list(verdict.wanted), "found": found}
    return {**rule, "verdict": "miss", **more, "near": near}


def _asked(rule: Rule) -> dict[str, object]:
    if isinstance(rule, NamedPerson):
        return {"subject": rule.subject, "identity_provider": str(rule.identity_provider)}
    return {"entitlement": str(rule.entitlement)}


def _iso(value: datetime | None) -> str | None:
    return value.isoformat() if value else None

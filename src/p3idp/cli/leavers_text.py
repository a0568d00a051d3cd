"""Whose access ends or comes back, as lines for people. Owns the words; a subject is never cut, since it is copied."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import click

from p3idp.cli.fitting import wrapped
from p3idp.cli.terminal import harmless
from p3idp.core.access.plan import Finding
from p3idp.core.removal.bounds import BoundBy
from p3idp.core.removal.steps import Action, Coverage, Kept, Removal, Step
from p3idp.ops.access_ledger import Result
from p3idp.ops.recheck import Rechecked
from p3idp.ops.removal import Revoked
from p3idp.ops.removal_tell import Bounds, Ends, PersonBound

MOST = 50
_SIGNS: Mapping[Action, tuple[str, str, str]] = {
    Action.DISABLE: ("-", "red", "is disabled"),
    Action.SIGN_IN: ("~", "yellow", "is signed in anew"),
    Action.ENABLE: ("+", "green", "is enabled again"),
    Action.KEEP_OUT: ("·", "red", "stays out, also after a return"),
}
_HEADINGS: Mapping[Action, str] = {
    Action.DISABLE: "Whose access ends:",
    Action.SIGN_IN: "Signed in anew by the next recheck, with the consent that they gave:",
    Action.ENABLE: "Whose access comes back:",
}
_OUTCOMES: Mapping[str, str] = {
    "answered": "answered",
    "ended": "consent ended",
    "busy": "asked by another process just now",
    "refused": "answer not believed",
    "unreachable": "not asked",
}


def removal_lines(removal: Removal, ends: Callable[[Step], Ends], options: str = "") -> Iterator[str]:
    """All of it: people by what becomes of them, who is kept, findings, coverage, the digest and what to type next."""
    yield harmless(f"Policy {removal.policy} at {removal.target}")
    for action, heading in _HEADINGS.items():
        some = [step for step in removal.steps if step.action is action]
        if some:
            yield from ("", heading)
        for step in some[:MOST]:
            yield from _step(step)
            if step.action is not Action.ENABLE:
                yield from _ends(ends(step), everything=step.action is Action.DISABLE)
        yield from _more(len(some))
    if not removal.steps:
        yield "Nobody's access ends or comes back now."
    yield from _kept(removal.kept)
    yield from _findings(removal.findings)
    yield ""
    yield from wrapped(_coverage(removal.coverage), None, indent=0)
    yield f"Digest: {removal.digest}"
    yield from _next(removal, options)


def _step(step: Step) -> Iterator[str]:
    sign, colour, what = _SIGNS[step.action]
    yield click.style(harmless(f"  {sign} {step.who} {what}"), fg=colour)
    yield from wrapped(step.told, None, indent=6)


def _ends(ends: Ends, *, everything: bool) -> Iterator[str]:
    places = Counter[str]()
    roles: dict[str, list[str]] = {}
    for right in sorted(ends.rights):
        roles.setdefault(right.place, []).append(right.role)
        places[right.place] += 1
    told = [f"{', '.join(names)} on {place}" for place, names in roles.items()]
    if everything:
        held = ends.holdings
        told.append("every token")
        names = ", ".join(credential.name for credential in held.credentials)
        told += [f"{_count(len(held.credentials), 'application credential')} ({names})"] if names else []
        told += [_count(held.ec2, "EC2 credential")] if held.ec2 else []
        told += [_count(held.trusts, "trust")] if held.trusts else []
    if told:
        yield from wrapped(f"ends: {'; '.join(told)}", None, indent=6)


def _kept(kept: Sequence[Kept]) -> Iterator[str]:
    if kept:
        yield from ("", "Left as they are:")
    for each in kept[:MOST]:
        yield harmless(f"  · {each.subject} of {each.provider} ({each.why})")
        yield from wrapped(each.told, None, indent=6)
    yield from _more(len(kept))


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    if findings:
        yield from ("", "Findings:")
    for finding in findings:
        yield from wrapped(f"! {finding.name}: {finding.message}", "red")


def _more(number: int) -> Iterator[str]:
    if number > MOST:
        yield f"  and {number - MOST:,} more; --json has all"


def _coverage(coverage: Coverage) -> str:
    told = [
        f"Keystone has {_count(coverage.users, 'user')} of these identity providers; of {coverage.known:,} p3idp knows "
        f"the claims, and {coverage.consented:,} consented to be asked about while away."
    ]
    if coverage.disabled_by_others:
        told.append(f"Disabled by somebody else, and left so: {coverage.disabled_by_others:,}.")
    if coverage.unreadable:
        told.append(f"{_count(coverage.unreadable, 'row')} cannot be read with the keys of the settings.")
    if coverage.unasked:
        told.append(f"Of {coverage.unasked:,} who consented the groups were not asked for here; a recheck does.")
    return " ".join(told)


def _next(removal: Removal, options: str) -> Iterator[str]:
    if removal.switches:
        held = {f.name for step in removal.switches for f in removal.blocking(step)}
        named = "".join(f" --accept {name}" for name in sorted(held))
        yield f"To do it: p3idp leavers revoke {options}--digest {removal.digest}{named}"
    elif any(removal.blocking(step) for step in removal.steps):
        yield f"To let the next recheck do it: p3idp recheck {options}--accept NAME"


def step_line(step: Step, result: Result) -> str:
    """One step as it was made."""
    sign, colour, what = _SIGNS[step.action]
    told = what if result.word == "done" else f"{step.action}: {result.word}"
    detail = f" ({result.detail})" if result.detail else ""
    return click.style(harmless(f"  {sign} {step.who} {told}{detail}"), fg=colour)


def revoked_lines(done: Revoked) -> Iterator[str]:
    """What a run did."""
    counted = Counter(step.action for step, result in done.results if result.word == "done")
    words = {
        Action.DISABLE: "disabled",
        Action.SIGN_IN: "signed in anew",
        Action.ENABLE: "enabled again",
        Action.KEEP_OUT: "kept out",
    }
    told = [f"{counted[action]:,} {words[action]}" for action in Action if counted[action]]
    if told or not done.held:
        yield f"{', '.join(told)}." if told else "Nothing was to be done."
    if done.held:
        yield f"{_count(len(done.held), 'person is', 'people are')} left as they are: a finding stops it."
    if done.settled:
        yield f"Closed the record of an interrupted run: {', '.join(done.settled)}"


def recheck_lines(done: Rechecked, options: str = "") -> Iterator[str]:
    """What a recheck learnt and did, and what to type where a finding stops it."""
    answers = [f"{number:,} {_OUTCOMES[word]}" for word, number in sorted(done.outcomes.items())]
    asked = f": {', '.join(answers)}" if answers else ""
    yield f"{_count(done.consented, 'person', 'people')} consented; {_count(done.due, 'was', 'were')} due{asked}."
    if done.unreadable:
        told = (
            f"! {_count(done.unreadable, 'more consent')} cannot be read with the keys of [offline] in the settings, "
        )
        told += "so nobody asked about these people. That is right where they are another environment's."
        yield from wrapped(told, "yellow", indent=0)
    for provider, why in sorted(done.providers.items()):
        yield from wrapped(f"! {provider}: {why}", "yellow", indent=0)
    if done.revoked is not None:
        yield from revoked_lines(done.revoked)
        for step, result in done.revoked.undone:
            yield step_line(step, result)
        yield from _findings([f for f in done.revoked.removal.findings if f.blocking])
        yield from _way_on(done.revoked, options)
    if done.keystone:
        told = f"! {done.keystone} What was learnt is remembered; the next recheck acts on it."
        yield from wrapped(told, "red", indent=0)
    if done.late:
        yield f"The bound had passed for {_count(done.late, 'person', 'people')} before this run."
    if done.too_slow:
        seconds = int(done.took.total_seconds())
        yield f"This run took {seconds:,} s, longer than there is between two: the bound is not kept for everybody."


def _way_on(done: Revoked, options: str) -> Iterator[str]:
    standing = {finding.name for step in done.held for finding in done.removal.blocking(step, done.accepted)}
    if standing:
        names = "".join(f" --accept {name}" for name in sorted(standing))
        yield f"To see whom it concerns: p3idp leavers {options}".rstrip()
        yield f"Once you know that it is meant: p3idp recheck{' ' + options if options else ''}".rstrip() + names


def bound_lines(bounds: Bounds) -> Iterator[str]:
    """The bound of each person, and how many have which."""
    for each in bounds.people[:MOST]:
        yield harmless(f"{_span(each)}  {each.subject} of {each.provider}")
        yield from wrapped(each.bound.told, None, indent=10)
    yield from _more(len(bounds.people))
    by = Counter((each.bound.minutes, each.bound.by) for each in bounds.people)
    for (minutes, reason), number in sorted(by.items()):
        how = "asked about while away" if reason is BoundBy.RECHECK else "by the end of their memberships"
        yield f"{_count(number, 'person', 'people')}: {minutes:,} minutes, {how}"
    late = sum(each.bound.overdue for each in bounds.people)
    if late:
        yield click.style(f"The agreed recheck is overdue for {_count(late, 'person', 'people')}.", fg="red")
    if bounds.unreadable:
        yield f"{_count(bounds.unreadable, 'consent')} cannot be read with the key of the settings."
    if not bounds.people:
        yield "Keystone has no enabled user of these identity providers."


def _span(each: PersonBound) -> str:
    return f"{each.bound.minutes:>5} min"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"

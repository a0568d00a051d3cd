"""What a plan does to people, as lines: coverage, people and rules, the worst first and not too many of them."""

from collections.abc import Iterable, Iterator, Mapping

import click

from p3idp.cli.fitting import fit, wrapped
from p3idp.cli.terminal import harmless
from p3idp.core.access.people.cloud import Right
from p3idp.core.access.people.part import Coverage, Fate, People, Person, RuleEffect, Seen

MOST = 20
_FATES: Mapping[Fate | None, tuple[str, str | None, str]] = {
    Fate.OTHER_USER: ("!", "red", "becomes a new person"),
    Fate.LOSES_EVERYTHING: ("-", "red", "loses everything"),
    Fate.LOSES: ("-", "red", "loses"),
    Fate.LOSES_AND_GAINS: ("~", "yellow", "loses and gains"),
    Fate.GAINS: ("+", "green", "gains"),
    None: ("·", None, "stays, in other groups"),
}


def people_lines(people: People) -> Iterator[str]:
    """All that is said of people."""
    yield from ("", "people, at their next login:")
    for person in people.people[:MOST]:
        yield from _person(person)
    yield from _more(len(people.people))
    if not people.people:
        yield "  nobody that p3idp knows of gains or loses anything"
    yield from _rules(people.rules)
    yield from _consequences(people)
    yield from wrapped(_coverage(people.coverage), None)
    for note in people.notes:
        yield from wrapped(note, "yellow")


def _person(person: Person) -> Iterator[str]:
    sign, colour, what = _FATES[person.fate]
    # Never cut: a subject is one word, to be copied, and some are longer than a terminal is wide.
    yield click.style(harmless(f"  {sign} {what}: {person.subject} of {person.provider}"), fg=colour)
    yield from _rights(person.lost, person.gained)
    if person.seen is Seen.GROUPS:
        yield fit("      judged by the groups they are in; their claims are not known")
    if person.seen is Seen.NAME:
        yield fit("      named by the policy; they have not come so far")


def _rules(rules: tuple[RuleEffect, ...]) -> Iterator[str]:
    if rules:
        yield from ("", "rules, for whoever logs in with just what they ask for:")
    for rule in rules[:MOST]:
        sign, colour = ("-", "red") if rule.lost else ("+", "green")
        who = f"{rule.people:,} remembered" if rule.people else "nobody remembered"
        yield click.style(fit(f"  {sign} {', '.join(rule.groups) or 'no group'} of {rule.provider} ({who})"), fg=colour)
        if rule.by:
            yield fit(f"      by {rule.by}")
        yield from _rights(rule.lost, rule.gained)
    yield from _more(len(rules))
    if rules:
        yield ""


def _rights(lost: Iterable[Right], gained: Iterable[Right]) -> Iterator[str]:
    for sign, rights in (("-", lost), ("+", gained)):
        places: dict[str, list[str]] = {}
        for right in rights:
            places.setdefault(right.place, []).append(right.role)
        for place, roles in places.items():
            yield fit(f"      {sign} {', '.join(roles)} on {place}")


def _more(number: int) -> Iterator[str]:
    if number > MOST:
        yield f"  … and {number - MOST:,} more (--json has all)"


def _consequences(people: People) -> Iterator[str]:
    if people.other_users:
        told = f"{_people(people.other_users)} would be known by another user id, and lose what the old one made."
        yield from wrapped(told, "red")
    if people.regrouped:
        told = (
            f"{_people(people.regrouped)} would be in other groups: Keystone ends their earlier tokens at that login."
        )
        yield from wrapped(told, "yellow")
    if people.wiped:
        told = f"{people.wiped:,} grants made by hand would go: under schema 3.0 each login takes them away."
        yield from wrapped(told, "red")


def _coverage(coverage: Coverage) -> str:
    told = "Coverage: " + _known(coverage)
    if not coverage.remembers:
        told += " No login is remembered, since the settings name no key ([logins] key)."
    if coverage.unreadable:
        told += f" {coverage.unreadable:,} remembered logins cannot be read with the key of the settings."
    if coverage.unasked:
        told += f" Of {_people(coverage.unasked)} without claims the groups were not asked for, being too many."
    if not coverage.complete:
        told += " Keystone cut its list of users short."
    return f"{told} Logins through Apache past p3idp are seen without claims."


def _known(coverage: Coverage) -> str:
    if coverage.known is None:
        return f"claims of {_people(coverage.remembered)}; Keystone does not let p3idp's account list its users."
    new = coverage.remembered - coverage.both
    more = f", and {new:,} who never came to Keystone" if new else ""
    return f"claims of {coverage.both:,} of the {_people(coverage.known)} known to Keystone{more}."


def _people(number: int) -> str:
    return f"{number:,} {'person' if number == 1 else 'people'}"

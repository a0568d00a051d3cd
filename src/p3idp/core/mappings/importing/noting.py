"""What an operator should know of an import though nothing stayed as it was. Owns those remarks."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from p3idp.core.mappings.importing.attributes import OURS, claim_of
from p3idp.core.mappings.importing.choices import Choices, Said
from p3idp.core.mappings.importing.remarks import Remark
from p3idp.core.mappings.importing.sorting import Sorted
from p3idp.core.mappings.importing.terms import Rule, Terms
from p3idp.core.mappings.importing.wanted import Fit

_REASSIGNED = frozenset({"email", "mail", "preferred_username", "name"})


def notes(
    rules: Sequence[Rule], version: str, found: Sorted, said: Sequence[Said], choices: Choices
) -> Iterator[Remark]:
    """Remarks on the whole, and on rules that became policy."""
    terms = {each.number: each for one in said for each in one.terms}
    yield from _attributes(rules)
    yield from _differences(list(terms.values()), found, choices)
    yield from _people(list(terms.values()), found)
    yield from _grants(said, choices)
    yield from _unsayable(said, found.common.domain, choices)
    yield _gaps(choices)
    if version == "3.0":
        told = "under schema 3.0 each login took away role assignments of the person that the mapping did not give"
        yield Remark("schema-3", told, (), "Under 2.0 that ends: look for assignments to people that should go.")
    if version == "1.0" and any("projects" in local for rule in rules for local in rule["local"]):
        told = "under schema 1.0 roles given by `projects` were never taken away again"
        yield Remark("schema-1-roles", told, (), "Look for role assignments to people, and remove those.")


def _gaps(choices: Choices) -> Remark:
    asked, keys = ["whom to ask"], ["title", "contact"]
    if not choices.ttl_minutes:  # Keystone has it, but was not asked
        asked, keys = [*asked, "how long access outlives a login"], [*keys, "authorization_ttl"]
    told = f"no mapping says {', '.join(asked)}{',' * (len(asked) > 1)} and which scopes clients ask for"
    todo = f"Fill in {', '.join(keys)} and scopes in site.yaml, and contact for each community."
    return Remark("fill-in", told, (), todo)


def _attributes(rules: Sequence[Rule]) -> Iterator[Remark]:
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for number, rule in enumerate(rules):
        for entry in rule["remote"]:
            numbers[claim_of(entry["type"]).prefix].add(number)
    for prefix, used in sorted(numbers.items()):
        if prefix == "":
            continue  # said of each rule
        if prefix != OURS:
            told = f"attributes {prefix}… are read as claims; p3idp's Apache passes them as {OURS}…"
            todo = "Switch Apache's configuration (`p3idp site config`) and the mapping together."
            yield Remark("attribute-prefix", told, tuple(sorted(used)), todo)


def _differences(terms: Sequence[Terms], found: Sorted, choices: Choices) -> Iterator[Remark]:
    by_authority = [t for t in terms if any(w.fit is not Fit.SAME for w in t.wanted)]
    if by_authority:
        first = by_authority[0].wanted[0]
        told = "the policy does not compare the authority of an entitlement (after #), nor the case of its namespace"
        login = {by_authority[0].claim: (f"{first.entitlement}#another.example.org",)}
        yield Remark("authority-not-compared", told, _numbers(by_authority), login=login)
    for each in terms:
        for wanted in each.wanted:
            if wanted.fit is Fit.ACCEPTS_MORE:
                told = (
                    f"the pattern {wanted.entry!r} also took {wanted.shows!r}; the policy asks for {wanted.entitlement}"
                )
                yield Remark("tightened", told, (each.number,), login={each.claim: (wanted.shows,)})
    dropped: defaultdict[str, list[Terms]] = defaultdict(list)
    for each in terms:
        for claim in each.bare:
            dropped[claim].append(each)
    for claim, those in sorted(dropped.items()):
        told = f"the claim {claim} had to be there; the policy does not ask for it"
        yield Remark("claim-no-longer-asked", told, _numbers(those))
    open_ones = [each for each in terms if each.issuers is None]
    if open_ones:
        told = f"no issuer was asked for; the policy asks for {', '.join(found.common.issuers)}"
        yield Remark(
            "issuer-not-asked", told, _numbers(open_ones), "Compare with the provider's remote_ids in Keystone."
        )
    if terms and all(each.clients is None and each.audiences is None for each in terms):
        told = "tokens of every client of this provider are honoured"
        yield Remark("any-client", told, (), "List issuing_clients in site.yaml; the exchange is off until then.")


def _people(terms: Sequence[Terms], found: Sorted) -> Iterator[Remark]:
    if found.common.subject in _REASSIGNED:
        told = f"people are known by the claim {found.common.subject}, which may be given to another person one day"
        yield Remark("reassignable-subject", told, (), "Changing it makes new people; plan that with the users.")
    renamed = [each for each in terms if each.named_by != each.subject]
    if renamed:
        told = f"users were shown under another name; from now on it is the claim {found.common.subject}. Ids stay"
        yield Remark("changes-user-names", told, _numbers(renamed))


def _grants(said: Sequence[Said], choices: Choices) -> Iterator[Remark]:
    direct = [each for one in said for each in one.terms if each.grants]
    if direct:
        told = "roles were given to each person directly, by the last rule that applied; the group has them from now on"
        yield Remark("direct-roles", told, _numbers(direct), "Remove direct assignments when the policy is in force.")
    for each in said:
        if not each.rule.grants:
            known = "Keystone knows no role of it on a project" if choices.roles is not None else "nobody says which"
            told = f"which roles the group {each.rule.group} gives, on which projects: {known}"
            todo = f"Fill in `projects` in communities/{each.community}.yaml; until then the policy is refused."
            yield Remark("grants-unknown", told, _numbers(each.terms), todo)


def _unsayable(said: Sequence[Said], domain: str, choices: Choices) -> Iterator[Remark]:
    for each in said:
        held = choices.unsayable.get((domain, each.rule.group), ())
        if held:
            told = f"the group {each.rule.group} also has {', '.join(held)}, which a policy cannot say"
            todo = "Once p3idp owns the group, `p3idp plan` removes them: give them to another group before."
            yield Remark("grants-not-expressible", told, _numbers(each.terms), todo)


def _numbers(terms: Sequence[Terms]) -> tuple[int, ...]:
    return tuple(sorted({each.number for each in terms}))

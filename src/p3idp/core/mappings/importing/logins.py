"""Logins that try an old mapping and its successor. Owns making them up: who gets in, and who nearly does.

Deterministic: the same rules make the same logins.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from p3idp.core.keystone_rules.schema import CONDITIONS
from p3idp.core.mappings.importing.attributes import claim_of
from p3idp.core.mappings.importing.terms import Rule
from p3idp.core.mappings.lint.samples import sample
from p3idp.core.policy.entitlement import parse_entitlement

# Claims by name, each with its values.
Login = Mapping[str, tuple[str, ...]]
_USUAL = {"iss": "https://another.example.org", "azp": "another-client", "aud": "another-audience"}
_SOMEONE = "someone@example.org"
MAX_RULES_TOGETHER = 200
MAX_ALL_PAIRS = 40


def base_login(rule: Rule) -> Login:
    """Claims that the rule likely asks for."""
    made: dict[str, tuple[str, ...]] = {}
    for entry in rule["remote"]:
        name = claim_of(entry["type"]).name
        value = _value(entry)
        present = made.get(name, ())
        if value is not None and value not in present:
            made[name] = (*present, value)
        made.setdefault(name, (_USUAL.get(name, _SOMEONE),))
    return made


def _value(entry: Rule) -> str | None:
    for condition in CONDITIONS:
        texts = [each for each in entry.get(condition, ()) if isinstance(each, str)]
        if condition in ("any_one_of", "whitelist") and texts:
            return sample(texts[0]) if entry.get("regex") else texts[0]
    return None


def logins(rules: Sequence[Rule], aliases: Iterable[str], texts: Iterable[str]) -> Iterator[Login]:
    """The logins for old rules. ``aliases``: further claims for entitlements; ``texts``: further values of those."""
    bases = [base_login(rule) for rule in rules]
    names = sorted(set(aliases) | {n for base in bases for n, held in base.items() if any("urn:" in v for v in held)})
    seen: dict[str, set[str]] = {}
    for base in bases:
        for name, held in base.items():
            seen.setdefault(name, set()).update(held)
    for number, base in enumerate(bases):
        yield base
        yield from _altered(base, seen, names)
        # Two rules at once, and what the third asks besides.
        near_ones = bases if len(bases) <= MAX_ALL_PAIRS else (bases[(number + 1) % len(bases)], bases[number // 2])
        for other in near_ones:
            yield _merged([base, other])
            yield {**_merged([base, other]), **{n: v for n, v in base.items() if "urn:" not in v[0]}}
    yield _merged(bases[:MAX_RULES_TOGETHER])
    for text in texts:
        for base in bases[:1]:
            yield {**base, **{name: (text,) for name in names}}


def _altered(base: Login, seen: Mapping[str, set[str]], names: Sequence[str]) -> Iterator[Login]:
    for name, held in base.items():
        yield {other: values for other, values in base.items() if other != name}
        yield {**base, name: ("",)}
        if any("urn:" in value for value in held):
            for text in (text for value in held for text in near(value)):
                yield {**base, name: (text,)}
                yield {**base, name: ("urn:other", text)}
            others = {other: values for other, values in base.items() if other != name}
            yield from ({**others, alias: held} for alias in names if alias != name)
        else:
            for value in sorted(seen[name])[:20]:
                yield {**base, name: (value,)}
            yield {**base, name: (f"{held[0]}x",)}
            yield {**base, name: (*held, "another")}


def near(text: str) -> Iterator[str]:
    """Entitlements like this one, and texts that only look so."""
    bare = text.split("#")[0]
    yield from (bare, f"{bare}#another.example.org", f"{bare}-evil.example.org", f"x{text}", f"{text}-evil")
    yield from (f"{bare}:role=any", f"{bare}:sub:role=member#aai", bare.rpartition(":")[0], f"{bare}::x")
    yield from (bare.replace("urn:mace", "URN:Mace"), text.upper(), f"{bare.split(':role=')[0]}:role=another")
    found = parse_entitlement(text)
    if found:
        yield f"{found.namespace}:group:{found.path[0].replace('.', 'X')}{':role=' + found.role if found.role else ''}"


def _merged(bases: Sequence[Login]) -> Login:
    made: dict[str, tuple[str, ...]] = {}
    for base in bases:
        for name, values in base.items():
            # Of issuer, client and person there is one; the first rule's stay.
            single = name in ("iss", "azp") or "urn:" not in values[0]
            made[name] = made[name] if single and name in made else tuple(dict.fromkeys((*made.get(name, ()), *values)))
    return made

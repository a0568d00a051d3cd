"""One rule as lint looks at it: its requirements, what its fields stand for, and a login that matches it.

Owns the making of example logins. A login counts only where the imitated engine says so.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import Any

from p3idp.core.keystone_rules import NO_SEARCH, CompiledRules, Mapped, Outcome, RuleMiss, Search, compile_rules
from p3idp.core.keystone_rules.schema import CONDITIONS
from p3idp.core.mappings.json_lines import Path
from p3idp.core.mappings.lint.attributes import usual_value
from p3idp.core.mappings.lint.finding import Login
from p3idp.core.mappings.lint.samples import sample
from p3idp.core.mappings.lint.shows import Shown, Shows
from p3idp.errors.keystone_rules import MappingRulesInvalid

_STRANGERS = ("somebody", "else", "0", "urn:mace:example.org:group:nobody:role=none", "z" * 40)


@dataclass(frozen=True, slots=True)
class Required:
    """One entry of ``remote``: ``condition`` is ``present`` for none. ``index``: the n of {n}, None where uncounted."""

    place: int
    attribute: str
    condition: str
    entries: tuple[Any, ...]
    regex: bool
    index: int | None

    @property
    def is_gate(self) -> bool:
        """Whether somebody can be shut out by it."""
        return self.condition in ("any_one_of", "not_any_of")

    @property
    def texts(self) -> tuple[str, ...]:
        """The entries that are text."""
        return tuple(entry for entry in self.entries if isinstance(entry, str))

    @property
    def path(self) -> Path:
        """Where its list stands, within the rule."""
        return ("remote", self.place) if self.condition == "present" else ("remote", self.place, self.condition)


@dataclass(frozen=True)
class RuleView:
    """One rule with its number."""

    number: int
    rule: Mapping[str, Any]
    version: str
    search: Search = NO_SEARCH

    @cached_property
    def required(self) -> tuple[Required, ...]:
        """Its requirements in order."""
        found: list[Required] = []
        counted = 0
        for place, entry in enumerate(self.rule["remote"]):
            condition = next((name for name in CONDITIONS if name in entry), "present")
            index = None if condition in ("any_one_of", "not_any_of") else counted
            counted += index is not None
            entries = tuple(entry.get(condition, ()))
            found.append(Required(place, entry["type"], condition, entries, entry.get("regex", False), index))
        return tuple(found)

    @cached_property
    def handed(self) -> tuple[Required, ...]:
        """What {0}, {1} … stand for."""
        return tuple(each for each in self.required if each.index is not None)

    @cached_property
    def user(self) -> tuple[int, Mapping[str, Any]] | None:
        """The first user that is not empty, with the number of its local object."""
        found = ((n, local["user"]) for n, local in enumerate(self.rule["local"]) if local.get("user"))
        return next(found, None)

    def sources(self, text: str) -> tuple[Required, ...]:
        """What the fields of a text stand for, as far as they stand for something."""
        numbers = [int(n) for n in field_numbers(text)]
        return tuple(self.handed[n] for n in numbers if n < len(self.handed))

    @cached_property
    def alone(self) -> CompiledRules | None:
        """The rule as the only one of a mapping."""
        return compiled([self.rule], self.version, self.search)

    def answer(self, login: Login) -> Outcome | None:
        """What Keystone's engine says to ``login`` when this rule is the only one."""
        return self.alone.evaluate(login) if self.alone else None

    def reaches(self, login: Login) -> bool:
        """Whether the rule applies to ``login``, or breaks it."""
        verdicts = self.alone.explain(login).verdicts if self.alone else ()
        return bool(verdicts) and not isinstance(verdicts[0], RuleMiss)

    @cached_property
    def login(self) -> Login | None:
        """A login to which the rule applies; None where none could be made up."""
        return next((made for made in self._logins() if self.reaches(made)), None)

    @property
    def any_login(self) -> Login:
        """A login that has all attributes, whether or not the rule applies."""
        return self._made(0, "")

    def _logins(self) -> Iterator[Login]:
        for choice in range(3):
            for filler in ("", *_STRANGERS):
                yield self._made(choice, filler)

    def _made(self, choice: int, filler: str) -> Login:
        wanted: dict[str, list[str]] = {}
        for each in self.required:
            values = wanted.setdefault(each.attribute, [])
            if each.condition in ("any_one_of", "whitelist") and each.entries:
                value = entry_value(each, choice)
                if value is not None and value not in values:
                    values.append(value)
        return {name: ";".join(values) or filler or usual_value(name) for name, values in wanted.items()}

    def login_with(self, attribute: str, value: str) -> Login | None:
        """The same login with another value of an attribute, whether or not the rule still applies."""
        return {**self.login, attribute: value} if self.login is not None else None

    def stranger(self, attribute: str) -> Login | None:
        """A login to which the rule applies, with a value there that the rule does not name."""
        named = {text for each in self.required if each.attribute == attribute for text in each.texts}
        for value in _STRANGERS:
            login = self.login_with(attribute, value)
            if login is not None and value not in named and self.reaches(login):
                return login
        return None


def entry_value(required: Required, choice: int = 0) -> str | None:
    """A value that an entry of the condition names, later ones first for a higher ``choice``."""
    texts = [text for text in required.texts if ";" not in text or required.regex]
    if not texts:
        return None
    text = texts[min(choice, len(texts) - 1)]
    return sample(text) if required.regex else text


def compiled(rules: Sequence[Mapping[str, Any]], version: str, search: Search) -> CompiledRules | None:
    """The rules compiled; None where Keystone would not save them."""
    try:
        return compile_rules(rules, version, search)
    except MappingRulesInvalid:
        return None


def field_names(text: str) -> Iterator[str]:
    """The fields of a text as str.format reads it; none where it cannot read it."""
    try:
        yield from [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError:
        return


def field_numbers(text: str) -> Iterator[str]:
    """The numbers of its fields, as far as they have one; one without a number counts by itself."""
    for place, name in enumerate(field_names(text)):
        number = re.match(r"\d{1,4}", name)
        if number:
            yield number[0]
        elif name == "":
            yield str(place)


def gift(outcome: Outcome | None, containing: str = "") -> Shows | None:
    """What stands out of what a login gets: a group, else a role, else who it is; None where it gets nothing.

    ``containing``: only what holds this text.
    """
    if not isinstance(outcome, Mapped):
        return None
    person = outcome.person
    shown = [
        *(Shows(Shown.GROUP, group.name) for group in outcome.groups),
        *(Shows(Shown.GROUP_ID, each) for each in outcome.group_ids if isinstance(each, str)),
        *(Shows(Shown.ROLE, f"{role} on {grant.project}") for grant in outcome.grants for role in grant.roles),
        *(Shows(Shown.USER_NAME, name) for name in (person.name,) if name),
        *(Shows(Shown.USER_ID, identity) for identity in (person.id,) if identity),
    ]
    return next((each for each in shown if containing in each.value), None)

"""Lint what paths name, and hold it against the live Keystone. Owns the run, and where each finding belongs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.json_lines import JsonMistaken
from p3idp.core.mappings.lint import (
    Finding,
    LintReport,
    Live,
    Severity,
    Written,
    lint_catalogue,
    lint_live,
    lint_objects,
    lint_policy,
    lint_rules,
    report,
)
from p3idp.core.policy.model import IdentityProvider, Policy
from p3idp.core.policy.vo_catalogue import Catalogue
from p3idp.errors.base import ExitStatus
from p3idp.errors.command import UsageMistaken
from p3idp.errors.community import CatalogueInvalid
from p3idp.errors.policy import Place, PolicyInvalid
from p3idp.ports.lint import NamesReader, SourceReader
from p3idp.ports.regex import Search

_GIVE = "Give a policy directory, a Keystone mapping (JSON), or a catalogue of communities (`vos:` in YAML)"


@dataclass(frozen=True, slots=True)
class Lint:
    """One way of linting. ``names`` opens what reads the live Keystone; None stays offline."""

    read: SourceReader
    search: Search
    names: Callable[[], NamesReader] | None = None

    def run(
        self, paths: Sequence[str], now: datetime, version: str | None = None, provider: str | None = None
    ) -> LintReport:
        """Lint everything that ``paths`` name.

        ``version``: the schema of rules that name none; ``provider``: the identity provider they are for. Raises the
        errors of reading Keystone, UsageMistaken for a provider that nobody knows, and OSError.
        """
        live = self.names().names() if self.names else None
        found: list[Finding] = []
        for path in paths:
            found += self._one(path, now, version, provider, live)
        if live is not None:
            found += lint_objects(live, frozenset({provider}) if provider else frozenset())
        return report(found, tuple(paths))

    def _one(
        self, path: str, now: datetime, version: str | None, provider: str | None, live: Live | None
    ) -> list[Finding]:
        try:
            source = self.read(path)
        except PolicyInvalid as exc:
            return _below(path, (_mistake("policy-invalid", place) for place in exc.places))
        except CatalogueInvalid as exc:
            return [_mistake("file-unreadable", place) for place in exc.places]
        except JsonMistaken as exc:
            return [Finding("file-unreadable", path, exc.line, f"not JSON: {exc.message}", _GIVE)]
        if isinstance(source, Policy):
            return _below(path, self._policy(source, now, provider, live))
        if isinstance(source, Catalogue):
            return lint_catalogue(source)
        beside = lint_live(source, version, live, provider, self.search) if live is not None else []
        return [*lint_rules(source, version, self.search), *beside]

    def _policy(self, policy: Policy, now: datetime, provider: str | None, live: Live | None) -> Iterable[Finding]:
        providers = [each for each in policy.site.identity_providers if provider in (None, each.id)]
        if not providers:
            known = ", ".join(each.id for each in policy.site.identity_providers)
            raise UsageMistaken(f"The policy has no identity provider {provider}; it has {known}.")
        yield from lint_policy(policy, now, self.search, providers)
        for each in providers if live is not None else ():
            yield from lint_live(_whole(policy, each, now), None, live or Live(), each.id, self.search)


def _whole(policy: Policy, provider: IdentityProvider, now: datetime) -> Written:
    """All that ``p3idp apply`` would save for a provider."""
    compiled = compile_mapping(policy, provider, now)
    return Written("site.yaml", {"rules": list(compiled.rules), "schema_version": compiled.schema_version})


def _mistake(code: str, place: Place) -> Finding:
    file, line, message = place
    return Finding(code, file, line, message, "Correct the line" if code == "policy-invalid" else _GIVE)


def _below(directory: str, findings: Iterable[Finding]) -> list[Finding]:
    """Files of a policy are named from its directory; here from where the command was given."""
    prefix = directory.rstrip("/")
    return [each if each.file.startswith(prefix) else replace(each, file=f"{prefix}/{each.file}") for each in findings]


def exit_status(found: LintReport, *, strict: bool) -> ExitStatus:
    """4 where there is an error, and with ``strict`` where there is a warning; else 0."""
    bad = found.count(Severity.ERROR) + (found.count(Severity.WARNING) if strict else 0)
    return ExitStatus.REFUSED if bad else ExitStatus.OK

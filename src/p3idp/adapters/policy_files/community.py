"""A community file's sections to core values. Owns what rules, projects and examples must mean to one another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from p3idp.adapters.policy_files.explain import meant
from p3idp.adapters.policy_files.mistakes import Mistakes
from p3idp.adapters.policy_files.nodes import Path
from p3idp.adapters.policy_files.schema import AccessSection, CommunityFile, ExampleSection, PersonSection, ValidSection
from p3idp.core.policy.model import (
    AccessRule,
    Community,
    Example,
    NamedPerson,
    Project,
    ProjectRef,
    ProviderId,
    Site,
    Suspension,
    Validity,
    is_person_group,
)

MAX_GROUP = 64


@dataclass(frozen=True, slots=True)
class CommunityReader:
    """Reads one community of a site."""

    name: str
    section: CommunityFile
    site: Site
    mistakes: Mistakes

    def convert(self) -> Community:
        """The community without its examples, which may speak of other communities' projects."""
        if not self.section.access and not self.section.people:
            told = "must not be empty" if "access" in self.section.model_fields_set else "is missing"
            self.mistakes.add(("access",), f"`access` {told}")
        return Community(
            name=self.name,
            title=self.section.title,
            contact=self.section.contact,
            projects=tuple(self.projects.values()),
            rules=tuple(self._rule(a, ("access", i)) for i, a in enumerate(self.section.access)),
            validity=self._validity(self.section.valid, ("valid",)),
            people=tuple(self._person(p, ("people", i)) for i, p in enumerate(self.section.people)),
            suspended=Suspension(stopped.since, stopped.reason) if (stopped := self.section.suspended) else None,
        )

    @property
    def projects(self) -> Mapping[str, Project]:
        """The projects that this file declares, by the name it uses."""
        return {
            name: Project(
                ProjectRef((given.domain if given else None) or self.site.domain, name),
                given.description if given else "",
                given.existing if given else False,
                tuple(sorted(given.properties.items())) if given else (),
            )
            for name, given in self.section.projects.items()
        }

    def check_projects(self) -> None:
        """A project elsewhere is not p3idp's to make, and one that the site has is not p3idp's to describe."""
        for name, project in self.projects.items():
            if project.existing and project.properties:
                message = f"`{name}` is the site's own (`existing: true`), so p3idp sets no properties on it"
                self.mistakes.add(("projects", name, "properties"), message)
            if self.site.domain and project.ref.domain != self.site.domain and not project.existing:
                message = (
                    f"`{name}` is in the domain {project.ref.domain}, so p3idp will not make it; say `existing: true`"
                )
                self.mistakes.add(("projects", name), message)

    def _validity(self, section: ValidSection, path: Path) -> Validity:
        if section.from_ and section.until and section.until <= section.from_:
            self.mistakes.add((*path, "until"), "`until` is not after `from`, so this never holds")
        return Validity(section.from_, section.until)

    def _rule(self, section: AccessSection, path: Path) -> AccessRule:
        for index, provider in enumerate(section.identity_providers):
            self._known_provider(provider, (*path, "identity_providers", index))
        self._can_be_met(section, path)
        self._honoured_clients(section, path)
        rule = AccessRule(
            entitlement=section.entitlement,
            grants=self._grants(section.projects, self.projects, (*path, "projects")),
            validity=self._validity(section.valid, (*path, "valid")),
            assurance=tuple(sorted(set(section.assurance))),
            identity_providers=tuple(sorted({ProviderId(p) for p in section.identity_providers})),
            issuing_clients=tuple(sorted(set(section.issuing_clients))),
            place=self.mistakes.place(path),
            group_name=section.group or "",
        )
        if len(rule.group) > MAX_GROUP:
            told = f"the group `{rule.group}` is longer than Keystone's {MAX_GROUP} characters; name it with `group:`"
            self.mistakes.add((*path, "entitlement"), told)
        if is_person_group(rule.group):
            told = f"the group `{rule.group}` is called as those of people who are named; name it with `group:`"
            self.mistakes.add((*path, "entitlement"), told)
        return rule

    def _person(self, section: PersonSection, path: Path) -> NamedPerson:
        self._known_provider(section.identity_provider, (*path, "identity_provider"))
        return NamedPerson(
            subject=section.subject,
            identity_provider=ProviderId(section.identity_provider),
            grants=self._grants(section.projects, self.projects, (*path, "projects")),
            validity=self._validity(section.valid, (*path, "valid")),
            name=section.name or "",
            place=self.mistakes.place(path),
        )

    def _grants(
        self, given: Mapping[str, list[str]], known: Mapping[str, Project], path: Path
    ) -> tuple[tuple[ProjectRef, tuple[str, ...]], ...]:
        grants = []
        for name, roles in given.items():
            if name not in known:
                self.mistakes.add((*path, name), f"no project `{name}` is declared{meant(name, known) or _list(known)}")
                continue
            grants.append((known[name].ref, tuple(sorted(set(roles)))))
        return tuple(sorted(grants))

    def _can_be_met(self, section: AccessSection, path: Path) -> None:
        """Tokens of a provider that is verified by keys hold no entitlement that counts."""
        by_keys = [p.id for p in self.site.identity_providers if p.by_keys and p.id in section.identity_providers]
        for name in by_keys:
            index = section.identity_providers.index(name)
            told = f"nobody of `{name}` holds an entitlement that counts (`verified_by: keys`); name them in `people`"
            self.mistakes.add((*path, "identity_providers", index), told)

    def _honoured_clients(self, section: AccessSection, path: Path) -> None:
        """A client that no provider of the rule honours makes a condition that nobody meets."""
        asked = section.identity_providers
        providers = [p for p in self.site.identity_providers if not asked or p.id in asked]
        if any(p.audiences or not p.issuing_clients for p in providers):
            return
        known = sorted({client for p in providers for client in p.issuing_clients})
        for index, client in enumerate(section.issuing_clients):
            if known and client not in known:
                told = f"the site honours no tokens of the client `{client}`{meant(client, known) or _list(known)}"
                self.mistakes.add((*path, "issuing_clients", index), told)

    def _known_provider(self, name: str, path: Path) -> None:
        known = [provider.id for provider in self.site.identity_providers]
        # Where site.yaml itself is wrong none are known, and its mistake is not repeated for every example.
        if known and name not in known:
            self.mistakes.add(
                path, f"no identity provider `{name}` is in site.yaml{meant(name, known) or _list(known)}"
            )

    def examples(self, everywhere: Mapping[str, Project]) -> tuple[Example, ...]:
        """The examples; they may name projects of any community, this one's first."""
        known = {**everywhere, **self.projects}
        return tuple(self._example(e, known, ("examples", i)) for i, e in enumerate(self.section.examples))

    def _example(self, section: ExampleSection, known: Mapping[str, Project], path: Path) -> Example:
        provider = section.identity_provider or next((p.id for p in self.site.identity_providers), "")
        self._known_provider(provider, (*path, "identity_provider"))
        return Example(
            title=section.title,
            claims=section.claims,
            access=self._grants(section.access, known, (*path, "access")),
            identity_provider=ProviderId(provider),
            at=section.at,
            place=self.mistakes.place(path),
        )


def _list(known: Iterable[str]) -> str:
    return f"; there are {', '.join(sorted(known))}"

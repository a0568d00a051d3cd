"""Names in a mapping that the live Keystone does not have. Owns where such names stand."""

from collections.abc import Iterator, Mapping
from typing import Any

from p3idp.core.mappings.json_lines import Path
from p3idp.core.mappings.lint.attributes import ISSUERS, plain
from p3idp.core.mappings.lint.check_texts import is_filled
from p3idp.core.mappings.lint.linted import Linted
from p3idp.core.mappings.lint.live import Live, LiveProvider
from p3idp.core.mappings.lint.views import RuleView, gift

Domain = Mapping[str, str] | None


class LiveNames:
    """Holds each rule against what Keystone has. ``provider``: whose mapping it is, where that is known."""

    def __init__(self, linted: Linted, live: Live, provider: LiveProvider | None) -> None:
        self.linted, self.live, self.provider = linted, live, provider
        self._groups = frozenset(live.groups.values())

    def check(self, view: RuleView) -> None:
        """Look at every name of one rule."""
        for place, local in enumerate(view.rule["local"]):
            at: Path = ("local", place)
            for path, domain in _domains(local, at):
                self._domain(view, path, domain)
            if "group" in local:
                self._group(view, local["group"], (*at, "group"))
            self._groups_listed(view, local, at)
            for number, project in enumerate(local.get("projects", ())):
                self._project(view, project, local.get("domain"), (*at, "projects", number))
        self._issuers(view)

    def _say(self, code: str, view: RuleView, path: Path, found: str, fix: str) -> None:
        shows = gift(view.answer(view.login)) if view.login else None
        self.linted.say(code, view, path, found, fix, view.login, shows, surely=True)

    def _domain(self, view: RuleView, path: Path, domain: Domain) -> None:
        named = (domain or {}).get("id", (domain or {}).get("name", ""))
        if named and not is_filled(named) and self.live.domain_id(domain) is None and self.live.knows_all("domains"):
            known = ", ".join(sorted(self.live.domains.values())[:10])
            self._say("live-domain-unknown", view, path, f"there is no domain {named}", f"Keystone has {known}")

    def _group(self, view: RuleView, group: Mapping[str, Any], path: Path) -> None:
        if not self.live.knows_all("groups"):
            return
        if "id" in group:
            if not is_filled(group["id"]) and group["id"] not in self.live.groups:
                fix = 'Write "group": {"name": …, "domain": {"name": …}}'
                found = f"there is no group with the id {group['id']}"
                self._say("live-group-id-unknown", view, (*path, "id"), found, fix)
            return
        if not is_filled(group["name"]):
            self._named(view, group["name"], group["domain"], (*path, "name"))

    def _named(self, view: RuleView, name: str, domain: Domain, path: Path) -> None:
        identity = self.live.domain_id(domain)
        text = name.replace("{{", "{").replace("}}", "}")
        if identity is None or (identity, text) in self._groups:
            return
        where = self.live.domains[identity]
        elsewhere = sorted(self.live.domains.get(key, key) for key, known in self._groups if known == text)
        fix = f"It is in the domain {elsewhere[0]}" if elsewhere else f"openstack group create --domain {where} {text}"
        self._say("live-group-unknown", view, path, f"there is no group {text} in the domain {where}", fix)

    def _groups_listed(self, view: RuleView, local: Mapping[str, Any], at: Path) -> None:
        if "groups" not in local or "domain" not in local or not self.live.knows_all("groups"):
            return
        if not is_filled(local["groups"]):
            self._named(view, local["groups"], local["domain"], (*at, "groups"))
        for claim in view.sources(local["groups"]):
            if claim.condition == "whitelist" and not claim.regex:
                for number, name in enumerate(claim.entries):
                    self._named(view, name, local["domain"], (*claim.path, number))

    def _project(self, view: RuleView, project: Mapping[str, Any], around: Domain, path: Path) -> None:
        for number, role in enumerate(project["roles"]):
            name = role["name"]
            if not is_filled(name) and name not in self.live.roles and self.live.knows_all("roles"):
                known = ", ".join(sorted(self.live.roles)[:10])
                where: Path = (*path, "roles", number, "name")
                self._say("live-role-unknown", view, where, f"there is no role {name}", f"Keystone has {known}")
            elif name.lower() != "admin" and self.live.reaches(name, "admin"):
                where = (*path, "roles", number, "name")
                self._say("role-admin", view, where, f"the role {name} implies admin", 'Write "member"')
        domain = project.get("domain") or (around if self.linted.version != "1.0" else None)
        identity = self.live.domain_id(domain) if domain else self.provider.domain if self.provider else None
        name = project["name"]
        if identity is None or is_filled(name) or not self.live.knows_all("projects"):
            return
        if (identity, name) not in self.live.projects:
            found = f"there is no project {name} in the domain {self.live.domains.get(identity, identity)}"
            fix = f"openstack project create --domain {identity} {name}"
            self._say("live-project-unknown", view, (*path, "name"), found, fix)

    def _issuers(self, view: RuleView) -> None:
        if self.provider is None or not self.provider.remote_ids:
            return
        for required in view.required:
            if plain(required.attribute) in ISSUERS and required.condition == "any_one_of" and not required.regex:
                for number, issuer in enumerate(required.entries):
                    if issuer not in self.provider.remote_ids:
                        known = ", ".join(self.provider.remote_ids)
                        found, path = f"the issuer {issuer} is no remote_id", (*required.path, number)
                        self._say("live-issuer-unknown", view, path, found, f"The remote_ids are {known}")


def _domains(local: Mapping[str, Any], at: Path) -> Iterator[tuple[Path, Domain]]:
    yield (*at, "domain"), local.get("domain")
    yield (*at, "user", "domain"), local.get("user", {}).get("domain")
    yield (*at, "group", "domain"), local.get("group", {}).get("domain")
    for number, project in enumerate(local.get("projects", ())):
        yield (*at, "projects", number, "domain"), project.get("domain")

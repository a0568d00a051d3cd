"""Defects of what a rule gives: groups, projects and the domain. Owns how a claim becomes a group that nobody meant."""

from collections.abc import Mapping
from typing import Any

from p3idp.core.keystone_rules import Failed, Mapped
from p3idp.core.mappings.json_lines import Path
from p3idp.core.mappings.lint.linted import Linted
from p3idp.core.mappings.lint.pattern_repair import as_json
from p3idp.core.mappings.lint.shows import Shown, Shows
from p3idp.core.mappings.lint.views import Required, RuleView

Local = Mapping[str, Any]
_LETTERS = "vo.names.org"


def check_gives(linted: Linted, view: RuleView) -> None:
    """Look at every local object of a rule."""
    if not view.rule["local"]:
        fix = 'Write what is given, such as {"group": {"name": …, "domain": {"name": …}}}'
        shows = Shows(Shown.NOBODY)
        linted.say("rule-gives-nothing", view, ("local",), "`local` is empty", fix, view.login, shows, surely=True)
    for place, local in enumerate(view.rule["local"]):
        at: Path = ("local", place)
        if "groups" in local:
            _groups(linted, view, local, (*at, "groups"))
        if "group" in local:
            _group(linted, view, local["group"], (*at, "group"))
        if "group_ids" in local:
            _group_ids(linted, view, local["group_ids"], (*at, "group_ids"))
        if "projects" in local or "projects_json" in local:
            _projects(linted, view, local, at)
    _domain(linted, view)


def _groups(linted: Linted, view: RuleView, local: Local, path: Path) -> None:
    text = local["groups"]
    claims = view.sources(text)
    if "name" in text or any("name" in entry for claim in _picked(claims) for entry in claim.texts):
        told = f"`groups` {as_json(text)} contains, or is handed, the letters `name`"
        _letters(linted, view, path, told, view.login)
    elif claims and not _picked(claims):
        told = f"`groups` {as_json(text)} takes whatever {claims[0].attribute} holds, such as {_LETTERS}"
        _letters(linted, view, path, told, view.login_with(claims[0].attribute, _LETTERS))
    if "domain" not in local and "name" not in text:
        fix = 'Add "domain": {"name": …} to the same object'
        shows = Shows(Shown.BREAKS, "ValidationError")
        linted.say(
            "groups-without-domain", view, path, f"`groups` {as_json(text)} has no domain", fix, view.login, shows
        )
    for claim in claims:
        if not _is_safe(claim):
            _from_claim(linted, view, claim, path)


def _letters(linted: Linted, view: RuleView, path: Path, told: str, login: Any) -> None:
    outcome = view.answer(login) if login is not None else None
    if isinstance(outcome, Failed) and outcome.keystone_error:
        fix = 'Give "group": {"name": …, "domain": {"name": …}} instead, in one rule for each group'
        linted.say("groups-letters-name", view, path, told, fix, login, Shows(Shown.BREAKS, outcome.keystone_error))


def _from_claim(linted: Linted, view: RuleView, claim: Required, path: Path) -> None:
    listed = ", ".join(map(as_json, claim.texts)) if claim.condition == "whitelist" else "…"
    fix = f'Name the values: {{"type": "{claim.attribute}", "whitelist": [{listed}]}}'
    told = f"whatever {claim.attribute} holds becomes a group"
    if claim.condition == "present":
        login = view.login_with(claim.attribute, "admins")
        linted.say("group-from-claim", view, path, told, fix, login, Shows(Shown.GROUP, "admins"))
    forbidden = next((entry for entry in claim.texts if claim.condition == "blacklist" and not claim.regex), "admins")
    listed_text = str([forbidden])
    told = f"{claim.attribute} may hold the text of a list, which is taken apart" + (
        f", past the blacklist of {forbidden}" if claim.condition == "blacklist" else ""
    )
    login = view.login_with(claim.attribute, listed_text)
    linted.say("group-list-literal", view, path, told, fix, login, Shows(Shown.GROUP, forbidden))


def _picked(claims: tuple[Required, ...]) -> tuple[Required, ...]:
    return tuple(claim for claim in claims if claim.condition == "whitelist")


def _is_safe(claim: Required) -> bool:
    """Only a whitelist, of texts or of patterns that take no list (check_patterns looks at those)."""
    return claim.condition == "whitelist"


def _group(linted: Linted, view: RuleView, group: Mapping[str, str], path: Path) -> None:
    if "id" in group:
        outcome = view.answer(view.login) if view.login else None
        given = next((each for each in outcome.group_ids), "") if isinstance(outcome, Mapped) else ""
        told = f"the group is named by its id, {as_json(group['id'])}"
        shows = Shows(Shown.GROUP_ID, str(given))
        fix = 'Write "group": {"name": …, "domain": {"name": …}}'
        linted.say("group-by-id", view, (*path, "id"), told, fix, view.login, shows)
        return
    several = [claim for claim in view.sources(group["name"]) if claim.condition != "whitelist" or len(claim.texts) > 1]
    if several:
        claim = several[0]
        two = list(claim.texts[:2]) if claim.condition == "whitelist" and not claim.regex else ["g1", "g2"]
        login = view.login_with(claim.attribute, ";".join(two))
        outcome = view.answer(login) if login else None
        made = (
            next((each.name for each in outcome.groups if "[" in each.name), "") if isinstance(outcome, Mapped) else ""
        )
        told = f"the group's name comes from {claim.attribute}, which may have several values"
        fix = f'Write "groups": {as_json(group["name"])} and "domain", with a whitelist on {claim.attribute}'
        linted.say("group-name-list", view, (*path, "name"), told, fix, login, Shows(Shown.GROUP, made))


def _group_ids(linted: Linted, view: RuleView, text: str, path: Path) -> None:
    claims = [claim for claim in view.sources(text) if not _is_safe(claim)]
    login = view.login_with(claims[0].attribute, "admins") if claims else view.login
    outcome = view.answer(login) if login else None
    given = next(iter(outcome.group_ids), "") if isinstance(outcome, Mapped) else ""
    code, told = "group-by-id", f"groups are named by their ids, {as_json(text)}"
    if claims:
        code, told = "group-from-claim", f"whatever {claims[0].attribute} holds is taken for the id of a group"
    fix = 'Write "group": {"name": …, "domain": {"name": …}}'
    linted.say(code, view, path, told, fix, login, Shows(Shown.GROUP_ID, str(given)))


def _projects(linted: Linted, view: RuleView, local: Local, at: Path) -> None:
    if "projects_json" in local:
        path = (*at, "projects_json")
        told = f"projects and roles come whole from a claim ({local['projects_json']})"
        claim = next(iter(view.sources("{" + local["projects_json"].strip("{}") + "}")), None)
        chosen = '[{"name": "service", "roles": [{"name": "admin"}]}]'
        login = view.login_with(claim.attribute, chosen) if claim else None
        fix = 'Write "projects" out, or give groups'
        shows = Shows(Shown.ROLE, "admin on service")
        linted.say("projects-from-claim", view, path, told, fix, login, shows, surely=True)
    for place, project in enumerate(local.get("projects", ())):
        _project(linted, view, project, (*at, "projects", place))
    if linted.version != "3.0" and local.get("projects"):
        told = f"schema {linted.version} never takes these roles away"
        fix = 'Write "group": {"name": …, "domain": {"name": …}} and grant the roles to the group'
        role = _role_in(view, view.login)
        linted.say("projects-roles-stay", view, (*at, "projects"), told, fix, view.login, role, surely=True)


def _project(linted: Linted, view: RuleView, project: Mapping[str, Any], path: Path) -> None:
    texts = [(project["name"], (*path, "name"))]
    texts += [(role["name"], (*path, "roles", n, "name")) for n, role in enumerate(project["roles"])]
    for text, place in texts:
        claim = next((each for each in view.sources(text) if each.condition != "whitelist"), None)
        if claim is None:
            continue
        login = view.login_with(claim.attribute, "admin")
        told = f"{as_json(text)} is filled from {claim.attribute}"
        fix = "Write it out, or give groups"
        linted.say("projects-from-claim", view, place, told, fix, login, _role_in(view, login), surely=True)
    for number, role in enumerate(project["roles"]):
        if role["name"].lower() == "admin":
            told = f"the role admin on {as_json(project['name'])}"
            fix = 'Write "member"'
            where: Path = (*path, "roles", number, "name")
            given = _role_in(view, view.login, role["name"])
            linted.say("role-admin", view, where, told, fix, view.login, given, instead="member", surely=True)


def _role_in(view: RuleView, login: Any, role: str = "") -> Shows | None:
    outcome = view.answer(login) if login is not None else None
    grants = outcome.grants if isinstance(outcome, Mapped) else ()
    named = [f"{each} on {grant.project}" for grant in grants for each in grant.roles if role in ("", each)]
    return Shows(Shown.ROLE, named[0]) if named else None


def _domain(linted: Linted, view: RuleView) -> None:
    """From schema 2.0 on, whoever comes without a domain of their own takes that of the last local object."""
    if linted.version == "1.0" or not view.rule["local"] or "domain" in view.rule["local"][-1]:
        return
    if view.user is not None:
        if not view.user[1].get("domain"):
            _no_domain(linted, view, (view.number,))
        return
    for other in linted.users_before(view):
        if not (other.user or (0, {}))[1].get("domain"):
            _no_domain(linted, view, (other.number, view.number))
            return


def _no_domain(linted: Linted, view: RuleView, about: tuple[int, ...]) -> None:
    login = linted.joint_login([linted.views[number] for number in about])
    told = "neither the user nor the last local object has a domain"
    fix = 'Add "domain": {"name": …} to "user"'
    shows = Shows(Shown.NO_DOMAIN)
    last = len(view.rule["local"]) - 1
    linted.say("domain-missing", view, ("local", last), told, fix, login, shows, about=about)

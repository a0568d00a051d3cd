"""Defects of who a login becomes. Owns what makes a good source of a person's id."""

from p3idp.core.keystone_rules import Mapped
from p3idp.core.mappings.json_lines import Path
from p3idp.core.mappings.lint.attributes import ISSUERS, REASSIGNABLE, SUBJECTS, plain
from p3idp.core.mappings.lint.linted import Linted
from p3idp.core.mappings.lint.pattern_repair import as_json
from p3idp.core.mappings.lint.shows import Shown, Shows
from p3idp.core.mappings.lint.views import Required, RuleView, field_names

_FIX = 'Write "user": {"id": "{n}", …} with the n of sub or voperson_id'


def check_people(linted: Linted, view: RuleView) -> None:
    """Look at the user that a rule gives."""
    if view.user is None:
        _missing(linted, view)
        return
    place, user = view.user
    at: Path = ("local", place, "user")
    if user.get("type") == "local":
        fix = 'Remove "type": "local"'
        told = "the user is an existing one of Keystone"
        linted.say("user-local", view, (*at, "type"), told, fix, view.login, Shows(Shown.USER_TYPE, "local"))
    key = "id" if user.get("id") else "name"
    if not user.get(key):
        _missing(linted, view)
        return
    _source(linted, view, (*at, key), key, user[key])
    if key == "id" and _reassignable(view, user.get("name", "")) and not _reassignable(view, user["id"]):
        told = f"the name shown comes from {_named(view.sources(user['name']))}"
        shown = _seen(view, "name")
        linted.say("user-display-name", view, (*at, "name"), told, 'Write "name": the same as "id"', view.login, shown)


def _source(linted: Linted, view: RuleView, path: Path, key: str, text: str) -> None:
    claims = view.sources(text)
    if not list(field_names(text)):
        if not any(_names_one(each) for each in view.required):
            told = f"everybody becomes the user {as_json(text)}"
            linted.say("user-constant", view, path, told, _FIX, view.login, _seen(view, key))
        return
    if not claims:
        return
    if _reassignable(view, text):
        told = f"the user's {key} comes from {_named(claims)}"
        linted.say("user-reassignable", view, path, told, _FIX, view.login, _seen(view, key))
    open_claims = [claim for claim in claims if plain(claim.attribute) not in SUBJECTS and claim.condition == "present"]
    if open_claims and not any(each.is_gate and each.attribute == open_claims[0].attribute for each in view.required):
        login = view.login_with(open_claims[0].attribute, "bob;carol")
        outcome = view.answer(login) if login else None
        person = outcome.person if isinstance(outcome, Mapped) else None
        made = (person.id if key == "id" else person.name) if person else None
        if made and "['" in made:
            told = f"{open_claims[0].attribute} may hold a semicolon or several values"
            shows = Shows(Shown.USER_ID if key == "id" else Shown.USER_NAME, made)
            linted.say("user-splits", view, path, told, _FIX, login, shows)


def _names_one(required: Required) -> bool:
    """Whether the rule is for one person, or one service, only."""
    one = required.condition == "any_one_of" and len(required.entries) == 1 and not required.regex
    return one and plain(required.attribute) in SUBJECTS


def _reassignable(view: RuleView, text: str) -> bool:
    names = [plain(claim.attribute) for claim in view.sources(text)]
    return any(name in REASSIGNABLE for name in names) and not any(name in SUBJECTS for name in names)


def _named(claims: tuple[Required, ...]) -> str:
    return ", ".join(dict.fromkeys(claim.attribute for claim in claims))


def _seen(view: RuleView, key: str) -> Shows | None:
    outcome = view.answer(view.login) if view.login else None
    if not isinstance(outcome, Mapped):
        return None
    value = outcome.person.id if key == "id" else outcome.person.name
    return Shows(Shown.USER_ID if key == "id" else Shown.USER_NAME, value or "")


def _missing(linted: Linted, view: RuleView) -> None:
    """Whoever matches this rule and none that gives a user is nobody."""
    if not view.rule["local"] or any(linted.implied(view, other) for other in linted.all_users):
        return
    about = (*[other.number for other in linted.all_users[:8]], view.number)
    told = "no user is given to those who match this rule" + (" alone" if len(about) > 1 else "")
    subjects = (each.index for each in view.handed if each.condition == "present" and plain(each.attribute) in SUBJECTS)
    known = next(subjects, None)
    field = f"{{{len(view.handed) if known is None else known}}}"
    fix = f'Add "user": {{"id": "{field}", "name": "{field}", "domain": {{"name": …}}}}'
    fix += ", and the subject as the last entry" if known is None else ""
    linted.say("user-missing", view, ("local",), told, fix, view.login, Shows(Shown.NO_USER), about=about)


def check_issuer(linted: Linted) -> None:
    """Whether anything in the mapping ties a subject to its issuer; once for all rules."""
    users = linted.all_users
    if not users or any(plain(each.attribute) in ISSUERS for view in linted.views for each in view.required):
        return
    view = users[0]
    place, user = view.user or (0, {})
    key = "id" if user.get("id") else "name"
    told = "no rule asks who issued the login"
    fix = 'Add {"type": "OIDC-iss", "any_one_of": ["https://…"]} to each rule that gives a user'
    linted.say("issuer-unchecked", view, ("local", place, "user"), told, fix, view.login, _seen(view, key))

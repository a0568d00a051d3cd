"""Defects of attributes' names, once for the whole mapping: two spellings of one, and names that a client can send."""

from collections import defaultdict

from p3idp.core.mappings.lint.attributes import REASSIGNABLE, plain
from p3idp.core.mappings.lint.linted import Linted
from p3idp.core.mappings.lint.shows import Shown, Shows
from p3idp.core.mappings.lint.views import Required, RuleView, gift

# As mod_auth_openidc passes the claims of Check-in.
USUAL = tuple(
    f"OIDC-{claim}"
    for claim in (
        *("sub", "voperson_id", "iss", "azp", "aud", "client_id", "email", "name", "preferred_username"),
        *("entitlements", "eduperson_entitlement", "eduperson_assurance"),
    )
)
Use = tuple[RuleView, Required]


def check_names(linted: Linted) -> None:
    """Look at each name where it first stands."""
    uses: dict[str, Use] = {}
    for view in linted.views:
        for required in view.required:
            uses.setdefault(required.attribute, (view, required))
    _spellings(linted, uses)
    for name, (view, required) in uses.items():
        if plain(name) in REASSIGNABLE and required.condition == "present":
            _optional(linted, view, required)
        if name.upper().startswith("HTTP_"):
            claim = name[len("HTTP_OIDC_") :].lower() if name.upper().startswith("HTTP_OIDC_") else name[5:].lower()
            fix = f'Write "OIDC-{claim}", and OIDCPassClaimsAs environment in Apache'
            told = f"{name} is a header, which a client can send too"
            shows = gift(view.answer(view.login)) if view.login else None
            linted.say(
                "attribute-forgeable", view, ("remote", required.place), told, fix, view.login, shows, surely=True
            )


def _optional(linted: Linted, view: RuleView, required: Required) -> None:
    login = {name: text for name, text in (view.login or {}).items() if name != required.attribute}
    told = f"whoever has no {required.attribute} does not match"
    fix = f'Remove {{"type": "{required.attribute}"}}, what is filled from it, and count {{n}} anew'
    linted.say("attribute-optional", view, ("remote", required.place), told, fix, login, Shows(Shown.NOBODY))


def _spellings(linted: Linted, uses: dict[str, Use]) -> None:
    spelt: defaultdict[str, list[str]] = defaultdict(list)
    for name in (*USUAL, *uses):
        if name not in spelt[name.casefold()]:
            spelt[name.casefold()].append(name)
    for names in spelt.values():
        right = names[0]
        for name in names[1:]:
            view, required = uses[name]
            _wrong(linted, view, required, right)


def _wrong(linted: Linted, view: RuleView, required: Required, right: str) -> None:
    """Whoever comes with the attribute as it is called elsewhere is not recognised."""
    base = view.login or view.any_login
    login = {right if name == required.attribute else name: text for name, text in base.items()}
    told = f"{required.attribute} is called {right} elsewhere"
    shows, path = Shows(Shown.NOBODY), ("remote", required.place, "type")
    linted.say("attribute-case", view, path, told, f'Write "{right}"', login, shows, instead=right, surely=True)

"""The shape of the policy files, as pydantic models. Owns keys, types and defaults.

What values must mean to one another (an unknown project, two providers with one issuer) is for site.py and
community.py to say.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
)

from p3idp.adapters.policy_files import words
from p3idp.core.login.rules import is_subject
from p3idp.core.policy.claims import ambiguity
from p3idp.core.policy.entitlement import Entitlement as EntitlementValue


def _text(reading: Callable[[str], Any]) -> PlainValidator:
    """A value that is written as text and means something else."""

    def read(value: object) -> Any:
        if not isinstance(value, str):
            raise ValueError("must be text")
        return reading(value)

    return PlainValidator(read)


def _issuer(value: str, info: ValidationInfo) -> str:
    return words.issuer(value, lab=bool((info.context or {}).get("lab")))


def _address(value: str, info: ValidationInfo) -> str:
    return words.address(value, lab=bool((info.context or {}).get("lab")))


def _plain(value: str) -> str:
    if why := ambiguity(value):
        raise ValueError(f"`{value}` holds {why}, which Keystone would not read as it stands")
    return value


def _claim(value: object) -> object:
    if isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        return value
    raise ValueError("must be text or a list of texts")


def _subject(value: str) -> str:
    if not is_subject(value):
        raise ValueError("is no subject: 1 to 255 visible ASCII characters, as the identity provider names a person")
    return value


def _kept(value: str) -> str:
    if len(quote(value)) > 255:
        raise ValueError("is longer than the 255 characters that Keystone keeps, percent-encoded, of a subject")
    return value


def list_of_approvers(value: object) -> object:
    """Approvers that are named: an empty key would take them away unseen."""
    if value is None:
        raise ValueError("holds nothing; name people, or take the key away")
    return value


def said(value: object) -> object:
    """A suspension that is written out: an empty key would end it unseen."""
    if value is None:
        raise ValueError("holds nothing; say since when (`since: 2026-12-31`), or take the key away")
    return value


Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
# The names of identity providers, protocols and policies become parts of addresses.
Slug = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$")]
# Keystone's names of domains, projects, groups and roles.
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^\S(.*\S)?$")]
# Values that Keystone compares with what a claim holds.
Plain = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_plain)]
Entitlement = Annotated[EntitlementValue, _text(words.entitlement)]
Duration = Annotated[timedelta, _text(words.duration)]
Moment = Annotated[datetime, _text(words.moment)]
Subject = Annotated[str, AfterValidator(_subject)]
# A subject that Keystone compares with what a claim holds, and keeps as part of who somebody is.
NamedSubject = Annotated[str, AfterValidator(_subject), AfterValidator(_plain), AfterValidator(_kept)]
Issuer = Annotated[str, AfterValidator(_issuer)]
Address = Annotated[str, AfterValidator(_address)]
Claim = Annotated[object, PlainValidator(_claim)]
# Further attributes of a Keystone project. What Keystone itself calls a project's own is no property.
PropertyName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"), AfterValidator(words.property_name)
]
PropertyValue = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^\S(.*\S)?$")]
ClaimName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class Section(BaseModel):
    """A section of a file: unknown keys are mistakes, and nothing is taken for what it is not."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ClaimsSection(Section):
    """Which claims say what."""

    subject: ClaimName = "sub"
    entitlements: list[ClaimName] = Field(default=["entitlements", "eduperson_entitlement"], min_length=1)
    assurance: ClaimName = "eduperson_assurance"


class SuspendedSection(Section):
    """The community gives nobody anything for now, or nobody comes in through the identity provider."""

    since: Moment
    reason: str = Field(default="", max_length=500)


class ProviderSection(Section):
    """One identity provider. ``scopes``: required where people sign in, which site.py sees to."""

    title: Text
    issuers: list[Issuer] = Field(min_length=1)
    protocol: Slug = "openid"
    verified_by: Literal["introspection", "keys"] = "introspection"
    claims: ClaimsSection = ClaimsSection()
    scopes: Annotated[list[Text], Field(min_length=1)] | None = None
    authorization_ttl: Duration
    issuing_clients: list[Plain] = []
    audiences: list[Plain] = []
    keystone_url: Address | None = None
    suspended: Annotated[SuspendedSection | None, BeforeValidator(said)] = None


class ApproversSection(Section):
    """Who may propose and approve what one person must not decide."""

    identity_provider: Slug
    subjects: list[Subject] = []
    entitlements: list[Entitlement] = []
    issuing_clients: list[Plain] = []


class SiteFile(Section):
    """site.yaml."""

    policy: Slug
    title: Text
    domain: Name
    contact: Text
    protected_projects: list[Name] = ["admin", "service"]
    identity_providers: dict[Slug, ProviderSection] = Field(min_length=1)
    approvers: Annotated[ApproversSection | None, BeforeValidator(list_of_approvers)] = None


class ValidSection(Section):
    """A span of time: ``until`` is the first moment that no longer counts."""

    from_: Moment | None = Field(default=None, alias="from")
    until: Moment | None = None


class ProjectSection(Section):
    """A project of a community."""

    description: str = ""
    existing: bool = False
    domain: Name | None = None
    properties: dict[PropertyName, PropertyValue] = {}


class AccessSection(Section):
    """One rule of access."""

    entitlement: Entitlement
    projects: dict[Name, Annotated[list[Name], Field(min_length=1)]] = Field(min_length=1)
    assurance: list[Plain] = []
    identity_providers: list[Slug] = []
    issuing_clients: list[Plain] = []
    valid: ValidSection = ValidSection()
    group: Name | None = None


class PersonSection(Section):
    """Somebody who is named, and has access also before they first come."""

    subject: NamedSubject
    identity_provider: Slug
    projects: dict[Name, Annotated[list[Name], Field(min_length=1)]] = Field(min_length=1)
    name: Text | None = None
    valid: ValidSection = ValidSection()


class ExampleSection(Section):
    """Claims in, access out."""

    title: Text
    identity_provider: Slug | None = None
    at: Moment | None = None
    claims: dict[ClaimName, Claim]
    access: dict[Name, list[Name]]


class CommunityFile(Section):
    """communities/<name>.yaml."""

    title: Text
    contact: Text
    valid: ValidSection = ValidSection()
    suspended: Annotated[SuspendedSection | None, BeforeValidator(said)] = None
    projects: dict[Name, ProjectSection | None] = Field(min_length=1)
    access: list[AccessSection] = []  # needed where nobody is named: community.py
    people: list[PersonSection] = []
    examples: list[ExampleSection] = []

"""The settings as values: what each section holds, with its bounds. Reading the file is load.py."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    IPvAnyNetwork,
    PrivateAttr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from p3idp.errors.environments import EnvironmentNeeded, EnvironmentUnknown
from p3idp.settings.limits import LimitsSettings
from p3idp.settings.secret_ref import SecretRef
from p3idp.settings.section import Section, refuse_password

# It is also the name of a file in the policy directory.
EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$")]


class KeystoneSettings(Section):
    """Keystone and p3idp's own account there.

    ``auth_url`` is the address p3idp administers through; ``public_url`` the one whose Apache takes federated
    logins (the same, where not given). Either user and password, or an application credential. ``concurrency``: how
    many writes are under way at once; more than four gain nothing. ``calls_per_second``: no more than so many; 0 sets
    no limit.
    """

    auth_url: str
    public_url: str | None = None
    ca_file: Path | None = None
    username: str | None = None
    user_domain: str = "Default"
    password: SecretRef | None = None
    project: str | None = None
    project_domain: str = "Default"
    system_scope: bool = False
    application_credential_id: str | None = None
    application_credential_secret: SecretRef | None = None
    timeout_seconds: float = Field(default=30.0, gt=0, le=300)
    concurrency: int = Field(default=2, ge=1, le=4)
    calls_per_second: float = Field(default=200.0, ge=0, le=10_000)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        by_password = self.username is not None and self.password is not None
        by_credential = self.application_credential_id is not None and self.application_credential_secret is not None
        if by_password == by_credential:
            raise ValueError("give either username and password, or application_credential_id and …_secret")
        return self

    @property
    def login_url(self) -> str:
        """Where federated logins go."""
        return self.public_url or self.auth_url


class ProviderSettings(Section):
    """p3idp's client at one identity provider (``[providers.<id>]``, the id as in the policy).

    ``client_id`` and ``client_secret`` sign people in and introspect; the ``keystone_…`` pair is the client of
    Keystone's Apache, needed only to generate its configuration. ``introspection_url``: where the provider answers
    about tokens, where that is not Keycloak's usual path below the issuer. ``command_line_client``: the public client
    that `p3idp login` signs people in with; the broker tells it to whoever asks, and its tokens are exchanged only
    where the policy lists it among the ``issuing_clients``. A provider that the policy has ``verified_by: keys`` needs
    none of these: it is not asked; ``jwks_url`` is where it publishes its keys, for Keystone's Apache alone.
    """

    client_id: str | None = None
    client_secret: SecretRef | None = None
    command_line_client: str | None = None
    ca_file: Path | None = None
    keystone_client_id: str | None = None
    keystone_client_secret: SecretRef | None = None
    introspection_url: str | None = None
    introspection_cache_seconds: int = Field(default=30, ge=0, le=60)
    jwks_url: str | None = None


class WebSettings(Section):
    """The web service. ``base_url`` alone makes the URLs p3idp shows.

    ``cookie_key`` refers to Fernet keys, one a line, newest first. ``metrics_token``: what a reader of /metrics
    presents as bearer; without it there is no such page. ``proxy_protocol_from``: addresses and networks of the proxies
    whose PROXY line is believed; everybody else's ends the connection. Such a proxy ends TLS as well, since its line
    comes before that begins.
    """

    base_url: str
    cookie_key: SecretRef
    listen: str = "127.0.0.1:8443"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    workers: int = Field(default=2, ge=1, le=64)
    session_idle_minutes: int = Field(default=60, ge=1, le=1440)
    session_max_hours: int = Field(default=8, ge=1, le=24)
    metrics_token: SecretRef | None = None
    proxy_protocol_from: tuple[IPvAnyNetwork, ...] = ()

    @model_validator(mode="after")
    def _proxy_speaks_before_tls(self) -> Self:
        if self.proxy_protocol_from and (self.tls_cert or self.tls_key):
            raise ValueError("proxy_protocol_from goes without tls_cert and tls_key: the proxy ends TLS")
        if any(network.prefixlen == 0 for network in self.proxy_protocol_from):
            raise ValueError("proxy_protocol_from must not name everybody: whoever sends the line chooses an address")
        return self


class StoreSettings(Section):
    """The database of ledger and sessions, as an SQLAlchemy URL without a password, which comes from ``password``."""

    url: str
    password: SecretRef | None = None

    @field_validator("url")
    @classmethod
    def _without_password(cls, url: str) -> str:
        return refuse_password(url)


class HistorySettings(Section):
    """How many applies of one Keystone and policy can be looked at and rolled back to: the newest, and always the
    newest good one. One takes about a hundredth of the size of the policy and of Keystone's lists.
    """

    keep: int = Field(default=500, ge=2, le=100_000)


class LoginsSettings(Section):
    """What p3idp remembers of the logins that it saw itself, so that a plan can say who loses what.

    ``key`` refers to Fernet keys, one a line, newest first; without it nothing is remembered. ``keep_days``: how long
    a person's last login is kept; lowered, it ends what is kept already.
    """

    key: SecretRef | None = None
    keep_days: int = Field(default=90, ge=1, le=730)


class OfflineSettings(Section):
    """Consents to be asked about while away: refresh tokens that people let p3idp keep, on their page.

    ``key`` refers to Fernet keys, one a line, newest first, that seal them in the database; without it nobody is
    offered this and nothing is kept. ``keep_days``: how long a consent lasts; lowered, it ends what is kept already.
    """

    key: SecretRef | None = None
    keep_days: int = Field(default=365, ge=1, le=730)


class RemovalSettings(Section):
    """How soon access ends here after it ended at the identity provider (`p3idp recheck`, `p3idp leavers`).

    ``within_minutes``: the bound for people who consented to be asked about while away. ``every_minutes``: how often a
    recheck begins (the timer's own time must be the same), and how long it may take; the bound is at least twice that.
    ``at_once``: how many people are asked about at a time.
    More than ``max_leavers`` people within an hour, or this part of those known by their claims, are the finding
    ``too-many-leavers``: then nobody loses anything before an administrator accepts it by name.
    """

    within_minutes: int = Field(default=15, ge=2, le=1440)
    every_minutes: int = Field(default=5, ge=1, le=720)
    at_once: int = Field(default=4, ge=1, le=16)
    max_leavers: int = Field(default=10, ge=0)
    max_leavers_percent: int = Field(default=30, ge=0, le=100)

    @model_validator(mode="after")
    def _runs_are_often_enough(self) -> Self:
        if 2 * self.every_minutes > self.within_minutes:
            raise ValueError("within_minutes is less than twice every_minutes: no recheck could keep that bound")
        return self


class PlanSettings(Section):
    """From when on a plan has a finding.

    ``people-lose-access``: more people than these would lose all that they have, or some of it. ``too-many-removals``:
    more groups and grants than these would go, or more than this part of those that p3idp made. ``clock-off``: this
    host's clock and Keystone's differ by more. ``admin-role``: these roles count
    as admin does, and so do all that imply one.
    """

    may_lose_everything: int = Field(default=0, ge=0)
    may_lose_something: int = Field(default=10, ge=0)
    max_removals: int = Field(default=10, ge=0)
    max_removed_percent: int = Field(default=5, ge=0, le=100)
    max_clock_difference_seconds: int = Field(default=300, ge=1, le=3600)
    powerful_roles: tuple[str, ...] = ()


class ApprovalsSettings(Section):
    """What two people decide together (`p3idp propose`, `approve`, `apply --proposal`).

    ``key`` refers to Fernet keys, one a line, newest first, that seal proposals and approvals in the database; without
    it nothing can be proposed. ``valid_hours``: how long a proposal can be approved and applied.
    ``token_max_age_minutes``: how long ago the token that says who somebody is may have been issued.
    """

    key: SecretRef | None = None
    valid_hours: int = Field(default=24, ge=1, le=336)
    token_max_age_minutes: int = Field(default=15, ge=1, le=60)


class CoordinationSettings(Section):
    """What keeps two applies apart, as a URL of tooz (``etcd3+http://…``, ``redis://…``, ``postgresql://…``).

    Not needed with SQLite: then it is a file beside the database. ``password`` goes with the user of the URL.
    """

    url: str | None = None
    password: SecretRef | None = None

    @field_validator("url")
    @classmethod
    def _without_password(cls, url: str | None) -> str | None:
        return refuse_password(url) if url else None


class SiteConfigSettings(Section):
    """What the generated configuration of Apache, Keystone and Horizon needs to know of the site.

    ``dashboard_url`` is Horizon's address (its WebSSO address is derived from it); ``trusted_dashboards`` are further
    addresses that a browser's token may be posted to, such as keystoneauth's http://localhost:9990/auth/websso/.
    ``keystone_listen`` is where Apache listens, ``keystone_upstream`` where it finds Keystone's WSGI server
    (``uwsgi://host:port`` or ``unix:/path|uwsgi://name``). ``tls_cert`` and ``tls_key`` are Apache's own.
    ``install_dir`` is where the files will lie on Keystone's host, ``callback_template`` where one of them will.
    ``keystone_auth_methods`` are further ``[auth] methods``: from Keystone 30 on ``ec2credential`` is needed where
    people use EC2 or S3 credentials; earlier ones do not know it.
    ``introspection_interval_seconds``: how long Apache may believe an introspection answer.
    ``request_field_limit``: bytes that one request header may have.
    """

    dashboard_url: str | None = None
    trusted_dashboards: tuple[str, ...] = ()
    keystone_listen: str = "127.0.0.1:5000"
    keystone_upstream: str = "uwsgi://127.0.0.1:5001"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    provider_ca_file: Path | None = None
    install_dir: Path | None = None
    callback_template: Path = Path("/etc/keystone/sso_callback_template.html")
    keystone_auth_methods: tuple[str, ...] = ()
    crypto_passphrase: SecretRef | None = None
    introspection_interval_seconds: int = Field(default=60, ge=1, le=3600)
    request_field_limit: int = Field(default=65535, ge=16384, le=1048576)


class LogSettings(Section):
    """Log level; the form is always JSON, one object a line, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class EnvironmentSettings(Section):
    """One Keystone that the policy is applied to, where there are several: its own ``keystone``, and what else differs.

    A section given here stands whole in the place of the one above, so that no half of an account crosses from one
    cloud to another; of ``providers``, each id for itself. Everything else holds everywhere.
    """

    keystone: KeystoneSettings
    providers: dict[str, ProviderSettings] = Field(default={})
    web: WebSettings | None = None
    store: StoreSettings | None = None
    history: HistorySettings | None = None
    logins: LoginsSettings | None = None
    offline: OfflineSettings | None = None
    removal: RemovalSettings | None = None
    plan: PlanSettings | None = None
    approvals: ApprovalsSettings | None = None
    coordination: CoordinationSettings | None = None
    limits: LimitsSettings | None = None
    site: SiteConfigSettings | None = None


class Settings(Section):
    """All of it. ``lab`` permits what only a demonstration may do: plain http on loopback.

    ``catalogue``: a local copy of EGI's catalogue of communities (vo-mappings.yaml), which p3idp never fetches.
    ``environments``: the Keystones that the policy is applied to, by name, where there are several;
    ``default_environment``: which of them is meant where a call names none. Without ``environments``, ``keystone`` is
    required.
    """

    policy_dir: Path
    catalogue: Path | None = None
    lab: bool = False
    environments: dict[EnvironmentName, EnvironmentSettings] = Field(default={})
    default_environment: str | None = None
    keystone_section: KeystoneSettings | None = Field(default=None, alias="keystone", validate_default=True)
    providers: dict[str, ProviderSettings] = Field(min_length=1)
    web: WebSettings | None = None
    store_section: StoreSettings | None = Field(default=None, alias="store")
    history: HistorySettings = HistorySettings()
    logins: LoginsSettings = LoginsSettings()
    offline: OfflineSettings = OfflineSettings()
    removal: RemovalSettings = RemovalSettings()
    plan: PlanSettings = PlanSettings()
    approvals: ApprovalsSettings = ApprovalsSettings()
    coordination: CoordinationSettings = CoordinationSettings()
    limits: LimitsSettings = LimitsSettings()
    site: SiteConfigSettings = SiteConfigSettings()
    log: LogSettings = LogSettings()
    _environment: str = PrivateAttr("")

    @field_validator("default_environment")
    @classmethod
    def _known(cls, name: str | None, info: ValidationInfo) -> str | None:
        if name is not None and name not in info.data.get("environments", {name}):
            raise ValueError(f"there is no [environments.{name}]")
        return name

    @field_validator("keystone_section")
    @classmethod
    def _somewhere(cls, section: KeystoneSettings | None, info: ValidationInfo) -> KeystoneSettings | None:
        if section is None and not info.data.get("environments", True):
            raise ValueError("this section is missing, and so is [environments.<name>.keystone]")
        return section

    @property
    def environment(self) -> str:
        """The environment that these settings are for; empty where none was named."""
        return self._environment

    @property
    def keystone(self) -> KeystoneSettings:
        """The Keystone of this call. Raises EnvironmentNeeded where it could be any of several."""
        if self.keystone_section is None:
            raise self._which("a Keystone")
        return self.keystone_section

    @property
    def store(self) -> StoreSettings:
        """The database of this call. Raises EnvironmentNeeded where environments have their own and none was named."""
        if self.store_section is not None:
            return self.store_section
        if not self._environment and any(each.store for each in self.environments.values()):
            raise self._which("a database")
        return StoreSettings(url="sqlite:///p3idp.sqlite")

    def _which(self, what: str) -> EnvironmentNeeded:
        return EnvironmentNeeded(f"This needs {what}, and there are several: {', '.join(sorted(self.environments))}.")

    def at(self, name: str) -> "Settings":
        """The settings for one environment. Raises EnvironmentUnknown."""
        if name not in self.environments:
            known = ", ".join(sorted(self.environments)) or "none"
            raise EnvironmentUnknown(f"There is no environment {name} in the settings; they name {known}.")
        own = self.environments[name]
        given = {each: value for each in type(own).model_fields if (value := getattr(own, each)) is not None}
        given |= {"keystone_section": given.pop("keystone"), "providers": {**self.providers, **own.providers}}
        if "store" in given:
            given["store_section"] = given.pop("store")
        chosen = self.model_copy(update=given)
        chosen._environment = name
        return chosen

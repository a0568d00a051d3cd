"""Where adapters meet ops, a module a subject. Owns the composition; holds no rule.

Clock, randomness and ids come from environment.py. Every function imports what it wires when it is called, so that
one subject never loads another's libraries.
"""

from p3idp.wiring.access import (
    keystone_account,
    wire_access,
    wire_ledger,
    wire_past,
    wire_policy,
    wire_policy_directory,
    write_policy,
)
from p3idp.wiring.broker_api import wire_own_access, wire_resource_metadata
from p3idp.wiring.community import wire_catalogue, wire_policy_text, wire_project_ids
from p3idp.wiring.credentials import wire_credential_notices, wire_credentials, wire_holdings
from p3idp.wiring.device import wire_device_sign_in
from p3idp.wiring.environment import new_request_id, new_token, now
from p3idp.wiring.limits import sign_in_limit, wire_limited_verifier, wire_limiter
from p3idp.wiring.lint import wire_lint
from p3idp.wiring.login import web_settings, wire_federated_login, wire_sign_in, wire_verifier
from p3idp.wiring.logins import wire_logins, wire_remembering
from p3idp.wiring.mappings import wire_group_names, wire_mapping_import, wire_search
from p3idp.wiring.migrate import wire_migrations, wire_site_text
from p3idp.wiring.offline import wire_consent_desk, wire_consents, wire_offline
from p3idp.wiring.proposals import wire_proposals
from p3idp.wiring.removal import pace_of, wire_recheck, wire_rechecks, wire_removal
from p3idp.wiring.site import wire_doctor, wire_site_config
from p3idp.wiring.transfer import wire_export, wire_projects_import, wire_site_import
from p3idp.wiring.web import (
    check_web_parts,
    templates_directory,
    wire_attempt_seal,
    wire_exchange,
    wire_logs,
    wire_readiness,
    wire_sign_in_desk,
)

__all__ = [
    "check_web_parts",
    "keystone_account",
    "new_request_id",
    "new_token",
    "now",
    "pace_of",
    "sign_in_limit",
    "templates_directory",
    "web_settings",
    "wire_access",
    "wire_attempt_seal",
    "wire_catalogue",
    "wire_consent_desk",
    "wire_consents",
    "wire_credential_notices",
    "wire_credentials",
    "wire_device_sign_in",
    "wire_doctor",
    "wire_exchange",
    "wire_export",
    "wire_federated_login",
    "wire_group_names",
    "wire_holdings",
    "wire_ledger",
    "wire_limited_verifier",
    "wire_limiter",
    "wire_lint",
    "wire_logins",
    "wire_logs",
    "wire_mapping_import",
    "wire_migrations",
    "wire_offline",
    "wire_own_access",
    "wire_past",
    "wire_policy",
    "wire_policy_directory",
    "wire_policy_text",
    "wire_project_ids",
    "wire_projects_import",
    "wire_proposals",
    "wire_readiness",
    "wire_recheck",
    "wire_rechecks",
    "wire_remembering",
    "wire_removal",
    "wire_resource_metadata",
    "wire_search",
    "wire_sign_in",
    "wire_sign_in_desk",
    "wire_site_config",
    "wire_site_import",
    "wire_site_text",
    "wire_verifier",
    "write_policy",
]

"""Which rules make which kind of token. Owns the three lists; a rule not listed here protects nobody."""

from p3idp.core.login import header, rules, times
from p3idp.core.login.rules import Rule

_HEADER: tuple[Rule, ...] = (
    header.pinned_algorithm,
    header.nothing_critical,
    header.no_key_in_header,
    header.not_nested,
    header.sane_key_id,
)

ID_TOKEN_HEADER: tuple[Rule, ...] = (*_HEADER, header.id_token_type)
ACCESS_TOKEN_HEADER: tuple[Rule, ...] = (*_HEADER, header.access_token_type)

ID_TOKEN: tuple[Rule, ...] = (
    rules.exact_issuer,
    rules.id_token_body,
    rules.sound_subject,
    rules.addressed_to_us,
    rules.authorized_party_is_us,
    times.not_expired,
    times.issued_in_the_past,
    times.not_before,
    times.fresh_id_token,
    times.bounded_lifetime,
    rules.same_nonce,
    rules.hash_of_access_token,
)

# The ID token that may come with a refresh (OIDC Core 12.2): it belongs to no browser's attempt, so there is no nonce
# to hold it against, and it comes from the token endpoint to us.
REFRESHED_ID_TOKEN: tuple[Rule, ...] = tuple(rule for rule in ID_TOKEN if rule is not rules.same_nonce)

# The access token of our own sign-in: it came from the token endpoint to us, whatever services it also names.
OWN_ACCESS_TOKEN: tuple[Rule, ...] = (
    rules.exact_issuer,
    rules.access_token_body,
    rules.not_bound,
    rules.sound_subject,
    rules.honoured_client,
    times.not_expired,
    times.issued_in_the_past,
    times.not_before,
    times.fresh_access_token,
    times.bounded_lifetime,
)

# A token of an issuer that nobody can ask, such as a CI job's: whom it is for, its signature and its life are all there
# is. It has the form of an ID token; who got it may hand it to its audience alone, and that is us.
SIGNED_TOKEN: tuple[Rule, ...] = (
    rules.exact_issuer,
    rules.id_token_body,
    rules.not_bound,
    rules.sound_subject,
    rules.honoured_client,
    rules.for_us_alone,
    times.not_expired,
    times.issued_in_the_past,
    times.not_before,
    times.fresh_access_token,
    times.bounded_lifetime,
)

# An access token that somebody hands us: anybody who ever received it could be that somebody.
ACCESS_TOKEN: tuple[Rule, ...] = (*OWN_ACCESS_TOKEN, rules.not_for_others)

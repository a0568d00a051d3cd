"""Forged and confused tokens as data: what is wrong with each, by row of the threat list, and the word it earns.

Each entry changes one thing of a good token. Entries of kind ``id`` travel through a whole sign-in, those of kind
``access`` are handed to the verifier; both kinds get what is wrong with every JWT.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from hostile import MISSING, HostileProvider, Key, sign
from trusting import NONCE

OTHER = "https://aai.example.org/auth/realms/egi"
NOT_TEXT: tuple[object, ...] = (None, True, False, 0, 1, -1, 1.5, [], {}, ["x"], {"x": "y"})
NOT_A_NUMBER: tuple[object, ...] = (None, True, False, "", "1", "soon", [], [1], {}, 0, -1, -1e9, 1e300, 10**30, 1e13)


@dataclass(frozen=True)
class At:
    """A moment, so many seconds from when the token is made; as text or a number of another kind if wanted."""

    seconds: float
    form: Callable[[int], object] = int


@dataclass(frozen=True)
class Of:
    """A value made from the provider."""

    make: Callable[[HostileProvider], object]


@dataclass(frozen=True)
class Forgery:
    """One thing wrong: changes of ``claims`` and ``header``, signed with the provider's key unless told otherwise."""

    row: str
    name: str
    reason: str
    claims: Mapping[str, object] = field(default_factory=dict)
    header: Mapping[str, object] = field(default_factory=dict)
    kinds: tuple[str, ...] = ("id", "access")
    key: Callable[[HostileProvider], Key | bytes | None] = lambda hostile: hostile.signing_key
    alg: str = "RS256"

    def parts(self, hostile: HostileProvider, kind: str) -> tuple[dict[str, object], dict[str, object]]:
        """Header and claims, as they would be signed."""
        claims = {name: _value(value, hostile) for name, value in self.claims.items()}
        header = {name: _value(value, hostile) for name, value in self.header.items()}
        if kind == "id":
            return hostile.header(**header), hostile.id_claims(**{"nonce": NONCE, **claims})
        return hostile.header(**header), hostile.access_claims(**claims)

    def token(self, hostile: HostileProvider, kind: str) -> str:
        """The forged token."""
        header, claims = self.parts(hostile, kind)
        return sign(header, claims, self.key(hostile), self.alg)


def _value(value: object, hostile: HostileProvider) -> object:
    if isinstance(value, At):
        return value.form(int(time.time() + value.seconds))
    return value.make(hostile) if isinstance(value, Of) else value


def every_wrong(row: str, claim: str, reason: str, values: tuple[object, ...], **more: object) -> Iterator[Forgery]:
    for value in values:
        yield Forgery(row, f"{claim} is {_short(value)}", reason, {claim: value}, **more)  # type: ignore[arg-type]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:50]}… ({len(text)})"


def spelled(word: str) -> list[str]:
    """The word with every choice of upper and lower case."""
    return ["".join(letters) for letters in itertools.product(*((c.lower(), c.upper()) for c in word))]


def issuers() -> Iterator[Forgery]:
    near = {
        "slash at the end": lambda h: h.issuer + "/",
        "upper case host": lambda h: h.issuer.replace("localhost", "LOCALHOST"),
        "upper case realm": lambda h: h.issuer.replace("hostile", "HOSTILE"),
        "other port": lambda h: h.issuer.replace(str(h.port), "443"),
        "no port": lambda h: h.issuer.replace(f":{h.port}", ""),
        "plain http": lambda h: h.issuer.replace("https", "http"),
        "the address instead of the name": lambda h: h.issuer.replace("localhost", "127.0.0.1"),
        "dot after the host": lambda h: h.issuer.replace("localhost", "localhost."),
        "space at the end": lambda h: h.issuer + " ",
        "newline at the end": lambda h: h.issuer + "\n",
        "fragment": lambda h: h.issuer + "#",
        "escaped letter": lambda h: h.issuer.replace("hostile", "%68ostile"),
        "one letter short": lambda h: h.issuer[:-1],
        "within a list": lambda h: [h.issuer],
    }
    yield from every_wrong("R01", "iss", "issuer", (OTHER, "", "localhost", *NOT_TEXT))
    for name, make in near.items():
        yield Forgery("R02", f"iss: {name}", "issuer", {"iss": Of(make)})
    yield Forgery("R03", "iss missing", "issuer", {"iss": MISSING})


def subjects() -> Iterator[Forgery]:
    yield Forgery("R04", "sub missing", "sub", {"sub": MISSING})
    odd = ("", " ", "\t", "a" * 256, " x", "x ", "a\nb", "a\x00b", "mallory\u200b@egi.eu", "\uff4dallory@egi.eu")
    yield from every_wrong("R05", "sub", "sub", (*odd, *NOT_TEXT))


def audiences() -> Iterator[Forgery]:
    only_id = {"kinds": ("id",)}
    lists = (["other"], ["other", "third"], [["p3idp"]], ["p3idp", 1], ["p3idp", None], ["p3idp", ""])
    near = ("other", "P3IDP", "p3idp ", "p3idp,other", "p3idp other", "p3id", "")
    yield from every_wrong("R06", "aud", "audience", (*near, *lists, *NOT_TEXT), **only_id)
    yield Forgery("R07", "aud missing", "audience", {"aud": MISSING}, kinds=("id",))
    yield from every_wrong("R10", "azp", "azp", ("other", "", "P3IDP", ["p3idp"], *NOT_TEXT), **only_id)
    several = {"aud": ["p3idp", "other"]}
    yield Forgery("R10", "several aud, no azp", "azp", {**several, "azp": MISSING}, kinds=("id",))
    yield Forgery("R10", "several aud, azp the other", "azp", {**several, "azp": "other"}, kinds=("id",))


def times() -> Iterator[Forgery]:
    for ago in (12, 60, 3600, 86400, 10 * 365 * 86400):
        row = "R12" if ago < 60 else "R11"
        yield Forgery(row, f"expired {ago} s ago", "expired", {"exp": At(-ago), "iat": At(-ago - 60)})
    yield Forgery("R13", "exp missing", "exp", {"exp": MISSING})
    yield from every_wrong("R14", "exp", "exp", NOT_A_NUMBER)
    yield Forgery("R14", "exp as text", "exp", {"exp": At(3600, str)})
    yield Forgery("R14", "exp in a list", "exp", {"exp": At(3600, lambda at: [at])})
    for number in ("nan", "inf", "-inf"):
        yield Forgery("R14", f"exp is {number}", "not-json", {"exp": float(number)})
    for life in (86401, 25 * 3600, 10 * 365 * 86400):
        yield Forgery("R15", f"life of {life} s", "lifetime", {"exp": At(life), "iat": At(0)})
    yield Forgery("R15", "ends before it begins", "lifetime", {"exp": At(3), "iat": At(6)})
    yield Forgery("R15", "ends in the year 9999", "lifetime", {"exp": 253_402_300_799})
    yield Forgery("R16", "iat missing", "iat", {"iat": MISSING})
    yield from every_wrong("R16", "iat", "iat", NOT_A_NUMBER)
    for ahead in (13, 60, 3600):
        yield Forgery("R17", f"iat {ahead} s ahead", "iat-future", {"iat": At(ahead), "exp": At(ahead + 60)})
    yield Forgery("R18", "a week old", "iat-old", {"iat": At(-7 * 86400)})
    yield Forgery("R18", "issued in 1970", "iat-old", {"iat": 1})
    yield Forgery("R18", "ID token of eleven minutes ago", "iat-old", {"iat": At(-660)}, kinds=("id",))
    yield Forgery("R18", "access token of yesterday", "iat-old", {"iat": At(-86411)}, kinds=("access",))
    for ahead in (13, 60, 3600):
        yield Forgery("R19", f"nbf {ahead} s ahead", "nbf-future", {"nbf": At(ahead)})
    yield from every_wrong("R19", "nbf", "nbf", NOT_A_NUMBER)


def nonces() -> Iterator[Forgery]:
    near = ("other", "", NONCE.upper(), NONCE + " ", NONCE[:-1], NONCE + "\x00", [NONCE])
    yield from every_wrong("R20", "nonce", "nonce", (*near, *NOT_TEXT), kinds=("id",))
    yield Forgery("R21", "nonce missing", "nonce", {"nonce": MISSING}, kinds=("id",))
    for value in ("", "x", "AAAAAAAAAAAAAAAAAAAAAA", *NOT_TEXT):
        yield Forgery("R20", f"at_hash is {_short(value)}", "at-hash", {"at_hash": value}, kinds=("id",))


def algorithms() -> Iterator[Forgery]:
    yield Forgery("R24", "unsigned", "alg", header={"alg": "none"}, key=lambda _: None)
    yield Forgery("R24", "alg none with a good signature", "alg", header={"alg": "none"})
    yield Forgery("R24", "alg none with a MAC", "alg", header={"alg": "none"}, key=lambda _: b"x", alg="HS256")
    for name in spelled("none"):
        yield Forgery("R26", f"alg {name}", "alg", header={"alg": name}, key=lambda _: None)
    near = [name for name in spelled("rs256") if name != "RS256"]
    others = [
        "RS384",
        "RS512",
        "PS384",
        "PS512",
        "ES384",
        "ES512",
        "ES256K",
        "EdDSA",
        "Ed25519",
        "RS1",
        "RSA1_5",
        "dir",
    ]
    for name in (
        *near,
        *others,
        "RS256 ",
        " RS256",
        "RS256\x00",
        "RS256\n",
        "",
        "none ",
        "\uff32\uff33256",
        *NOT_TEXT,
        ["RS256"],
    ):
        yield Forgery("R26", f"alg {_short(name)}", "alg", header={"alg": name})
    yield Forgery("R26", "alg missing", "alg", header={"alg": MISSING})


def mac_keys() -> Iterator[Forgery]:
    import json

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    def exported(encoding: Encoding, form: PublicFormat) -> Callable[[HostileProvider], bytes]:
        return lambda h: h.good.private.public_key().public_bytes(encoding, form)

    keys: dict[str, Callable[[HostileProvider], bytes]] = {
        "PEM": exported(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "PEM without its last newline": lambda h: keys["PEM"](h).strip(),
        "PKCS#1 PEM": exported(Encoding.PEM, PublicFormat.PKCS1),
        "DER": exported(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "PKCS#1 DER": exported(Encoding.DER, PublicFormat.PKCS1),
        "JWK text": lambda h: json.dumps(h.good.jwk).encode(),
        "JWK text, tight and sorted": lambda h: json.dumps(h.good.jwk, sort_keys=True, separators=(",", ":")).encode(),
        "the modulus": lambda h: str(h.good.jwk["n"]).encode(),
    }
    secrets: dict[str, Callable[[HostileProvider], bytes]] = {
        "the client secret": lambda h: h.client_secret.encode(),
        "the client id": lambda h: h.client_id.encode(),
        "nothing": lambda _: b"",
    }
    for row, choice in (("R27", keys), ("R28", secrets)):
        for (name, key), alg in itertools.product(choice.items(), ("HS256", "HS384", "HS512")):
            yield Forgery(row, f"{alg} with {name}", "alg", header={"alg": alg}, key=key, alg=alg)


def header_keys() -> Iterator[Forgery]:
    yield Forgery("R30", "attacker's key under our kid", "signature", key=lambda h: h.attacker)
    yield Forgery(
        "R30", "attacker's key, PS256", "signature", header={"alg": "PS256"}, key=lambda h: h.attacker, alg="PS256"
    )
    yield Forgery("R30", "attacker's key without kid", "signature", header={"kid": MISSING}, key=lambda h: h.attacker)
    small = {"kid": MISSING, "alg": "ES256", "jwk": Of(lambda h: h.ec.jwk)}
    yield Forgery("R31", "jwk: a small EC key", "header-key", header=small, key=lambda h: h.ec)
    yield Forgery(
        "R31", "jwk under our kid", "header-key", header={"jwk": Of(lambda h: h.attacker.jwk)}, key=lambda h: h.attacker
    )
    yield Forgery("R31", "jwk: our own key", "header-key", header={"jwk": Of(lambda h: h.good.jwk)})
    yield Forgery("R31", "jwk empty", "header-key", header={"jwk": {}})
    for name in ("jku", "x5u"):
        place = Of(lambda h: h.origin + "/attacker/jwks.json")
        yield Forgery("R32", f"{name} elsewhere", "header-key", header={name: place}, key=lambda h: h.attacker)
        ours = Of(lambda h: h.issuer + "/protocol/openid-connect/certs")
        yield Forgery("R32", f"{name} is the real address", "header-key", header={name: ours})
        yield Forgery("R32", f"{name} is a file", "header-key", header={name: "file:///etc/passwd"})
    yield Forgery("R32", "x5c", "header-key", header={"x5c": ["MIIB"]}, key=lambda h: h.attacker)


def key_ids() -> Iterator[Forgery]:
    for kid in ("../../../etc/passwd", "good/../good", "' OR 1=1 --", '"', "$(id)", "GOOD", "good ", "%s%s%n"):
        yield Forgery("R33", f"kid {kid}", "kid", header={"kid": kid})
    for odd in ("", "a\x00b", "good\n", "good\r\nSet-Cookie: x", "\u202egood", "a" * 256, *NOT_TEXT, ["good"]):
        yield Forgery("R33", f"kid {_short(odd)}", "kid", header={"kid": odd})
    yield Forgery("R33", "kid of 10 kB", "too-long", header={"kid": "a" * 10_000})


def critical() -> Iterator[Forgery]:
    for value in (["exp"], ["unknown"], [], ["b64"], ["alg"], ["kid"], ["crit"], "exp", None, {}, 1, ["exp", "exp"]):
        yield Forgery("R34", f"crit {_short(value)}", "crit", header={"crit": value})
    yield Forgery("R34", "crit names a header that is there", "crit", header={"crit": ["x"], "x": 1})
    for value in (False, True, None, "false"):
        yield Forgery("R34", f"b64 {value}", "crit", header={"b64": value})
    yield Forgery("R34", "b64 false and critical", "crit", header={"b64": False, "crit": ["b64"]})


def wrapped() -> Iterator[Forgery]:
    for name, value in (
        ("cty", "JWT"),
        ("cty", "jwt"),
        ("zip", "DEF"),
        ("enc", "A128GCM"),
        ("p2c", 10**9),
        ("epk", {}),
    ):
        yield Forgery("R37", f"{name} {value}", "nested", header={name: value})


def kinds() -> Iterator[Forgery]:
    foreign = (
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "token-introspection+jwt",
        "kb+jwt",
        "JWE",
        "JOSE",
        "",
        "JWT ",
        *NOT_TEXT,
    )
    for typ in ("at+jwt", "AT+JWT", "application/at+jwt", "application/logout+jwt", *foreign):
        yield Forgery("R40", f"ID token with typ {_short(typ)}", "typ", header={"typ": typ}, kinds=("id",))
    for typ in (*foreign, "application/logout+jwt", MISSING):
        yield Forgery("R40", f"access token with typ {_short(typ)}", "typ", header={"typ": typ}, kinds=("access",))
    odd = ("Refresh", "Offline", "Logout", "DPoP", "Action", "Serialized-ID", "", "bearer", "id", *NOT_TEXT)
    for body in ("Bearer", *odd):
        yield Forgery("R40", f"ID token with body typ {_short(body)}", "body-typ", {"typ": body}, kinds=("id",))
    for body in ("ID", *odd):
        yield Forgery("R40", f"access token with body typ {_short(body)}", "body-typ", {"typ": body}, kinds=("access",))
    event = {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}
    yield Forgery("R40", "logout token as ID token", "body-typ", event, kinds=("id",))
    yield Forgery("X11", "logout token with an access token's claims", "body-typ", event, kinds=("access",))
    yield Forgery(
        "X11", "logout token, explicit", "typ", {**event, "typ": "Logout"}, {"typ": "logout+jwt"}, kinds=("access",)
    )
    yield Forgery("X11", "logout token, Keycloak's older", "body-typ", {**event, "typ": "Logout"}, kinds=("access",))
    as_id = {"aud": "p3idp", "nonce": NONCE, "auth_time": At(0), "scope": MISSING, "client_id": MISSING}
    yield Forgery("X10", "ID token as access token", "body-typ", {**as_id, "typ": "ID"}, kinds=("access",))
    yield Forgery("X10", "ID token that does not say so", "body-typ", {**as_id, "typ": MISSING}, kinds=("access",))
    for claim in ("at_hash", "c_hash", "s_hash"):
        yield Forgery("X10", f"access token with {claim}", "body-typ", {claim: "x"}, kinds=("access",))
    no_typ = {"typ": MISSING}
    yield Forgery("X10", "nameless, with a nonce", "body-typ", {**no_typ, "nonce": "x"}, kinds=("access",))
    yield Forgery("X10", "nameless, without a scope", "body-typ", {**no_typ, "scope": MISSING}, kinds=("access",))
    for body in ("Refresh", "Offline"):
        yield Forgery("X10", f"refresh token ({body}), asymmetric", "body-typ", {"typ": body}, kinds=("access",))
    for bound in ({"jkt": "x"}, {"x5t#S256": "x"}, {}, None):
        yield Forgery("X13", f"bound: cnf {bound}", "bound", {"cnf": bound}, kinds=("access",))


def clients() -> Iterator[Forgery]:
    only = {"kinds": ("access",)}
    for aud in ("other", ["other"], ["account", "other"], "P3IDP", "", *NOT_TEXT, ["p3idp", 1]):
        yield Forgery("X05", f"listed client, aud {_short(aud)}", "audience", {"aud": aud}, **only)  # type: ignore[arg-type]
    foreign = {"azp": "other", "client_id": "other"}
    yield Forgery("X05", "other client, aud other", "client", {**foreign, "aud": "other"}, **only)  # type: ignore[arg-type]
    none = {"azp": MISSING, "client_id": MISSING}
    yield Forgery("X06", "no aud, client not named", "client", none, **only)  # type: ignore[arg-type]
    yield Forgery("X06", "no aud, client not listed", "client", foreign, **only)  # type: ignore[arg-type]
    yield Forgery("X06", "no aud, only client_id, not listed", "client", {**foreign, "azp": MISSING}, **only)  # type: ignore[arg-type]
    for azp in ("other", "P3IDP", "p3idp ", "", *NOT_TEXT, ["p3idp"]):
        yield Forgery("X07", f"azp {_short(azp)}", "client", {"azp": azp, "client_id": MISSING}, **only)  # type: ignore[arg-type]
        yield Forgery("X07", f"azp {_short(azp)}, listed client_id", "client", {"azp": azp}, **only)  # type: ignore[arg-type]
        yield Forgery("X07", f"listed azp, client_id {_short(azp)}", "client", {"client_id": azp}, **only)  # type: ignore[arg-type]
    yield Forgery("X07", "azp not listed, aud ours", "client", {**foreign, "aud": "p3idp"}, **only)  # type: ignore[arg-type]


FORGERIES: tuple[Forgery, ...] = tuple(
    itertools.chain(
        *(
            make()
            for make in (
                issuers, subjects, audiences, times, nonces, algorithms, mac_keys, header_keys, key_ids, critical,
                wrapped, kinds, clients,
            )
        )
    )
)  # fmt: skip

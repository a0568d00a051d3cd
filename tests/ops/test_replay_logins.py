"""Remembered logins, line by line: what is a login, what is not and why, and that no line is too long to be refused."""

import io
import json

import pytest
from policies import ISSUER, NOW, OPERATOR, PolicyFiles

from p3idp.core.keystone_rules import NO_SEARCH
from p3idp.errors.replay import NoLogins
from p3idp.ops.replay import MOST_NAMED, Replay, replay
from p3idp.ops.replay_logins import BadLine, Login, read_logins
from p3idp.ops.replay_sides import RawMapping, make_sides

RULES = [{"local": [{"user": {"id": "{0}", "domain": {"name": "egi"}}}], "remote": [{"type": "OIDC-sub"}]}]
CLAIMS = {"iss": ISSUER, "sub": "ann", "azp": "p3idp", "entitlements": [OPERATOR]}


def read(*lines: bytes | str | dict[str, object]) -> list[Login | BadLine]:
    raw = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
    return list(read_logins(io.BytesIO(b"\n".join(r.encode() if isinstance(r, str) else r for r in raw))))


def message(line: bytes | str | dict[str, object]) -> str:
    (found,) = read(line)
    assert isinstance(found, BadLine)
    return found.message


def test_claims_come_wrapped_or_bare_and_lines_keep_their_numbers():
    wrapped = {"claims": CLAIMS, "identity_provider": "egi", "at": "2026-11-22T10:00:00+01:00", "id": 7}
    assert read(CLAIMS, "", "  \t", wrapped) == [Login(1, CLAIMS, None, None), Login(4, CLAIMS, "egi", NOW)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nonsense", "no JSON at column 1"),
        ("[]", "not a JSON object"),
        ('{"sub": "a", "sub": "b"}', "'sub' is given twice"),
        ('{"sub": NaN}', "NaN"),
        ('{"sub": 1e999}', "out of range"),
        ('{"sub": "\\ud800"}', "not JSON"),
        (b'{"sub": "\xff"}', "no UTF-8 at byte 10"),
        (b"\xef\xbb\xbf{}", "no JSON"),
        (b"\x00", "no JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"a":' * 20 + "1" + "}" * 20, "nested too deeply"),
        ({"claims": []}, "`claims` is no object"),
        ({"claims": {}, "identity_provider": 7}, "`identity_provider` is not text"),
        ({"claims": {}, "identity_provder": "egi"}, "'identity_provder' is not known here"),
        ({"claims": {}, "at": 1_700_000_000}, "`at` is no moment"),
        ({"claims": {}, "at": "2026-11-22T10:00:00"}, "`at` is no moment with its offset"),
    ],
    ids=range(16),
)
def test_a_bad_line_says_what_is_wrong(line, told):
    assert told in message(line)


class Endless:
    """A line of a gigabyte, and a login after it; counts what is asked for at once."""

    def __init__(self) -> None:
        self.left, self.most = 1 << 30, 0
        self.rest = io.BytesIO(json.dumps(CLAIMS).encode() + b"\n")

    def readline(self, limit: int, /) -> bytes:
        self.most = max(self.most, limit)
        if not self.left:
            return self.rest.readline(limit)
        given = min(limit, self.left)
        self.left -= given
        return b"x" * (given - 1) + (b"x" if self.left else b"\n")


def test_a_line_of_a_gigabyte_is_skipped_in_pieces_and_the_next_one_is_read():
    file = Endless()
    assert list(read_logins(file)) == [BadLine(1, "the line is longer than 4 MB"), Login(2, CLAIMS, None, None)]
    assert file.most <= 4 * 1024 * 1024


def test_a_line_of_just_four_megabytes_is_no_longer_than_that():
    line = json.dumps({"sub": "x"})
    padded = line[:-1] + " " * (4 * 1024 * 1024 - len(line)) + "}"
    assert [type(found) for found in read(padded, line)] == [Login, Login]


@pytest.fixture
def files(tmp_path) -> PolicyFiles:
    return PolicyFiles(tmp_path)


def replayed(files: PolicyFiles, *lines: object, provider: str | None = None) -> Replay:
    policy = files.load()
    raw = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    return replay(make_sides(policy, policy, provider, NO_SEARCH, NOW), io.BytesIO(raw))


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"entitlements": ["x"] * 10_000}, "The claim entitlements has 10,000 values"),
        ({"entitlements": ["x" * 1_000_000]}, "has 1,000,000 characters"),
        ({"entitlements": [OPERATOR, {}]}, "Value 2 of the claim entitlements is not text"),
        ({"sub": None}, "claim sub"),
        ({"azp": 7}, "claim azp"),
    ],
    ids=range(5),
)
def test_claims_that_are_none_are_named_and_the_others_are_compared(files, claims, told):
    done = replayed(files, CLAIMS, CLAIMS | {"sub": "bob"} | claims, CLAIMS | {"sub": "cy"})
    assert (done.logins, done.bad.count, done.is_complete) == (2, 1, False)
    assert [(bad.line, told in bad.message) for bad in done.bad.named] == [(2, True)]


@pytest.mark.parametrize("odd", ["a\x00b", "a\r\nb", "\u202ea", "a;b"])
def test_an_odd_subject_is_refused_by_both_sides_and_is_no_bad_line(files, odd):
    done = replayed(files, CLAIMS, CLAIMS | {"sub": odd})
    assert (done.logins, done.refused.named, done.is_complete) == (1, [BadLine(2, "ambiguous-value (claim sub)")], True)


def test_an_empty_file_tells_nothing(files):
    with pytest.raises(NoLogins):
        replayed(files)


def test_a_file_in_which_nothing_can_be_compared_is_not_complete(files):
    assert not replayed(files, {"claims": CLAIMS, "identity_provider": "nobody"}).is_complete


def test_logins_are_of_the_provider_named_where_they_do_not_say(files):
    nameless = {name: value for name, value in CLAIMS.items() if name != "iss"}
    assert [p.provider for p in replayed(files, nameless, provider="egi").comparison.people()] == ["egi"]


def test_a_login_that_says_its_provider_is_not_the_named_ones(files):
    hub = "  hub: {title: Hub, issuers: [https://hub.test], scopes: [openid], authorization_ttl: 1h}\n"
    files.change("site.yaml", "identity_providers:\n", f"identity_providers:\n{hub}")
    bob = {"claims": CLAIMS | {"sub": "bob", "iss": "https://hub.test"}, "identity_provider": "hub"}
    people = replayed(files, CLAIMS, bob, provider="egi").comparison.people()
    assert [(each.subject, each.provider) for each in people] == [("ann", "egi"), ("bob", "hub")]
    mapping, raw = (
        RawMapping("rules.json", RULES, "2.0"),
        b"\n".join(json.dumps(each).encode() for each in (CLAIMS, bob)),
    )
    done = replay(make_sides(mapping, files.load(), "egi", NO_SEARCH, NOW), io.BytesIO(raw))
    assert (done.logins, done.other_providers) == (1, 1)


def test_lines_left_out_are_all_counted_and_the_first_ones_named(files):
    done = replayed(files, CLAIMS, *[b"x"] * (MOST_NAMED + 5))
    assert (done.bad.count, len(done.bad.named)) == (MOST_NAMED + 5, MOST_NAMED)

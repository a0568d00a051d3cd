"""Linting what paths name: offline by what is on disk, online by what Keystone has; slow patterns under a clock."""

import json
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from lint_cases import CASES, GOOD, ISS, entitled
from policies import NOW, PolicyFiles

from p3idp.adapters.policy_files.lint_sources import read_source
from p3idp.adapters.regex_worker import RegexWorker
from p3idp.core.keystone_rules import NO_SEARCH
from p3idp.core.mappings.lint import Live, LiveProvider, Severity, Written, lint_rules
from p3idp.errors import ExitStatus
from p3idp.errors.command import UsageMistaken
from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.ops.lint import Lint, exit_status


class Names:
    """A Keystone of whom only names are asked."""

    def __init__(self, live: Live) -> None:
        self.live = live

    def names(self) -> Live:
        return self.live


def lint(live: Live | None = None) -> Lint:
    return Lint(read_source, NO_SEARCH, (lambda: Names(live)) if live is not None else None)


def written(directory: Path, data: Any, name: str = "rules.json") -> str:
    file = directory / name
    file.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return str(file)


def codes(found: Any) -> list[str]:
    return [each.code for each in found.findings]


def test_one_run_reads_policies_mappings_and_catalogues(tmp_path: Path):
    PolicyFiles(tmp_path / "policy").change("communities/vo.access.egi.eu.yaml", "member", "admin")
    paths = [
        str(tmp_path / "policy"),
        written(tmp_path, {"rules": CASES["user-local"].wrong, "schema_version": "2.0"}),
        written(tmp_path, "vos:\n  ops: urn:mace:egi.eu:group:ops:role:x\n", "vos.yaml"),
    ]
    found = lint().run(paths, NOW)
    places = {(each.file.removeprefix(f"{tmp_path}/"), each.line, each.code) for each in found.findings}
    assert ("policy/communities/vo.access.egi.eu.yaml", 6, "role-admin") in places
    assert ("rules.json", 1, "user-local") in places
    assert ("vos.yaml", 2, "entitlement-malformed") in places
    assert found.looked_at == tuple(paths)


def test_mistakes_of_policy_files_are_findings_with_their_lines(tmp_path: Path):
    files = PolicyFiles(tmp_path)
    files.change("communities/vo.access.egi.eu.yaml", "role=vm", "role:vm")
    files.change("site.yaml", "title", "tilte")
    found = lint().run([str(tmp_path)], NOW)
    told = {(each.code, Path(each.file).name, each.line) for each in found.findings}
    assert ("policy-invalid", "vo.access.egi.eu.yaml", 6) in told
    assert ("policy-invalid", "site.yaml", 2) in told


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ("no json", "rules.json", 1),
        ("{\n'rules': []}", "rules.yaml", 2),
        ("gocdb: BIFI\nvos:\n  - name: ops\n", "site.yaml", 1),
        ("\x00", "x", 1),
        ("", "empty", 1),
        ("a: &b\n- *b", "anchors.yaml", 1),
    ],
)
def test_whatever_else_a_file_holds_is_one_finding(tmp_path: Path, text: str, name: str, line: int):
    found = lint().run([written(tmp_path, text, name)], NOW)
    assert set(codes(found)) == {"file-unreadable"}
    assert found.findings[0].line == line
    assert exit_status(found, strict=False) is ExitStatus.REFUSED


def test_errors_end_with_4_and_warnings_only_where_that_is_asked_for(tmp_path: Path):
    def status(data: Any, *, strict: bool) -> ExitStatus:
        return exit_status(lint().run([written(tmp_path, data)], NOW, "2.0"), strict=strict)

    assert status(CASES["user-local"].wrong, strict=False) is ExitStatus.REFUSED
    warned = CASES["group-by-id"].wrong
    assert (status(warned, strict=False), status(warned, strict=True)) == (ExitStatus.OK, ExitStatus.REFUSED)
    noted = CASES["pattern-dollar"].wrong
    assert status(noted, strict=True) is ExitStatus.OK


LIVE = Live(
    domains={"d1": "egi"},
    groups={"g1": ("d1", "operators")},
    providers={"egi": LiveProvider("d1", True, tuple(ISS["any_one_of"]))},
    protocols={("egi", "openid"): "m"},
    mappings={"m": (GOOD, "2.0")},
)


def test_online_the_names_are_looked_up(tmp_path: Path):
    file = written(tmp_path, {"rules": GOOD, "schema_version": "2.0"})
    assert codes(lint(LIVE).run([file], NOW)) == []
    gone = replace(LIVE, groups={})
    assert codes(lint(gone).run([file], NOW)) == ["live-group-unknown"]
    assert codes(lint(LIVE).run([file], NOW, provider="nobody")) == ["live-provider-unknown"]
    assert codes(lint().run([file], NOW)) == []


def test_online_a_policy_is_held_against_each_of_its_providers(tmp_path: Path):
    PolicyFiles(tmp_path)
    found = lint(LIVE).run([str(tmp_path)], NOW)
    assert {"live-drift", "live-group-unknown", "live-issuer-unknown"} <= set(codes(found))
    with pytest.raises(UsageMistaken, match="it has egi"):
        lint(LIVE).run([str(tmp_path)], NOW, provider="nobody")


def test_a_keystone_that_does_not_answer_is_an_error_and_no_clean_bill(tmp_path: Path):
    class Silent:
        def names(self) -> Live:
            raise KeystoneUnreachable("no answer")

    with pytest.raises(KeystoneUnreachable):
        Lint(read_source, NO_SEARCH, Silent).run([written(tmp_path, GOOD)], NOW)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("pattern-slow")])
def test_a_pattern_that_really_is_slow_is_found_by_trying_it_under_a_clock(name: str):
    found = lint_rules(Written("rules.json", CASES[name].wrong), "2.0", RegexWorker())
    assert "pattern-slow" in {each.code for each in found}


def test_a_pattern_that_is_slow_on_a_long_claim_only_is_found_too():
    rules = [entitled(any_one_of=[r"\A.*.*.*=\Z"], regex=True)]
    found = {each.code: each for each in lint_rules(Written("rules.json", rules), "2.0", RegexWorker())}
    assert len(found["pattern-slow"].login["OIDC-entitlements"]) > 4_000


def test_a_pattern_that_only_cannot_be_proven_quick_is_left_alone():
    quick = [entitled(any_one_of=[r"\A(?:[a-z]+\.)*[a-z]+\Z"], regex=True)]
    assert lint_rules(Written("rules.json", quick), "2.0", RegexWorker()) == []


def test_thousands_of_rules_take_seconds_not_minutes(tmp_path: Path):
    """Under a second on a quiet machine; the bound leaves room for a busy one."""
    rules = [entitled(any_one_of=[f"urn:mace:egi.eu:group:g{n}"]) for n in range(3_000)]
    own = [{**rules[0]["local"][0], "group": {"name": f"g{n}", "domain": {"name": "egi"}}} for n in range(3_000)]
    gives = [{**each, "local": [local]} for each, local in zip(rules, own, strict=True)]
    file = written(tmp_path, {"rules": gives, "schema_version": "2.0"})
    began = perf_counter()
    found = lint().run([file], NOW)
    assert found.findings == ()
    assert perf_counter() - began < 20
    assert found.count(Severity.ERROR) == 0

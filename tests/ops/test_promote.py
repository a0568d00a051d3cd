"""Promoting: TO's plan for what FROM really has, the differences that are meant and those that are not, and no ids."""

from dataclasses import replace
from pathlib import Path

import pytest
from access_world import AccessWorld
from policies import ISSUER, NOW, PolicyFiles

from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.adapters.memory.repository import MemoryRepository
from p3idp.adapters.policy_files import load_policy
from p3idp.core.access.resources import Kind, Resource
from p3idp.errors.access import PlanStale
from p3idp.errors.environments import PromotionImpossible
from p3idp.errors.repository import StaleCheckout
from p3idp.ops.access import AccessOps
from p3idp.ops.promote import Promotion, promote

ACCESS = "communities/vo.access.egi.eu.yaml"
ALT_1 = """\
identity_providers:
  egi: {issuers: [https://demo.idp.test/auth/realms/egi], authorization_ttl: 1h}
without_communities: [training.egi.eu]
"""


class Clouds:
    """One policy in a repository, two Keystones, one database."""

    def __init__(self, root: Path) -> None:
        self.files = PolicyFiles(root)
        (root / "environments").mkdir()
        self.files.write("environments/alt-1.yaml", ALT_1)
        self.files.write("environments/production.yaml", "{}\n")
        self.world = AccessWorld(self.files)
        self.repository = MemoryRepository()
        self.keystones = {name: MemoryKeystone(url=f"https://{name}/v3") for name in ("alt-1", "production")}
        self.commit()

    def at(self, name: str) -> AccessOps:
        keystone = self.keystones[name]
        return replace(
            self.world.ops,
            reader=keystone,
            writer=keystone,
            policy=lambda: load_policy(self.files.root, environment=name),
            repository=self.repository,
        )

    def commit(self) -> str:
        return self.repository.make(self.at("production").policy().texts)

    def apply(self, name: str, *accepted: str, digest: str | None = None) -> None:
        self.at(name).apply(NOW, digest, accepted)

    def promote(self) -> Promotion:
        return promote(self.at("alt-1"), self.at("production"), NOW)

    def by_hand(self, name: str, role: str) -> None:
        group = "vo.access.egi.eu:role=vm_operator"
        self.keystones[name].put(Resource(Kind.ROLE_ASSIGNMENT, ("egi", group, role, "project", "egi", "p3"), {}))


@pytest.fixture
def clouds(tmp_path: Path) -> Clouds:
    made = Clouds(tmp_path)
    made.apply("alt-1")
    return made


def told(changes) -> list[str]:
    return [f"{c.action} {c.resource.kind} {c.resource.name} {' '.join(sorted(c.different))}".strip() for c in changes]


def test_the_plan_for_the_other_cloud_is_shown_and_only_what_is_meant_differs(clouds: Clouds):
    found = clouds.promote()
    assert found.tried
    assert found.checked_out
    assert found.planned.plan.target == "https://production/v3"
    assert found.planned.policy.site.provider("egi").issuers == (ISSUER,)
    assert found.contrast.unintended == ()
    assert told(found.contrast.intended) == [
        "create group training.egi.eu:role=vm_operator@egi",
        "update identity_provider egi authorization_ttl issuers",
        "update mapping p3idp-egi rules",
        "create project training@egi",
        "create role_assignment training.egi.eu:role=vm_operator@egi has member on project training@egi",
    ]


def test_the_digest_that_promote_shows_is_the_one_that_apply_takes(clouds: Clouds):
    digest = clouds.promote().planned.plan.digest
    clouds.apply("production", digest=digest)
    assert clouds.promote().planned.plan.changes == ()
    assert clouds.promote().contrast.unintended == ()


def test_what_was_not_applied_at_the_first_is_not_promoted(clouds: Clouds):
    """The checkout is ahead: what alt-1 has is planned, and the digest is not that of the checkout."""
    clouds.files.change(ACCESS, "[member]", "[member, reader]")
    clouds.commit()
    found = clouds.promote()
    assert not found.checked_out
    assert not any("reader" in change.resource.name for change in found.planned.plan.changes)
    with pytest.raises(PlanStale):
        clouds.apply("production", digest=found.planned.plan.digest)


def test_what_somebody_changed_by_hand_at_the_first_is_named(clouds: Clouds):
    clouds.by_hand("alt-1", "manager")
    found = clouds.promote()
    assert not found.tried
    assert [each.change.resource.key[2] for each in found.drift.differences] == ["manager"]
    assert told(found.contrast.unintended) == [
        "delete role_assignment vo.access.egi.eu:role=vm_operator@egi has manager on project p3@egi"
    ]


def test_one_attribute_by_hand_is_told_apart_from_those_that_are_meant(clouds: Clouds):
    held = clouds.keystones["alt-1"].held
    egi = held[Kind.IDENTITY_PROVIDER, ("egi",)]
    held[Kind.IDENTITY_PROVIDER, ("egi",)] = replace(egi, attributes={**egi.attributes, "enabled": False})
    found = clouds.promote()
    assert told(found.contrast.unintended) == ["update identity_provider egi enabled"]
    assert "update identity_provider egi authorization_ttl issuers" in told(found.contrast.intended)


def test_what_stays_behind_at_the_second_is_named(clouds: Clouds):
    """A project that p3idp made there once and that no policy names any more: p3idp deletes none."""
    clouds.keystones["production"].put(Resource(Kind.PROJECT, ("egi", "old"), {}, "test-site"))
    assert told(clouds.promote().contrast.unintended) == ["create project old@egi"]


def test_what_is_not_p3idps_is_no_difference(clouds: Clouds):
    clouds.keystones["production"].put(Resource(Kind.PROJECT, ("egi", "theirs"), {}))
    clouds.keystones["alt-1"].put(Resource(Kind.GROUP, ("egi", "somebodys"), {}, "another-policy"))
    assert clouds.promote().contrast.unintended == ()


def test_nothing_is_promoted_that_nobody_applied(tmp_path: Path):
    with pytest.raises(PromotionImpossible, match="Nothing of the policy test-site was applied at https://alt-1/v3"):
        Clouds(tmp_path).promote()


def test_nothing_is_promoted_that_failed(clouds: Clouds, monkeypatch: pytest.MonkeyPatch):
    clouds.files.change(ACCESS, "[member]", "[member, reader]")
    clouds.commit()
    with monkeypatch.context() as broken:
        broken.setattr(MemoryKeystone, "write", lambda self, change: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            clouds.apply("alt-1")
    with pytest.raises(PromotionImpossible, match="did not end well"):
        clouds.promote()


def test_a_policy_that_says_nothing_of_the_second_is_not_promoted_to_it(clouds: Clouds):
    clouds.files.write("environments/staging.yaml", "{}\n")
    clouds.keystones["staging"] = MemoryKeystone(url="https://staging/v3")
    with pytest.raises(PromotionImpossible, match=r"there is no staging\.yaml"):
        promote(clouds.at("alt-1"), clouds.at("staging"), NOW)


def test_an_older_policy_is_not_promoted_over_a_newer_one(clouds: Clouds):
    """Production is ahead of alt-1, where somebody applied a hot fix first."""
    clouds.files.change(ACCESS, "[member]", "[member, reader]")
    newer = clouds.commit()
    clouds.apply("production")
    found = {finding.name: finding for finding in clouds.promote().planned.plan.findings}
    assert newer[:12] in found["stale-checkout"].message
    assert not found["stale-checkout"].acceptable
    clouds.repository.head = next(iter(clouds.repository.commits))
    clouds.files.change(ACCESS, "[member, reader]", "[member]")
    with pytest.raises(StaleCheckout):
        clouds.apply("production")


def test_both_histories_tell_environment_and_commit(clouds: Clouds):
    clouds.apply("production")
    entries = clouds.at("production").past().latest(10)
    assert [(e.begun.environment, e.begun.target, e.begun.commit.id) for e in entries] == [
        (name, f"https://{name}/v3", clouds.repository.head) for name in ("production", "alt-1")
    ]

"""The ledger's records: one text for one event, and a chain in which every change shows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from p3idp.core.audit.chain import START, Head, LedgerRecord, seal, verify_chain
from p3idp.core.audit.event import Actor, AuditEvent, Outcome, as_cadf, canonical

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
EVENT = AuditEvent("authenticate/login", Outcome.SUCCESS, Actor("egi", "alice@egi.eu"), ("service", "p3idp"), AT)


def chain(length: int = 5) -> list[LedgerRecord]:
    records: list[LedgerRecord] = []
    for number in range(1, length + 1):
        text = as_cadf(EVENT, f"w/{number}", "w")
        records.append(seal("w", number, text, records[-1].digest if records else START))
    return records


def head(records: list[LedgerRecord]) -> Head:
    return Head("w", len(records), records[-1].digest)


def test_a_whole_chain_holds():
    assert verify_chain("w", chain(), head(chain())) is None
    assert verify_chain("w", [], Head("w", 0, START)) is None


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("field", ["event", "previous", "digest"])
def test_any_changed_character_is_found_at_its_record(number, field):
    records = chain()
    text = getattr(records[number], field)
    for place in (0, len(text) // 2, len(text) - 1):
        changed = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
        broken = [*records[:number], replace(records[number], **{field: changed}), *records[number + 1 :]]
        assert verify_chain("w", broken, head(records)).sequence == number + 1


def test_a_record_sealed_anew_does_not_pass_by_patching_its_successors_pointer():
    records = chain()
    forged = seal("w", 3, records[2].event.replace("alice", "mallory"), records[1].digest)
    patched = [*records[:2], forged, replace(records[3], previous=forged.digest), records[4]]
    assert verify_chain("w", patched, head(records)).sequence == 4


def test_a_missing_record_is_found():
    records = chain()
    assert verify_chain("w", [*records[:2], *records[3:]], head(records)).what == "record 3 is missing"


def test_a_missing_end_is_found_by_the_kept_head():
    records = chain()
    assert verify_chain("w", records[:3], head(records)).what == "records after 3 are missing"


def test_an_end_cut_off_together_with_its_head_is_found_by_a_head_written_down_earlier():
    records = chain()
    assert verify_chain("w", records[:3], head(records[:3])) is None
    assert verify_chain("w", records[:3], head(records[:3]), known=head(records)) is not None
    assert verify_chain("w", records, head(records), known=head(records[:3])) is None


def test_a_chain_forged_anew_is_found_by_a_head_written_down_earlier():
    forged = [seal("w", 1, as_cadf(replace(EVENT, action="x"), "w/1", "w"), START)]
    assert verify_chain("w", forged, head(forged)) is None
    assert verify_chain("w", forged, head(forged), known=head(chain(1))).what.startswith("record 1 is not the one")


def test_records_beyond_the_kept_head_are_found():
    records = chain()
    assert verify_chain("w", records, head(records[:4])) is not None


def test_one_event_has_one_text_whatever_its_offset():
    elsewhere = replace(EVENT, at=AT.astimezone(timezone(timedelta(hours=9))))
    assert as_cadf(elsewhere, "w/1", "w") == as_cadf(EVENT, "w/1", "w")
    assert canonical({"b": [1, "ž"], "a": None}) == '{"a":null,"b":[1,"ž"]}'


@pytest.mark.parametrize("value", [1.5, {"a": [{"b": 0.0}]}, float("nan")])
def test_a_record_holds_no_floats(value):
    with pytest.raises(TypeError):
        canonical(value)

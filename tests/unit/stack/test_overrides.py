from __future__ import annotations

import json

import boto3
import pytest

from desk.stack.overrides import Documents, OverridesStore, read_document, read_pairs
from repeg.domain.models import to_json
from repeg.domain.settings import Settings
from repeg.errors import ConfigurationError

DEFAULTS = to_json(Settings())


def changed(*pairs: str, before: str | None = None) -> dict[str, object]:
    document = json.loads(Documents(DEFAULTS, before).changed(read_pairs(list(pairs))))
    assert isinstance(document, dict)
    return document


def test_words_become_settings_in_the_form_that_the_defaults_have() -> None:
    assert changed("max_repegs=3", "enabled=false", "aggressive_timeout_seconds=1.50", "execution_mode=STANDARD") == {
        "max_repegs": 3,
        "enabled": False,
        "aggressive_timeout_seconds": "1.5",
        "execution_mode": "STANDARD",
    }
    assert changed("leveraged_etfs=TQQQ,SOXL") == {"leveraged_etfs": ["SOXL", "TQQQ"]}


def test_earlier_overrides_stay_and_later_ones_win() -> None:
    before = '{"max_repegs": 3, "enabled": false}'
    assert changed("max_repegs=4", before=before) == {"max_repegs": 4, "enabled": False}


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("max_repegs=-1", "max_repegs: must be greater than or equal to 0"),
        ("max_repegs=2.5", "max_repegs: "),
        ("colour=red", "colour: there is no such setting"),
        ("execution_mode=FAST", "execution_mode: must be 'AUTO'"),
        ("leveraged_etfs=tqqq", "leveraged_etfs: 'tqqq' is not a symbol"),
        ("max_slippage_bps=NaN", "max_slippage_bps: "),
        ("max_repegs", "max_repegs: KEY=VALUE is needed"),
    ],
)
def test_a_bad_setting_is_named(pair: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as problem:
        changed(pair)
    assert words in str(problem.value)
    assert "\n" not in str(problem.value)


def test_a_document_over_four_kilobytes_is_refused() -> None:
    many = ",".join(
        f"A{letter}{other}XYZ" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for other in "ABCDEFGHIJKLMNOPQRST"
    )
    with pytest.raises(ConfigurationError, match="4096 bytes"):
        changed(f"leveraged_etfs={many}")


def test_only_an_object_can_be_loaded() -> None:
    assert read_document('{"max_repegs": 1}') == {"max_repegs": 1}
    for text in ("[]", "{", "5"):
        with pytest.raises(ConfigurationError):
            read_document(text)


def test_overrides_are_written_read_and_removed(aws: None) -> None:
    ssm = boto3.client("ssm")
    store = OverridesStore(ssm, "/repeg/settings/defaults", "/repeg/settings/overrides")
    with pytest.raises(ConfigurationError, match="deploy it again"):
        store.read()
    ssm.put_parameter(Name="/repeg/settings/defaults", Value=DEFAULTS, Type="String")
    assert store.read().overridden() == {}
    store.write(store.read().changed({"max_repegs": "3"}))
    store.write(store.read().changed({"enabled": "false"}))
    assert store.read().overridden() == {"max_repegs": 3, "enabled": False}
    assert store.read().in_force()["max_repegs"] == 3
    store.delete()
    store.delete()
    assert store.read().overrides is None
    assert store.read().in_force() == Documents(DEFAULTS, None).in_force()

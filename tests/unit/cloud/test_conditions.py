from __future__ import annotations

import pytest

from desk.cloud.conditions import is_made
from desk.cloud.rehearsal import shown
from desk.deployment.credentials import changes
from tests.support.stack import load_template


@pytest.mark.parametrize(("mail", "made"), [("", False), ("me@example.com", True)])
def test_alerts_are_mailed_only_where_somebody_is_named(mail: str, made: bool) -> None:
    assert is_made("AlertsByMail", load_template(), {"AlertEmail": mail}) is made
    assert is_made("Table", load_template(), {"AlertEmail": mail}), "it has no condition"


@pytest.mark.parametrize(
    ("mode", "arch", "made"), [("live", "arm64", True), ("live", "x86", False), ("", "x86", False)]
)
def test_conditions_may_be_made_of_others(mode: str, arch: str, made: bool) -> None:
    template = {
        "Resources": {"It": {"Condition": "Both"}},
        "Conditions": {
            "Live": {"Fn::Equals": [{"Ref": "Mode"}, "live"]},
            "Arm": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Arch"}, "x86"]}]},
            "Both": {"Fn::And": [{"Condition": "Live"}, {"Fn::Or": [{"Condition": "Arm"}]}]},
        },
    }
    assert is_made("It", template, {"Mode": mode, "Arch": arch}) is made


def test_a_rehearsal_shows_of_a_secret_only_that_it_is_given() -> None:
    given = {"AlertWebhook": "https://hooks.slack.com/services/T/B/x", "AlertEmail": "me@example.com"}
    assert shown(given, load_template()) == {"AlertWebhook": "****", "AlertEmail": "me@example.com"}
    assert shown({"AlertWebhook": ""}, load_template()) == {"AlertWebhook": ""}
    assert changes({"AlertWebhook": "****"}, shown(given, load_template())) == {}

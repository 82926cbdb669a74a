"""What a deployment may be given: the lock on live trading, where keys go, who is mailed."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.support.stack import ROOT, defaults, evaluate, load_template, resources

TEMPLATE = load_template()
FUNCTIONS = resources(TEMPLATE, "AWS::Serverless::Function")
DEFAULTS = defaults(TEMPLATE)


def refusals(**parameters: str) -> list[str]:
    """What CloudFormation would say to these parameters."""
    said: list[str] = []
    for rule in TEMPLATE["Rules"].values():
        given = {**DEFAULTS, **parameters}
        if evaluate(rule["RuleCondition"], given):
            said += [item["AssertDescription"] for item in rule["Assertions"] if not evaluate(item["Assert"], given)]
    return said


LIVE = {"TradingMode": "live", "ConfirmLiveTrading": "yes-trade-real-money", "AccountNumber": "123456789"}


def test_live_trading_can_be_unlocked() -> None:
    assert not refusals(**LIVE)


@pytest.mark.parametrize(
    ("change", "mentioned"),
    [
        ({"ConfirmLiveTrading": ""}, "ConfirmLiveTrading"),
        ({"ConfirmLiveTrading": "yes"}, "ConfirmLiveTrading"),
        ({"AccountNumber": ""}, "AccountNumber"),
        ({"BrokerUrl": "http://127.0.0.1:4567"}, "BrokerUrl"),
        ({"DataUrl": "http://127.0.0.1:4567"}, "DataUrl"),
        ({"ClockSpeed": "5"}, "ClockSpeed"),
    ],
)
def test_live_trading_is_refused_unless_all_of_it_is_meant(change: dict[str, str], mentioned: str) -> None:
    (said,) = refusals(**{**LIVE, **change})
    assert mentioned in said


def test_paper_trading_needs_no_unlocking() -> None:
    assert not refusals()
    assert not refusals(BrokerUrl="http://127.0.0.1:4567", ClockSpeed="20")


def taken(parameter: str, value: str) -> bool:
    """Whether CloudFormation takes the value of a parameter: all of it has to match."""
    return re.fullmatch(TEMPLATE["Parameters"][parameter]["AllowedPattern"], value) is not None


@pytest.mark.parametrize("parameter", ["BrokerUrl", "DataUrl"])
def test_keys_go_over_the_network_encrypted_only(parameter: str) -> None:
    for url in ("", "https://paper-api.alpaca.markets", "https://broker.example.com:8443/v2", "http://127.0.0.1:4567"):
        assert taken(parameter, url), url
    for url in ("http://localhost:4567/", "http://[::1]:4567", "http://127.8.8.8"):
        assert taken(parameter, url), url
    refused = (
        "http://paper-api.alpaca.markets http://10.0.0.5:4567 http://127.0.0.1.example.com http://localhost.example"
    )
    refused += " http://127.0.0.1:80@example.com https://user:word@example.com ftp://127.0.0.1 paper-api.alpaca.markets"
    for url in (*refused.split(), "https://", " ", "http://"):
        assert not taken(parameter, url), url


def test_alerts_are_mailed_to_whom_the_deployment_names() -> None:
    assert taken("AlertEmail", "") and taken("AlertEmail", "me+repeg@example.com")
    assert not taken("AlertEmail", "me") and not taken("AlertEmail", "me@example.com you@example.com")
    mailed = TEMPLATE["Conditions"]["AlertsAreMailed"]
    assert not evaluate(mailed, DEFAULTS) and evaluate(mailed, {**DEFAULTS, "AlertEmail": "me@example.com"})
    [subscription] = resources(TEMPLATE, "AWS::SNS::Subscription").values()
    assert (subscription["TopicArn"], subscription["Endpoint"]) == ({"Ref": "Alerts"}, {"Ref": "AlertEmail"})
    assert TEMPLATE["Resources"]["AlertsByMail"]["Condition"] == "AlertsAreMailed"


def test_samconfig_is_paper_by_default_and_live_is_not_confirmed() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())

    def parameters(section: str) -> dict[str, str]:
        given = config[section]["deploy"]["parameters"]["parameter_overrides"]
        return dict(pair.split("=") for pair in given.split())

    assert parameters("default")["TradingMode"] == "paper"
    assert len(refusals(**parameters("live"))) == 2

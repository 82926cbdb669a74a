"""Which requests the blotter answers: those of its own page."""

from __future__ import annotations

import pytest

from desk.blotter.door import HEADERS, new_key, opens, refused

HOST = "127.0.0.1:8787"
OURS = {"Host": HOST, "Origin": f"http://{HOST}", "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize("host", [HOST, "localhost:9000", "127.0.0.1"])
def test_the_page_itself_is_answered_through_a_tunnel_too(host: str) -> None:
    assert refused("GET", {"Host": host}) is None
    assert refused("POST", OURS | {"Host": host, "Origin": f"http://{host}"}) is None


@pytest.mark.parametrize("host", ["", "evil.example:8787", "127.0.0.1.evil.example", "[::1", "0.0.0.0:8787", "repeg"])
def test_a_name_of_somebody_else_that_points_here_is_refused(host: str) -> None:
    assert refused("GET", {"Host": host})
    assert refused("POST", OURS | {"Host": host, "Origin": f"http://{host}"})


@pytest.mark.parametrize(
    "changes",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8787"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": f"https://{HOST}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
def test_what_another_page_sends_changes_nothing(changes: dict[str, str]) -> None:
    assert refused("POST", OURS | changes)


def test_what_changes_anything_names_its_origin() -> None:
    assert refused("POST", {name: value for name, value in OURS.items() if name != "Origin"})


@pytest.mark.parametrize(("mode", "answered"), [("navigate", True), ("no-cors", False), ("cors", False)])
def test_other_sites_may_link_to_the_page_and_load_nothing_of_it(mode: str, answered: bool) -> None:
    shown = {"Host": HOST, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
    assert (refused("GET", shown) is None) is answered


def test_only_the_key_of_this_run_opens() -> None:
    key = new_key()
    assert opens(key, key)
    assert not any(opens(other, key) for other in (None, "", key[:-1], key + "x", new_key(), "ключ"))


def test_the_page_runs_nothing_and_asks_nothing_from_elsewhere() -> None:
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "img-src")} == {"'self'"}
    assert policy["frame-ancestors"] == "'none'"
    assert HEADERS["Cross-Origin-Resource-Policy"] == "same-origin"

"""The key pair: is the secret there, is it filled in, and does the broker take it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from desk.doctor.aws_trouble import AwsError, error_code
from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.words import aws, repeg, seconds_of
from desk.stack.connection import Connection
from repeg.domain.patience import KEYS_SECONDS

KEYS = "keys"

_PLACEHOLDER = re.compile(
    r"[.x*_-]+|<.*>|\$\{.*|(my|your)[\W_].*|.*\.\.\..*|\w*change.?me|\w*placeholder|(api|alpaca)?.?key(.id)?", re.I
)
_LIVE_KEY, _PAPER_KEY = re.compile("AK[A-Z0-9]{12,}"), re.compile("PK[A-Z0-9]{12,}")


@dataclass(frozen=True)
class Keys:
    """A key pair that looks like one."""

    key_id: str
    secret_key: str = field(repr=False)
    put_in_at: datetime | None = None
    """When it came into the secret in place of another one; None: long ago, or it is the first."""

    @property
    def shown(self) -> str:
        """Enough of the key id to know it again."""
        return f"{self.key_id[:4]}..." if len(self.key_id) > 8 else self.key_id

    def misfit(self, mode: str) -> str:
        """A remark if Alpaca gives out such a key for the other mode only."""
        if mode == "paper" and _LIVE_KEY.fullmatch(self.key_id):
            return "; AK... is a key of a live account, the stack trades on paper"
        if mode == "live" and _PAPER_KEY.fullmatch(self.key_id):
            return "; PK... is a key of a paper account, the stack trades live"
        return ""


def fill_in(connection: Connection) -> str:
    """How to put a key pair into the secret. The simulated exchange takes any, unless its settings name one."""
    put = repeg(connection, "keys set")
    return f"""echo '{{"key_id": "LOCAL", "secret_key": "local"}}' | {put}""" if connection.is_local else put


def old_ones(keys: Keys, now: datetime) -> str:
    """A remark while functions may still go by the keys that these took the place of."""
    if keys.put_in_at is None:
        return ""
    ago = now - keys.put_in_at
    left = timedelta(seconds=KEYS_SECONDS) - ago
    if left <= timedelta(0):
        return ""
    return f"; put in {seconds_of(ago)} ago: for {seconds_of(left)} more a function may still go by those before"


def read_keys(case: Case) -> Keys:
    """The pair in the secret, well-formed."""
    connection = case.connection
    name = secret_name(connection.secret_id)
    try:
        answer = connection.secretsmanager.get_secret_value(SecretId=connection.secret_id)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            if "staging label" in str(error):
                raise Trouble(KEYS, f"the secret {name} is empty", fill_in(connection)) from None
            mend = "deploy under another stack name: CloudFormation brings no secret back that was deleted by hand"
            raise Trouble(KEYS, f"the secret {name} does not exist", mend) from None
        if error_code(error) == "InvalidRequestException":
            restore = aws(connection, f"secretsmanager restore-secret --secret-id {name}")
            raise Trouble(KEYS, f"the secret {name} is marked for deletion", restore) from None
        raise
    problem, keys = _pair(answer.get("SecretString", ""))
    if keys is None:
        raise Trouble(KEYS, f"the secret {name} {problem}", fill_in(connection))
    return replace(keys, put_in_at=_put_in_at(case, answer))


def _put_in_at(case: Case, answer: dict[str, Any]) -> datetime | None:
    """Asked only of a pair that is new: whether there was one before it."""
    at: datetime | None = answer.get("CreatedDate")
    if at is None or abs(case.wall() - at) > timedelta(seconds=KEYS_SECONDS):
        return None
    try:
        told = case.connection.secretsmanager.describe_secret(SecretId=case.connection.secret_id)
    except AwsError:  # who may not ask for it can still see the rest
        return None
    return at if any("AWSPREVIOUS" in stages for stages in told.get("VersionIdsToStages", {}).values()) else None


def secret_name(secret_id: str) -> str:
    """The name of a secret in its ARN, without the six letters that AWS appends."""
    name = secret_id.partition(":secret:")[2]
    return re.sub(r"-\w{6}$", "", name) if name else secret_id


def _pair(text: str) -> tuple[str, Keys | None]:
    document = _json(text)
    if document is None:
        return "is not JSON" if text.strip() else "is empty", None
    if not isinstance(document, dict) or not {"key_id", "secret_key"} <= set(document):
        return 'is not of the form {"key_id": "...", "secret_key": "..."}', None
    key_id, secret_key = document["key_id"], document["secret_key"]
    for name, value in (("key_id", key_id), ("secret_key", secret_key)):
        problem = _problem(value)
        if problem:
            return f"{problem} in {name}", None
    if _LIVE_KEY.fullmatch(secret_key) or _PAPER_KEY.fullmatch(secret_key):
        return "has the key id where the secret key belongs; are the two swapped?", None
    return "", Keys(key_id, secret_key)


def _problem(value: Any) -> str:
    if not isinstance(value, str):
        return "has something that is not text"
    if not value:
        return "is not filled in: there is nothing"
    if _PLACEHOLDER.fullmatch(value):
        return "is not filled in: there is a placeholder"
    if not value.isascii() or not value.isprintable() or " " in value:
        return "has a blank, a line break or another character that no key has"
    return ""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None

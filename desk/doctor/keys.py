"""The key pair: is the secret there, is it filled in, and does the broker take it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from desk.doctor.aws_trouble import error_code
from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.words import START_AFRESH, aws, repeg
from desk.stack.connection import Connection

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
    """How to put a key pair into the secret."""
    return START_AFRESH if connection.is_local else repeg(connection, "keys set")


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
    return keys


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

"""`repeg webhook`: where signals come in by HTTP, and the secret that opens it."""

from __future__ import annotations

from typing import Annotated

import typer

from desk.cli.options import AsJson, StackName
from desk.cli.output import fail, print_json, tell

_LETTERS = 48


def webhook(
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help="Exchange the secret; the old one opens nothing half a minute later.")
    ] = False,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Show the URL that takes signals by HTTP, and its secret. Off until the deployment says SignalWebhook=on."""
    from desk.cli.reaching import reaching

    with reaching(stack) as connection:
        url, name = (connection.outputs.get(output) for output in ("WebhookUrl", "WebhookSecretId"))
        if url is None or name is None:
            fail("no signals are taken by HTTP: deploy with SignalWebhook=on (docs/deploy.md#signals-by-webhook)")
        if new_secret:
            connection.secretsmanager.put_secret_value(SecretId=name, SecretString=_made())
        secret = str(connection.secretsmanager.get_secret_value(SecretId=name)["SecretString"])
    if as_json:
        print_json({"url": url, "secret": secret})
        return
    print(f"url     {url}")
    print(f"secret  {secret}")
    tell('POST a signal there with "secret" among its fields; who has both may trade: show them to nobody')


def _made() -> str:
    from secrets import choice
    from string import ascii_letters, digits

    return "".join(choice(ascii_letters + digits) for _ in range(_LETTERS))

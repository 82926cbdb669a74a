"""What it means when AWS, or the emulator in its place, refuses or does not answer."""

from __future__ import annotations

from botocore import exceptions as botocore

from desk.doctor.words import SET_CLOCK, start_afresh

AwsError = (botocore.BotoCoreError, botocore.ClientError)

_NO_KEYS = (botocore.NoCredentialsError, botocore.PartialCredentialsError, botocore.CredentialRetrievalError)
_LOGIN = (botocore.SSOError, botocore.TokenRetrievalError)
_NO_ANSWER = (botocore.HTTPClientError, botocore.ConnectionError)
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_BAD_KEYS = {"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure"}
_BAD_TIME = {"RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch"}
_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}
_SLOW_DOWN = {"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"}


def explain(error: Exception, *, local: bool) -> tuple[str, str]:
    """What is wrong, and the mend."""
    if isinstance(error, botocore.ClientError):
        return _refused(error)
    if isinstance(error, botocore.NoRegionError):
        return "this shell names no AWS region", "export AWS_DEFAULT_REGION=us-east-1 (the region of the stack)"
    if isinstance(error, botocore.ProfileNotFound):
        return str(error), "aws configure list-profiles, then export AWS_PROFILE=<one of them>"
    if isinstance(error, _LOGIN):
        return f"the AWS login is over: {error}", "aws sso login"
    if isinstance(error, botocore.LoginError):
        return f"the AWS login is over: {error}", "aws login"
    if isinstance(error, _NO_KEYS):
        return "this shell has no AWS credentials", "aws configure (or export AWS_PROFILE=<profile>)"
    if isinstance(error, _NO_ANSWER):
        if local:
            return f"the local cloud does not answer: {error}", start_afresh()
        return f"AWS does not answer: {error}", "check this machine's network, then repeg doctor"
    return f"{type(error).__name__}: {error}", "fix what the message says, then repeg doctor"


def _refused(error: botocore.ClientError) -> tuple[str, str]:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if code in _EXPIRED:
        return "the AWS credentials of this shell have expired", "aws sso login (or renew the session's keys)"
    if code in _BAD_KEYS:
        return f"AWS does not know this shell's credentials: {message}", "aws configure"
    if code in _BAD_TIME:
        return (
            f"AWS refuses the request's signature, mostly a wrong clock or secret key: {message}",
            f"{SET_CLOCK}, then aws sts get-caller-identity",
        )
    if code in _DENIED:
        return f"AWS does not allow {error.operation_name}", f"allow this identity {error.operation_name}: {message}"
    if code in _SLOW_DOWN:
        return f"AWS throttles {error.operation_name}", "repeg doctor again in a minute"
    return f"{error.operation_name}: {code}: {message}", "fix what the message says, then repeg doctor"


def error_code(error: Exception) -> str:
    """AWS's code of a refusal, else empty."""
    return str(error.response["Error"].get("Code", "")) if isinstance(error, botocore.ClientError) else ""

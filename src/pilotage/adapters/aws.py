"""Calls of AWS by its own library, botocore: its chain finds credentials and region, and answers become plain JSON.

A call has a deadline of its own, and tries again until then where AWS throttles or is away for a moment. Looks that AWS
throttles wait longer from time to time, so that the calls that lead users back find room.
"""

from __future__ import annotations

import math
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from pilotage.adapters.extras import installing
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json, JsonObject, find

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.session import Session

T = TypeVar("T")

_CONNECT, _READ = 2.0, 4.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
_LONGEST_QUIET = 8.0
_RECENT = 3.0
"""Seconds for which an answer says enough of the present."""
_THROTTLED = re.compile(r"Throttl|RequestLimitExceeded|TooManyRequests|SlowDown|LimitExceededException")
_AWAY = re.compile(r"ServiceUnavailable|InternalFailure|InternalError|InternalServer")
_DENIED = re.compile(r"AccessDenied|UnauthorizedOperation|NotAuthorized")
_EXPIRED = re.compile(
    r"ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|InvalidSignature|AuthFailure"
)
_SIGNED = re.compile(r"The Canonical String|The String-to-Sign|x-amz-security-token", re.IGNORECASE)
_ACTION = re.compile(r"perform: ([a-z0-9-]+:[A-Za-z]+)")
_MOST_WORDS = 300

_lock = threading.Lock()
_sessions: dict[Access, Session] = {}
_clients: dict[tuple[Access, str], BaseClient] = {}

IAM_NAMES = {"elbv2": "elasticloadbalancing", "cloudwatch": "cloudwatch", "ec2": "ec2", "sts": "sts"}
"""A service's name in policies, by its name in the library."""


class Refused(AdapterError):
    """AWS refused a call. reason: its code, such as TargetGroupNotFound."""

    code = "aws-refused"
    reason = ""


class NotAccepted(Refused):
    """AWS does not accept the credentials: they expired, or were taken back."""

    code = "aws-credentials"


class NotAllowed(Refused):
    """The credentials lack a permission. action: such as elasticloadbalancing:ModifyRule."""

    code = "aws-not-allowed"
    action = ""


class Throttled(AdapterError):
    """AWS limits how often it may be called, and did so until the call's deadline."""

    code = "aws-throttled"


class Recent:
    """The last answers of looks, for the seconds in which AWS throttles the next ones."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, object]] = {}

    def of(self, what: str, ask: Callable[[], T]) -> T:
        """The answer now, or a recent one where AWS throttles. Raises what `ask` raises."""
        try:
            answer = ask()
        except Throttled:
            at, known = self._known.get(what, (-math.inf, None))
            if time.monotonic() - at > _RECENT:
                raise
            return cast("T", known)
        self._known[what] = time.monotonic(), answer
        return answer

    def forget(self) -> None:
        """Something was changed."""
        self._known.clear()


@dataclass(frozen=True, kw_only=True)
class Access:
    """Whose credentials, and where. Empty for what the library's own chain says."""

    region: str = ""
    profile: str = ""
    role: str = ""
    """ARN of a role to assume with those credentials."""


class Aws:
    """A connection to AWS. It calls nothing before the first `call`."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._quiet_until, self._quiet = 0.0, 0.0

    def call(
        self,
        service: str,
        operation: str,
        arguments: JsonObject | None = None,
        *,
        within: float = 3.0,
        before: Callable[[], None] | None = None,
        look: bool = False,
    ) -> JsonObject:
        """What AWS answers. operation: such as describe_rules · within: seconds · before: called before each try,
        such as a fence's check · look: whether it may be left out while AWS throttles. Raises AdapterError."""
        until = time.monotonic() + within
        if look and time.monotonic() < self._quiet_until:
            raise Throttled("AWS limits how often it may be called, so Pilotage looks less often for some seconds")
        client, pause, is_anew = _client(self.access, service), _FIRST_PAUSE, False
        while True:
            if before is not None:
                before()
            try:
                answer = getattr(client, operation)(**(arguments or {}))
            except Exception as error:
                failed = _told(error, service, str(client.meta.method_to_api_mapping.get(operation, operation)))
            else:
                self._quiet, self._quiet_until = 0.0, 0.0
                return cast("JsonObject", _plain(answer))
            if isinstance(failed, NotAccepted):
                # Somebody may have renewed them in their file, which the library reads once.
                _forget(self.access)
                if not is_anew:
                    client, is_anew = _client(self.access, service), True
                    continue
            if isinstance(failed, Throttled) and look:
                self._quiet = min(_LONGEST_QUIET, max(0.5, self._quiet * 2))
                self._quiet_until = time.monotonic() + self._quiet
            # A look comes again by itself.
            again = _again(failed, operation) and not look
            rest = until - time.monotonic()
            if not again or rest < pause:
                raise failed
            # Many who were refused at once do not come again at once.
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(_LONGEST_PAUSE, pause * 2)


def forget() -> None:
    """Read credentials and endpoints again at the next call."""
    with _lock:
        _sessions.clear()
        _clients.clear()


def _forget(access: Access) -> None:
    with _lock:
        _sessions.pop(access, None)
        for known in [key for key in _clients if key[0] == access]:
            del _clients[known]


def _client(access: Access, service: str) -> BaseClient:
    """Made once in a process: the library reads a large description of the service for each."""
    with _lock:
        if access not in _sessions:
            _sessions[access] = _session_of(access)
        if (access, service) not in _clients:
            _clients[access, service] = _client_of(_sessions[access], service, access)
        return _clients[access, service]


def _session_of(access: Access) -> Session:
    try:
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session
    except ImportError:
        raise AdapterError("the library for AWS is not installed", cure=installing("aws")) from None
    try:
        session = Session(profile=access.profile or None)
        if access.role:
            _assume(session, access)
        return session
    except BotoCoreError as error:
        raise AdapterError(f"AWS: {error}") from None


def _assume(session: Session, access: Access) -> None:
    """Let the session act as this role, with credentials that renew themselves."""
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    source = session.get_credentials()
    if source is None:
        raise AdapterError(f"no AWS credentials were found to assume {access.role} with", cure=_CHAIN)
    client = partial(session.create_client, region_name=access.region or None)
    fetcher = AssumeRoleCredentialFetcher(client, source, access.role, extra_args={"RoleSessionName": "pilotage"})
    assumed = DeferredRefreshableCredentials(method="assume-role", refresh_using=fetcher.fetch_credentials)
    session._credentials = assumed  # type: ignore[attr-defined]  # the one way in, which its own resolvers use


_CHAIN = "set AWS_PROFILE, AWS_ACCESS_KEY_ID or the role of this machine, as for the AWS command line"


def _client_of(session: Session, service: str, access: Access) -> BaseClient:
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    limits = Config(
        connect_timeout=_CONNECT, read_timeout=_READ, retries={"total_max_attempts": 1}, user_agent_extra="pilotage"
    )
    try:
        return session.create_client(service, region_name=access.region or None, config=limits)
    except BotoCoreError as error:
        cure = "set region: in pilotage.yaml, or AWS_REGION" if "region" in str(error) else ""
        raise AdapterError(f"AWS: {error}", cure=cure) from None


def _told(error: Exception, service: str, operation: str) -> AdapterError:
    """The error that people see. Raises what is no error of AWS."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
    from botocore.parsers import ResponseParserError

    if isinstance(error, AdapterError):
        return error
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return NotAccepted("no AWS credentials were found", cure=_CHAIN)
    if isinstance(error, ClientError):
        return _refused(error.response, service, operation)
    if isinstance(error, ResponseParserError):
        return _Away(f"AWS answers {operation} with something else than it should")
    if isinstance(error, BotoCoreError):
        return _Away(f"AWS does not answer {operation}: {_bounded(str(error))}")
    raise error


class _Away(AdapterError):
    """AWS did not answer, or had trouble of its own."""

    code = "aws-away"


def _refused(answer: object, service: str, operation: str) -> AdapterError:
    code, said = str(find(answer, "Error", "Code")), _bounded(str(find(answer, "Error", "Message")))
    if _THROTTLED.search(code):
        return Throttled(f"AWS limits how often {operation} may be called: {said}")
    if _DENIED.search(code):
        named = _ACTION.search(said)
        action = named[1] if named else f"{IAM_NAMES.get(service, service)}:{operation}"
        denied = NotAllowed(f"the AWS credentials may not call {action}", cure="allow it in the IAM policy")
        denied.reason, denied.action = code, action
        return denied
    status = find(answer, "ResponseMetadata", "HTTPStatusCode")
    if _AWAY.search(code) or (isinstance(status, int) and status >= 500):
        return _Away(f"AWS failed at {operation}: {said}")
    if _EXPIRED.search(code):
        # What follows repeats the signed request, with the session's token.
        told = _SIGNED.split(said)[0].strip()
        return NotAccepted(f"AWS does not accept the credentials ({code}): {told}", cure=_CHAIN)
    refused = Refused(f"AWS refused {operation}: {said} ({code})")
    refused.reason = code
    return refused


def _again(failed: AdapterError, operation: str) -> bool:
    """Whether another try may help. What may have been created is looked for before it is created again."""
    return isinstance(failed, Throttled) or (isinstance(failed, _Away) and not operation.startswith("create"))


def _plain(answer: object) -> Json:
    """Plain JSON: moments become Unix seconds."""
    if isinstance(answer, Mapping):
        return {str(key): _plain(value) for key, value in answer.items() if key != "ResponseMetadata"}
    if isinstance(answer, list | tuple):
        return [_plain(value) for value in answer]
    if isinstance(answer, datetime):
        return answer.timestamp()
    return cast("Json", answer)


def _bounded(text: str) -> str:
    """Words of others, on one line and not too many."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_MOST_WORDS]

"""Requests to NCBI Datasets, at the pace it allows and again while a fault may pass.

Source: NCBI Datasets, REST interface, version 2 (https://www.ncbi.nlm.nih.gov/datasets/docs/v2/api/rest-api/).
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, TypeVar

import requests
import tenacity

from genelm.storage import ServerError

from .ncbi_package import PackageError

log = logging.getLogger(__name__)

NCBI_URL = "https://api.ncbi.nlm.nih.gov/datasets/v2"

Answer = TypeVar("Answer")


@dataclass
class NcbiServer:
    """The server that genes are asked for at, and how patiently.

    Args:
        url: base of the REST interface; the environment variable NCBI_DATASETS_URL names another one.
        api_key: raises NCBI's limit from 3 to 10 requests a second.
        attempts: how often one request is made before it is given up.
        first_wait: seconds after the first failure, twice as many after each further one, up to a minute.
        timeout: seconds without a byte after which a request has failed.
        at_once: requests under way at the same time.
    """

    url: str = field(default_factory=lambda: os.environ.get("NCBI_DATASETS_URL", NCBI_URL))
    api_key: str | None = field(default_factory=lambda: os.environ.get("NCBI_API_KEY"))
    attempts: int = 8
    first_wait: float = 1.0
    timeout: float = 60.0
    at_once: int = 4

    def __post_init__(self) -> None:
        self._pace = _Pace(10 if self.api_key else 3)

    def post(self, path: str, body: dict[str, Any], use: Callable[[requests.Response], Answer], what: str) -> Answer:
        """Make a request, again and again while the fault may pass, and use its answer.

        Args:
            path: path of the resource below `url`.
            body: sent as JSON.
            use: what to do with the answer; a PackageError in it counts as a fault that may pass.
            what: what is asked for, in the words of an error.

        Returns:
            What `use` returns.

        Raises:
            ServerError: the server refused, or the attempts are used up.
        """
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.attempts),
            wait=self._wait,
            retry=tenacity.retry_if_exception_type((_MayPass, PackageError)),
            before_sleep=partial(self._say_what_is_waited_for, what),
            reraise=True,
        )
        try:
            return retrying(self._post_once, path, body, use, what)
        except (_MayPass, PackageError) as error:
            raise ServerError(
                f"NCBI did not give {what} in {self.attempts} attempts, the last of which ended in: {error}. What has "
                "arrived is kept; the same command goes on from there."
            ) from error

    def _post_once(
        self, path: str, body: dict[str, Any], use: Callable[[requests.Response], Answer], what: str
    ) -> Answer:
        self._pace.wait()
        headers = {"api-key": self.api_key} if self.api_key else {}
        try:
            with requests.post(
                f"{self.url}{path}", json=body, headers=headers, timeout=self.timeout, stream=True
            ) as answer:
                if answer.status_code == 429 or answer.status_code >= 500:
                    raise _MayPass(f"status {answer.status_code}", _seconds(answer.headers.get("Retry-After")))
                if answer.status_code >= 400:
                    raise Refused(f"NCBI refused {what} with status {answer.status_code}: {answer.text[:300]}")
                return use(answer)
        except (requests.RequestException, ValueError, AttributeError) as error:  # or not the JSON it should be
            raise _MayPass(_reason(error)) from error

    def _say_what_is_waited_for(self, what: str, state: tenacity.RetryCallState) -> None:
        """Log what is waited for, from the second failure on: one alone is nothing unusual."""
        if state.attempt_number > 1 and state.outcome is not None and state.next_action is not None:
            log.warning(
                f"NCBI has not given {what} ({state.outcome.exception()}); attempt {state.attempt_number + 1} of "
                f"{self.attempts} in {state.next_action.sleep:.0f} seconds."
            )

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Return the seconds to the next attempt: as many as the server asks for, and at least the growing wait."""
        backoff = tenacity.wait_random_exponential(multiplier=self.first_wait, max=60)(state)
        error = state.outcome.exception() if state.outcome is not None else None
        return max(backoff, error.wait if isinstance(error, _MayPass) else 0.0)


class Refused(ServerError):
    """The server will not answer this request however often it is made."""


class _MayPass(Exception):
    """A request failed for now. `wait` is how many seconds the server asked for."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


def _reason(error: Exception) -> str:
    """Return what an error says, without the objects of the library it comes from."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    said = str(error) if cause is None else str(cause).partition(": ")[2] or str(cause)
    return " ".join(said.split())[:200]


class _Pace:
    """Lets requests begin no closer together than the server allows."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        with self._lock:
            begin = max(self._next, time.monotonic())
            self._next = begin + self._interval
        time.sleep(max(0.0, begin - time.monotonic()))


def _seconds(retry_after: str | None) -> float:
    """Return the seconds that the header Retry-After asks for, as a number or as a date."""
    if not retry_after:
        return 0.0
    try:
        return float(retry_after)
    except ValueError:
        try:
            return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
        except ValueError:
            return 0.0

"""Retries of downloads that failed for a temporary reason."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ..errors import DownloadError

TEMPORARY_STATUSES = (408, 425, 429, 500, 502, 503, 504)
"""HTTP status codes of temporary failures."""

MAX_WAIT = 120.0
"""The maximum of seconds to wait, whatever a server asks for."""

Result = TypeVar("Result")


class TemporaryError(Exception):
    """A temporary failure: another attempt may succeed.

    Args:
        reason: What happened, as part of a sentence.
        wait: Seconds that the server asks to wait; None if it does not say.

    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how soon a download is retried.

    Attributes:
        tries: Consecutive attempts without new data before giving up.
        pause: Seconds before the first retry; doubled for each further one.

    """

    tries: int
    pause: float

    def run(self, attempt: Callable[[], Result], arrived: Callable[[], int], url: str) -> Result:
        """Call a function until it succeeds.

        Args:
            attempt: The function; raises PassingError for a temporary failure.
            arrived: Returns the number of bytes downloaded so far.
            url: What is downloaded, for messages.

        Returns:
            The result of `attempt`.

        Raises:
            DownloadError: `tries` consecutive attempts brought no new data.

        """
        furthest, failures = arrived(), 0
        while True:
            try:
                return attempt()
            except TemporaryError as error:
                failures = 0 if arrived() > furthest else failures + 1
                furthest = max(furthest, arrived())
                if failures >= self.tries:
                    raise DownloadError(
                        f"{url} did not arrive completely ({error}): download it again, which resumes after "
                        f"the {arrived()} bytes that are here."
                    ) from error
                time.sleep(self._seconds(error, failures))

    def _seconds(self, error: TemporaryError, failures: int) -> float:
        if error.wait is not None:
            return min(error.wait, MAX_WAIT)
        return min(self.pause * 2 ** max(failures - 1, 0), MAX_WAIT)

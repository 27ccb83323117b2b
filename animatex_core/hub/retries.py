"""Repeats a download that failed for a reason that may pass."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ..errors import DownloadError

PASSING = (408, 425, 429, 500, 502, 503, 504)
"""HTTP statuses that another attempt may cure."""

MAX_WAIT = 120.0
"""Seconds to wait at most, whatever a server asks for."""

Result = TypeVar("Result")


class PassingError(Exception):
    """An attempt failed where the next may succeed.

    Args:
        reason: What happened, as part of a sentence.
        wait: Seconds that the server asked to wait; None where it did not say.

    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True)
class Attempts:
    """How often and how soon a download is repeated.

    Attributes:
        tries: Attempts in a row that may bring nothing new.
        pause: Seconds before the first repetition; doubled for each further one.

    """

    tries: int
    pause: float

    def run(self, attempt: Callable[[], Result], arrived: Callable[[], int], url: str) -> Result:
        """Call `attempt` until it returns, and return its result.

        Args:
            attempt: Raises PassingError where it should be called again.
            arrived: Returns how many bytes are here.
            url: What is downloaded, for the message.

        Raises:
            DownloadError: `tries` attempts in a row brought nothing new.

        """
        furthest, failures = arrived(), 0
        while True:
            try:
                return attempt()
            except PassingError as error:
                failures = 0 if arrived() > furthest else failures + 1
                furthest = max(furthest, arrived())
                if failures >= self.tries:
                    raise DownloadError(
                        f"{url} did not arrive whole ({error}): ask for it again, which goes on after the "
                        f"{arrived()} bytes that are here."
                    ) from error
                time.sleep(self._seconds(error, failures))

    def _seconds(self, error: PassingError, failures: int) -> float:
        if error.wait is not None:
            return min(error.wait, MAX_WAIT)
        return min(self.pause * 2 ** max(failures - 1, 0), MAX_WAIT)

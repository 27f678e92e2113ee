"""Exponential backoff with jitter, so that what failed together does not come back together.

https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
"""

import random


def backoff(attempt: int, first: float, longest: float, least: float = 0) -> float:
    """Seconds to wait: random, up to `first`, which doubles with each attempt (from 0), and never over `longest`.

    least: part of that bound that is waited for in any case, 0 to 1.
    """
    bound = min(longest, first * 2 ** min(attempt, 16))
    return random.uniform(least * bound, bound)  # noqa: S311  jitter, no secret

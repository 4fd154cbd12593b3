"""Units of time, converted here and nowhere else.

RFC 9568 counts centiseconds (`_cs`), the engine's clock counts nanoseconds (`_ns`), people read milliseconds (`_ms`).
Whole numbers everywhere: a timer that is a float is a timer that rings early. A division rounds up, for the same reason.
"""

NS_PER_MS = 1_000_000
NS_PER_CS = 10_000_000
NS_PER_S = 1_000_000_000


def cs_to_ns(duration_cs: int) -> int:
    return duration_cs * NS_PER_CS


def ms_to_ns(duration_ms: int) -> int:
    return duration_ms * NS_PER_MS


def ns_to_ms(duration_ns: int) -> float:
    """For people and status fields only: no timer is ever computed from it."""
    return duration_ns / NS_PER_MS


def divide_up(dividend: int, divisor: int) -> int:
    """The quotient, rounded up."""
    return -(-dividend // divisor)

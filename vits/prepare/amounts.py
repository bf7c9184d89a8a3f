"""Amounts as people read them: "1 recording", "1,620 entries", "16.2 min"."""


def counted(n: int, what: str) -> str:
    """A number of things. what: one of them, as "entry"."""
    many = what[:-1] + "ies" if what.endswith("y") else what + "s"
    return f"{n:,} {what if n == 1 else many}"


def lasting(hours: float) -> str:
    """A length in the unit that suits it."""
    if hours >= 1:
        return f"{hours:,.2f} h"
    return f"{60 * hours:.1f} min" if 60 * hours >= 1 else f"{3600 * hours:.1f} s"

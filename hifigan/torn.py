"""Whether a recording is cut off, as a download or a copy that broke.

libsndfile takes a wav, aiff or au that is cut off for a shorter one, and only notes that its header
promises more. It imports no torch: the processes that measure recordings would have to load it.
"""

import re

NOTED = re.compile(r"^ *(?:data|SSND|Data Size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
UNKNOWN_SIZE = 2_000_000_000  # bytes; programs that do not know it yet write this or more


def torn(notes: str) -> tuple[int, int] | None:
    """The bytes of sound that a file has and those that its header promises; None: it is whole.

    notes: extra_info of soundfile's SoundFile or info.
    """
    found = NOTED.search(notes)
    if found is None:
        return None
    promised, there = int(found[1]), int(found[2])
    return (there, promised) if there < promised < UNKNOWN_SIZE else None


def torn_words(there: int, promised: int) -> str:
    return f"cut off: has {there:,} bytes of sound, expected {promised:,} by its header"

"""Where the processes of a run find each other, also after torchrun has restarted them.

torchrun's store outlives its restarts (torch's issue 135712), and with it the addresses of dead
processes; nor does it count restarts alike on all nodes. So the processes that live agree on a name
under which nothing stands in the store yet.
"""

import time
import uuid

from torch import distributed

POLL_SECONDS = 0.02


def meet() -> tuple[distributed.Store, int, int]:
    """A store with nothing in it, this process's rank, and their number.

    Before torchrun starts processes anew it has ended all old ones, on every node.
    """
    store, rank, n_ranks = next(distributed.rendezvous("env://"))
    return distributed.PrefixStore(agree(store, rank, n_ranks), store), rank, n_ranks


def agree(store: distributed.Store, rank: int, n_ranks: int) -> str:
    """A new name that the processes of all ranks return alike, whatever dead ones left behind.

    Each leaves a name of its own. Rank 0 answers to all it finds, until each rank has taken its
    answer; an answer to a name can only come from somebody who lives.
    """
    own = uuid.uuid4().hex
    store.set(f"meeting/{rank}", own)
    if rank > 0:
        chosen = store.get(f"meeting/answer/{own}").decode()  # waits for it
        store.set(f"meeting/{chosen}/{rank}", "taken")
        return chosen
    missing = list(range(1, n_ranks))
    while missing:
        for other in missing:
            if store.check([f"meeting/{other}"]):
                store.set(f"meeting/answer/{store.get(f'meeting/{other}').decode()}", own)
        time.sleep(POLL_SECONDS)
        missing = [other for other in missing if not store.check([f"meeting/{own}/{other}"])]
    return own

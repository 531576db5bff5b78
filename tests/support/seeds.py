"""How often workers are killed, and at which random instants: fixed unless somebody asks.

`KILLS` and `KILL_SEED` in the environment set them; `KILL_SEED=random` draws one, as `make soak`
does. A test that uses them prints them, so that pytest shows them when it fails.
"""

import os
import time

KILLS = int(os.environ.get("KILLS", "20"))


def _kill_seed() -> int:
    given = os.environ.get("KILL_SEED", "20")
    return time.time_ns() % 2**32 if given == "random" else int(given)


KILL_SEED = _kill_seed()

"""Processes that start without the program that started them.

Python imports the main module again in each process that `multiprocessing` starts (but for forked ones). A script that
calls a flow without `if __name__ == "__main__":` would start another run there, and no process of a run needs it.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

_lock = threading.Lock()
_users = 0
_kept: dict[str, Any] = {}


@contextlib.contextmanager
def main_module_hidden() -> Iterator[None]:
    """Keep processes that start in the block from importing this process's main module.

    `multiprocessing` reads in these two attributes what to import, when it starts a process:
    https://docs.python.org/3/library/multiprocessing.html#the-spawn-and-forkserver-start-methods
    """
    global _users  # blocks overlap, in threads and in coroutines: the last one out brings the names back
    main: dict[str, Any] = vars(sys.modules["__main__"])
    with _lock:
        if not _users:
            _kept.update({name: main[name] for name in ("__file__", "__spec__") if name in main})
            main.update(dict.fromkeys(_kept))
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                main.update(_kept)
                _kept.clear()

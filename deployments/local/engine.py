"""What the local stack's worker starts for a run: Prefect's engine, whose modules load in less time.

Python looks for circles of objects each time that so many new ones have come, and modules are a million of them. It
looks as usual again from `flows.lake.memory.leave_out_of_collections` on, when a run has its connection. Prefect loads
the flow itself: what goes wrong there belongs into the run's log.
"""

from __future__ import annotations

import runpy

from flows.lake.memory import seldom_collected

if __name__ == "__main__":
    with seldom_collected():
        runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)

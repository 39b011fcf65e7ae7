"""The stages of a flow: Prefect tasks whose expected problems become Failed states that say what to do.

Tasks have no Prefect retries: the S3 client repeats what is transient (`flows.lake.s3.client`), and a second layer on
top would multiply its waiting.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Failed

from flows.connection import connect
from flows.lake.errors import LakeError
from flows.lake.redact import mask_known
from flows.lake.run_models import LakeAddress

Result = TypeVar("Result")


class Stage(Task[..., Any]):
    """A task that raises in the flow that calls it when it ends Failed.

    Prefect's engine hands a Failed state that a task returns to its caller as a value, like any other one.
    """

    def __call__(self, *args: Any, return_state: bool = False, **kwargs: Any) -> Any:
        """Run the task; raise the problem that ended it, unless the state is asked for."""
        ended = super().__call__(*args, return_state=return_state, **kwargs)
        if isinstance(ended, State) and not return_state:
            return ended.result()
        return ended

    def without_task(self, *args: Any) -> Any:
        """Do the work without a task run, which a run that is being cancelled cannot start; raise as a call does."""
        ended = self.fn(*args)
        return ended.result() if isinstance(ended, State) else ended


def stage(**options: Any) -> Callable[[Callable[..., Result]], Any]:
    """Make a function a task whose expected problems become Failed states that say what to do."""

    def decorate(function: Callable[..., Result]) -> Any:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except LakeError as error:
                lakes = [given for given in (*args, *kwargs.values()) if isinstance(given, LakeAddress)]
                # Of two lakes the one whose bucket it names, if it can be told.
                of_bucket = lakes if len(lakes) == 1 else [lake for lake in lakes if lake.bucket == error.bucket]
                for address in of_bucket if len(of_bucket) == 1 else ():
                    with contextlib.suppress(LakeError):  # where the block itself cannot be read, the error says so
                        error = connect(address).explained(error)
                return Failed(message=mask_known(str(error)), data=error)
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                if (masked := mask_known(text)) == text:
                    raise
                # Prefect would make the text of the error the task's state as it is.
                get_run_logger().exception("An unexpected error, whose text holds a secret")
                return Failed(message=masked, data=LakeError(masked))

        return Stage(fn=run, cache_policy=NO_CACHE, **options)

    return decorate


def _says_more(record: logging.LogRecord) -> bool:
    """Leave out what Prefect logs of a Failed state that a task returned, before it says that the task ended in it.

    It is the whole state, with the outcomes of a batch's files in it, and `NoneType: None` for a traceback.
    """
    return not record.exc_info or record.exc_info[0] is not None


logging.getLogger("prefect.task_runs").addFilter(_says_more)

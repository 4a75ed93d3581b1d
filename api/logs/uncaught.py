"""What nobody caught: it goes to the log, in the log's form, instead of raw to standard error.

Tasks of the loop are asyncio's to report, which it does in the log.
"""

import logging
import sys
import threading
from types import TracebackType

logger = logging.getLogger(__name__)


def log_uncaught() -> None:
    """Have errors of the program, its threads and finalizers logged, and warnings as well."""
    sys.excepthook = _of_program
    threading.excepthook = _of_thread
    sys.unraisablehook = _of_finalizer
    logging.captureWarnings(capture=True)


def _of_program(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logger.critical("The program failed", exc_info=(kind, error, trace))


def _of_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is SystemExit:
        return
    name = "unknown" if args.thread is None else args.thread.name
    logger.error("Thread %s failed", name, exc_info=_known(args.exc_value))


def _of_finalizer(args: "sys.UnraisableHookArgs") -> None:
    what = args.err_msg or "Exception ignored in"
    logger.error("%s: %r", what, args.object, exc_info=_known(args.exc_value))


def _known(error: BaseException | None) -> BaseException | bool:
    return False if error is None else error

"""A worker as a process: signals, exit code, and the bound of its end."""

import contextlib
import faulthandler
import signal
from typing import Final

import structlog
from confluent_kafka import KafkaException

from schemas.last_resort import PYTHON_S, LastResort
from worker.errors import ExitCode, WorkerError
from worker.service import WorkerService

log = structlog.get_logger()

#: Beyond STOP_SECONDS: a transaction's last steps, each of which librdkafka may take up to 15 s for, then the closing.
_CLOSING_S: Final = 35.0


def run_until_signalled(service: WorkerService) -> int:
    """Run a service in the main thread with SIGTERM and SIGINT as its end; returns the process's exit code.

    The process must end by that code soon after this has returned: if it does not, it is ended.
    """
    last_resort = LastResort("worker_stopped")
    last_resort.start()
    code = ExitCode.INTERNAL
    works = True

    def stop(*_: object) -> None:
        if works:
            last_resort.stopping(service.stop_seconds + _CLOSING_S, ExitCode.LATE)
        service.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        try:
            service.work()
            code = ExitCode.STOPPED
        except WorkerError as error:
            code = error.exit_code
            log.critical("worker_stopped", exit_code=code.name, reason=str(error))
        except KafkaException as error:
            code = ExitCode.KAFKA
            log.critical("worker_stopped", exit_code=code.name, reason=str(error))
        finally:
            works = False
            late = ExitCode.LATE if code is ExitCode.STOPPED else code
            last_resort.within(_CLOSING_S, late, f"its clients were not closed after {_CLOSING_S:g} s")
            service.close()
    finally:
        _bound_python(last_resort, code)
    return int(code)


def _bound_python(last_resort: LastResort, code: ExitCode) -> None:
    """Python waits for threads that are no daemons, and then destroys the clients, when no thread runs any more."""
    last_resort.closed(code)
    with contextlib.suppress(RuntimeError, OSError, ValueError, AttributeError):
        # Not a thread of Python's; its status is 1.
        faulthandler.dump_traceback_later(2 * PYTHON_S, exit=True)

"""A sender that ends by SIGKILL once the receiver has answered, before the database knows: DATABASE URL."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from console.alerts import outbox
from console.alerts.sender import WebhookSender
from console.alerts.settings import AlertSettings
from console.alerts.webhook import Webhook
from console.store.database import Database, sqlite_url


def _end(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    outbox.sent = _end  # type: ignore[assignment]
    webhook = Webhook(url=sys.argv[2], secret_env="RECEIVERS_SECRET")
    WebhookSender(Database(sqlite_url(Path(sys.argv[1]))), {"team": webhook}, AlertSettings()).send_due()

"""Asks again and again who is in a group, by many clients at once: `python -m ... BOOTSTRAP TIMEOUT_S`.

With a time-out each request has one of its own, up to so long; with 0 it is asked as the product does.
"""

import random
import sys
import threading
import time

from confluent_kafka.admin import AdminClient

from schemas.group_description import ask_for_group

CLIENTS = 12


def ask(admin: AdminClient, timeout_s: float) -> None:
    """For ever."""
    while True:
        if timeout_s:
            admin.describe_consumer_groups(["g"], request_timeout=random.uniform(0.3, timeout_s))
        else:
            ask_for_group(admin, "g")
        time.sleep(random.uniform(0.05, 0.6))


def main() -> None:
    """Until somebody ends it."""
    bootstrap, timeout_s = sys.argv[1], float(sys.argv[2])
    for _ in range(CLIENTS):
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        threading.Thread(target=ask, args=(admin, timeout_s), daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()

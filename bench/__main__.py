"""`python -m bench [ROW ...]`: every figure of the documents beside its baseline of the same run, in one table.

Each row is measured in a process of its own: vLLM, faust and the clients of one must not disturb the next.
"""

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.figures import Figure, print_table, say, write_json
from sentistream.logs import LogSettings, configure_logging

ROOT = Path(__file__).parents[1]
ROWS = {
    "streams": "messages a second of one stream process, beside a plain faust agent and a plain loop",
    "worker": "events a second of one worker process, beside itself without transactions and watermark",
    "scale": "1, 2, 4 and 8 worker processes at a GPU's delays, beside one of them",
    "parts": "what one message costs each part: CPU, Redis, bytes",
    "pipeline": "the whole pipeline on vLLM, beside the engine alone",
    "sanm": "policy calibrated beside one pass: time and F1 (BENCH_MELD=FILE for MELD's own)",
    "depth": "messages a second and F1 at each depth of SANM_DEPTH=adaptive (BENCH_MELD as for sanm)",
    "number_format": "messages a second in the number format that vLLM gets here, beside the other one",
    "fairness": "what others wait, and what places they have, while one tenant sends ten times what can be answered",
    "lora": "an adapter on the CPU, beside none and vLLM's own kernels",
    "swap": "what a message waits more while the adapter is swapped",
    "latency": "what a message waits outside the model",
    "traces": "what OpenTelemetry's traces cost a stream, a message",
    "trainer": "examples a second of adapter training, beside a plain Trainer",
    "memory": "what training on the CPU grows by over random lengths, beside batches of just those lengths",
    "start": "from process to ready",
    "console_store": "events a second into the event store, from Kafka and as it grows",
    "console_api": "each view of the console with 1,000,000 events stored, and a live stream at 500 events a second",
    "console_live": "Live in a real browser at 500 events a second: its memory, and how old the newest row is",
}


def main() -> None:
    """Measure, then print."""
    rows = "\n".join(f"  {name:<13} {what}" for name, what in ROWS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=f"Rows, all if none is named:\n{rows}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures to this file too")
    given = parser.parse_args()
    if unknown := set(given.rows) - set(ROWS):
        parser.error(f"no row {', '.join(sorted(unknown))}: choose of {', '.join(ROWS)}")
    # One worker's log lines are news where a person watches it, and not here.
    configure_logging(LogSettings(log_level="WARNING"))
    if len(given.rows) == 1:
        figures = _measure(given.rows[0])
        failed: list[str] = []
    else:
        figures, failed = _measure_apart(given.rows or list(ROWS))
    print_table(figures)
    if given.json:
        write_json(figures, given.json)
    if failed:
        raise SystemExit(f"no figures of: {', '.join(failed)} (see above)")


def _measure(row: str) -> list[Figure]:
    found: list[Figure] = importlib.import_module(f"bench.{row}").measure()
    return found


def _measure_apart(rows: list[str]) -> tuple[list[Figure], list[str]]:
    """Every row's figures, and the rows that gave none."""
    figures: list[Figure] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, row in enumerate(rows, 1):
            say(f"[{number}/{len(rows)}] {row}: {ROWS[row]}")
            path = Path(folder) / f"{row}.json"
            command = [sys.executable, "-m", "bench", row, "--json", str(path)]
            done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
            if done.returncode or not path.is_file():
                failed.append(row)
                continue
            figures += [Figure(**one) for one in json.loads(path.read_bytes())]
    return figures, failed


if __name__ == "__main__":
    main()

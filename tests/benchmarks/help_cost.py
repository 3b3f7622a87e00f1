"""What `flowsm --help` costs, as a multiple of `python -c 'import asyncio'`, in interleaved rounds of one run each.

Run: python tests/benchmarks/help_cost.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

LIMIT = 4.0


def seconds_of(*arguments: str) -> float:
    """How long a Python process takes with these arguments."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def main() -> int:
    """Measure and print; 1 when the limit is passed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    pairs = [(seconds_of("-c", "import asyncio"), seconds_of("-m", "flowsm", "--help")) for _ in range(rounds + 1)][1:]
    asyncio_ms, help_ms = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(cost / unit for unit, cost in pairs)
    sys.stdout.write(
        f"import asyncio {asyncio_ms:.0f} ms, flowsm --help {help_ms:.0f} ms (medians of {rounds} rounds): "
        f"ratio {ratio:.2f}, at most {LIMIT}\n"
    )
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""What share of its time a job makes steps that count, at a fault a minute.

    bazel build //:bin
    sudo tests/bench/useful_time_bench.py [--rounds 3] [--minutes 10]
        [--job gpt] [--kinds kill] [--every 60]

Jobs of tests/faults on a cluster with the default lease. A round is a job of so
many minutes under the faults of a seed of its own; what a step takes without
faults is measured before the first. Useful: the job's steps at that pace, of the
time that it took. Seen and resumed: from a worker's or server's loss to the
line in the job's log, and to the next step. Steps are paced
(--micro-batch-delay-ms), so that a busy machine matters less.
"""

import argparse
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))

# pylint: disable=wrong-import-position
from tests.bench.local_cluster import print_table  # noqa: E402
from tests.faults import campaign, jobs, report  # noqa: E402

LEASE = 5.0  # seconds, as by default


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binaries", default="bazel-bin/bin")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--job", choices=list(jobs.JOBS), default="gpt")
    parser.add_argument("--kinds", default="kill")
    parser.add_argument("--every", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--pace-ms", type=float, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    useful, seen, stalls = [], [], []
    for number in range(arguments.rounds):
        settings = campaign.Settings(
            binaries=arguments.binaries, job=arguments.job,
            seed=arguments.seed + number,
            faults=max(1, int(60 * arguments.minutes / arguments.every)),
            every=arguments.every, lease=LEASE, pace_ms=arguments.pace_ms,
            kinds=tuple(arguments.kinds.split(",")))
        with tempfile.TemporaryDirectory(prefix="hawser-useful-") as directory:
            result = campaign.Campaign(settings, directory).run()
        print(report.text(result), flush=True)
        if result.problems:
            sys.exit(1)
        useful.append(result.useful_percent)
        seen += result.seen
        stalls += result.stalls
    print_table([("useful time, %", useful)] +
                [(what, values) for what, values in (
                    ("seen after, s", seen), ("resumed after, s", stalls))
                 if values], unit="")


if __name__ == "__main__":
    main()

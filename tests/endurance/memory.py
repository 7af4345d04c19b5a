"""What processes take, time and again, and whether it grows.

Looked at is memory of a process's own: its heap, stacks and what it shares with
its peers. The pages of programs and libraries are the system's, which reads them
when they are first run and drops them as it likes: they count for what is
resident only.
"""

import collections
import os

# seconds: since the begin. The others in KiB, and how many.
Sample = collections.namedtuple("Sample", "seconds own resident descriptors")
OWN = ("RssAnon", "RssShmem")


def sample(process, seconds):
    with open(f"/proc/{process}/status", encoding="utf-8") as file:
        values = dict(line.split(":", 1) for line in file)
    own = sum(int(values[name].split()[0]) for name in OWN)
    resident = int(values["VmRSS"].split()[0])
    return Sample(round(seconds, 1), own, resident,
                  len(os.listdir(f"/proc/{process}/fd")))


def growth_percent_per_hour(samples):
    """By how much of what is resident its own memory grows: the slope of the
    least-squares line."""
    n = len(samples)
    mean_seconds = sum(one.seconds for one in samples) / n
    mean_own = sum(one.own for one in samples) / n
    square = sum((one.seconds - mean_seconds) ** 2 for one in samples)
    slope = sum((one.seconds - mean_seconds) * (one.own - mean_own)
                for one in samples) / square
    resident = sum(one.resident for one in samples) / n
    return 100 * slope * 3600 / resident


def columns(samples):
    """Of a table: resident, its own at first and at the end (MiB), growth."""
    first, last = samples[0], samples[-1]
    return (f"{last.resident / 1024:.1f} | {first.own / 1024:.2f} | "
            f"{last.own / 1024:.2f} | {growth_percent_per_hour(samples):+.2f}")


HEADINGS = "MiB resident | its own, then | at the end | % an hour"

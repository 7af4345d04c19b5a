"""What processes take, time and again, and whether it grows."""

import os


def resident_kib(process):
    with open(f"/proc/{process}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def descriptors(process):
    return len(os.listdir(f"/proc/{process}/fd"))


def growth_percent_per_hour(samples):
    """Of (seconds, KiB): the slope of the least-squares line, of its start."""
    n = len(samples)
    mean_t = sum(t for t, _ in samples) / n
    mean_m = sum(m for _, m in samples) / n
    square = sum((t - mean_t) ** 2 for t, _ in samples)
    slope = sum((t - mean_t) * (m - mean_m) for t, m in samples) / square
    start = mean_m + slope * (samples[0][0] - mean_t)
    return 100 * slope * 3600 / start

"""Run commands and measure them as a stopwatch, the kernel's CPU account and its high-water mark of memory do.

Usage: measure.py NAME RUNS [--before SHELL] -- SHELL…
Each SHELL is one step; their wall and CPU times are added, the largest peak memory is kept. `--before` runs first and is not
measured. Prints one JSON line with the medians over RUNS; a step that fails ends the measurement, except with exit code 3,
which says that a gate refused and is an answer.
"""
import json
import os
import statistics
import subprocess
import sys
import time

GATE_REFUSED = 3


def step(shell):
    start = time.perf_counter()
    process = subprocess.Popen(["bash", "-c", f"exec {shell}"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, GATE_REFUSED):
        sys.exit(f"exit code {code}: {shell}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, code


def main():
    arguments = sys.argv[1:]
    split = arguments.index("--")
    head, steps = arguments[:split], arguments[split + 1:]
    before = head[head.index("--before") + 1] if "--before" in head else None
    totals = []
    for _ in range(int(head[1])):
        if before:
            subprocess.run(["bash", "-c", before], check=True, stdout=subprocess.DEVNULL)
        results = [step(shell) for shell in steps]
        totals.append((sum(r[0] for r in results), sum(r[1] for r in results), max(r[2] for r in results)))
    wall, cpu, memory = (statistics.median(column) for column in zip(*totals))
    print(json.dumps({"name": head[0], "wall_s": wall, "cpu_s": cpu, "peak_mib": memory, "runs": int(head[1])}), flush=True)


main()

"""A Markdown table from measure.py's lines on standard input: `table.py [ROWS BYTES]`. The first line is ours."""
import json
import sys

rows, size = (float(argument) for argument in sys.argv[1:3]) if len(sys.argv) > 2 else (None, None)
results = [json.loads(line) for line in sys.stdin if line.strip()]
ours = results[0]
speed = " rows/s | MB/s |" if rows else ""
print(f"| | wall s | CPU s | peak MiB |{speed} wall, times ours | memory, times ours |")
print("|---|" + "---:|" * (5 + 2 * bool(rows)))
for result in results:
    cells = [f"{result['wall_s']:.2f}", f"{result['cpu_s']:.2f}", f"{result['peak_mib']:.0f}"]
    if rows:
        cells += [f"{rows / result['wall_s']:,.0f}", f"{size / 1e6 / result['wall_s']:.0f}"]
    cells += [f"{result['wall_s'] / ours['wall_s']:.2f}", f"{result['peak_mib'] / ours['peak_mib']:.2f}"]
    print(f"| {result['name']} | " + " | ".join(cells) + " |")

#!/usr/bin/env bash
# From files to scored customers and a report: perennial beside a pandas + lifetimes + scikit-learn script. Medians of RUNS.
# Usage: bench/pipeline/run.sh [LINES] [RUNS]; LINES of orders are simulated, 1,000,000 by default.
set -euo pipefail
cd "$(dirname "$0")/../.."
lines=${1:-1000000} runs=${2:-3}
source bench/venv.sh
cargo build --quiet --release -p perennial
perennial=$(realpath "${CARGO_TARGET_DIR:-target}/release/perennial")
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
# An order has 1.95 lines on average.
"$perennial" simulate --out "$folder/files" --orders "$((lines * 100 / 195))" --orders-only --currency EUR --zone UTC >/dev/null
rm "$folder"/files/truth*.csv
"$bench_python" bench/by_time.py "$folder/files"
echo "$(($(wc -l <"$folder/files/order_items.csv") - 1)) order lines, $(($(wc -l <"$folder/files/customers.csv") - 1)) customers" >&2
{
    "$bench_python" bench/measure.py perennial "$runs" --before "rm -rf '$folder/shop'" -- \
        "'$perennial' init '$folder/shop' --set shop.currency=EUR --set shop.zone=UTC" \
        "'$perennial' import --shop '$folder/shop' '$folder/files'" \
        "'$perennial' run --shop '$folder/shop'"
    "$bench_python" bench/measure.py "pandas + lifetimes + scikit-learn" "$runs" --before "rm -rf '$folder/peer'" -- \
        "'$bench_python' bench/pipeline/peer.py '$folder/files' '$folder/peer'"
} >"$folder/results.jsonl"
"$bench_python" bench/table.py <"$folder/results.jsonl"
echo && echo "what the peer reached on the last closed window:" && cat "$folder/peer/metrics.json" && echo
"$perennial" models --shop "$folder/shop"

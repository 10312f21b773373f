#!/usr/bin/env bash
# Who orders again in 60 days? Rolling cut-offs on three shops: our candidates beside LightGBM on the same columns and lifetimes' Pareto/NBD.
# Usage: bench/churn/run.sh [DATA]; DATA holds online_retail/ and completejourney/, ../shared/data by default. PERENNIAL is a built binary.
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${1:-${PERENNIAL_DATA:-../shared/data}}
source bench/venv.sh
cargo build --quiet --release -p perennial-learn --example churn_windows
target=$(realpath "${CARGO_TARGET_DIR:-target}/release")
perennial=${PERENNIAL:-$target/perennial}
[ -x "$perennial" ] || cargo build --quiet --release -p perennial
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
"$perennial" simulate --out "$folder/simulated" --orders 40000 --orders-only --currency EUR --zone UTC >/dev/null
"$bench_python" bench/churn/peer.py "$data" "$folder" "$target/examples/churn_windows"

#!/usr/bin/env bash
# Lifetime models, standard errors included, on simulated customers: perennial beside lifetimes 0.11.3. Medians of RUNS.
# Then BG/NBD alone on LARGE customers (0 leaves it out), and (x, t_x, T) from the orders of CDNOW's master file, where PERENNIAL_DATA has it.
# Usage: [MODELS="bgnbd pareto_nbd"] [LARGE=10000000] bench/lifetime/run.sh [ROWS] [RUNS]; PYTHON is a Python 3.11 or older with requirements.txt installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
rows=${1:-1000000} runs=${2:-5} python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cargo build --quiet --release -p perennial-learn --example fit_lifetime --example triples
examples=${CARGO_TARGET_DIR:-target}/release/examples
binary=$examples/fit_lifetime
echo "load before: $(cut -d' ' -f1-3 /proc/loadavg)"
"$python" bench/lifetime/simulate.py "$rows" "$folder"
for model in ${MODELS:-bgnbd mbgnbd gamma_gamma}; do
    # The histories serve every model of buying and leaving; lifetimes needs minutes for a million of them with pareto_nbd.
    [ -f "$folder/$model.csv" ] || cp "$folder/bgnbd.csv" "$folder/$model.csv"
    "$binary" "$model" "$folder/$model.csv" "$runs" >"$folder/ours.json"
    "$python" bench/lifetime/peer.py "$model" "$folder/$model.csv" "$((runs > 3 ? 3 : runs))" >"$folder/peer.json"
    "$python" bench/lifetime/table.py "$model" "$rows" "$folder"
done

large=${LARGE:-10000000}
if [ "$large" -gt 0 ]; then
    "$python" bench/lifetime/simulate.py "$large" "$folder"
    printf '\nbgnbd, %s customers, ours alone\n\n' "$large"
    "$binary" bgnbd "$folder/bgnbd.csv" "$runs" 0
fi

master=${PERENNIAL_DATA:-../shared/data}/cdnow/CDNOW_master.txt.gz
if [ -f "$master" ]; then
    gunzip -c "$master" >"$folder/orders.txt"
    printf '\n(x, t_x, T) from orders on 1998-06-30: perennial, lifetimes\n\n'
    "$examples/triples" "$folder/orders.txt" 19980630 51
    "$python" bench/lifetime/triples.py "$folder/orders.txt" 19980630 "$runs"
fi
echo "load after: $(cut -d' ' -f1-3 /proc/loadavg)"

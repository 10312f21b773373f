# Sourced by the benchmarks: the peers' own Python environment, made once beside this file. PYTHON chooses the interpreter (3.11 or newer).
bench_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if ! [ -x "$bench_folder/.venv/bin/python" ] || ! cmp -s "$bench_folder/requirements.txt" "$bench_folder/.venv/installed.txt"; then
    rm -rf "$bench_folder/.venv"
    "${PYTHON:-python3}" -m venv "$bench_folder/.venv"
    "$bench_folder/.venv/bin/pip" install --quiet --requirement "$bench_folder/requirements.txt"
    cp "$bench_folder/requirements.txt" "$bench_folder/.venv/installed.txt"
fi
bench_python=$bench_folder/.venv/bin/python

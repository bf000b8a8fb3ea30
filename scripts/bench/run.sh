#!/usr/bin/env bash
# Sets up and measures: bash scripts/bench/run.sh [--rounds 3] [--only NAME ...] [--quick] ...
# The peers get an environment of their own, .venv-bench. Where that fails, the rows that need them
# say so. VAERUN_PYTHON=.../bin/python: measure with that environment in place of .venv.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../environment.sh"
here="$root/scripts/bench"
peers="$root/.venv-bench"

install_peers() {
    local fingerprint pip=("$peers/bin/python" -m pip install --quiet --disable-pip-version-check)
    fingerprint="$root $(cksum <"$here/peers.txt")"
    [ "$(cat "$peers/peers.stamp" 2>/dev/null)" != "$fingerprint" ] || return 0
    say "installing pyroVED and AtomAI into $peers (once; minutes, by the network)"
    "$python" -m venv --clear "$peers" &&
        # shellcheck disable=SC2046  # two words or none
        "${pip[@]}" $(torch_index) torch==2.13.0 >&2 &&
        "${pip[@]}" --no-deps --requirement "$here/peers.txt" >&2 &&
        printf '%s\n' "$fingerprint" >"$peers/peers.stamp"
}

if [ -n "${VAERUN_PYTHON:-}" ]; then python=$VAERUN_PYTHON; else prepare run; fi
case " $* " in
*" --draw "*) ;; # measures nothing
*) install_peers || say "the peers could not be set up: the rows that need them will say so" ;;
esac
export PYTHONPATH="$root/scripts:$root${PYTHONPATH:+:$PYTHONPATH}"
exec "$python" -m bench --peers "$peers/bin/python" "$@"

# Sourced by run.sh and test.sh: makes .venv in the repository and installs vaerun into it,
# unless that was done for the same pyproject.toml and constraints.txt.
#
#     prepare run|dev        sets $root and $python

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python="$root/.venv/bin/python"

say() { printf '%s\n' "$*" >&2; }

# The first Python that vaerun runs on and that can make an environment.
find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 python; do
        if "$candidate" -c 'import sys, venv, ensurepip
sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    say "error: no Python 3.11 to 3.13 with venv was found — install one (Debian and Ubuntu:" \
        "apt install python3 python3-venv; elsewhere: https://www.python.org/downloads)"
    return 2
}

# Without an NVIDIA GPU the CPU build of torch spares gigabytes of CUDA libraries. The index is
# named only if it answers, so that set-up from local wheels works offline.
torch_index() {
    local index=https://download.pytorch.org/whl/cpu
    if [ "$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null &&
        "$python" -c "import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=3)" "$index/torch/" >/dev/null 2>&1; then
        printf -- '--extra-index-url %s' "$index"
    fi
}

prepare() {
    local kind=$1 target=$root stamp fingerprint found
    [ "$kind" = run ] || target="$root[$kind]"
    stamp="$root/.venv/vaerun-$kind.stamp"
    fingerprint="$root $(cat "$root/pyproject.toml" "$root/constraints.txt" | cksum)"
    if ! "$python" -c 'import sys' >/dev/null 2>&1; then
        found=$(find_python)
        say "making $root/.venv with $("$found" --version)"
        "$found" -m venv --clear "$root/.venv"
    fi
    if [ "$(cat "$stamp" 2>/dev/null)" != "$fingerprint" ]; then
        say "installing vaerun and what it needs (once; minutes, by the network)"
        # shellcheck disable=SC2046  # two words or none
        "$python" -m pip install --quiet --disable-pip-version-check $(torch_index) \
            --constraint "$root/constraints.txt" --editable "$target" >&2
        printf '%s\n' "$fingerprint" >"$stamp"
        # what tests need includes what runs need
        [ "$kind" = run ] || printf '%s\n' "$fingerprint" >"$root/.venv/vaerun-run.stamp"
    fi
}

#!/bin/sh
# Runs the suite with other versions of what irwinhall needs, in a fresh environment:
#
#     sh tests/versions.sh oldest|newest|nightly [PYTHON [PYTEST ARGUMENTS...]]
#
# oldest are the least versions that pyproject.toml allows, with Python 3.11; nightly are the wheels
# that NumPy and SciPy build every night.
set -eu
cd "$(dirname "$0")/.."
versions=${1:?oldest, newest or nightly}
python=${2:-python3}
[ $# -lt 2 ] && shift || shift 2

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
"$python" -m venv "$environment"
bin=$environment/bin
install() { "$bin/pip" install --quiet "$@"; }

case $versions in
oldest) install numpy==2.0.0 scipy==1.13.0 mpmath==1.3.0 tqdm==4.60.0 Cython==3.1.0 setuptools==77.0.1 ;;
newest) install --upgrade numpy scipy mpmath tqdm Cython setuptools ;;
nightly)
    install --upgrade mpmath tqdm Cython setuptools
    install --upgrade --pre --index-url https://pypi.anaconda.org/scientific-python-nightly-wheels/simple \
        numpy scipy
    ;;
*) echo "versions must be oldest, newest or nightly, got $versions" >&2 && exit 2 ;;
esac
# Without isolation, so that this Cython and this NumPy compile it.
install --no-build-isolation --editable .
chosen=$("$bin/pip" freeze --all --exclude-editable)
# Numba is left out where it has no build for this NumPy; its tests then skip visibly.
echo "$chosen" >"$environment/chosen.txt"
install --constraint "$environment/chosen.txt" 'pytest>=8.2' pytest-xdist hypothesis ml_dtypes \
    python-flint matplotlib
install --constraint "$environment/chosen.txt" --only-binary :all: numba || echo "SKIP numba: not for these versions"
"$bin/python" -VV # which says whether it is free-threaded
"$bin/pip" freeze --all | grep -iE '^(numpy|scipy|mpmath|cython|setuptools|tqdm|numba)=='
"$bin/pytest" -n auto --dist loadfile "$@"

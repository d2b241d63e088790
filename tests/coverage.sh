#!/bin/sh
# Measures which lines are run: of Python by the whole suite, what it starts included, and of C by the
# programs of tests/cross, with every kernel that this machine has.
#
#     sh tests/coverage.sh [c | python]
#
# Python needs Coverage.py 7.10 and pytest-xdist, installed in the environment itself, and all frameworks.
# C needs GCC and gcov. Both write a record to tests/data/ and a table in docs/trust.md. The least shares
# allowed are 97 % of Python and 95 % of C.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
sources=$here/../src_c
python=${PYTHON:-python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ "${1:-c}" = c ]; then
    cd "$work"
    # Without optimization, which would move lines.
    for file in "$sources"/*/*.c "$sources"/stream/kernels/*.c; do
        gcc -std=gnu11 -O0 -ffp-contract=off --coverage -I"$sources" -c "$file"
    done
    for program in vectors magnitude threads fuzz fuzz_interface; do
        main=
        # Without libFuzzer: random inputs.
        [ $program = fuzz_interface ] && main=-DRANDOM_INPUTS
        gcc -std=gnu11 -O0 -ffp-contract=off -I"$sources" $main -o $program \
            "$here/cross/$program.c" ih_*.o -lm -pthread --coverage
    done
    for kernel in portable aesni aesni_avx2 avx2 avx512 neon; do
        ./vectors $kernel >/dev/null || [ $? -eq 3 ] # not supported here
    done
    ./magnitude >/dev/null
    ./threads >/dev/null
    ./fuzz 20000 1 >/dev/null
    ./fuzz_interface 100000
    "$python" "$here/verify/c_coverage.py" 95
fi
if [ "${1:-python}" = python ]; then
    cd "$here/.."
    # Without the test of the record that this writes.
    export IRWINHALL_REQUIRE_FRAMEWORKS=1
    COVERAGE_FILE=$work/data "$python" -m coverage run -m pytest -q -n auto --dist loadfile \
        --ignore=tests/test_line_coverage.py
    COVERAGE_FILE=$work/data "$python" -m coverage combine -q "$work"
    COVERAGE_FILE=$work/data "$python" -m coverage json -q -o "$work/report.json"
    "$python" tests/verify/python_coverage.py "$work/report.json" 97
fi

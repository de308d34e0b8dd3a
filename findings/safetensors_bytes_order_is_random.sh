#!/usr/bin/env bash
# Asked:   In which order does a safetensors file give its tensors back: as saved, by name, or by
#          place in the file? And do load_file(path) and load(bytes) agree?
# Guessed: One fixed order in all of them (the order of saving, or the header's).
# Seen:    (safetensors 0.8.0) The bytes written are the same in every process. load_file()
#          walks the header: larger item sizes first, then names; the same in every process.
#          load(bytes) gives a dict in *another order in each process*, e.g.
#            l7 l5 l4 l1 ...   /   l7 l5 l0 l1 ...   /   l7 l2 l4 l0 ...
#          and PYTHONHASHSEED=0 does not still it: the order is made inside the compiled part.
#          Neither is the order of saving (a backbone's layers come back by name: l10 before l2).
# Matters: A checkpoint that came over a socket or out of an archive goes through load(bytes).
#          Code that walks the dict and draws from a seeded generator for each tensor (noise,
#          pruning masks, re-initialised heads, sparsified deltas) or sums floats over tensors
#          gives other numbers in each run with every seed fixed and the very same file.
# Lesson:  Sort the names, or walk the model's own parameter list, before anything that draws or
#          accumulates; don't test for this with two loads in one process alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
cat > "$work/once.py" <<'PY'
import hashlib
import sys

import numpy as np
from safetensors.numpy import load, load_file, save, save_file

tensors = {f"l{i}": np.full(3, i, dtype=np.float32) for i in range(12)}
tensors["steps"] = np.array(7, dtype=np.int64)
raw = save(tensors)
path = sys.argv[1]
save_file(tensors, path)


def noisy_sum(weights):
    rng = np.random.default_rng(0)
    return sum(float((i + 1) * w.sum() * rng.standard_normal()) for i, w in enumerate(weights.values()))


print(hashlib.sha256(raw).hexdigest()[:12], ",".join(load_file(path)), ",".join(load(raw)),
      f"{noisy_sum(load_file(path)):.6f}", f"{noisy_sum(load(raw)):.6f}")
PY
for _ in 1 2 3 4 5 6; do
  PYTHONHASHSEED=0 "$work/venv/bin/python" "$work/once.py" "$work/a.safetensors"
done > "$work/runs.txt"
"$work/venv/bin/python" - "$work/runs.txt" <<'PY'
import sys

import safetensors

failed = []


def check(what, ok):
    print("ok  " if ok else "CHANGED", what)
    if not ok:
        failed.append(what)


print("safetensors", safetensors.__version__)
rows = [line.split() for line in open(sys.argv[1])]
for digest, by_file, by_bytes, a, b in rows:
    print("bytes", digest, "| load_file", by_file[:22], "... | load(bytes)", by_bytes[:22], "... | seeded sums", a, b)
saved = [f"l{i}" for i in range(12)] + ["steps"]
check("the bytes are the same in six processes", len({r[0] for r in rows}) == 1)
check("load_file: one order", len({r[1] for r in rows}) == 1)
check("load_file: 8-byte items first, then by name", rows[0][1].split(",") == ["steps"] + sorted(saved[:-1]))
check("load(bytes): several orders", len({r[2] for r in rows}) > 1)
check("a seeded sum over load_file's dict is fixed", len({r[3] for r in rows}) == 1)
check("the same sum over load(bytes) is not", len({r[4] for r in rows}) > 1)
raise SystemExit(len(failed) > 0)
PY

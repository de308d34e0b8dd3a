#!/usr/bin/env bash
# Asked:   TIES merging with a weight for each task vector: do PEFT's ties() and mergekit's "ties"
#          method give the same merge from the same vectors, weights and density?
# Guessed: The same elected signs, so the same merge up to a positive scale.
# Seen:    (peft 0.21.2, mergekit 0.1.5; density 1, vectors [2,-3,1,4] and [-1,1,2,-3])
#            weights     mergekit                     peft
#            1, 1        [ 2, -3, 1.5,  4]            [ 2,   -3,   1.5,   4  ]
#            0.1, 1      [-1,  1, 1.91, -3]           [ 0.2, -0.3, 1.05,  0.4]
#            1, -1       [ 3, -4, 2,    7]            [ 2,   -3,  -0.5,   4  ]
#          With equal weights they agree. With others the signs turn: mergekit weighs first and
#          elects the sign of the weighted vectors, PEFT elects on the bare ones and weighs later,
#          so a task with weight 0.1 outvotes one with weight 1 by its size alone. And mergekit
#          divides by the weights that took part, PEFT by their count. A negative weight ("forget
#          this task") adds the reversed vector in mergekit; in PEFT it still votes for its own
#          sign and then works against it.
# Matters: A sweep over merge weights (later tasks weigh more, or a task is taken away) ends with
#          opposite updates in many entries (a sixth for three random vectors and weights 0.2,
#          0.5, 1); "TIES, weight 0.1" in a paper's table says nothing without the tool's name.
# Lesson:  State the order of election and weighting; test a merge on two hand-made vectors of
#          unlike size and weight, since equal weights show nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.24.0 peft==0.21.2 numpy==2.4.6 pydantic==2.14.4 click==8.5.1 scipy==1.17.1
# --no-deps: merging tensors in memory needs none of mergekit's other packages.
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps mergekit==0.1.5
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - <<'PY'
import importlib.metadata

import torch
from mergekit.merge_methods.api import merge_tensors
from peft.utils.merge_utils import ties

torch.set_num_threads(1)
failed = []


def check(what, ok):
    print("ok  " if ok else "CHANGED", what)
    if not ok:
        failed.append(what)


print(*(f"{name} {importlib.metadata.version(name)}" for name in ("peft", "mergekit")))


def by_mergekit(vectors, weights):
    tensors = [torch.zeros_like(vectors[0]), *vectors]
    return merge_tensors(tensors, "ties", parameters={"weight": weights, "density": 1.0}, base_index=0)


def by_peft(vectors, weights):
    return ties(vectors, torch.tensor(weights), 1.0)


pair = [torch.tensor([[2.0, -3, 1, 4]]), torch.tensor([[-1.0, 1, 2, -3]])]
expected = {
    (1.0, 1.0): ([2, -3, 1.5, 4], [2, -3, 1.5, 4]),
    (0.1, 1.0): ([-1, 1, 2.1 / 1.1, -3], [0.2, -0.3, 1.05, 0.4]),
    (1.0, -1.0): ([3, -4, 2, 7], [2, -3, -0.5, 4]),
}
for weights, (want_m, want_p) in expected.items():
    m, p = by_mergekit(pair, list(weights)), by_peft(pair, list(weights))
    print("weights", weights, "mergekit", [round(v, 3) for v in m[0].tolist()], "peft", [round(v, 3) for v in p[0].tolist()])
    check("mergekit as stated", torch.allclose(m[0], torch.tensor(want_m, dtype=torch.float32), atol=1e-5))
    check("peft as stated", torch.allclose(p[0], torch.tensor(want_p, dtype=torch.float32), atol=1e-5))

rng = torch.Generator().manual_seed(0)
many = [torch.randn(100, 100, generator=rng) for _ in range(3)]
for weights, low, high in (([1.0, 1.0, 1.0], 0.0, 0.001), ([0.2, 0.5, 1.0], 0.1, 0.5)):
    turned = float((by_mergekit(many, weights).sign() != by_peft(many, weights).sign()).float().mean())
    print("three random vectors, weights", weights, "share of entries with opposite sign", round(turned, 3))
    check("within the stated share", low <= turned <= high)
raise SystemExit(len(failed) > 0)
PY

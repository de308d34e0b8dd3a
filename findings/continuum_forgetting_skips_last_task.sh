#!/usr/bin/env bash
# Asked:   Do continuum 1.2.7's metrics give the published numbers on an accuracy matrix worked
#          out by hand: forgetting (Chaudhry et al., 2018) and backward transfer (Lopez-Paz and
#          Ranzato, 2017), which its docstrings cite?
# Guessed: Yes. Two tasks, the first wholly forgotten (accuracy 1.0 to 0.0): forgetting 1, BWT -1.
# Seen:    (continuum 1.2.7; R[i][j] = accuracy on task j after task i)
#            R                                forgetting      backward transfer   forward transfer
#            [[1,0],[0,1]]                    0.0  (not 1)    0.0   (not -1)      0.0
#            [[1,0,0],[0,1,0],[0,0,1]]        0.5  (not 1)    -0.33 (not -1)      0.0
#            [[1,0,0],[.5,1,0],[.2,.4,1]]     0.4  (not .7)   -0.27 (not -.7)     0.37 (should be 0)
#            [[1,0,0],[1,1,0],[1,1,1]]        0.0             0.0                 1.0  (should be 0)
#          The inner loops stop one task early: the task learnt just before the last (the one
#          forgotten first, mostly) is never counted, while the divisor still counts it. And
#          "forward transfer" adds up R[i][j] for j < i: accuracy on *earlier* tasks, so a learner
#          with no zero-shot skill at all scores 1.0 when it forgets nothing.
# Matters: Two-task runs report no forgetting whatever happens; longer ones report too little. The
#          numbers lie within [0, 1], look plausible, and rank methods wrongly against papers.
# Lesson:  Recompute forgetting and transfer from the accuracy matrix; check any metric on
#          [[1,0],[0,1]] before using it. Don't compare figures across frameworks by name.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
# --no-deps, and the metrics' own module by its file: it needs numpy alone, while the package's
# __init__ would import torch, torchvision and all the data-set loaders.
"$work/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps continuum==1.2.7
"$work/venv/bin/python" - <<'PY'
import importlib.metadata
import importlib.util

import numpy as np

distribution = importlib.metadata.distribution("continuum")
path = distribution.locate_file("continuum/metrics/metrics.py")
spec = importlib.util.spec_from_file_location("continuum_metrics", path)
metrics = importlib.util.module_from_spec(spec)
spec.loader.exec_module(metrics)

failed = []


def check(what, ok):
    print("ok  " if ok else "CHANGED", what)
    if not ok:
        failed.append(what)


def predictions(R):
    """All tasks' test sets after each task: ten samples a task, R[i][j] of them right."""
    right = [np.concatenate([np.arange(10) < round(10 * a) for a in row]).astype(int) for row in R]
    ones = [np.ones_like(r) for r in right]
    tasks = [np.repeat(np.arange(len(R)), 10) for _ in R]
    return right, ones, tasks


print("continuum", distribution.version)
seen = []
for R in ([[1, 0], [0, 1]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0.5, 1, 0], [0.2, 0.4, 1]], [[1, 0, 0], [1, 1, 0], [1, 1, 1]]):
    data, A, T = predictions(R), np.array(R, float), len(R)
    got = [float(f(*data)) for f in (metrics.forgetting, metrics.backward_transfer, metrics.forward_transfer)]
    paper_f = float(np.mean([A[: T - 1, j].max() - A[T - 1, j] for j in range(T - 1)]))
    paper_b = float(np.mean([A[T - 1, j] - A[j, j] for j in range(T - 1)]))
    print(R, "forgetting", got[0], "published", paper_f, "| BWT", got[1], "published", paper_b, "| FWT", got[2])
    seen.append(got)
check("two tasks, all forgotten: forgetting and BWT are 0", seen[0][:2] == [0.0, 0.0])
check("three tasks, all forgotten: 1/2 and -1/3", np.allclose(seen[1][:2], [1 / 2, -1 / 3]))
check("in between: 0.4 for 0.7 and -0.267 for -0.7", np.allclose(seen[2][:2], [0.4, -0.8 / 3]))
check("nothing known ahead, nothing forgotten: forward transfer 1", seen[3][2] == 1.0)
raise SystemExit(len(failed) > 0)
PY

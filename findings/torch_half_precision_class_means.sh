#!/usr/bin/env bash
# Asked:   Class means (prototypes) of half-precision features, and the gradient of a prototype or
#          prompt table that is indexed by label: which of torch's ways to add up many rows per
#          class keeps a wide accumulator on the CPU, and which rounds at each addition?
# Guessed: sum() and matmul are safe; all scattering ones (index_add, scatter_add, scatter_reduce,
#          index_reduce, ...) round at each addition and stall at 256 in bfloat16.
# Seen:    (torch 2.13.0, CPU; 1000 rows of ones into one class, bfloat16; right: 1000, mean 1)
#            sum, matmul, index_add_, scatter_add_, scatter_reduce_("sum")      1000
#            index_put_(accumulate=True)                                        256
#            scatter_reduce_("mean"), embedding_bag("mean")                     1.0
#            index_reduce_("mean"), segment_reduce("mean")                      0.2559
#            gradient of the table by  index_select, gather                     1000
#            gradient of the table by  table[labels], nn.Embedding              256
#          float16, 5000 rows: the same split, 2048 and 0.4097. The guess missed both ways: two
#          operations with nearly one name (scatter_reduce / index_reduce) differ four-fold, and
#          so do the gradients of table[labels] and table.index_select(0, labels), whose forward
#          results are equal to the bit.
# Matters: A nearest-mean classifier over bf16 features shrinks the means of *big* classes only; a
#          frequent class's prototype or prompt learns at a quarter of its gradient. The stall
#          begins at 256 (bf16) and 2048 (fp16) rows a class, so small tests don't see it.
# Lesson:  Add up in float32 (features.float()) and cast at the end; in half-precision models take
#          table rows by index_select rather than by brackets.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - <<'PY'
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
failed = []


def check(what, ok):
    print("ok  " if ok else "CHANGED", what)
    if not ok:
        failed.append(what)


print("torch", torch.__version__.split("+")[0])
for kind, rows, stall in ((torch.bfloat16, 1000, 256.0), (torch.float16, 5000, 2048.0)):
    x = torch.ones(rows, 8, dtype=kind)
    label = torch.zeros(rows, dtype=torch.long)
    wide = label[:, None].expand(rows, 8)

    def zeros():
        return torch.zeros(2, 8, dtype=kind)

    def gradient(take):
        table = torch.zeros(2, 8, dtype=kind, requires_grad=True)
        take(table).sum().backward()
        return table.grad

    onehot = F.one_hot(label, 2).to(kind)
    sums = {
        "sum": x.sum(0)[None],
        "matmul": onehot.T @ x,
        "index_add_": zeros().index_add_(0, label, x),
        "scatter_add_": zeros().scatter_add_(0, wide, x),
        "scatter_reduce_ sum": zeros().scatter_reduce_(0, wide, x, "sum"),
        "index_put_": zeros().index_put_((label,), x, accumulate=True),
        "gradient, index_select": gradient(lambda t: t.index_select(0, label)),
        "gradient, gather": gradient(lambda t: t.gather(0, wide)),
        "gradient, brackets": gradient(lambda t: t[label]),
        "gradient, embedding": gradient(lambda t: F.embedding(label, t)),
    }
    means = {
        "scatter_reduce_ mean": zeros().scatter_reduce_(0, wide, x, "mean", include_self=False),
        "embedding_bag mean": F.embedding_bag(torch.arange(rows)[None], x, mode="mean"),
        "index_reduce_ mean": zeros().index_reduce_(0, label, x, "mean", include_self=False),
        "segment_reduce mean": torch.segment_reduce(x, "mean", lengths=torch.tensor([rows])),
    }
    stalls = ("index_put_", "gradient, brackets", "gradient, embedding")
    for name, value in sums.items():
        got = float(value[0, 0])
        check(f"{kind} {name}: {got:g}", got == (stall if name in stalls else rows))
    for name, value in means.items():
        got = float(value[0, 0])
        short = name in ("index_reduce_ mean", "segment_reduce mean")
        check(f"{kind} {name}: {got:.4f}", got == (float(torch.tensor(stall / rows).to(kind)) if short else 1.0))
    table = torch.randn(2, 8).to(kind)
    check("brackets and index_select: equal forward", torch.equal(table[label], table.index_select(0, label)))
raise SystemExit(len(failed) > 0)
PY

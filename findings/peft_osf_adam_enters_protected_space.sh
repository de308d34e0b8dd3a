#!/usr/bin/env bash
# Asked:   PEFT's OSF (orthogonal subspace fine-tuning) is there for continual learning: it
#          freezes each weight's top singular directions and projects the gradients of the rest
#          onto their complement. Does training leave the protected directions alone?
# Guessed: Yes with any optimizer; the library does the projecting by itself.
# Seen:    (peft 0.21.2, torch 2.13.0; a two-layer net, 50 steps, effective_rank 2; share of the
#          weight change that lies in the protected left | right singular space)
#            SGD                          3e-7 | 4e-7
#            SGD with momentum            2e-7 | 2e-7
#            Adam                         0.11 | 0.08
#            AdamW, any weight_decay      0.1  | 0.08
#          Gradients are projected by hooks; the optimizer comes after them. SGD adds up projected
#          gradients, so the sum stays in the complement. Adam divides each entry by its own
#          running size, and an entrywise scaled vector isn't orthogonal any more. Nothing warns.
# Matters: The guarantee (old tasks' main directions untouched) holds for SGD and leaks a tenth of
#          the update for the optimizer that nearly every fine-tuning script uses. A comparison of
#          OSF against LoRA under AdamW then measures something else than the method's idea.
# Lesson:  Under Adam project the *update* too: after each step take U_low minus its part in
#          U_high (and V_low likewise), or measure ||U_high^T dW|| as this script does.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.24.0 peft==0.21.2 numpy==2.4.6
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - <<'PY'
import peft
import torch
from peft import OSFConfig, get_peft_model
from torch import nn

torch.set_num_threads(1)
failed = []


def check(what, ok):
    print("ok  " if ok else "CHANGED", what)
    if not ok:
        failed.append(what)


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def leak(optimizer, **settings):
    """Share of the first layer's weight change within the protected left and right spaces."""
    model = get_peft_model(net(), OSFConfig(target_modules=["0", "2"], effective_rank=2))
    torch.manual_seed(1)
    x, y = torch.randn(16, 6), torch.randint(0, 3, (16,))
    before = net()[0].weight.detach()
    with torch.no_grad():
        assert torch.allclose(model(x), net()(x), atol=1e-5)
    steps = optimizer([p for p in model.parameters() if p.requires_grad], **settings)
    for _ in range(50):
        steps.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        steps.step()
    change = model.merge_and_unload()[0].weight.detach() - before
    U, _, Vt = torch.linalg.svd(before, full_matrices=False)
    return float((U[:, :2].T @ change).norm() / change.norm()), float((change @ Vt[:2].T).norm() / change.norm())


print("peft", peft.__version__, "torch", torch.__version__.split("+")[0])
optim = torch.optim
shares = {
    "SGD": leak(optim.SGD, lr=0.1),
    "SGD with momentum": leak(optim.SGD, lr=0.1, momentum=0.9),
    "Adam": leak(optim.Adam, lr=0.01),
    "AdamW, weight_decay=0": leak(optim.AdamW, lr=0.01, weight_decay=0.0),
    "AdamW": leak(optim.AdamW, lr=0.01),
}
for name, (left, right) in shares.items():
    print(f"{name:22} protected left {left:.1e}  right {right:.1e}")
for name, both in shares.items():
    if "SGD" in name:
        check(name + " keeps out of the protected space", max(both) < 1e-4)
    else:
        check(name + " enters it", min(both) > 0.03)
raise SystemExit(len(failed) > 0)
PY

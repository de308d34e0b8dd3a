#!/usr/bin/env bash
# Asked:   PEFT model with LoRA on a layer and a fully trained head (modules_to_save): which model
#          does unload() give back, "the base model without merging"?
# Guessed: The untouched base model: base layers and base head, as disable_adapter() shows it.
# Seen:    (peft 0.21.2)
#            with disable_adapter()     outputs equal the base model's, bit for bit
#            unload()                   LoRA gone, base layer's bits back, *trained head*
#            merge_and_unload()         LoRA merged, trained head
#            unload() after disable_adapter_layers()    the trained head as well
#          So there are two "models without the adapter" that differ: one switches the head back,
#          the other throws the original head away for good and grafts the trained head on base
#          features, a pair that was never trained together. Nothing warns.
# Matters: Task loops that unload() one task's adapter before wrapping the backbone for the next
#          start the next task from the last task's head; "the frozen base's zero-shot accuracy"
#          taken after unload() is that of a mismatched head and comes out wrong.
# Lesson:  Evaluate the base inside disable_adapter(); before unload() keep a copy of every module
#          named in modules_to_save (or build the model anew for each task).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.24.0 peft==0.21.2 numpy==2.4.6
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - <<'PY'
import copy

import peft
import torch
from peft import LoraConfig, get_peft_model
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


print("peft", peft.__version__, "torch", torch.__version__.split("+")[0])
base = net()
model = get_peft_model(net(), LoraConfig(r=2, target_modules=["0"], modules_to_save=["2"]))
torch.manual_seed(1)
x, y = torch.randn(32, 6), torch.randint(0, 3, (32,))
step = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
for _ in range(50):
    step.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    step.step()
trained_head = model.base_model.model[2].modules_to_save["default"].weight.detach().clone()
with torch.no_grad():
    with model.disable_adapter():
        check("disable_adapter() shows the base model", torch.equal(model(x), base(x)))
    bare = copy.deepcopy(model).unload()
    check("unload(): base layer as it was", torch.equal(bare[0].weight, base[0].weight))
    check("unload(): head isn't the base's", not torch.equal(bare[2].weight, base[2].weight))
    check("unload(): head is the trained one", torch.equal(bare[2].weight, trained_head))
    gap = float((bare(x) - base(x)).abs().max())
    print("largest difference of outputs, unload() against the base model:", round(gap, 3))
    check("so its outputs are not the base model's", gap > 0.1)
    merged = copy.deepcopy(model).merge_and_unload()
    check("merge_and_unload(): the trained head too", torch.equal(merged[2].weight, trained_head))
    off = copy.deepcopy(model)
    off.base_model.disable_adapter_layers()
    off = off.unload()
    same = torch.equal(off[2].weight, trained_head)
    print("unload() after disable_adapter_layers(): head is", "the trained one" if same else "another")
    check("switching the adapter off first doesn't bring the head back", same)
raise SystemExit(len(failed) > 0)
PY

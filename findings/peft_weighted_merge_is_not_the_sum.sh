#!/usr/bin/env bash
# Asked:   PEFT's add_weighted_adapter combines LoRA adapters (task arithmetic, averaging over
#          tasks). Is the result the weighted sum of their weight changes B A, with the default
#          combination_type="svd" (its docs call "cat" and "svd" precise, "linear" rough), and
#          what does a second merge under the same name do?
# Guessed: svd: the sum up to rounding. linear: the sum up to some small cross terms. A name in
#          use raises, as adding an adapter twice does, or is overwritten.
# Seen:    (peft 0.21.2; two rank-2 adapters, weights [1, 1]; error over the sum's largest entry)
#            cat 3e-08    svd, default rank 0.24    svd, svd_rank=4 4e-07    linear 1.1
#            name in use: *returns silently and keeps the old merge*, whatever the new weights
#            An adapter averaged with its twin (A, B both negated: the same change, the same
#            outputs to the bit): cat and svd give it back, linear gives *exactly zero*
#          The default rank is the largest of the adapters', so a sum of unlike tasks is cut to
#          half its rank; linear averages the factors, which are only fixed up to a change of
#          frame, so it depends on how an adapter was factored rather than on what it does.
# Matters: A sweep over merge weights that re-uses one name evaluates its first point again and
#          again: a flat curve, "robust to the weights". And each merge over T tasks at the
#          default rank drops most of the sum's small directions, which reads as forgetting.
# Lesson:  delete_adapter(name) before each merge; use cat, or svd with svd_rank = the ranks' sum;
#          compare get_delta_weight() with the sum you meant.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.24.0 peft==0.21.2 numpy==2.4.6
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - <<'PY'
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


print("peft", peft.__version__, "torch", torch.__version__.split("+")[0])
torch.manual_seed(0)
config = LoraConfig(r=2, lora_alpha=2, target_modules=["0"])
model = get_peft_model(nn.Sequential(nn.Linear(6, 8)), config, adapter_name="a")
for name in ("b", "twin"):
    model.add_adapter(name, config)
layer = model.base_model.model[0]
with torch.no_grad():
    for name in ("a", "b"):
        layer.lora_A[name].weight.normal_()
        layer.lora_B[name].weight.normal_()
    layer.lora_A["twin"].weight.copy_(-layer.lora_A["a"].weight)
    layer.lora_B["twin"].weight.copy_(-layer.lora_B["a"].weight)


def merged(names, weights, **how):
    """The weight change of a fresh merge; its name is free again afterwards."""
    model.add_weighted_adapter(names, weights, "merged", **how)
    change = layer.get_delta_weight("merged").detach().clone()
    model.delete_adapter("merged")
    return change


a, b, twin = (layer.get_delta_weight(n).detach() for n in ("a", "b", "twin"))
total = a + b
errors = {}
for label, how in (("cat", {"combination_type": "cat"}), ("default", {}), ("svd, svd_rank=4", {"svd_rank": 4}),
                   ("linear", {"combination_type": "linear"})):
    errors[label] = float((merged(["a", "b"], [1.0, 1.0], **how) - total).abs().max() / total.abs().max())
    print(f"a + b, {label:16} error over the sum's largest entry {errors[label]:.1e}")
check("cat is the sum", errors["cat"] < 1e-5)
check("the default (svd) is not", errors["default"] > 0.05)
check("svd with the ranks' sum is", errors["svd, svd_rank=4"] < 1e-4)
check("linear is not", errors["linear"] > 0.2)

x = torch.randn(4, 6)
outputs = []
for name in ("a", "twin"):
    model.set_adapter(name)
    outputs.append(model(x).detach())
check("the twin gives the same outputs to the bit", torch.equal(*outputs) and torch.equal(a, twin))
check("mean of the twins by cat and by svd: the adapter",
      all(torch.allclose(merged(["a", "twin"], [0.5, 0.5], combination_type=w), a, atol=1e-4) for w in ("cat", "svd")))
check("mean of the twins by linear: exactly zero", not merged(["a", "twin"], [0.5, 0.5], combination_type="linear").any())

model.add_weighted_adapter(["a", "b"], [1.0, 1.0], "mix", combination_type="cat")
first = layer.get_delta_weight("mix").detach().clone()
for weights in ([0.0, 1.0], [3.0, -2.0]):
    model.add_weighted_adapter(["a", "b"], weights, "mix", combination_type="cat")
    again = layer.get_delta_weight("mix").detach()
    check(f"weights {weights} under the same name: still the first merge", torch.equal(again, first))
check("a new name takes the new weights",
      torch.allclose(merged(["a", "b"], [3.0, -2.0], combination_type="cat"), 3 * a - 2 * b, atol=1e-4))
raise SystemExit(len(failed) > 0)
PY

#!/usr/bin/env bash
# Asked:   timm: is the new head after reset_classifier(N), the call for giving a backbone the
#          next task's classes, drawn as the head of create_model(name, num_classes=N) is?
# Guessed: The same scheme, zero bias in both; so the two ways to get an N-class head are equal
#          but for the draw.
# Seen:    (timm 1.0.31, N = 10; standard deviation of the head's weights, largest |bias|)
#            model                          create_model         reset_classifier
#            mixer_s32_224                  0        0           0.0255   0.041
#            eva02_tiny_patch14_224         0.00002  0           0.0421   0.058
#            regnetx_002                    0.0098   0           0.0301   0.050
#            vit_tiny_patch16_224           0.0202   0           0.0413   0.066
#            mobilenetv3_small_050          0.183    0           0.0180   0.031
#            resnet10t                      0.0257   0.035       0.0256   0.044
#          Each architecture has a head rule of its own (zero, tiny, 0.02, wide), applied when the
#          whole model is made; reset_classifier leaves torch's nn.Linear rule (uniform, bias
#          too). create_model(..., num_classes=0) and a later reset gives the second too. Of these
#          only the ResNet agrees.
# Matters: Class-incremental code resets (or grows) heads between tasks; its first task starts
#          from create_model's head. So task 1 starts at zero logits (mixer, eva) or ten times
#          wider ones (mobilenet) and every later task from something else, which shows as a
#          "first-task effect" in learning curves and in the size of the first gradient into the
#          backbone.
# Lesson:  Initialise heads by your own rule, in one function, for every task, the first one too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 pillow==12.3.0 pyyaml==6.0.4 safetensors==0.8.0 huggingface_hub==2.4.0
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps torchvision==0.28.0 timm==1.0.31
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - <<'PY'
import torch

try:
    import torchvision
except RuntimeError:
    # Beside a CPU-only build of torch, torchvision's compiled operators don't load. Only their
    # names are needed to import timm; none of them is called here.
    names = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        names.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import sys

    for module in [m for m in sys.modules if m.startswith("torchvision")]:
        del sys.modules[module]
    import torchvision
import timm

torch.set_num_threads(1)
failed = []


def check(what, ok):
    print("ok  " if ok else "CHANGED", what)
    if not ok:
        failed.append(what)


def head(model):
    linear = model.get_classifier()
    return float(linear.weight.std()), float(linear.bias.abs().max())


print("timm", timm.__version__, "torch", torch.__version__.split("+")[0])
made, again, later = {}, {}, {}
for name in ("mixer_s32_224", "eva02_tiny_patch14_224", "regnetx_002", "vit_tiny_patch16_224", "mobilenetv3_small_050", "resnet10t"):
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=10)
    made[name] = head(model)
    model.reset_classifier(10)
    again[name] = head(model)
    model.reset_classifier(0)
    model.reset_classifier(10)
    later[name] = head(model)
    uniform = (3 * model.get_classifier().in_features) ** -0.5
    print(f"{name:24} made: std {made[name][0]:.5f} bias {made[name][1]:.3f}  reset: std {again[name][0]:.5f} bias {again[name][1]:.3f}")
    check("after any reset the weights have nn.Linear's own spread",
          abs(again[name][0] / uniform - 1) < 0.1 and abs(later[name][0] / uniform - 1) < 0.1)
    check("after any reset the bias is not zero", min(again[name][1], later[name][1]) > 0)
check("mixer: zero head, then a random one", made["mixer_s32_224"] == (0.0, 0.0))
check("eva02: a thousand times wider", again["eva02_tiny_patch14_224"][0] > 1000 * made["eva02_tiny_patch14_224"][0])
check("regnet: three times wider", 2.5 < again["regnetx_002"][0] / made["regnetx_002"][0] < 3.7)
check("vit: twice as wide", 1.7 < again["vit_tiny_patch16_224"][0] / made["vit_tiny_patch16_224"][0] < 2.5)
check("mobilenet: ten times narrower", 8 < made["mobilenetv3_small_050"][0] / again["mobilenetv3_small_050"][0] < 12)
check("all but the ResNet are made with zero bias", all(b == 0 for n, (_, b) in made.items() if n != "resnet10t"))
check("the ResNet is alike both ways", abs(again["resnet10t"][0] / made["resnet10t"][0] - 1) < 0.1)
raise SystemExit(len(failed) > 0)
PY

#!/usr/bin/env bash
# Asked:   A head with more outputs than classes seen so far: what do torchmetrics' macro averages
#          do with a class that has no sample in the targets, and does scikit-learn agree?
# Guessed: One rule throughout torchmetrics, "a class without targets is left out of the mean",
#          and macro accuracy equal to scikit-learn's balanced accuracy.
# Seen:    (torchmetrics 1.9.0, scikit-learn 1.9.1; 4 classes, class 3 never in the targets)
#                                            class 3        macro mean over
#            AUROC                           0.0            4 classes (0.494)
#            average precision, exact        nan            3 classes (0.492)
#            average precision, 50 bins      -0.0           4 classes (0.362)
#            scikit-learn roc_auc_score      nan            nan
#            scikit-learn average_precision  0.0            4 classes (0.369)
#            accuracy, class 3 once predicted     counts as 0: 0.417; balanced_accuracy_score 0.625
#            accuracy, class 3 never predicted    left out
#          So of one library's two ranking metrics one counts the absent class as 0 and the other
#          leaves it out, the second changes sides when thresholds= is given to save memory, and
#          scikit-learn has both of these exactly the other way round.
# Matters: After the first of T tasks a perfect model's macro AUROC cannot exceed the share of
#          classes seen: the curve climbs task by task with no learning in it. Swapping the exact
#          for the binned metric moves average precision by a quarter of its value.
# Lesson:  Ask for average=None and take the mean over classes that have targets (and say so);
#          test the metric on a perfect classifier with an unseen class before plotting it over
#          tasks.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 torchmetrics==1.9.0 scikit-learn==1.9.1 numpy==2.4.6
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - <<'PY'
import math

import numpy as np
import sklearn
import torch
import torchmetrics
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score
from torchmetrics.classification import MulticlassAccuracy, MulticlassAUROC, MulticlassAveragePrecision

torch.set_num_threads(1)
failed = []


def check(what, ok):
    print("ok  " if ok else "CHANGED", what)
    if not ok:
        failed.append(what)


print("torchmetrics", torchmetrics.__version__, "scikit-learn", sklearn.__version__)
rng = np.random.RandomState(0)
score = torch.tensor(rng.dirichlet(np.ones(4), 30), dtype=torch.float32)
target = torch.tensor(rng.randint(0, 3, 30))
onehot = np.eye(4)[target.numpy()]


def both(metric, **more):
    return (metric(4, average=None, **more)(score, target).tolist(),
            float(metric(4, average="macro", **more)(score, target)))


def mean(values):
    return sum(values) / len(values)


auc, auc_macro = both(MulticlassAUROC)
ap, ap_macro = both(MulticlassAveragePrecision)
binned, binned_macro = both(MulticlassAveragePrecision, thresholds=50)
sk_auc, sk_ap = (f(onehot, score.numpy(), average=None) for f in (roc_auc_score, average_precision_score))
for name, each, macro in (("AUROC", auc, auc_macro), ("AP exact", ap, ap_macro), ("AP binned", binned, binned_macro),
                          ("sklearn AUROC", sk_auc, roc_auc_score(onehot, score.numpy(), average="macro")),
                          ("sklearn AP", sk_ap, average_precision_score(onehot, score.numpy(), average="macro"))):
    print(f"{name:14} classes", [round(float(v), 4) for v in each], "macro", round(float(macro), 4))
check("AUROC: the absent class is 0 and counted", auc[3] == 0 and math.isclose(auc_macro, mean(auc), rel_tol=1e-5))
check("AP, exact: it is NaN and left out", math.isnan(ap[3]) and math.isclose(ap_macro, mean(ap[:3]), rel_tol=1e-5))
check("AP, binned: it is 0 and counted", binned[3] == 0 and math.isclose(binned_macro, mean(binned), rel_tol=1e-5))
check("scikit-learn: AUROC NaN, AP 0", math.isnan(sk_auc[3]) and sk_ap[3] == 0)
check("on classes that have targets the two libraries agree",
      np.allclose(auc[:3], sk_auc[:3], atol=1e-5) and np.allclose(ap[:3], sk_ap[:3], atol=1e-5))
perfect = MulticlassAUROC(4, average="macro")(torch.eye(4)[target] * 0.9 + 0.025, target)
print("macro AUROC of a perfect classifier, three of four classes seen:", float(perfect))
check("it is 3/4", math.isclose(float(perfect), 0.75, rel_tol=1e-6))
truth = torch.tensor([0, 0, 1, 1, 1, 1])
for guess, counted in (([0, 2, 1, 1, 1, 2], True), ([0, 1, 1, 1, 1, 0], False)):
    macro = float(MulticlassAccuracy(4, average="macro")(torch.tensor(guess), truth))
    balanced = float(balanced_accuracy_score(truth, guess))
    print("predictions", guess, "macro accuracy", round(macro, 4), "balanced accuracy", round(balanced, 4))
    check("an absent class that was predicted pulls macro accuracy down" if counted else "one never predicted does not",
          math.isclose(macro, balanced * (2 / 3 if counted else 1), rel_tol=1e-5))
raise SystemExit(len(failed) > 0)
PY

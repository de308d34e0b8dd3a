#!/usr/bin/env bash
# Asked:   Is scikit-learn's GaussianNB, fed one sample at a time through partial_fit, the same
#          classifier as one fit on all of the data? It is the usual naive Bayes baseline of
#          online and class-incremental streams.
# Guessed: Equal up to about 1e-9: the per-class means and variances are merged exactly, and
#          var_smoothing adds 1e-9 times the largest feature variance, as in fit().
# Seen:    (scikit-learn 1.9.1, numpy 2.4.6)
#            epsilon_ after fit(all 60)               2.5e-09 > 0
#            epsilon_ after 60 one-sample calls       0.0
#            epsilon_ after 59 samples and then one   0.0
#            stream of one sample a class: var_ all 0, predict_proba all nan, always class 0
#            var_smoothing=0.1, two chunks whose scales differ 100-fold: epsilon_ 2585 against 1473
#          The smoothing term comes from the variance of the *latest chunk alone*: one row has
#          variance 0, so the guard against zero variance is gone just when every class has seen
#          one sample. The NaNs raise no error, and argmax over NaN names class 0.
# Matters: The first points of an online accuracy curve, and one-shot class-incremental runs,
#          score "always class 0" with no more than a division warning. And with a visible
#          var_smoothing, the model depends on how the stream was cut, not on its data alone.
# Lesson:  Feed the stream in chunks of several samples, or set the variances' floor yourself;
#          never compare a partial_fit baseline across different chunk lengths unchecked.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import sklearn
from sklearn.naive_bayes import GaussianNB

failed = []


def check(what, ok):
    print("ok  " if ok else "CHANGED", what)
    if not ok:
        failed.append(what)


print("scikit-learn", sklearn.__version__, "numpy", np.__version__)
rng = np.random.RandomState(0)
X = rng.randn(60, 3)
y = rng.randint(0, 2, 60)
X[y == 1] += 2

whole = GaussianNB().fit(X, y)
stream = GaussianNB()
for i in range(60):
    stream.partial_fit(X[i : i + 1], y[i : i + 1], classes=[0, 1])
late = GaussianNB().partial_fit(X[:59], y[:59], classes=[0, 1]).partial_fit(X[59:], y[59:])
print("epsilon_  fit:", whole.epsilon_, " one by one:", stream.epsilon_, " 59 + 1:", late.epsilon_)
check("fit() smooths, the one-sample stream does not", whole.epsilon_ > 0 and stream.epsilon_ == 0)
check("one last single sample wipes the smoothing of the 59 before", late.epsilon_ == 0)

shot = GaussianNB()
for c in (0, 1):
    shot.partial_fit(X[y == c][:1], [c], classes=[0, 1])
proba = shot.predict_proba(X)
guesses = shot.predict(X)
print("one sample a class: var_", shot.var_.tolist(), "proba", proba[0].tolist(), "classes named", set(guesses.tolist()))
check("all probabilities are NaN", bool(np.isnan(proba).all()))
check("every prediction is class 0", set(guesses.tolist()) == {0})
pair = GaussianNB().fit(np.r_[X[y == 0][:1], X[y == 1][:1]], [0, 1])
print("the same two samples in one fit(): accuracy", (pair.predict(X) == y).mean())
check("fit() on the same two samples gives a working classifier", (pair.predict(X) == y).mean() > 0.6)

cut = GaussianNB(var_smoothing=0.1).partial_fit(X[:30], y[:30], classes=[0, 1]).partial_fit(100 * X[30:], y[30:])
one = GaussianNB(var_smoothing=0.1).fit(np.r_[X[:30], 100 * X[30:]], y)
print("var_smoothing=0.1: epsilon_ of the cut stream", cut.epsilon_, "of one fit", one.epsilon_)
check("with smoothing on, the cut decides the model", abs(cut.epsilon_ / one.epsilon_ - 1) > 0.3)
raise SystemExit(len(failed) > 0)
PY

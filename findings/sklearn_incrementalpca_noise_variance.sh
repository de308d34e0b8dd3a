#!/usr/bin/env bash
# Asked:   Does IncrementalPCA, fed in mini-batches, tend to PCA's probabilistic model (noise
#          variance, covariance, precision) as more batches come in? Mahalanobis scores and
#          Gaussian feature replay in continual learning are built on that covariance.
# Guessed: Yes: the leading directions are known to be near exact, and noise_variance_ gets within
#          some per cent of PCA's, better with more data.
# Seen:    (scikit-learn 1.9.1; 8 features, 2 kept, unit noise in the other 6)
#            samples  batch   PCA noise   IncrementalPCA noise   det(cov) ratio
#                200     20      0.949         0.0923              8e-07
#               1000     20      0.976         0.0189              5e-11
#               5000     20      1.001         0.0040              4e-15
#               5000   5000      1.001         1.001               1
#          explained_variance_ agrees to 0.1 per cent all the while. What the earlier batches
#          dropped is forgotten: only the last batch's discarded part is left, divided by the
#          count of *all* samples. So noise_variance_ goes to zero as batch / samples: the more is
#          learned, the worse it gets.
# Matters: get_covariance() and get_precision() use it: squared Mahalanobis distances off the
#          subspace come out 250 times too large here, so an out-of-distribution threshold drifts
#          with the stream's length, with nothing wrong in the data.
# Lesson:  From IncrementalPCA take the components and variances only; keep the total variance
#          (var_, which is right) and work the noise out as (sum(var_) n/(n-1) - sum(explained)) /
#          (d - k).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6
OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PY'
import numpy as np
import sklearn
from sklearn.decomposition import PCA, IncrementalPCA

failed = []


def check(what, ok):
    print("ok  " if ok else "CHANGED", what)
    if not ok:
        failed.append(what)


print("scikit-learn", sklearn.__version__, "numpy", np.__version__)
rng = np.random.RandomState(0)
noise = {}
for n in (200, 1000, 5000):
    X = rng.randn(n, 8) * np.array([4, 3, 1, 1, 1, 1, 1, 1.0])
    exact = PCA(2).fit(X)
    for batch in (20, n):
        inc = IncrementalPCA(2, batch_size=batch).fit(X)
        ratio = np.linalg.det(inc.get_covariance()) / np.linalg.det(exact.get_covariance())
        mended = (inc.var_.sum() * n / (n - 1) - inc.explained_variance_.sum()) / 6
        noise[n, batch] = inc.noise_variance_ / exact.noise_variance_
        print(f"n {n:5} batch {batch:5}  PCA noise {exact.noise_variance_:.4f}  incremental {inc.noise_variance_:.4f}"
              f"  from var_ {mended:.4f}  det ratio {ratio:.1e}")
        check("leading variances agree to 1 per cent",
              np.allclose(inc.explained_variance_, exact.explained_variance_, rtol=0.01))
        check("the noise worked out from var_ agrees to 1 per cent", abs(mended / exact.noise_variance_ - 1) < 0.01)
    check("one batch: same noise as PCA", abs(noise[n, n] - 1) < 1e-6)
x = np.zeros(8)
x[7] = 3.0
inc = IncrementalPCA(2, batch_size=20).fit(X)
d_inc, d_pca = (float(x @ m.get_precision() @ x) for m in (inc, exact))
print("squared Mahalanobis distance of a point 3 sigma off the subspace: PCA", d_pca, "IncrementalPCA", d_inc)
check("batches of 20: noise shrinks as the stream grows", noise[200, 20] > 3 * noise[1000, 20] > 9 * noise[5000, 20])
check("after 5000 samples it is below a hundredth", noise[5000, 20] < 0.01)
check("distances off the subspace are 100 times too large", d_inc > 100 * d_pca)
raise SystemExit(len(failed) > 0)
PY

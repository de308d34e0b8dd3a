#!/usr/bin/env bash
# Asked:   Does cv2.warpAffine with INTER_NEAREST, the usual way to carry a label mask along with
#          an augmented image, pick the same pixels in OpenCV 4.14 and 5.0?
# Guessed: warpAffine's bits change between 4 and 5, by the rounding of bilinear weights. That
#          nearest, which only copies pixels, copies others was not expected but come upon.
# Seen:    (x scaled by 2, row 1..8, first 15 outputs; the same for uint8, uint16, float32)
#            4.12.0, 4.14.0  warpAffine       1 2 2 3 3 4 4 5 5 6 6 7 7 8 8
#            4.12.0, 4.14.0  warpPerspective  1 1 2 3 3 3 4 5 5 5 6 7 7 7 8   (same matrix!)
#            5.0.0           warpAffine       1 1 2 3 3 3 4 5 5 5 6 7 7 7 8
#            5.0.0           warpAffine int16 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8
#          4.x's affine rounds a half up and its perspective rounds a half to even; 5.0's affine
#          rounds to even, so every second label is now three pixels wide and every other one
#          pixel, unless the mask is int16, which still takes the old path. A 64x64 random mask
#          under [2 0 0; 0 2 0] differs in 44 per cent of its pixels between 4.14 and 5.0, under a
#          half-pixel shift in 75 per cent.
# Matters: Segmentation masks, pseudo-labels and depth maps made by an augmentation change with
#          the wheel, and with the mask's dtype within one wheel: no error, other IoU and class
#          counts.
# Lesson:  Avoid sampling exactly between pixels: with centres aligned (add 0.5 to the offset for
#          a two-fold enlargement) all versions and dtypes give 1 1 2 2 3 3 ...
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/warp.py" <<'PY'
import sys

import cv2
import numpy as np

cv2.setNumThreads(1)
row = np.arange(1, 9)[None].repeat(3, 0)
double = np.array([[2.0, 0, 0], [0, 1, 0]])
centred = np.array([[2.0, 0, 0.5], [0, 1, 0]])
mask = np.random.RandomState(0).randint(0, 256, (64, 64)).astype(np.uint8)
out = {"version": np.array(cv2.__version__)}
for kind in ("uint8", "uint16", "int16", "float32"):
    image = row.astype(kind)
    out["affine " + kind] = cv2.warpAffine(image, double, (15, 3), flags=cv2.INTER_NEAREST)[1].astype(int)
    out["centred " + kind] = cv2.warpAffine(image, centred, (15, 3), flags=cv2.INTER_NEAREST)[1].astype(int)
perspective = np.vstack([double, [0, 0, 1]])
out["perspective uint8"] = cv2.warpPerspective(row.astype(np.uint8), perspective, (15, 3), flags=cv2.INTER_NEAREST)[1].astype(int)
out["mask twice"] = cv2.warpAffine(mask, np.array([[2.0, 0, 0], [0, 2, 0]]), (64, 64), flags=cv2.INTER_NEAREST)
out["mask half shift"] = cv2.warpAffine(mask, np.array([[1.0, 0, 0.5], [0, 1, 0.5]]), (64, 64), flags=cv2.INTER_NEAREST)
np.savez(sys.argv[1], **out)
PY
for version in 4.14.0.94 5.0.0.93; do
  python3 -m venv "$work/$version"
  "$work/$version/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 "opencv-python-headless==$version"
  "$work/$version/bin/python" "$work/warp.py" "$work/$version.npz"
done
"$work/5.0.0.93/bin/python" - "$work/4.14.0.94.npz" "$work/5.0.0.93.npz" <<'PY'
import sys

import numpy as np

failed = []


def check(what, ok):
    print("ok  " if ok else "CHANGED", what)
    if not ok:
        failed.append(what)


four, five = np.load(sys.argv[1]), np.load(sys.argv[2])
half_up = [1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8]
half_even = [1, 1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 7, 7, 7, 8]
blocks = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8]
for run in (four, five):
    for name in run.files[1:]:
        if "mask" not in name:
            print(run["version"], name, *run[name])
for kind in ("uint8", "uint16", "float32"):
    check(f"{kind}: 4.14 rounds a half up", four["affine " + kind].tolist() == half_up)
    check(f"{kind}: 5.0 rounds a half to even", five["affine " + kind].tolist() == half_even)
check("int16: both round a half up", four["affine int16"][:14].tolist() == five["affine int16"][:14].tolist() == half_up[:14])
check("warpPerspective: both round a half to even",
      four["perspective uint8"].tolist() == five["perspective uint8"].tolist() == half_even)
for kind in ("uint8", "uint16", "int16", "float32"):
    check(f"{kind}: with aligned centres both give blocks of two",
          four["centred " + kind].tolist() == five["centred " + kind].tolist() == blocks)
for name in ("mask twice", "mask half shift"):
    share = float((four[name] != five[name]).mean())
    print(name, "share of other pixels", round(share, 3))
    check(name + ": over a third of the pixels differ", share > 1 / 3)
raise SystemExit(len(failed) > 0)
PY

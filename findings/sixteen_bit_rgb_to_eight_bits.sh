#!/usr/bin/env bash
# Asked:   A lossless RGB image with 16 bits a channel (satellite or microscope data) is opened as
#          8-bit colour, the default of cv2.imread and PIL.Image.open(). Do the container and the
#          library matter for the 8-bit values?
# Guessed: No: the upper byte, v >> 8, everywhere.
# Seen:    (all 65536 values in each channel; OpenCV 5.0.0, Pillow 13.0.0)
#                             cv2.imread, colour     PIL, mode RGB
#            PNG              v >> 8                 v >> 8
#            TIFF             round(v / 257)         v >> 8
#            PPM              v >> 8                 round(v / 257)
#            JPEG 2000        v >> 8                 (v + 128) >> 8, *modulo 256*
#            TIFF, one channel  v >> 8               stays 16 bits (mode I;16)
#          So OpenCV reads one value as two 8-bit numbers in a colour and in a gray TIFF, the two
#          libraries swap their rules between TIFF and PPM, and Pillow's JPEG 2000 rounding runs
#          over: the brightest 128 of the 65536 values (65408 to 65535) come back as 0, white as
#          black.
# Matters: Converting a data set losslessly from PNG to TIFF or JPEG 2000 (as Sentinel-2 tiles
#          come) moves a quarter to a half of the values by one level, and turns saturated clouds,
#          snow and highlights into black specks: outliers that move normalisation statistics,
#          with no warning.
# Lesson:  Read 16 bits as 16 bits (IMREAD_UNCHANGED, tifffile) and scale in your own code; test a
#          decoder on the extreme values 0 and 65535, not on a mid-gray ramp.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 opencv-python-headless==5.0.0.93 pillow==13.0.0
"$work/venv/bin/python" - "$work" <<'PY'
import sys

import cv2
import numpy as np
import PIL
from PIL import Image

failed = []


def check(what, ok):
    print("ok  " if ok else "CHANGED", what)
    if not ok:
        failed.append(what)


v = np.arange(65536)
gray = v.reshape(256, 256).astype(np.uint16)
colour = np.dstack([gray, gray, gray])
rules = {
    "v >> 8": v >> 8,
    "round(v / 257)": np.rint(v / 257).astype(int),
    "(v + 128) >> 8 modulo 256": ((v + 128) >> 8) % 256,
    "all 16 bits": v,
}


def rule(image):
    first = np.asarray(image)
    first = first[..., 0] if first.ndim == 3 else first
    return next((name for name, want in rules.items() if np.array_equal(first.ravel().astype(int), want)), "another")


print("OpenCV", cv2.__version__, "Pillow", PIL.__version__)
expected = {
    "png": ("v >> 8", "v >> 8"),
    "tiff": ("round(v / 257)", "v >> 8"),
    "ppm": ("v >> 8", "round(v / 257)"),
    "jp2": ("v >> 8", "(v + 128) >> 8 modulo 256"),
}
for kind, (want_cv, want_pil) in expected.items():
    path = f"{sys.argv[1]}/colour.{kind}"
    assert cv2.imwrite(path, colour)
    check(kind + ": the file holds all 16 bits", np.array_equal(cv2.imread(path, cv2.IMREAD_UNCHANGED), colour))
    with Image.open(path) as image:
        got = rule(cv2.imread(path, cv2.IMREAD_COLOR)), rule(image)
        check(f"{kind}: OpenCV {got[0]}, Pillow ({image.mode}) {got[1]}", got == (want_cv, want_pil) and image.mode == "RGB")
path = f"{sys.argv[1]}/gray.tiff"
assert cv2.imwrite(path, gray)
with Image.open(path) as image:
    got = rule(cv2.imread(path, cv2.IMREAD_COLOR)), rule(image)
    check(f"gray tiff: OpenCV {got[0]}, Pillow ({image.mode}) {got[1]}", got == ("v >> 8", "all 16 bits"))
with Image.open(f"{sys.argv[1]}/colour.jp2") as image:
    white = np.asarray(image)[-1, -1].tolist()
    lost = int((np.asarray(image)[..., 0].ravel()[65000:] == 0).sum())
print("JPEG 2000, Pillow: white (65535) reads as", white, "and", lost, "of the brightest values as 0")
check("white reads as black", white == [0, 0, 0] and lost == 128)
raise SystemExit(len(failed) > 0)
PY

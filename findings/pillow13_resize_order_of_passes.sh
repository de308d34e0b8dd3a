#!/usr/bin/env bash
# Asked:   Does Image.resize give the same bytes in Pillow 12.3 and 13.0 for the same image,
#          filter and size?
# Guessed: Yes: the resampler's integer arithmetic has been the same for years (the horizontal
#          pass, rounded to 8 bits, then the vertical one), and reducing_gap only saves time.
# Seen:    (97x61 noise image)
#            size, filter         12.3.0                13.0.0                 values that differ
#            30x30, 200x200 any   horizontal first      horizontal first       0
#            50x120 any           horizontal first      horizontal first       0
#            224x32 bilinear      horizontal first      *vertical first*       4995 of 21504, by 1
#            224x32 bicubic       horizontal first      *vertical first*       5980, by up to 12
#            224x32 Lanczos       horizontal first      *vertical first*       7820, by up to 27
#            RGBA 10x12, reducing_gap=2: ignored by 12.3, done by 13.0: 429 of 480, by up to 14
#            (RGB with the same gap: the same bytes in both)
#          13.0 swaps the passes exactly where the width grows and the height shrinks; the value
#          between them is clipped to 0..255, so overshooting filters differ by more than
#          rounding.
# Matters: Random resized crops hit that case whenever a box is narrower and taller than the
#          target, so for some boxes only: most of a data set's bytes stay, some images change,
#          and cached features or checksums of decoded sets no longer match. Thumbnails that carry
#          an alpha channel change by several levels.
# Lesson:  Name Pillow's version beside every preprocessed set. To be independent of it, resize
#          the axes in two calls of your own: resize((W, h)) and then resize((W, H)).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/resize.py" <<'PY'
import sys

import numpy as np
import PIL
from PIL import Image

rng = np.random.RandomState(0)
pixels = rng.randint(0, 256, (61, 97, 3)).astype(np.uint8)
alpha = (rng.randint(0, 2, (61, 97, 1)) * 255).astype(np.uint8)
image = Image.fromarray(pixels)
out = {"version": np.array(PIL.__version__)}
for name in ("BILINEAR", "BICUBIC", "LANCZOS"):
    filter = Image.Resampling[name]
    for w, h in ((30, 30), (200, 200), (50, 120), (224, 32)):
        key = f"{name} {w}x{h}"
        out[key] = np.asarray(image.resize((w, h), filter))
        out[key + " hv"] = np.asarray(image.resize((w, 61), filter).resize((w, h), filter))
        out[key + " vh"] = np.asarray(image.resize((97, h), filter).resize((w, h), filter))
for kind, im in (("RGB", image), ("RGBA", Image.fromarray(np.concatenate([pixels, alpha], 2)))):
    out["gap " + kind] = np.asarray(im.resize((10, 12), Image.Resampling.BICUBIC, reducing_gap=2.0))
    out["nogap " + kind] = np.asarray(im.resize((10, 12), Image.Resampling.BICUBIC))
np.savez(sys.argv[1], **out)
PY
for version in 12.3.0 13.0.0; do
  python3 -m venv "$work/$version"
  "$work/$version/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 "pillow==$version"
  "$work/$version/bin/python" "$work/resize.py" "$work/$version.npz"
done
"$work/13.0.0/bin/python" - "$work/12.3.0.npz" "$work/13.0.0.npz" <<'PY'
import sys

import numpy as np

failed = []


def check(what, ok):
    print("ok  " if ok else "CHANGED", what)
    if not ok:
        failed.append(what)


old, new = np.load(sys.argv[1]), np.load(sys.argv[2])
print("Pillow", old["version"], "and", new["version"])


def order(run, key):
    hv, vh = (np.array_equal(run[key], run[key + way]) for way in (" hv", " vh"))
    return {(True, False): "horizontal first", (False, True): "vertical first"}.get((hv, vh), "unclear")


def apart(key):
    d = np.abs(old[key].astype(int) - new[key].astype(int))
    return int((d > 0).sum()), d.size, int(d.max())


for name in ("BILINEAR", "BICUBIC", "LANCZOS"):
    for size in ("30x30", "200x200", "50x120", "224x32"):
        key = f"{name} {size}"
        differ, total, most = apart(key)
        print(f"{key}: {order(old, key)}, {order(new, key)}; {differ} of {total} differ, by up to {most}")
        check("12.3 passes over the rows first", order(old, key) == "horizontal first")
        flat = size == "224x32"
        check("13.0 does so unless the width grows and the height shrinks",
              order(new, key) == ("vertical first" if flat else "horizontal first"))
        check("the bytes differ there and only there", (differ > 0) == flat)
check("Lanczos differs by more than rounding", apart("LANCZOS 224x32")[2] > 5)
print("RGBA with reducing_gap:", apart("gap RGBA"), " RGB:", apart("gap RGB"))
check("RGB: the gap gives the same bytes in both", apart("gap RGB")[0] == 0)
check("RGBA: 12.3 takes no notice of the gap", np.array_equal(old["gap RGBA"], old["nogap RGBA"]))
check("RGBA: 13.0 does", not np.array_equal(new["gap RGBA"], new["nogap RGBA"]) and apart("nogap RGBA")[0] == 0)
raise SystemExit(len(failed) > 0)
PY

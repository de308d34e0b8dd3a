#!/usr/bin/env bash
# Asked:   HDF5 gives an open file as bytes (H5Fget_file_image, get_file_image in h5py): the way to
#          send a result or a set of features somewhere without a file on disk. Do these bytes open
#          again, whatever version bounds (libver) the file was made with?
# Guessed: Yes: the file is flushed first, and the image is what would lie on the disk.
# Seen:    (h5py 3.11.0 with HDF5 1.14.2; one dataset of ten integers, flushed)
#            libver                     disk, closed    image of the open file
#            ("earliest", "v108")       opens           opens
#            ("earliest", "v110")       opens           opens
#            ("v110", "v110")           opens           refused: incorrect metadata checksum
#            ("latest", "latest")       opens           refused: incorrect metadata checksum
#          The image equals the closed file but for four bytes, the superblock's checksum: the
#          flag "open for writing" has been taken out of the image, and its checksum is still the
#          one with that flag. Older superblocks have no checksum.
# Matters: libver="latest" is what one asks for to get checksums on metadata, or SWMR. Code that
#          was tried with the default bounds then stores or sends images that nobody can open, and
#          learns of it when they are read.
# Lesson:  Close the file (in a temporary file, or the core driver with a backing store) and take
#          the bytes from there; open what was made once before it is sent.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check h5py==3.11.0 numpy==1.26.4
cat > "$work/image.py" <<'PY'
import io
import sys

import h5py


def opens(source):
    try:
        with h5py.File(source, "r") as file:
            return list(file["x"]) == list(range(10))
    except OSError as error:
        return str(error)


print("h5py", h5py.__version__, "HDF5", h5py.version.hdf5_version)
failed = False
for bounds in (("earliest", "v108"), ("earliest", "v110"), ("v110", "v110"), ("latest", "latest")):
    name = f"{sys.argv[1]}/{'_'.join(bounds)}.h5"
    file = h5py.File(name, "w", libver=bounds)
    file["x"] = list(range(10))
    file.flush()
    image = file.id.get_file_image()
    file.close()
    with open(name, "rb") as closed:
        on_disk = closed.read()
    places = [i for i, (a, b) in enumerate(zip(image, on_disk)) if a != b]
    print(bounds, "| disk:", opens(name), "| image:", opens(io.BytesIO(image)),
          "| bytes that differ:", places if len(image) == len(on_disk) else "lengths differ")
    is_new = bounds[0] != "earliest"
    failed |= opens(name) is not True
    failed |= (opens(io.BytesIO(image)) is True) == is_new
    failed |= places != ([44, 45, 46, 47] if is_new else [])
    failed |= is_new and "checksum" not in str(opens(io.BytesIO(image)))
raise SystemExit(failed)
PY
"$work/venv/bin/python" "$work/image.py" "$work"

"""Opens a run file as a researcher would: xarray with h5netcdf, the root and every group, axes by name.

Usage: open_with_xarray.py WRITER, where the program WRITER writes the example run of tests/support/example_run.h.
Exit code 77 means that xarray or h5netcdf is not installed.
"""

import math
import os
import subprocess
import sys
import tempfile

try:
    import h5netcdf
    import xarray
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)


def groups_of(file):
    """Paths of all groups below the root."""
    found = []

    def visit(group, path):
        for name, child in group.groups.items():
            found.append(f"{path}/{name}")
            visit(child, found[-1])

    with h5netcdf.File(file, "r") as root:
        visit(root, "")
    return found


def check(file):
    def load(group=None):
        with xarray.open_dataset(file, engine="h5netcdf", group=group) as dataset:
            return dataset.load()

    root = load()
    assert root["accuracy"].dims == ("after", "on"), root["accuracy"].dims
    assert float(root["accuracy"].sel(after=1, on=0)) == 0.7
    assert math.isnan(float(root["accuracy"].sel(after=0, on=2)))
    assert root.attrs["schema"] == "clsim_run", root.attrs
    assert root.attrs["host"] == "hôte", root.attrs
    assert float(root.attrs["seconds.train"]) == 3

    expected = {"/run", "/digests", "/experiences", "/predictions", "/expansions", "/sizes", "/scalars",
                "/scalars/expandable_blocks", "/scalars/train", "/scalars/train/loss", "/tables", "/tables/ledger"}
    assert set(groups_of(file)) == expected, groups_of(file)
    datasets = {group: load(group) for group in expected}
    for group, dataset in datasets.items():
        for name, variable in dataset.variables.items():
            for axis in variable.dims:
                assert not axis.startswith("phony"), f"{group}/{name}: {axis}"
                assert axis in dataset.coords, f"{group}/{name}: the axis {axis} has no places"

    assert str(datasets["/run"]["learner"].values) == "sema"
    assert int(datasets["/run"]["model_seed"]) == 1
    assert "threshold: 1.5" in str(datasets["/run"]["spec"].values)
    assert list(datasets["/experiences"]["name"].values) == ["part 0", "part 1", "part 2"]
    assert list(datasets["/experiences"]["classes"].values) == [0, 1, 2, 3, 4, 5]

    predictions = datasets["/predictions"]
    assert predictions["prediction"].dims == ("after", "sample")
    of_first = predictions.where(predictions["experience"] == 0, drop=True).sel(after=2)
    assert float((of_first["prediction"] == of_first["label"]).mean()) == 0.6
    assert (predictions["prediction"].sel(after=0, sample=predictions["experience"] == 2) == -1).all()

    assert list(datasets["/sizes"]["adapters"].sel(after=2).values) == [1, 1, 2, 2]
    assert list(datasets["/expansions"]["module"].values) == ["adapter", "adapter"]
    assert float(datasets["/scalars/train/loss"]["value"].sel(step=2)) == 0.25
    assert list(datasets["/tables/ledger"].data_vars) == ["experience", "score", "expanded"]
    assert datasets["/tables/ledger"]["score"].dims == ("row",)


def main():
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "run.h5")
        subprocess.run([sys.argv[1], file], check=True)
        check(file)


if __name__ == "__main__":
    main()

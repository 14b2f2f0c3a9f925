"""Bytes and requests of a check at each depth, of models on a web server and in an object store.

    python tests/benchmarks/remote_reads.py [--large-in-store] [FILE.keras]

Without a file it builds ResNet50. The other model is an HDF5 file of 4 GB with 64 Dense layers of 64 MB, sparse on the
disk, so that its numbers, which are zeros, take no room. With --large-in-store it is also read through s3fs; not from
moto, which copies an object as a whole for every part of it that is asked for, but from a server that answers the
questions of S3 that reading asks (HEAD, and GET with Range and If-Match) out of the file. Needs h5py, aiohttp, s3fs and
moto.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

import graphlint
from graphlint.sources.remote import RemoteFile, _filesystem
from tests.fleet.serving import served

BUILD = "import sys, keras; keras.applications.ResNet50(weights=None).save(sys.argv[1])"
DEPTHS = ("config", "structure", "weights")


def large(path: Path, layers: int = 64, units: int = 4096) -> Path:
    """A whole model of Dense layers in HDF5 whose numbers were never written."""
    names = [f"dense_{number}" for number in range(layers)]
    configs = [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, units], "dtype": "float32"}},
        *(
            {"class_name": "Dense", "config": {"name": name, "units": units, "activation": "relu", "use_bias": True}}
            for name in names
        ),
    ]
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "3.15.1"
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "large", "layers": configs}}
        )
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([b"in", *map(str.encode, names)])
        group.create_group("in").attrs["weight_names"] = np.array([], "S1")
        for name in names:
            inner = group.create_group(name)
            inner.attrs["weight_names"] = np.array([f"{name}/kernel".encode(), f"{name}/bias".encode()])
            for slot, shape in (("kernel", (units, units)), ("bias", (units,))):
                creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
                creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
                space = h5py.h5s.create_simple(shape)
                where = inner.require_group(name)
                h5py.h5d.create(where.id, slot.encode(), h5py.h5t.IEEE_F32LE, space, creation)
    return path


def measure(what: str, where: str, url: str, size: int) -> None:
    for depth in DEPTHS:
        place = RemoteFile(url)
        start = time.perf_counter()
        report = graphlint.check(place, depth=depth)
        seconds = time.perf_counter() - start
        status = report.models[0].status.value
        content = place.content()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        moved, share = f"{content.bytes / 1e6:,.2f} MB", f"{100 * content.bytes / size:.2f} %"
        outcome = f"{status}, {len(report.findings)} findings"
        print(
            f"| {what} ({size / 1e6:,.0f} MB) | {where} | {depth} | {content.requests:,} | {moved} | {share} "
            f"| {seconds:.2f} s | {outcome} | {peak:,.0f} MB |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--large-in-store", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.file or Path(folder) / "resnet50.keras"
        if arguments.file is None:
            subprocess.run([sys.executable, "-c", BUILD, str(model)], check=True)
        sparse = large(Path(folder) / "large.h5")
        print("| model | where | depth | requests | moved | of the file | time | outcome | peak memory |")
        print("|---|---|---|---:|---:|---:|---:|---|---:|")
        with served(resnet50_keras=model, large_h5=sparse) as serving:
            measure("ResNet50", "HTTP", f"{serving.url}/resnet50.keras", model.stat().st_size)
            measure("sparse HDF5", "HTTP", f"{serving.url}/large.h5", sparse.stat().st_size)
        from moto.server import ThreadedMotoServer

        os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        os.environ["AWS_ENDPOINT_URL"] = f"http://{host}:{port}"
        import s3fs

        store = s3fs.S3FileSystem()
        store.mkdir("models")
        store.put(str(model), "models/resnet50.keras")
        measure("ResNet50", "S3 (moto)", "s3://models/resnet50.keras", model.stat().st_size)
        server.stop()
        if arguments.large_in_store:
            with served() as serving:
                serving.files |= {"models/resnet50.keras": model, "models/large.h5": sparse}
                serving.tag = '"5d41402abc4b2a76b9719d911017c592"'
                os.environ["AWS_ENDPOINT_URL"] = serving.url
                s3fs.S3FileSystem.clear_instance_cache()
                _filesystem.cache_clear()
                measure("ResNet50", "S3 (from files)", "s3://models/resnet50.keras", model.stat().st_size)
                measure("sparse HDF5", "S3 (from files)", "s3://models/large.h5", sparse.stat().st_size)
                assert serving.conditions, "no read held the object against its ETag"


if __name__ == "__main__":
    main()

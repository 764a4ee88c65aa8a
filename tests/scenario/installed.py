#!/usr/bin/env python3
"""hubward as `cmake --install` leaves it: it finds the device models that came with it, wherever it is."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from plant_and_cloud import GROUP_KEY, ROOT, expect, run_scenarios

BUILD = pathlib.Path(os.environ.get("HUBWARD_BUILD") or ROOT / "build/release")


def site(folder, model):
    (folder / "devices.d").mkdir(parents=True)
    (folder / "group.key").write_text(GROUP_KEY + "\n")
    (folder / "group.key").chmod(0o600)
    (folder / "gateway.json").write_text(json.dumps({
        "version": 1, "dps": {"id_scope": "0ne00000000"},
        "enrollments": {"plant": {"type": "group", "key": {"file": "group.key"}}}}))
    (folder / "devices.d" / "one.json").write_text(json.dumps({
        "version": 1, "id": "one", "enrollment": "plant", "model": model,
        "attach": attachment_for(model)}))
    return folder


def attachment_for(model):
    """What a device's file must add to a model."""
    if '"modbus_rtu"' in (ROOT / "adapters/models" / f"{model}.json").read_text():
        return {"modbus_rtu": {"port": "/dev/ttyUSB0", "unit_id": 1}}
    return {"serial": {"port": "/dev/ttyUSB0"}}


def an_installed_hubward_finds_the_ready_made_models():
    with tempfile.TemporaryDirectory() as folder:
        prefix = pathlib.Path(folder) / "usr"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True,
                       stdout=subprocess.DEVNULL)
        environment = {key: value for key, value in os.environ.items() if key != "HUBWARD_MODELS"}
        expect((prefix / "share/doc/hubward/example-site/gateway.json").is_file(),
               "there is an example to begin with")
        models = sorted(path.stem for path in (ROOT / "adapters/models").glob("*.json"))
        expect(len(models) >= 7, f"there are ready-made models: {models}")
        for model in models:
            done = subprocess.run(
                [prefix / "bin/hubward", "check", "--config",
                 site(pathlib.Path(folder) / model, model)],
                capture_output=True, text=True, env=environment, timeout=30)
            expect(done.returncode == 0, f"{model}: {done.stdout}{done.stderr}")
        return ", ".join(models)


if __name__ == "__main__":
    sys.exit(run_scenarios([an_installed_hubward_finds_the_ready_made_models]))

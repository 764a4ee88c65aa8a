#!/usr/bin/python3
"""Writes the gateway's device files (devices.d) for a running simplant: every register of presses and
meters, the scale's line, the sensors' payload. The tag with the sample's number is called `counter`
everywhere, the name by which the simulated cloud knows what to count.

    device_files.py PLANT_JSON DIR [--enrollment NAME] [--keys DIR] [--interval-ms N]

From Python: device_files(plant, registers, ...) with the contents of plant.json and GET /registers.
"""
import argparse
import json
import pathlib
import urllib.request

# Cloud limits for what may be written; the rest of a data sheet is in the plant's own register list.
WRITE_RANGES = {
    "target_pressure": (0, 250),
    "hold_time": (0.1, 30),
    "batch_limit": (0, 1000000),
    "speed_factor": (0.1, 10),
    "offset_trim": (-500, 500),
    "demand_limit": (0, 100000),
}
TABLES = {"coil": "coil", "discrete_input": "discrete", "input_register": "input",
          "holding_register": "holding"}
# For people; registers and payloads of the plant keep to ASCII.
UNITS = {"degC": "\u00b0C", "um": "\u00b5m"}
SEQUENCE = {"read_sequence": "counter"}
SCALE_PATTERN = ("(?<status>ST|US),GS,(?<weight>[+-] +[0-9]+\\.[0-9]+)kg,#(?<counter>[0-9]+)")
SENSOR_TAGS = [
    {"name": "counter", "pointer": "/seq"},
    {"name": "temperature", "pointer": "/environment/temperature/value", "unit": UNITS["degC"]},
    {"name": "humidity", "pointer": "/environment/humidity", "unit": "%"},
    {"name": "vibration", "pointer": "/vibration/rms", "unit": "mm/s"},
    {"name": "battery", "pointer": "/status/battery", "unit": "%"},
    {"name": "door_open", "pointer": "/status/door_open"},
    {"name": "mode", "pointer": "/status/mode", "as": "property"},
]


def register_tag(register, interval_ms):
    tag = {"name": SEQUENCE.get(register["name"], register["name"]),
           "address": f"{TABLES[register['table']]}:{register['address']}",
           "type": register["type"], "interval_ms": interval_ms}
    for key in ("word_order", "scale"):
        if register.get(key):
            tag[key] = register[key]
    if register.get("unit"):
        tag["unit"] = UNITS.get(register["unit"], register["unit"])
    if register["writable"]:
        tag["writable"] = True
        if register["name"] in WRITE_RANGES:
            tag["min"], tag["max"] = WRITE_RANGES[register["name"]]
    return tag


def attachment(device):
    kind = device["kind"]
    if kind == "press":
        return {"modbus_tcp": {"host": device["host"], "port": device["port"],
                               "unit_id": device["unit_id"], "response_timeout_ms": 1000}}
    if kind == "meter":
        return {"modbus_rtu": {"port": device["path"], "baud": device["baud"], "parity": "none",
                               "unit_id": device["unit_id"]}}
    if kind == "scale":
        return {"serial": {"port": device["path"], "baud": device["baud"],
                           "pattern": SCALE_PATTERN}}
    return {"mqtt": {"topic": "plant/{device}/telemetry"}}


def tags(device, registers, interval_ms):
    if device["kind"] in ("press", "meter"):
        return [register_tag(register, interval_ms) for register in registers[device["id"]]]
    if device["kind"] == "scale":
        return [{"name": "counter", "type": "integer"}, {"name": "weight", "unit": "kg"},
                {"name": "status", "type": "text"}]
    return SENSOR_TAGS


NAMES = {"press": "Press", "meter": "Energy meter", "scale": "Filling scale", "sensor": "Sensor"}
# What a technician looks at first; the page shows a device's first values beside its name.
SHOWN_FIRST = ("pressure", "ram_position", "oil_temperature", "part_count", "active_power",
               "voltage_l1", "frequency", "cos_phi", "weight", "status", "temperature",
               "humidity", "vibration", "battery")


def by_interest(tag):
    name = tag["name"]
    return SHOWN_FIRST.index(name) if name in SHOWN_FIRST else len(SHOWN_FIRST)


def device_files(plant, registers, enrollment="plant", keys=None, interval_ms=500, names=None):
    """{device id: contents of its file}. `keys`: folder of files <id>.key, None if the enrollment
    names the group's key. `names`: {device id: name for people}, where the usual one will not do."""
    files = {}
    for device in plant["devices"]:
        name, number = device["id"].rsplit("-", 1)
        shown = (names or {}).get(device["id"], f"{NAMES[name]} {int(number)}")
        made = {"version": 1, "id": device["id"], "name": shown,
                "model_id": f"dtmi:hubward:demo:{device['kind']};1", "enrollment": enrollment}
        if keys is not None:
            made["key"] = {"file": str(pathlib.Path(keys) / (device["id"] + ".key"))}
        made["attach"] = attachment(device)
        made["tags"] = sorted(tags(device, registers, interval_ms), key=by_interest)
        files[device["id"]] = made
    return files


def main():
    parser = argparse.ArgumentParser(description="device files for a running simplant")
    parser.add_argument("plant", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--enrollment", default="plant")
    parser.add_argument("--keys", help="folder with <id>.key files; else the enrollment's group key")
    parser.add_argument("--interval-ms", type=int, default=500)
    options = parser.parse_args()
    plant = json.loads(options.plant.read_text())
    with urllib.request.urlopen(plant["control"] + "/registers", timeout=5) as answer:
        registers = json.load(answer)
    options.folder.mkdir(parents=True, exist_ok=True)
    made = device_files(plant, registers, options.enrollment, options.keys, options.interval_ms)
    for device, contents in made.items():
        (options.folder / (device + ".json")).write_text(json.dumps(contents, indent=2) + "\n")


if __name__ == "__main__":
    main()

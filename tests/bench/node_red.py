"""Node-RED with node-red-contrib-modbus under the same 10,000 tags as ours (`modbus_load.tags`), and as Node-RED's
manual would have it: a read node for each block of registers, a function node that makes named numbers of them, a
message a unit and second to the same hub over TLS. It stores nothing. README.md says more.
"""
import json
import os
import shutil
import subprocess

from stage import ROOT, Skipped, Stage, build_folder, device_id, device_key, figure, say, wait_for
from modbus_load import INTERVAL_MS, TAGS_A_UNIT, WARM_UP_S, Farm, Load, address, tags
from plant_and_cloud import free_port
from rival import token

PACKAGES = ROOT / "tests/bench/node_red"
TAGS_A_BLOCK = 62  # float32 in one request
INSTALL_S = 300

# Node-RED gives it one block; it keeps those of a unit together until all are there.
NAME_VALUES = """
const asked = msg.input.payload;
const bytes = msg.payload.buffer;
const values = context.get('values') || {};
for (let at = 0; at < bytes.length; at += 4) {
  const number = String((asked.address * 2 + at) / 4).padStart(3, '0');
  values['measurement_' + number] = Number(bytes.readFloatBE(at).toPrecision(7));
}
const blocks = (context.get('blocks') || 0) + 1;
if (blocks < %d) {
  context.set('values', values);
  context.set('blocks', blocks);
  return null;
}
context.set('values', {});
context.set('blocks', 0);
return {payload: values};
"""

SETTINGS = """
module.exports = {
  flowFile: 'flows.json', credentialSecret: false, uiHost: '127.0.0.1', uiPort: %d,
  disableEditor: true, telemetry: {enabled: false}, diagnostics: {enabled: false},
  logging: {console: {level: 'warn'}},
};
"""


def installed():
    """The folder with Node-RED: the locked packages, in the build's folder."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise Skipped("there is no Node.js here")
    folder = build_folder() / "node_red"
    lock = (PACKAGES / "package-lock.json").read_text()
    done = folder / "installed-lock.json"
    if done.exists() and done.read_text() == lock:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGES / name, folder)
    # What the packages' install scripts build is for serial ports.
    command = ["npm", "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund",
               "--fetch-retries=1", "--fetch-timeout=30000", "--loglevel=error"]
    try:
        subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_S, capture_output=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise Skipped(f"npm could not install Node-RED: {error}") from None
    done.write_text(lock)
    return folder


def flows(stage, host, port, units, tags_a_unit):
    hub, device = stage.hub, device_id(0)
    mqtt_host, mqtt_port = hub["address"].rsplit(":", 1)
    nodes = [
        {"id": "flow", "type": "tab", "label": "10,000 tags"},
        {"id": "plc", "type": "modbus-client", "name": "", "clienttype": "tcp",
         "bufferCommands": True, "tcpHost": host, "tcpPort": port, "tcpType": "DEFAULT",
         "unit_id": 1, "commandDelay": 1, "clientTimeout": 1000, "reconnectOnTimeout": True,
         "reconnectTimeout": 2000, "parallelUnitIdsAllowed": True},
        {"id": "tls", "type": "tls-config", "name": "", "cert": "", "key": "", "ca": "",
         "certname": "", "keyname": "", "caname": "", "servername": "", "verifyservercert": True},
        {"id": "hub", "type": "mqtt-broker", "name": "", "broker": mqtt_host, "port": mqtt_port,
         "clientid": device, "usetls": True, "tls": "tls", "protocolVersion": "4", "keepalive": "60",
         "cleansession": True, "autoConnect": True},
        {"id": "out", "type": "mqtt out", "z": "flow", "qos": "1", "retain": "false",
         "broker": "hub", "topic": f"devices/{device}/messages/events/", "wires": []},
    ]
    starts = range(0, tags_a_unit, TAGS_A_BLOCK)
    for unit in range(1, units + 1):
        nodes.append({"id": f"name-{unit}", "type": "function", "z": "flow", "outputs": 1,
                      "func": NAME_VALUES % len(starts), "wires": [["out"]], "libs": []})
        for start in starts:
            count = min(TAGS_A_BLOCK, tags_a_unit - start)
            nodes.append({"id": f"read-{unit}-{start}", "type": "modbus-read", "z": "flow",
                          "name": "", "topic": "", "unitid": str(unit), "server": "plc",
                          "dataType": "HoldingRegister", "adr": str(2 * start),
                          "quantity": str(2 * count), "rate": str(INTERVAL_MS // 1000),
                          "rateUnit": "s", "wires": [[], [f"name-{unit}"]]})
    login = {"user": f"{hub['host']}/{device}/?api-version=2021-04-12",
             "password": token(f"{hub['host']}/devices/{device}", device_key(device))}
    return nodes, {"hub": login}


def start(stage, folder, farm, units, tags_a_unit):
    user = stage.folder / "node-red"
    user.mkdir()
    nodes, credentials = flows(stage, address(0), farm.port, units, tags_a_unit)
    (user / "flows.json").write_text(json.dumps(nodes))
    (user / "flows_cred.json").write_text(json.dumps(credentials))
    (user / "settings.js").write_text(SETTINGS % free_port())
    (user / "node_modules").symlink_to(folder / "node_modules")
    (user / "package.json").write_text((folder / "package.json").read_text())
    os.environ["NODE_EXTRA_CA_CERTS"] = stage.cloud.ports["ca"]
    # It logs to standard output.
    return stage.peer("node-red", "sh", "-c", 'exec node "$0" --userDir "$1" >&2',
                      str(folder / "node_modules/node-red/red.js"), str(user))


def tags_node_red(units=10, tags_a_unit=TAGS_A_UNIT, seconds=20):
    folder = installed()
    ours = tags(units, tags_a_unit, seconds)
    with Stage(1) as stage:
        farm = Farm(stage, 1)
        peer = start(stage, folder, farm, units, tags_a_unit)
        stage.wait_connected()
        wait_for(lambda: farm.counts()["requests"] > units, 60, "Node-RED polls")
        load = Load(stage, peer.pid, farm, seconds, WARM_UP_S)
        peer.process.terminate()
        peer.process.wait(20)
    name = "southbound.tags.node_red"
    figure(f"{name}_delivered", load.values_a_s, "values/s at the cloud")
    figure(f"{name}_cpu", load.cpu_percent, "% of a core")
    figure(f"{name}_resident", load.resident_mb, "MB")
    if load.values_a_s < 0.9 * units * tags_a_unit:
        say(f"{name}: delivers {load.values_a_s:.0f} of {units * tags_a_unit} values/s")
    # What a delivered value costs, lest somebody who delivers less looks cheaper.
    a_value = [one.cpu_percent / one.values_a_s for one in (ours, load)]
    figure(f"{name}_cpu_ratio", a_value[0] / a_value[1], "x Node-RED, a value", 1)
    figure(f"{name}_resident_ratio", ours.resident_mb / load.resident_mb, "x Node-RED", 1)

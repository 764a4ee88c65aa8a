#!/usr/bin/env python3
"""The gateway and Microsoft's own client change places for one identity; the cloud sees one device.

Turn 1 is the gateway's, turn 2 the SDK's (tests/sim/sdk/peer.js), turn 3 the gateway's again. The
cloud's record of the turns is compared packet by packet, with these differences left out:

- who it is: ClientVersion and DeviceClientType in the user name, and the order of its fields;
- keep-alive: the SDK has 180 s (30 s are enough for us at DPS, 240 s by configuration at the hub);
- the order in which the four filters are subscribed, and where among them the twin is fetched: the
  hub promises no order, so only the set is compared;
- UNSUBSCRIBE just before DISCONNECT: at DPS the SDK's courtesy, empty in a clean session; at the
  hub ours, so that a caller hears at once that the device is going, and no command is lost;
- numbers of the moment: twin versions, and what the cloud's plain trace leaves out itself (packet
  ids, request ids, message ids, times, tokens);
- how many telemetry messages there are and between which other packets they lie: that is the
  plant's doing. Their topics and acknowledgements are compared as a set.
"""
import base64
import hashlib
import hmac
import json
import queue
import re
import subprocess
import sys
import threading

from plant_and_cloud import (GROUP_KEY, ROOT, Failure, Site, Skipped, expect, http, run_scenarios,
                             summary, wait_for)

DEVICE = "press-01"
SDK = ROOT / "tests/sim/sdk"


def install_sdk():
    try:
        done = subprocess.run([str(SDK / "install")], capture_output=True, text=True, timeout=240)
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise Skipped(f"the SDKs cannot be installed: {failure}") from None
    if done.returncode != 0:
        raise Skipped("the SDKs cannot be installed: " + (done.stderr.strip() or "npm failed")[-200:])


def device_key(device):
    key = base64.b64decode(GROUP_KEY)
    return base64.b64encode(hmac.new(key, device.encode(), hashlib.sha256).digest()).decode()


class Peer:
    """The SDK's client as a process; orders in, events out."""

    def __init__(self, site, model_id):
        self.events = queue.Queue()
        errors = open(site.folder / "peer.log", "ab")
        self.process = subprocess.Popen(
            ["node", str(SDK / "peer.js"), str(site.folder / "cloud/ports.json"), DEVICE,
             device_key(DEVICE), model_id],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        errors.close()
        site.processes["peer"] = self.process
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def hear(self, event, seconds=20):
        """The next event of this name; others before it are passed over."""
        while True:
            try:
                found = self.events.get(timeout=seconds)
            except queue.Empty:
                raise Failure(f"the SDK's client does not say {event!r}") from None
            if found["event"] == event:
                return found

    def end(self):
        self.process.stdin.close()
        expect(self.process.wait(20) == 0, "the SDK's client ends with 0")


def user_name(line):
    """Agent out, the other fields in a fixed order."""
    found = re.search(r"user=(\S+)", line)
    if not found:
        return line
    place, _, fields = found[1].partition("api-version=")
    kept = sorted(field for field in ("api-version=" + fields).split("&")
                  if not field.startswith(("ClientVersion=", "DeviceClientType=")))
    return line.replace(found[1], place + "&".join(kept))


def trace(site):
    """(at DPS in order, subscriptions at the hub, other packets at the hub in order, kinds of
    telemetry packets), since the last call."""
    address = f"/trace?device={DEVICE}"
    lines = site.cloud.get(address + "&plain=1").splitlines()
    http(site.cloud.url + address, method="DELETE")
    dps, subscribed, unsubscribed, spoken, telemetry = [], [], [], [], set()
    for line in lines:
        line = re.sub(r"keepalive=\d+", "keepalive=*", user_name(line))
        line = re.sub(r"\$version=\d+", "$version=*", line)
        if "UNSUB" in line:
            unsubscribed.append(line)
        elif line.startswith("dps"):
            dps.append(line)
        elif "SUBSCRIBE" in line or "SUBACK" in line:
            subscribed.append(line)
        elif "/messages/events/" in line or line.endswith(" > PUBACK"):
            telemetry.add(line)
        else:
            spoken.append(line)
    # Fetching the twin is part of the login, whose inner order is free.
    spoken.sort(key=lambda line: 0 if "CONN" in line and "DIS" not in line else
                1 if "/twin/GET/" in line else 2 if "/twin/res/200/" in line else 3)
    expect(all("methods" in line or line.startswith("dps") or "UNSUBACK" in line
               for line in unsubscribed), f"only methods are unsubscribed: {unsubscribed}")
    return dps, sorted(subscribed), spoken, telemetry


def same(ours, theirs, what):
    if ours != theirs:
        raise Failure(f"{what} differs.\nhubward:\n  " + "\n  ".join(ours)
                      + "\nSDK:\n  " + "\n  ".join(theirs))


def twin_of(site):
    return site.cloud.device(DEVICE)["twin"]


def acknowledged(site, version):
    found = twin_of(site)["reported"].get("target_pressure", {})
    return found if found.get("av") == version else None


def use(site, pressure):
    """What the cloud does with the device in each turn; returns what it gets back."""
    method = site.cloud.method(DEVICE, "run", False)
    version = site.cloud.post(f"/devices/{DEVICE}/twin", {"target_pressure": pressure})["version"]
    answer = wait_for(lambda: acknowledged(site, version), 20, "the wish is answered")
    expect(answer["value"] == pressure and answer["ac"] == 200, f"done: {answer}")
    return method, version


def send_down(site, text):
    site.cloud.post(f"/devices/{DEVICE}/c2d", {"body": text, "ttl_s": 600,
                                               "properties": {"method-name": "hold_time"}})


def telemetry_of(site):
    return site.cloud.get(f"/devices/{DEVICE}/messages?after=0&limit=5000")["messages"]


def they_change_places_and_the_cloud_sees_one_device():
    install_sdk()
    with Site(hubs=1, sensors=0, meters=0, scales=0) as site:
        # Turn 1: the gateway is new here.
        site.start_gateway()
        site.wait_all_online()
        site.start_plant()
        wait_for(lambda: len(site.arrived(DEVICE)) > 5, 30, "samples")
        expect(site.stop("gateway") == 0, "the gateway ends with 0")
        first_dps, first_subscribed, _, first_telemetry = trace(site)
        newest = telemetry_of(site)[-1]
        count = len(telemetry_of(site))

        # Turn 2: the SDK. A message for the device waits in the session that hubward opened.
        send_down(site, 3.5)
        peer = Peer(site, "dtmi:hubward:demo:press;1")
        expect(peer.hear("message")["text"] == "3.5", "what waited arrives at the SDK")
        peer.hear("connected")
        peer.order(commands=["run"])
        wait_for(lambda: "$iothub/methods/POST/#" in site.cloud.device(DEVICE)["subscriptions"], 10,
                 "the SDK takes commands")
        peer.order(send=newest["body"], id="sdk-1", created_at=newest["properties"]["$.ctime"])
        peer.hear("sent")
        sdk_method, sdk_version = use(site, 111.1)
        send_down(site, 4.5)
        expect(peer.hear("message")["text"] == "4.5", "and what comes while it is there")
        peer.end()
        wait_for(lambda: DEVICE not in site.connected(), 10, "the SDK is gone")
        sdk_dps, sdk_subscribed, sdk_spoken, sdk_telemetry = trace(site)

        # Turn 3: the gateway again, without asking DPS.
        send_down(site, 5.5)
        site.start_gateway()
        site.wait_all_online()
        hold_time = ("holding_register", 1)

        def held():
            return [write["values"][0] for write in site.plant.get(f"/writes/{DEVICE}")[DEVICE]
                    if (write["table"], write["address"]) == hold_time]

        wait_for(lambda: held() == [5500], 20, "what waited is written")
        wait_for(lambda: len(telemetry_of(site)) > count + 10, 30, "telemetry goes on")
        method, version = use(site, 122.2)
        send_down(site, 6.5)
        wait_for(lambda: held() == [5500, 6500], 20, "and what comes while it is there")
        score = site.settle(forgive_at_risk=True)
        expect(site.stop("gateway") == 0, "the gateway ends with 0")
        dps, subscribed, spoken, telemetry = trace(site)

        same(first_dps, sdk_dps, "the conversation with DPS")
        expect(dps == [], f"the cached assignment holds: {dps}")
        same(subscribed, sdk_subscribed, "the set of subscriptions")
        same(first_subscribed, sdk_subscribed, "the set of subscriptions at first")
        same(spoken, sdk_spoken, "what is said at the hub")
        same(sorted(telemetry), sorted(sdk_telemetry), "telemetry")
        same(sorted(first_telemetry), sorted(sdk_telemetry), "telemetry at first")
        expect(method == sdk_method, f"commands are answered alike: {method} {sdk_method}")
        # What one reported the other one found: the wish of the SDK's turn was not written again.
        expect(version == sdk_version + 1, f"one twin: version {sdk_version}, then {version}")
        pressures = [write["values"][0] for write in site.plant.get(f"/writes/{DEVICE}")[DEVICE]
                     if (write["table"], write["address"]) == ("holding_register", 0)]
        expect(pressures == [1222], f"only the gateway's own wish was written: {pressures}")
        expect(site.cloud.device(DEVICE)["telemetry"]["repeated"] == 0
               and site.order_violations() == 0, "one stream: nothing twice, in order")
        expect(site.cloud.conversations(DEVICE) == 2, "DPS was asked once by each")
        return (f"{len(sdk_dps)} packets at DPS and {len(sdk_spoken) + len(sdk_subscribed)} at the hub "
                f"are equal; {summary(score)}")


if __name__ == "__main__":
    sys.exit(run_scenarios([they_change_places_and_the_cloud_sees_one_device]))

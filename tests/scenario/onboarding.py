#!/usr/bin/env python3
"""Devices that no file knows, played by mosquitto_pub: they wait for somebody's yes, or a rule's, get a
file and an identity from the group's key, and run without a restart. Their messages are plain text, a
topic for each value.
"""
import json
import os
import shutil
import subprocess
import sys

from observations import messages
from plant_and_cloud import BROKER_PASSWORD, ROOT, Site, Skipped, expect, run_scenarios, wait_for

# It logs in as a sensor below whose topics a radio gateway's probes speak.
USER = "sensor-01"
BASE = f"plant/{USER}/radio"
MODEL = {
    "version": 1,
    "attach": {"mqtt": {"topic": f"plant/{USER}/radio/{{device}}/{{tag}}", "payload": "text",
                        "availability": {"topic": f"plant/{USER}/radio/{{device}}/status"}}},
    "tags": [{"name": "counter", "type": "integer"}, {"name": "temperature", "unit_text": "C"},
             {"name": "mode", "type": "text", "in_topic": "mode-1"}],
}
RULE = {"model": "probe", "enrollment": "plant", "approve_names": ["auto-*"], "devices_max": 3}


# A device that logs in itself: its name in the topic is that of its user at the broker.
OWN_MODEL = {"version": 1, "attach": {"mqtt": {"topic": "plant/{device}/telemetry"}},
             "tags": [{"name": "v", "pointer": "/v"}]}


def site_with_probes(rule=RULE):
    if not shutil.which("mosquitto_pub"):
        raise Skipped("mosquitto_pub is not installed")
    return Site(hubs=1, sensors=1, presses=0, meters=0, scales=0,
                settings={"onboarding": {"radio": rule}})


def prepare(site, model=MODEL):
    models = site.site_folder / "models"
    models.mkdir()
    (models / "probe.json").write_text(json.dumps(model))
    site.start_gateway()
    site.wait_all_online()
    site.start_plant()


def say(site, name, tag, text, *more):
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(site.broker_port), "-u", USER, "-P",
                    BROKER_PASSWORD, "-q", "1", "-t", f"{BASE}/{name}/{tag}", "-m", text, *more],
                   check=True, timeout=20)


def onboard(site, *arguments):
    asked = subprocess.run([site.program("hubward"), "onboard", *arguments, "--config",
                            str(site.site_folder)], capture_output=True, text=True, timeout=20)
    return asked.returncode, asked.stdout + asked.stderr


def waiting(site):
    return {one["name"]: one for one in site.status()["newcomers"]["devices"]}


def bodies(site, device):
    return [message["body"] for message in messages(site, device)]


def files(site):
    return sorted(path.name for path in (site.site_folder / "devices.d").iterdir())


def heard_until_connected(site, name, tag, first):
    """Speaks as often as it takes: what comes before the approval is not stored."""
    counter = [first - 1]

    def connected():
        counter[0] += 1
        say(site, name, tag, str(counter[0]))
        return name in site.connected()

    wait_for(connected, 30, f"{name} is connected")
    return counter[0]


def a_device_waits_for_a_yes_and_then_runs_without_a_restart():
    with site_with_probes() as site:
        prepare(site)
        before = files(site)
        say(site, "probe-1", "counter", "1")
        say(site, "probe-1", "status", "online")
        say(site, "ghost", "counter", "1", "--retain")
        say(site, "probe-1", "counter", "2")
        wait_for(lambda: waiting(site).get("probe-1", {}).get("messages", 0) >= 2, 20, "it waits")
        code, listed = onboard(site, "list")
        expect(code == 0 and "hubward onboard approve probe-1" in listed, f"and is listed: {listed}")
        expect(files(site) == before, f"its messages make no file: {files(site)}")
        bad = site.status()["site"]["bad_inputs"]
        expect(bad == 0, f"nor are they bad input: {bad}")

        code, said = onboard(site, "approve", "probe-1")
        expect(code == 0 and "It runs." in said, f"approved: {said}")
        written = json.loads((site.site_folder / "devices.d" / "probe-1.json").read_text())
        expect(written["model"] == "probe" and written["enrollment"] == "plant", f"its file: {written}")
        wait_for(lambda: "probe-1" in site.connected(), 30, "it has its own identity")
        say(site, "probe-1", "counter", "3")
        say(site, "probe-1", "temperature", "21.5 C")
        say(site, "probe-1", "mode-1", "läuft")
        wait_for(lambda: len(bodies(site, "probe-1")) >= 3, 20, "its values arrive")
        expect(bodies(site, "probe-1") == [{"counter": 3}, {"temperature": 21.5}, {"mode": "läuft"}],
               f"from the approval on, as plain text says: {bodies(site, 'probe-1')}")
        shown = {device["id"]: device for device in site.status()["devices"]}
        expect("probe-1" in shown and "probe-1" not in waiting(site), f"it is shown: {list(shown)}")

        code, said = onboard(site, "approve", "probe-1")
        expect(code == 1 and "waits" in said, f"once is enough: {said}")
        site.kill_gateway()
        site.start_gateway()
        wait_for(lambda: site.connected() >= {"probe-1", *site.devices}, 30, "its file starts it again")
        checked = subprocess.run([site.program("hubward"), "check", "--config", str(site.site_folder)],
                                 capture_output=True, text=True, timeout=20)
        expect(checked.returncode == 0, f"a file like any other: {checked.stdout}{checked.stderr}")


def a_rule_approves_some_and_some_are_refused():
    with site_with_probes() as site:
        prepare(site)
        before = files(site)
        last = heard_until_connected(site, "auto-1", "counter", 1)
        say(site, "auto-1", "counter", str(last + 1))
        wait_for(lambda: {"counter": last + 1} in bodies(site, "auto-1"), 20, "its values arrive")

        say(site, "stranger", "counter", "1")
        wait_for(lambda: "stranger" in waiting(site), 20, "who fits no rule's names waits")
        code, said = onboard(site, "refuse", "stranger")
        expect(code == 0, said)
        say(site, "stranger", "counter", "2")

        # Names that are no ids, and want out of the folder.
        for name in ("..", "Probe_7", "auto-X", "-x"):
            say(site, name, "counter", "1")
        wait_for(lambda: {"..", "Probe_7", "auto-X", "-x"} <= set(waiting(site)), 20, "they wait")
        expect("stranger" not in waiting(site), "and who was refused does not")
        for name in ("..", "Probe_7"):
            code, said = onboard(site, "approve", name)
            expect(code == 1 and "can be no id" in said, f"{name}: {said}")
        code, said = onboard(site, "approve", "Probe_7", "--id", "auto-1")
        expect(code == 1 and "already" in said, f"an id is one device's: {said}")
        code, said = onboard(site, "approve", "Probe_7", "--id", "probe-7")
        expect(code == 0, said)
        wait_for(lambda: "probe-7" in site.connected(), 30, "under another id")
        say(site, "Probe_7", "counter", "5")
        wait_for(lambda: bodies(site, "probe-7") == [{"counter": 5}], 20, "its values arrive")

        # The rule lets three in, and one by hand counts.
        heard_until_connected(site, "auto-2", "counter", 1)
        say(site, "auto-3", "counter", "1")
        wait_for(lambda: "devices_max" in waiting(site).get("auto-3", {}).get("problem", ""), 20,
                 "more than devices_max wait")
        expect(set(files(site)) - set(before) == {"auto-1.json", "auto-2.json", "probe-7.json"},
               f"nothing else has a file: {files(site)}")

        site.kill_gateway()
        (site.site_folder / "devices.d").chmod(0o555)
        site.start_gateway()
        wait_for(lambda: site.connected() >= {"auto-1", "auto-2", "probe-7"}, 30, "they are back")
        say(site, "stranger", "counter", "3")
        say(site, "probe-9", "counter", "1")
        wait_for(lambda: "probe-9" in waiting(site), 20, "a new one waits")
        expect("stranger" not in waiting(site), "who was refused stays refused")
        if os.geteuid() != 0:  # root may write anywhere
            code, said = onboard(site, "approve", "probe-9")
            expect(code == 1 and "devices.d" in said, f"a folder that cannot be written is said: {said}")
        (site.site_folder / "devices.d").chmod(0o755)
        return f"{len(files(site)) - len(before)} devices let in"


def a_new_device_gets_a_user_at_the_broker_and_then_a_yes_while_all_run():
    """The steps of deploy/mosquitto/README.md, "A new device, step by step"."""
    with site_with_probes({"model": "probe", "enrollment": "plant"}) as site:
        prepare(site, OWN_MODEL)

        def speak(user, password, topic, value):
            return subprocess.run(
                ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(site.broker_port), "-u", user, "-P",
                 password, "-q", "1", "-t", topic, "-m", json.dumps({"v": value})],
                capture_output=True, timeout=20).returncode == 0

        expect(not speak("probe-7", "guessed", "plant/probe-7/telemetry", 1), "without a user: nothing")
        code, said = onboard(site, "approve", "probe-7")
        expect(code == 1 and "first message" in said and "step by step" in said, f"what is missing: {said}")

        added = subprocess.run([str(ROOT / "deploy/mosquitto/user"), "--state",
                                str(site.folder / "broker"), "add", "probe-7"],
                               capture_output=True, text=True, timeout=20)
        expect(added.returncode == 0, f"a user for it: {added.stderr}")
        password = added.stdout.strip()
        wait_for(lambda: speak("probe-7", password, "plant/probe-7/telemetry", 2), 20, "it gets in")
        speak("probe-7", password, "plant/probe-8/telemetry", 3)
        wait_for(lambda: "probe-7" in waiting(site), 20, "and waits")
        expect(list(waiting(site)) == ["probe-7"], f"nobody else by its word: {list(waiting(site))}")

        code, said = onboard(site, "approve", "probe-7")
        expect(code == 0 and "It runs." in said, f"approved: {said}")
        speak("probe-7", password, "plant/probe-7/telemetry", 4)
        wait_for(lambda: {"v": 4} in bodies(site, "probe-7"), 30, "its telemetry arrives in the cloud")
        expect(bodies(site, "probe-7") == [{"v": 4}], f"from the yes on: {bodies(site, 'probe-7')}")
        restarts = [name for name in site.devices if name not in site.connected()]
        expect(not restarts, f"all others stayed connected: {restarts}")


if __name__ == "__main__":
    sys.exit(run_scenarios([a_new_device_gets_a_user_at_the_broker_and_then_a_yes_while_all_run,
                            a_device_waits_for_a_yes_and_then_runs_without_a_restart,
                            a_rule_approves_some_and_some_are_refused]))

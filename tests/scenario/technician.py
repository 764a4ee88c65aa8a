#!/usr/bin/env python3
"""What a technician does at the command line, against a gateway that runs: why, drill, maintenance,
quarantine; and why without a gateway."""
import json
import subprocess
import sys
import time

from observations import start_and_hear
from plant_and_cloud import GROUP_KEY, Site, expect, http, run_scenarios, summary, wait_for

PRESS, METER = "press-01", "meter-01"


def hubward(site, *words, status=0, seconds=130):
    """What a command prints; its exit status must be `status` (None: any)."""
    done = subprocess.run([site.program("hubward"), *words, "--config", str(site.site_folder)],
                          capture_output=True, text=True, timeout=seconds)
    expect(status is None or done.returncode == status,
           f"hubward {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def why(site, device, **options):
    """(answer as JSON, its steps by name)."""
    answer = json.loads(hubward(site, "why", device, "--json", **options))
    return answer, {step["step"]: step for step in answer["steps"]}


def running(site):
    start_and_hear(site)


def expect_undisturbed(site, device, connects, conversations):
    counts = site.cloud.device(device)["counts"]
    expect(counts["connects"] == connects, f"{device} keeps its connection: {counts}")
    expect(site.cloud.conversations(device) == conversations, f"{device}: DPS was not asked")


def why_of_a_device_that_is_online_leaves_it_alone():
    with Site(hubs=1, sensors=1, meters=0, scales=0) as site:
        running(site)
        for _ in range(3):
            answer, steps = why(site, PRESS)
            expect(answer["online"] and "nothing is wrong" in answer["verdict"], f"{answer}")
            expect(all(step["state"] in ("ok", "not asked") for step in steps.values()), f"{steps}")
            for step in ("hub_name", "hub_tcp", "hub_tls", "dps_name", "dps_tcp", "dps_tls"):
                expect(steps[step]["state"] == "ok" and steps[step]["text"], f"{step}: {steps}")
            expect("TLSv1." in steps["hub_tls"]["text"] and "issued by" in steps["hub_tls"]["text"],
                   f"{steps['hub_tls']}")
            expect("token valid until" in steps["hub_login"]["text"], f"{steps['hub_login']}")
            expect(any(host["port"] == int(site.cloud.ports["dps"].split(":")[1])
                       for host in answer["open"]), f"DPS is among what must be open: {answer}")
        text = hubward(site, "why", PRESS)
        expect("outwards only" in text and "nothing is wrong" in text, text)
        for device in site.devices:
            expect_undisturbed(site, device, 1, 1)
        expect("there is no device" in hubward(site, "why", "nobody", status=1), "unknown device")
        return summary(site.settle())


def why_of_a_blocked_device_tries_now_and_asks_dps_once():
    with Site(sensors=0, meters=0, scales=0, presses=2) as site:
        running(site)
        site.cloud.post(f"/devices/{PRESS}/block")
        wait_for(lambda: next(d for d in site.status()["devices"] if d["id"] == PRESS)
                 .get("failure") == "dps_blocked", 60, "the block is known")
        asked = site.cloud.conversations(PRESS)
        before = site.cloud.device(PRESS)["counts"]
        began = time.monotonic()
        answer, steps = why(site, PRESS)
        took = time.monotonic() - began
        expect(not answer["online"] and "blocked" in answer["verdict"], f"{answer['verdict']}")
        expect("approve or unblock" in answer["person_does"], f"{answer}")
        expect(steps["hub_tls"]["state"] == "ok", f"the way is free: {steps}")
        expect(steps["hub_login"]["state"] == "stopped here", f"{steps['hub_login']}")
        expect(steps["dps_answer"]["state"] == "stopped here", f"{steps['dps_answer']}")
        for _ in range(5):
            why(site, PRESS)
        after = site.cloud.device(PRESS)["counts"]
        # Two for the steps of its own that end meanwhile; one for each attempt that is made because
        # somebody asks, which is not more than one in ten seconds.
        hastened = 1 + int((time.monotonic() - began) / 10)
        expect(site.cloud.conversations(PRESS) <= asked + 2 + hastened,
               f"six answers, DPS asked {site.cloud.conversations(PRESS) - asked} times: {before} {after}")
        site.cloud.post(f"/devices/{PRESS}/unblock")

        def back():
            why(site, PRESS)  # somebody who waits is served sooner than by the pause
            return PRESS in site.connected()

        wait_for(back, 60, "back after the unblocking")
        expect_undisturbed(site, "press-02", 1, 1)
        site.settle()
        return f"answer in {took:.1f} s"


def why_without_a_gateway_walks_by_itself():
    with Site(sensors=0, meters=0, scales=0, presses=1) as site:
        # Never run: no state folder, so DPS is asked.
        answer, steps = why(site, PRESS)
        expect(steps["dps_answer"]["state"] == "ok" and steps["hub_login"]["state"] == "ok", f"{steps}")
        expect("no gateway is running" in answer["verdict"], answer["verdict"])
        expect(site.cloud.conversations(PRESS) == 1, "one conversation")
        expect(not (site.folder / "state").exists(), "it makes no state folder")
        running(site)
        site.settle()
        site.stop("gateway")
        known = site.cloud.conversations(PRESS)
        answer, steps = why(site, PRESS)
        expect(steps["hub_login"]["state"] == "ok" and steps["dps_answer"]["state"] == "not asked",
               f"the hub is known from the state folder: {steps}")
        expect(site.cloud.conversations(PRESS) == known, "DPS is not asked for a known hub")
        site.cloud.post(f"/devices/{PRESS}/block")
        answer, steps = why(site, PRESS)
        expect("blocked" in answer["verdict"] and site.cloud.conversations(PRESS) == known + 1,
               f"{answer['verdict']}")
        down = site.cloud.fault(kind="down", target="hub-1")
        answer, steps = why(site, PRESS)
        expect(steps["hub_tcp"]["state"] == "stopped here" and
               steps["hub_tls"]["state"] == "not reached", f"{steps}")
        site.cloud.end_fault(down)
        # A roots file that does not know the cloud's issuer: what a TLS inspection looks like.
        other = site.folder / "other.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=somebody else", "-keyout", "/dev/null", "-out", str(other)],
                       check=True, capture_output=True)
        gateway = site.site_folder / "gateway.json"
        settings = json.loads(gateway.read_text())
        settings["trusted_roots_file"] = str(other)
        gateway.write_text(json.dumps(settings))
        answer, steps = why(site, PRESS)
        expect("A firewall or proxy opens" in answer["verdict"] and "issued by" in answer["verdict"],
               answer["verdict"])
        expect("TLS inspection" in answer["person_does"], answer["person_does"])
        return answer["verdict"]


def why_with_a_dead_control_socket_does_not_push_the_gateway_out():
    with Site(sensors=0, meters=0, scales=0, presses=1) as site:
        running(site)
        (site.folder / "state" / "control.sock").unlink()
        text = hubward(site, "why", PRESS, status=None)
        expect("in use by process" in text, text)
        expect_undisturbed(site, PRESS, 1, 1)
        site.settle()


def a_drilled_failover_loses_nothing_and_says_so():
    with Site(hubs=2, sensors=1, meters=0, scales=0, rate=20) as site:
        running(site)
        device = "sensor-01"
        conversations = site.cloud.conversations(device)
        drill = json.loads(hubward(site, "drill", "failover", device, "--json"))
        expect(drill["finished"] and drill["lost"] == 0 and drill["waiting"] == 0, f"{drill}")
        expect(drill["acknowledged"] == drill["expected"] > 0, f"{drill}")
        expect(drill["dps_conversations"] == 1 and drill["logins"] == 1, f"{drill}")
        expect(drill["hub_after"] == drill["hub_before"], f"nobody moved it: {drill}")
        expect(0 < drill["accepted_after_ms"] <= drill["first_acknowledged_after_ms"], f"{drill}")
        expect(site.cloud.conversations(device) == conversations + 1, "one conversation")
        # The next one goes to the other hub.
        site.cloud.post("/enroll", {"name": "plant", "group": True, "key": GROUP_KEY,
                                    "hubs": ["hub-2"]})
        text = hubward(site, "drill", "failover", device)
        expect("nothing was lost" in text, text)
        expect(site.cloud.device(device)["hub"] == "hub-2", "it went where DPS said")
        for words in (("no-such-device", "there is no device"),):
            expect(words[1] in hubward(site, "drill", "failover", words[0], status=1), words[1])
        # Two at once: the second is refused in words.
        first = subprocess.Popen([site.program("hubward"), "drill", "failover", PRESS, "--json",
                                  "--config", str(site.site_folder)], stdout=subprocess.PIPE)
        wait_for(lambda: "event=drill_started device=press-01" in site.all_gateway_logs(), 20,
                 "the drill has begun")
        refused = hubward(site, "drill", "failover", device, status=None)
        first.communicate(timeout=130)
        log = site.all_gateway_logs()
        if log.find(f"event=drill_started device={device}", log.rfind("device=press-01")) < 0:
            expect("is being rehearsed" in refused, refused)
        site.cloud.fault(kind="down", target="hub-1")
        site.cloud.fault(kind="down", target="hub-2")
        wait_for(lambda: not site.connected(), 60, "nobody is online")
        expect("is not online" in hubward(site, "drill", "failover", device, status=1), "offline")
        journal = http(f"{site.page}/api/devices/{device}")["events"]
        expect({"drill_started", "drill_finished"} <= {event["event"] for event in journal},
               f"it stands in the journal: {journal}")
        return (f"accepted after {drill['accepted_after_ms']} ms, first PUBACK after "
                f"{drill['first_acknowledged_after_ms']} ms, {drill['acknowledged']} messages")


def maintenance_pauses_writes_also_over_a_restart():
    with Site(hubs=1, sensors=0, meters=0, scales=0) as site:
        running(site)

        def written():
            return len(site.plant.get(f"/writes/{PRESS}")[PRESS])

        def say(value):
            return site.cloud.method(PRESS, "target_pressure", value)

        expect("Maintenance is off" in hubward(site, "maintenance"), "off to begin with")
        expect(say(100.5)["status"] == 200 and written() == 1, "a command is written")
        expect("Maintenance is on" in hubward(site, "maintenance", "on"), "on")
        expect(say(101.5)["status"] != 200 and written() == 1, "nothing reaches the plant")
        expect(site.status()["site"]["writes_paused"], "the page says so")
        site.kill_gateway()
        site.start_gateway()
        site.wait_all_online()
        expect("Maintenance is on" in hubward(site, "maintenance"), "still on after the restart")
        answer = wait_for(lambda: say(102.5), 20, "the device answers again")
        expect(answer["status"] != 200 and written() == 1, f"still nothing: {answer}")
        expect("Maintenance is off" in hubward(site, "maintenance", "off"), "off")
        expect(say(103.5)["status"] == 200 and written() == 2, "commands reach the plant again")
        expect(not (site.folder / "state" / "maintenance").exists(), "the marker is gone")
        site.stop("gateway")
        expect("no gateway runs" in hubward(site, "maintenance", "on", status=3), "nobody there")


def quarantine_exports_what_was_set_aside():
    with Site(hubs=1, sensors=1, presses=0, meters=0, scales=0, rate=30) as site:
        site.start_gateway()
        site.wait_all_online()
        expect(hubward(site, "quarantine") == "hubward: no message is set aside\n",
               "nothing to begin with, and that is said")
        site.cloud.fault(kind="poison", device="sensor-01", text='"counter":40,')
        site.start_plant()
        lines = wait_for(lambda: [line for line in hubward(site, "quarantine").splitlines()
                                  if line.startswith("{")], 60, "one is set aside")
        message = json.loads(lines[0])
        expect(len(lines) == 1 and message["device"] == "sensor-01" and '"counter":40,' in message["body"],
               f"{message}")
        expect(message["reason"] == "message_quarantined", f"{message}")
        site.kill_gateway()
        site.start_gateway()
        expect(json.loads(hubward(site, "quarantine"))["id"] == message["id"], "kept over a restart")


if __name__ == "__main__":
    sys.exit(run_scenarios([
        why_of_a_device_that_is_online_leaves_it_alone,
        why_of_a_blocked_device_tries_now_and_asks_dps_once,
        why_without_a_gateway_walks_by_itself,
        why_with_a_dead_control_socket_does_not_push_the_gateway_out,
        a_drilled_failover_loses_nothing_and_says_so,
        maintenance_pauses_writes_also_over_a_restart,
        quarantine_exports_what_was_set_aside,
    ]))

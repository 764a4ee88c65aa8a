#!/usr/bin/env python3
"""A valve on the local broker, played by mosquitto_pub and mosquitto_sub: it says when it measured and
whether it is there, and answers what became of a write: with MQTT 3.1.1 by a name in the payload, with MQTT 5
as the request asks for it.
"""
import datetime
import json
import shutil
import subprocess
import sys
import threading
import time

from observations import events, expect_order, messages, moment
from plant_and_cloud import BROKER_PASSWORD, Site, Skipped, expect, run_scenarios, wait_for

VALVE = "valve-1"
# It logs in as a sensor whose topics these are; the broker lets it speak on no others.
USER = "sensor-01"
BASE = f"plant/{USER}/valve"
FILE = {
    "version": 1, "id": VALVE, "enrollment": "plant",
    "attach": {"mqtt": {
        "topic": "plant/{device}/valve/telemetry", "device": USER, "each": "/samples",
        "time": {"pointer": "/t", "as": "iso8601"},
        "quality": {"pointer": "/q", "good": ["good"]},
        "availability": {"topic": "plant/{device}/valve/status"},
        "answer": {"topic": "plant/{device}/valve/answer"},
        "answer_timeout_ms": 1500}},
    "tags": [
        {"name": "counter", "pointer": "/n"},
        {"name": "open", "pointer": "/open", "writable": True,
         "write_topic": "plant/{device}/command/open",
         "write_payload": "{\"open\": {value}, \"id\": \"{id}\"}"}],
}
# The same valve where it speaks MQTT 5: nothing of the exchange stands in the payloads.
FILE_5 = json.loads(json.dumps(FILE))
FILE_5["attach"]["mqtt"]["answer"] = {"topic": "plant/{device}/valve/answer", "done": ["OK"]}
FILE_5["tags"][1]["write_payload"] = "{value}"


class Valve:
    """Answers commands as `temper` says: "obey", "refuse" or "sulk"."""

    version = "311"

    def __init__(self, site):
        self.login = ["-h", "127.0.0.1", "-p", str(site.broker_port), "-u", USER, "-P", BROKER_PASSWORD]
        self.temper = "obey"
        self.heard = []
        self.listen()

    def listen(self):
        # Its session is kept, and so is what is sent to it while it is away.
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", "mosquitto_sub", "-d", *self.login, "-V", self.version, "-i", "valve", "-c",
             *self.more(), "-q", "1",
             "-t", f"plant/{USER}/command/#", "--will-topic", f"{BASE}/status", "--will-payload", "offline",
             "--will-retain"],
            stdout=subprocess.PIPE, text=True)
        subscribed = threading.Event()
        threading.Thread(target=self._listen, args=[subscribed], daemon=True).start()
        # An order before that would find nobody.
        expect(subscribed.wait(20), "the valve has subscribed to its orders")

    def say(self, topic, text, *more):
        self.publish(f"{BASE}/{topic}", text, *more)

    def publish(self, topic, text, *more):
        subprocess.run(["mosquitto_pub", *self.login, "-V", self.version, "-q", "1", "-t", topic, "-m", text,
                        *more], check=True, timeout=20)

    def more(self):
        return []

    def _listen(self, subscribed):
        for line in self.process.stdout:
            if line.startswith("Subscribed "):
                subscribed.set()
            elif not line.startswith("Client "):  # what the tool says of itself
                self.obey(line)

    def obey(self, line):
        order = json.loads(line)
        self.heard.append(order["open"])
        if self.temper != "sulk":
            error = "the valve is locked" if self.temper == "refuse" else None
            self.say("answer", json.dumps({"id": order["id"], "error": error}))

    def vanish(self):
        """Without a goodbye: the broker says its last will."""
        self.process.kill()
        self.process.wait()


class Valve5(Valve):
    """Answers on the topic that the request names, with the request's correlation data."""

    version = "5"

    def more(self):
        return ["-x", "3600", "-F", "%R %D %p"]

    def obey(self, line):
        topic, correlation, payload = line.strip().split(" ")
        self.heard.append(json.loads(payload))
        if self.temper != "sulk":
            self.publish(topic, "the valve is locked" if self.temper == "refuse" else "OK",
                         "-D", "publish", "correlation-data", correlation)


def valve_of(site):
    return next(device for device in site.status()["devices"] if device["id"] == VALVE)


def told(site, event):
    return [line for line in events(site, VALVE) if line["event"] == event]


def command(site, value):
    answer = site.cloud.method(VALVE, "open", value, 10000)
    return answer["status"], answer["payload"]["result"], answer["payload"].get("message", "")


def a_valve_says_when_it_measured_whether_it_is_there_and_what_it_did(kind=Valve, file=FILE):
    if not shutil.which("mosquitto_sub"):
        raise Skipped("mosquitto_sub is not installed")
    with Site(hubs=1, sensors=1, presses=0, meters=0, scales=0) as site:
        (site.site_folder / "devices.d" / f"{VALVE}.json").write_text(json.dumps(file))
        if kind is Valve5:
            speak_5(site)
        site.start_gateway()
        wait_for(lambda: site.connected() >= {VALVE, *site.devices}, 30, "all devices are connected")
        site.start_plant()
        valve = kind(site)
        site.processes["valve"] = valve.process  # ends with the site
        valve.say("status", "online", "--retain")
        wait_for(lambda: told(site, "device_answers"), 20, "the valve has announced itself")

        measured = [datetime.datetime(2026, 1, 1, 8, 0, n, tzinfo=datetime.timezone.utc)
                    for n in range(3)]
        valve.say("telemetry", json.dumps({"samples": [
            {"n": 1, "open": False, "t": measured[0].isoformat(), "q": "good"},
            {"n": 2, "open": False, "t": measured[1].isoformat(), "q": "uncertain"},
            {"n": 3, "open": True, "t": measured[2].isoformat(), "q": "good"}]}))
        found = wait_for(lambda: (lambda all_of: all_of if len(all_of) >= 2 else None)(
            [message for message in messages(site, VALVE) if "counter" in message["body"]]), 20,
            "its samples arrive")
        expect([message["body"]["counter"] for message in found] == [1, 3],
               f"what is not good is no value: {found}")
        expect([moment(message["properties"]["$.ctime"]) for message in found] ==
               [measured[0].timestamp(), measured[2].timestamp()], f"with their own times: {found}")
        expect(all("clock" not in message["properties"] for message in found),
               "and nothing of ours corrects them")

        answers = [command(site, True)]
        expect(answers[0][:2] == (200, "written"), f"it obeys: {answers}")
        valve.temper = "refuse"
        answers.append(command(site, False))
        expect(answers[1][0] >= 400 and "the valve is locked" in answers[1][2], f"its words: {answers}")
        valve.temper = "sulk"
        answers.append(command(site, False))
        expect(answers[2][1] == "unknown", f"nobody knows: {answers}")
        expect(valve.heard == [True, False, False], f"each was said once: {valve.heard}")

        began = time.time()
        valve.vanish()
        wait_for(lambda: told(site, "device_silent"), 30, "its last will is heard")
        expect(told(site, "device_silent")[0]["reason"] == "device_offline", "and named")
        wait_for(lambda: valve_of(site).get("failure") == "device_offline", 10,
                 f"also by the status: {valve_of(site)}")
        told_after = time.time() - began
        also = lost_orders(site, valve) if kind is Valve5 else ""
        expect_order(site)
        return (f"2 of 3 samples good, results {[result for _, result, _ in answers]}, last will after "
                f"{told_after:.1f} s{also}")


def speak_5(site):
    path = site.site_folder / "gateway.json"
    gateway = json.loads(path.read_text())
    gateway["broker"]["version"] = "5"
    path.write_text(json.dumps(gateway))


def lost_orders(site, valve):
    """While the valve is away: its order is not waiting for it at the broker when it comes back."""
    valve.temper = "obey"
    before = list(valve.heard)
    expect(command(site, True)[1] == "unknown", "nobody was there to say what became of it")
    # Whole seconds: 1.5 s counts as 2, and Mosquitto delivers until the next full second of its clock.
    over = time.time() + 2.0
    wait_for(lambda: time.time() > over, 5, "the order's time is over")
    valve.listen()
    site.processes["valve"] = valve.process
    answer = wait_for(lambda: (lambda got: got if got[1] == "written" else None)(command(site, False)), 20,
                      "it takes orders again")
    expect(set(valve.heard[len(before):]) == {False}, f"not the old one: {valve.heard}")
    # Somebody else's request gets the same answer: nothing of this is hubward's own.
    other = subprocess.run(["mosquitto_rr", "-V", "5", "-h", "127.0.0.1", "-p", str(site.broker_port), "-u", "hubward",
                            "-P", BROKER_PASSWORD, "-i", "other", "-q", "1", "-t", f"plant/{USER}/command/open", "-e",
                            f"{BASE}/answer", "-m", "true", "-W", "10"], capture_output=True, text=True, timeout=20)
    expect(other.stdout.strip() == "OK", f"mosquitto_rr hears it as well: {other.stdout!r} {other.stderr!r}")
    return f", an order that expired was not carried out, the next one was {answer[1]}"


def a_valve_that_speaks_mqtt_5_is_asked_and_answers_as_mqtt_5_has_it():
    return a_valve_says_when_it_measured_whether_it_is_there_and_what_it_did(Valve5, FILE_5)


def a_wish_waits_for_a_broker_that_comes_after_hubward_also_over_a_restart():
    """After a power cut hubward is often up first: what was wished meanwhile is not lost."""
    if not shutil.which("mosquitto_sub"):
        raise Skipped("mosquitto_sub is not installed")
    with Site(hubs=1, sensors=1, presses=0, meters=0, scales=0) as site:
        file = json.loads(json.dumps(FILE))
        file["attach"]["mqtt"]["answer_timeout_ms"] = 20000  # the valve has to find the broker, too
        (site.site_folder / "devices.d" / f"{VALVE}.json").write_text(json.dumps(file))
        valve = Valve(site)
        site.processes["valve"] = valve.process
        site.stop("broker")
        site.start_gateway()
        wait_for(lambda: VALVE in site.connected(), 30, "the cloud is there")
        version = site.cloud.post(f"/devices/{VALVE}/twin", {"open": True})["version"]

        def answer(code):
            found = site.cloud.device(VALVE)["twin"]["reported"].get("open")
            return found if found and (found["av"], found["ac"]) == (version, code) else None

        def tried():
            return "event=plant_write" in site.gateway_log.read_text()

        found = wait_for(lambda: answer(202), 10, "the wish waits")
        expect(tried() and found["ad"].startswith("not written yet: "), f"{found}")
        expect(site.stop("gateway") == 0, "ends with 0")
        site.start_gateway()
        wait_for(tried, 30, "it is a new one for the next run")
        expect(answer(202), "and waits again")
        site.start_broker()
        wait_for(lambda: answer(200), 40, "the wish is written")
        expect(valve.heard == [True], f"once: {valve.heard}")
        return f"written in run {site.gateway_runs}"


if __name__ == "__main__":
    sys.exit(run_scenarios([a_valve_says_when_it_measured_whether_it_is_there_and_what_it_did,
                            a_valve_that_speaks_mqtt_5_is_asked_and_answers_as_mqtt_5_has_it,
                            a_wish_waits_for_a_broker_that_comes_after_hubward_also_over_a_restart]))

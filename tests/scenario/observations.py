"""What a scenario reads off the cloud and off the gateway's log: moments, messages, back-off steps."""
import datetime
import json
import re
import time

from plant_and_cloud import expect, numbers, summary, wait_for

PAGE_SIZE = 1000


def moment(text):
    """Seconds since 1970 of the cloud's `at` and `received_at`."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def messages(site, device, after=0):
    """All messages the cloud still keeps of a device with a number above `after`, oldest first."""
    found = []
    while True:
        page = site.cloud.get(f"/devices/{device}/messages?after={after}&limit={PAGE_SIZE}")
        if not page["messages"]:
            return found
        found += page["messages"]
        after = found[-1]["n"]


def arrival_delays(site, devices, since):
    """Seconds from a message's making to its arrival, sorted, of those that arrived after message
    number `since[device]`."""
    return sorted(moment(message["received_at"]) - moment(message["properties"]["$.ctime"])
                  for device in devices for message in messages(site, device, since[device]))


def percentile(sorted_values, percent):
    return sorted_values[min(len(sorted_values) - 1, len(sorted_values) * percent // 100)]


def received_so_far(site, device):
    return site.cloud.device(device)["telemetry"]["total"]


def start_and_hear(site, online_s=60, seconds=30, at_least=1, env=None):
    """Gateway and plant run, and so many messages of every device have arrived."""
    site.start_gateway(env=env)
    site.wait_all_online(online_s)
    site.start_plant()
    wait_for(lambda: all(received_so_far(site, device) >= at_least for device in site.devices),
             seconds, "every device is heard")


def expect_all_arrived(site, seconds=60, forgive_at_risk=False):
    """The plant stops; everything arrives, in order and under ids without a gap. Returns the score."""
    score = site.settle(seconds, forgive_at_risk)
    expect_order(site)
    expect_every_id(site)
    return score


def arrived_in_words(site):
    """All has arrived; with the conversations with DPS beyond the first of each device."""
    score = expect_all_arrived(site)
    again = max(site.cloud.conversations(device) - 1 for device in site.devices)
    return f"{summary(score)}, asked DPS again {again} times at most"


def first_after(site, device, since, hub=None, after=0, seconds=60):
    """The device's first message that arrived after the moment `since`, on `hub` if one is named."""
    def arrived():
        for message in messages(site, device, after):
            if moment(message["received_at"]) > since and hub in (None, message["hub"]):
                return message
        return None

    return wait_for(arrived, seconds, f"{device} is heard again on {hub or 'its hub'}")


def wait_caught_up(site, devices=None, seconds=60):
    """Waits until everything that has been sent up to now has arrived; the plant goes on."""
    counts = site.plant.get("/counts")
    sent = {device: numbers(counts[device]["ranges"]) for device in devices or site.devices}

    def complete():
        return all(sent[device] <= site.arrived(device) for device in sent)

    wait_for(complete, seconds, "what was sent so far has arrived")


def messages_per_second(site, seconds=3):
    """What arrives at the cloud now. The time is the measurement itself."""
    def total():
        return site.cloud.get("/counts")["telemetry"]["total"]

    started, before = time.monotonic(), total()
    time.sleep(seconds)
    return (total() - before) / (time.monotonic() - started)


def expect_order(site):
    """No message came before an older one of its device, by message ids and by the plant's own
    numbers."""
    for device in site.devices:
        expect(site.cloud.device(device)["telemetry"]["order_violations"] == 0,
               f"{device}: messages arrive in the order of their ids")
        counters = site.cloud.counters(device)
        expect(not counters or counters["order_violations"] == 0,
               f"{device}: samples arrive in the order of their numbers")


def events(site, device=None, since=0):
    """The gateway's log as dictionaries with `at` and `event`, oldest first, all runs."""
    found = []
    for line in site.all_gateway_logs().splitlines():
        stamp, _, rest = line.partition(" ")
        fields = dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', rest))
        if "event" not in fields or (device and fields.get("device") != device):
            continue
        fields["at"] = moment(stamp)
        # The log cuts its times to milliseconds: what happened in the same one counts.
        if round(fields["at"] * 1000) >= int(since * 1000):
            found.append(fields)
    return found


def cached_assignment(site, device):
    """What the gateway keeps on disk about where the device belongs; nothing if it knows nothing."""
    path = site.folder / "state" / "assignments.json"
    for entry in json.loads(path.read_text())["assignments"]:
        if entry["registration_id"] == device:
            return entry
    return None


def repeats(site, device):
    """How a device's samples came more than once, from the messages the cloud still keeps: messages
    that came again under the id they had, and samples that came under more than one id. Fails if a
    message came again with another body, or if the cloud's own count of repeats is another one."""
    kept = messages(site, device)
    complete = not kept or kept[0]["n"] == 1
    body_of, ids_of_sample, again = {}, {}, 0
    for message in kept:
        identity, body = message["id"], message["body"]
        came_before = identity in body_of
        expect(body_of.setdefault(identity, body) == body,
               f"{device}: {identity} came again with another body")
        expect(not complete or message["repeated"] == came_before,
               f"{device}: the cloud knows what is a repeat, {identity}")
        again += message["repeated"]
        if "counter" in body:
            ids_of_sample.setdefault(body["counter"], set()).add(identity)
    return again, sum(len(ids) - 1 for ids in ids_of_sample.values())


def expect_every_id(site):
    """Every message id that was ever given out arrived, samples or not. One store gave them out: a
    series without a gap, another one after each kill at most, and each begins where the one before it
    ended."""
    for device in site.devices:
        ids = site.cloud.get(f"/devices/{device}/ids")
        series = ids["series"]
        expect(1 <= len(series) <= 1 + site.gateway_kills and not ids["others"],
               f"{device}: one series of ids, and one for each of {site.gateway_kills} kills: {ids}")
        for one in series:
            ranges = one["ranges"]
            expect(len(ranges) == 1 and ranges[0][0] == 1, f"{device}: ids without a gap: {one}")
        begun = []
        for message in messages(site, device):
            prefix = message["id"].rpartition("-")[0]
            if message["repeated"] or (begun and begun[-1] == prefix):
                continue
            expect(prefix not in begun, f"{device}: {message['id']} comes after a later series began: {begun}")
            begun.append(prefix)

#!/usr/bin/env python3
"""The computer's clock is wrong: without a battery it starts in 1970, a time service sets it by hours and
years while devices are connected, or it differs from the cloud's. Nothing is lost, every reading gets its
true time or says that it has none, and no set clock makes a storm. The gateway's wall clock is moved
(tests/support/wall_clock); its steady clock, the plant and the cloud keep the real time.
"""
import json
import struct
import sys
import time

from observations import (events, expect_all_arrived, messages, moment, received_so_far,
                          start_and_hear, wait_caught_up)
from plant_and_cloud import Site, Skipped, expect, http, run_scenarios, summary, wait_for

HOUR = 3600
YEAR = 365 * 24 * HOUR
# How exact the moments are that times are compared with, and the cloud's word on the time, whose answer may
# have been under way for a while on a slow machine.
EARLY_S = 0.25
CLOUD_EARLY_S = 3.0
SITE = dict(sensors=2, presses=1, meters=0, scales=0, hubs=1, rate=10, interval_ms=200,
            cloud_options=("--polls", "0"))


class WallClock:
    """The wall clock of a gateway, `offset_s` seconds ahead of the real one."""

    def __init__(self, site, offset_s=0):
        library = site.build.resolve() / "tests/support/wall_clock/libhubward_wall_clock.so"
        if not library.exists():
            raise Skipped(f"{library} is not built")
        self.file = site.folder / "wall-clock"
        self.file.write_bytes(bytes(8))
        self.environment = {"LD_PRELOAD": str(library), "HUBWARD_TEST_WALL_CLOCK": str(self.file)}
        self.set(offset_s)

    def set(self, offset_s):
        """In one step, at the moment that is returned (in real time)."""
        with open(self.file, "r+b") as file:
            file.write(struct.pack("=q", offset_s * 1000))
        return time.time()


def let_sensors_tell_the_time(site):
    """Their payload says when it was made: a tag of its own carries that to the cloud."""
    for device in site.devices:
        if not device.startswith("sensor-"):
            continue
        path = site.site_folder / "devices.d" / f"{device}.json"
        settings = json.loads(path.read_text())
        settings["tags"].append({"name": "made_ms", "pointer": "/unix_ms"})
        path.write_text(json.dumps(settings, indent=2) + "\n")


def site_status(site):
    return site.status()["site"]


def connects(site):
    """Every CONNECT that any hub saw, by the cloud's own count."""
    return sum(device["counts"]["connects"] for device in
               (site.cloud.device(name) for name in site.devices))


def conversations(site):
    return sum(site.cloud.conversations(device) for device in site.devices)


def events_named(site, name):
    """Lines of the log, in order; their times are those of a clock that is set."""
    return [line for line in site.all_gateway_logs().splitlines() if f"event={name} " in line + " "]


def created(message):
    return moment(message["properties"]["$.ctime"])


def mark(message):
    return message["properties"].get("clock", "")


def expect_true_times(found, ahead=0.0, early=EARLY_S, before=float("inf")):
    """A time lies between the moment the reading was made and the moment its message arrived at the cloud
    (and `before`): a wrong correction would push many of them out of there, and a slow machine only makes
    that span wider. Returns the worst and the usual distance from the first of these moments."""
    late = []
    for message in found:
        if "made_ms" not in message["body"]:
            continue
        made, at = message["body"]["made_ms"] / 1000 + ahead, created(message)
        expect(made - early <= at <= min(moment(message["received_at"]), before) + EARLY_S,
               f"made at {made:.3f}, dated {at:.3f}, arrived {message['received_at']}")
        late.append(at - made)
    expect(len(late) > 20, f"enough readings to tell: {len(late)}")
    return max(late), sorted(late)[len(late) // 2]


def end(site):
    score = expect_all_arrived(site)
    expect(score["lost"] == 0, f"nothing is lost: {score}")
    return score


def a_clock_that_starts_in_1970_is_named_and_readings_get_their_true_time():
    with Site(**SITE) as site:
        clock = WallClock(site, int(600 - time.time()))
        let_sensors_tell_the_time(site)
        site.start_gateway(env=clock.environment)
        site.start_plant()
        wait_for(lambda: site_status(site)["stored"] > 150, 60, "readings are stored")
        wait_for(lambda: all(device["failure"] == "clock_wrong"
                             for device in site.status()["devices"]), 30,
                 "every device names the clock")
        shown = site_status(site)
        expect(shown["clock"]["trust"] == "wrong" and "1970-01-01" in shown["clock"]["why"] and
               "1970-01-01" in shown["sentence"], f"the site names the clock: {shown}")
        expect("hubward_clock_synchronized 0" in http(site.page + "/metrics"),
               "the metrics name it")
        expect(not site.connected() and conversations(site) == 0,
               "nobody is let in by a certificate of the future")
        stored = site_status(site)["stored"]
        set_at = clock.set(0)
        site.wait_all_online(seconds=60)
        took = time.time() - set_at
        expect(took < 40, f"connected {took:.1f} s after the clock was set")
        wait_caught_up(site, seconds=120)
        expect(site_status(site)["clock"]["trust"] != "wrong", "the clock is believed")
        score = end(site)
        marks = {"": 0, "restamped": 0, "untrusted": 0}
        all_found = []
        for device in site.devices:
            found = messages(site, device)
            all_found += found
            for message in found:
                marks[mark(message)] += 1
                expect(set_at - 120 < created(message) < time.time() + 1,
                       f"a time of today: {message['properties']}")
        expect(marks["untrusted"] == 0 and marks["restamped"] >= stored,
               f"every reading of 1970 is corrected and says so: {marks}, {stored} were stored")
        worst, usual = expect_true_times(
            [one for one in all_found if mark(one) == "restamped"], before=set_at + 2)
        expect(connects(site) == len(site.devices) == conversations(site),
               f"one way in for each device: {connects(site)} and {conversations(site)}")
        expect(len(events_named(site, "clock_set")) == 1, "told once")
        return (f"{summary(score)}; {marks['restamped']} restamped to within {worst * 1000:.0f} ms "
                f"(half: {usual * 1000:.0f}), all connected {took:.1f} s after the clock was set")


def a_clock_set_by_hours_and_years_disturbs_no_connection():
    with Site(**SITE) as site:
        clock = WallClock(site)
        let_sensors_tell_the_time(site)
        start_and_hear(site, at_least=6, seconds=90, env=clock.environment)
        steps = [-HOUR, 0, HOUR, 0, -30 * YEAR, 0, 10 * YEAR, 0]
        worst_pause = 0.0
        silent_before = len(events_named(site, "device_silent"))  # the press, before it listened
        for offset in steps:
            before = {device: received_so_far(site, device) for device in site.devices}
            set_at = clock.set(offset)
            wait_for(lambda: all(received_so_far(site, device) > before[device] + 20
                                 for device in site.devices), 90,
                     f"messages go on with a clock set to {offset:+d} s")
            worst_pause = max(worst_pause, time.time() - set_at)
            trust = "wrong" if offset else "held_over"
            wait_for(lambda: site_status(site)["clock"]["trust"] == trust, 30,
                     f"the clock at {offset:+d} s is {trust}: {site_status(site)['clock']}")
        wait_caught_up(site, seconds=120)
        times_set = site_status(site)["clock"]["times_set"]
        expect(times_set == len(steps) == len(events_named(site, "clock_set")),
               f"each is told once: {times_set}")
        expect(connects(site) == len(site.devices) == conversations(site),
               f"no connection was given up: {connects(site)} connects, {conversations(site)} "
               "conversations")
        silent = events_named(site, "device_silent")[silent_before:]
        expect(not silent, f"no time-out came early: {silent[:3]}")
        score = end(site)
        expect(score["repeated"] == 0, f"nothing came twice: {score}")
        marks = {"": 0, "restamped": 0, "untrusted": 0}
        all_found = []
        for device in site.devices:
            found = messages(site, device)
            all_found += found
            for message in found:
                marks[mark(message)] += 1
        expect(marks["untrusted"] == 0 and marks["restamped"] > 40 and marks[""] > 40,
               f"what a wrong clock stamped is corrected and says so: {marks}")
        worst, usual = expect_true_times(all_found)
        return (f"{summary(score)}; set {times_set} times, {connects(site)} connects for "
                f"{len(site.devices)} devices, {marks['restamped']} of {sum(marks.values())} "
                f"messages restamped, all within {worst * 1000:.0f} ms (half: {usual * 1000:.0f}); "
                f"20 messages a device within {worst_pause:.1f} s of each")


def a_clock_three_hours_behind_the_clouds_is_named_and_the_clouds_time_used():
    ahead = 3 * HOUR + 2 * 60 + 20
    with Site(**SITE) as site:
        let_sensors_tell_the_time(site)
        site.cloud.post("/config", {"clock_offset_ms": ahead * 1000})
        site.start_gateway()
        site.start_plant()
        site.wait_all_online(seconds=60)
        wait_for(lambda: site_status(site)["clock"]["trust"] == "wrong", 10, "the clock is named")
        wait_for(lambda: all(received_so_far(site, device) > 40 for device in site.devices), 90,
                 "every device is heard")
        shown = site_status(site)
        expect(shown["clock"]["why"] == "this computer's clock is 3 h 2 min behind the cloud's" and
               "This computer's clock is 3 h 2 min behind the cloud's" in shown["sentence"],
               f"with the figure: {shown}")
        expect(abs(shown["clock"]["cloud_ahead_s"] - ahead) <= 2, f"to the second: {shown}")
        named = [event for event in events(site) if event["event"] == "provisioning_failed"]
        expect(named and all(event["reason"] == "clock_wrong" and "3 h 2 min behind" in
                             event["detail"] for event in named),
               f"as the reason, not the key: {named}")
        expect("other_key" not in site.all_gateway_logs(), "the key is not blamed")
        wait_caught_up(site, seconds=120)
        asked, entered = conversations(site), connects(site)
        devices = len(site.devices)
        expect(asked <= 2 * devices and entered == devices,
               f"no storm: {asked} conversations, {entered} connects for {devices} devices")
        score = end(site)
        all_found, marks = [], {"": 0, "restamped": 0, "untrusted": 0}
        for device in site.devices:
            found = messages(site, device)
            all_found += found
            for message in found:
                marks[mark(message)] += 1
        expect(marks["restamped"] > 40, f"readings carry the cloud's time: {marks}")
        worst, usual = expect_true_times(
            [one for one in all_found if mark(one) == "restamped"], ahead, CLOUD_EARLY_S)
        return (f"{summary(score)}; {asked} conversations and {entered} connects for {devices} "
                f"devices, {marks['restamped']} restamped by the cloud's time to within "
                f"{worst * 1000:.0f} ms (half: {usual * 1000:.0f})")


def a_clock_twenty_minutes_behind_the_clouds_is_named_while_all_goes_on():
    ahead = 20 * 60 + 10
    with Site(**SITE) as site:
        site.cloud.post("/config", {"clock_offset_ms": ahead * 1000})
        site.start_gateway()
        site.wait_all_online()
        site.start_plant()
        wait_for(lambda: site_status(site)["clock"]["trust"] == "wrong", 10, "the clock is named")
        wait_for(lambda: all(received_so_far(site, device) > 5 for device in site.devices), 90,
                 "every device is heard")
        why = site_status(site)["clock"]["why"]
        expect(why == "this computer's clock is at least 20 min behind the cloud's", why)
        wait_caught_up(site, seconds=120)
        expect(connects(site) == len(site.devices) == conversations(site),
               "tokens were good enough: one way in for each device")
        score = end(site)
        expect(all(mark(message) == "untrusted" for device in site.devices
                   for message in messages(site, device)),
               "times are marked: how far the cloud is ahead is not known to the second")
        return f"{summary(score)}; {why}"


if __name__ == "__main__":
    sys.exit(run_scenarios(
        [a_clock_that_starts_in_1970_is_named_and_readings_get_their_true_time,
         a_clock_set_by_hours_and_years_disturbs_no_connection,
         a_clock_three_hours_behind_the_clouds_is_named_and_the_clouds_time_used,
         a_clock_twenty_minutes_behind_the_clouds_is_named_while_all_goes_on], together=True))

#!/usr/bin/env python3
"""The disk with the stored readings is full, read-only or damaged. The state has a name on the page and in the log, the
broker keeps what the gateway cannot, and afterwards the counts are right. On a disk of its own; needs root.
"""
import sys
import time

from observations import events, expect_order, received_so_far, repeats, wait_caught_up
from plant_and_cloud import expect, numbers, run_scenarios, summary, wait_for
from small_disk import SiteOnSmallDisk

TROUBLE_S = 12


def site_on_disk(**outbox):
    return SiteOnSmallDisk(sensors=2, presses=1, meters=0, scales=0, rate=40, interval_ms=300, hubs=1,
                           settings={"outbox": outbox, "hub": {"retry_pause_max_s": 5}})


def sensors(site):
    return [device for device in site.devices if device.startswith("sensor-")]


def start(site):
    site.start_gateway()
    site.wait_all_online()
    site.start_plant()
    wait_for(lambda: all(received_so_far(site, device) >= 5 for device in site.devices), 30,
             "every device is heard")


def end(site):
    """Everything of the sensors is there. Returns the score, and what of the press is lost."""
    site.plant.post("/stop")
    wait_caught_up(site, sensors(site), seconds=60)
    expect_order(site)
    for device in site.devices:
        again, second_id = repeats(site, device)
        expect(second_id == 0 or device in sensors(site), f"{device}: samples under two ids")
    score = site.score(forgive_at_risk=True)
    lost = score["lost_numbers"]
    expect(set(lost) <= {"press-01"}, f"nothing of the sensors is lost: {lost}")
    return score, lost.get("press-01", [])


def sent_of_press(site):
    return numbers(site.plant.get("/counts")["press-01"]["ranges"])


def store_states(site, since):
    return [event["state"] for event in events(site, None, since)
            if event["event"] == "outbox_failing"]


def a_store_that_is_damaged_while_the_gateway_is_away_is_set_aside():
    with site_on_disk() as site:
        start(site)
        site.plant.post("/stop")
        wait_for(lambda: site.score()["lost"] == 0, 30, "everything has arrived")
        expect(site.stop("gateway") == 0, "the gateway ends well")
        with open(site.store, "r+b") as file:
            file.seek(100)
            file.write(b"\xa5" * 60_000)
        began = time.time()
        site.start_gateway()
        site.wait_all_online()
        site.plant.post("/start")
        wait_for(lambda: all(received_so_far(site, device) >= 20 for device in site.devices), 30,
                 "it works on with a new store")
        aside = [path for path in site.store.parent.glob("outbox.db.set-aside-*")
                 if not path.name.endswith("-wal")]
        expect(len(aside) == 1, f"the old file is kept: {aside}")
        told = [event for event in events(site, None, began) if "set_aside" in event["event"]]
        expect(told, "and the log says so")
        score, lost = end(site)
        expect(not lost, f"nothing is lost: {lost}")
        epochs = site.cloud.get("/devices/press-01/ids")["series"]
        expect(len(epochs) == 2, f"a new store has an epoch of its own: {epochs}")
        return f"{summary(score)}; {aside[0].name}"


def damage(path, beyond, size=1_000_000):
    length = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(beyond)
        file.write(b"\xa5" * max(0, min(size, length - beyond)))


def a_store_that_is_damaged_while_it_is_in_use_costs_at_most_what_it_held():
    """Both files are overwritten while the hub is away, and the gateway is killed: what was recorded
    meanwhile may be lost, nothing else, and the loss is named."""
    with site_on_disk() as site:
        start(site)
        fault = site.cloud.fault(kind="down", target="hub-1")
        wait_for(lambda: not site.connected(), 10, "the hub is away")
        before = {device: site.arrived(device) for device in site.devices}
        time.sleep(5)  # something to lose
        for path in (site.store, site.store.with_name("outbox.db-wal")):
            damage(path, 4096 + 32)
        counts = site.plant.get("/counts")
        began = time.time()
        site.kill_gateway()
        site.start_gateway()
        site.cloud.end_fault(fault)
        site.wait_all_online()
        wait_for(lambda: all(received_so_far(site, device) >= len(before[device]) + 20
                             for device in site.devices), 30, "it works on")
        site.plant.post("/stop")
        told = [event for event in events(site, None, began) if event["event"] == "outbox_set_aside"]
        expect(told, "the log names what was set aside")
        after = {device: numbers(site.plant.get("/counts")[device]["ranges"]) -
                 numbers(counts[device]["ranges"]) for device in site.devices}

        def complete():
            return all(after[device] <= site.arrived(device) for device in sensors(site))

        wait_for(complete, 30, "everything that was sent since has arrived")
        score = site.score(forgive_at_risk=True)
        recorded = {device: numbers(counts[device]["ranges"]) - before[device]
                    for device in site.devices}
        for device, lost in score["lost_numbers"].items():
            if device != "press-01":
                expect(set(lost) <= recorded[device], f"{device}: lost what was not in the store")
        return f"{summary(score)}; {told[0].get('rescued')} messages rescued from what was set aside"


if __name__ == "__main__":
    sys.exit(run_scenarios([a_store_that_is_damaged_while_the_gateway_is_away_is_set_aside,
                            a_store_that_is_damaged_while_it_is_in_use_costs_at_most_what_it_held],
                           together=True))

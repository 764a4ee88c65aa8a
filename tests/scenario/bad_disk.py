#!/usr/bin/env python3
"""The disk with the stored readings is full, read-only or damaged. The state has a name on the page and in the log, the
broker keeps what the gateway cannot, and afterwards the counts are right. On a disk of its own; needs root.
"""
import sys
import time

import own_network
from observations import (events, expect_order, received_so_far, repeats, start_and_hear,
                          wait_caught_up)
from plant_and_cloud import expect, numbers, run_scenarios, summary, wait_for
from small_disk import SiteOnSmallDisk

TROUBLE_S = 12


def site_on_disk(**outbox):
    return SiteOnSmallDisk(sensors=2, presses=1, meters=0, scales=0, rate=40, interval_ms=300, hubs=1,
                           settings={"outbox": outbox, "hub": {"retry_pause_max_s": 5}})


def sensors(site):
    return [device for device in site.devices if device.startswith("sensor-")]


def start(site):
    start_and_hear(site, at_least=5)


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


def store_of(site):
    return site.status()["site"]["store"]


def wait_for_state(site, *states, seconds=20):
    return wait_for(lambda: store_of(site)["state"] in states and store_of(site), seconds,
                    f"the page says {' or '.join(states)}: {store_of(site)}")


def expect_logged(site, since, state):
    expect(any(event["event"].startswith("outbox") and event.get("state") == state
               for event in events(site, None, since)), f"the log says {state}")


def counted_losses(site):
    """What the gateway itself says it did not keep."""
    shown = site.status()["site"]
    return sum(shown.get(name, 0) for name in ("dropped", "expired", "refused", "unstored"))


def a_full_disk_is_named_and_memory_carries_on():
    with site_on_disk(when_disk_fails="memory") as site:
        start(site)
        began = time.time()
        site.disk.fill()
        state = wait_for_state(site, "disk_full")
        expect(state["memory_only"], f"and that readings are in memory: {state}")
        expect("disk is full" in site.status()["site"]["sentence"], "in the first sentence")
        expect_logged(site, began, "disk_full")
        before = {device: received_so_far(site, device) for device in site.devices}
        wait_for(lambda: all(received_so_far(site, device) >= before[device] + 20
                             for device in site.devices), 20, "readings go on arriving")
        # Recorded in memory while the hub is away, and moved to the disk when it works again.
        fault = site.cloud.fault(kind="down", target="hub-1")
        time.sleep(TROUBLE_S)
        held = store_of(site)["memory_messages"]
        expect(held > 0, "messages are in memory")
        site.disk.free()
        wait_for_state(site, "ready")
        site.cloud.end_fault(fault)
        site.wait_all_online()
        score, lost = end(site)
        expect(not lost, f"nothing is lost: {lost}")
        return f"{summary(score)}; {held} messages were in memory only"


def a_full_disk_that_refuses_leaves_readings_with_the_broker():
    with site_on_disk(when_disk_fails="refuse") as site:
        start(site)
        began = time.time()
        site.disk.fill()
        wait_for_state(site, "disk_full")
        expect_logged(site, began, "disk_full")
        time.sleep(TROUBLE_S)
        expect(not store_of(site)["memory_only"], "nothing is kept in memory")
        site.disk.free()
        wait_for_state(site, "ready")
        score, lost = end(site)
        counted = counted_losses(site)
        expect(counted >= len(lost), f"counted: {counted} messages, {len(lost)} samples")
        return f"{summary(score)}; {len(lost)} samples of the press lost, {counted} messages counted"


def memory_has_a_bound_while_disk_and_hub_are_away():
    bound = 65_536
    with site_on_disk(when_disk_fails="memory", memory_bytes_max=bound) as site:
        start(site)
        fault = site.cloud.fault(kind="down", target="hub-1")
        site.disk.fill()
        wait_for_state(site, "disk_full")
        most = 0
        ends = time.monotonic() + TROUBLE_S
        while time.monotonic() < ends:
            most = max(most, store_of(site)["memory_bytes"])
            time.sleep(0.5)
        expect(bound / 2 < most <= bound, f"at most {bound} bytes in memory: {most}")
        site.disk.free()
        wait_for_state(site, "ready")
        site.cloud.end_fault(fault)
        site.wait_all_online()
        site.plant.post("/stop")
        wait_for(lambda: site.status()["site"]["waiting"] == 0, 60, "the store is empty")
        score, counted = site.score(forgive_at_risk=True), counted_losses(site)
        expect(score["lost"] <= counted, f"counted: {counted}; {summary(score)}")
        return f"{summary(score)}, {counted} messages counted as not kept; at most {most} bytes held"


def a_disk_that_ends_writing_is_named_and_the_counts_are_right_afterwards():
    with site_on_disk(when_disk_fails="memory") as site:
        start(site)
        site.disk.end_writing()
        state = wait_for_state(site, "read_only", "io_error")
        before = {device: received_so_far(site, device) for device in site.devices}
        wait_for(lambda: all(received_so_far(site, device) >= before[device] + 20
                             for device in site.devices), 20, "readings go on arriving")
        site.plant.post("/stop")
        wait_for(lambda: site.score(forgive_at_risk=True)["lost"] == 0, 20, "all have arrived")
        expect(site.stop("gateway") == 0, "the gateway ends well")
        # What the kernel had not written yet is gone, as after a power cut.
        site.disk.mend()
        own_network.machine_starts_anew()
        site.start_gateway()
        site.wait_all_online()
        expect(store_of(site)["state"] == "ready", "the mended disk is in use")
        site.plant.post("/start")
        before = {device: received_so_far(site, device) for device in site.devices}
        wait_for(lambda: all(received_so_far(site, device) >= before[device] + 20
                             for device in site.devices), 30, "it works on")
        score, lost = end(site)
        expect(not lost, f"nothing is lost: {lost}")
        return f"{summary(score)}; named {state['state']}"


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
        expect(store_of(site)["set_aside"] == 1, f"the page says so: {store_of(site)}")
        told = [event for event in events(site, None, began) if "set_aside" in event["event"]]
        expect(told, "and the log says so")
        score, lost = end(site)
        expect(not lost, f"nothing is lost: {lost}")
        epochs = site.cloud.get("/devices/press-01/ids")["series"]
        expect(len(epochs) == 2, f"a new store has an epoch of its own: {epochs}")
        return f"{summary(score)}; {aside[0].name}"


def a_disk_that_is_read_only_at_the_start_is_sent_from_and_memory_carries_on():
    with site_on_disk(when_disk_fails="memory") as site:
        start(site)
        fault = site.cloud.fault(kind="down", target="hub-1")
        wait_for(lambda: not site.connected(), 10, "the hub is away")
        wait_for(lambda: site.status()["site"]["waiting"] > 20, 20, "readings wait on the disk")
        expect(site.stop("gateway") == 0, "the gateway ends well")
        site.disk.make_read_only(True)
        site.cloud.end_fault(fault)
        began = time.time()
        site.start_gateway()
        site.wait_all_online()
        state = wait_for_state(site, "read_only")
        expect_logged(site, began, "read_only")
        before = {device: received_so_far(site, device) for device in site.devices}
        wait_for(lambda: all(received_so_far(site, device) >= before[device] + 20
                             for device in site.devices), 20, "readings go on arriving")
        expect(store_of(site)["memory_only"], f"they go through memory: {state}")
        site.disk.make_read_only(False)
        wait_for_state(site, "ready")
        # On the disk again, also what went through memory.
        fault = site.cloud.fault(kind="down", target="hub-1")
        wait_for(lambda: not site.connected(), 10, "the hub is away again")
        wait_for(lambda: site.status()["site"]["waiting"] > 20, 20, "readings wait on the disk")
        site.kill_gateway()
        site.cloud.end_fault(fault)
        site.start_gateway()
        site.wait_all_online()
        score, lost = end(site)
        expect(not lost, f"nothing is lost: {lost}")
        return summary(score)


def a_new_site_on_a_read_only_disk_is_refused_on_the_command_line():
    with site_on_disk() as site:
        site.disk.end_writing()
        process = site.start_gateway(wait=False)
        wait_for(lambda: process.poll() is not None, 10, "the gateway ends")
        said = site.gateway_log.read_text().splitlines()[-1]
        expect(process.returncode == 1 and "Read-only file system" in said, f"says why: {said}")
        expect("Free or replace the disk" in said, f"and what to do: {said}")
        site.processes.pop("gateway")
        return said.replace(str(site.disk.path), "")


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
    own_network.enter()
    sys.exit(run_scenarios([a_full_disk_is_named_and_memory_carries_on,
                            a_full_disk_that_refuses_leaves_readings_with_the_broker,
                            memory_has_a_bound_while_disk_and_hub_are_away,
                            a_disk_that_ends_writing_is_named_and_the_counts_are_right_afterwards,
                            a_disk_that_is_read_only_at_the_start_is_sent_from_and_memory_carries_on,
                            a_new_site_on_a_read_only_disk_is_refused_on_the_command_line,
                            a_store_that_is_damaged_while_the_gateway_is_away_is_set_aside,
                            a_store_that_is_damaged_while_it_is_in_use_costs_at_most_what_it_held],
                           together=True))

#!/usr/bin/env python3
"""Sixty devices on one hub that fails over, lets in only a few at a time, or sends everybody away. Nothing is lost,
the limits of hub and DPS are kept, and DPS is asked only when it can help.
"""
import sys
import time

from observations import events, expect_all_arrived, start_and_hear
from plant_and_cloud import expect, http, run_scenarios, Site, summary, wait_for

DEVICES = 60
PAUSE_MAX_S = 15
CONNECTIONS_PER_S = 30
REGISTRATIONS_PER_S = 10
# A token bucket may hand out what it saved up, at most a second's worth here.
BURST = 1.2
RETRY_AFTER_S = 3
SLACK_S = 10


def site_of_many(hubs=2, **cloud):
    options = [part for name, value in cloud.items()
               for part in (f"--{name.replace('_', '-')}", str(value))]
    return Site(sensors=DEVICES, presses=0, meters=0, scales=0, rate=2 * DEVICES, hubs=hubs,
                cloud_options=options,
                settings={"hub": {"retry_pause_max_s": PAUSE_MAX_S},
                          "limits": {"connections_per_second": CONNECTIONS_PER_S,
                                     "registrations_per_second": REGISTRATIONS_PER_S}})


def start(site):
    start_and_hear(site, online_s=90)


def end(site):
    return summary(expect_all_arrived(site, 90))


def hubs_of(site):
    return {view["id"]: view["hub"] for view in site.cloud.get("/devices")["devices"]
            if view["connected"]}


def conversations(site):
    return {device: site.cloud.conversations(device) for device in site.devices}


def most_in_a_second(log, name):
    times = [event["at"] for event in log if event["event"] == name]
    return max((sum(1 for other in times if at <= other < at + 1) for at in times), default=0)


def expect_paced(log):
    """Nobody was let through faster than configured. Returns the busiest second of both kinds."""
    logins, asked = most_in_a_second(log, "hub_connected"), most_in_a_second(log, "provisioning")
    expect(logins <= CONNECTIONS_PER_S * BURST + 1, f"{logins} logins in a second")
    expect(asked <= REGISTRATIONS_PER_S * BURST + 1, f"{asked} registrations in a second")
    return f"at most {logins} logins and {asked} registrations in a second"


def a_whole_hub_fails_over_under_load_and_returns():
    """The bound is what the slower bucket needs for all, DPS's own pause, and the pause before the
    first attempt."""
    with site_of_many() as site:
        start(site)
        before = conversations(site)
        bound = DEVICES / REGISTRATIONS_PER_S + RETRY_AFTER_S + SLACK_S
        began = time.time()
        moved = site.cloud.post("/hubs/hub-1/failover", {"to": "hub-2"})
        expect(moved["moved"] == DEVICES, f"all are moved: {moved}")
        wait_for(lambda: list(hubs_of(site).values()) == ["hub-2"] * DEVICES, 2 * bound,
                 "all devices are on the other hub")
        there = time.time() - began
        again = time.time()
        site.cloud.post("/hubs/hub-2/failover", {"to": "hub-1"})
        wait_for(lambda: list(hubs_of(site).values()) == ["hub-1"] * DEVICES, 2 * bound,
                 "all devices have returned")
        back = time.time() - again
        asked = {device: count - before[device] for device, count in conversations(site).items()}
        expect(set(asked.values()) == {2}, f"each device asked once a move: {asked}")
        expect(max(there, back) < bound, f"within {bound:.0f} s: {there:.1f} s, {back:.1f} s")
        paced = expect_paced(events(site, None, began))
        return (f"{end(site)}; {DEVICES} devices there after {there:.1f} s, back after {back:.1f} s, "
                f"bound {bound:.0f} s, 1 conversation each; {paced}")


def a_hub_that_comes_back_is_not_stormed_and_a_restart_needs_no_provisioning():
    """One device looks for all whether the hub is back, and asks DPS for all."""
    with site_of_many(hubs=1) as site:
        start(site)
        before = conversations(site)
        fault = site.cloud.fault(kind="down", target="hub-1")
        time.sleep(8)  # the outage
        site.cloud.end_fault(fault)
        up = time.time()
        site.wait_all_online()
        back = time.time() - up
        bound = DEVICES / CONNECTIONS_PER_S + PAUSE_MAX_S + SLACK_S
        expect(back < bound, f"all are back within {bound:.0f} s: {back:.1f} s")
        paced = expect_paced(events(site, None, up))
        asked = conversations(site)
        more = sum(asked[device] - before[device] for device in site.devices)
        expect(more <= 3, f"DPS is asked by who looks, not by all: {more} conversations")
        restarted = time.time()
        site.kill_gateway()
        site.start_gateway()
        site.wait_all_online()
        started = time.time() - restarted
        expect_paced(events(site, None, restarted))
        expect(conversations(site) == asked, "a restart needs no provisioning")
        return (f"{end(site)}; back {back:.1f} s after the hub; {paced}; {more} "
                f"conversations; all online {started:.1f} s after a kill, without another one")


def a_hub_that_lets_in_only_a_few_is_not_pressed():
    """Over 5 logins a second the hub closes the connection."""
    with site_of_many(hubs=1) as site:
        start(site)
        before = conversations(site)
        fault = site.cloud.fault(kind="connect_rate", per_s=5, over="close", target="hub-1")
        began = time.time()
        for device in site.devices:
            site.cloud.post(f"/devices/{device}/drop")
        wait_for(lambda: site.connected() >= set(site.devices), 120, "all get in")
        took = time.time() - began
        log = events(site, None, began)
        tries = len([event for event in log if event["event"] == "hub_connect_failed"])
        asked = sum(count - before[device] for device, count in conversations(site).items())
        expect(asked == 0, f"DPS cannot help and is not asked: {asked}")
        site.cloud.end_fault(fault)
        return (f"{end(site)}; {DEVICES} devices in after {took:.1f} s at 5 a second, {tries} sent "
                f"away, 0 conversations")


def a_hub_that_sends_everybody_away_for_a_minute_is_a_quota_and_not_a_move():
    """A used-up daily quota looks like this: the login is accepted, then the link closed, again and
    again, for all devices. DPS would assign the same hub: it is not asked."""
    with site_of_many(hubs=1) as site:
        start(site)
        before = conversations(site)
        fault = site.cloud.fault(kind="close_after_connack", target="hub-1", delay_ms=0)
        began = time.time()
        for device in site.devices:
            site.cloud.post(f"/devices/{device}/drop")
        time.sleep(60)  # the scenario itself
        named = {shown.get("failure") for shown in http(site.page + "/api/status")["devices"]}
        logins = len([event for event in events(site, None, began)
                      if event["event"] == "hub_connected"])
        site.cloud.end_fault(fault)
        up = time.time()
        site.wait_all_online()
        back = time.time() - up
        asked = sum(count - before[device] for device, count in conversations(site).items())
        expect(asked == 0, f"DPS is not asked: {asked} conversations")
        expect(named == {"hub_closes_all"}, f"it has a name: {named}")
        # One device looks, with growing pauses; the others wait for what it finds.
        expect(logins <= 30, f"{logins} logins in a minute")
        expect(back < PAUSE_MAX_S + SLACK_S, f"all are back: {back:.1f} s")
        return (f"{end(site)}; {logins} logins in a minute, named {sorted(map(str, named))}, back "
                f"{back:.1f} s after its end, 0 conversations")


if __name__ == "__main__":
    sys.exit(run_scenarios([
        a_whole_hub_fails_over_under_load_and_returns,
        a_hub_that_comes_back_is_not_stormed_and_a_restart_needs_no_provisioning,
        a_hub_that_lets_in_only_a_few_is_not_pressed,
        a_hub_that_sends_everybody_away_for_a_minute_is_a_quota_and_not_a_move], together=True))

#!/usr/bin/env python3
"""The cloud lives in another network, at the end of a cable that is pulled, or behind a hole in which answers vanish
without a word. Runs in network namespaces of its own."""
import itertools
import sys
import time

import own_network
from observations import arrived_in_words, events, start_and_hear, wait_caught_up
from plant_and_cloud import Cloud, Site, expect, run_scenarios, wait_for

PAUSE_MAX_S = 5
KEEP_ALIVE_S = 10
# An attempt that began just before the end of the trouble has 20 s, and TCP asks again ever more rarely.
BACK_MAX_S = 20 + PAUSE_MAX_S + 5
NUMBERS = itertools.count(1)


class FarCloud(Cloud):
    """Its control side listens in the other network only."""

    def __init__(self, ports, far):
        super().__init__(ports)
        self.far = far

    def get(self, path):
        with self.far.inside():
            return super().get(path)

    def post(self, path, body=None):
        with self.far.inside():
            return super().post(path, body)


class FarSite(Site):
    def __enter__(self):
        self.far = own_network.FarNetwork(next(NUMBERS), 1 + self.options["hubs"])
        self.cloud_options += ["--address", self.far.their_addresses[0]]
        return super().__enter__()

    def __exit__(self, *what):
        try:
            super().__exit__(*what)
        finally:
            self.far.close()

    def spawn(self, name, command, **options):
        return super().spawn(name, self.far.command(*command) if name == "cloud" else command,
                             **options)

    def reach_cloud(self, ports):
        return FarCloud(ports, self.far)


def far_site():
    return FarSite(sensors=2, presses=1, meters=0, scales=0, rate=20, interval_ms=500, hubs=1,
                   settings={"hub": {"retry_pause_max_s": PAUSE_MAX_S, "keep_alive_s": KEEP_ALIVE_S}})


def reasons(site, since, event_name):
    return {event["reason"] for event in events(site, None, since) if event["event"] == event_name}


def cut_off(site, begin, finish, seconds):
    """Returns words about how the gateway lived through it."""
    start_and_hear(site)
    began = time.time()
    begin()
    wait_for(lambda: {event["device"] for event in events(site, None, began)
                      if event["event"] == "hub_disconnected"} == set(site.devices),
             4 * KEEP_ALIVE_S, "every device notices")
    noticed = time.time() - began
    time.sleep(max(0.0, seconds - noticed))
    tried = reasons(site, began, "hub_connect_failed")
    finish()
    up = time.time()
    wait_for(lambda: site.connected() >= set(site.devices), BACK_MAX_S, "all devices are back")
    back = time.time() - up
    wait_caught_up(site)
    expect(tried <= {"unreachable", "tls_failed", "own_network_down"}, f"named: {tried}")
    return (f"{arrived_in_words(site)}; cut off for {seconds} s, noticed after {noticed:.0f} s, then "
            f"{', '.join(sorted(tried))}; back {back:.1f} s after its end")


def a_black_hole_is_noticed_and_nothing_is_lost():
    with far_site() as site:
        return cut_off(site, site.far.swallow, lambda: site.far.swallow(False), 60)


def a_cable_that_is_pulled_for_a_minute_loses_nothing():
    with far_site() as site:
        return cut_off(site, site.far.unplug, lambda: site.far.unplug(False), 60)


def a_cable_that_is_pulled_for_a_moment_costs_no_connection():
    seconds = 5
    with far_site() as site:
        start_and_hear(site)
        began = time.time()
        site.far.unplug()
        time.sleep(seconds)  # the scenario itself
        site.far.unplug(False)
        wait_caught_up(site)
        lost = [event for event in events(site, None, began) if event["event"] == "hub_disconnected"]
        expect(not lost, f"TCP bridges it: {lost}")
        return f"{arrived_in_words(site)}; out for {seconds} s"


def a_gateway_that_starts_without_a_network_waits_for_it():
    """Nothing is cached yet: DPS is out of reach, and one device looks whether it is back."""
    with far_site() as site:
        site.far.swallow()
        site.start_gateway()
        site.start_plant()
        time.sleep(30)  # the scenario itself
        tried = reasons(site, 0, "provisioning_failed")
        attempts = len([event for event in events(site) if event["event"] == "provisioning"])
        expect(attempts <= 6, f"{attempts} attempts at DPS in 30 s")
        site.far.swallow(False)
        up = time.time()
        wait_for(lambda: site.connected() >= set(site.devices), BACK_MAX_S + 15, "all are online")
        back = time.time() - up
        wait_caught_up(site)
        return (f"{arrived_in_words(site)}; {sorted(tried)}, {attempts} attempts; online {back:.1f} s "
                "after its end")


if __name__ == "__main__":
    own_network.enter()
    sys.exit(run_scenarios([a_black_hole_is_noticed_and_nothing_is_lost,
                            a_cable_that_is_pulled_for_a_minute_loses_nothing,
                            a_cable_that_is_pulled_for_a_moment_costs_no_connection,
                            a_gateway_that_starts_without_a_network_waits_for_it], together=True))

#!/usr/bin/env python3
"""What a name server can do to the way to a hub: change the address, answer wrongly, slowly, or not at all. Runs in a
network of its own with a name server of ours."""
import sys
import time

import own_network
from name_server import NameServer
from observations import arrived_in_words, events, start_and_hear
from plant_and_cloud import expect, run_scenarios, wait_for
from proxied_site import ProxiedSite

PAUSE_MAX_S = 5
# A pause, a lookup and a login, with DPS in between for whom it is asked.
BACK_MAX_S = 2 * PAUSE_MAX_S + 5
# Where nobody lives.
NOWHERE = "127.0.0.99"
NAMES = None  # the name server, shared by the scenarios, each with names of its own


def site_named(name, **options):
    NAMES.addresses[name] = "127.0.0.2"
    return ProxiedSite(("hub-1",), sensors=2, presses=1, meters=0, scales=0, rate=20, interval_ms=500,
                       cloud_options=["--hub-host", f"1={name}"],
                       settings={"hub": {"retry_pause_max_s": PAUSE_MAX_S}}, **options)


def cut_all(site):
    """Everybody needs the name again."""
    rule = site.proxy.rule(kind="cut", target="hub-1", connections="open")
    site.proxy.end(rule)


def wait_for_reason(site, since, reason):
    wait_for(lambda: {event["device"] for event in events(site, None, since)
                      if event.get("reason") == reason} == set(site.devices), 60,
             f"every device says {reason}")


def wait_back(site):
    up = time.time()
    site.wait_all_online(30)
    back = time.time() - up
    expect(back < BACK_MAX_S, f"all are back: {back:.1f} s")
    return back


def a_hub_that_keeps_its_name_and_changes_its_address_is_found():
    """A region fails over: the name leads to another address, and nobody answers at the old one."""
    with site_named("moves.test", moved={"hub-1": "127.0.0.52"}) as site:
        start_and_hear(site)
        site.proxy.rule(kind="refuse", target="hub-1")
        began = time.time()
        cut_all(site)
        wait_for_reason(site, began, "unreachable")
        NAMES.addresses["moves.test"] = "127.0.0.52"
        back = wait_back(site)
        expect(site.proxy.target("hub-1-moved")["open"] == len(site.devices), "at the new address")
        for device in site.devices:
            # Asked with the third failure, perhaps, and told that the hub is the right one.
            expect(site.cloud.conversations(device) <= 2, f"{device} asked more than once")
        return f"{arrived_in_words(site)}; back {back:.1f} s after the name had changed"


def a_name_that_is_answered_wrongly_is_asked_for_again():
    with site_named("wrong.test") as site:
        start_and_hear(site)
        told = []
        for wrong, reason in ((None, "name_unknown"), (NOWHERE, "unreachable")):
            began = time.time()
            if wrong:
                NAMES.addresses["wrong.test"] = wrong
            else:
                del NAMES.addresses["wrong.test"]
            cut_all(site)
            wait_for_reason(site, began, reason)
            NAMES.addresses["wrong.test"] = "127.0.0.2"
            told.append(f"{reason}: back {wait_back(site):.1f} s after its end")
        return f"{arrived_in_words(site)}; {', '.join(told)}"


def a_slow_name_server_delays_a_login_and_nothing_else():
    seconds = 1.5
    with site_named("slow.test") as site:
        start_and_hear(site)
        NAMES.slow["slow.test"] = seconds
        began = time.time()
        site.cloud.post("/devices/press-01/drop")
        wait_for(lambda: "press-01" not in site.connected(), 5, "press-01 is dropped")
        wait_for(lambda: "press-01" in site.connected(), 20, "press-01 is back")
        back = time.time() - began
        expect(back >= seconds, f"the lookup was needed: {back:.1f} s")
        others = [event for event in events(site, None, began)
                  if event["event"] in ("hub_disconnected", "hub_connect_failed")]
        expect({event["device"] for event in others} == {"press-01"}, f"nobody else: {others}")
        return f"{arrived_in_words(site)}; back after {back:.1f} s with lookups of {seconds} s"


def a_name_server_that_says_nothing_is_named_and_waited_for():
    with site_named("silent.test") as site:
        start_and_hear(site)
        NAMES.hanging.add("silent.test")
        began = time.time()
        cut_all(site)
        wait_for_reason(site, began, "name_unknown")
        noticed = time.time() - began
        NAMES.hanging.clear()
        back = wait_back(site)
        return f"{arrived_in_words(site)}; named after {noticed:.1f} s, back {back:.1f} s after its end"


if __name__ == "__main__":
    own_network.enter(own_resolver=True)
    NAMES = NameServer({})
    sys.exit(run_scenarios([a_hub_that_keeps_its_name_and_changes_its_address_is_found,
                            a_name_that_is_answered_wrongly_is_asked_for_again,
                            a_slow_name_server_delays_a_login_and_nothing_else,
                            a_name_server_that_says_nothing_is_named_and_waited_for],
                           together=True))

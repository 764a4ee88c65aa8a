#!/usr/bin/env python3
"""Devices that are moved to another hub while the plant talks: how long they are away, what is lost."""
import sys

from observations import (expect_all_arrived, first_after, messages, messages_per_second, moment,
                          received_so_far, start_and_hear, wait_caught_up)
from plant_and_cloud import Site, expect, run_scenarios, summary, wait_for

# The promise, one `assigning` with retry-after 3 included.
AWAY_MAX_S = 8
# How long a moved device stays away before the cloud brings it back by itself.
TTL_S = 15
# The gateway calls a link stable after a minute; only then a drop is followed by an attempt at once.
STABLE_S = 60
PRESS = "press-01"


def expect_command_written(site, value):
    """A direct method with a tag's name writes the coil, and says so."""
    answer = site.cloud.method(PRESS, "lamp", value)
    expect(answer.get("answered") and answer["status"] == 200, f"the command is done: {answer}")
    expect(answer["payload"].get("result") == "written" and answer["payload"].get("value") == value,
           f"the answer is the write's own result: {answer}")
    writes = site.plant.get(f"/writes/{PRESS}")
    writes = writes.get("writes", writes.get(PRESS)) if isinstance(writes, dict) else writes
    last = [write for write in writes if write["table"] == "coil" and write["address"] == 1][-1]
    expect([bool(raw) for raw in last["values"]] == [value] and not last["refused"],
           f"the coil was written: {last}")


def move_there_and_back(site, lamp):
    """One failover with a time to live. Returns the two times without telemetry after the drops."""
    before = received_so_far(site, PRESS)
    dropped = moment(site.cloud.post(f"/devices/{PRESS}/failover",
                                     {"to": "hub-2", "ttl_s": TTL_S})["at"])
    there = first_after(site, PRESS, dropped, "hub-2", before)
    expect_command_written(site, lamp)
    back = first_after(site, PRESS, dropped + TTL_S, "hub-1", there["n"])
    expect_command_written(site, not lamp)
    wait_caught_up(site)
    return (moment(there["received_at"]) - dropped, moment(back["received_at"]) - dropped - TTL_S)


def a_moved_device_is_back_within_8_s_twice_and_loses_nothing():
    with Site(rate=40, interval_ms=200) as site:
        site.start_gateway()
        site.wait_all_online()
        site.start_plant()
        wait_for(lambda: received_so_far(site, PRESS), 20, "the press is heard")
        per_second = messages_per_second(site)
        expect(per_second >= 20, f"at least 20 messages/s, now {per_second:.0f}")
        away = list(move_there_and_back(site, True))
        # The duration is the scenario: the second move meets a link that is stable again.
        returned = moment(messages(site, PRESS)[-1]["received_at"])
        first_after(site, PRESS, returned + STABLE_S, "hub-1", received_so_far(site, PRESS),
                    seconds=STABLE_S + 20)
        away += move_there_and_back(site, True)
        score = expect_all_arrived(site)
        expect(max(away) < AWAY_MAX_S, f"back within {AWAY_MAX_S} s: {away}")
        for device in site.devices:
            conversations = site.cloud.conversations(device)
            expect(conversations == (5 if device == PRESS else 1),
                   f"{device} asked DPS {conversations} times: first, and once for each move")
        times = " ".join(f"{seconds:.1f}" for seconds in away)
        return f"{summary(score)} at {per_second:.0f}/s; heard again after {times} s"


def a_whole_hub_moves_with_all_its_devices_and_loses_nothing():
    with Site(rate=40, interval_ms=200) as site:
        start_and_hear(site)
        before = {device: received_so_far(site, device) for device in site.devices}
        moved = site.cloud.post("/hubs/hub-1/failover", {"to": "hub-2"})
        expect(moved["moved"] == len(site.devices), f"all devices move: {moved}")
        dropped = moment(moved["at"])
        away = {device: moment(first_after(site, device, dropped, "hub-2",
                                           before[device])["received_at"]) - dropped
                for device in site.devices}
        expect_command_written(site, True)
        score = expect_all_arrived(site)
        for device in site.devices:
            expect(site.cloud.conversations(device) == 2, f"{device} asks DPS once for the move")
        return f"{summary(score)}; all heard again after {max(away.values()):.1f} s"


if __name__ == "__main__":
    sys.exit(run_scenarios([a_moved_device_is_back_within_8_s_twice_and_loses_nothing,
                            a_whole_hub_moves_with_all_its_devices_and_loses_nothing],
                           together=True))

#!/usr/bin/env python3
"""The whole path on a quiet day: every sample of every kind of device arrives once, in order."""
import sys
import time

from plant_and_cloud import Site, expect, run_scenarios, summary, wait_for


def every_sample_arrives_once():
    with Site(hubs=1, rate=30) as site:
        site.start_gateway()
        site.wait_all_online()
        site.start_plant()
        wait_for(lambda: site.score()["received"] > 300, 60, "300 samples")
        score = site.settle()
        expect(score["repeated"] == 0, f"nothing is repeated: {summary(score)}")
        expect(site.order_violations() == 0, "order is kept")
        started = time.monotonic()
        expect(site.stop("gateway") == 0, "the gateway ends with status 0")
        expect(time.monotonic() - started < 5, "the gateway ends within 5 s")
        return summary(score)


if __name__ == "__main__":
    sys.exit(run_scenarios([every_sample_arrives_once]))

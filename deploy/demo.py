"""The demo's site: what it consists of, what to try, and the run that needs nobody. Started by
deploy/demo, which installs and builds; the processes are the scenario tests' own (plant_and_cloud.py).
"""
import argparse
import pathlib
import signal
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "scenario"))
from plant_and_cloud import Failure, Site, expect, summary, wait_for  # noqa: E402

NAMES = {
    "press-01": "Press 1, hall 2",
    "press-02": "Press 2, hall 2",
    "meter-01": "Energy meter, main feed",
    "scale-01": "Filling scale, line 3",
    "sensor-01": "Climate, paint shop",
    "sensor-02": "Climate, warehouse",
    "sensor-03": "Cooling water pump",
}
MOVED = "press-01"
# A connection made, lost and made again takes seconds; a minute means that something is wrong.
PATIENCE_S = 60


def demo_site(port):
    return Site(presses=2, meters=1, scales=1, sensors=3, hubs=2, rate=6, interval_ms=500,
                page_port=port, names=NAMES, settings={"name": "Demo plant"})


def things_to_try(site):
    cloud = site.cloud.url
    hosts = {hub["name"]: hub["host"] for hub in site.cloud.ports["hubs"]}
    return f"""
  The page:  {site.page}

  Move a press to another hub, and back after a minute. Nothing is lost:
    curl -d '{{"to":"hub-2","ttl_s":60}}' {cloud}/devices/{MOVED}/failover
  Switch hub-1 off, and on again:
    curl -d '{{"kind":"down","target":"hub-1"}}' {cloud}/faults
    curl -X DELETE {cloud}/faults
  Block a device as an operator of the cloud, and let it in again:
    curl -X POST {cloud}/devices/scale-01/block
    curl -X POST {cloud}/devices/scale-01/unblock
  Send a command from the cloud down to the press:
    curl -d '{{"name":"target_pressure","payload":120}}' {cloud}/devices/{MOVED}/method
  Let the energy meter fall silent, and heal it:
    curl -d '{{"kind":"silent","count":0}}' {site.plant.url}/devices/meter-01/fault
    curl -X POST {site.plant.url}/devices/meter-01/heal
  Ask the gateway, and see what the cloud received:
    {site.program("hubward")} status --config {site.site_folder}
    curl '{cloud}/devices/{MOVED}/messages?limit=3'

  hub-1 is {hosts["hub-1"]} and hub-2 is {hosts["hub-2"]}, as the page shows them.
  Configuration and logs, deleted at the end: {site.folder}
"""


def start(site):
    started = time.monotonic()
    site.start_gateway()
    site.start_plant()
    print(f"  {len(site.devices)} devices, page at {site.page}", flush=True)
    site.wait_all_online(PATIENCE_S)
    print(f"  all connected after {time.monotonic() - started:.0f} s", flush=True)


def check_alive(site):
    for name in ("gateway", "cloud", "plant", "broker"):
        expect(site.alive(name), f"the {name} ended by itself")


def live_line(site):
    """The score of this moment; what is on its way is not lost."""
    score = site.score()
    return (f"sent={score['sent']} received={score['received']} on its way={score['lost']} "
            f"repeated={score['repeated']}")


def run_attended(site):
    start(site)
    print(things_to_try(site) + "  Ctrl-C ends the demo.\n", flush=True)
    while True:
        time.sleep(2)
        check_alive(site)
        if sys.stdout.isatty():
            print(f"\r\033[K  {live_line(site)}", end="", flush=True)


def messages_on(site, hub):
    return site.cloud.device(MOVED)["telemetry"]["by_hub"].get(hub, {}).get("total", 0)


def run_alone(site, seconds):
    """Answers with the final score, which may say that something was lost."""
    start(site)
    begin = time.monotonic()
    time.sleep(seconds / 2)
    check_alive(site)
    site.cloud.post(f"/devices/{MOVED}/failover", {"to": "hub-2"})
    moved = time.monotonic()
    wait_for(lambda: messages_on(site, "hub-2"), PATIENCE_S, f"{MOVED} delivers to hub-2")
    print(f"  {MOVED} was moved to hub-2 and delivered there after {time.monotonic() - moved:.1f} s",
          flush=True)
    time.sleep(max(0.0, begin + seconds - time.monotonic()))
    check_alive(site)
    try:
        return site.settle(PATIENCE_S)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return site.score()


def stop_once(*_):
    # A second Ctrl-C must not interrupt the tidying up.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=int)
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_once)
    print("Starting the simulated cloud, the simulated plant, the broker and hubward ...", flush=True)
    score = None
    try:
        with demo_site(options.port) as site:
            if options.seconds is None:
                run_attended(site)
            score = run_alone(site, options.seconds)
            if score["lost"] or not score["sent"]:
                raise Failure("the demo is only well when something was sent and nothing lost")
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.")
        return 130 if options.seconds is not None else 0
    except Failure as failure:
        print(f"The demo failed: {failure}", file=sys.stderr)
        if score is None:
            return 1
    print(summary(score))
    return 1 if score["lost"] or not score["sent"] else 0


if __name__ == "__main__":
    sys.exit(main())

"""A site whose connections pass a proxy that spoils them on order.

    with ProxiedSite(through=("hub-1", "dps", "broker", "press-01")) as site:
        site.start_gateway()
        rule = site.proxy.rule(kind="delay", target="hub-1", delay_ms=300)
        ...
        site.proxy.end(rule)
"""
import json

from plant_and_cloud import Site, free_port, http, wait_for


class Proxy:
    """The control side of simproxy."""

    def __init__(self, ports):
        self.ports = ports
        self.url = ports["control_url"]

    def rule(self, **rule):
        return http(self.url + "/rules", rule)["id"]

    def end(self, number):
        return http(f"{self.url}/rules/{number}", method="DELETE")

    def end_all(self):
        return http(self.url + "/rules", method="DELETE")

    def target(self, name):
        return next(target for target in http(self.url + "/targets")["targets"]
                    if target["name"] == name)

    def connections(self, target):
        return [connection for connection in http(self.url + "/connections")["connections"]
                if connection["target"] == target]

    def befallen(self, number):
        """How many connections a rule has met."""
        return next(rule["connections"] for rule in http(self.url + "/rules")["rules"]
                    if rule["id"] == number)


class ProxiedSite(Site):
    """`through`: what is reached through the proxy: dps, hub-1 ..., broker, the ids of presses.
    `moved`: {"hub-1": "127.0.0.52"}: the same hub also behind this address, as target hub-1-moved."""

    def __init__(self, through, moved=None, **options):
        self.through = through
        self.moved = moved or {}
        self.front = {name: free_port() for name in through
                      if name == "dps" or name.startswith("hub-")}
        handed_out = [part for name, port in self.front.items() if name.startswith("hub-")
                      for part in ("--hub-port", f"{name.removeprefix('hub-')}={port}")]
        options["cloud_options"] = list(options.get("cloud_options", ())) + handed_out
        super().__init__(**options)

    def _write_site(self):
        super()._write_site()
        targets = {}
        for name in self.through:
            upstream = self._upstream(name)
            host = upstream.rsplit(":", 1)[0]
            targets[name] = f"{name}={host}:{self.front.get(name, 0)},{upstream}"
            if name in self.moved:
                targets[f"{name}-moved"] = (f"{name}-moved={self.moved[name]}:{self.front[name]},"
                                            f"{upstream}")
        state = self.folder / "proxy"
        process = self.spawn("proxy", [self.program("simproxy"), "--state", str(state)] +
                             [part for target in targets.values() for part in ("--target", target)])

        def ready():
            ports = json.loads((state / "ports.json").read_text())
            return ports if ports["pid"] == process.pid else None

        self.proxy = Proxy(wait_for(ready, 20, "the proxy is up"))
        self._send_the_gateway_there(self.proxy.ports["targets"])

    def _upstream(self, name):
        if name == "dps":
            return self.cloud.ports["dps"]
        if name == "broker":
            return f"127.0.0.1:{self.broker_port}"
        for hub in self.cloud.ports["hubs"]:
            if hub["name"] == name:
                return hub["listens_on"]
        press = next(device for device in self.plant.plant["devices"] if device["id"] == name)
        return f"{press['host']}:{press['port']}"

    def _send_the_gateway_there(self, addresses):
        path = self.site_folder / "gateway.json"
        gateway = json.loads(path.read_text())
        if "dps" in addresses:
            gateway["dps"]["host"] = addresses["dps"]
        if "broker" in addresses:
            gateway["broker"]["port"] = int(addresses["broker"].rsplit(":", 1)[1])
        path.write_text(json.dumps(gateway, indent=2) + "\n")
        for name, address in addresses.items():
            path = self.site_folder / "devices.d" / f"{name}.json"
            if path.exists():
                device = json.loads(path.read_text())
                host, port = address.rsplit(":", 1)
                device["attach"]["modbus_tcp"].update(host=host, port=int(port))
                path.write_text(json.dumps(device, indent=2) + "\n")

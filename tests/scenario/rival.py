"""Another program with the identity of one of our devices: it connects to the hub, and connects again at once
whenever it is sent away. MQTT 3.1.1 over TLS, as far as that takes, with nothing but Python.
"""
import base64
import hashlib
import hmac
import socket
import ssl
import struct
import threading
import time
import urllib.parse

CONNECT, CONNACK, PINGREQ = 0x10, 0x20, 0xC0
PING_EVERY_S = 20


def derived_key(group_key, registration_id):
    """What a device of a group enrollment signs with."""
    digest = hmac.new(base64.b64decode(group_key), registration_id.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def token(resource, key, lifetime_s=3600):
    expires = int(time.time()) + lifetime_s
    quoted = urllib.parse.quote(resource, safe="")
    digest = hmac.new(base64.b64decode(key), f"{quoted}\n{expires}".encode(), hashlib.sha256).digest()
    signature = urllib.parse.quote(base64.b64encode(digest).decode(), safe="")
    return f"SharedAccessSignature sr={quoted}&sig={signature}&se={expires}"


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def length(size):
    out = b""
    while True:
        size, digit = divmod(size, 128)
        out += bytes([digit | (0x80 if size else 0)])
        if not size:
            return out


def connect_packet(host, device, key):
    body = (text("MQTT") + bytes([4, 0xC2]) + struct.pack(">H", 60) + text(device) +
            text(f"{host}/{device}/?api-version=2021-04-12") +
            text(token(f"{host}/devices/{device}", key)))
    return bytes([CONNECT]) + length(len(body)) + body


class Rival:
    """`pause_s`: between being sent away and coming back."""

    def __init__(self, hub, ca, device, key, pause_s=0.0):
        self.hub, self.device, self.key, self.pause_s = hub, device, key, pause_s
        self.context = ssl.create_default_context(cafile=ca)
        self.logins = []  # when the hub let it in
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self):
        self.stopped.set()
        self.thread.join(15)

    def _run(self):
        while not self.stopped.is_set():
            try:
                self._session()
            except OSError:  # ssl's errors are some of these
                pass
            self.stopped.wait(max(self.pause_s, 0.02))

    def _session(self):
        host, port = self.hub.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            with self.context.wrap_socket(plain, server_hostname=host) as link:
                link.sendall(connect_packet(host, self.device, self.key))
                answer = link.recv(4)
                if len(answer) < 4 or answer[0] != CONNACK or answer[3] != 0:
                    return
                self.logins.append(time.time())
                self._stay(link)

    def _stay(self, link):
        link.settimeout(0.5)
        pinged = time.monotonic()
        while not self.stopped.is_set():
            if time.monotonic() - pinged > PING_EVERY_S:
                link.sendall(bytes([PINGREQ, 0]))
                pinged = time.monotonic()
            try:
                if not link.recv(4096):
                    return
            except TimeoutError:
                pass

"""A name server for a scenario's own network: right, wrong, slow or silent, as it is told."""
import socket
import struct
import threading
import time


class NameServer:
    """Answers A queries with `addresses`; other names do not exist. What is in `hanging` gets no answer
    at all, what is in `slow` gets it after so many seconds."""

    def __init__(self, addresses, hanging=()):
        self.addresses = addresses
        self.hanging = set(hanging)
        self.slow = {}
        self.first_asked = {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            name, end = self.question(query)
            self.first_asked.setdefault(name, time.monotonic())
            if name in self.hanging:
                continue
            answer = self.answer(query, name, end)
            if name in self.slow:
                threading.Timer(self.slow[name], self.socket.sendto, (answer, client)).start()
            else:
                self.socket.sendto(answer, client)

    @staticmethod
    def question(query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += query[at] + 1
        return ".".join(labels), at + 5

    def answer(self, query, name, end):
        """RFC 1035, section 4.1. A name without such a record gets an empty answer."""
        kind = struct.unpack(">H", query[end - 4:end - 2])[0]
        records = b""
        if kind == 1 and name in self.addresses:
            records = struct.pack(">HHHIH", 0xC00C, 1, 1, 5, 4)
            records += socket.inet_aton(self.addresses[name])
        code = 0 if name in self.addresses else 3
        flags = 0x8180 | code
        header = query[:2] + struct.pack(">HHHHH", flags, 1, 1 if records else 0, 0, 0)
        return header + query[12:end] + records

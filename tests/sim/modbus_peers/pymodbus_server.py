#!/usr/bin/python3
"""A Modbus server of pymodbus' making (Debian's python3-pymodbus): README.md says what it holds.

    pymodbus_server.py tcp | rtu PATH
"""
import asyncio
import logging
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.device import ModbusDeviceIdentification
from pymodbus.pdu import ExceptionResponse
from pymodbus.server import async_io

UNIT, SIZE, EXCEPTIONS = 17, 2000, 3000
FLOATS = [0x449A, 0x5000, 0x5000, 0x449A, 0x9A44, 0x0050, 0x0050, 0x9A44]


class Memory(ModbusSlaveContext):
    """Of the exceptions pymodbus itself makes 1 to 4 and 11; the others are put into its answer."""
    wanted = None

    def __init__(self):
        holding = [100 + i for i in range(SIZE)]
        holding[1500:1508] = FLOATS
        bits = [i % 3 == 0 for i in range(SIZE)]
        super().__init__(hr=ModbusSequentialDataBlock(0, holding),
                         ir=ModbusSequentialDataBlock(0, [100 + i for i in range(SIZE)]),
                         co=ModbusSequentialDataBlock(0, bits),
                         di=ModbusSequentialDataBlock(0, list(bits)), zero_mode=True)

    def validate(self, fc_as_hex, address, count=1):
        Memory.wanted = address - EXCEPTIONS if EXCEPTIONS < address < EXCEPTIONS + 100 else None
        return super().validate(fc_as_hex, address, count)


def with_exception(response):
    if isinstance(response, ExceptionResponse) and Memory.wanted is not None:
        response.exception_code, Memory.wanted = Memory.wanted, None
    return response, False


logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


async def main():
    context = ModbusServerContext(slaves={UNIT: Memory()}, single=False)
    identity = ModbusDeviceIdentification(
        info_name={"VendorName": "Acme", "ProductCode": "PY", "MajorMinorRevision": "V3.0"})
    if sys.argv[1] == "tcp":
        server = async_io.ModbusTcpServer(context, identity=identity, address=("127.0.0.1", 0))
        task = asyncio.create_task(server.serve_forever())
        await server.serving
        ready = f"ready {server.server.sockets[0].getsockname()[1]}"
    else:
        server = async_io.ModbusSerialServer(context, identity=identity, port=sys.argv[2],
                                             baudrate=115200, parity="N", broadcast_enable=True,
                                             ignore_missing_slaves=True)
        await server.start()
        task = asyncio.create_task(server.serve_forever())
        ready = "ready"
    server.response_manipulator = with_exception
    print(ready, flush=True)
    await task


asyncio.run(main())

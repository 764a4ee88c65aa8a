"""Reads and writes one Modbus server with pymodbus: `tcp PORT` or `rtu PATH`. Exit status 0 if all
answers are what the test expects."""
import inspect
import sys

from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.mei_message import ReadDeviceInformationRequest

if sys.argv[1] == "tcp":
    client = ModbusTcpClient("127.0.0.1", port=int(sys.argv[2]))
else:
    client = ModbusSerialClient(port=sys.argv[2], baudrate=115200, parity="N", timeout=5)
assert client.connect()
# The unit's argument had several names over the years.
names = inspect.signature(client.read_coils).parameters
unit = {"slave": 17} if "slave" in names else {"unit": 17}


def same(got, want, what):
    assert got == want, f"{what}: {got} instead of {want}"


def taken(answer):
    assert not answer.isError(), answer


same(client.read_holding_registers(0, 3, **unit).registers, [100, 101, 102], "holding registers")
same(client.read_input_registers(8, 125, **unit).registers, list(range(108, 233)), "input registers")
same(client.read_coils(0, 19, **unit).bits[:19], [i % 3 == 0 for i in range(19)], "coils")
same(client.read_discrete_inputs(5, 3, **unit).bits[:3], [i % 3 == 0 for i in range(5, 8)], "discrete inputs")
taken(client.write_register(10, 4711, **unit))
taken(client.write_registers(11, [1, 2, 3], **unit))
taken(client.write_coil(20, True, **unit))
taken(client.write_coils(21, [True, False, True], **unit))
same(client.read_holding_registers(10, 4, **unit).registers, [4711, 1, 2, 3], "written registers")
same(client.read_coils(20, 4, **unit).bits[:4], [True, True, False, True], "written coils")
# Section 6.16's own example.
taken(client.write_register(30, 0x12, **unit))
taken(client.mask_write_register(address=30, and_mask=0xF2, or_mask=0x25, unit=17))
same(client.read_holding_registers(30, 1, **unit).registers, [0x17], "masked")
both = client.readwrite_registers(read_address=40, read_count=4, write_address=41,
                                  write_registers=[7, 8], unit=17)
same(both.registers, [140, 7, 8, 143], "written and read")
said = client.execute(ReadDeviceInformationRequest(read_code=1, object_id=0, unit=17)).information
same({key: bytes(value) for key, value in said.items()}, {0: b"Acme", 1: b"HW", 2: b"V1.0"}, "identification")
for code in (2, 3, 4, 6, 10, 11):
    error = client.read_holding_registers(3000 + code, 1, **unit)
    assert error.isError(), code
    same(error.exception_code, code, "exception")
    error = client.write_registers(3000 + code, [1, 2], **unit)
    same(error.exception_code, code, "exception to a write")
print("pymodbus is content")

"""Reads and writes one Modbus TCP server with pymodbus: argument 1 is the port. Exit status 0 if all
answers are what the test expects."""
import inspect
import sys

from pymodbus.client import ModbusTcpClient

client = ModbusTcpClient("127.0.0.1", port=int(sys.argv[1]))
assert client.connect()
# The unit's argument had several names over the years.
names = inspect.signature(client.read_coils).parameters
unit = {"slave": 17} if "slave" in names else {"unit": 17}


def same(got, want, what):
    assert got == want, f"{what}: {got} instead of {want}"


same(client.read_holding_registers(0, 3, **unit).registers, [100, 101, 102], "holding registers")
same(client.read_input_registers(8, 125, **unit).registers, list(range(108, 233)), "input registers")
same(client.read_coils(0, 19, **unit).bits[:19], [i % 3 == 0 for i in range(19)], "coils")
same(client.read_discrete_inputs(5, 3, **unit).bits[:3], [i % 3 == 0 for i in range(5, 8)], "discrete inputs")
assert not client.write_register(10, 4711, **unit).isError()
assert not client.write_registers(11, [1, 2, 3], **unit).isError()
assert not client.write_coil(20, True, **unit).isError()
assert not client.write_coils(21, [True, False, True], **unit).isError()
same(client.read_holding_registers(10, 4, **unit).registers, [4711, 1, 2, 3], "written registers")
same(client.read_coils(20, 4, **unit).bits[:4], [True, True, False, True], "written coils")
error = client.read_holding_registers(5000, 1, **unit)
assert error.isError() and error.exception_code == 2, error
print("pymodbus is content")

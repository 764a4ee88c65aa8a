// A Modbus server of modbus-serial's making (npm): README.md says what it holds.
//   node modbus_serial_server.js tcp | rtu PATH
"use strict";
const net = require("net");
const { ServerTCP, ServerSerial } = require("modbus-serial");

const unit = 17, size = 2000, exceptions = 3000;
const floats = [0x449a, 0x5000, 0x5000, 0x449a, 0x9a44, 0x0050, 0x0050, 0x9a44];
const holding = Array.from({ length: size }, (_, i) => 100 + i);
floats.forEach((word, i) => { holding[1500 + i] = word; });
const input = Array.from({ length: size }, (_, i) => 100 + i);
const coils = Array.from({ length: size }, (_, i) => i % 3 === 0);
const inputs = coils.slice();

function place(table, address) {
  if (address < size) return table;
  const code = address > exceptions && address < exceptions + 100 ? address - exceptions : 2;
  throw Object.assign(new Error("exception " + code), { modbusErrorCode: code });
}
const vector = {
  getHoldingRegister: (address) => place(holding, address)[address],
  getInputRegister: (address) => place(input, address)[address],
  getCoil: (address) => place(coils, address)[address],
  getDiscreteInput: (address) => place(inputs, address)[address],
  setRegister: (address, value) => { place(holding, address)[address] = value; },
  setCoil: (address, value) => { place(coils, address)[address] = value; },
  readDeviceIdentification: () => ({ 0x00: "Acme", 0x01: "JS", 0x02: "V8.0" }),
};

if (process.argv[2] === "tcp") {
  // It tells no port that the system chose: one that is free is looked up first.
  const probe = net.createServer().listen(0, "127.0.0.1", () => {
    const port = probe.address().port;
    probe.close(() => {
      const server = new ServerTCP(vector, { host: "127.0.0.1", port, unitID: unit });
      server.on("initialized", () => console.log("ready " + port));
    });
  });
} else {
  const server = new ServerSerial(vector, {
    port: process.argv[3], baudRate: 115200, parity: "none", unitID: unit,
  });
  server.on("initialized", () => console.log("ready"));
}

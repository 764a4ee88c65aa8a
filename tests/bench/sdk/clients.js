// Many devices in one process, made with Microsoft's device SDK as its documentation shows: register
// with DPS, open a client, and let the SDK's own retry policy look after the connection. When the SDK
// gives a client up ("disconnect"), the device registers and opens again, after a pause.
//   node clients.js PORTS_JSON DEVICES
// Says {"connected":N,"seconds":S} when all are there. Orders as bench_gateway's: "feed" with
// messages_per_s and seconds. The end of standard input ends it.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

const sdk = path.resolve(__dirname, '../../sim/sdk');
const load = (name) => require(require.resolve(name, {paths: [sdk]}));
const {Client, Message} = load('azure-iot-device');
const {Mqtt} = load('azure-iot-device-mqtt');
const {connectionString, register} = require(path.join(sdk, 'device.js'));

const GROUP_KEY = Buffer.alloc(64, 7);
const CONNECTING_MAX = 300;  // at once, at the start
const TICK_MS = 10;
const AGAIN_AFTER_MS = 5000;

const say = (answer) => console.log(JSON.stringify(answer));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Device {
  constructor(number, dps) {
    this.id = `bench-${String(number).padStart(5, '0')}`;
    this.key = crypto.createHmac('sha256', GROUP_KEY).update(this.id).digest('base64');
    this.dps = dps;
    this.counter = 0;
  }
  async open() {
    const state = await register({...this.dps, registrationId: this.id, key: this.key});
    this.client = Client.fromConnectionString(
        connectionString({assignedHub: state.assignedHub, deviceId: state.deviceId, key: this.key}),
        Mqtt);
    await this.client.setOptions({ca: this.dps.ca});
    this.client.on('error', () => {});
    this.client.on('disconnect', () => this.openAgain());
    await this.client.open();
    // hubward, too, listens to desired properties and commands.
    const twin = await this.client.getTwin();
    twin.on('properties.desired', () => {});
    this.client.onDeviceMethod('run', (request, response) => response.send(200));
  }
  async openAgain() {
    if (this.isOpening) return;
    this.isOpening = true;
    this.client.removeAllListeners();
    this.client.close().catch(() => {});
    for (;;) {
      await pause(AGAIN_AFTER_MS * (0.5 + Math.random()));
      try {
        await this.open();
        break;
      } catch {
        // The next attempt follows.
      }
    }
    this.isOpening = false;
  }
  send() {
    const message = new Message(JSON.stringify({counter: ++this.counter}));
    message.messageId = `sdk-${this.id}-${this.counter}`;
    message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    message.properties.add('$.ctime', new Date().toISOString());
    return this.client.sendEvent(message);
  }
}

async function openAll(devices) {
  const waiting = [...devices];
  const work = async () => {
    while (waiting.length > 0) await waiting.pop().open();
  };
  await Promise.all(Array.from({length: CONNECTING_MAX}, work));
}

async function feed(devices, order) {
  const started = process.hrtime.bigint();
  const passed = () => Number(process.hrtime.bigint() - started) / 1e9;
  let fed = 0;
  let acknowledged = 0;
  let failed = 0;
  while (passed() < order.seconds) {
    const due = Math.floor(passed() * order.messages_per_s);
    for (; fed < due; ++fed) {
      devices[fed % devices.length].send().then(() => ++acknowledged, () => ++failed);
    }
    await pause(TICK_MS);
  }
  const feeding = passed();
  while (acknowledged + failed < fed && passed() < feeding + 30) await pause(TICK_MS);
  say({fed, acknowledged, feeding_s: feeding, all_s: passed()});
}

async function main([portsFile, count]) {
  const ports = JSON.parse(fs.readFileSync(portsFile, 'utf8'));
  const dps = {dpsAddress: ports.dps, idScope: ports.id_scope, ca: fs.readFileSync(ports.ca, 'utf8')};
  const devices = Array.from({length: Number(count)}, (_, number) => new Device(number, dps));
  readline.createInterface({input: process.stdin})
      .on('line', (line) => feed(devices, JSON.parse(line)))
      .on('close', () => process.exit(0));
  const started = Date.now();
  await openAll(devices);
  say({connected: devices.length, seconds: (Date.now() - started) / 1000});
}

process.on('unhandledRejection', () => {});  // each is a send or an attempt that is counted elsewhere
main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});

// A device that Microsoft's SDK plays in hubward's place, for scenarios in which the two change
// places and the cloud must not see a difference.
//   node peer.js PORTS_JSON REGISTRATION_ID KEY [MODEL_ID]
// PORTS_JSON is simcloud's; the key is the device's own, base64. Standard input takes one JSON object
// a line:
//   {"send": {...body...}, "id": "...", "component": "...", "created_at": "...Z"}
//   {"report": {...patch...}}
//   {"commands": ["run", ...]}     these are answered with 200, as hubward answers a write
// Standard output says what happened, one JSON object a line:
//   {"event":"connected","hub":...}  {"event":"sent","id":...}  {"event":"command","name":...,"value":...}
//   {"event":"desired","patch":...}  {"event":"reported"}  {"event":"message","text":...}
//   {"event":"disconnected"}
// After a drop it asks DPS again and goes on; what was not acknowledged is sent again with the same
// id. The end of standard input ends it, after everything was sent.
'use strict';

const fs = require('node:fs');
const readline = require('node:readline');
const {Message} = require('azure-iot-device');
const {makeClient, register} = require('./device');

// A real device would back off; a test wants to see the next attempt.
const RETRY_MS = 500;

const say = (event) => console.log(JSON.stringify(event));

function toMessage({send, id, component, created_at: createdAt}) {
  const message = new Message(JSON.stringify(send));
  message.messageId = id;
  message.contentType = 'application/json';
  message.contentEncoding = 'utf-8';
  if (component) message.properties.add('$.sub', component);
  if (createdAt) message.properties.add('$.ctime', createdAt);
  return message;
}

class Peer {
  constructor(identity, modelId) {
    this.identity = identity;
    this.modelId = modelId;
    this.orders = [];  // what is still to be done; the first one may be under way
    this.isBusy = false;
  }
  async connect() {
    const payload = this.modelId ? {modelId: this.modelId} : undefined;
    const state = await register({...this.identity, payload});
    this.client = await makeClient({
      assignedHub: state.assignedHub,
      deviceId: state.deviceId,
      key: this.identity.key,
      ca: this.identity.ca,
      options: this.modelId ? {modelId: encodeURIComponent(this.modelId)} : {},
    });
    this.client.once('disconnect', () => this.reconnect());
    this.client.on('message', (message) => {
      say({event: 'message', text: message.getData().toString()});
      this.client.complete(message).catch(() => {});
    });
    await this.client.open();
    this.twin = await this.client.getTwin();
    this.twin.on('properties.desired', (patch) => this.onDesired(patch));
    for (const name of this.commands || []) this.listen(name);
    this.isConnected = true;
    say({event: 'connected', hub: state.assignedHub});
    this.work();
  }
  reconnect() {
    if (this.isConnected) say({event: 'disconnected'});
    this.isConnected = false;
    if (this.isStopped) return;
    setTimeout(() => this.connect().catch(() => this.reconnect()), RETRY_MS);
  }
  // The SDK dispatches methods by name, so the names must be known.
  serve(names) {
    this.commands = names;
    if (this.isConnected) for (const name of names) this.listen(name);
  }
  listen(name) {
    this.client.onDeviceMethod(name, (request, response) => {
      say({event: 'command', name, value: request.payload});
      response.send(200, {
        result: 'written',
        message: 'The equipment confirmed the value.',
        value: request.payload,
      }).catch(() => {});
    });
  }
  onDesired(patch) {
    say({event: 'desired', patch});
    const answer = {};
    for (const [name, value] of Object.entries(patch)) {
      if (!name.startsWith('$')) answer[name] = {value, ac: 200, av: patch.$version};
    }
    if (Object.keys(answer).length > 0) this.order({report: answer});
  }
  order(order) {
    this.orders.push(order);
    this.work();
  }
  async work() {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      while (this.isConnected && this.orders.length > 0) {
        await this.carryOut(this.orders[0]);
        this.orders.shift();
      }
    } catch {
      // Lost with the link: stays first in the line for the next one.
    }
    this.isBusy = false;
    if (this.isEnding && this.orders.length === 0) await this.stop();
  }
  async carryOut(order) {
    if (order.send !== undefined) {
      await this.client.sendEvent(toMessage(order));
      say({event: 'sent', id: order.id});
    } else if (order.report !== undefined) {
      await new Promise((resolve, reject) => {
        this.twin.properties.reported.update(order.report, (error) => error ? reject(error) : resolve());
      });
      say({event: 'reported'});
    } else if (order.commands !== undefined) {
      this.serve(order.commands);
    }
  }
  end() {
    this.isEnding = true;
    this.work();
  }
  async stop() {
    this.isStopped = true;
    await this.client.close().catch(() => {});
    process.exit(0);
  }
}

async function main([portsFile, registrationId, key, modelId]) {
  const ports = JSON.parse(fs.readFileSync(portsFile, 'utf8'));
  const peer = new Peer({
    dpsAddress: ports.dps,
    idScope: ports.id_scope,
    ca: fs.readFileSync(ports.ca, 'utf8'),
    registrationId,
    key,
  }, modelId);
  readline.createInterface({input: process.stdin})
      .on('line', (line) => peer.order(JSON.parse(line)))
      .on('close', () => peer.end());
  await peer.connect();
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});

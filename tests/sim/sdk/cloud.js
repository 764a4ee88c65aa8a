// Starts the simulated cloud and speaks to its control side.
'use strict';

const childProcess = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const {until} = require('./harness');

class Cloud {
  // Options of simcloud that shorten what a test would otherwise wait for.
  static async start(program) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hubward-sdk-'));
    const child = childProcess.spawn(
        program, ['--state', folder, '--hubs', '2', '--retry-after', '2', '--token-grace', '1'],
        {stdio: ['ignore', 'ignore', 'inherit']});
    const cloud = new Cloud(folder, child);
    cloud.ended = new Promise((resolve) => {
      child.on('exit', resolve);
      child.on('error', resolve);
    });
    // Whoever ends this script early must not leave the cloud behind.
    process.once('exit', () => child.kill('SIGTERM'));
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
    let isRunning = true;
    cloud.ended.then(() => { isRunning = false; });
    try {
      await until('the simulated cloud', () => {
        if (!isRunning) throw new Error(`${program} has ended`);
        return fs.existsSync(cloud.portsFile);
      });
      cloud.readPorts();
    } catch (error) {
      await cloud.stop();
      throw error;
    }
    return cloud;
  }
  constructor(folder, child) {
    this.folder = folder;
    this.child = child;
    this.portsFile = path.join(folder, 'ports.json');
  }
  readPorts() {
    const ports = JSON.parse(fs.readFileSync(this.portsFile, 'utf8'));
    this.control = ports.control_url;
    this.hubs = ports.hubs.map((hub) => hub.address);
    this.hubNames = new Map(ports.hubs.map((hub) => [hub.address, hub.name]));
    this.dps = {
      dpsAddress: ports.dps,
      idScope: ports.id_scope,
      ca: fs.readFileSync(ports.ca, 'utf8'),
    };
  }
  async stop() {
    this.child.kill('SIGTERM');
    await this.ended;
    fs.rmSync(this.folder, {recursive: true, force: true});
  }
  async call(method, where, body) {
    const answer = await fetch(this.control + where, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${text}`);
    return JSON.parse(text);
  }

  enrollDevice({registrationId, key, deviceId}) {
    return this.call('POST', '/enroll', {registrationId, key, deviceId});
  }
  enrollGroup({name, key}) {
    return this.call('POST', '/enroll', {group: true, name, key});
  }
  disableEnrollment(name, disabled) {
    return this.call('POST', `/enrollments/${name}/${disabled ? 'disable' : 'enable'}`);
  }
  fault(fault) {
    return this.call('POST', '/faults', fault);
  }
  device(id) {
    return this.call('GET', `/devices/${id}`);
  }
  async messages(id) {
    return (await this.call('GET', `/devices/${id}/messages`)).messages;
  }
  // The telemetry message of that id, if it has arrived (at that hub).
  async received(id, messageId, hub) {
    return (await this.messages(id)).find((message) =>
      message.id === messageId && (!hub || message.hub === this.hubNames.get(hub)));
  }
  async subscribed(id, part) {
    return Object.keys((await this.device(id)).subscriptions).some((one) => one.includes(part));
  }
  sendMessage(id, {text, properties}) {
    return this.call('POST', `/devices/${id}/c2d`, {text, properties});
  }
  callMethod(id, name, payload, timeoutMs = 10000) {
    return this.call('POST', `/devices/${id}/method`, {name, payload, timeout_ms: timeoutMs});
  }
  twin(id) {
    return this.call('GET', `/devices/${id}/twin`);
  }
  patchDesired(id, patch) {
    return this.call('POST', `/devices/${id}/twin`, patch);
  }
  failOver(id, hub) {
    return this.call('POST', `/devices/${id}/failover`, {to: this.hubNames.get(hub)});
  }
  block(id, blocked) {
    return this.call('POST', `/devices/${id}/${blocked ? 'block' : 'unblock'}`);
  }
}

module.exports = {Cloud};

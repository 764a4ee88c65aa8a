// The site that is run against the real cloud: one simulated press, one gateway.
'use strict';

const childProcess = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

const MODEL_ID = 'dtmi:hubward:test:Press;1';

async function until(what, condition, deadlineMs) {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${deadlineMs / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const {port} = server.address();
      server.close(() => resolve(port));
    });
  });
}

// Ends with SIGTERM, so that sessions disconnect; a program that ends early is an error for waiters.
function startProgram(program, args, logFile) {
  const log = fs.openSync(logFile, 'a');
  const child = childProcess.spawn(program, args, {stdio: ['ignore', log, log]});
  const ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) => resolve(`ended with ${signal || code}`));
  });
  let isRunning = true;
  ended.then(() => { isRunning = false; });
  return {
    assertRunning() {
      if (!isRunning) throw new Error(`${path.basename(program)} has ended; see ${logFile}`);
    },
    async stop() {
      if (isRunning) child.kill('SIGTERM');
      await ended;
    },
  };
}

async function json(url, options) {
  const answer = await fetch(url, {...options, signal: AbortSignal.timeout(60000)});
  const text = await answer.text();
  if (!answer.ok) {
    const where = new URL(url).pathname;
    const error = new Error(`${answer.status} from ${where}: ${text.slice(0, 300)}`);
    error.status = answer.status;
    throw error;
  }
  return text ? JSON.parse(text) : {};
}

function writeConfiguration(folder, {azure, press, pagePort}) {
  fs.mkdirSync(path.join(folder, 'devices.d'), {recursive: true});
  const write = (name, value) =>
    fs.writeFileSync(path.join(folder, name), JSON.stringify(value, null, 2) + '\n', {mode: 0o600});
  write('gateway.json', {
    version: 1,
    dps: {host: azure.dpsHost, id_scope: azure.idScope},
    // The key stays in the environment; no file of this run holds it.
    enrollments: {azure: {type: 'group', key: {env: 'HUBWARD_AZURE_GROUP_KEY'}}},
    trusted_roots_file: azure.trustedRoots,
    state_folder: path.join(folder, 'state'),
    page: {address: `127.0.0.1:${pagePort}`},
  });
  write(path.join('devices.d', `${azure.device}.json`), {
    version: 1,
    id: azure.device,
    name: 'Test press',
    model_id: MODEL_ID,
    enrollment: 'azure',
    attach: {modbus_tcp: {host: press.host, port: press.port, unit_id: press.unit_id}},
    tags: [
      {name: 'read_sequence', address: 'input:0', type: 'uint32', word_order: 'high_first',
        interval_ms: 1000},
      {name: 'pressure', address: 'input:5', type: 'float32', word_order: 'high_first', unit: 'bar',
        interval_ms: 1000},
      {name: 'run', address: 'coil:0', type: 'bool', interval_ms: 1000, writable: true},
    ],
  });
}

// The environment has the last word.
function findGateway(buildFolder) {
  const places = [process.env.HUBWARD_BINARY, path.join(buildFolder, 'hubward'),
    path.join(buildFolder, 'gateway/hubward')];
  const found = places.find((place) => place && fs.existsSync(place));
  if (!found) throw new Error(`no hubward in ${buildFolder}; build it first`);
  return found;
}

class Site {
  // stop() is due even if this fails half-way.
  async start(folder, buildFolder, azure) {
    this.device = azure.device;
    this.plant = startProgram(path.join(buildFolder, 'tests/sim/plant/simplant'),
        ['--state', path.join(folder, 'plant'), '--presses', '1', '--meters', '0', '--scales', '0',
          '--sensors', '0'],
        path.join(folder, 'plant.log'));
    const described = path.join(folder, 'plant', 'plant.json');
    await until('the simulated press', () => {
      this.plant.assertRunning();
      return fs.existsSync(described);
    }, 10000);
    const plant = JSON.parse(fs.readFileSync(described, 'utf8'));
    this.plantControl = plant.control;
    const pagePort = await freePort();
    this.page = `http://127.0.0.1:${pagePort}`;
    writeConfiguration(folder, {azure, press: plant.devices[0], pagePort});
    this.gateway = startProgram(findGateway(buildFolder), ['run', '--config', folder],
        path.join(folder, 'gateway.log'));
  }
  // The device as the gateway's own page sees it, or nothing while the page is not up.
  async status() {
    this.gateway.assertRunning();
    const all = await json(`${this.page}/api/status`).catch(() => undefined);
    return all && all.devices.find((device) => device.id === this.device);
  }
  async coil() {
    const registers = await json(`${this.plantControl}/registers`);
    return Object.values(registers).flat().find((one) => one.name === 'run').value;
  }
  async stop() {
    if (this.gateway) await this.gateway.stop();
    if (this.plant) await this.plant.stop();
  }
}

module.exports = {MODEL_ID, Site, json, until};

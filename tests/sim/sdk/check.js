// Holds the simulated cloud to reality: everything hubward relies on, done by Microsoft's device
// SDKs instead. Usage: node check.js [path of simcloud]
'use strict';

const path = require('node:path');
const {Message} = require('azure-iot-device');
const {Cloud} = require('./cloud');
const {deriveDeviceKey, makeClient, register} = require('./device');
const {Checks, nextEvent, refusal, until} = require('./harness');

// Any 64 bytes and any 32 bytes; they exist only in the throw-away cloud of this run.
const GROUP_KEY = Buffer.from(Array.from({length: 64}, (_, i) => i)).toString('base64');
const DEVICE_KEY = Buffer.from(Array.from({length: 32}, (_, i) => 255 - i)).toString('base64');

const DEFAULT_PROGRAM = path.join(__dirname, '../../../build/dev/tests/sim/cloud/simcloud');

function expect(what, actual, wanted) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what} is ${a}, should be ${b}`);
}

// CONNACK 5. The SDK calls it UnauthorizedError or NotConnectedError, whichever state it was in.
function expectNotAuthorized(error) {
  if (!/not authorized/i.test(error.message)) throw new Error(`refused with "${error.message}"`);
}

async function main() {
  const checks = new Checks();
  const cloud = await Cloud.start(process.argv[2] || DEFAULT_PROGRAM);
  const open = [];
  // Registered afresh, on whatever hub DPS says, and connected.
  const connected = async (registrationId, key, options) => {
    const state = await register({...cloud.dps, registrationId, key});
    const device = {assignedHub: state.assignedHub, deviceId: state.deviceId, key, ca: cloud.dps.ca};
    const client = await makeClient({...device, options});
    open.push(client);
    await client.open();
    return {client, device, state};
  };
  try {
    await runChecks(checks, cloud, connected);
  } finally {
    for (const client of open) await client.close().catch(() => {});
    await cloud.stop();
  }
  console.log(`${checks.passed} passed, ${checks.failed} failed`);
  process.exit(checks.failed === 0 ? 0 : 1);
}

async function runChecks(checks, cloud, connected) {
  await cloud.enrollDevice({registrationId: 'sdk-one', key: DEVICE_KEY, deviceId: 'sdk-one-device'});
  await cloud.enrollGroup({name: 'sdk-hall', key: GROUP_KEY});

  await checks.check('an individual enrollment names hub and device id', async () => {
    const state = await register({...cloud.dps, registrationId: 'sdk-one', key: DEVICE_KEY});
    expect('status', state.status, 'assigned');
    expect('device id', state.deviceId, 'sdk-one-device');
    expect('substatus', state.substatus, 'initialAssignment');
    if (!cloud.hubs.includes(state.assignedHub)) throw new Error(`hub ${state.assignedHub}`);
  });

  await checks.check('a derived key registers a device nobody entered by hand', async () => {
    const state = await register({
      ...cloud.dps,
      registrationId: 'sdk-press-01',
      key: deriveDeviceKey(GROUP_KEY, 'sdk-press-01'),
      payload: {modelId: 'dtmi:hubward:test:Press;1'},
    });
    expect('device id', state.deviceId, 'sdk-press-01');
    const seen = await cloud.device('sdk-press-01');
    expect('payload', seen.dps_payload, {modelId: 'dtmi:hubward:test:Press;1'});
  });

  await checks.check('a wrong key passes CONNECT and is refused with 401', async () => {
    const error = await refusal(register(
        {...cloud.dps, registrationId: 'sdk-one', key: deriveDeviceKey(GROUP_KEY, 'other')}));
    expect('error', error.name, 'UnauthorizedError');
  });

  await checks.check('an unknown scope is refused with 404', async () => {
    const error = await refusal(register(
        {...cloud.dps, idScope: '0neFFFFFFFF', registrationId: 'sdk-one', key: DEVICE_KEY}));
    expect('error', error.name, 'DeviceNotFoundError');
  });

  await checks.check('DPS throttling is waited for within the registration', async () => {
    await cloud.fault({kind: 'dps_answer', code: 429, retry_after_s: 1, times: 1});
    const state = await register({...cloud.dps, registrationId: 'sdk-one', key: DEVICE_KEY});
    expect('status', state.status, 'assigned');
  });

  const key = deriveDeviceKey(GROUP_KEY, 'sdk-press-02');
  let {client, device} = await connected(
      'sdk-press-02', key, {modelId: 'dtmi:hubward:test:Press;1', productInfo: 'hubward sdk peer'});
  const id = device.deviceId;

  await checks.check('telemetry arrives with body, system and user properties', async () => {
    const message = new Message(JSON.stringify({pressure: 182.5, counter: 1}));
    message.messageId = 'sdk-1';
    message.correlationId = 'order 7/8';
    message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    message.properties.add('site', 'hall 2 & more=+#/ä');
    message.properties.add('iothub-creation-time-utc', '2026-01-05T08:00:00.125Z');
    await client.sendEvent(message);
    const seen = await until('the message', () => cloud.received(id, 'sdk-1'));
    expect('body', seen.body, {pressure: 182.5, counter: 1});
    expect('properties', seen.properties, {
      '$.mid': 'sdk-1',
      '$.cid': 'order 7/8',
      '$.ct': 'application/json',
      '$.ce': 'utf-8',
      'site': 'hall 2 & more=+#/ä',
      'iothub-creation-time-utc': '2026-01-05T08:00:00.125Z',
    });
  });

  await checks.check('a hundred messages in flight at once arrive in order', async () => {
    const sent = [];
    for (let i = 1; i <= 100; ++i) {
      const message = new Message(JSON.stringify({n: i}));
      message.messageId = `burst-${i}`;
      sent.push(client.sendEvent(message));
    }
    await Promise.all(sent);
    const seen = (await cloud.messages(id)).filter((message) => message.id.startsWith('burst-'));
    expect('order', seen.map((message) => message.body.n), sent.map((_, i) => i + 1));
  });

  await checks.check('a message of 250 KB arrives, one over 256 KB ends the link', async () => {
    const large = new Message(Buffer.alloc(250 * 1024, 'x'));
    large.messageId = 'large-1';
    await client.sendEvent(large);
    const tooLarge = new Message(Buffer.alloc(255 * 1024, 'x'));
    tooLarge.properties.add('rest', 'y'.repeat(2048));
    const lost = nextEvent(client, 'disconnect');
    await refusal(client.sendEvent(tooLarge));
    await lost;
    await client.open();
  });

  await checks.check('a cloud-to-device message arrives with its properties', async () => {
    const arrived = nextEvent(client, 'message');
    await until('the subscription', () => cloud.subscribed(id, 'devicebound'));
    await cloud.sendMessage(id, {
      text: 'recipe 12',
      properties: {'$.mid': 'c2d-1', 'kind': 'recipe', 'note': 'a b&c=ä'},
    });
    const message = await arrived;
    expect('body', message.getData().toString(), 'recipe 12');
    expect('message id', message.messageId, 'c2d-1');
    expect('kind', message.properties.getValue('kind'), 'recipe');
    expect('note', message.properties.getValue('note'), 'a b&c=ä');
    await client.complete(message);
  });

  await checks.check('a message queued while the device is away waits for it', async () => {
    await client.close();
    await cloud.sendMessage(id, {text: 'while away', properties: {'$.mid': 'c2d-2'}});
    // Heard only by a client that listens from before it connects: the session is still subscribed.
    client = await makeClient(device);
    const arrived = nextEvent(client, 'message');
    await client.open();
    expect('body', (await arrived).getData().toString(), 'while away');
  });

  await checks.check('a direct method is answered with status and payload', async () => {
    client.onDeviceMethod('reboot', (request, response) => {
      response.send(202, {delay: request.payload.delay, by: 'sdk'});
    });
    await until('the subscription', () => cloud.subscribed(id, 'methods'));
    const answer = await cloud.callMethod(id, 'reboot', {delay: 5});
    expect('status', answer.status, 202);
    expect('payload', answer.payload, {delay: 5, by: 'sdk'});
  });

  await checks.check('a component\'s command keeps its star', async () => {
    client.onDeviceMethod('hydraulics*setPressure', (request, response) => {
      response.send(200, request.payload);
    });
    const answer = await cloud.callMethod(id, 'hydraulics*setPressure', 190);
    expect('status', answer.status, 200);
    expect('payload', answer.payload, 190);
  });

  await checks.check('a method that nobody answers times out for the caller', async () => {
    client.onDeviceMethod('silent', () => {});
    const answer = await cloud.callMethod(id, 'silent', {}, 500);
    expect('answered', answer.answered, false);
  });

  let twin;
  // This one of the SDK's calls knows callbacks only.
  const report = (patch) => new Promise((resolve, reject) => {
    twin.properties.reported.update(patch, (error) => error ? reject(error) : resolve());
  });
  await checks.check('the twin is fetched with its desired properties', async () => {
    await cloud.patchDesired(id, {targetPressure: 180, hydraulics: {__t: 'c', limit: 8}});
    twin = await client.getTwin();
    expect('desired', twin.properties.desired.targetPressure, 180);
    expect('component', twin.properties.desired.hydraulics.limit, 8);
  });

  await checks.check('reported properties arrive, merge and get a new version', async () => {
    await report({serialNumber: 'A17', old: 1});
    const before = await cloud.twin(id);
    await report(
        {old: null, targetPressure: {value: 180, ac: 200, av: 2, ad: 'applied'}});
    const after = await cloud.twin(id);
    expect('serial number', after.reported.serialNumber, 'A17');
    expect('acknowledged', after.reported.targetPressure.ac, 200);
    expect('deleted', after.reported.old, undefined);
    expect('version', after.reported.$version, before.reported.$version + 1);
  });

  await checks.check('a desired change is announced with the next version', async () => {
    const before = twin.properties.desired.$version;
    const change = new Promise((resolve) => {
      // The first call repeats what getTwin() brought.
      twin.on('properties.desired', (delta) => {
        if (delta.targetPressure === 190) resolve(delta);
      });
    });
    await until('the subscription', () => cloud.subscribed(id, 'desired'));
    await cloud.patchDesired(id, {targetPressure: 190});
    expect('version', (await change).$version, before + 1);
  });

  await checks.check('a second connection for the same device ends the first', async () => {
    const kicked = nextEvent(client, 'disconnect');
    const second = await makeClient(device);
    await second.open();
    await kicked;
    await second.sendEvent(new Message('{}'));
    await second.close();
    await client.open();
  });

  await checks.check('a renewed token keeps the device connected', async () => {
    const connects = (await cloud.device(id)).counts.connects;
    const other = await makeClient(
        {...device, options: {tokenRenewal: {tokenValidTimeInSeconds: 6, tokenRenewalMarginInSeconds: 4}}});
    await other.open();
    await until('a reconnect with a fresh token',
                async () => (await cloud.device(id)).counts.connects >= connects + 2);
    await until('the new link', () => other.sendEvent(new Message('{}')).then(() => true, () => false));
    await other.close();
    await client.open();
  });

  await checks.check('a token made for another hub is refused', async () => {
    const other = cloud.hubs.find((hub) => hub !== device.assignedHub);
    const hub = {...device, assignedHub: other};
    expectNotAuthorized(await refusal(makeClient(hub).then((one) => one.open())));
  });

  await checks.check('a wrong device key is refused by the hub', async () => {
    const wrong = {...device, key: DEVICE_KEY};
    expectNotAuthorized(await refusal(makeClient(wrong).then((one) => one.open())));
  });

  await checks.check('failover: dropped, refused, provisioned to the other hub, at work there', async () => {
    const target = cloud.hubs.find((hub) => hub !== device.assignedHub);
    const dropped = nextEvent(client, 'disconnect');
    await cloud.failOver(id, target);
    await dropped;
    expectNotAuthorized(await refusal(client.open()));

    const moved = await connected('sdk-press-02', key);
    expect('assigned hub', moved.device.assignedHub, target);
    expect('device id', moved.device.deviceId, id);
    expect('substatus', moved.state.substatus, 'deviceDataMigrated');
    const message = new Message('{"after":"failover"}');
    message.messageId = 'moved-1';
    await moved.client.sendEvent(message);
    await until('telemetry at the other hub', () => cloud.received(id, 'moved-1', target));
    moved.client.onDeviceMethod('reboot', (_request, response) => response.send(200, {moved: true}));
    await until('the subscription', () => cloud.subscribed(id, 'methods'));
    expect('answer', (await cloud.callMethod(id, 'reboot', {})).payload, {moved: true});
    const migrated = await moved.client.getTwin();
    expect('migrated desired', migrated.properties.desired.targetPressure, 190);
    client = moved.client;
  });

  await checks.check('a disabled enrollment and a blocked device are told apart', async () => {
    await cloud.disableEnrollment('sdk-one', true);
    const disabled = await refusal(register({...cloud.dps, registrationId: 'sdk-one', key: DEVICE_KEY}));
    expect('registration state', disabled.result && disabled.result.status, 'disabled');
    await cloud.disableEnrollment('sdk-one', false);
    await cloud.block('sdk-one-device', true);
    const blocked = await refusal(register({...cloud.dps, registrationId: 'sdk-one', key: DEVICE_KEY}));
    expect('error code', blocked.result && blocked.result.registrationState.errorCode, 400209);
    await cloud.block('sdk-one-device', false);
    await register({...cloud.dps, registrationId: 'sdk-one', key: DEVICE_KEY});
  });
}

main().catch((error) => {
  console.log(`FAIL  ${error.stack}`);
  console.log('0 passed, 1 failed');
  process.exit(1);
});

// A device as Microsoft's SDK makes one: registers with DPS, then speaks to the assigned hub.
'use strict';

const crypto = require('node:crypto');
const provisioningMqtt = require.resolve('azure-iot-provisioning-device-mqtt');
const {Mqtt: ProvisioningTransport} = require(provisioningMqtt);
// The copy of MqttBase that the provisioning transport itself uses: it alone can be given a CA.
const {MqttBase} = require(require.resolve('azure-iot-mqtt-base', {paths: [provisioningMqtt]}));
const {ProvisioningDeviceClient} = require('azure-iot-provisioning-device');
const {SymmetricKeySecurityClient} = require('azure-iot-security-symmetric-key');
const {Client} = require('azure-iot-device');
const {Mqtt: DeviceTransport} = require('azure-iot-device-mqtt');
const {NoRetry} = require('azure-iot-common');

// HMAC-SHA256 over the registration id with the group's key: the device's own key.
function deriveDeviceKey(groupKey, registrationId) {
  return crypto.createHmac('sha256', Buffer.from(groupKey, 'base64'))
      .update(registrationId)
      .digest('base64');
}

// Resolves to the SDK's registration state: assignedHub, deviceId, status, substatus, ...
async function register({dpsAddress, idScope, ca, registrationId, key, payload}) {
  const base = new MqttBase();
  base.setOptions({ca});
  const client = ProvisioningDeviceClient.create(
      dpsAddress, idScope, new ProvisioningTransport(base),
      new SymmetricKeySecurityClient(registrationId, key));
  if (payload) client.setProvisioningPayload(payload);
  return client.register();
}

// The SDK knows no port in HostName: host name and port would both end up in the token. A gateway
// host is where it connects to instead, while token and user name keep the hub's bare name.
function connectionString({assignedHub, deviceId, key}) {
  const [host, port] = assignedHub.split(':');
  const parts = [`HostName=${host}`, `DeviceId=${deviceId}`, `SharedAccessKey=${key}`];
  if (port) parts.push(`GatewayHostName=${assignedHub}`);
  return parts.join(';');
}

// Not yet open. Without a retry policy, so that what the cloud does is seen and not smoothed over.
async function makeClient({assignedHub, deviceId, key, ca, options = {}}) {
  const client =
      Client.fromConnectionString(connectionString({assignedHub, deviceId, key}), DeviceTransport);
  await client.setOptions({ca, ...options});
  client.setRetryPolicy(new NoRetry());
  client.on('error', () => {});  // each check looks at the result of its own call
  return client;
}

module.exports = {connectionString, deriveDeviceKey, makeClient, register};

// The few calls of IoT Central's REST API that the test needs.
// Source: IoT Central REST API 2022-07-31; manual failover as in the Azure CLI's iot extension.
'use strict';

const {json} = require('./site');

const VERSION = 'api-version=2022-07-31';

class Central {
  // `app` is the application's address, https://{name}.azureiotcentral.com
  constructor(app, token) {
    this.app = app.replace(/\/+$/, '');
    this.headers = {'Authorization': token, 'Content-Type': 'application/json'};
  }
  call(method, path, body) {
    return json(`${this.app}${path}`, {
      method,
      headers: this.headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }
  // Makes the template of our press unless the application has it.
  async ensureTemplate(model) {
    const path = `/api/deviceTemplates/${encodeURIComponent(model['@id'])}?${VERSION}`;
    const there = await this.call('GET', path).catch(() => undefined);
    if (there) return;
    await this.call('PUT', path, {
      '@type': ['ModelDefinition', 'DeviceModel'],
      'displayName': model.displayName,
      'capabilityModel': model,
    });
  }
  device(id) {
    return this.call('GET', `/api/devices/${encodeURIComponent(id)}?${VERSION}`);
  }
  // {timestamp, value} of the last message that carried it.
  telemetry(id, name) {
    return this.call('GET', `/api/devices/${encodeURIComponent(id)}/telemetry/${name}?${VERSION}`);
  }
  // Waits for the device's answer: {responseCode, response, ...}.
  command(id, name, request) {
    return this.call('POST', `/api/devices/${encodeURIComponent(id)}/commands/${name}?${VERSION}`,
        {request, connectionTimeout: 30, responseTimeout: 30});
  }
  failOver(id, ttlMinutes) {
    return this.call('POST', `/system/iothub/devices/${encodeURIComponent(id)}/manual-failover`,
        {ttl: ttlMinutes});
  }
}

module.exports = {Central};

// The page's copy of the gateway's state, kept fresh over one WebSocket.

const kEventsMax = 500;
const kTrendPoints = 120;
const kTrendSpacing = 1000;
const kSilenceMax = 6000; // the gateway speaks at least every two seconds
const kSeedsAtOnce = 3;

export const live = {
  connected: false,
  lastHeard: 0, // by this browser's clock
  clockOffset: 0, // gateway's clock minus this browser's
  site: null,
  lines: [], // the busiest first
  newcomers: { waiting: 0, evicted: 0, devices: [] }, // who waits the longest first
  devices: new Map(), // id -> state and, for watched devices, values; replaced when it changes
  events: [], // newest first
  trends: new Map(), // id -> list of points per tag
  acknowledged: [], // [ms, count]: the last minute
};

const listeners = new Set();
let pending = false;
function changed() {
  if (pending) return;
  pending = true;
  const run = () => {
    pending = false;
    listeners.forEach((listener) => listener());
  };
  // A hidden tab gets no animation frames, and its title shall still be right.
  if (document.hidden) setTimeout(run, 250);
  else requestAnimationFrame(run);
}
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const gatewayNow = () => Date.now() + live.clockOffset;
export const isLive = () => live.connected && Date.now() - live.lastHeard < kSilenceMax;

// ---- curves

function keepPoint(points, at, v) {
  const number = typeof v === 'boolean' ? Number(v) : v;
  if (typeof number !== 'number') return;
  const last = points.at(-1);
  if (last && at - last[0] < kTrendSpacing) return;
  points.push([at, number]);
  if (points.length > kTrendPoints) points.shift();
}

function extendTrend(id, tags) {
  const trend = live.trends.get(id);
  if (!trend) return;
  tags.forEach((tag, i) => {
    if (tag.quality === 'good' && trend[i]) keepPoint(trend[i], tag.at_ms, tag.value);
  });
}

const seeds = [];
let seeding = 0;
function seedNext() {
  while (seeding < kSeedsAtOnce && seeds.length > 0) {
    const id = seeds.shift();
    if (!watched.includes(id) || live.trends.has(id)) continue;
    seeding += 1;
    deviceDetails(id)
      .then((details) => live.trends.set(id, details.trends))
      .catch(() => {})
      .finally(() => {
        seeding -= 1;
        changed();
        seedNext();
      });
  }
}

export async function deviceDetails(id) {
  const response = await fetch(`/api/devices/${encodeURIComponent(id)}`);
  if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
  return response.json();
}

export async function badInputs() {
  const response = await fetch('/api/bad-inputs');
  if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
  return (await response.json()).bad_inputs;
}

// ---- what is looked at

let watched = [];
export function watch(ids) {
  const same = ids.length === watched.length && ids.every((id, i) => id === watched[i]);
  if (same) return;
  watched = ids;
  for (const id of live.trends.keys()) if (!ids.includes(id)) live.trends.delete(id);
  seeds.length = 0;
  seeds.push(...ids.filter((id) => !live.trends.has(id)));
  seedNext();
  tellWatched();
}

// ---- the connection

let socket = null;
let retryDelay = 500;

function tellWatched() {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ watch: watched }));
}

function take(message) {
  live.lastHeard = Date.now();
  live.clockOffset = message.now_ms - Date.now();
  if (message.first) {
    live.devices.clear();
    live.events = [];
    live.trends.clear();
    live.acknowledged = [];
  }
  if (message.site) {
    live.site = message.site;
    live.acknowledged.push([message.now_ms, message.site.delivered]);
    while (live.acknowledged[0][0] < message.now_ms - 60000) live.acknowledged.shift();
  }
  if (message.lines) live.lines = message.lines;
  if (message.newcomers) live.newcomers = message.newcomers;
  for (const device of message.devices ?? []) {
    const { stages, tags, ...rest } = live.devices.get(device.id) ?? {};
    const kept = stages ? { stages, tags, ...counters(rest) } : {};
    live.devices.set(device.id, { ...kept, ...device });
  }
  for (const values of message.values ?? []) {
    const device = live.devices.get(values.id);
    if (!device) continue;
    live.devices.set(values.id, { ...device, last_delivered_ms: undefined, ...values });
    extendTrend(values.id, values.tags);
  }
  if (message.events) {
    live.events = [...message.events.toReversed(), ...live.events].slice(0, kEventsMax);
  }
  changed();
}

// What a state message does not carry and therefore must not remove.
function counters(device) {
  const names = ['waiting', 'stored', 'delivered', 'last_delivered_ms', 'oldest_waiting_ms',
    'dropped', 'expired', 'refused', 'unstored', 'quarantined', 'attempts', 'hub_connects', 'dps_conversations', 'commands',
    'command_failures'];
  return Object.fromEntries(names.filter((n) => n in device).map((n) => [n, device[n]]));
}

export function connect() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const mine = new WebSocket(`${scheme}://${location.host}/api/live`, 'hubward-live');
  socket = mine;
  mine.onopen = () => {
    live.connected = true;
    live.lastHeard = Date.now();
    retryDelay = 500;
    tellWatched();
    changed();
  };
  mine.onmessage = (event) => take(JSON.parse(event.data));
  mine.onclose = () => {
    if (socket !== mine) return;
    live.connected = false;
    changed();
    setTimeout(connect, retryDelay * (0.5 + Math.random()));
    retryDelay = Math.min(retryDelay * 2, 8000);
  };
}

// A connection that stands and says nothing (a cable was pulled) is given up.
setInterval(() => {
  if (live.connected && !isLive()) {
    const dead = socket;
    socket = null;
    live.connected = false;
    dead.onclose = null;
    dead.close();
    connect();
  }
  changed();
}, 1000);

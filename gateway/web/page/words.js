// Numbers, ages and times as people read them.

const numbers = new Map();
function decimal(digits) {
  if (!numbers.has(digits)) {
    numbers.set(digits, new Intl.NumberFormat('en', {
      minimumFractionDigits: digits, maximumFractionDigits: digits,
    }));
  }
  return numbers.get(digits);
}

export const count = (n) => decimal(0).format(n ?? 0);
export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;

// Digits by size, so that a value that moves does not change its width with every reading.
export function value(v) {
  if (v === true) return 'on';
  if (v === false) return 'off';
  if (typeof v === 'string') return v === '' ? '(empty)' : v;
  if (typeof v !== 'number') return '–';
  if (Number.isInteger(v)) return count(v);
  const size = Math.abs(v);
  if (size >= 1e9 || size < 1e-4) return v.toExponential(3);
  return decimal(size >= 1000 ? 1 : size >= 10 ? 2 : size >= 0.1 ? 3 : 5).format(v);
}

export function duration(ms) {
  const s = Math.max(1, Math.floor(ms / 1000));
  const two = (a, aUnit, b, bUnit) => (b > 0 ? `${a} ${aUnit} ${b} ${bUnit}` : `${a} ${aUnit}`);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return two(Math.floor(s / 3600), 'h', Math.floor((s % 3600) / 60), 'min');
  return two(Math.floor(s / 86400), 'd', Math.floor((s % 86400) / 3600), 'h');
}

export const age = (ms) => (ms < 2000 ? 'just now' : `${duration(ms)} ago`);

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const calendar = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
export const timeOfDay = (ms) => clock.format(ms);
export const dateAndTime = (ms) => calendar.format(ms);
export const isoTime = (ms) => new Date(ms).toISOString();

export const kinds = {
  'modbus-tcp': 'Modbus TCP', 'modbus-rtu': 'Modbus RTU', serial: 'Serial', mqtt: 'MQTT',
};
export const kindName = (kind) => kinds[kind] ?? kind;

export const severities = {
  alarm: 'Alarm',
  warning: 'Warning',
  busy: 'Starting',
  normal: 'Delivering',
};
export const qualities = {
  good: 'good', bad: 'not usable', old: 'too old', none: 'no value yet',
};

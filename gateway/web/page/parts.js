// The pieces that several views share. Text from outside only ever becomes text nodes.
import { h } from '/lib/preact.js';
import htm from '/lib/htm.js';
import { age, duration, isoTime, dateAndTime, severities, value, qualities, kindName } from './words.js';

export { useEffect, useMemo, useRef, useState } from '/lib/hooks.js';
export const html = htm.bind(h);

const shapes = {
  normal: html`<circle cx="8" cy="8" r="7"/><path class="mark" d="m4.8 8.2 2.2 2.2 4.2-4.6"/>`,
  busy: html`<circle class="ring" cx="8" cy="8" r="6.2"/><path class="line" d="M8 4.6V8l2.2 1.6"/>`,
  warning: html`<path d="M8 .9 15.6 14.6H.4Z"/><path class="mark" d="M8 5.6v4.2m0 2.1v.2"/>`,
  alarm: html`<path d="M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5Z"/><path class="mark" d="M8 4.2v4.6m0 2.6v.2"/>`,
  waiting: html`<circle class="ring" cx="8" cy="8" r="6.2"/>`,
  unknown: html`<circle class="ring dashed" cx="8" cy="8" r="6.2"/>`,
};
const stageShapes = { ok: 'normal', waiting: 'waiting', partly: 'warning', stopped: 'alarm',
  unknown: 'unknown' };
const stageTones = { ok: 'normal', waiting: 'busy', partly: 'warning', stopped: 'alarm',
  unknown: 'busy' };

export const Icon = ({ shape, tone = shape }) => html`
  <svg class="icon tone-${tone}" viewBox="0 0 16 16" aria-hidden="true">${shapes[shape]}</svg>`;

export const Age = ({ at, now }) => (at === undefined || at === null ? null : html`
  <time datetime=${isoTime(at)} title=${dateAndTime(at)}>${age(now - at)}</time>`);

export const For = ({ since, now }) => html`
  <time datetime=${isoTime(since)} title=${`since ${dateAndTime(since)}`}>for ${duration(now - since)}</time>`;

// ---- where does it stop?

const stageSays = { ok: 'works', waiting: 'waits', partly: 'works with losses', stopped: 'stops here',
  unknown: 'nothing known yet' };

// A stop is as grave as the device's state: what hubward mends by itself is no alarm.
const graver = (stage, severity) => (stage.state === 'stopped' && severity !== 'alarm' ? 'partly' : stage.state);

export function Path({ device, now }) {
  const { stages, severity } = device;
  const stop = stages.findIndex((stage) => stage.state === 'stopped');
  return html`
    <ol class="path" aria-label="Path of a reading">
      ${stages.map((stage, i) => html`
        <li class="stage ${stage.state} as-${graver(stage, severity)} ${stop >= 0 && i > stop ? 'beyond' : ''}" key=${stage.name}>
          <${Icon} shape=${stageShapes[graver(stage, severity)]} tone=${stageTones[graver(stage, severity)]} />
          <span class="stage-name">${stage.name}</span>
          <span class="sr">${stageSays[stage.state]}</span>
          <span class="stage-text">
            ${stage.text}${stage.text && stage.at_ms !== undefined ? ', ' : ''}
            <${Age} at=${stage.at_ms} now=${now} />
          </span>
        </li>`)}
    </ol>`;
}

// ---- why not, and what next

export const nextTry = (device, now) => (device.next_attempt_ms > now
  ? `Next try in ${duration(device.next_attempt_ms - now)}.` : '');

export function Trouble({ device, now }) {
  if (!device.reason && !device.gateway_does) return null;
  const next = nextTry(device, now);
  return html`
    <div class="trouble">
      <p class="reason">${device.reason}</p>
      ${device.detail && html`<p class="detail">${device.detail}</p>`}
      <dl>
        ${(device.gateway_does || next) && html`
          <div><dt>hubward</dt><dd>${device.gateway_does} ${next && html`<strong>${next}</strong>`}</dd></div>`}
        ${device.person_does && html`<div><dt>You</dt><dd>${device.person_does}</dd></div>`}
      </dl>
    </div>`;
}

export const StateLine = ({ device, now }) => html`
  <p class="state tone-${device.severity}">
    <${Icon} shape=${device.severity} />
    <span><strong>${device.state}</strong> <${For} since=${device.since_ms} now=${now} />
      <span class="sr"> (${severities[device.severity]})</span></span>
  </p>`;

export const Identity = ({ device }) => html`
  <p class="identity"><span class="id">${device.id}</span> <span>${device.attached_to || kindName(device.kind)}</span></p>`;

export const Hub = ({ device }) => html`
  <p class="hub">${device.hub ? html`Assigned hub <span class="id">${device.hub}</span>` : 'No hub assigned yet'}</p>`;

// ---- values

// A small curve beside the number it belongs to.
export function Spark({ points, width = 120, height = 28 }) {
  if (!points || points.length < 2) return null;
  let low = Infinity;
  let high = -Infinity;
  for (const [, v] of points) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  const first = points[0][0];
  const span = points.at(-1)[0] - first || 1;
  // A value that stands still is a line in the middle, not noise blown up.
  const range = Math.max(high - low, Math.abs(high) * 0.002, 1e-9);
  const middle = (high + low) / 2;
  const x = (at) => 2 + ((at - first) / span) * (width - 6);
  const y = (v) => height / 2 - ((v - middle) / range) * (height - 6);
  const line = points.map(([at, v]) => `${x(at).toFixed(1)},${y(v).toFixed(1)}`).join(' ');
  return html`
    <svg class="spark" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" aria-hidden="true">
      <polyline points=${line} />
    </svg>`;
}

export const Quality = ({ tag }) => (tag.quality === 'good' || (tag.only_written && tag.quality === 'none') ? null : html`
  <span class="quality ${tag.quality}">
    <${Icon} shape=${tag.quality === 'none' ? 'unknown' : 'warning'} tone=${tag.quality === 'none' ? 'busy' : 'warning'} />
    ${tag.quality === 'bad' ? tag.why : qualities[tag.quality]}
  </span>`);

export const Reading = ({ tag }) => (tag.value === undefined
  ? html`<span class="number none">–</span>`
  : html`<span class="number ${typeof tag.value === 'string' ? 'words' : ''}">${value(tag.value)}</span>${tag.unit && html` <span class="unit">${tag.unit}</span>`}`);

export const tagName = (tag) => (tag.component ? `${tag.component}.${tag.name}` : tag.name);

export function EventList({ events, withDevice }) {
  if (events.length === 0) return html`<p class="empty">Nothing has happened yet.</p>`;
  return html`
    <ol class="events">
      ${events.map((event) => html`
        <li>
          <time datetime=${isoTime(event.at_ms)} title=${dateAndTime(event.at_ms)}>${dateAndTime(event.at_ms)}</time>
          ${withDevice && event.device && html`<a href=${`#/device/${encodeURIComponent(event.device)}`}>${event.device_name || event.device}</a>`}
          <span>${event.text}</span>
        </li>`)}
    </ol>`;
}

export function BadInputs({ rows, now }) {
  if (rows.length === 0) return html`<p class="empty">None.</p>`;
  return html`
    <ul class="samples">
      ${rows.map((row) => html`
        <li>
          <p><strong>${row.name}</strong> ${row.count} ×, last <${Age} at=${row.last_ms} now=${now} />
            ${row.source && html`, at ${row.source}`}</p>
          ${row.hex && html`<pre tabindex="0" aria-label="Sample as bytes">${row.hex}</pre>
          <pre tabindex="0" aria-label="Sample as text">${row.text}</pre>`}
        </li>`)}
    </ul>`;
}

// One device: everything that is known of it.
import { html, useEffect, useState, Age, Path, Trouble, StateLine, Spark, Quality, Reading, tagName,
  EventList, BadInputs, Identity, Hub } from './parts.js';
import { Chart } from './chart.js';
import { count, dateAndTime, value } from './words.js';
import { live, watch, deviceDetails } from './live.js';
import { Why } from './why.js';

const kRefresh = 3000; // events and samples; values come by themselves
const kRowsInTable = 20;

function useDetails(id) {
  const [details, setDetails] = useState(null);
  useEffect(() => {
    let gone = false;
    const load = () => {
      if (document.hidden) return;
      deviceDetails(id).then((d) => gone || setDetails(d)).catch(() => {});
    };
    setDetails(null);
    load();
    const timer = setInterval(load, kRefresh);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [id]);
  return details;
}

function Tags({ device, trends, chosen, choose, now }) {
  return html`
    <div class="table-frame" tabindex="0" role="region" aria-label="All values">
    <table class="tags">
      <thead><tr><th scope="col">Tag</th><th scope="col" class="right">Value</th><th scope="col">Quality</th><th scope="col">Age</th><th scope="col">Last minutes</th></tr></thead>
      <tbody>
        ${device.tags.map((tag, i) => html`
          <tr key=${i} class=${i === chosen ? 'chosen' : ''}>
            <th scope="row"><button type="button" aria-pressed=${String(i === chosen)} onClick=${() => choose(i)}>${tagName(tag)}</button>
              ${tag.writable && html`<span class="note">${tag.only_written ? 'command' : 'writable'}</span>`}</th>
            <td class="right"><${Reading} tag=${tag} /></td>
            <td>${tag.quality === 'good' ? 'good' : html`<${Quality} tag=${tag} />`}</td>
            <td><${Age} at=${tag.at_ms} now=${now} /></td>
            <td class="curve"><${Spark} points=${trends?.[i]} width=${160} /></td>
          </tr>`)}
      </tbody>
    </table>
    </div>`;
}

function Curve({ tag, points }) {
  const newest = points.slice(-kRowsInTable).reverse();
  return html`
    <section class="panel" aria-labelledby="curve-title">
      <h2 id="curve-title">${tagName(tag)} ${tag.unit && html`<span class="unit">${tag.unit}</span>`}</h2>
      ${points.length < 2 ? html`<p class="empty">A curve appears with the second number.</p>`
    : html`<${Chart} points=${points} label=${tagName(tag)} unit=${tag.unit ?? ''} />`}
      ${newest.length > 0 && html`
        <details><summary>As a table</summary>
          <table class="points"><thead><tr><th scope="col">Time</th><th scope="col" class="right">Value</th></tr></thead>
            <tbody>${newest.map(([at, v]) => html`<tr key=${at}><td>${dateAndTime(at)}</td><td class="right">${value(v)}</td></tr>`)}</tbody>
          </table></details>`}
    </section>`;
}

function Facts({ device, now }) {
  const rows = [
    ['Identity', device.id],
    ['Attached', device.attached_to],
    ['Assigned hub', device.hub || 'none yet'],
    ['Messages waiting', device.waiting > 0 ? html`${count(device.waiting)}, oldest <${Age} at=${device.oldest_waiting_ms} now=${now} />` : '0'],
    ['Stored in this run', count(device.stored)],
    ['Acknowledged in this run', count(device.delivered)],
    ['Dropped, store full', count(device.dropped)],
    ['Dropped, too old', count(device.expired)],
    ['Refused, store full', count(device.refused)],
    ['Not stored, disk failed', count(device.unstored)],
    ['Set aside', count(device.quarantined)],
    ['Logins at a hub', count(device.hub_connects)],
    ['Provisioning asked', count(device.dps_conversations)],
    ['Commands', `${count(device.commands)}, ${count(device.command_failures)} failed`],
  ];
  return html`<dl class="facts">${rows.map(([name, text]) => html`<div key=${name}><dt>${name}</dt><dd>${text}</dd></div>`)}</dl>`;
}

export function Detail({ id, now }) {
  const [chosen, choose] = useState(0);
  const details = useDetails(id);
  useEffect(() => watch([id]), [id]);
  useEffect(() => choose(0), [id]);
  const device = live.devices.get(id);
  if (!device) {
    return html`<p><a href="#/">All devices</a></p><p class="empty">There is no device “${id}”.</p>`;
  }
  const trends = live.trends.get(id);
  const tag = device.tags?.[chosen];
  return html`
    <p class="back"><a href="#/">‹ All devices</a></p>
    <article class="card single ${device.severity}">
      <div class="who"><h2>${device.name}</h2><${Identity} device=${device} /></div>
      <div class="how"><${StateLine} device=${device} now=${now} /><${Hub} device=${device} /></div>
      <${Trouble} device=${device} now=${now} />
      ${device.stages && html`<${Path} device=${device} now=${now} />`}
    </article>
    ${device.stages && html`<${Why} key=${id} device=${device} />`}
    ${device.tags && html`
      <section class="panel" aria-label="Values"><${Tags} device=${device} trends=${trends} chosen=${chosen} choose=${choose} now=${now} /></section>
      ${tag && html`<${Curve} key=${chosen} tag=${tag} points=${trends?.[chosen] ?? []} />`}
      <div class="two">
        <section class="panel" aria-labelledby="facts-title"><h2 id="facts-title">Facts</h2><${Facts} device=${device} now=${now} /></section>
        <section class="panel" aria-labelledby="events-title"><h2 id="events-title">What happened</h2>
          <${EventList} events=${(details?.events ?? []).toReversed()} /></section>
      </div>
      <section class="panel" aria-labelledby="bad-title"><h2 id="bad-title">Bad input</h2>
        <${BadInputs} rows=${details?.bad_inputs ?? []} now=${now} /></section>`}`;
}

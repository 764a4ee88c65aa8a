// All devices, worst first.
import { html, useEffect, useState, Icon, Age, Path, Trouble, StateLine, Spark, Quality, Reading,
  tagName, EventList, Identity, Hub, nextTry } from './parts.js';
import { age, count, plural, severities } from './words.js';
import { live, watch } from './live.js';

const kPerPage = 50; // the gateway sends values for at most 100 devices to one page
const kTagsOnCard = 4;
const kGroup = 3; // so many devices with the same failure are explained once
const rank = { alarm: 0, warning: 1, busy: 2, normal: 3 };

function Value({ tag, points, now }) {
  return html`
    <li class="value ${tag.quality}">
      <div><span class="tag" title=${tagName(tag)}>${tagName(tag)}</span>
        <span class="fresh"><${Age} at=${tag.at_ms} now=${now} /></span></div>
      <div><span class="figure"><${Reading} tag=${tag} /></span>
        <${Spark} points=${points} /></div>
      <${Quality} tag=${tag} />
    </li>`;
}

function Values({ device, address, now }) {
  const trends = live.trends.get(device.id);
  // Commands have no value. Of more than fit, those come first with which something is wrong.
  const tags = (device.tags ?? []).map((tag, i) => ({ ...tag, points: trends?.[i], key: i }))
    .filter((tag) => !tag.only_written || tag.value !== undefined);
  if (tags.length === 0) return null;
  const wrong = { bad: 0, old: 1, none: 2, good: 3 };
  const shown = tags.length <= kTagsOnCard + 1 ? tags
    : tags.toSorted((a, b) => wrong[a.quality] - wrong[b.quality]).slice(0, kTagsOnCard);
  return html`
    <ul class="values" aria-label="Last values">
      ${shown.map((tag) => html`<${Value} key=${tag.key} tag=${tag} points=${tag.points} now=${now} />`)}
      ${shown.length < tags.length && html`
        <li class="value more"><a href=${address}>${plural(tags.length - shown.length, 'more value', 'more values')}</a></li>`}
    </ul>`;
}

function Card({ device, grouped, now }) {
  const address = `#/device/${encodeURIComponent(device.id)}`;
  const calm = device.severity === 'normal' || device.severity === 'busy';
  return html`
    <li class="card ${device.severity} ${calm ? 'calm' : ''}">
      <div class="who">
        <h2><a href=${address}>${device.name}</a></h2>
        <${Identity} device=${device} />
      </div>
      <div class="how">
        <${StateLine} device=${device} now=${now} />
        ${!device.delivering && html`<${Hub} device=${device} />`}
      </div>
      ${grouped ? html`<p class="next">${nextTry(device, now)}</p>` : html`<${Trouble} device=${device} now=${now} />`}
      ${device.stages && html`<${Path} device=${device} now=${now} />`}
      <${Values} device=${device} address=${address} now=${now} />
    </li>`;
}

// Failures that many devices share, e.g. because the network is down.
function sharedFailures() {
  const byFailure = new Map();
  for (const device of live.devices.values()) {
    if (!device.failure || device.severity !== 'warning') continue;
    if (!byFailure.has(device.failure)) byFailure.set(device.failure, []);
    byFailure.get(device.failure).push(device);
  }
  return new Map([...byFailure].filter(([, devices]) => devices.length >= kGroup));
}

const Shared = ({ devices }) => html`
  <section class="shared warning">
    <h2><${Icon} shape="warning" /> ${plural(devices.length, 'device', 'devices')}: ${devices[0].failure_name}</h2>
    <${Trouble} device=${{ ...devices[0], detail: '', next_attempt_ms: undefined }} now=${0} />
  </section>`;

function Filters({ site, filter, setFilter }) {
  const all = [['all', 'All', site.devices], ...Object.keys(rank)
    .filter((severity) => site[severity] > 0 || severity === filter)
    .map((severity) => [severity, severities[severity], site[severity]])];
  return html`
    <div class="filters" role="group" aria-label="Show devices">
      ${all.map(([key, name, number]) => html`
        <button type="button" key=${key} aria-pressed=${String(filter === key)} onClick=${() => setFilter(key)}>
          ${key !== 'all' && html`<${Icon} shape=${key} />`} ${name} <b>${count(number)}</b>
        </button>`)}
    </div>`;
}

function matching(filter, search) {
  const words = search.trim().toLowerCase();
  return [...live.devices.values()]
    .filter((device) => filter === 'all' || device.severity === filter)
    .filter((device) => words === '' || `${device.name} ${device.id} ${device.attached_to} ${device.hub} ${device.state}`.toLowerCase().includes(words))
    // They arrive in the order in which they changed; a device shall keep its place.
    .sort((a, b) => rank[a.severity] - rank[b.severity] || a.place - b.place);
}

const percent = (share) => `${share < 10 ? share.toFixed(1) : Math.round(share)} %`;

// What a line is used for and what is asked of it: a bar for each device, cut off at the whole line.
function Line({ line }) {
  const many = line.more_devices;
  return html`
    <li class="line ${line.fits ? '' : 'warning'}">
      <h3><span class="id">${line.place}</span> <span class="load">
        ${line.fits ? null : html`<${Icon} shape="warning" /> <strong>cannot fit: </strong>`}needs ${percent(line.needed_percent)}, uses ${percent(line.used_percent)}</span></h3>
      <table>
        <thead><tr><th scope="col">Device</th><th scope="col">Needs</th><th scope="col">Uses</th><th scope="col">Answers after</th></tr></thead>
        <tbody>${line.devices.map((device) => html`
          <tr key=${device.id}>
            <th scope="row"><a href=${`#/device/${encodeURIComponent(device.id)}`}>${device.name}</a></th>
            <td>${percent(device.needed_percent)}</td>
            <td>${percent(device.used_percent)} <span class="bar" aria-hidden="true"><span style=${`width:${Math.min(100, device.used_percent)}%`}></span></span></td>
            <td>${device.turnaround_us === undefined ? '–' : `${(device.turnaround_us / 1000).toFixed(1)} ms`}</td>
          </tr>`)}</tbody>
      </table>
      ${(many > 0 || line.late_polls > 0) && html`<p class="note">${[
        many > 0 && `${plural(many, 'more device', 'more devices')}`,
        line.late_polls > 0 && `${plural(line.late_polls, 'poll', 'polls')} left out because the line was busy`,
      ].filter(Boolean).join('; ')}</p>`}
    </li>`;
}

function Lines() {
  if (live.lines.length === 0) return null;
  const fit = live.lines.every((line) => line.fits);
  return html`
    <details class="lines" open=${!fit}>
      <summary>Lines and connections (${count(live.lines.length)}): who uses how much of each second</summary>
      <ul>${live.lines.map((line) => html`<${Line} key=${line.place} line=${line} />`)}</ul>
    </details>`;
}

// For a shell: a name may hold anything that a topic may.
function shellWord(text) {
  if (/^[A-Za-z0-9_.:@][A-Za-z0-9_.:@-]*$/.test(text)) return text;
  return `${text.startsWith('-') ? '-- ' : ''}'${text.replaceAll("'", "'\\''")}'`;
}

// Devices that no file knows. The page changes nothing; who may approve has the command line.
function Newcomers({ now }) {
  const { waiting, devices } = live.newcomers;
  if (waiting === 0) return null;
  return html`
    <details class="newcomers" open=${devices.length <= 3}>
      <summary>${plural(waiting, 'new device waits', 'new devices wait')} to be approved</summary>
      <p class="note">They publish to the broker and have no file. Nothing of them is stored until then.</p>
      <ul>${devices.map((device) => html`
        <li key=${device.name}>
          <strong>${device.name}</strong> by rule ${device.rule}, on <span class="id">${device.topic}</span>,
          first heard ${age(now - device.first_ms)}
          ${device.problem && html`<br /><${Icon} shape="warning" /> ${device.problem}`}
          ${!device.approved && html`<br /><code>hubward onboard approve ${shellWord(device.name)}</code>`}
        </li>`)}</ul>
      ${waiting > devices.length && html`<p class="note">And ${plural(waiting - devices.length, 'more', 'more')}: <code>hubward onboard list</code></p>`}
    </details>`;
}

export function Overview({ now }) {
  const [filter, setFilter] = useState('all');
  const [search, setSearch] = useState('');
  const [page, setPage] = useState(0);
  const { site } = live;
  const found = matching(filter, search);
  const pages = Math.max(1, Math.ceil(found.length / kPerPage));
  const current = Math.min(page, pages - 1);
  const shown = found.slice(current * kPerPage, (current + 1) * kPerPage);
  const ids = shown.map((device) => device.id);
  useEffect(() => watch(ids), [ids.join(' ')]);
  const shared = sharedFailures();
  const turn = (to) => {
    setPage(to);
    scrollTo({ top: 0 });
  };
  return html`
    <div class="tools">
      <${Filters} site=${site} filter=${filter} setFilter=${(f) => { setFilter(f); setPage(0); }} />
      ${site.devices > 6 && html`
        <label class="search"><span class="sr">Find a device</span>
          <input type="search" placeholder="Find a device" value=${search}
            onInput=${(e) => { setSearch(e.target.value); setPage(0); }} />
        </label>`}
    </div>
    ${shown.length === 0 && site.devices > 0 && html`<p class="empty">No device matches.</p>`}
    ${[...shared].map(([failure, devices]) => html`<${Shared} key=${failure} devices=${devices} />`)}
    <${Newcomers} now=${now} />
    <ul class="cards">${shown.map((device) => html`
      <${Card} key=${device.id} device=${device} grouped=${device.severity === 'warning' && shared.has(device.failure)} now=${now} />`)}</ul>
    ${pages > 1 && html`
      <nav class="pages" aria-label="Pages">
        <button type="button" disabled=${current === 0} onClick=${() => turn(current - 1)}>Previous</button>
        <span>${count(current * kPerPage + 1)}–${count(current * kPerPage + shown.length)} of ${count(found.length)}</span>
        <button type="button" disabled=${current === pages - 1} onClick=${() => turn(current + 1)}>Next</button>
      </nav>`}
    <${Lines} />
    <section class="recent" aria-labelledby="recent-title">
      <h2 id="recent-title">What happened last</h2>
      <${EventList} events=${live.events.slice(0, 6)} withDevice=${true} />
      ${live.events.length > 6 && html`<p><a href="#/journal">Whole journal</a></p>`}
    </section>`;
}

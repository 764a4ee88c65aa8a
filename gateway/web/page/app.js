// The frame of the page: top bar, the sentence on the plant, and the view that the address names.
import { render } from '/lib/preact.js';
import { html, useEffect, useState, Icon } from './parts.js';
import { count, plural, timeOfDay, duration } from './words.js';
import { live, subscribe, connect, gatewayNow, isLive } from './live.js';
import { Overview } from './overview.js';
import { Detail } from './detail.js';
import { Journal } from './journal.js';

function view(now) {
  const device = location.hash.match(/^#\/device\/(.+)$/);
  if (device) return html`<${Detail} id=${decodeURIComponent(device[1])} now=${now} />`;
  if (location.hash === '#/journal') return html`<${Journal} now=${now} />`;
  return html`<${Overview} now=${now} />`;
}

function Badge() {
  if (isLive()) return html`<span class="badge live"><span class="dot" aria-hidden="true"></span>Live</span>`;
  if (!live.lastHeard) return html`<span class="badge">Connecting</span>`;
  return html`<span class="badge stale"><${Icon} shape="warning" />Stale since ${timeOfDay(live.lastHeard)}</span>`;
}

// A number stays on one line with its unit, and a name with its number: "Press 07".
const unbroken = (sentence) => sentence.replace(/(\d) (?=(s|min|h|d)\b)/g, '$1\u00a0')
  .replace(/(\p{L}) (?=\d)/gu, '$1\u00a0');

function perMinute() {
  const [first, last] = [live.acknowledged[0], live.acknowledged.at(-1)];
  if (!first || last[0] - first[0] < 5000) return null;
  return Math.round(((last[1] - first[1]) * 60000) / (last[0] - first[0]));
}

function Figures({ site, now }) {
  const rate = perMinute();
  const figures = [
    ['Waiting', count(site.waiting), site.waiting > 0 && site.oldest_waiting_ms ? `oldest ${duration(now - site.oldest_waiting_ms)}` : 'messages'],
    ['Acknowledged', count(site.delivered), rate === null ? 'messages' : `${count(rate)} a minute`],
    ['Dropped', count(site.dropped), site.dropped > 0 ? 'the store was full' : 'messages', site.dropped > 0],
    site.expired > 0 && ['Too old', count(site.expired), 'dropped', true],
    site.refused + site.unstored > 0 && ['Not stored', count(site.refused + site.unstored), 'messages', true],
    site.store.memory_only && ['In memory only', count(site.store.memory_messages), 'messages, lost with the power', true],
    site.quarantined > 0 && ['Set aside', count(site.quarantined), 'messages', true],
    site.bad_inputs > 0 && ['Bad input', count(site.bad_inputs), 'not understood, dropped'],
  ].filter(Boolean);
  return html`
    <dl class="figures">
      ${figures.map(([name, number, note, abnormal]) => html`
        <div key=${name} class=${abnormal ? 'abnormal' : ''}>
          <dt>${abnormal && html`<${Icon} shape="warning" />`}${name}</dt>
          <dd><b>${number}</b> <span>${note}</span></dd>
        </div>`)}
    </dl>`;
}

function App() {
  const [, redraw] = useState(0);
  useEffect(() => {
    const again = () => redraw((n) => n + 1);
    addEventListener('hashchange', again);
    const unsubscribe = subscribe(again);
    return () => {
      removeEventListener('hashchange', again);
      unsubscribe();
    };
  }, []);
  const { site } = live;
  const now = gatewayNow();
  useEffect(() => {
    document.title = site ? `${isLive() ? '' : '(stale) '}${site.alarm + site.warning > 0 ? `(${site.alarm + site.warning}) ` : ''}${site.name || 'hubward'}` : 'hubward';
  });
  // Said aloud only when the state changes, not whenever a countdown in the sentence ticks.
  const key = site && [site.severity, site.delivering, site.alarm, site.warning].join();
  const [spoken, speak] = useState('');
  useEffect(() => speak(site?.sentence ?? ''), [key]);
  const overview = !/^#\/(device\/|journal)/.test(location.hash);
  const here = location.hash === '#/journal' ? 'journal' : 'devices';
  return html`
    <header class="top">
      <a class="brand" href="#/">hubward</a>
      <span class="site">${site?.name}</span>
      <nav aria-label="Views">
        <a href="#/" aria-current=${here === 'devices' ? 'page' : undefined}>Devices</a>
        <a href="#/journal" aria-current=${here === 'journal' ? 'page' : undefined}>Journal</a>
      </nav>
      <${Badge} />
    </header>
    <main class=${isLive() || !site ? '' : 'is-stale'}>
      ${!site && html`<p class="empty" role="status">Waiting for the gateway…</p>`}
      ${site && html`
        ${!isLive() && html`
          <p class="banner" role="status"><${Icon} shape="warning" /> <span><strong>This page is not up to date.</strong>${' '}
            The connection to the gateway is lost since ${timeOfDay(live.lastHeard)}; it is tried again by itself. The devices may well be fine.</span></p>`}
        <section class="hero tone-${site.severity} ${overview ? '' : 'small'}">
          <${Icon} shape=${isLive() ? site.severity : 'unknown'} />
          <h1>${isLive() ? '' : `At ${timeOfDay(live.lastHeard)}: `}${unbroken(site.sentence)}</h1>
          ${!site.clock_trusted && html`<p class="banner"><${Icon} shape="warning" /> <span>${site.clock?.person_does ?? "This computer's clock has just been set; times are marked until it is known to be right."}</span></p>`}
        </section>
        ${overview && html`<${Figures} site=${site} now=${now} />`}
        ${view(now)}`}
    </main>
    <p class="sr" aria-live="polite">${spoken}</p>
    <footer class="foot">${site && html`hubward ${site.version}, running for ${duration(now - site.started_ms)}. ${plural(site.devices, 'device', 'devices')}. This page only shows; it changes nothing.`}</footer>`;
}

render(html`<${App} />`, document.getElementById('app'));
connect();

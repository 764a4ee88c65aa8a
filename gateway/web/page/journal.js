// What happened at the site, and what arrived that nobody could read.
import { html, useEffect, useState, EventList, BadInputs } from './parts.js';
import { live, watch, badInputs } from './live.js';

const kRefresh = 3000;

export function Journal({ now }) {
  const [search, setSearch] = useState('');
  const [rows, setRows] = useState([]);
  useEffect(() => {
    watch([]);
    const load = () => document.hidden || badInputs().then(setRows).catch(() => {});
    load();
    const timer = setInterval(load, kRefresh);
    return () => clearInterval(timer);
  }, []);
  const words = search.trim().toLowerCase();
  const events = live.events.filter((event) => words === ''
    || `${event.device_name} ${event.device} ${event.event} ${event.text}`.toLowerCase().includes(words));
  return html`
    <section class="panel" aria-labelledby="journal-title">
      <div class="tools"><h2 id="journal-title">Journal</h2>
        <label class="search"><span class="sr">Find in the journal</span>
          <input type="search" placeholder="Find in the journal" value=${search} onInput=${(e) => setSearch(e.target.value)} /></label></div>
      <${EventList} events=${events} withDevice=${true} />
    </section>
    <section class="panel" aria-labelledby="bad-title"><h2 id="bad-title">Bad input</h2>
      <p class="note">Dropped and counted; nothing else was affected. One sample of each is kept.</p>
      <${BadInputs} rows=${rows} now=${now} /></section>`;
}

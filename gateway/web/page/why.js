// Why a device is not online: its way to the cloud step by step, what to do, and what must be open.
import { html, useEffect, useState, Icon } from './parts.js';
import { timeOfDay } from './words.js';

const kWhileLooking = 1000;
const kAfterwards = 10000; // the gateway looks no more often

const shapes = { ok: 'normal', 'stopped here': 'alarm', 'not reached': 'waiting', 'not asked': 'unknown' };
const tones = { ok: 'normal', 'stopped here': 'alarm', 'not reached': 'busy', 'not asked': 'busy' };

function useWhy(id, wanted) {
  const [why, setWhy] = useState(null);
  useEffect(() => {
    if (!wanted) return undefined;
    let gone = false;
    let timer = 0;
    const load = async () => {
      let wait = kAfterwards;
      if (!document.hidden) {
        try {
          const response = await fetch(`/api/devices/${encodeURIComponent(id)}/why`);
          if (!response.ok) throw new Error(response.status);
          const answer = await response.json();
          if (gone) return;
          setWhy(answer);
          if (answer.looking) wait = kWhileLooking;
        } catch {
          wait = kWhileLooking * 3; // the page says elsewhere that the gateway is away
        }
      }
      if (!gone) timer = setTimeout(load, wait);
    };
    setWhy(null);
    load();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [id, wanted]);
  return why;
}

// Steps that follow each other and belong to the same place, under its name.
function parts(steps) {
  const found = [];
  for (const step of steps) {
    if (found.at(-1)?.name !== step.part) found.push({ name: step.part, steps: [] });
    found.at(-1).steps.push(step);
  }
  return found;
}

const isName = (host) => !/^[0-9.]+$/.test(host) && !host.includes(':');

const Step = ({ step }) => html`
  <li class="why-step ${step.state.replace(' ', '-')}">
    <${Icon} shape=${shapes[step.state] ?? 'unknown'} tone=${tones[step.state] ?? 'busy'} />
    <span class="why-name">${step.name}</span>
    <span class="why-text">${step.text ? '' : step.state}${step.text && step.state === 'stopped here' ? 'Stopped here: ' : ''}${step.text}
      ${step.state === 'ok' && html`<span class="sr"> (ok)</span>`}</span>
  </li>`;

function Answer({ why }) {
  return html`
    <p class="why-verdict" role="status"><strong>${why.verdict}</strong></p>
    ${(why.person_does || why.gateway_does) && html`
      <dl class="why-next">
        ${why.gateway_does && html`<div><dt>hubward</dt><dd>${why.gateway_does}</dd></div>`}
        ${why.person_does && html`<div><dt>You</dt><dd>${why.person_does}</dd></div>`}
      </dl>`}
    ${parts(why.steps).map((part) => html`
      <h3 key=${part.name}>${part.name}</h3>
      <ol class="why-steps">${part.steps.map((step) => html`<${Step} key=${step.step} step=${step} />`)}</ol>`)}
    <h3>What the firewall must let out</h3>
    <ul class="why-open">
      ${why.open.map((host) => html`
        <li key=${host.host}><span class="id">${host.host}</span> port ${host.port}, ${host.for}</li>`)}
    </ul>
    <p class="note">Outwards only; nothing comes in. No TLS inspection for these hosts${why.open.some((host) => isName(host.host)) ? `, and the name
      server of this computer must resolve them` : ''}. ${why.looking ? 'Being looked at just now.' : `Looked at ${timeOfDay(why.now_ms)}.`}${' '}
      <span>To try the login as well, run <code>hubward why ${why.device}</code> on the gateway.</span></p>`;
}

export function Why({ device }) {
  const stopped = device.stages?.some((stage) => stage.name === 'Sent' && stage.state === 'stopped');
  const [open, setOpen] = useState(null); // as the person wants it; null: has not said
  const isOpen = open ?? Boolean(stopped);
  const why = useWhy(device.id, isOpen);
  return html`
    <details class="panel why" open=${isOpen} onToggle=${(e) => e.currentTarget.open !== isOpen && setOpen(e.currentTarget.open)}>
      <summary><h2>${stopped ? 'Why?' : 'The way to the cloud'}</h2></summary>
      ${why ? html`<${Answer} why=${why} />` : html`<p class="empty">Looking…</p>`}
    </details>`;
}

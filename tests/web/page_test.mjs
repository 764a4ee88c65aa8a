// Looks at the page with a real browser, fed by page_fixture:
//   node page_test.mjs PAGE_FIXTURE MODULES_FOLDER
// The last line is "N passed, N failed". Exit status 77: no browser here, nothing was tested.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [fixturePath, modules] = process.argv.slice(2);
const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser']
  .find((path) => path && existsSync(path));
if (!executablePath) {
  console.log('skipped: there is no Chromium (Debian: apt install chromium)\n0 passed, 0 failed');
  process.exit(77);
}
const require = createRequire(resolve(join(modules, 'package.json')));
const { chromium } = require('playwright-core');
const axe = require('axe-core');

const kPatience = 10000;
let passed = 0;
let failed = 0;
const fixtures = [];

function check(condition, what) {
  if (!condition) throw new Error(what);
}

async function test(name, run) {
  const cleanUps = [];
  try {
    await run((later) => cleanUps.push(later));
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n        ${error.message.split('\n').slice(0, 6).join('\n        ')}`);
  }
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
}

// Starts a plant in the given state; answers with its address.
function plant(state, { devices = 6, port = 0 } = {}) {
  const child = spawn(fixturePath, ['--state', state, '--devices', String(devices), '--port', String(port)],
    { stdio: ['pipe', 'pipe', 'inherit'] });
  fixtures.push(child);
  return new Promise((found, lost) => {
    child.once('error', lost);
    child.once('exit', (code) => lost(new Error(`page_fixture ended with ${code}`)));
    child.stdout.once('data', (line) => found({ url: String(line).trim(), child }));
  });
}

// Opens a page that must stay quiet: no errors, no dialogs, nothing asked of anybody else.
async function open(later, url, { width = 1280, height = 900, dark = false } = {}) {
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: dark ? 'dark' : 'light',
  });
  later(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(kPatience);
  page.troubles = [];
  page.on('console', (m) => m.type() === 'error' && page.troubles.push(`console: ${m.text()}`));
  page.on('pageerror', (e) => page.troubles.push(`error: ${e.message}`));
  page.on('dialog', (d) => page.troubles.push(`dialog: ${d.message()}`) && d.dismiss());
  page.on('request', (r) => {
    if (new URL(r.url()).origin !== new URL(url).origin) page.troubles.push(`asks ${r.url()}`);
  });
  await page.goto(url);
  await page.waitForSelector('.card, .panel');
  return page;
}

const quiet = (page) => check(page.troubles.length === 0, page.troubles.join('; '));
const textOf = async (page, selector) => (await page.locator(selector).first().innerText()).replaceAll('\u00a0', ' ');

// Asks the page again and again. (The browser driver's own wait needs eval, which the page's
// content security policy rightly forbids.)
async function until(page, holds, argument) {
  const end = Date.now() + kPatience;
  while (!await page.evaluate(holds, argument)) {
    check(Date.now() < end, `never came true: ${holds}`);
    await page.waitForTimeout(50);
  }
}

async function accessible(page, where) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
    resultTypes: ['violations'],
  }));
  const grave = violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
  check(grave.length === 0, `${where}: ${grave.map((v) => `${v.id} at ${v.nodes[0].target} (${v.nodes[0].failureSummary})`).join('; ')}`);
}

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const fine = await plant('fine');
const blocked = await plant('blocked');
const silent = await plant('silent');
const cloudDown = await plant('cloud-down');
const failover = await plant('failover');
const starting = await plant('starting');
const hostile = await plant('hostile');
const views = ['#/', '#/device/press-07', '#/journal'];

await test('six devices appear with name, identity, state, path and values', async (later) => {
  const page = await open(later, fine.url);
  await page.waitForSelector('.card:nth-child(6) .number');
  check(await page.locator('.card').count() === 6, 'not six cards');
  check(await textOf(page, 'h1') === 'All 6 devices are delivering.', await textOf(page, 'h1'));
  const card = await textOf(page, '.card');
  for (const words of ['Press 07', 'press-07', 'Modbus TCP 10.0.20.7:502, unit 1', 'Delivering to hub-north-1', 'for 3 h', 'Equipment', 'Acknowledged', 'pressure', 'bar', 'just now']) {
    check(card.includes(words), `the card does not say "${words}"`);
  }
  quiet(page);
});

await test('values, curves and the count of acknowledged messages move by themselves', async (later) => {
  const page = await open(later, fine.url);
  await page.waitForSelector('.card .spark polyline');
  const look = async () => [await textOf(page, '.card .number'), await textOf(page, '.figures div:nth-child(2) b'),
    await page.locator('.card .spark polyline').first().getAttribute('points')];
  const before = await look();
  await until(page, (old) => document.querySelector('.card .number').innerText !== old[0]
    && document.querySelector('.figures div:nth-child(2) b').innerText !== old[1]
    && document.querySelector('.card .spark polyline').getAttribute('points') !== old[2], before);
  quiet(page);
});

await test('a blocked device comes first, with reason and next steps, without a click', async (later) => {
  const page = await open(later, blocked.url);
  await page.waitForSelector('.card .stage.stopped');
  const card = await textOf(page, '.card');
  for (const words of ['Press 07', 'Device blocked or not approved', 'An operator blocked the device', 'Next try in', 'approve or unblock the device', 'hub-north-1.azure-devices.net', 'waiting']) {
    check(card.includes(words), `the card does not say "${words}"`);
  }
  check(await page.locator('.card').first().locator('.stage.stopped').count() === 1, 'it stops at one place');
  check(await textOf(page, '.card .stage.stopped .stage-name') === 'Sent', 'it stops at sending');
  quiet(page);
});

await test('a countdown and the ages tick', async (later) => {
  const page = await open(later, blocked.url);
  const next = page.locator('.card .trouble strong').first();
  const before = await next.innerText();
  await until(page, (old) => document.querySelector('.card .trouble strong').innerText !== old, before);
});

await test('silent equipment is told from a silent cloud', async (later) => {
  const page = await open(later, silent.url);
  await page.waitForSelector('.card .stage.stopped');
  check(await textOf(page, '.card .stage.stopped .stage-name') === 'Equipment', 'it stops at the equipment');
  const down = await open(later, cloudDown.url);
  await down.waitForSelector('.card .stage.stopped');
  check((await textOf(down, 'h1')).startsWith('The cloud has been out of reach for 2 h'), await textOf(down, 'h1'));
  check(await down.locator('.shared').count() === 1 && await down.locator('.trouble').count() === 1, 'one explanation for all');
  check(await down.locator('.card .next:not(:empty)').count() > 0, 'no next try is shown');
  quiet(page);
  quiet(down);
});

await test('hostile names, values and events are shown letter by letter', async (later) => {
  for (const view of views) {
    const page = await open(later, hostile.url + view);
    await page.waitForSelector('.number, .events');
    await page.waitForTimeout(600);
    check(await page.locator('img, script:not([src]), main b[onmouseover], svg[onload]').count() === 0, `${view}: markup got in`);
    check(!(await page.title()).includes('owned'), 'a script ran');
    const text = await page.locator('body').innerText();
    check(text.includes('<script>alert(1)</script>') && text.includes('<img src=x onerror='), `${view}: not shown literally`);
    if (view === '#/') {
      const command = String.raw`hubward onboard approve '<img src=x onerror=alert(4)>'\'''`;
      check(text.includes(command), 'a name could be more than a name to a shell');
    }
    quiet(page);
  }
});

await test('a device opens by keyboard; its curve follows the chosen tag', async (later) => {
  const page = await open(later, fine.url);
  await page.locator('.card h2 a').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('.chart canvas');
  check(await textOf(page, '#curve-title') === 'pressure bar', await textOf(page, '#curve-title'));
  await page.locator('.tags button').nth(1).focus();
  await page.keyboard.press('Enter');
  await until(page, () => document.querySelector('#curve-title').innerText.startsWith('oil_temperature'));
  await page.waitForSelector('.chart canvas');
  check((await textOf(page, '.facts')).includes('hub-north-1.azure-devices.net'), 'no hub among the facts');
  quiet(page);
});

await test('a blocked device says why, step by step, and what the firewall must let out', async (later) => {
  const page = await open(later, `${blocked.url}#/device/press-07`);
  await page.waitForSelector('.why-step.stopped-here');
  const why = await textOf(page, '.why');
  for (const words of ['An operator blocked the device', 'approve or unblock', 'This computer', 'Encryption (TLS)', 'TLSv1.3', 'issued by', 'Stopped here: Hub refused the device', 'Stopped here: Device blocked', 'global.azure-devices-provisioning.net port 8883', '*.azure-devices.net', 'nothing comes in', 'hubward why press-07']) {
    check(why.includes(words), `it does not say "${words}": ${why}`);
  }
  check(!/\.[A-Z]/.test(why), `a sentence begins without a space: ${why}`);
  check(await page.locator('.why-step.stopped-here').count() === 2, 'login and provisioning stop');
  quiet(page);
});

await test('a port that is closed stops at the connection, and nothing is said of what lies beyond', async (later) => {
  const page = await open(later, `${cloudDown.url}#/device/press-07`);
  await page.waitForSelector('.why-step.stopped-here');
  check((await textOf(page, '.why-verdict')).includes('Nothing gets out on port 8883'), await textOf(page, '.why-verdict'));
  check(await page.locator('.why-step.not-reached').count() >= 3, 'what lies beyond is not reached');
  quiet(page);
});

await test('a device that delivers keeps its way to the cloud closed until somebody opens it', async (later) => {
  const page = await open(later, `${fine.url}#/device/press-07`);
  await page.waitForSelector('.why summary');
  check(await page.locator('.why-step').count() === 0, 'it is open');
  let asked = 0;
  page.on('request', (r) => { if (r.url().endsWith('/why')) asked += 1; });
  await page.waitForTimeout(500);
  check(asked === 0, 'it asks without being opened');
  await page.locator('.why summary').focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('.why-step.ok');
  check((await textOf(page, '.why-verdict')).includes('nothing is wrong'), await textOf(page, '.why-verdict'));
  quiet(page);
});

await test('bad input is shown with its sample', async (later) => {
  const page = await open(later, `${fine.url}#/device/scale-dock-2`);
  await page.waitForSelector('.samples pre');
  check((await textOf(page, '.samples')).includes('53 54 2c 47 53'), 'no bytes');
  check((await textOf(page, '.samples')).includes('ST,GS,+'), 'no text');
});

await test('a line that is asked for more than it carries says so, and who uses it', async (later) => {
  const page = await open(later, blocked.url);
  await page.waitForSelector('.line.warning');
  const line = (await textOf(page, '.line.warning')).replace(/\s+/g, ' ');
  for (const words of ['cannot fit: needs 118 %, uses 97 %', 'Main energy meter', '12.0 ms', '212 polls left out']) {
    check(line.includes(words), `the line does not say "${words}": ${line}`);
  }
  quiet(page);
});

await test('no view scrolls sideways and no number is cut off at 320 pixels', async (later) => {
  for (const { url } of [fine, blocked, silent, cloudDown, hostile, starting]) {
    for (const view of views) {
      const page = await open(later, url + view, { width: 320, height: 640 });
      await page.waitForTimeout(200);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      check(width <= 320, `${url + view}: ${width} pixels`);
      const cut = await page.evaluate(() => [...document.querySelectorAll('.number:not(.words)')]
        .map((number) => number.closest('.figure') ?? number)
        .filter((figure) => figure.scrollWidth > figure.clientWidth + 1 && figure.clientWidth > 0)
        .map((figure) => figure.innerText));
      check(cut.length === 0, `${url + view}: cut off: ${cut.join(', ')}`);
      await page.context().close();
    }
  }
});

for (const dark of [false, true]) {
  await test(`axe finds nothing serious, ${dark ? 'dark' : 'light'}`, async (later) => {
    for (const { url } of [fine, blocked, silent, cloudDown, failover, starting, hostile]) {
      for (const view of [blocked.url, cloudDown.url].includes(url) ? views : ['#/']) {
        const page = await open(later, url + view, { dark });
        await page.waitForTimeout(100);
        await accessible(page, url + view);
        await page.context().close();
      }
    }
  });
}

await test('a page that lost the gateway says so, and comes back by itself', async (later) => {
  const first = await plant('fine');
  const page = await open(later, first.url);
  await page.waitForSelector('.badge.live');
  first.child.kill();
  await page.waitForSelector('.badge.stale');
  check((await textOf(page, '.badge')).includes('Stale since'), 'no word for it');
  check((await textOf(page, '.banner')).includes('not up to date'), 'no explanation');
  check((await textOf(page, 'h1')).startsWith('At '), 'the sentence claims to be of now');
  check((await page.title()).startsWith('(stale)'), 'the title looks fine');
  await accessible(page, 'stale page');
  await plant('blocked', { port: new URL(first.url).port });
  await page.waitForSelector('.badge.live');
  await page.waitForSelector('.card.alarm');
  check(await page.locator('.banner').count() === 0, 'the banner stays');
});

await test('five thousand devices: a page of them at a time, found by name', async (later) => {
  const many = await plant('blocked', { devices: 5000 });
  const begin = Date.now();
  const page = await open(later, many.url);
  await until(page, () => document.querySelector('.filters b')?.innerText === '5,000');
  await page.waitForSelector('.card .number');
  console.log(`        first values after ${Date.now() - begin} ms`);
  check(await page.locator('.card').count() === 50, 'not fifty cards');
  await page.getByRole('searchbox').fill('hall-climate-3-4995');
  await until(page, () => document.querySelectorAll('.card').length === 1);
  await page.waitForSelector('.card .number');
  await page.getByRole('searchbox').fill('');
  await page.getByRole('button', { name: 'Next' }).click();
  await until(page, () => document.querySelector('.pages span').innerText.startsWith('51'));
  await page.getByRole('button', { name: 'Alarm' }).click();
  await until(page, () => document.querySelectorAll('.card.alarm').length === document.querySelectorAll('.card').length);
  const heap = await page.evaluate(() => performance.memory.usedJSHeapSize / 1e6);
  console.log(`        ${heap.toFixed(0)} MB of script memory`);
  quiet(page);
});

await browser.close();
for (const child of fixtures) {
  child.removeAllListeners('exit');
  child.kill();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

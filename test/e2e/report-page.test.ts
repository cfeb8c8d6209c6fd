/** The page of a check report in a real browser: it fetches nothing, is read by screen readers, in the dark, on a phone and on paper. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluateCheck } from '../../src/operations/check/evaluate-check.ts';
import { toCheckHtml } from '../../src/report/checks/check-html.ts';
import { toCheckReport, type CheckReport } from '../../src/report/checks/check-report.ts';
import { makeObjects, makeSpoiled, setAt, toSubject } from '../compliance/sound-objects.ts';
import { Browser } from '../helpers/browser.ts';

const PHONE = { width: 400, height: 800, deviceScaleFactor: 1, mobile: true };
/** A4 at 96 points an inch, without the margins of a printer. */
const PAPER = { width: 718, height: 1047, deviceScaleFactor: 1, mobile: false };
/** Of text to what it stands on. @see https://www.w3.org/TR/WCAG22/#contrast-minimum */
const MIN_CONTRAST = 4.5;

/** A report with all there is: what is met, what is not, exceptions, warnings, a comparison, hostile and endless words. */
function makeReport(): CheckReport {
  const hostile = '<img src="https://tracker.example/x"><script>throw 1</script>';
  const endless = `registry.example/${'very-long-name-'.repeat(15)}end`;
  const objects = makeSpoiled('Deployment', ['spec', 'template', 'spec', 'hostNetwork'], true);
  setAt(objects['CronJob'], ['spec', 'jobTemplate', 'spec', 'template', 'spec', 'containers', 0, 'image'], endless);
  const exceptions = [
    { rule: 'image-pinned', object: 'CronJob/*', reason: hostile, until: '2099-12-31', at: 'rules.yaml:3' },
  ];
  const terms = { profiles: ['hipaa'], ownRules: [], exceptions, now: '2026-11-27T12:00:00Z' } as const;
  const facts = { checked: [endless], checkedAt: terms.now, tool: '0.1.0', profiles: ['general', 'hipaa'], exceptions };
  const subject = toSubject(Object.values(objects), { name: `manifests ${hostile}` });
  const sound = evaluateCheck([toSubject(Object.values(makeObjects()))], terms);
  const before = toCheckReport({ ...facts, warnings: [] }, sound.rules, sound.results);
  const now = evaluateCheck([subject], terms, { name: 'then.json', subjects: before.subjects, chosen: [] });
  const source = {
    name: 'then.json',
    digest: `sha256:${'a'.repeat(64)}`,
    checkedAt: terms.now,
    tool: '0.1.0',
  } as const;
  const compared = { earlier: { source, report: before }, pairs: now.pairs };
  return toCheckReport({ ...facts, warnings: [hostile] }, now.rules, now.results, compared);
}

describe('the page of a report', () => {
  let browser: Browser | undefined;
  let server: Server;
  let address: string;
  const asked: string[] = [];

  beforeAll(async () => {
    const page = toCheckHtml(makeReport());
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/check-report.html`;
    browser = await Browser.start();
    await browser?.open(address);
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
  });

  test('asks for nothing but itself, and complains of nothing', (t) => {
    const { requests, complaints } = browser ?? t.skip();
    expect(requests.filter((url) => !url.startsWith('data:'))).toEqual([address]);
    expect(asked).toEqual(['/check-report.html']);
    expect(complaints).toEqual([]);
  });

  test('has landmarks, headings in order, and tables whose cells have headers', async (t) => {
    const nodes = await (browser ?? t.skip()).accessibleNodes();
    const named = (role: string): readonly string[] =>
      nodes.filter((node) => node.role === role).map(({ name }) => name);
    expect([named('banner'), named('navigation'), named('main')].map(({ length }) => length)).toEqual([1, 1, 1]);
    expect(named('region')).toEqual(expect.arrayContaining(['Since the earlier report', 'Exceptions']) as string[]);
    expect(named('region').filter((name) => name === '')).toEqual([]);
    expect(named('columnheader')).toEqual(['Verdict', 'Rule', 'Serves']);
    expect(named('rowheader').length).toBe(makeReport().subjects[0]?.results.length);
    const levels = nodes.filter(({ role }) => role === 'heading').map(({ level }) => level ?? 0);
    expect(levels[0]).toBe(1);
    expect(levels.filter((level, index) => level > (levels[index - 1] ?? 0) + 1)).toEqual([]);
  });

  test('the first key leads past the contents', async (t) => {
    const page = browser ?? t.skip();
    for (const type of ['keyDown', 'keyUp']) await page.call('Input.dispatchKeyEvent', { type, key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9 }); // prettier-ignore
    expect(await page.evaluate('document.activeElement.textContent')).toBe('To the results');
    expect(await page.evaluate('document.activeElement.getBoundingClientRect().left')).toBeGreaterThanOrEqual(0);
    await page.evaluate('document.activeElement.blur()');
  });

  test.each(['light', 'dark'])('in the %s, what stands there can be read', async (scheme) => {
    if (browser === undefined) return expect(browser).toBeUndefined();
    await browser.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    const colours = (await browser.evaluate(`(() => {
      const probe = document.body.appendChild(document.createElement('i'));
      probe.style.background = 'Canvas';
      const text = ['p', 'a[href="#rules"]', 'td.pass', 'td.fail', 'td.excepted', 'summary', 'caption'];
      const found = text.map((selector) => getComputedStyle(document.querySelector(selector)).color);
      const canvas = getComputedStyle(probe).backgroundColor;
      probe.remove();
      return { canvas, found };
    })()`)) as { readonly canvas: string; readonly found: readonly string[] };
    const canvas = luminance(colours.canvas);
    expect(canvas > 0.5 ? 'light' : 'dark').toBe(scheme);
    const contrasts = colours.found.map((colour) => contrast(luminance(colour), canvas));
    expect(contrasts.filter((value) => value < MIN_CONTRAST)).toEqual([]);
    await picture(browser, scheme);
  });

  test('on a phone nothing is wider than the screen, and what is scrolls by itself', async (t) => {
    const page = browser ?? t.skip();
    await page.call('Emulation.setDeviceMetricsOverride', PHONE);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.width);
    await picture(page, 'phone');
    await page.call('Emulation.clearDeviceMetricsOverride');
  });

  test('on paper nothing is cut off, and what only leads around is left out', async (t) => {
    const page = browser ?? t.skip();
    await page.call('Emulation.setEmulatedMedia', { media: 'print', features: [] });
    await page.call('Emulation.setDeviceMetricsOverride', PAPER);
    expect(await page.evaluate(`getComputedStyle(document.querySelector('nav')).display`)).toBe('none');
    const wide = `[...document.querySelectorAll('body, .scroll, table')].filter((e) => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > ${PAPER.width})`;
    expect(await page.evaluate(`${wide}.map((element) => element.tagName)`)).toEqual([]);
    await picture(page, 'paper');
  });
});

/** Shows the page to a person who asks for it: `AIRGAP_PICTURES=DIRECTORY`. */
async function picture(browser: Browser, name: string): Promise<void> {
  const directory = process.env['AIRGAP_PICTURES'];
  if (directory === undefined) return;
  const { data } = await browser.call('Page.captureScreenshot', { captureBeyondViewport: true });
  await writeFile(`${directory}/${name}.png`, Buffer.from(data as string, 'base64'));
}

/** `rgb(18, 18, 18)` @see https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map((text) => {
    const part = Number(text) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: number, other: number): number {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

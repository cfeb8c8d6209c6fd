/** A real browser, without a window, spoken to over a pipe: what a page asks for, says, looks like and is to a screen reader. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { findTool } from './tools.ts';
import { requireTool } from './require-tool.ts';
import { makeTempDir, type TempDir } from './temp.ts';

/** What the browser answered or reported; the protocol has a type for each, of which a test needs a field or two. */
export type Answer = Readonly<Record<string, unknown>>;

/** A node of the tree that assistive technology is given. */
export interface AccessibleNode {
  readonly role: string;
  readonly name: string;
  /** Of a heading. */
  readonly level?: number | undefined;
}

/** No window, no sandbox within the sandbox of a test machine, nothing of its own that would be fetched, and nothing found but loopback. */
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-extensions',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps',
  '--no-default-browser-check', '--disable-quic', '--disable-features=Translate,MediaRouter,OptimizationHints',
  '--proxy-server=127.0.0.1:9', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--remote-debugging-pipe',
]; // prettier-ignore

/** A browser with one page. Disposing of it ends the browser, and takes its profile away. */
export class Browser implements AsyncDisposable {
  /** Addresses that the page asked for, in order. */
  readonly requests: string[] = [];
  /** What stood on the console, and what was thrown. */
  readonly complaints: string[] = [];
  readonly #child: ChildProcess;
  readonly #profile: TempDir & AsyncDisposable;
  readonly #input: Writable;
  readonly #waiting = new Map<number, (message: Answer) => void>();
  readonly #listeners = new Map<string, () => void>();
  #session: string | undefined;
  #calls = 0;
  #text = '';

  private constructor(child: ChildProcess, profile: TempDir & AsyncDisposable) {
    this.#child = child;
    this.#profile = profile;
    this.#input = child.stdio[3] as Writable;
    // A browser that ended closes them: the call that waits for it says so.
    this.#input.on('error', () => undefined);
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => this.#read(chunk));
    child.once('exit', (code) => this.#end(`the browser ended (${String(code)})`));
  }

  /**
   * Starts chromium, Debian's own or its shell without windows.
   * @returns undefined, loudly, as {@link requireTool} does
   */
  static async start(): Promise<Browser | undefined> {
    const program = findTool('chromium') ?? requireTool('chromium-headless-shell');
    if (program === undefined) return undefined;
    const profile = await makeTempDir();
    const args = [...FLAGS, `--user-data-dir=${profile.join('profile')}`, 'about:blank'];
    const env = { ...process.env, HOME: profile.path };
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], env, detached: true });
    const browser = new Browser(child, profile);
    const { targetInfos } = (await browser.call('Target.getTargets')) as { targetInfos: { type: string; targetId: string }[] };
    const targetId = targetInfos.find(({ type }) => type === 'page')?.targetId;
    const { sessionId } = await browser.call('Target.attachToTarget', { targetId, flatten: true });
    browser.#session = sessionId as string;
    for (const domain of ['Page', 'Network', 'Runtime', 'Log', 'Accessibility']) await browser.call(`${domain}.enable`);
    return browser;
  } // prettier-ignore

  /** Opens an address, until the page with all that belongs to it is there. */
  async open(address: string): Promise<void> {
    const loaded = new Promise<void>((resolve) => this.#listeners.set('Page.loadEventFired', resolve));
    await this.call('Page.navigate', { url: address });
    await loaded;
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.call('Runtime.evaluate', { expression, returnByValue: true });
    if (answer['exceptionDetails'] !== undefined) throw new Error(JSON.stringify(answer['exceptionDetails']));
    return (answer['result'] as Answer)['value'];
  }

  /** The page as assistive technology gets it. */
  async accessibleNodes(): Promise<readonly AccessibleNode[]> {
    interface Node {
      readonly ignored: boolean;
      readonly role?: { readonly value: string };
      readonly name?: { readonly value: string };
      readonly properties?: readonly { readonly name: string; readonly value: { readonly value?: unknown } }[];
    }
    const { nodes } = (await this.call('Accessibility.getFullAXTree')) as unknown as { nodes: readonly Node[] };
    return nodes
      .filter(({ ignored }) => !ignored)
      .map(({ role, name, properties }) => {
        const level = properties?.find((property) => property.name === 'level')?.value.value;
        return { role: role?.value ?? '', name: name?.value ?? '', ...(typeof level === 'number' ? { level } : {}) };
      });
  }

  /** One call of the DevTools protocol. @see https://chromedevtools.github.io/devtools-protocol/ */
  async call(method: string, params: Answer = {}): Promise<Answer> {
    const id = ++this.#calls;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    this.#input.write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    const { error, result } = await answered;
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result as Answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) {
      const gone = once(this.#child, 'exit');
      process.kill(-pid, 'SIGKILL');
      await gone;
    }
    await this.#profile[Symbol.asyncDispose]();
  }

  #read(chunk: string): void {
    const messages = `${this.#text}${chunk}`.split('\0');
    this.#text = messages.pop() ?? '';
    for (const message of messages) this.#take(JSON.parse(message) as Answer);
  }

  #take(message: Answer): void {
    const { id, method, params } = message;
    if (typeof id === 'number') {
      this.#waiting.get(id)?.(message);
      this.#waiting.delete(id);
      return;
    }
    const details = params as Readonly<Record<string, Answer>>;
    if (method === 'Network.requestWillBeSent') this.requests.push(details['request']?.['url'] as string);
    if (method === 'Log.entryAdded') this.complaints.push(details['entry']?.['text'] as string);
    if (method === 'Runtime.consoleAPICalled' || method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(params)); // prettier-ignore
    this.#listeners.get(method as string)?.();
  }

  #end(message: string): void {
    for (const resolve of this.#waiting.values()) resolve({ error: message });
    this.#waiting.clear();
    for (const resolve of this.#listeners.values()) resolve();
  }
}

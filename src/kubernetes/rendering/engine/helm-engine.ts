/** Renders charts with Helm's own engine in a sandbox: WebAssembly, in a thread, with nothing of the machine in it. */
import { once } from 'node:events';
import * as z from 'zod';
import { parseJson } from '../../../base/json/parse-json.ts';
import { StoreError } from '../../../errors.ts';
import { RENDER_LIMITS } from '../chart-renderer.ts';
import type { ChartRenderer, RenderedChart, RenderLimits, RenderRequest } from '../chart-renderer.ts';
import { overLimit, refusedByHelm } from '../refusals.ts';
import { assertRenderable } from '../render-request.ts';
import { splitManifest } from '../rendered-documents.ts';
import { assertSchemasStayInside } from '../schema-references.ts';
import { unpackChart } from '../../charts/chart-archive.ts';
import { openEngineModule, type EngineModule } from './engine-module.ts';
import { startEngineThread, type EngineMessage } from './engine-thread.ts';
import type { WasmModule } from './webassembly.ts';

/** As Go's runtime ends a program that gets no more memory. */
const OUT_OF_MEMORY = /^(runtime: out of memory|fatal error: .*out of memory)/m;
/** The line of the engine's answer that comes before the manifest. */
const Answer = z.object({ refusal: z.string().optional(), notes: z.string() });

/** Options of {@link openHelmEngine}. */
export interface HelmEngineOptions {
  /** Where the engine lies. @defaultValue beside this program */
  readonly folder?: string | undefined;
  /** One that was compiled before, for the same limit of memory. @defaultValue compiled from `folder`, which takes a second */
  readonly engine?: EngineModule | undefined;
  readonly limits?: Partial<RenderLimits> | undefined;
}

/**
 * The engine as a renderer; undefined where this program came without it.
 * @throws IntegrityError `MALFORMED` or `DIGEST_MISMATCH` for an engine that is not what was built.
 */
export async function openHelmEngine(options: HelmEngineOptions = {}): Promise<ChartRenderer | undefined> {
  const limits = { ...RENDER_LIMITS, ...options.limits };
  const engine = options.engine ?? (await openEngineModule(limits.maxMemoryBytes, options.folder));
  if (engine === undefined) return undefined;
  const { helm, module } = engine;
  return {
    name: 'helm-engine',
    version: helm,
    render: (request, { signal } = {}) => render(module, request, limits, signal),
  };
}

async function render(
  module: WasmModule,
  request: RenderRequest,
  limits: RenderLimits,
  signal: AbortSignal | undefined,
): Promise<RenderedChart> {
  signal?.throwIfAborted();
  assertRenderable(request);
  // Within the limits of chart packages, which bind all that reads charts here.
  await unpackChart(request.chart, request.shownAs);
  const message = await runEngine(module, request, limits, signal);
  if ('limit' in message) throw overLimit(request, limits, message.limit);
  if ('trap' in message) throw failed(request, message.trap);
  const { exitCode, stdout, stderr } = message;
  if (OUT_OF_MEMORY.test(stderr)) throw overLimit(request, limits, 'memory');
  if (exitCode !== 0) throw failed(request, stderr);
  // Bytes lose their class on the way between threads.
  const output = Buffer.from(stdout.buffer, stdout.byteOffset, stdout.byteLength);
  const end = output.indexOf('\n');
  const { refusal, notes } = Answer.parse(
    parseJson(output.subarray(0, end), { maxBytes: limits.maxOutputBytes, reading: 'lenient' }),
  );
  if (refusal !== undefined) {
    // What leads out of a schema is not there in the sandbox; Helm's words would be about its network.
    if (request.skipSchemaValidation !== true) await assertSchemasStayInside(request.chart, request.shownAs);
    throw refusedByHelm(request, refusal);
  }
  return { documents: splitManifest(output.toString('utf8', end + 1)), notes };
}

/** Runs the engine in a thread that is gone afterwards, however it ended. */
async function runEngine(
  module: WasmModule,
  request: RenderRequest,
  limits: RenderLimits,
  signal: AbortSignal | undefined,
): Promise<EngineMessage | { readonly limit: 'time' }> {
  const { shownAs: _, seed = 0, chart, ...rest } = request;
  const input = Buffer.from(JSON.stringify({ ...rest, chart: chart.toString('base64') }));
  const worker = startEngineThread({
    kind: 'airgap-render',
    module,
    input,
    maxOutputBytes: limits.maxOutputBytes,
    seed,
  });
  const overTime = AbortSignal.timeout(limits.timeoutMs);
  try {
    const stop = signal === undefined ? overTime : AbortSignal.any([signal, overTime]);
    const [message] = (await once(worker, 'message', { signal: stop })) as [EngineMessage];
    return message;
  } catch (error) {
    signal?.throwIfAborted();
    if (overTime.aborted) return { limit: 'time' };
    throw failed(request, error instanceof Error ? error.message : String(error), error);
  } finally {
    await worker.terminate();
  }
}

function failed({ shownAs }: RenderRequest, why: string, cause?: unknown): StoreError {
  const [first = ''] = why.trim().split('\n', 1);
  return new StoreError('STORE_IO', `${shownAs}: the engine that renders charts failed: ${first}`, { cause });
}

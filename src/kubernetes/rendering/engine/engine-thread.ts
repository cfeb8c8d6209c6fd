/**
 * The thread in which a chart is rendered: what runs in it, and how it is started. A thread, because it can be ended
 * from outside whatever the chart does. This file is both ends.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { OutputLimitError, runWasi, type WasiResult } from './wasi-host.ts';
import type { WasmModule } from './webassembly.ts';

/** One run of the program. */
export interface EngineJob {
  readonly kind: 'airgap-render';
  readonly module: WasmModule;
  readonly input: Uint8Array;
  readonly maxOutputBytes: number;
  readonly seed: 0 | 1;
}

/** How it ended: as programs do, by printing too much, or because the program cannot go on. */
export type EngineMessage = WasiResult | { readonly limit: 'output' } | { readonly trap: string };

/** This file alone as a script. Bundles have it, so that a thread loads kilobytes instead of the whole program. */
declare const AIRGAP_RENDER_WORKER: string | undefined;

/** Starts a thread that says one {@link EngineMessage} and ends. */
export function startEngineThread(job: EngineJob): Worker {
  const options = { workerData: job, execArgv: [], env: {}, stdin: false };
  if (typeof AIRGAP_RENDER_WORKER === 'undefined') return new Worker(new URL(import.meta.url), options);
  return new Worker(AIRGAP_RENDER_WORKER, { ...options, eval: true });
}

function runJob({ module, input, maxOutputBytes, seed }: EngineJob): EngineMessage {
  try {
    return runWasi(module, input, maxOutputBytes, seed);
  } catch (error) {
    if (error instanceof OutputLimitError) return { limit: 'output' };
    return { trap: error instanceof Error ? error.message : String(error) };
  }
}

const job = workerData as EngineJob | undefined;
if (!isMainThread && job?.kind === 'airgap-render') parentPort?.postMessage(runJob(job));

/** Renders charts with a helm program of the machine: `helm template`, without a shell, a cluster, or a home. */
import { callProgram, type CallProgramOptions, type ProgramLimit } from '../../base/programs/run-program.ts';
import { AirgapError, StoreError } from '../../errors.ts';
import { RENDER_LIMITS } from './chart-renderer.ts';
import type { ChartRenderer, RenderedChart, RenderLimits, RenderRequest } from './chart-renderer.ts';
import { findProgram } from './find-program.ts';
import { HELM_THREADS, openHelmHome } from './helm-home.ts';
import { overLimit, refusedByHelm } from './refusals.ts';
import { assertRenderable } from './render-request.ts';
import { splitManifest } from './rendered-documents.ts';
import { assertSchemasStayInside } from './schema-references.ts';

/** Helm's flags and order of documents are the same from here on. */
const OLDEST: readonly [number, number] = [3, 14];
/** The first with `--skip-schema-validation`. */
const SKIPS_SCHEMA: readonly [number, number] = [3, 16];
const VERSION = /^v?(([0-9]+)\.([0-9]+)\.[0-9]+[0-9A-Za-z.+-]*)$/;
const VERSION_TIMEOUT_MS = 30_000;
/** What a Go program reserves without using it, its own code included; the limit of the address space is above that. */
const RESERVED_BYTES = 1024 * 1024 * 1024;
/** As Go's runtime ends a program that gets no more memory. */
const OUT_OF_MEMORY = /^(runtime: out of memory|fatal error: .*out of memory|fatal error: runtime: cannot allocate)/m;
/** Of what it says on standard error the end is kept, which has the reason. */
const KEPT_CHARACTERS = 1024 * 1024;

/** Options of {@link openHelmProgram}. */
export interface HelmProgramOptions {
  /** Absolute path of the program. */
  readonly program: string;
  /** Where `prlimit` is looked for, without which memory is not limited. */
  readonly path: string | undefined;
  readonly limits?: Partial<RenderLimits> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks a helm program for its version and makes a renderer of it. A chart reads no file of the machine through it:
 * Helm's templates have no function for that, it is given the package alone, and schemas that refer to files or servers
 * are refused before.
 * @throws StoreError `UNSUPPORTED` when it is older than 3.14 or no Helm, `STORE_IO` when it cannot be started.
 */
export async function openHelmProgram(options: HelmProgramOptions): Promise<ChartRenderer> {
  const { program, path, signal } = options;
  const limits = { ...RENDER_LIMITS, ...options.limits };
  const start = startingWith(program, await findProgram('prlimit', path), limits);
  const version = await askVersion(program, start, limits, signal);
  return {
    name: 'helm',
    version: version.text,
    render: (request, { signal: stop } = {}) => render(request, { start, version, limits, signal: stop }),
  };
}

interface HelmVersion {
  readonly text: string;
  isAtLeast(other: readonly [number, number]): boolean;
}

interface Run {
  readonly start: readonly [string, ...string[]];
  readonly version: HelmVersion;
  readonly limits: RenderLimits;
  readonly signal: AbortSignal | undefined;
}

/** The command up to Helm's own arguments. */
function startingWith(program: string, prlimit: string | undefined, limits: RenderLimits): Run['start'] {
  if (prlimit === undefined) return [program];
  const { maxMemoryBytes, timeoutMs } = limits;
  // Of processor time, for a program that is left alone: this one may be killed before it ends the other.
  const seconds = Math.ceil(timeoutMs / 1000) * HELM_THREADS + 1;
  return [prlimit, `--as=${maxMemoryBytes + RESERVED_BYTES}`, `--cpu=${seconds}`, '--core=0', '--', program];
}

async function askVersion(
  program: string,
  [command, ...prefix]: Run['start'],
  { maxMemoryBytes }: RenderLimits,
  signal: AbortSignal | undefined,
): Promise<HelmVersion> {
  await using home = await openHelmHome(maxMemoryBytes);
  const { environment } = home;
  const args = [...prefix, 'version', '--template', '{{.Version}}'];
  const options = { environment, timeoutMs: VERSION_TIMEOUT_MS, ownGroup: true, signal };
  const { stdout } = await callProgram(command, args, Buffer.alloc(0), options);
  const [, text = '', major, minor] = VERSION.exec(stdout.toString('utf8').trim()) ?? [];
  const isAtLeast = (other: readonly [number, number]): boolean =>
    Number(major) > other[0] || (Number(major) === other[0] && Number(minor) >= other[1]);
  if (isAtLeast(OLDEST)) return { text, isAtLeast };
  const what = text === '' ? 'does not answer as Helm does' : `is Helm ${text}`;
  throw new StoreError('UNSUPPORTED', `${program} ${what}; charts are rendered by Helm ${OLDEST.join('.')} or newer`, {
    hint: 'install a newer helm, or put one in front of it on PATH',
  });
}

async function render(request: RenderRequest, run: Run): Promise<RenderedChart> {
  const { start, version, limits, signal } = run;
  const [command, ...prefix] = start;
  assertRenderable(request);
  const skipsSchema = request.skipSchemaValidation === true && version.isAtLeast(SKIPS_SCHEMA);
  if (!skipsSchema) await assertSchemasStayInside(request.chart, request.shownAs);
  await using home = await openHelmHome(limits.maxMemoryBytes);
  const chart = await home.place('chart.tgz', request.chart);
  const values: string[] = [];
  for (const [index, { text }] of request.values.entries()) {
    values.push(await home.place(`values-${index}.yaml`, text));
  }
  const args = [
    ...prefix,
    'template',
    `--namespace=${request.namespace}`,
    `--kube-version=${request.kubeVersion}`,
    ...request.apiVersions.map((name) => `--api-versions=${name}`),
    ...values.map((file) => `--values=${file}`),
    ...(request.includeCrds ? ['--include-crds'] : []),
    ...(skipsSchema ? ['--skip-schema-validation'] : []),
    '--',
    request.releaseName,
    chart,
  ];
  let said = '';
  const onStderr = (text: string): void => {
    said = (said + text).slice(-KEPT_CHARACTERS);
  };
  const { timeoutMs, maxOutputBytes } = limits;
  const options = { environment: home.environment, timeoutMs, maxOutputBytes, ownGroup: true, signal, onStderr };
  const { stdout, exitCode } = await callWithin(request, limits, command, args, options);
  if (exitCode === null) throw overLimit(request, limits, 'time');
  if (exitCode !== 0) {
    if (OUT_OF_MEMORY.test(said)) throw overLimit(request, limits, 'memory');
    throw refusedByHelm(request, withNames(reasonIn(said), request, chart, values));
  }
  return { documents: splitManifest(stdout.toString('utf8')), notes: undefined };
}

/** A program that goes over a limit does so because of the chart. */
async function callWithin(
  request: RenderRequest,
  limits: RenderLimits,
  program: string,
  args: readonly string[],
  options: CallProgramOptions,
): ReturnType<typeof callProgram> {
  try {
    return await callProgram(program, args, Buffer.alloc(0), options);
  } catch (error) {
    const limit = error instanceof AirgapError ? error.details['limit'] : undefined;
    if (limit === undefined) throw error;
    throw overLimit(request, limits, limit as ProgramLimit);
  }
}

/** Helm's reason, without the log lines before it and the advice for its own command line after it. */
function reasonIn(said: string): string {
  const start = said.search(/^Error: /m);
  return said
    .slice(start === -1 ? 0 : start + 'Error: '.length)
    .replace(/\n+Use --debug flag to render out invalid YAML\s*$/, '');
}

/** Files by the names the user knows. */
function withNames(text: string, request: RenderRequest, chart: string, values: readonly string[]): string {
  const named = text.replaceAll(chart, request.shownAs);
  return values.reduce((rest, file, index) => rest.replaceAll(file, request.values[index]?.name ?? file), named);
}

/** Chooses what renders charts on this machine. */
import { NotFoundError } from '../../errors.ts';
import type { ChartRenderer, RenderLimits } from './chart-renderer.ts';
import { openHelmEngine } from './engine/helm-engine.ts';
import { findProgram } from './find-program.ts';
import { openHelmProgram } from './helm-program.ts';

/** Options of {@link openChartRenderer}. */
export interface OpenRendererOptions {
  /** The folders in which programs are looked for, as in `PATH`. */
  readonly path: string | undefined;
  /** Where the engine lies. @defaultValue beside this program */
  readonly engineFolder?: string | undefined;
  /** @defaultValue {@link RENDER_LIMITS} */
  readonly limits?: Partial<RenderLimits> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The renderer of this machine: Helm's engine, which sees nothing of it, where this program came with it; otherwise a
 * `helm` on `PATH`.
 * @throws NotFoundError `NOT_FOUND` when there is neither, with how to get one.
 * @throws StoreError `UNSUPPORTED` when the `helm` is too old.
 * @throws IntegrityError `MALFORMED` or `DIGEST_MISMATCH` when the engine is not what was built.
 */
export async function openChartRenderer(options: OpenRendererOptions): Promise<ChartRenderer> {
  const { path, engineFolder: folder, limits, signal } = options;
  const engine = await openHelmEngine({ folder, limits });
  if (engine !== undefined) return engine;
  const program = await findProgram('helm', path);
  if (program !== undefined) return openHelmProgram({ program, path, limits, signal });
  throw new NotFoundError('NOT_FOUND', 'charts cannot be rendered: there is no helm on PATH', {
    hint: 'install helm 3.14 or newer on this machine (https://helm.sh/docs/intro/install/); the secure side needs none',
  });
}
